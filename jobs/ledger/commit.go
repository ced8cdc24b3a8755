package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"heraut/jobs"
)

// Commit records, in one transaction for the whole group, that final dots are
// about to be sent and how tries ended, and says of each whether it was
// written: dotsOK and outcomesOK are as long as dots and outcomes. A durable
// commit costs the same for one as for a hundred. The two are as in
// [DB.FinalDot] and [DB.Record]; a dot sees the outcomes of its group. After an
// error nothing is recorded, as far as anybody knows: the dots must not be sent.
func (db *DB) Commit(ctx context.Context, dots []jobs.Dot, outcomes []jobs.Outcome, now time.Time) (dotsOK, outcomesOK []bool, err error) {
	dotsOK, outcomesOK, err = db.commit(ctx, dots, outcomes, now)
	if err != nil {
		return nil, nil, fmt.Errorf("commit dots and outcomes: %w", err)
	}
	return dotsOK, outcomesOK, nil
}

// FinalDot records that the dots of claimed messages are about to be sent and
// says of each whether it may be. False means that the claim holds no longer:
// the person or event was cancelled, the event moved, the address was
// suppressed, a sweep found the worker's lease over, or the moment passed. The
// dot must not be sent then. Who could not send it yet asks again, with the same
// fence, and hears how things are by now.
func (db *DB) FinalDot(ctx context.Context, dots []jobs.Dot, now time.Time) ([]bool, error) {
	ok, _, err := db.commit(ctx, dots, nil, now)
	if err != nil {
		return nil, fmt.Errorf("record final dots: %w", err)
	}
	return ok, nil
}

// Record writes how tries ended and says of each whether it was written. False
// means that the fence holds no longer or that the table of states has no such
// move; the outcome is void.
//
// A confirmation or change that was sent pushes the reminders and follow-ups
// of that registration to at least [jobs.Distance] after it, and expires what
// no longer fits. A message in doubt before this try goes back to being in
// doubt when the try came to nothing, since the person may have the first
// copy: it does so for Retry (at its moment), Planned, HeldState, Suppressed
// and Expired. An outcome with Suppress puts the address on the suppression
// list. With any outcome but Planned, which is no try, the workers that died
// over the message are forgiven it.
func (db *DB) Record(ctx context.Context, outcomes []jobs.Outcome, now time.Time) ([]bool, error) {
	_, ok, err := db.commit(ctx, nil, outcomes, now)
	if err != nil {
		return nil, fmt.Errorf("record outcomes: %w", err)
	}
	return ok, nil
}

// commit writes outcomes first: one of them may suppress an address, or put
// off a message, that a dot of the same group is for.
func (db *DB) commit(ctx context.Context, dots []jobs.Dot, outcomes []jobs.Outcome, now time.Time) (dotsOK, outcomesOK []bool, err error) {
	dotsOK, outcomesOK = make([]bool, len(dots)), make([]bool, len(outcomes))
	if len(dots)+len(outcomes) == 0 {
		return dotsOK, outcomesOK, nil
	}
	if db.d.arrays && independent(dots, outcomes) {
		if done, err := db.commitAtOnce(ctx, dots, outcomes, now, dotsOK, outcomesOK); done || err != nil {
			return dotsOK, outcomesOK, err
		}
	}
	c := committer{now: now, d: db.d}
	for _, s := range []struct {
		stmt  **sql.Stmt
		query string
	}{{&c.record, db.queries.record}, {&c.sent, db.queries.sent}, {&c.near, db.queries.near}, {&c.dots, db.queries.dots}} {
		if *s.stmt, err = db.kept.get(ctx, s.query); err != nil {
			return nil, nil, err
		}
	}
	for _, c.single = range []bool{false, true} {
		err = db.tx(ctx, func(tx *sql.Tx) error {
			if err := c.writeOutcomes(ctx, tx, outcomes, outcomesOK); err != nil {
				return err
			}
			return c.writeDots(ctx, tx, dots, dotsOK)
		})
		if !errors.Is(err, errNotAll) {
			break
		}
	}
	return dotsOK, outcomesOK, err
}

// errNotAll rolls a commit back of which something was not to be written, so
// that it is done over and each row is asked for.
var errNotAll = errors.New("not all of the group was written")

// queries are the texts of what a commit runs, put together once.
type queries struct {
	record, sent, near, dots string
	commit                   string // all of them, for PostgreSQL
	claim                    string
}

// committer is one run of commit: its instant and the statements it is made of.
//
// A group is first written in whole, and only counted: which rows were written
// is a question that costs SQLite as much as the writing, and nearly always all
// are. If not, the group is written a row at a time.
type committer struct {
	now                      time.Time
	d                        dialect
	record, sent, near, dots *sql.Stmt
	single                   bool
}

// write runs a statement over a group, whose arguments args gives, and says of
// each whether it was written.
func (c committer) write(ctx context.Context, tx *sql.Tx, stmt *sql.Stmt, n int, args func(first, end int) []any, ok func(i int)) error {
	size := n
	if c.single {
		size = 1
	}
	for first := 0; first < n; first += size {
		result, err := tx.StmtContext(ctx, stmt).ExecContext(ctx, args(first, first+size)...)
		if err != nil {
			return err
		}
		written, err := result.RowsAffected()
		switch {
		case err != nil:
			return err
		case written == int64(size):
			for i := range size {
				ok(first + i)
			}
		case !c.single:
			return errNotAll
		}
	}
	return nil
}

// dotRows are dots as rows.
func dotRows(d dialect) *rows { return d.rows("did BIGINT", "dfence BIGINT", "dmessage TEXT") }

func addDots(v *rows, dots []jobs.Dot) {
	for _, d := range dots {
		v.add(d.ID, d.Fence, clean(d.MessageID))
	}
}

// dotUpdate moves claimed messages to their final dots d, at the instant $1.
const dotUpdate = `UPDATE messages AS m SET state = 'final_dot', message_id = CASE WHEN message_id = '' THEN dmessage ELSE message_id END
	FROM d WHERE m.id = did AND m.fence = dfence AND m.state IN ('claimed', 'final_dot') AND m.expires_at > $1 AND ` + mayGo

// dotsQuery moves claimed messages to their final dots.
func dotsQuery(d dialect) string {
	return `WITH d AS (` + dotRows(d).query(2) + `) ` + dotUpdate
}

func (c committer) writeDots(ctx context.Context, tx *sql.Tx, dots []jobs.Dot, ok []bool) error {
	clear(ok)
	return c.write(ctx, tx, c.dots, len(dots), func(first, end int) []any {
		v := dotRows(c.d)
		addDots(v, dots[first:end])
		return v.args(c.now.UnixMicro())
	}, func(i int) { ok[i] = true })
}
