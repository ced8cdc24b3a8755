package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"heraut/jobs"
)

// ErrStale: what a draft says may hold no longer.
var ErrStale = errors.New("the draft is out of date")

// ErrUntranslated: people of the audience read a language there is no text in.
var ErrUntranslated = errors.New("a translation is missing")

// CampaignError says that a campaign cannot be moved as it stands.
type CampaignError struct {
	Name     string
	From, To jobs.CampaignState
	Why      string // "" when its state says it all
	cause    error
}

// Error is for people.
func (e *CampaignError) Error() string {
	if e.Why != "" {
		return fmt.Sprintf("campaign %s cannot be %s: %s", e.Name, e.To, e.Why)
	}
	return fmt.Sprintf("campaign %s is %s and cannot become %s", e.Name, e.From, e.To)
}

func (e *CampaignError) Unwrap() error { return e.cause }

// CountError says that an audience is not as large as whoever sends a campaign
// thinks.
type CountError struct {
	Name       string
	Want, Have int // as it was said, and as it is
}

func (e *CountError) Error() string {
	if e.Have == 0 {
		return fmt.Sprintf("the audience of campaign %s is empty: nobody would get it", e.Name)
	}
	return fmt.Sprintf("campaign %s would go to %d people, not to %d", e.Name, e.Have, e.Want)
}

const campaignColumns = `c.name, c.event_id, c.revision, c.subject_nl, c.subject_en, c.body_nl, c.body_en, c.audience,
	c.state, c.reason, c.people, c.draft_at, c.start_at, c.beat_at, c.moved_by, c.asked_by,
	c.file_name, c.file_size, c.file_sha256, c.invitation`

func scanCampaign(rows *sql.Rows, more ...any) (c jobs.Campaign, err error) {
	var audience string
	err = rows.Scan(append([]any{&c.Name, &c.EventID, &c.Revision, &c.Subject.NL, &c.Subject.EN, &c.Body.NL, &c.Body.EN, &audience,
		&c.State, &c.Reason, &c.Count, into{&c.Draft}, into{&c.StartAt}, into{&c.BeatAt}, &c.By, &c.Asked,
		&c.Attachment.Name, &c.Attachment.Size, &c.Attachment.SHA256, &c.Invitation}, more...)...)
	if err != nil {
		return c, err
	}
	if c.Audience, err = jobs.ParseAudience(audience); err != nil {
		return c, fmt.Errorf("campaign %s: %w", c.Name, err)
	}
	return c, nil
}

// Campaign gives one campaign; [ErrNotFound] where there is none of that name.
func (db *DB) Campaign(ctx context.Context, name string) (jobs.Campaign, error) {
	c, err := campaign(ctx, db.read, name, "")
	if err != nil {
		return c, fmt.Errorf("read campaign: %w", err)
	}
	return c, nil
}

// campaign reads one; lock ends the statement.
func campaign(ctx context.Context, q queryer, name, lock string, more ...any) (c jobs.Campaign, err error) {
	found := false
	err = lines(ctx, q, func(rows *sql.Rows) error {
		found = true
		c, err = scanCampaign(rows, more...)
		return err
	}, `SELECT `+campaignColumns+campaignMore(len(more) > 0)+` FROM campaigns c WHERE c.name = $1`+lock, name)
	if err == nil && !found {
		err = fmt.Errorf("there is no campaign %q: %w", name, ErrNotFound)
	}
	return c, err
}

// campaignMore are the columns that only [DB.StepCampaign] reads, see progress.
func campaignMore(want bool) string {
	if want {
		return `, c.at_once, c.begun, COALESCE(c.cursor_at, -1), c.next_at`
	}
	return ""
}

// Campaigns gives all campaigns, the oldest text first.
func (db *DB) Campaigns(ctx context.Context) (list []jobs.Campaign, err error) {
	err = lines(ctx, db.read, func(rows *sql.Rows) error {
		c, err := scanCampaign(rows)
		list = append(list, c)
		return err
	}, `SELECT `+campaignColumns+` FROM campaigns c ORDER BY c.draft_at, c.name`)
	if err != nil {
		return nil, fmt.Errorf("read campaigns: %w", err)
	}
	return list, nil
}

