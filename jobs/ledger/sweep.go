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

// Sweep settles what nobody looks after any more. Messages claimed by workers
// whose lease ended, or that are gone, were not sent and are due again; after
// [jobs.MaxCrashes] such deaths one is parked as failed. Those at their final
// dot come in doubt, with a second copy by [jobs.Resend] or none. What waits or
// is held past its end expires. Several may sweep at once.
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
		for last := int64(0); ; {
			list, err := db.orphans(ctx, tx, last)
			if err != nil || len(list) == 0 {
				return err
			}
			last = list[len(list)-1].message.ID
			if err := adopt(ctx, tx, list, now, &swept); err != nil {
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
		m, err := scanMessage(rows, &o.crashes, into{&o.start})
		o.message = m
		list = append(list, o)
		return err
	}, `SELECT `+messageColumns+`, m.crashes, e.start_at FROM messages m JOIN events e ON e.id = m.event_id
		WHERE m.queue IN ('critical', 'reminders', 'bulk') AND m.enqueued_at IS NOT NULL AND m.wake_at IS NOT NULL
			AND m.state IN ('claimed', 'final_dot') AND m.id > $1 AND NOT EXISTS (SELECT 1 FROM workers w WHERE w.id = m.owner)
		ORDER BY m.id LIMIT `+fmt.Sprint(batch)+lock, last)
	return list, err
}

// adopt writes what becomes of orphans.
func adopt(ctx context.Context, tx *sql.Tx, list []orphan, now time.Time, swept *jobs.Swept) error {
	var p params
	rows := make([][]any, len(list))
	for i, o := range list {
		m := o.message
		crashes, doubts := o.crashes+1, m.Doubts
		switch {
		case m.State == jobs.FinalDot:
			at, _ := jobs.Resend(m, o.start, now)
			m.State, m.Reason, m.NextAttemptAt = jobs.InDoubt, reasonInDoubt, at
			crashes, doubts = o.crashes, doubts+1
			swept.InDoubt++
		case m.Doubts > 0:
			// The second copy was not sent, but the first may have been.
			m.State = jobs.InDoubt
			if crashes >= jobs.MaxCrashes {
				m.Reason, m.NextAttemptAt = reasonParked, time.Time{}
				swept.Parked++
				break
			}
			swept.Released++
		case crashes >= jobs.MaxCrashes:
			m.State, m.Reason, m.NextAttemptAt = jobs.Failed, reasonParked, time.Time{}
			swept.Parked++
		default:
			m.State = jobs.Planned
			swept.Released++
		}
		rows[i] = []any{m.ID, string(m.State), m.Reason, micros(m.NextAttemptAt), crashes, doubts}
	}
	_, err := tx.ExecContext(ctx, `WITH v(vid, vstate, vreason, vwake, vcrashes, vdoubts) AS (`+
		p.values([]string{"BIGINT", "TEXT", "TEXT", "BIGINT", "BIGINT", "BIGINT"}, rows)+`)
		UPDATE messages SET state = vstate, reason = vreason, wake_at = vwake, crashes = vcrashes, doubts = vdoubts,
			enqueued_at = NULL, owner = '', fence = fence + 1
		FROM v WHERE id = vid`, p.args...)
	return err
}

// expire ends what waits or is held past its end, of the given messages or,
// with nil, of all, and gives their number. What is in doubt stays so; no
// second copy leaves, and a person decides.
func (db *DB) expire(ctx context.Context, list []int64, now time.Time) (n int, err error) {
	err = db.again(ctx, func() error {
		n = 0
		for _, scope := range []string{"m.enqueued_at IS NULL", "m.enqueued_at IS NOT NULL"} {
			p := params{args: []any{now.UnixMicro(), jobs.ReasonStarted, jobs.ReasonMaxLate}}
			scope = `m.queue IN ('critical', 'reminders', 'bulk') AND ` + scope
			if list != nil {
				scope += ` AND m.id IN (` + p.ids(list) + `)`
			}
			moved, err := ids(ctx, db.write, `UPDATE messages AS m SET
					state = CASE WHEN state = 'in_doubt' THEN state ELSE 'expired' END,
					reason = CASE WHEN state = 'in_doubt' THEN reason
						WHEN kind <> 'followup' AND expires_at >= (SELECT start_at FROM events e WHERE e.id = m.event_id) THEN CAST($2 AS TEXT)
						ELSE CAST($3 AS TEXT) END,
					wake_at = NULL, enqueued_at = NULL, fence = fence + 1
				WHERE `+scope+` AND m.wake_at <= $1 AND m.expires_at <= $1 AND m.state IN ('planned', 'retry', 'held', 'in_doubt')
				RETURNING CASE WHEN state = 'expired' THEN 1 ELSE 0 END`, p.args...)
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
