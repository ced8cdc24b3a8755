package ledger

import (
	"context"
	"database/sql"
	"fmt"

	"heraut/jobs"
)

// CampaignReport is what became of a campaign's frozen audience.
type CampaignReport struct {
	Campaign  jobs.Campaign
	Messages  map[jobs.State]int // of those who count
	Unwritten int                // of those who count, who has no message yet
	// LeftOut counts, by reason, who gets none: left out when the audience was
	// frozen, or stopped later.
	LeftOut map[string]int
}

// CampaignReport counts what became of a campaign; [ErrNotFound] where there is
// none of that name.
func (db *DB) CampaignReport(ctx context.Context, name string) (CampaignReport, error) {
	r, err := db.campaignReport(ctx, name)
	if err != nil {
		return r, fmt.Errorf("report campaign: %w", err)
	}
	return r, nil
}

func (db *DB) campaignReport(ctx context.Context, name string) (r CampaignReport, err error) {
	r = CampaignReport{Messages: map[jobs.State]int{}, LeftOut: map[string]int{}}
	if r.Campaign, err = campaign(ctx, db.read, name, ""); err != nil {
		return r, err
	}
	r.Unwritten = r.Campaign.Count
	err = lines(ctx, db.read, func(rows *sql.Rows) error {
		var state jobs.State
		var reason string
		var n int
		if err := rows.Scan(&state, &reason, &n); err != nil {
			return err
		}
		r.Messages[state] += n
		r.Unwritten -= n
		if reason != "" {
			r.LeftOut[reason] += n
		}
		return nil
	}, `SELECT m.state, CASE WHEN m.state IN ('suppressed', 'cancelled', 'expired', 'failed') THEN m.reason ELSE '' END, COUNT(*)
		FROM campaign_people p JOIN messages m ON m.registration_id = p.registration_id AND m.kind = 'campaign' AND m.name = p.name AND m.revision = 0
		WHERE p.name = $1 AND p.left_out = '' GROUP BY 1, 2`, name)
	if err != nil {
		return r, err
	}
	err = lines(ctx, db.read, func(rows *sql.Rows) error {
		var reason string
		var n int
		err := rows.Scan(&reason, &n)
		r.LeftOut[reason] += n
		return err
	}, `SELECT left_out, COUNT(*) FROM campaign_people WHERE name = $1 AND left_out <> '' GROUP BY left_out`, name)
	return r, err
}
