package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"heraut/jobs"
	"heraut/jobs/ledger"
)

// record is the open ledger and the programme that is in force.
type record struct {
	*ledger.DB
	config    *config
	programme *jobs.Programme
	version   int64 // of the programme
}

// openLedger opens the ledger the configuration names. A SQLite ledger is
// made, and brought to this version's schema, on the way; a PostgreSQL one
// belongs to an operator, who is asked to run `heraut migrate`.
func (a *app) openLedger(ctx context.Context) (*record, error) {
	c, err := loadConfig(a.flags.Config, a.env)
	if err != nil {
		return nil, err
	}
	if c.isSQLite() {
		if err := c.makeDataFolder(); err != nil {
			return nil, err
		}
	}
	db, err := ledger.Open(ctx, c.databaseURL())
	if errors.Is(err, ledger.ErrPending) && c.isSQLite() {
		if _, _, err := ledger.Migrate(ctx, c.databaseURL()); err != nil {
			return nil, err
		}
		db, err = ledger.Open(ctx, c.databaseURL())
	}
	if errors.Is(err, ledger.ErrPending) {
		return nil, hint(err, "run `heraut migrate`; it may take a while on a large database")
	}
	if err != nil {
		return nil, err
	}
	return &record{DB: db, config: c}, nil
}

// makeDataFolder makes the folder of the SQLite file, for this user only: it
// will hold addresses.
func (c *config) makeDataFolder() error {
	dir := filepath.Dir(strings.TrimPrefix(c.databaseURL(), "sqlite:"))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	return nil
}

// open opens the ledger and the programme in force. When none is on record
// yet, the configured file is put in force; when that file has changed since,
// people are told, because nothing happens by editing it.
func (a *app) open(ctx context.Context) (*record, error) {
	r, err := a.openLedger(ctx)
	if err != nil {
		return nil, err
	}
	if err := a.loadProgramme(ctx, r); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

func (a *app) loadProgramme(ctx context.Context, r *record) (err error) {
	r.programme, r.version, err = r.Programme(ctx)
	none := errors.Is(err, ledger.ErrNoProgramme)
	if err != nil && !none {
		return err
	}
	file := r.config.Programme
	source, err := os.ReadFile(file)
	switch {
	case errors.Is(err, fs.ErrNotExist) && none:
		return hint(usagef("no programme is on record, and there is no %s", file), "`heraut init` writes one to start from; `heraut programme apply FILE` puts one in force")
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("programme: %w", err)
	case !none:
		a.warnChanged(r, file, source)
		return nil
	}
	if _, err := r.Apply(ctx, file, source, a.now(), ledger.ApplyOptions{}); err != nil {
		return err
	}
	a.sayf(a.words.ProgrammeFirst, file)
	r.programme, r.version, err = r.Programme(ctx)
	return err
}

// warnChanged says in one line that the file is not what is in force.
func (a *app) warnChanged(r *record, file string, source []byte) {
	next, err := jobs.ParseProgramme(file, source)
	switch {
	case err != nil:
		a.sayf(a.words.ProgrammeBroken, file, file)
	case len(jobs.Compare(r.programme, next)) > 0:
		a.sayf(a.words.ProgrammeChanged, file, file)
	}
}

// event gives an event of the programme in force.
func (r *record) event(id string) (jobs.Event, error) {
	ev, ok := r.programme.Event(id)
	if ok {
		return ev, nil
	}
	ids := make([]string, len(r.programme.Events))
	for i, e := range r.programme.Events {
		ids[i] = e.ID
	}
	return ev, hint(usagef("there is no event %q", id), "the events are: %s", strings.Join(ids, ", "))
}

// address reads an address from the command line.
func address(s string) (jobs.Address, error) {
	addr, err := jobs.ParseAddress(s)
	if err != nil {
		return addr, &usageError{fmt.Errorf("email: %w", err)}
	}
	return addr, nil
}
