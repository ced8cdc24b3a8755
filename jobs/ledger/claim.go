package ledger

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"heraut/jobs"
)

// early is how much before its moment a message may be claimed: clocks of two
// machines differ, and a queue that counts in whole seconds rings early.
const early = time.Second

// pause is how long a change or cancellation waits while another message to
// the same person is at its final dot: calendars need them in order.
const pause = 5 * time.Second

// Claim gives messages to a worker, those that were due first in front. A
// message is claimed when it waits, its moment has come (within a second), it
// has not expired, it is still owed, its address is not suppressed, and the
// worker's lease is live; all of that is one statement, so of many that ask one
// gets it. Of the rest, what expired or is suppressed is recorded as such, and
// what came too early is due again.
func (db *DB) Claim(ctx context.Context, worker string, list []int64, now time.Time) ([]jobs.Claim, error) {
	var claims []jobs.Claim
	for part := range slices.Chunk(list, batch) {
		got, err := db.claim(ctx, worker, part, now)
		if err != nil {
			return claims, fmt.Errorf("claim: %w", err)
		}
		claims = append(claims, got...)
	}
	slices.SortFunc(claims, func(a, b jobs.Claim) int {
		return cmp.Or(a.Message.NextAttemptAt.Compare(b.Message.NextAttemptAt), cmp.Compare(a.Message.ID, b.Message.ID))
	})
	return claims, nil
}

func (db *DB) claim(ctx context.Context, worker string, list []int64, now time.Time) (claims []jobs.Claim, err error) {
	err = db.again(ctx, func() error {
		claims = claims[:0]
		p := params{args: []any{worker, now.UnixMicro(), now.Add(early).UnixMicro()}}
		return lines(ctx, db.write, func(rows *sql.Rows) error {
			var c jobs.Claim
			m, err := scanMessage(rows, &c.Fence, &c.Version)
			c.Message = m
			claims = append(claims, c)
			return err
		}, `UPDATE messages AS m SET state = 'claimed', owner = $1, fence = fence + 1, attempts = attempts + 1, enqueued_at = COALESCE(enqueued_at, $2)
			WHERE m.id IN (`+p.ids(list)+`) AND `+waiting+` AND wake_at <= $3 AND expires_at > $2
				AND EXISTS (SELECT 1 FROM workers w WHERE w.id = $1 AND w.lease_until > $2)
				AND `+stillOwed+` AND `+notSuppressed+` AND NOT `+atFinalDot+`
			RETURNING `+messageReturning+`, fence, (SELECT MAX(version) FROM programmes)`, p.args...)
	})
	if err != nil {
		return nil, err
	}
	if len(claims) < len(list) {
		if err := db.putAside(ctx, list, now); err != nil {
			return nil, err
		}
	}
	return claims, db.fillIn(ctx, claims)
}

// messageReturning is messageColumns after an UPDATE. SQLite knows no alias
// there.
const messageReturning = `id, registration_id, event_id, kind, name, revision, sequence, queue, state, reason,
	rule_at, due_at, expires_at, wake_at, attempts, doubts, sent_at, smtp, message_id`

// atFinalDot is the condition that message m corrects a calendar and has to
// wait for another one to the same person.
const atFinalDot = `(m.kind IN ('change', 'cancellation') AND EXISTS (
	SELECT 1 FROM messages o WHERE o.registration_id = m.registration_id AND o.state = 'final_dot'))`

// fillIn reads the registrations of claims.
func (db *DB) fillIn(ctx context.Context, claims []jobs.Claim) error {
	if len(claims) == 0 {
		return nil
	}
	var p params
	list := make([]int64, len(claims))
	for i, c := range claims {
		list[i] = c.Message.RegistrationID
	}
	regs, err := registrations(ctx, db.read, `WHERE r.id IN (`+p.ids(list)+`)`, p.args...)
	if err != nil {
		return err
	}
	index := make(map[int64]jobs.Registration, len(regs))
	for _, r := range regs {
		index[r.ID] = r
	}
	for i := range claims {
		claims[i].Registration = index[claims[i].Message.RegistrationID]
	}
	return nil
}

