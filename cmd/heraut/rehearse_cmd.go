package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"heraut/jobs"
	"heraut/jobs/intake"
	"heraut/templates"
)

// rehearseCmd plays the organiser's own programme for the people of a file, on
// a fast clock. Nothing leaves this machine and nothing goes on record.
type rehearseCmd struct {
	File  string            `arg:"" help:"CSV or XLSX file with registrations, as for import."`
	Event string            `required:"" placeholder:"ID" help:"The event these people registered for."`
	From  string            `placeholder:"TIME" help:"When they register: 2026-10-05T09:00 on the clock of the programme. Now, or the day before the first message where the event has begun."`
	Until string            `placeholder:"TIME" help:"When to stop; after the last message unless given."`
	Out   string            `default:"heraut-rehearsal" placeholder:"DIR" help:"Where mails and timeline go; a folder of an earlier rehearsal is written over."`
	Map   map[string]string `mapsep:"," placeholder:"FIELD=COLUMN" help:"Read this column as this field, as for import."`
	Sheet string            `placeholder:"NAME" help:"XLSX: the sheet to read."`
}

func (c *rehearseCmd) Run(ctx context.Context, a *app) error {
	r, err := c.prepare(a)
	if err != nil {
		return err
	}
	result, err := a.rehearse(ctx, r)
	if err != nil {
		return err
	}
	if result.RejectedAll > 0 {
		return errPartly
	}
	return nil
}

// rehearse plays a rehearsal into its folder and tells what came of it.
func (a *app) rehearse(ctx context.Context, r *rehearsal) (*rehearsalResult, error) {
	if err := prepareRehearsalDir(r.Dir); err != nil {
		return nil, err
	}
	result, err := r.run(ctx)
	if ctx.Err() != nil {
		a.sayf(a.words.tr("gestopt; %s is niet af", "stopped; %s is not complete"), r.Dir)
		return nil, errSaid
	}
	if err != nil {
		return nil, err
	}
	return result, a.finish(result, r.Dir)
}

// prepare reads all that can be wrong before anything is written.
func (c *rehearseCmd) prepare(a *app) (*rehearsal, error) {
	cfg, err := loadConfig(a.flags.Config, a.env)
	if err != nil {
		return nil, err
	}
	source, err := os.ReadFile(cfg.Programme)
	if errors.Is(err, os.ErrNotExist) {
		return nil, hint(usagef("there is no %s", cfg.Programme), "`heraut init` writes one to start from; `heraut demo` needs none")
	} else if err != nil {
		return nil, fmt.Errorf("programme: %w", err)
	}
	prog, err := jobs.ParseProgramme(cfg.Programme, source)
	if err != nil {
		return nil, err
	}
	ev, err := (&record{programme: prog}).event(c.Event)
	if err != nil {
		return nil, err
	}
	set, err := templates.Load(os.DirFS(filepath.Join(cfg.Data, "templates")))
	if err != nil {
		return nil, err
	}
	r := &rehearsal{File: cfg.Programme, Source: source, Dir: c.Out, Mail: cfg.from, Templates: set, App: a, Log: a.rehearsalLog()}
	if r.From, err = rehearsalTime("from", c.From, prog.Zone); err != nil {
		return nil, err
	}
	if r.Until, err = rehearsalTime("until", c.Until, prog.Zone); err != nil {
		return nil, err
	}
	if r.From.IsZero() {
		r.From = rehearsalStart(ev, a.now())
		a.sayf(a.words.tr("de klok begint op %s (--from kiest een ander moment)", "the clock starts at %s (--from chooses another moment)"), a.words.moment(r.From, prog.Zone))
	}
	if !r.Until.IsZero() && !r.Until.After(r.From) {
		return nil, usagef("--until %s is not after the start of the clock, %s", c.Until, a.words.moment(r.From, prog.Zone))
	}
	if len(ev.Blanks) > 0 {
		a.sayf(a.words.tr("let op: in het programma is nog niet ingevuld: %s; tot dan gaat er niets weg", "note: the programme has a blank to fill in: %s; nothing leaves until then"), ev.Blanks[0].Field)
	}
	step, err := c.importStep(a, ev, r.From)
	r.Steps = []rehearsalStep{step}
	return r, err
}

// importStep prepares the import. The file is opened once before, so that a
// wrong one is told before a folder is written over.
func (c *rehearseCmd) importStep(a *app, ev jobs.Event, at time.Time) (rehearsalStep, error) {
	cmd := importCmd{File: c.File, Map: c.Map, Sheet: c.Sheet}
	in, err := cmd.openFile(a, ev)
	if err != nil {
		return rehearsalStep{}, err
	}
	what := jobs.Text{
		NL: fmt.Sprintf("De organisator leest aanmeldingen in uit %s.", cmd.name()),
		EN: fmt.Sprintf("The organiser imports registrations from %s.", cmd.name()),
	}
	return importStep(at, ev.ID, what, cmd, func(jobs.Event) (*intake.Reader, error) { return in, nil }), nil
}

// rehearsalStart chooses when the clock starts: now is what the organiser is
// about to do. Where the event has begun that would show nothing, so it is the
// day before the first message then.
func rehearsalStart(ev jobs.Event, now time.Time) time.Time {
	if now.Before(ev.Start) {
		return now.UTC().Truncate(time.Microsecond)
	}
	first := ev.Start
	for _, rule := range ev.Rules {
		if rule.Kind != jobs.Confirmation {
			if at := rule.At.From(ev); at.Before(first) {
				first = at
			}
		}
	}
	return first.AddDate(0, 0, -1)
}

// rehearsalTime reads a time on the clock of the programme, or with an offset
// of its own; "" is the zero time.
func rehearsalTime(flag, s string, zone *time.Location) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t.UTC(), nil
	}
	for _, layout := range []string{"2006-01-02T15:04", "2006-01-02 15:04", time.DateOnly} {
		if t, err := time.ParseInLocation(layout, s, zone); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, usagef("--%s %q is no time; write 2026-10-05T09:00", flag, s)
}

// rehearsalLog gives what the parts say that a person should see: warnings.
func (a *app) rehearsalLog() *slog.Logger {
	return slog.New(slog.NewTextHandler(a.stderr, &slog.HandlerOptions{Level: slog.LevelError}))
}