// CampaignHistory tells who moved a campaign where, and when.
func (db *DB) CampaignHistory(ctx context.Context, name string) (list []jobs.CampaignEvent, err error) {
	err = lines(ctx, db.read, func(rows *sql.Rows) error {
		var e jobs.CampaignEvent
		err := rows.Scan(into{&e.At}, &e.By, &e.State, &e.Note)
		list = append(list, e)
		return err
	}, `SELECT at, by, state, note FROM campaign_log WHERE name = $1 ORDER BY id`, name)
	if err != nil {
		return nil, fmt.Errorf("read history of campaign: %w", err)
	}
	return list, nil
}

// SaveCampaign writes a draft, or writes one anew that was not sent yet, with the
// file that goes along; nil for none. Who wanted that one sent has to want so
// again. An event that is not on record is
// [ErrNoEvent]; a name that was sent before is a *[CampaignError].
func (db *DB) SaveCampaign(ctx context.Context, c jobs.Campaign, file *jobs.File, by string, now time.Time) error {
	c.Attachment = jobs.Attachment{}
	if file != nil {
		c.Attachment = file.Attachment()
	}
	err := db.tx(ctx, func(tx *sql.Tx) error {
		revision, _, err := occasion(ctx, tx, c.EventID, "")
		if err != nil {
			return err
		}
		switch have, err := campaign(ctx, tx, c.Name, db.d.forUpdate); {
		case err == nil && frozen(have.State):
			return &CampaignError{Name: c.Name, From: have.State, To: jobs.CampaignDraft, Why: "a campaign of this name was sent before; give this one a name of its own"}
		case err != nil && !errors.Is(err, ErrNotFound):
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO campaigns (name, event_id, revision, subject_nl, subject_en, body_nl, body_en, audience,
				state, reason, people, draft_at, moved_by, asked_by, at_once, begun, file_name, file_size, file_sha256, invitation)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'draft', '', 0, $9, $10, '', FALSE, FALSE, $11, $12, $13, $14)
			ON CONFLICT (name) DO UPDATE SET event_id = excluded.event_id, revision = excluded.revision, subject_nl = excluded.subject_nl,
				subject_en = excluded.subject_en, body_nl = excluded.body_nl, body_en = excluded.body_en, audience = excluded.audience,
				state = 'draft', reason = '', draft_at = excluded.draft_at, moved_by = excluded.moved_by, asked_by = '',
				file_name = excluded.file_name, file_size = excluded.file_size, file_sha256 = excluded.file_sha256, invitation = excluded.invitation`,
			c.Name, c.EventID, revision, clean(c.Subject.NL), clean(c.Subject.EN), clean(c.Body.NL), clean(c.Body.EN), c.Audience.String(),
			now.UnixMicro(), by, c.Attachment.Name, c.Attachment.Size, c.Attachment.SHA256, c.Invitation)
		if err != nil {
			return err
		}
		if err := saveFile(ctx, tx, c.Name, file); err != nil {
			return err
		}
		return logCampaign(ctx, tx, c.Name, jobs.CampaignDraft, by, "", now)
	})
	if err != nil {
		return fmt.Errorf("save campaign: %w", err)
	}
	return nil
}

// occasion gives the revision of an event and when it starts; lock ends the
// statement.
func occasion(ctx context.Context, q querier, event, lock string) (revision int, start time.Time, err error) {
	err = q.QueryRowContext(ctx, `SELECT revision, start_at FROM events WHERE id = $1`+lock, event).Scan(&revision, into{&start})
	if errors.Is(err, sql.ErrNoRows) {
		err = fmt.Errorf("%q: %w", event, ErrNoEvent)
	}
	return revision, start, err
}

func logCampaign(ctx context.Context, tx *sql.Tx, name string, state jobs.CampaignState, by, note string, now time.Time) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO campaign_log (name, at, by, state, note) VALUES ($1, $2, $3, $4, $5)`,
		name, now.UnixMicro(), by, string(state), jobs.TrimReason(clean(note)))
	return err
}

// SendOptions say how a campaign is sent.
type SendOptions struct {
	Count int       // people that whoever sends it expects
	At    time.Time // when it is to begin; zero is as soon as it may
	By    string    // who sends it
	// Untranslated says that people who read a language in which there is no text
	// are to get the Dutch one. Otherwise the campaign is not sent if there are any.
	Untranslated bool
	// AtOnce leaves out the minute in which it can be taken back, and the canary.
	AtOnce bool
}

// SendCampaign freezes the audience of a draft and schedules it, in one
// transaction. An audience of another size than was said is a *[CountError].
// Above [jobs.ApproveAbove] people the first organiser's wish is put on record
// ([jobs.CampaignReady]) and that of a second one sends it. A draft that is
// older than [jobs.DraftLasts], or whose event moved since, is [ErrStale], and
// one that lacks a translation [ErrUntranslated]; these and what was sent before
// are a *[CampaignError].
func (db *DB) SendCampaign(ctx context.Context, name string, opt SendOptions, now time.Time) (c jobs.Campaign, err error) {
	err = db.tx(ctx, func(tx *sql.Tx) error {
		if c, err = campaign(ctx, tx, name, db.d.forUpdate); err != nil {
			return err
		}
		if err := sendable(ctx, tx, c, opt, now); err != nil {
			return err
		}
		if err := db.readable(ctx, tx, c, opt); err != nil {
			return err
		}
		if c.State == jobs.CampaignDraft && opt.Count > jobs.ApproveAbove {
			n, err := countAudience(ctx, tx, db.d, c)
			if err != nil {
				return err
			}
			if n != opt.Count {
				return &CountError{name, opt.Count, n}
			}
			c.State, c.Asked, c.By = jobs.CampaignReady, opt.By, opt.By
			if _, err := tx.ExecContext(ctx, `UPDATE campaigns SET state = 'ready', asked_by = $2, moved_by = $2 WHERE name = $1`, name, opt.By); err != nil {
				return err
			}
			return logCampaign(ctx, tx, name, c.State, opt.By, "", now)
		}
		return db.schedule(ctx, tx, &c, opt, now)
	})
	if err != nil {
		return jobs.Campaign{}, fmt.Errorf("send campaign: %w", err)
	}
	return c, nil
}

// sendable says whether a campaign may be sent as it stands.
func sendable(ctx context.Context, tx *sql.Tx, c jobs.Campaign, opt SendOptions, now time.Time) error {
	revision, _, err := occasion(ctx, tx, c.EventID, "")
	if err != nil {
		return err
	}
	no := func(cause error, why string) error {
		return &CampaignError{Name: c.Name, From: c.State, To: jobs.CampaignScheduled, Why: why, cause: cause}
	}
	switch {
	case frozen(c.State):
		return no(nil, fmt.Sprintf("it was sent before, and is %s; nobody gets a campaign twice", c.State))
	case now.Sub(c.Draft) > jobs.DraftLasts:
		return no(ErrStale, fmt.Sprintf("it was written on %s and is too old; look at it again and save it anew", c.Draft.Format(time.DateOnly)))
	case revision != c.Revision:
		return no(ErrStale, "the event changed after it was written; look at it again and save it anew")
	case c.State == jobs.CampaignReady && c.Asked == opt.By:
		return no(nil, fmt.Sprintf("above %d people a second organiser has to send it as well, and %s was the first", jobs.ApproveAbove, opt.By))
	}
	return nil
}

// readable says whether there is a text for everybody.
func (db *DB) readable(ctx context.Context, tx *sql.Tx, c jobs.Campaign, opt SendOptions) error {
	if c.Body.EN != "" || opt.Untranslated {
		return nil
	}
	var p params
	audience, english := audienceOf(db.d, c, &p), p.add(string(jobs.English))
	var n int
	err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM (`+audience+`) AS a JOIN registrations r ON r.id = a.registration_id
		WHERE a.left_out = '' AND r.lang = `+english, p.args...).Scan(&n)
	if err == nil && n > 0 {
		err = &CampaignError{Name: c.Name, From: c.State, To: jobs.CampaignScheduled, cause: ErrUntranslated,
			Why: fmt.Sprintf("of its audience %d read English, and it has no English text", n)}
	}
	return err
}

// schedule freezes the audience.
func (db *DB) schedule(ctx context.Context, tx *sql.Tx, c *jobs.Campaign, opt SendOptions, now time.Time) error {
	var p params
	audience := audienceQuery(db.d, *c, &p)
	res, err := tx.ExecContext(ctx, `INSERT INTO campaign_people (name, registration_id, left_out)
		SELECT CAST(`+p.add(c.Name)+` AS TEXT), registration_id, left_out FROM (`+audience+`) AS a WHERE TRUE`, p.args...)
	if err != nil {
		return err
	}
	if _, err := res.RowsAffected(); err != nil {
		return err
	}
	from := c.State
	c.State = jobs.CampaignScheduled
	if c.Count, err = countAudience(ctx, tx, db.d, *c); err != nil {
		return err
	}
	if c.Count != opt.Count || c.Count == 0 {
		return &CountError{c.Name, opt.Count, c.Count}
	}
	earliest := now.Add(jobs.CampaignUndo)
	if opt.AtOnce {
		earliest = now
	}
	if c.StartAt = stored(opt.At); c.StartAt.Before(earliest) {
		c.StartAt = stored(earliest)
	}
	if c.Invitation {
		_, start, err := occasion(ctx, tx, c.EventID, db.d.forShare)
		if err != nil {
			return err
		}
		if !c.StartAt.Before(start) {
			return &CampaignError{Name: c.Name, From: from, To: jobs.CampaignScheduled, Why: "it invites to an event that has started by then; let it begin earlier"}
		}
	}
	c.BeatAt, c.By = stored(now), opt.By
	_, err = tx.ExecContext(ctx, `UPDATE campaigns SET state = 'scheduled', people = $2, start_at = $3, beat_at = $4, moved_by = $5, at_once = $6,
		cursor_at = 0, next_at = NULL WHERE name = $1`, c.Name, c.Count, c.StartAt.UnixMicro(), now.UnixMicro(), opt.By, opt.AtOnce)
	if err != nil {
		return err
	}
	return logCampaign(ctx, tx, c.Name, c.State, opt.By, fmt.Sprintf("%d people", c.Count), now)
}

// PauseCampaign holds what has not left of a campaign that is scheduled or
// running, for a reason that people read. From its return on none of it passes
// [DB.FinalDot]; its rows follow by [DB.StepCampaign].
func (db *DB) PauseCampaign(ctx context.Context, name, reason, by string, now time.Time) (jobs.Campaign, error) {
	return db.moveCampaign(ctx, name, by, now, func(c *jobs.Campaign, _ bool) { c.State, c.Reason = jobs.CampaignPaused, reason })
}

// ResumeCampaign lets a campaign that is paused go on.
func (db *DB) ResumeCampaign(ctx context.Context, name, by string, now time.Time) (jobs.Campaign, error) {
	return db.moveCampaign(ctx, name, by, now, func(c *jobs.Campaign, begun bool) {
		c.Reason = ""
		if c.State != jobs.CampaignPaused {
			c.State = jobs.CampaignRunning // which that one cannot become
			return
		}
		c.State = jobs.CampaignScheduled
		if begun {
			c.State = jobs.CampaignRunning
		} else if c.StartAt.Before(now) {
			c.StartAt = stored(now)
		}
	})
}

// CancelCampaign ends a campaign for good. What has not left never will; the
// rest is as with [DB.PauseCampaign].
func (db *DB) CancelCampaign(ctx context.Context, name, by string, now time.Time) (jobs.Campaign, error) {
	return db.moveCampaign(ctx, name, by, now, func(c *jobs.Campaign, _ bool) { c.State, c.Reason = jobs.CampaignCancelled, "" })
}

// moveCampaign moves a campaign to another state and has its rows follow.
func (db *DB) moveCampaign(ctx context.Context, name, by string, now time.Time, move func(c *jobs.Campaign, begun bool)) (c jobs.Campaign, err error) {
	err = db.tx(ctx, func(tx *sql.Tx) error {
		var pr progress
		if c, err = campaign(ctx, tx, name, db.d.forUpdate, pr.dest()...); err != nil {
			return err
		}
		from := c.State
		move(&c, pr.begun)
		if !from.CanBecome(c.State) || from == c.State {
			return &CampaignError{Name: name, From: from, To: c.State}
		}
		c.By, c.BeatAt, c.Reason = by, stored(now), jobs.TrimReason(clean(c.Reason))
		return writeCampaign(ctx, tx, c, now)
	})
	if err != nil {
		return jobs.Campaign{}, fmt.Errorf("move campaign: %w", err)
	}
	return c, nil
}

// writeCampaign stores where a campaign stands; its rows begin to follow.
func writeCampaign(ctx context.Context, tx *sql.Tx, c jobs.Campaign, now time.Time) error {
	_, err := tx.ExecContext(ctx, `UPDATE campaigns SET state = $2, reason = $3, moved_by = $4, start_at = $5, beat_at = $6, cursor_at = 0 WHERE name = $1`,
		c.Name, string(c.State), c.Reason, c.By, micros(c.StartAt), micros(c.BeatAt))
	if err != nil {
		return err
	}
	return logCampaign(ctx, tx, c.Name, c.State, c.By, c.Reason, now)
}
