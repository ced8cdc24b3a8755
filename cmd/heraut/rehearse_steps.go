package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"heraut/jobs"
	"heraut/jobs/intake"
	"heraut/jobs/ledger"
)

// The steps of a rehearsal. Each does what the command of the same name does,
// through the same code.

// importStep reads registrations for an event. open gives the file anew, so
// that a step can be prepared before the rehearsal begins.
func importStep(at time.Time, event string, what jobs.Text, cmd importCmd, open func(jobs.Event) (*intake.Reader, error)) rehearsalStep {
	cmd.Event = event
	return rehearsalStep{At: at, Who: rehearsalOrganiser, What: what, Do: func(ctx context.Context, s *rehearsalStage) (notes jobs.Text, err error) {
		ev, err := s.record.event(event)
		if err != nil {
			return notes, err
		}
		in, err := open(ev)
		if err != nil {
			return notes, err
		}
		defer in.Close()
		imp := &importer{cmd: &cmd, app: s.app, record: s.record, event: ev, in: in, seen: newSeenRows(), bar: s.app.newProgress("")}
		if err := imp.run(ctx); err != nil {
			return notes, err
		}
		for _, refused := range imp.refused {
			s.result.Rejected = append(s.result.Rejected, refused.Error())
		}
		s.result.RejectedAll += imp.counts.Refused
		return importNotes(imp.counts), nil
	}}
}

func importNotes(n importCounts) jobs.Text {
	return jobs.Text{
		NL: fmt.Sprintf("%d toegevoegd, %d aangehouden, %d geweigerd", n.Added, n.Held, n.Refused),
		EN: fmt.Sprintf("%d added, %d held, %d refused", n.Added, n.Held, n.Refused),
	}
}

// registerStep registers one person.
func registerStep(at time.Time, what jobs.Text, reg jobs.Registration) rehearsalStep {
	return rehearsalStep{At: at, Who: rehearsalPerson, What: what, Do: func(ctx context.Context, s *rehearsalStage) (notes jobs.Text, err error) {
		stored, result, err := s.record.Register(ctx, reg, s.clock.Now())
		if err != nil {
			return notes, err
		}
		if result == ledger.Held {
			notes = jobs.Text{NL: "aangehouden: " + dutch().reason(stored.Reason), EN: "held: " + stored.Reason}
		}
		return notes, nil
	}}
}

// cancelStep takes a person's registration back.
func cancelStep(at time.Time, what jobs.Text, event string, addr jobs.Address) rehearsalStep {
	return rehearsalStep{At: at, Who: rehearsalPerson, What: what, Do: func(ctx context.Context, s *rehearsalStage) (jobs.Text, error) {
		_, err := s.record.Cancel(ctx, event, addr, "", s.clock.Now())
		return jobs.Text{}, err
	}}
}

// approveStep lets in a person who was held.
func approveStep(at time.Time, what jobs.Text, event string, addr jobs.Address) rehearsalStep {
	return rehearsalStep{At: at, Who: rehearsalOrganiser, What: what, Do: func(ctx context.Context, s *rehearsalStage) (jobs.Text, error) {
		_, err := s.record.Approve(ctx, event, addr, s.clock.Now())
		return jobs.Text{}, err
	}}
}

// applyStep puts a changed programme in force.
func applyStep(at time.Time, what jobs.Text, file string, source []byte) rehearsalStep {
	return rehearsalStep{At: at, Who: rehearsalOrganiser, What: what, Do: func(ctx context.Context, s *rehearsalStage) (notes jobs.Text, err error) {
		was := s.record.programme
		applied, err := s.apply(ctx, file, source)
		if err != nil {
			return notes, err
		}
		for _, change := range applied.Changes {
			old, _ := was.Event(change.EventID)
			now, _ := s.record.programme.Event(change.EventID)
			notes.NL = joinNotes(notes.NL, changeNotes(old, now, change, jobs.Dutch))
			notes.EN = joinNotes(notes.EN, changeNotes(old, now, change, jobs.English))
		}
		return notes, nil
	}}
}

// changeNotes says what changed about one event: the time and the place as
// people read them, the rest by the name of its key in the file.
func changeNotes(old, now jobs.Event, change jobs.EventChange, lang jobs.Lang) string {
	w := newTimelineWords(lang, now.Zone)
	notes, more := now.Title.In(lang)+":", ""
	become := func(was, becomes string) {
		if was != "" {
			was += " → "
		}
		notes += " " + was + becomes + "."
	}
	if !old.Start.Equal(now.Start) || !old.End.Equal(now.End) {
		was := ""
		if old.HasStartTime {
			was = w.between(old.Start, old.End)
		}
		become(was, w.between(now.Start, now.End))
	}
	if old.Location != now.Location {
		was := old.Location.String()
		if len(old.Blanks) > 0 {
			was = "" // it may be a mark to fill in
		}
		become(was, now.Location.String())
	}
	for _, d := range change.What {
		switch d.Field {
		case "start", "end", "location", "blanks":
		default:
			more = strings.TrimPrefix(more+", "+d.Field, ", ")
		}
	}
	if more != "" {
		notes += w.tr(" Ook gewijzigd: ", " Changed as well: ") + more + "."
	}
	return notes
}

func joinNotes(a, b string) string { return strings.TrimSpace(a + " " + b) }

// silent gives an app for use inside a rehearsal: it writes nowhere and tells
// the time of now.
func (a *app) silent(now func() time.Time) *app {
	return &app{stdin: a.stdin, stdout: io.Discard, stderr: io.Discard, env: map[string]string{}, words: a.words, now: now}
}
