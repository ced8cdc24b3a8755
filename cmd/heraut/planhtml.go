package main

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"iter"

	"heraut/jobs"
	"heraut/jobs/ledger"
)

//go:embed plan.html
var planPage string

// planEvent is a part of the page: the messages of one event.
type planEvent struct {
	ID, Title, When string
	Rows            []planRow
}

type planRow struct {
	Due, Machine, To, Rule, Kind, State, Reason string
	Goes                                        bool // it left, or will
}

// planHTML writes a page that needs nothing but a browser.
func (a *app) planHTML(out io.Writer, p *jobs.Programme, messages iter.Seq2[ledger.MessageRow, error]) error {
	w := a.words
	byEvent := map[string]*planEvent{}
	var events []*planEvent
	for m, err := range messages {
		if err != nil {
			return err
		}
		e, ok := byEvent[m.EventID]
		if !ok {
			ev := eventOf(p, m.EventID)
			e = &planEvent{ID: ev.ID, Title: ev.Title.In(w.Lang), When: w.start(ev)}
			byEvent[m.EventID] = e
			events = append(events, e)
		}
		e.Rows = append(e.Rows, planRow{
			Due: w.moment(m.DueAt, zoneOf(p, m.EventID)), Machine: m.DueAt.UTC().Format("2006-01-02T15:04:05Z"),
			To: w.recipient(m), Rule: m.Message.Name, Kind: w.kind(m.Kind), State: w.state(m.State), Reason: w.reason(m.Reason),
			Goes: m.State == jobs.Planned || m.State == jobs.Retry || m.State == jobs.Claimed || m.State.Left(),
		})
	}
	t, err := template.New("plan").Parse(planPage)
	if err != nil {
		return fmt.Errorf("plan page: %w", err)
	}
	return t.Execute(out, struct {
		W         words
		Programme string
		Events    []*planEvent
	}{w, p.Name, events})
}
