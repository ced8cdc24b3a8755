package ledger

import (
	"context"
	"database/sql"
	"time"

	"heraut/jobs"
)

// fromClaimed and fromFinalDot are the states an outcome may lead to before
// and after the final dot: the rows of the table of [jobs.State] for the two
// states a worker holds a message in. A test compares them.
const (
	fromClaimed  = `'planned', 'held', 'retry', 'failed', 'suppressed', 'cancelled', 'expired', 'in_doubt'`
	fromFinalDot = `'sent', 'retry', 'failed', 'in_doubt'`
)

// outcomeRows are outcomes as rows.
func outcomeRows(d dialect) *rows {
	return d.rows("vid BIGINT", "vfence BIGINT", "vstate TEXT", "vreason TEXT", "vsmtp TEXT", "vsent BIGINT", "vnext BIGINT")
}

func addOutcome(v *rows, o jobs.Outcome) {
	var sent any
	if o.State == jobs.Sent {
		sent = micros(o.SentAt)
	}
	v.add(o.ID, o.Fence, string(o.State), jobs.TrimReason(clean(o.Reason)), jobs.TrimReason(clean(o.SMTP)), sent, micros(o.NextAttemptAt))
}

// recordUpdate writes outcomes v. A retry past the end of its message comes up
// at the end, to be expired.
const recordUpdate = `UPDATE messages AS m SET
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
		crashes = CASE WHEN vstate = 'planned' THEN crashes ELSE 0 END,
		owner = ''
	FROM v WHERE m.id = vid AND m.fence = vfence
		AND (state = 'claimed' AND vstate IN (` + fromClaimed + `) OR state = 'final_dot' AND vstate IN (` + fromFinalDot + `))`

// recordQuery writes outcomes.
func recordQuery(d dialect) string {
	return `WITH v AS (` + outcomeRows(d).query(1) + `) ` + recordUpdate
}

// sentRows are outcomes that say sent and no more, as rows. Nearly all are.
func sentRows(d dialect) *rows {
	return d.rows("sid BIGINT", "sfence BIGINT", "ssmtp TEXT", "ssent BIGINT")
}

func addSent(s *rows, o jobs.Outcome) {
	s.add(o.ID, o.Fence, jobs.TrimReason(clean(o.SMTP)), micros(o.SentAt))
}

// plainlySent says whether sentRows hold all of an outcome.
func plainlySent(o jobs.Outcome) bool {
	return o.State == jobs.Sent && o.Reason == "" && !o.Suppress && !o.SentAt.IsZero()
}

// sentUpdate is what recordUpdate comes to for outcomes s that say sent and no
// more. It reads half the values, which is what takes SQLite longest, and
// chooses between no cases.
const sentUpdate = `UPDATE messages AS m SET
		state = 'sent', reason = '', smtp = CASE WHEN ssmtp = '' THEN smtp ELSE ssmtp END, sent_at = ssent,
		wake_at = NULL, crashes = 0, owner = ''
	FROM s WHERE m.id = sid AND m.fence = sfence AND state = 'final_dot'`

// sentQuery writes outcomes that say sent and no more.
func sentQuery(d dialect) string {
	return `WITH s AS (` + sentRows(d).query(1) + `) ` + sentUpdate
}

// writeOutcomes writes outcomes and what follows from them.
func (c committer) writeOutcomes(ctx context.Context, tx *sql.Tx, outcomes []jobs.Outcome, ok []bool) error {
	clear(ok)
	var sent, others []int // places in outcomes
	for i, o := range outcomes {
		if plainlySent(o) {
			sent = append(sent, i)
		} else {
			others = append(others, i)
		}
	}
	if !independent(nil, outcomes) { // what came first has to be written first
		sent, others = nil, nil
		for i := range outcomes {
			others = append(others, i)
		}
	}
	err := c.write(ctx, tx, c.sent, len(sent), func(first, end int) []any {
		v := sentRows(c.d)
		for _, i := range sent[first:end] {
			addSent(v, outcomes[i])
		}
		return v.args()
	}, func(i int) { ok[sent[i]] = true })
	if err != nil {
		return err
	}
	err = c.write(ctx, tx, c.record, len(others), func(first, end int) []any {
		v := outcomeRows(c.d)
		for _, i := range others[first:end] {
			addOutcome(v, outcomes[i])
		}
		return v.args()
	}, func(i int) { ok[others[i]] = true })
	if err != nil {
		return err
	}
	var left []int64
	var last time.Time
	for i, o := range outcomes {
		if ok[i] && o.State == jobs.Sent {
			left = append(left, o.ID)
			if o.SentAt.After(last) {
				last = o.SentAt
			}
		}
	}
	if err := c.keepDistance(ctx, tx, left, last); err != nil {
		return err
	}
	for i, o := range outcomes {
		if !ok[i] || !o.Suppress {
			continue
		}
		if err := suppressOf(ctx, tx, o, c.now); err != nil {
			return err
		}
	}
	return nil
}

// near is the condition that any reminder or follow-up at all leaves before an
// instant. Mostly none does, and then no person's need be looked at.
func near(place string) string {
	return `EXISTS (SELECT 1 FROM messages WHERE queue = 'reminders' AND wake_at < ` + place + `)`
}

func nearQuery() string { return `SELECT ` + near("$1") }

// keepDistance moves what would leave too soon after the confirmations and
// changes among what was just sent, the last at the instant last. What a worker has
// claimed is fenced off; what is at its final dot, or in doubt, is history.
func (c committer) keepDistance(ctx context.Context, tx *sql.Tx, sent []int64, last time.Time) error {
	if len(sent) == 0 {
		return nil
	}
	var near bool
	err := tx.StmtContext(ctx, c.near).QueryRowContext(ctx, last.Add(jobs.Distance).UnixMicro()).Scan(&near)
	if err != nil || !near {
		return err
	}
	_, err = tx.ExecContext(ctx, `UPDATE messages AS m SET
			state = CASE WHEN m.expires_at <= s.soonest THEN 'expired' WHEN m.state = 'retry' THEN 'retry' ELSE 'planned' END,
			reason = CASE WHEN m.expires_at <= s.soonest THEN CAST($3 AS TEXT) ELSE m.reason END,
			wake_at = CASE WHEN m.expires_at <= s.soonest THEN NULL ELSE s.soonest END,
			owner = '', fence = m.fence + 1
		FROM (SELECT registration_id, MAX(sent_at) + CAST($2 AS BIGINT) AS soonest FROM messages
			WHERE `+c.d.among("id", "$1", "BIGINT")+` AND kind IN ('confirmation', 'change') GROUP BY registration_id) AS s
		WHERE m.registration_id = s.registration_id AND m.kind IN ('reminder', 'followup')
			AND m.state IN ('planned', 'retry', 'claimed') AND m.doubts = 0 AND m.wake_at < s.soonest`,
		c.d.numbers(sent), jobs.Distance.Microseconds(), jobs.ReasonNoTime)
	return err
}
