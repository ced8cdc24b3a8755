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
		_, err = tx.ExecContext(ctx, `INSERT INTO unsubscriptions (email_key, how, created_at) VALUES ($1, $2, $3) ON CONFLICT (email_key) DO NOTHING`,
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
	})
	if err != nil {
		return fmt.Errorf("unsubscribe: %w", err)
	}
	return nil
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
