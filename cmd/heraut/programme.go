package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"heraut/jobs"
	"heraut/jobs/ledger"
)

// programmeCmd is about the programme file.
type programmeCmd struct {
	Check programmeCheckCmd `cmd:"" help:"Look for mistakes, and list what is still to be filled in."`
	Show  programmeShowCmd  `cmd:"" help:"Show the programme in force, or that of a file."`
	Apply programmeApplyCmd `cmd:"" help:"Show what a changed file does, and put it in force."`
}

type programmeCheckCmd struct {
	File string `arg:"" optional:"" help:"The file; the configured one unless given."`
}

type problemJSON struct {
	File string `json:"file"`
	Line int    `json:"line"`
	Text string `json:"text"`
}

type blankJSON struct {
	Field string `json:"field"`
	Line  int    `json:"line"`
}

func (c *programmeCheckCmd) Run(a *app) error {
	file, source, err := a.programmeFile(c.File)
	if err != nil {
		return err
	}
	prog, err := jobs.ParseProgramme(file, source)
	found, bad := errors.AsType[*jobs.ProblemsError](err)
	if err != nil && !bad {
		return err
	}
	if a.flags.JSON {
		return a.checkJSON(prog, found)
	}
	if bad {
		return found
	}
	a.printf(a.words.CheckFine+"\n", file)
	if list := blanks(prog); len(list) > 0 {
		a.printf(a.words.CheckBlanks+"\n", len(list))
		for _, b := range list {
			a.printf("  "+a.words.CheckBlank+"\n", b.Line, b.Field)
		}
	}
	return nil
}

func (a *app) checkJSON(prog *jobs.Programme, found *jobs.ProblemsError) error {
	v := struct {
		OK       bool          `json:"ok"`
		Problems []problemJSON `json:"problems"`
		Blanks   []blankJSON   `json:"blanks"`
	}{found == nil, []problemJSON{}, []blankJSON{}}
	if found != nil {
		for _, p := range found.Problems {
			v.Problems = append(v.Problems, problemJSON(p))
		}
	} else {
		v.Blanks = append(v.Blanks, blanks(prog)...)
	}
	if err := a.printJSON(v); err != nil {
		return err
	}
	if found != nil {
		return errWrong
	}
	return nil
}

// blanks gives what is still to be filled in, in the order of the file.
func blanks(p *jobs.Programme) (list []blankJSON) {
	for _, ev := range p.Events {
		for _, b := range ev.Blanks {
			list = append(list, blankJSON(b))
		}
	}
	slices.SortStableFunc(list, func(x, y blankJSON) int { return x.Line - y.Line })
	return list
}

// programmeFile reads a programme file, the configured one when name is "".
func (a *app) programmeFile(name string) (file string, source []byte, err error) {
	if name == "" {
		c, err := loadConfig(a.flags.Config, a.env)
		if err != nil {
			return "", nil, err
		}
		name = c.Programme
	}
	if source, err = os.ReadFile(name); err != nil {
		return "", nil, hint(&usageError{fmt.Errorf("programme: %w", err)}, "`heraut init` writes one to start from")
	}
	return name, source, nil
}

type programmeShowCmd struct {
	File string `arg:"" optional:"" help:"The file; what is in force unless given."`
}

func (c *programmeShowCmd) Run(ctx context.Context, a *app) error {
	if c.File != "" {
		file, source, err := a.programmeFile(c.File)
		if err != nil {
			return err
		}
		prog, err := jobs.ParseProgramme(file, source)
		if err != nil {
			return err
		}
		return a.showProgramme(prog, 0)
	}
	r, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	return a.showProgramme(r.programme, r.version)
}

type programmeApplyCmd struct {
	File     string `arg:"" help:"The programme file."`
	Yes      bool   `help:"Do not ask."`
	Backfill bool   `help:"Let a new rule also reach people from before it existed."`
}

