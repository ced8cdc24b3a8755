package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"heraut/jobs"
)

// Reasons a sweep gives.
const (
	reasonParked  = "parked: its worker died while it held this message, three times over; retry it when the cause is gone"
	reasonInDoubt = "the worker stopped after the final dot and before the answer: the server may have it"
)

// apart is how much later than the one before a message leaves that has to
// wait because of crashes, so that suspects do not meet again in one worker:
// more than a mail takes as a rule.
const apart = 1500 * time.Millisecond

// Sweep settles what nobody looks after any more. Messages claimed by workers
// whose lease ended, or that are gone, were not sent and are due again, at once
// or later by [jobs.Crashed]; after [jobs.MaxCrashes] such deaths one is parked
// as failed. Those at their final dot come in doubt, with a second copy by
// [jobs.Resend] or none. What waits or is held past its end expires. Several
// may sweep at once.
func (db *DB) Sweep(ctx context.Context, now time.Time) (jobs.Swept, error) {
	swept, err := db.sweep(ctx, now)
	if err != nil {
		return swept, fmt.Errorf("sweep: %w", err)
	}
	return swept, nil
}

func (db *DB) sweep(ctx context.Context, now time.Time) (swept jobs.Swept, err error) {
	if swept.Workers, err = db.forgetWorkers(ctx, now); err != nil {
		return swept, err
	}
	orphans, over, err := db.neglected(ctx, now)
	if err != nil {
		return swept, err
	}
	a := adopter{d: db.d, now: now, swept: swept}
	for list := range slices.Chunk(orphans, chunk) {
		if err := db.adopt(ctx, &a, list); err != nil {
			return a.swept, err
		}
	}
	for list := range slices.Chunk(over, chunk) {
		n, err := db.expire(ctx, list, now)
		a.swept.Expired += n
		if err != nil {
			return a.swept, err
		}
	}
	return a.swept, nil
}

