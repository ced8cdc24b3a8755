package ledger

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strconv"
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
//
// A message that a worker died over is given only to who asks for it alone: the
// next death then tells whether it is the cause (see [jobs.Crashed]).
func (db *DB) Claim(ctx context.Context, worker string, list []int64, now time.Time) ([]jobs.Claim, error) {
	claims, err := db.claim(ctx, worker, list, now)
	if err != nil {
		return nil, fmt.Errorf("claim: %w", err)
	}
	slices.SortFunc(claims, func(a, b jobs.Claim) int {
		return cmp.Or(a.Message.NextAttemptAt.Compare(b.Message.NextAttemptAt), cmp.Compare(a.Message.ID, b.Message.ID))
	})
	return claims, nil
}

func (db *DB) claim(ctx context.Context, worker string, list []int64, now time.Time) (claims []jobs.Claim, err error) {
	args := []any{db.d.numbers(list), worker, now.UnixMicro(), now.Add(early).UnixMicro(), len(list) == 1}
	if db.d.arrays {
		claims, err = db.claimAtOnce(ctx, len(list), args)
	} else {
		claims, err = db.claimAndRead(ctx, args)
	}
	if err == nil && len(claims) < len(list) {
		err = db.putAside(ctx, list, now)
	}
	if err != nil {
		return nil, err
	}
	return claims, nil
}

// claimQuery claims those of list $1 that may be claimed: by worker $2, at the
// instant $3, due until $4, and asked for alone or not by $5. PostgreSQL's
// UPDATE reads the registration r too.
func claimQuery(d dialect) string {
	from, may := "", mayGo
	if d.arrays {
		from, may = "FROM registrations r", mayGoTo
	}
	return `UPDATE messages AS m SET state = 'claimed', owner = $2, alone = $5, fence = fence + 1, attempts = attempts + 1
		` + from + ` WHERE ` + d.among("m.id", "$1", "BIGINT") + ` AND m.` + waiting + ` AND m.wake_at <= $4 AND m.expires_at > $3
			AND (m.crashes = 0 OR $5) AND EXISTS (SELECT 1 FROM workers w WHERE w.id = $2 AND w.lease_until > $3)
			AND ` + may + ` AND NOT ` + atFinalDot + ` AND (m.kind <> 'campaign' OR ` + lookedAfter("$3") + `)`
}

// lookedAfter is the condition that the campaign of message m has not stood
// still for long at an instant: a backup that was put back does not send again
// what was sent since.
func lookedAfter(place string) string {
	return `EXISTS (SELECT 1 FROM campaigns c WHERE c.name = m.name AND (c.state <> 'running' OR c.beat_at > ` + place + ` - ` +
		strconv.FormatInt(jobs.CampaignMaxLate.Microseconds(), 10) + `))`
}

// claimColumns are what claimScan reads, of a message m and its registration r.
const claimColumns = messageColumns + `, fence, (SELECT MAX(version) FROM programmes), ` + registrationColumns

// claimScan gathers claims. There are many, so that the places they are read
// into are made once.
type claimScan struct {
	claims       []jobs.Claim
	claim        jobs.Claim
	registration registrationScan
	dest         []any
}

// newClaimScan makes room for n claims.
func newClaimScan(n int) *claimScan {
	s := &claimScan{claims: make([]jobs.Claim, 0, n)}
	s.dest = append(messageDest(&s.claim.Message), &s.claim.Fence, &s.claim.Version)
	s.dest = append(s.dest, s.registration.dest()...)
	return s
}

func (s *claimScan) add(rows *sql.Rows) (err error) {
	if err := rows.Scan(s.dest...); err != nil {
		return err
	}
	if s.claim.Registration, err = s.registration.registration(); err != nil {
		return err
	}
	s.claims = append(s.claims, s.claim)
	return nil
}

