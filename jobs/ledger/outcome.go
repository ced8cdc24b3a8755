package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"heraut/jobs"
)

// fromClaimed and fromFinalDot are the states an outcome may lead to before
// and after the final dot: the rows of the table of [jobs.State] for the two
// states a worker holds a message in. A test compares them.
const (
	fromClaimed  = `'planned', 'held', 'retry', 'failed', 'suppressed', 'expired', 'in_doubt'`
	fromFinalDot = `'sent', 'retry', 'failed', 'in_doubt'`
)

// Record writes how tries ended, in one transaction for the whole group, and
// says of each whether it was written. False means that the fence holds no
// longer or that the table of states has no such move; the outcome is void.
//
// A confirmation or change that was sent pushes the reminders and follow-ups
// of that registration to at least [jobs.Distance] after it, and expires what
// no longer fits. A message in doubt before this try goes back to being in
// doubt when the try came to nothing, since the person may have the first
// copy: it does so for Retry (at its moment), Planned, HeldState, Suppressed
// and Expired. An outcome with Suppress puts the address on the suppression
// list.
func (db *DB) Record(ctx context.Context, outcomes []jobs.Outcome, now time.Time) ([]bool, error) {
	if len(outcomes) == 0 {
		return nil, nil
	}
	ok := make([]bool, len(outcomes))
	err := db.tx(ctx, func(tx *sql.Tx) error {
		done := map[held]bool{}
		for part := range slices.Chunk(outcomes, wide) {
			if err := record(ctx, tx, part, done); err != nil {
				return err
			}
		}
		var sent []int64
		for i, o := range outcomes {
			ok[i] = done[held{o.ID, o.Fence}]
			if ok[i] && o.State == jobs.Sent {
				sent = append(sent, o.ID)
			}
		}
		for part := range slices.Chunk(sent, batch) {
			if err := keepDistance(ctx, tx, part); err != nil {
				return err
			}
		}
		for i, o := range outcomes {
			if !ok[i] || !o.Suppress {
				continue
			}
			if err := suppressOf(ctx, tx, o, now); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("record outcomes: %w", err)
	}
	return ok, nil
}

// record writes one statement's worth of outcomes and adds those that held to
// done.
func record(ctx context.Context, tx *sql.Tx, outcomes []jobs.Outcome, done map[held]bool) error {
	var p params
	rows := make([][]any, len(outcomes))
	for i, o := range outcomes {
		var sent any
		if o.State == jobs.Sent {
			sent = micros(o.SentAt)
		}
		rows[i] = []any{o.ID, o.Fence, string(o.State), jobs.TrimReason(clean(o.Reason)), jobs.TrimReason(clean(o.SMTP)), sent, micros(o.NextAttemptAt)}
	}
	// A retry past the end of its message comes up at the end, to be expired.
	part, err := written(ctx, tx, `WITH v(vid, vfence, vstate, vreason, vsmtp, vsent, vnext) AS (`+
		p.values([]string{"BIGINT", "BIGINT", "TEXT", "TEXT", "TEXT", "BIGINT", "BIGINT"}, rows)+`)
		UPDATE messages AS m SET
			state = CASE WHEN doubts > 0 AND (state = 'claimed' AND vstate <> 'failed' OR vstate = 'retry') THEN 'in_doubt' ELSE vstate END,
			reason = vreason,
			smtp = CASE WHEN vsmtp = '' THEN smtp ELSE vsmtp END,
			sent_at = COALESCE(vsent, sent_at),
			wake_at = CASE vstate
				WHEN 'in_doubt' THEN vnext
				WHEN 'held' THEN CASE WHEN doubts > 0 THEN NULL ELSE expires_at END
				WHEN 'planned' THEN CASE WHEN COALESCE(vnext, wake_at) < expires_at THEN COALESCE(vnext, wake_at) ELSE expires_at END
				WHEN 'retry' THEN CASE WHEN COALESCE(vnext, wake_at) < expires_at THEN COALESCE(vnext, wake_at) ELSE expires_at END
				END,
			attempts = attempts - CASE WHEN vstate = 'planned' THEN 1 ELSE 0 END,
			doubts = doubts + CASE WHEN state = 'final_dot' AND vstate = 'in_doubt' THEN 1 ELSE 0 END,
			crashes = 0, enqueued_at = NULL, owner = ''
		FROM v WHERE m.id = vid AND m.fence = vfence
			AND (state = 'claimed' AND vstate IN (`+fromClaimed+`) OR state = 'final_dot' AND vstate IN (`+fromFinalDot+`))
		RETURNING id, fence`, p.args...)
	for h := range part {
		done[h] = true
	}
	return err
}

// keepDistance moves what would leave too soon after confirmations and changes
// that were just sent. What a worker has claimed is fenced off; what is at its
// final dot, or in doubt, is history.
func keepDistance(ctx context.Context, tx *sql.Tx, sent []int64) error {
	p := params{args: []any{jobs.Distance.Microseconds(), jobs.ReasonNoTime}}
	_, err := tx.ExecContext(ctx, `UPDATE messages AS m SET
			state = CASE WHEN m.expires_at <= s.soonest THEN 'expired' WHEN m.state = 'retry' THEN 'retry' ELSE 'planned' END,
			reason = CASE WHEN m.expires_at <= s.soonest THEN CAST($2 AS TEXT) ELSE m.reason END,
			wake_at = CASE WHEN m.expires_at <= s.soonest THEN NULL ELSE s.soonest END,
			enqueued_at = NULL, owner = '', fence = m.fence + 1
		FROM (SELECT registration_id, MAX(sent_at) + CAST($1 AS BIGINT) AS soonest FROM messages
			WHERE id IN (`+p.ids(sent)+`) AND kind IN ('confirmation', 'change') GROUP BY registration_id) AS s
		WHERE m.registration_id = s.registration_id AND m.kind IN ('reminder', 'followup')
			AND m.state IN ('planned', 'retry', 'claimed') AND m.doubts = 0 AND m.wake_at < s.soonest`, p.args...)
	return err
}
