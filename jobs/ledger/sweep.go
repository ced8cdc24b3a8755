package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"heraut/jobs"
)

// Reasons a sweep gives.
const (
	reasonParked  = "parked: its worker died while it held this message, three times over; retry it when the cause is gone"
	reasonInDoubt = "the worker stopped after the final dot and before the answer: the server may have it"
)

// apart is how much later than the one before a message leaves that has to
// wait because of crashes, so that suspects do not meet again in one worker.
const apart = 5 * time.Second

// Sweep settles what nobody looks after any more. Messages claimed by workers
// whose lease ended, or that are gone, were not sent and are due again, at once
// or later by [jobs.Crashed]; after [jobs.MaxCrashes] such deaths one is parked
// as failed. Those at their final dot come in doubt, with a second copy by
// [jobs.Resend] or none. What waits or is held past its end expires. Several
// may sweep at once.
func (db *DB) Sweep(ctx context.Context, now time.Time) (swept jobs.Swept, err error) {
	err = db.tx(ctx, func(tx *sql.Tx) error {
		swept = jobs.Swept{}
		res, err := tx.ExecContext(ctx, `DELETE FROM workers WHERE lease_until <= $1`, now.UnixMicro())
		if err != nil {
			return err
		}
		n, err := res.RowsAffected()
		swept.Workers = int(n)
		if err != nil {
			return err
		}
		a := adopter{d: db.d, now: now, swept: &swept}
		for last := int64(0); ; {
			list, err := db.orphans(ctx, tx, last)
			if err != nil || len(list) == 0 {
				return err
			}
			last = list[len(list)-1].message.ID
			if err := a.write(ctx, tx, list); err != nil {
				return err
			}
		}
	})
	if err != nil {
		return jobs.Swept{}, fmt.Errorf("sweep: %w", err)
	}
	if swept.Expired, err = db.expire(ctx, nil, now); err != nil {
		return swept, fmt.Errorf("sweep: %w", err)
	}
	return swept, nil
}

// orphan is a message in flight whose worker is gone.
type orphan struct {
	message jobs.Message
	crashes int
	alone   bool      // claimed by itself
	start   time.Time // of its event
}

// orphans finds messages in flight that no worker on record owns. What is in
// flight was handed over, so the index leads to it past all that waits for its
// day.
func (db *DB) orphans(ctx context.Context, tx *sql.Tx, last int64) (list []orphan, err error) {
	lock := db.d.forUpdate
	if lock != "" {
		lock += " OF m"
	}
	err = lines(ctx, tx, func(rows *sql.Rows) error {
		var o orphan
		m, err := scanMessage(rows, &o.crashes, &o.alone, into{&o.start})
		o.message = m
		list = append(list, o)
		return err
	}, `SELECT `+messageColumns+`, m.crashes, m.alone, e.start_at FROM messages m JOIN events e ON e.id = m.event_id
		WHERE m.queue IN ('critical', 'reminders', 'bulk') AND m.enqueued_at IS NOT NULL AND m.wake_at IS NOT NULL
			AND m.state IN ('claimed', 'final_dot') AND m.id > $1 AND NOT EXISTS (SELECT 1 FROM workers w WHERE w.id = m.owner)
		ORDER BY m.id LIMIT `+fmt.Sprint(chunk)+lock, last)
	return list, err
}

// adopter says what becomes of the orphans of one sweep.
type adopter struct {
	d     dialect
	now   time.Time
	swept *jobs.Swept
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
			enqueued_at = NULL, owner = '', fence = fence + 1
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

// expire ends what waits or is held past its end, of the given messages or,
// with nil, of all, and gives their number. What is in doubt stays so; no
// second copy leaves, and a person decides.
func (db *DB) expire(ctx context.Context, list []int64, now time.Time) (n int, err error) {
	err = db.again(ctx, func() error {
		n = 0
		for _, scope := range []string{"m.enqueued_at IS NULL", "m.enqueued_at IS NOT NULL"} {
			args := []any{now.UnixMicro(), jobs.ReasonStarted, jobs.ReasonMaxLate}
			scope = `m.queue IN ('critical', 'reminders', 'bulk') AND ` + scope
			if list != nil {
				scope += ` AND ` + db.d.among("m.id", "$4", "BIGINT")
				args = append(args, db.d.numbers(list))
			}
			moved, err := ids(ctx, db.write, `UPDATE messages AS m SET
					state = CASE WHEN state = 'in_doubt' THEN state ELSE 'expired' END,
					reason = CASE WHEN state = 'in_doubt' THEN reason
						WHEN kind <> 'followup' AND expires_at >= (SELECT start_at FROM events e WHERE e.id = m.event_id) THEN CAST($2 AS TEXT)
						ELSE CAST($3 AS TEXT) END,
					wake_at = NULL, enqueued_at = NULL, fence = fence + 1
				WHERE `+scope+` AND m.wake_at <= $1 AND m.expires_at <= $1 AND m.state IN ('planned', 'retry', 'held', 'in_doubt')
				RETURNING CASE WHEN state = 'expired' THEN 1 ELSE 0 END`, args...)
			if err != nil {
				return err
			}
			for _, one := range moved {
				n += int(one)
			}
		}
		return nil
	})
	return n, err
}
