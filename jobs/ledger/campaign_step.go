package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"heraut/jobs"
)

// progress is how far the rows of a campaign follow its state.
type progress struct {
	atOnce, begun bool
	cursor        int64     // the registration up to which they do; -1: all
	next          time.Time // not before; zero is at any time
}

func (p *progress) dest() []any { return []any{&p.atOnce, &p.begun, &p.cursor, into{&p.next}} }

// campaignIs is the condition that the campaign of message m is in a state.
func campaignIs(states ...jobs.CampaignState) string {
	list := ""
	for i, s := range states {
		if i > 0 {
			list += ", "
		}
		list += "'" + string(s) + "'"
	}
	return `EXISTS (SELECT 1 FROM campaigns c WHERE c.name = m.name AND c.state IN (` + list + `))`
}

// CampaignsToStep names the campaigns whose rows do not follow their state and
// now could.
func (db *DB) CampaignsToStep(ctx context.Context, now time.Time) (names []string, err error) {
	err = lines(ctx, &db.keptReads, func(rows *sql.Rows) error {
		var name string
		err := rows.Scan(&name)
		names = append(names, name)
		return err
	}, `SELECT name FROM campaigns WHERE cursor_at IS NOT NULL AND (state IN ('paused', 'cancelled') OR state = 'scheduled' AND start_at <= $1
		OR state = 'running' AND (next_at IS NULL OR next_at <= $1)) ORDER BY name`, now.UnixMicro())
	if err != nil {
		return nil, fmt.Errorf("find campaigns: %w", err)
	}
	return names, nil
}