// claimAtOnce is one journey to PostgreSQL, whose UPDATE gives the registration
// along with the message.
func (db *DB) claimAtOnce(ctx context.Context, n int, args []any) (claims []jobs.Claim, err error) {
	query := db.queries.claim + ` RETURNING ` + claimColumns
	err = db.again(ctx, func() error {
		all := newClaimScan(n)
		err := lines(ctx, &db.kept, all.add, query, args...)
		claims = all.claims
		return err
	})
	return claims, err
}

// claimAndRead first claims and then reads. What SQLite gives from an UPDATE it
// copies aside first, and that without a join.
func (db *DB) claimAndRead(ctx context.Context, args []any) (claims []jobs.Claim, err error) {
	update, err := db.kept.get(ctx, db.queries.claim+` RETURNING id`)
	if err != nil {
		return nil, err
	}
	read, err := db.kept.get(ctx, `SELECT `+claimColumns+` FROM messages m JOIN registrations r ON r.id = m.registration_id
		WHERE `+db.d.among("m.id", "$1", "BIGINT"))
	if err != nil {
		return nil, err
	}
	err = db.tx(ctx, func(tx *sql.Tx) error {
		rows, err := tx.StmtContext(ctx, update).QueryContext(ctx, args...)
		var taken []int64
		err = each(rows, err, func(rows *sql.Rows) error {
			var id int64
			err := rows.Scan(&id)
			taken = append(taken, id)
			return err
		})
		if err != nil || len(taken) == 0 {
			claims = nil
			return err
		}
		all := newClaimScan(len(taken))
		rows, err = tx.StmtContext(ctx, read).QueryContext(ctx, db.d.numbers(taken))
		err = each(rows, err, all.add)
		claims = all.claims
		return err
	})
	return claims, err
}

// atFinalDot is the condition that message m corrects a calendar and has to
// wait for another one to the same person.
const atFinalDot = `(m.kind IN ('change', 'cancellation') AND EXISTS (
	SELECT 1 FROM messages o WHERE o.registration_id = m.registration_id AND o.state = 'final_dot'))`