func (c *programmeApplyCmd) Run(ctx context.Context, a *app) error {
	file, source, err := a.programmeFile(c.File)
	if err != nil {
		return err
	}
	r, err := a.openLedger(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	if !c.Yes {
		would, err := r.Apply(ctx, file, source, a.now(), ledger.ApplyOptions{Backfill: c.Backfill, DryRun: true})
		if err != nil {
			return err
		}
		a.showApplied(would)
		if len(would.Changes) > 0 {
			if err := a.confirm(); err != nil {
				return err
			}
		}
	}
	// Between showing and doing somebody may have registered; the numbers
	// that are printed as JSON are those of the doing. Who says yes beforehand
	// gets them afterwards, as planning for a million takes a minute.
	done, err := r.Apply(ctx, file, source, a.now(), ledger.ApplyOptions{Backfill: c.Backfill})
	if err != nil {
		return err
	}
	if a.flags.JSON {
		return a.printJSON(viewApplied(done))
	}
	if c.Yes {
		a.showApplied(done)
	}
	if len(done.Changes) > 0 {
		a.printf(a.words.ApplyDone+"\n", done.Version)
	}
	return nil
}

// confirm asks somebody at a terminal; off a terminal --yes has to say it.
func (a *app) confirm() error {
	if !isTerminal(a.stdin) {
		return hint(usagef("nothing was changed: this needs a yes"), "add --yes to put the file in force without asking")
	}
	fmt.Fprint(a.stderr, a.words.ApplyAsk)
	answer, err := bufio.NewReader(a.stdin).ReadString('\n')
	if err != nil && err != io.EOF {
		return err
	}
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes", "j", "ja":
		return nil
	}
	a.sayf("%s", a.words.ApplyNothingDone)
	return errSaid
}

// showApplied tells what a change does: the difference, the mail it causes,
// and how many messages it touches.
func (a *app) showApplied(d ledger.Applied) {
	w := a.words
	if len(d.Changes) == 0 {
		a.printf("%s\n", w.ApplySame)
		return
	}
	t := &table{head: []string{w.Event, w.What, w.Was, w.Now}}
	for _, c := range d.Changes {
		switch {
		case c.Added():
			t.add(c.EventID, w.EventAdded)
		case c.Removed():
			t.add(c.EventID, w.EventRemoved)
		default:
			for _, diff := range c.What {
				t.add(c.EventID, diff.Field, short(diff.Was), short(diff.Now))
			}
		}
	}
	_ = t.write(a.people()) // a broken pipe shows at the next line
	for _, k := range jobs.Kinds() {
		if n := d.Mails[k]; n > 0 {
			a.printf(w.ApplyMails+"\n", n, w.kind(k))
		}
	}
	a.printf(w.ApplyMessages+"\n", d.Registrations, d.Planned, d.Moved, d.Voided)
}

// short cuts a value to what fits in a table.
func short(s string) string {
	r := []rune(strings.Join(strings.Fields(s), " "))
	if len(r) > 60 {
		r = append(r[:59], '…')
	}
	return or(string(r), "–")
}

type changeJSON struct {
	Event string `json:"event"`
	Field string `json:"field"`
	Was   string `json:"was"`
	Now   string `json:"now"`
}

type appliedJSON struct {
	Version       int64             `json:"version"`
	Changes       []changeJSON      `json:"changes"`
	Mails         map[jobs.Kind]int `json:"mails"`
	Registrations int               `json:"registrations"`
	Planned       int               `json:"planned"`
	Moved         int               `json:"moved"`
	Voided        int               `json:"voided"`
}

func viewApplied(d ledger.Applied) appliedJSON {
	v := appliedJSON{
		Version: d.Version, Changes: []changeJSON{}, Mails: map[jobs.Kind]int{},
		Registrations: d.Registrations, Planned: d.Planned, Moved: d.Moved, Voided: d.Voided,
	}
	for _, c := range d.Changes {
		for _, diff := range c.What {
			v.Changes = append(v.Changes, changeJSON{c.EventID, diff.Field, diff.Was, diff.Now})
		}
	}
	for k, n := range d.Mails {
		v.Mails[k] = n
	}
	return v
}