// StepCampaign brings the messages of the next people of a campaign, at most
// limit, in line with its state, and says whether there are more now. A campaign
// whose moment came begins. Several may do so at once, and any of them may stop
// at any moment: each call is one transaction.
func (db *DB) StepCampaign(ctx context.Context, name string, limit int, now time.Time) (more bool, err error) {
	err = db.tx(ctx, func(tx *sql.Tx) error {
		more, err = db.stepCampaign(ctx, tx, name, limit, now)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("step campaign: %w", err)
	}
	return more, nil
}

func (db *DB) stepCampaign(ctx context.Context, tx *sql.Tx, name string, limit int, now time.Time) (more bool, err error) {
	var pr progress
	c, err := campaign(ctx, tx, name, db.d.forUpdate, pr.dest()...)
	if err != nil {
		return false, err
	}
	if c.State == jobs.CampaignScheduled && !c.StartAt.After(now) && !tooLate(c, now) {
		if err := begin(ctx, tx, &c, now); err != nil {
			return false, err
		}
		pr.begun, pr.cursor = true, 0
	}
	running := c.State == jobs.CampaignRunning
	switch {
	case pr.cursor < 0, running && pr.next.After(now):
		return false, nil
	case !running && c.State != jobs.CampaignPaused && c.State != jobs.CampaignCancelled:
		return false, nil
	}
	canary := running && !pr.atOnce && pr.next.IsZero() && c.Count > jobs.CanarySize
	if canary {
		limit = min(limit, jobs.CanarySize)
	}
	people, err := ids(ctx, tx, `SELECT registration_id FROM campaign_people WHERE name = $1 AND registration_id > $2 AND left_out = ''
		ORDER BY registration_id LIMIT $3`, name, pr.cursor, limit)
	if err != nil {
		return false, err
	}
	if err := db.follow(ctx, tx, c, people, now); err != nil {
		return false, err
	}
	more = len(people) == limit
	var cursor, next any
	if more {
		cursor = people[len(people)-1]
	}
	next = micros(pr.next)
	if canary {
		next = now.Add(jobs.CanaryWait).UnixMicro()
	}
	_, err = tx.ExecContext(ctx, `UPDATE campaigns SET cursor_at = CAST($2 AS BIGINT), next_at = CAST($3 AS BIGINT) WHERE name = $1`, name, cursor, next)
	return more && !canary, err
}

// begin has a campaign run.
func begin(ctx context.Context, tx *sql.Tx, c *jobs.Campaign, now time.Time) error {
	c.State, c.BeatAt = jobs.CampaignRunning, stored(now)
	_, err := tx.ExecContext(ctx, `UPDATE campaigns SET state = 'running', begun = TRUE, beat_at = $2, cursor_at = 0 WHERE name = $1`, c.Name, now.UnixMicro())
	if err != nil {
		return err
	}
	return logCampaign(ctx, tx, c.Name, c.State, keeper, "", now)
}

// keeper is who moves a campaign when no person does.
const keeper = "heraut"

// follow brings messages of some people in line with their campaign.
func (db *DB) follow(ctx context.Context, tx *sql.Tx, c jobs.Campaign, people []int64, now time.Time) (err error) {
	if len(people) == 0 {
		return nil
	}
	those := `kind = 'campaign' AND revision = 0 AND name = $1 AND ` + db.d.among("registration_id", "$2", "BIGINT")
	list := db.d.numbers(people)
	switch c.State {
	case jobs.CampaignRunning:
		var m jobs.Message
		if m, err = db.campaignMail(ctx, tx, c, people, now); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `WITH people(person) AS (`+db.d.each("$2", "BIGINT")+`)
			INSERT INTO messages (registration_id, event_id, kind, name, revision, sequence, queue, state, reason,
				rule_at, due_at, expires_at, wake_at)
			SELECT person, CAST($3 AS TEXT), 'campaign', CAST($1 AS TEXT), 0, CAST($4 AS BIGINT), 'bulk', CAST($5 AS TEXT), CAST($6 AS TEXT),
				CAST($7 AS BIGINT), CAST($8 AS BIGINT), CAST($9 AS BIGINT), CAST($10 AS BIGINT) FROM people WHERE TRUE
			ON CONFLICT (registration_id, kind, name, revision) DO UPDATE SET state = excluded.state, reason = excluded.reason,
				wake_at = excluded.wake_at, fence = messages.fence + 1 WHERE messages.state = 'held'`,
			c.Name, list, c.EventID, m.Sequence, string(m.State), m.Reason, micros(m.RuleAt), micros(m.DueAt), micros(m.ExpiresAt), micros(wake(m)))
	case jobs.CampaignPaused:
		_, err = tx.ExecContext(ctx, `UPDATE messages SET state = 'held', reason = $3, wake_at = expires_at, fence = fence + 1
			WHERE `+those+` AND state IN ('planned', 'retry') AND doubts = 0`, c.Name, list, jobs.ReasonCampaignHeld)
	case jobs.CampaignCancelled:
		_, err = tx.ExecContext(ctx, `UPDATE messages SET state = 'cancelled', reason = $3, wake_at = NULL, fence = fence + 1
			WHERE `+those+` AND state IN ('planned', 'retry', 'held') AND doubts = 0`, c.Name, list, jobs.ReasonCampaignOff)
	}
	return err
}

// campaignMail gives the message that is owed to some people of a campaign. For an
// invitation the event and, on PostgreSQL, the registrations stay as they are
// until the transaction ends: who moves or cancels finds the rows, or these know.
func (db *DB) campaignMail(ctx context.Context, tx *sql.Tx, c jobs.Campaign, people []int64, now time.Time) (m jobs.Message, err error) {
	m = jobs.Message{State: jobs.Planned, RuleAt: c.StartAt, DueAt: now, ExpiresAt: c.StartAt.Add(jobs.CampaignLasts)}
	if !c.Invitation {
		return m, nil
	}
	revision, start, err := occasion(ctx, tx, c.EventID, db.d.forShare)
	if err != nil {
		return m, err
	}
	if start.Before(m.ExpiresAt) {
		m.ExpiresAt = start
	}
	if m.Sequence = c.Revision; revision != c.Revision {
		m.State, m.Reason = jobs.CancelledState, jobs.ReasonMoved
	}
	if db.d.forShare != "" {
		_, err = ids(ctx, tx, `SELECT id FROM registrations WHERE `+db.d.among("id", "$1", "BIGINT")+` ORDER BY id`+db.d.forShare, db.d.numbers(people))
	}
	return m, err
}

