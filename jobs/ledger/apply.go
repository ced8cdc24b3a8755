package ledger

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"heraut/jobs"
)

// ApplyOptions change what [DB.Apply] does.
type ApplyOptions struct {
	Backfill bool // new rules also reach back to moments that have passed (see [jobs.Options])
	DryRun   bool // say what would be done, and do nothing
}

// Applied says what applying a programme did, or would do.
type Applied struct {
	Changes       []jobs.EventChange
	Mails         map[jobs.Kind]int // confirmations, changes and cancellations it causes
	Planned       int               // messages that will leave and would not have, Mails among them
	Moved         int               // messages that leave at another moment, or for another revision
	Voided        int               // messages that would have left and will not
	Registrations int               // registrations whose messages were written
	Version       int64             // of the programme on record afterwards
}

// applyChunk is how many registrations are planned at a time.
const applyChunk = chunk

// Apply puts a programme file on record and brings every registration in line
// with it, in one transaction: revisions rise where time or place changed,
// people are let in or held as the audience now says, and all their messages
// are planned again. file is what errors call it. A file that cannot be read
// is a *[jobs.ProblemsError]; one that drops an event people registered for is
// [ErrEventInUse]. The same file again changes nothing.
func (db *DB) Apply(ctx context.Context, file string, source []byte, now time.Time, opt ApplyOptions) (Applied, error) {
	next, err := jobs.ParseProgramme(file, source)
	if err != nil {
		return Applied{}, err
	}
	var done Applied
	err = db.tx(ctx, func(tx *sql.Tx) error {
		a := applier{db: db, tx: tx, now: now, opt: opt, file: file, source: source}
		if err := a.run(ctx, next); err != nil {
			return err
		}
		done = a.done
		if opt.DryRun {
			return errDryRun
		}
		return nil
	})
	if err != nil && !errors.Is(err, errDryRun) {
		return Applied{}, fmt.Errorf("apply programme: %w", err)
	}
	return done, nil
}

// applier is one run of Apply.
type applier struct {
	db     *DB
	tx     *sql.Tx
	now    time.Time
	opt    ApplyOptions
	file   string
	source []byte
	done   Applied
}

func (a *applier) run(ctx context.Context, next *jobs.Programme) error {
	was, err := a.store(ctx)
	if err != nil {
		return err
	}
	a.done.Changes = jobs.Compare(was, next)
	if err := a.lock(ctx); err != nil {
		return err
	}
	var total tally
	for _, change := range a.done.Changes {
		if change.Removed() {
			if err := a.remove(ctx, change.EventID); err != nil {
				return err
			}
			continue
		}
		ev, _ := next.Event(change.EventID)
		if !change.Added() {
			old, _ := was.Event(change.EventID)
			ev.Revision = jobs.NextRevision(old, change)
		}
		if err := a.keep(ctx, ev); err != nil {
			return err
		}
		if change.Added() || onlyText(change) {
			continue
		}
		t, err := a.replan(ctx, ev)
		if err != nil {
			return err
		}
		total.add(t)
	}
	a.done.Mails, a.done.Planned, a.done.Moved, a.done.Voided, a.done.Registrations = total.mails, total.planned, total.moved, total.voided, total.registrations
	return nil
}

// store reads the programme on record, nil when there is none, and puts the
// new one after it. Of two that apply at once, the second waits here and then
// starts again from what the first made of it.
func (a *applier) store(ctx context.Context) (*jobs.Programme, error) {
	was, version, err := a.db.programme(ctx, a.tx)
	if err != nil && !errors.Is(err, ErrNoProgramme) {
		return nil, err
	}
	if version > 0 {
		var file string
		var source []byte
		if err := a.tx.QueryRowContext(ctx, `SELECT file, source FROM programmes WHERE version = $1`, version).Scan(&file, &source); err != nil {
			return nil, err
		}
		if file == a.file && bytes.Equal(source, a.source) {
			a.done.Version = version
			return was, nil
		}
	}
	a.done.Version = version + 1
	res, err := a.tx.ExecContext(ctx, `INSERT INTO programmes (version, file, source, applied_at) VALUES ($1, $2, $3, $4) ON CONFLICT (version) DO NOTHING`,
		a.done.Version, a.file, a.source, a.now.UnixMicro())
	if err != nil {
		return nil, err
	}
	if n, err := res.RowsAffected(); err != nil || n == 1 {
		return was, err
	}
	return a.store(ctx)
}

