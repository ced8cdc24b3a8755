package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"heraut/jobs"
)

// UnsubscribeRegistration puts the address of a registration on the list of who
// gets no campaigns; how says by which way it was asked. Mail about their own
// registrations they still get. From the return on no campaign's mail to it
// passes [DB.FinalDot]. Who is on the list stays there. [ErrNotFound] for no
// such registration.
func (db *DB) UnsubscribeRegistration(ctx context.Context, id int64, how string, now time.Time) error {
	err := db.tx(ctx, func(tx *sql.Tx) error {
		key, _, err := keyOf(ctx, tx, id)
		if err != nil {
			return err
		}
		return unsubscribe(ctx, tx, key, how, now)
	})
	if err != nil {
		return fmt.Errorf("unsubscribe: %w", err)
	}
	return nil
}

// Unsubscribe does so for an address, which need not be that of a registration.
func (db *DB) Unsubscribe(ctx context.Context, addr jobs.Address, how string, now time.Time) error {
	err := db.tx(ctx, func(tx *sql.Tx) error { return unsubscribe(ctx, tx, addr.Key(), how, now) })
	if err != nil {
		return fmt.Errorf("unsubscribe: %w", err)
	}
	return nil
}

func unsubscribe(ctx context.Context, tx *sql.Tx, key, how string, now time.Time) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO unsubscriptions (email_key, how, created_at) VALUES ($1, $2, $3)
		ON CONFLICT (email_key) DO UPDATE SET how = excluded.how WHERE excluded.how = '`+jobs.Complaint+`'`,
		key, jobs.TrimReason(clean(how)), now.UnixMicro())
	if err != nil {
		return err
	}
	// A worker that holds one is stopped by the fence.
	_, err = tx.ExecContext(ctx, `UPDATE messages SET state = CASE WHEN doubts > 0 THEN 'in_doubt' ELSE 'suppressed' END,
			reason = $2, wake_at = NULL, owner = '', fence = fence + 1
		WHERE kind = 'campaign' AND state IN ('planned', 'retry', 'held', 'claimed') AND registration_id IN (SELECT id FROM registrations WHERE email_key = $1)`,
		key, jobs.ReasonUnsubscribed)
	return err
}

// Complain unsubscribes an address whose owner called a campaign spam, and pauses
// each campaign that it was sent and that [jobs.TooManyComplaints] were about since
// it began, or a person last let it go on. It gives those that it paused. After an
// error it may be called again.
func (db *DB) Complain(ctx context.Context, addr jobs.Address, now time.Time) (paused []jobs.Campaign, err error) {
	if err := db.Unsubscribe(ctx, addr, jobs.Complaint, now); err != nil {
		return nil, fmt.Errorf("complain: %w", err)
	}
	type count struct {
		name             string
		sent, complaints int
	}
	var counts []count
	err = lines(ctx, db.read, func(rows *sql.Rows) error {
		var c count
		err := rows.Scan(&c.name, &c.sent, &c.complaints)
		counts = append(counts, c)
		return err
	}, `SELECT c.name, COUNT(*), COUNT(u.email_key) FROM campaigns c
		JOIN messages m ON m.kind = 'campaign' AND m.name = c.name AND m.state IN ('final_dot', 'sent', 'in_doubt')
		JOIN registrations r ON r.id = m.registration_id
		LEFT JOIN unsubscriptions u ON u.email_key = r.email_key AND u.how = '`+jobs.Complaint+`'
			AND u.created_at >= (SELECT MAX(l.at) FROM campaign_log l WHERE l.name = c.name AND l.state = 'running')
		WHERE c.state = 'running' GROUP BY c.name HAVING MAX(CASE WHEN r.email_key = $1 THEN 1 ELSE 0 END) = 1 ORDER BY c.name`, addr.Key())
	if err != nil {
		return nil, fmt.Errorf("complain: %w", err)
	}
	for _, n := range counts {
		if !jobs.TooManyComplaints(n.complaints, n.sent) {
			continue
		}
		c, err := db.PauseCampaign(ctx, n.name, fmt.Sprintf("called spam by %d/%d", n.complaints, n.sent), keeper, now)
		if _, moved := errors.AsType[*CampaignError](err); moved {
			continue // somebody was first
		}
		if err != nil {
			return paused, fmt.Errorf("complain: %w", err)
		}
		paused = append(paused, c)
	}
	return paused, nil
}

// keyOf gives the address of a registration, as lists compare it, and its
// language.
func keyOf(ctx context.Context, q querier, id int64) (key string, lang jobs.Lang, err error) {
	err = q.QueryRowContext(ctx, `SELECT email_key, lang FROM registrations WHERE id = $1`, id).Scan(&key, &lang)
	if errors.Is(err, sql.ErrNoRows) {
		err = fmt.Errorf("registration %d: %w", id, ErrNotFound)
	}
	return key, lang, err
}

// Unsubscribed says whether the address of a registration gets no campaigns, and
// in which language its person reads. [ErrNotFound] for no such registration.
func (db *DB) Unsubscribed(ctx context.Context, registration int64) (lang jobs.Lang, on bool, err error) {
	key, lang, err := keyOf(ctx, db.read, registration)
	if err == nil {
		err = db.read.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM unsubscriptions WHERE email_key = $1)`, key).Scan(&on)
	}
	if err != nil {
		return "", false, fmt.Errorf("read unsubscription: %w", err)
	}
	return lang, on, nil
}

// Resubscribe takes an address off the list. It gets the campaigns that are
// sent from now on. [ErrNotFound] when it is not on it.
func (db *DB) Resubscribe(ctx context.Context, addr jobs.Address) error {
	var n int64
	err := db.again(ctx, func() error {
		res, err := db.write.ExecContext(ctx, `DELETE FROM unsubscriptions WHERE email_key = $1`, addr.Key())
		if err != nil {
			return err
		}
		n, err = res.RowsAffected()
		return err
	})
	if err == nil && n == 0 {
		err = fmt.Errorf("the address gets campaigns: %w", ErrNotFound)
	}
	if err != nil {
		return fmt.Errorf("resubscribe: %w", err)
	}
	return nil
}