// tooLate says whether a campaign should have begun so long ago that it must
// not by itself.
func tooLate(c jobs.Campaign, now time.Time) bool { return now.Sub(c.StartAt) > jobs.CampaignMaxLate }

// KeepCampaigns says that campaigns are looked after at the instant now. One
// that nobody looked after for longer than [jobs.CampaignMaxLate], or that should
// have begun so long ago, is paused instead, since a backup may have been put
// back; one of which nothing waits any more is done.
func (db *DB) KeepCampaigns(ctx context.Context, now time.Time) (kept jobs.KeptCampaigns, err error) {
	var open []jobs.Campaign
	var whole []string
	err = lines(ctx, &db.keptReads, func(rows *sql.Rows) error {
		var pr progress
		c, err := scanCampaign(rows, pr.dest()...)
		open = append(open, c)
		if c.State == jobs.CampaignRunning && pr.cursor < 0 {
			whole = append(whole, c.Name)
		}
		return err
	}, `SELECT `+campaignColumns+campaignMore(true)+` FROM campaigns c WHERE c.state IN ('scheduled', 'running')`)
	if err == nil && len(open) > 0 {
		kept, err = db.keepCampaigns(ctx, open, whole, now)
	}
	if err != nil {
		return kept, fmt.Errorf("keep campaigns: %w", err)
	}
	return kept, nil
}

func (db *DB) keepCampaigns(ctx context.Context, open []jobs.Campaign, whole []string, now time.Time) (kept jobs.KeptCampaigns, err error) {
	for _, c := range open {
		last := c.BeatAt
		if c.State == jobs.CampaignScheduled {
			last = c.StartAt
		}
		if now.Sub(last) <= jobs.CampaignMaxLate {
			continue
		}
		c.Reason = "nobody looked after it since " + last.Format("2006-01-02 15:04 MST") + "; if a backup was put back, some may have it: resume or cancel it"
		// Only as it was read: somebody may have been first.
		done, err := db.endCampaign(ctx, c, jobs.CampaignPaused, now)
		if err != nil {
			return kept, err
		}
		if done {
			kept.Paused = append(kept.Paused, c.Name)
		}
	}
	err = db.again(ctx, func() error {
		_, err := db.write.ExecContext(ctx, `UPDATE campaigns SET beat_at = $1 WHERE state = 'running' AND beat_at < $1 AND beat_at > $2`,
			now.UnixMicro(), now.Add(-jobs.CampaignMaxLate).UnixMicro())
		return err
	})
	if err != nil {
		return kept, err
	}
	for _, name := range whole {
		var waits bool
		err := db.read.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM messages WHERE queue = 'bulk' AND wake_at IS NOT NULL AND kind = 'campaign' AND name = $1)`, name).Scan(&waits)
		if err != nil {
			return kept, err
		}
		if waits {
			continue
		}
		done, err := db.endCampaign(ctx, jobs.Campaign{Name: name, State: jobs.CampaignRunning}, jobs.CampaignDone, now)
		if err != nil {
			return kept, err
		}
		if done {
			kept.Done = append(kept.Done, name)
		}
	}
	return kept, nil
}

// endCampaign moves a campaign that still is as it was read; false when not.
func (db *DB) endCampaign(ctx context.Context, was jobs.Campaign, to jobs.CampaignState, now time.Time) (done bool, err error) {
	err = db.tx(ctx, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, `UPDATE campaigns SET state = $3, reason = $4, moved_by = $5,
				cursor_at = CASE WHEN $3 = 'done' THEN NULL ELSE 0 END
			WHERE name = $1 AND state = $2 AND (CAST($6 AS BIGINT) IS NULL OR beat_at = CAST($6 AS BIGINT)) AND ($3 <> 'done' OR cursor_at IS NULL)`,
			was.Name, string(was.State), string(to), was.Reason, keeper, micros(was.BeatAt))
		if err != nil {
			return err
		}
		n, err := res.RowsAffected()
		if done = n == 1; err != nil || !done {
			return err
		}
		return logCampaign(ctx, tx, was.Name, to, keeper, was.Reason, now)
	})
	return done, err
}