// putAside settles what waits and may not be claimed.
func (db *DB) putAside(ctx context.Context, list []int64, now time.Time) error {
	rest, err := ids(ctx, db.read, `SELECT id FROM messages WHERE `+db.d.among("id", "$1", "BIGINT")+` AND `+waiting, db.d.numbers(list))
	if err != nil || len(rest) == 0 {
		return err // a task that came twice, mostly: its messages have left
	}
	if _, err := db.expire(ctx, rest, now); err != nil {
		return err
	}
	those := db.d.among("id", "$1", "BIGINT") + ` AND ` + waiting
	return db.tx(ctx, func(tx *sql.Tx) error {
		if db.d.forShare != "" {
			// A campaign that goes on meanwhile has to wait, or it finds nothing to set
			// free in what is held here.
			_, err := tx.ExecContext(ctx, `SELECT 1 FROM campaigns WHERE name IN (SELECT name FROM messages WHERE kind = 'campaign' AND `+those+`)
				ORDER BY name`+db.d.forShare, db.d.numbers(rest))
			if err != nil {
				return err
			}
		}
		// Before any message is written: who plans takes event, registrations and
		// messages in this order.
		if err := db.replanLapsed(ctx, tx, those, rest, now); err != nil {
			return err
		}
		// What is in doubt stays on record as such; no second copy leaves.
		_, err := tx.ExecContext(ctx, `UPDATE messages AS m SET
				state = CASE WHEN state = 'in_doubt' THEN state ELSE 'suppressed' END,
				reason = 'the address is on the suppression list', wake_at = NULL, fence = fence + 1
			WHERE `+those+` AND NOT `+notSuppressed, db.d.numbers(rest))
		if err != nil {
			return err
		}
		if err := db.putCampaignsAside(ctx, tx, those, rest); err != nil {
			return err
		}
		// What is owed no more and was not planned anew is of a campaign.
		_, err = tx.ExecContext(ctx, `UPDATE messages AS m SET
				state = CASE WHEN state = 'in_doubt' THEN state ELSE 'cancelled' END,
				reason = CASE WHEN state = 'in_doubt' THEN reason
					WHEN kind = 'campaign' AND (SELECT status FROM registrations r WHERE r.id = m.registration_id) = 'cancelled' THEN CAST($3 AS TEXT)
					ELSE CAST($2 AS TEXT) END,
				wake_at = NULL, fence = fence + 1
			WHERE `+those+` AND NOT `+stillOwed, db.d.numbers(rest), jobs.ReasonOvertaken, jobs.ReasonPersonOff)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE messages AS m SET wake_at = $2 WHERE wake_at < $2 AND `+those+` AND `+atFinalDot,
			db.d.numbers(rest), now.Add(pause).UnixMicro())
		if err != nil {
			return err
		}
		// Another fence has what waits on handed over anew: what came too early, and
		// what had to wait for a mail that is not at its final dot any more.
		_, err = tx.ExecContext(ctx, `UPDATE messages SET fence = fence + 1 WHERE `+those, db.d.numbers(rest))
		return err
	})
}

// replanLapsed plans people anew of whose messages one is owed no more. That was
// done when they cancelled, or the event moved; but a dot was on record then, and
// its mail counted as having left. It was stopped, and so they have nothing that a
// change could be of, or a cancellation: they are owed a confirmation, or nothing.
func (db *DB) replanLapsed(ctx context.Context, tx *sql.Tx, those string, rest []int64, now time.Time) error {
	lapsed := map[string][]int64{} // event → registrations
	err := lines(ctx, tx, func(rows *sql.Rows) error {
		var event string
		var registration int64
		err := rows.Scan(&event, &registration)
		lapsed[event] = append(lapsed[event], registration)
		return err
	}, `SELECT DISTINCT m.event_id, m.registration_id FROM messages m WHERE `+those+` AND m.kind <> 'campaign' AND NOT `+stillOwed, db.d.numbers(rest))
	if err != nil {
		return err
	}
	for _, id := range slices.Sorted(maps.Keys(lapsed)) {
		ev, err := db.event(ctx, tx, id)
		if err != nil {
			return err
		}
		regs, err := registrations(ctx, tx, `WHERE `+db.d.among("r.id", "$1", "BIGINT")+` ORDER BY r.id`+db.d.forUpdate, db.d.numbers(lapsed[id]))
		if err != nil {
			return err
		}
		if _, err := db.replan(ctx, tx, ev, regs, now, jobs.Options{}); err != nil {
			return err
		}
	}
	return nil
}

// putCampaignsAside settles messages of campaigns: those of people who
// unsubscribed, and those of campaigns that are paused or cancelled. Their rows
// may not have followed yet, or had just been in a worker's hands.
func (db *DB) putCampaignsAside(ctx context.Context, tx *sql.Tx, those string, rest []int64) error {
	const inDoubt = `state = CASE WHEN state = 'in_doubt' THEN state ELSE `
	for _, s := range []struct{ set, where, reason string }{
		{inDoubt + `'suppressed' END, wake_at = NULL`, `EXISTS (SELECT 1 FROM registrations r WHERE r.id = m.registration_id AND ` + unsubscribed + `)`, jobs.ReasonUnsubscribed},
		{inDoubt + `'held' END, wake_at = CASE WHEN state = 'in_doubt' THEN NULL ELSE expires_at END`, campaignIs(jobs.CampaignPaused, jobs.CampaignScheduled), jobs.ReasonCampaignHeld},
		{inDoubt + `'cancelled' END, wake_at = NULL`, campaignIs(jobs.CampaignCancelled), jobs.ReasonCampaignOff},
	} {
		_, err := tx.ExecContext(ctx, `UPDATE messages AS m SET `+s.set+`, reason = CASE WHEN state = 'in_doubt' THEN reason ELSE CAST($2 AS TEXT) END,
			fence = fence + 1 WHERE `+those+` AND m.kind = 'campaign' AND `+s.where, db.d.numbers(rest), s.reason)
		if err != nil {
			return err
		}
	}
	return nil
}