// putAside settles what waits and may not be claimed.
func (db *DB) putAside(ctx context.Context, list []int64, now time.Time) error {
	var p params
	rest, err := ids(ctx, db.read, `SELECT id FROM messages WHERE id IN (`+p.ids(list)+`) AND `+waiting, p.args...)
	if err != nil || len(rest) == 0 {
		return err // a task that came twice, mostly: its messages have left
	}
	if _, err := db.expire(ctx, rest, now); err != nil {
		return err
	}
	return db.tx(ctx, func(tx *sql.Tx) error {
		if err := suppressWaiting(ctx, tx, rest); err != nil {
			return err
		}
		p := params{args: []any{now.Add(early).UnixMicro()}}
		if _, err := tx.ExecContext(ctx, `UPDATE messages SET enqueued_at = NULL WHERE wake_at > $1 AND id IN (`+p.ids(rest)+`) AND `+waiting, p.args...); err != nil {
			return err
		}
		p = params{args: []any{now.Add(pause).UnixMicro()}}
		_, err := tx.ExecContext(ctx, `UPDATE messages AS m SET enqueued_at = NULL, wake_at = $1 WHERE wake_at < $1 AND m.id IN (`+p.ids(rest)+`) AND `+waiting+` AND `+atFinalDot, p.args...)
		return err
	})
}

// suppressWaiting stops those of the waiting messages whose address is on the
// suppression list. What is in doubt stays on record as such; no second copy
// leaves.
func suppressWaiting(ctx context.Context, tx *sql.Tx, list []int64) error {
	var p params
	_, err := tx.ExecContext(ctx, `UPDATE messages AS m SET
			state = CASE WHEN state = 'in_doubt' THEN state ELSE 'suppressed' END,
			reason = 'the address is on the suppression list', wake_at = NULL, enqueued_at = NULL, fence = fence + 1
		WHERE m.id IN (`+p.ids(list)+`) AND `+waiting+` AND NOT `+notSuppressed, p.args...)
	return err
}

// FinalDot records that the dots of claimed messages are about to be sent, in
// one statement and one commit for the whole group, and says of each whether
// it may be. False means that the claim holds no longer: the person or event
// was cancelled, the event moved, the address was suppressed, the worker's
// lease ended, or the moment passed. The dot must not be sent then.
func (db *DB) FinalDot(ctx context.Context, dots []jobs.Dot, now time.Time) ([]bool, error) {
	ok := make([]bool, len(dots))
	for start := 0; start < len(dots); start += batch {
		part := dots[start:min(start+batch, len(dots))]
		var passed map[held]bool
		err := db.again(ctx, func() (err error) {
			p := params{args: []any{now.UnixMicro()}}
			rows := make([][]any, len(part))
			for i, d := range part {
				rows[i] = []any{d.ID, d.Fence, clean(d.MessageID)}
			}
			passed, err = written(ctx, db.write, `WITH v(vid, vfence, vmessage) AS (`+p.values([]string{"BIGINT", "BIGINT", "TEXT"}, rows)+`)
				UPDATE messages AS m SET state = 'final_dot', message_id = CASE WHEN message_id = '' THEN vmessage ELSE message_id END
				FROM v WHERE m.id = vid AND m.fence = vfence AND m.state = 'claimed' AND m.expires_at > $1 AND `+stillOwed+` AND `+notSuppressed+`
				RETURNING id, fence`, p.args...)
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("record final dots: %w", err)
		}
		for i, d := range part {
			ok[start+i] = passed[held{d.ID, d.Fence}]
		}
	}
	return ok, nil
}

// held is a message under the fence of one claim.
type held struct {
	id, fence int64
}

// written runs a statement that gives number and fence of the messages it
// wrote.
func written(ctx context.Context, q querier, query string, args ...any) (map[held]bool, error) {
	done := map[held]bool{}
	err := lines(ctx, q, func(rows *sql.Rows) error {
		var h held
		err := rows.Scan(&h.id, &h.fence)
		done[h] = true
		return err
	}, query, args...)
	return done, err
}