// lock waits for everybody who plans for an event that changes.
func (a *applier) lock(ctx context.Context) error {
	list := make([]string, 0, len(a.done.Changes))
	for _, c := range a.done.Changes {
		list = append(list, c.EventID)
	}
	if len(list) == 0 {
		return nil
	}
	return lines(ctx, a.tx, func(*sql.Rows) error { return nil },
		`SELECT id FROM events WHERE `+a.db.d.among("id", "$1", "TEXT")+` ORDER BY id`+a.db.d.forUpdate, a.db.d.texts(list))
}

// onlyText says whether a change is one that no message's moment depends on.
func onlyText(c jobs.EventChange) bool {
	return !slices.ContainsFunc(c.What, func(d jobs.Difference) bool {
		switch d.Field {
		case "title", "summary", "speaker", "organizer":
			return false
		}
		return true
	})
}

// keep puts on record how an event now stands, and which version of the
// programme gave it a revision it had not yet.
func (a *applier) keep(ctx context.Context, ev jobs.Event) error {
	_, err := a.tx.ExecContext(ctx, `INSERT INTO events (id, revision, start_at, cancelled) VALUES ($1, $2, $3, $4)
		ON CONFLICT (id) DO UPDATE SET revision = excluded.revision, start_at = excluded.start_at, cancelled = excluded.cancelled`,
		ev.ID, ev.Revision, ev.Start.UnixMicro(), ev.IsCancelled)
	if err != nil {
		return err
	}
	_, err = a.tx.ExecContext(ctx, `INSERT INTO event_revisions (event_id, revision, version) VALUES ($1, $2, $3)
		ON CONFLICT (event_id, revision) DO NOTHING`, ev.ID, ev.Revision, a.done.Version)
	return err
}

func (a *applier) remove(ctx context.Context, id string) error {
	var n int
	if err := a.tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM registrations WHERE event_id = $1`, id).Scan(&n); err != nil {
		return err
	}
	if n > 0 {
		return fmt.Errorf("event %q is gone from %s: %w (%d); set `cancelled: true` in it instead", id, a.file, ErrEventInUse, n)
	}
	for _, table := range []string{"events WHERE id", "event_revisions WHERE event_id"} {
		if _, err := a.tx.ExecContext(ctx, `DELETE FROM `+table+` = $1`, id); err != nil {
			return err
		}
	}
	return nil
}

// replan brings all registrations of one event in line, a chunk at a time. One
// is planned while the database writes the one before; nothing is read then, as
// a transaction does one thing at a time.
func (a *applier) replan(ctx context.Context, ev jobs.Event) (total tally, err error) {
	write := func() error { return nil }
	for last := int64(0); ; {
		regs, have, err := a.read(ctx, ev, last)
		if err != nil {
			return total, err
		}
		written := make(chan error, 1)
		go func(write func() error) { written <- write() }(write)
		var moved []jobs.Registration
		for i, r := range regs {
			if r, changed := ev.Readmit(r, a.now); changed {
				regs[i] = r
				moved = append(moved, r)
			}
		}
		w, t := a.db.plan(ev, regs, have, a.now, jobs.Options{Backfill: a.opt.Backfill})
		if err := <-written; err != nil || len(regs) == 0 {
			return total, err
		}
		total.add(t)
		last = regs[len(regs)-1].ID
		write = func() error {
			if len(moved) > 0 {
				if err := a.db.writeStandings(ctx, a.tx, moved); err != nil {
					return err
				}
			}
			return w.write(ctx, a.tx)
		}
	}
}

// read reads the chunk of registrations after one, and what they have.
func (a *applier) read(ctx context.Context, ev jobs.Event, last int64) (regs []jobs.Registration, have map[int64][]jobs.Message, err error) {
	regs, err = registrations(ctx, a.tx, `WHERE r.event_id = $1 AND r.id > $2 ORDER BY r.id LIMIT $3`+a.db.d.forUpdate, ev.ID, last, applyChunk)
	if err != nil || len(regs) == 0 {
		return nil, nil, err
	}
	have, err = a.db.onRecord(ctx, a.tx, regs)
	return regs, have, err
}
