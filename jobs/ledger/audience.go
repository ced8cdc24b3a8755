package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"iter"
	"strings"

	"heraut/jobs"
)

// AudienceRow is a registration that a campaign's expression chooses.
type AudienceRow struct {
	Registration jobs.Registration
	// LeftOut is why it gets nothing all the same: [jobs.ReasonOnSuppression],
	// [jobs.ReasonUnsubscribed], [jobs.ReasonNotInvited] or
	// [jobs.ReasonSameAddress]. "" for who counts.
	LeftOut string
	// Message is where its mail stands, as number, state, reason, instant and
	// answer; zero as long as there is none.
	Message jobs.Message
}

// Audience gives who a campaign chooses, in the order of the registrations:
// before it is sent as things are now, and afterwards as they were frozen. An
// error ends the sequence.
func (db *DB) Audience(ctx context.Context, c jobs.Campaign) iter.Seq2[AudienceRow, error] {
	var p params
	audience, name := audienceOf(db.d, c, &p), p.add(c.Name)
	query := `SELECT ` + registrationColumns + `, a.left_out, COALESCE(m.id, 0), COALESCE(m.state, ''), COALESCE(m.reason, ''), m.sent_at, COALESCE(m.smtp, '')
		FROM (` + audience + `) AS a JOIN registrations r ON r.id = a.registration_id
		LEFT JOIN messages m ON m.registration_id = r.id AND m.kind = 'campaign' AND m.name = ` + name + ` AND m.revision = 0
		ORDER BY r.id`
	return stream(ctx, db.read, "read audience", func(rows *sql.Rows) (row AudienceRow, err error) {
		var s registrationScan
		m := &row.Message
		if err := rows.Scan(append(s.dest(), &row.LeftOut, &m.ID, &m.State, &m.Reason, into{&m.SentAt}, &m.SMTP)...); err != nil {
			return row, err
		}
		row.Registration, err = s.registration()
		return row, err
	}, query, p.args)
}

// CountAudience gives how many people a campaign would go to, or goes to.
func (db *DB) CountAudience(ctx context.Context, c jobs.Campaign) (int, error) {
	n, err := countAudience(ctx, db.read, db.d, c)
	if err != nil {
		return 0, fmt.Errorf("count audience: %w", err)
	}
	return n, nil
}

func countAudience(ctx context.Context, q querier, d dialect, c jobs.Campaign) (n int, err error) {
	var p params
	audience := audienceOf(d, c, &p)
	err = q.QueryRowContext(ctx, `SELECT COUNT(*) FROM (`+audience+`) AS a WHERE left_out = ''`, p.args...).Scan(&n)
	return n, err
}

// audienceOf gives the SELECT of an audience: the frozen one where there is one.
func audienceOf(d dialect, c jobs.Campaign, p *params) string {
	if frozen(c.State) {
		return `SELECT registration_id, left_out FROM campaign_people WHERE name = ` + p.add(c.Name)
	}
	return audienceQuery(d, c, p)
}

// frozen says whether the audience of a campaign in a state is on record.
func frozen(s jobs.CampaignState) bool {
	switch s {
	case "", jobs.CampaignDraft, jobs.CampaignReady: // "": not saved yet
		return false
	}
	return true
}

// audienceQuery gives the one SELECT by which an audience is counted, shown and
// frozen: registration_id and left_out. Of several registrations with one
// address that of the campaign's event comes first, then the newest.
func audienceQuery(d dialect, c jobs.Campaign, p *params) string {
	where := []string{`r.status <> 'cancelled'`}
	if c.Audience.IsZero() {
		where = append(where, "FALSE") // an empty audience is nobody
	}
	c.Audience.Conditions(func(not bool, choices []jobs.AudienceChoice) {
		var any []string
		for _, choice := range choices {
			any = append(any, d.holds(choice, p))
		}
		condition := "(" + strings.Join(any, " OR ") + ")"
		if not {
			condition = "NOT " + condition
		}
		where = append(where, condition)
	})
	uninvited := ""
	if c.Invitation {
		uninvited = `
			WHEN r.event_id <> ` + p.add(c.EventID) + ` OR r.status <> 'registered' THEN '` + jobs.ReasonNotInvited + `'`
	}
	return `SELECT id AS registration_id, CASE WHEN left_out <> '' THEN left_out
			WHEN ROW_NUMBER() OVER (PARTITION BY email_key ORDER BY CASE WHEN event_id = ` + p.add(c.EventID) + ` THEN 0 ELSE 1 END, id DESC) > 1
			THEN '` + jobs.ReasonSameAddress + `' ELSE '' END AS left_out
		FROM (SELECT r.id, r.email_key, r.event_id, CASE` + uninvited + `
			WHEN EXISTS (SELECT 1 FROM suppressions s WHERE s.email_key = r.email_key) THEN '` + jobs.ReasonOnSuppression + `'
			WHEN EXISTS (SELECT 1 FROM unsubscriptions u WHERE u.email_key = r.email_key) THEN '` + jobs.ReasonUnsubscribed + `'
			ELSE '' END AS left_out
			FROM registrations r WHERE ` + strings.Join(where, " AND ") + `) AS chosen`
}

// holds writes one comparison as [jobs.AudienceExpr.Chooses] makes it. Values
// are arguments always. LIKE is not used: the databases differ about case.
func (d dialect) holds(c jobs.AudienceChoice, p *params) string {
	equal := func(column string) string { return column + " = " + p.add(c.Value) }
	switch c.Key {
	case "everyone":
		return "TRUE"
	case "event":
		return equal("r.event_id")
	case "status":
		return equal("r.status")
	case "lang":
		return equal("r.lang")
	case "answered":
		return equal("r.answered")
	case "email":
		return equal("r.email_key")
	case "domain":
		domain := `substr(r.email_key, ` + d.find + `(r.email_key, '@') + 1)`
		// Its length first: before the beginning SQLite counts from the end.
		below := p.add("." + c.Value)
		return `(` + equal(domain) + ` OR length(` + domain + `) > length(` + below + `) AND substr(` + domain + `, length(` + domain + `) - length(` + below + `) + 1) = ` + below + `)`
	case "tag":
		return d.find + `(r.tags, ` + p.add(" "+c.Value+" ") + `) > 0`
	case "organisation":
		return equal(d.lower("r.organisation"))
	case "name":
		return equal(d.lower("r.name"))
	case "approved":
		if c.Value == "yes" {
			return "r.approved"
		}
		return "NOT r.approved"
	}
	return "FALSE" // a key that jobs knows and this program does not chooses nobody
}
