package main

import (
	"context"
	"errors"
	"io"
	"iter"
	"slices"
	"time"

	"heraut/jobs"
	"heraut/jobs/ledger"
)

// planCmd shows every message: to whom, when, and why not.
type planCmd struct {
	Event  string `placeholder:"ID" help:"Only of this event."`
	Email  string `placeholder:"ADDRESS" help:"Only to this person."`
	Format string `enum:"table,json,html" default:"table" placeholder:"table|json|html" help:"How to print it; --json says json."`
}

func (c *planCmd) Run(ctx context.Context, a *app) error {
	filter := ledger.MessageFilter{Event: c.Event}
	if c.Email != "" {
		var err error
		if filter.Email, err = address(c.Email); err != nil {
			return err
		}
	}
	r, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	if c.Event != "" {
		if _, err := r.event(c.Event); err != nil {
			return err
		}
	}
	messages := planned(r.Messages(ctx, filter), r.programme, c.Event, c.Email == "", a.now())
	if a.flags.JSON {
		c.Format = "json"
	}
	switch c.Format {
	case "json":
		return a.printMessages(messages)
	case "html":
		return a.planHTML(a.stdout, r.programme, messages)
	}
	return a.planTable(a.stdout, r.programme, messages)
}

// planned gives the messages on record, and after them, for each event nobody
// has a message of, what a person who registered now would be owed: so that
// an organiser sees the moments before anybody comes. Those have ID 0.
func planned(have iter.Seq2[ledger.MessageRow, error], p *jobs.Programme, only string, preview bool, now time.Time) iter.Seq2[ledger.MessageRow, error] {
	return func(yield func(ledger.MessageRow, error) bool) {
		seen := map[string]bool{}
		for m, err := range have {
			if !yield(m, err) || err != nil {
				return
			}
			seen[m.EventID] = true
		}
		for _, ev := range p.Events {
			if !preview || seen[ev.ID] || only != "" && only != ev.ID {
				continue
			}
			// Approved, because the audience rule asks for an address and
			// this person has none.
			anyone := jobs.Registration{EventID: ev.ID, Lang: jobs.Dutch, Status: jobs.Registered, Approved: true, CreatedAt: now, SinceAt: now}
			owed := jobs.Plan(ev, anyone, nil, now, jobs.Options{})
			slices.SortStableFunc(owed, func(a, b jobs.Message) int { return a.DueAt.Compare(b.DueAt) })
			for _, m := range owed {
				if !yield(ledger.MessageRow{Message: m}, nil) {
					return
				}
			}
		}
	}
}

// printMessages prints messages as JSON, one a line.
func (a *app) printMessages(messages iter.Seq2[ledger.MessageRow, error]) error {
	for m, err := range messages {
		if err != nil {
			return err
		}
		if err := a.printJSON(viewMessage(m)); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) planTable(out io.Writer, p *jobs.Programme, messages iter.Seq2[ledger.MessageRow, error]) error {
	w := a.words
	t := &table{head: []string{w.When, w.Event, w.Email, w.Rule, w.Kind, w.State, w.Reason}}
	for m, err := range messages {
		if err != nil {
			return err
		}
		t.add(w.moment(m.DueAt, zoneOf(p, m.EventID)), m.EventID, w.recipient(m), m.Message.Name, w.kind(m.Kind), w.state(m.State), w.reason(m.Reason))
	}
	return t.write(out)
}

// zoneOf gives the zone people read an event's times in; that of the
// programme for an event it no longer has.
func zoneOf(p *jobs.Programme, event string) *time.Location {
	if ev, ok := p.Event(event); ok {
		return ev.Zone
	}
	return p.Zone
}

// eventOf gives an event, or one that only has an id when the programme no
// longer has it.
func eventOf(p *jobs.Programme, id string) jobs.Event {
	if ev, ok := p.Event(id); ok {
		return ev
	}
	return jobs.Event{ID: id, Zone: p.Zone, Title: jobs.Text{NL: id}}
}

// collect reads all of a list.
func collect[T any](seq iter.Seq2[T, error]) (list []T, err error) {
	for v, e := range seq {
		if e != nil {
			return nil, errors.Join(err, e)
		}
		list = append(list, v)
	}
	return slices.Clip(list), nil
}
