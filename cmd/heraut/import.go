package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"heraut/jobs"
	"heraut/jobs/intake"
)

// importCmd reads registrations from a file. Reading the same file again adds
// nothing and mails nobody.
type importCmd struct {
	File    string            `arg:"" help:"CSV or XLSX file; - reads CSV from standard input."`
	Event   string            `required:"" placeholder:"ID" help:"The event these people registered for."`
	Map     map[string]string `mapsep:"," placeholder:"FIELD=COLUMN" help:"Read this column as this field: email, name, given_name, infix, family_name, organisation, lang, tags, registered_at, status. COLUMN is a header, #3, or nothing to leave the field unread."`
	Sheet   string            `placeholder:"NAME" help:"XLSX: the sheet to read."`
	DryRun  bool              `help:"Show the columns, the first rows and the counts; change nothing."`
	Quiet   bool              `help:"Owe no confirmation to these people: they had one by other means."`
	Rejects string            `placeholder:"FILE" help:"Write refused rows there as CSV, with line and reason."`
}

// shownRows is how many rows a preview and a list of refusals show.
const shownRows = 5

func (c *importCmd) Run(ctx context.Context, a *app) (err error) {
	r, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	ev, err := r.event(c.Event)
	if err != nil {
		return err
	}
	in, err := c.openFile(a, ev)
	if err != nil {
		return err
	}
	defer in.Close()
	imp := &importer{cmd: c, app: a, record: r, event: ev, in: in, seen: newSeenRows(), bar: a.newProgress(c.name())}
	if c.DryRun {
		c.showColumns(a, in)
	}
	if c.Rejects != "" && !c.DryRun {
		f, err := os.OpenFile(c.Rejects, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600) // it holds addresses
		if err != nil {
			return fmt.Errorf("rejects file: %w", err)
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		imp.rejects = intake.WriteRejects(f, in.Header())
	}
	err = imp.run(ctx)
	imp.bar.clear()
	if imp.rejects != nil {
		err = errors.Join(err, imp.rejects.Flush())
	}
	return imp.summary(err)
}

func (c *importCmd) openFile(a *app, ev jobs.Event) (*intake.Reader, error) {
	opt := intake.Options{Name: c.name(), Map: c.Map, Zone: ev.Zone, Sheet: c.Sheet}
	if c.File == "-" {
		return intake.NewReader(a.stdin, -1, opt)
	}
	in, err := intake.Open(c.File, opt)
	if errors.Is(err, os.ErrNotExist) {
		return nil, &usageError{err}
	}
	return in, err
}

// name is what errors and the record call the file.
func (c *importCmd) name() string {
	if c.File == "-" {
		return "stdin"
	}
	return filepath.Base(c.File)
}

// showColumns tells people what each column is read as.
func (c *importCmd) showColumns(a *app, in *intake.Reader) {
	t := &table{head: []string{a.words.Column, a.words.ReadAs}}
	for _, col := range in.Columns() {
		t.add(col.Header, strings.TrimSpace(or(string(col.Field), a.words.ImportNotRead)+"  "+col.Note))
	}
	_ = t.write(a.people()) // a broken pipe shows at the summary
	a.printf("\n")
}

// summary tells how the import ended, also when it did not reach the end, and
// gives the exit code's error where that is not about err.
func (imp *importer) summary(err error) error {
	a, n := imp.app, imp.counts
	if errors.Is(err, errStopped) {
		a.sayf(a.words.ImportStopped, imp.last)
		return errSaid
	}
	if err != nil {
		if imp.last > 0 && !imp.cmd.DryRun {
			a.sayf(a.words.ImportStopped, imp.last)
		}
		return err
	}
	if imp.cmd.DryRun {
		imp.showPreview()
	}
	if len(imp.refused) > 0 && imp.cmd.Rejects == "" {
		a.sayf(a.words.ImportRefused, len(imp.refused), n.Refused)
		for _, r := range imp.refused {
			a.sayf("  %v", r)
		}
	} else if n.Refused > 0 && imp.rejects != nil {
		a.sayf(a.words.ImportRejects, imp.cmd.Rejects)
	}
	if a.flags.JSON {
		if err := a.printJSON(n); err != nil {
			return err
		}
	} else {
		done := a.words.ImportDone
		if imp.cmd.DryRun {
			done = a.words.ImportTry
		}
		a.printf(done+"\n", n.Read, n.Added, n.Updated, n.Unchanged, n.Held, n.Refused)
	}
	if n.Refused > 0 {
		return errPartly
	}
	return nil
}

// showPreview shows the first rows as they were understood.
func (imp *importer) showPreview() {
	a, w := imp.app, imp.app.words
	a.printf(w.ImportFirst+"\n", len(imp.preview))
	t := &table{head: []string{w.Line, w.Email, w.Name, w.Organisation, w.Language, w.Since}}
	for _, row := range imp.preview {
		t.add(number(row.Line), row.Email.String(), row.Name, row.Organisation, string(cmp.Or(row.Lang, jobs.Dutch)), w.moment(row.RegisteredAt, imp.event.Zone))
	}
	_ = t.write(a.people())
	a.printf("\n")
}