// forgetWorkers takes the workers off whose lease ended, and gives their number.
func (db *DB) forgetWorkers(ctx context.Context, now time.Time) (n int, err error) {
	const ended = ` FROM workers WHERE lease_until <= $1`
	var any bool
	if err := db.read.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1`+ended+`)`, now.UnixMicro()).Scan(&any); err != nil || !any {
		return 0, err
	}
	err = db.again(ctx, func() error {
		res, err := db.write.ExecContext(ctx, `DELETE`+ended, now.UnixMicro())
		if err != nil {
			return err
		}
		gone, err := res.RowsAffected()
		n = int(gone)
		return err
	})
	return n, err
}

// skew is by how much the clock of a worker may be ahead of that of who sweeps.
const skew = time.Minute

// neglected finds the messages in flight that no worker on record owns, and
// those that wait or are held past their end. It only reads, so that a look at
// all that is due, which may be a whole campaign, holds up no writer; what is
// done about them asks again.
func (db *DB) neglected(ctx context.Context, now time.Time) (orphans, over []int64, err error) {
	err = lines(ctx, &db.keptReads, func(rows *sql.Rows) error {
		var id int64
		var state jobs.State
		err := rows.Scan(&id, &state)
		if state == jobs.Claimed || state == jobs.FinalDot {
			orphans = append(orphans, id)
		} else {
			over = append(over, id)
		}
		return err
	}, `SELECT id, state FROM messages m WHERE m.queue IN ('critical', 'reminders', 'bulk') AND m.wake_at <= $1
		AND (`+orphaned+` OR m.wake_at <= $2 AND `+pastEnd("$2")+`) ORDER BY id`, now.Add(skew).UnixMicro(), now.UnixMicro())
	return orphans, over, err
}

// orphaned is the condition that no worker on record owns message m, which is
// in flight.
const orphaned = `(m.state IN ('claimed', 'final_dot') AND NOT EXISTS (SELECT 1 FROM workers w WHERE w.id = m.owner))`

// pastEnd is the condition that message m, which waits or is held, is over at
// an instant.
func pastEnd(place string) string {
	return `(m.state IN ('planned', 'retry', 'held', 'in_doubt') AND m.expires_at <= ` + place + `)`
}

// orphan is a message in flight whose worker is gone.
type orphan struct {
	message jobs.Message
	crashes int
	alone   bool      // claimed by itself
	start   time.Time // of its event
}

// adopt settles orphans in one transaction.
func (db *DB) adopt(ctx context.Context, a *adopter, list []int64) error {
	before := *a
	lock := db.d.forUpdate
	if lock != "" {
		lock += " OF m"
	}
	return db.tx(ctx, func(tx *sql.Tx) error {
		*a = before // it may be run again
		var orphans []orphan
		err := lines(ctx, tx, func(rows *sql.Rows) error {
			var o orphan
			m, err := scanMessage(rows, &o.crashes, &o.alone, into{&o.start})
			o.message = m
			orphans = append(orphans, o)
			return err
		}, `SELECT `+messageColumns+`, m.crashes, m.alone, e.start_at FROM messages m JOIN events e ON e.id = m.event_id
			WHERE `+db.d.among("m.id", "$1", "BIGINT")+` AND `+orphaned+` ORDER BY m.id`+lock, db.d.numbers(list))
		if err != nil || len(orphans) == 0 {
			return err
		}
		return a.write(ctx, tx, orphans)
	})
}

// adopter says what becomes of the orphans of one sweep.
type adopter struct {
	d     dialect
	now   time.Time
	swept jobs.Swept
	later time.Duration // by how much the next one that has to wait leaves later than it would
}

// write settles orphans.
func (a *adopter) write(ctx context.Context, tx *sql.Tx, list []orphan) error {
	v := a.d.rows("vid BIGINT", "vstate TEXT", "vreason TEXT", "vwake BIGINT", "vcrashes BIGINT", "vdoubts BIGINT")
	for _, o := range list {
		o = a.settle(o)
		m := o.message
		v.add(m.ID, string(m.State), m.Reason, micros(m.NextAttemptAt), o.crashes, m.Doubts)
	}
	_, err := tx.ExecContext(ctx, `WITH v AS (`+v.query(1)+`)
		UPDATE messages SET state = vstate, reason = vreason, wake_at = vwake, crashes = vcrashes, doubts = vdoubts,
			owner = '', fence = fence + 1
		FROM v WHERE id = vid`, v.args()...)
	return err
}

func (a *adopter) settle(o orphan) orphan {
	m := &o.message
	if m.State == jobs.FinalDot {
		at, _ := jobs.Resend(*m, o.start, a.now)
		m.State, m.Reason, m.NextAttemptAt = jobs.InDoubt, reasonInDoubt, at
		m.Doubts++
		a.swept.InDoubt++
		return o
	}
	var wait time.Duration
	o.crashes, wait = jobs.Crashed(o.crashes, o.alone)
	m.State = jobs.Planned
	if m.Doubts > 0 {
		m.State = jobs.InDoubt // the second copy was not sent, but the first may have been
	}
	if o.crashes >= jobs.MaxCrashes {
		if m.State == jobs.Planned {
			m.State = jobs.Failed
		}
		m.Reason, m.NextAttemptAt = reasonParked, time.Time{}
		a.swept.Parked++
		return o
	}
	if wait > 0 {
		m.NextAttemptAt = a.now.Add(wait + a.later)
		if m.NextAttemptAt.After(m.ExpiresAt) {
			m.NextAttemptAt = m.ExpiresAt // it comes up at its end, to be expired
		}
		a.later += apart
	}
	a.swept.Released++
	return o
}

// expire ends those of a list that wait or are held past their end, and gives
// their number. What is in doubt stays so; no second copy leaves, and a person
// decides.
func (db *DB) expire(ctx context.Context, list []int64, now time.Time) (n int, err error) {
	err = db.again(ctx, func() error {
		n = 0
		return lines(ctx, db.write, func(rows *sql.Rows) error {
			var expired int
			err := rows.Scan(&expired)
			n += expired
			return err
		}, `UPDATE messages AS m SET
				state = CASE WHEN state = 'in_doubt' THEN state ELSE 'expired' END,
				reason = CASE WHEN state = 'in_doubt' THEN reason
					WHEN kind <> 'followup' AND `+ofTheEvent+` AND expires_at >= (SELECT start_at FROM events e WHERE e.id = m.event_id) THEN CAST($2 AS TEXT)
					ELSE CAST($3 AS TEXT) END,
				wake_at = NULL, fence = fence + 1
			WHERE `+db.d.among("m.id", "$4", "BIGINT")+` AND m.wake_at <= $1 AND `+pastEnd("$1")+`
			RETURNING CASE WHEN state = 'expired' THEN 1 ELSE 0 END`,
			now.UnixMicro(), jobs.ReasonStarted, jobs.ReasonMaxLate, db.d.numbers(list))
	})
	return n, err
}
