package ledger

import (
	"context"
	"database/sql"
	"time"

	"heraut/jobs"
)

// independent says whether dots and outcomes may be written in any order: no
// outcome suppresses an address that a dot may be for, and none is for the
// message of a dot.
func independent(dots []jobs.Dot, outcomes []jobs.Outcome) bool {
	settled := make(map[int64]bool, len(outcomes))
	for _, o := range outcomes {
		if o.Suppress || settled[o.ID] {
			return false
		}
		settled[o.ID] = true
	}
	for _, d := range dots {
		if settled[d.ID] {
			return false
		}
	}
	return true
}

// commitAtOnce is commit in one statement, which is its own transaction: one
// journey to PostgreSQL instead of five. It does nothing, and done is false,
// where an invitation was sent and some reminder is near; keepDistance has to
// come between outcomes and dots then.
func (db *DB) commitAtOnce(ctx context.Context, dots []jobs.Dot, outcomes []jobs.Outcome, now time.Time, dotsOK, outcomesOK []bool) (done bool, err error) {
	var soonest int64
	for _, o := range outcomes {
		if o.State == jobs.Sent {
			soonest = max(soonest, o.SentAt.Add(jobs.Distance).UnixMicro())
		}
	}
	v, s, d := outcomeRows(db.d), sentRows(db.d), dotRows(db.d)
	for _, o := range outcomes {
		if plainlySent(o) {
			addSent(s, o)
		} else {
			addOutcome(v, o)
		}
	}
	addDots(d, dots)
	args := d.args(s.args(v.args(now.UnixMicro(), soonest)...)...)
	type row struct{ what, id, fence int64 }
	var written map[row]bool
	err = db.again(ctx, func() error {
		written = map[row]bool{}
		return lines(ctx, &db.kept, func(rows *sql.Rows) error {
			var r row
			err := rows.Scan(&r.what, &r.id, &r.fence)
			written[r] = true
			return err
		}, db.queries.commit, args...)
	})
	all := written[row{allWritten, int64(len(outcomes)), int64(len(dots))}]
	for i, o := range outcomes {
		outcomesOK[i] = all || written[row{outcomeWritten, o.ID, o.Fence}]
	}
	for i, d := range dots {
		dotsOK[i] = all || written[row{dotWritten, d.ID, d.Fence}]
	}
	return !written[row{nothingWritten, 0, 0}], err
}

// What a line of commitQuery says.
const (
	outcomeWritten = iota
	dotWritten
	nothingWritten
	allWritten // so many outcomes and dots
)

// commitQuery writes outcomes and dots, or neither. PostgreSQL runs all that a
// WITH holds, and shows each of them the tables as they were. It names what was
// written only when that is not all.
func commitQuery(d dialect) string {
	v, s, dots := outcomeRows(d), sentRows(d), dotRows(d)
	const may = ` AND NOT (SELECT conflict FROM distance)`
	return `WITH v AS (` + v.query(3) + `), s AS (` + s.query(3+len(v.columns)) + `),
		d AS (` + dots.query(3+len(v.columns)+len(s.columns)) + `),
		distance(conflict) AS (SELECT ` + near("$2") + ` AND EXISTS (SELECT 1 FROM messages
			WHERE id IN (SELECT vid FROM v WHERE vstate = 'sent' UNION ALL SELECT sid FROM s) AND kind IN ('confirmation', 'change'))),
		o AS (` + recordUpdate + may + ` RETURNING id, fence),
		p AS (` + sentUpdate + may + ` RETURNING id, fence),
		f AS (` + dotUpdate + may + ` RETURNING id, fence),
		c(outcomes, dots) AS (SELECT (SELECT COUNT(*) FROM o) + (SELECT COUNT(*) FROM p), (SELECT COUNT(*) FROM f)),
		whole(is_all) AS (SELECT outcomes = (SELECT COUNT(*) FROM v) + (SELECT COUNT(*) FROM s) AND dots = (SELECT COUNT(*) FROM d) FROM c)
		SELECT 3, outcomes, dots FROM c
		UNION ALL SELECT 0, id, fence FROM o WHERE NOT (SELECT is_all FROM whole)
		UNION ALL SELECT 0, id, fence FROM p WHERE NOT (SELECT is_all FROM whole)
		UNION ALL SELECT 1, id, fence FROM f WHERE NOT (SELECT is_all FROM whole)
		UNION ALL SELECT 2, 0, 0 FROM distance WHERE conflict`
}
