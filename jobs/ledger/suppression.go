package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"heraut/jobs"
)

// Suppression is an address that gets no mail, whatever it is registered for.
type Suppression struct {
	Email     jobs.Address // as [jobs.Address.Key] has it
	Reason    string
	CreatedAt time.Time
}

// Suppress puts an address on the suppression list; one that is on it stays
// as it is. From the return on no message to it passes [DB.FinalDot]. Messages
// that wait stay planned until their moment, so that [DB.Unsuppress] leaves
// nothing to repair.
func (db *DB) Suppress(ctx context.Context, addr jobs.Address, reason string, now time.Time) error {
	err := db.tx(ctx, func(tx *sql.Tx) error { return suppress(ctx, tx, addr.Key(), reason, now) })
	if err != nil {
		return fmt.Errorf("suppress address: %w", err)
	}
	return nil
}

func suppress(ctx context.Context, tx *sql.Tx, key, reason string, now time.Time) error {
	reason = jobs.TrimReason(clean(reason))
	if _, err := tx.ExecContext(ctx, `INSERT INTO suppressions (email_key, reason, created_at) VALUES ($1, $2, $3) ON CONFLICT (email_key) DO NOTHING`,
		key, reason, now.UnixMicro()); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `UPDATE messages SET
			state = CASE WHEN doubts > 0 THEN 'in_doubt' ELSE 'suppressed' END,
			reason = 'the address is on the suppression list', wake_at = NULL, owner = '', fence = fence + 1
		WHERE state = 'claimed' AND registration_id IN (SELECT id FROM registrations WHERE email_key = $1)`, key)
	return err
}

// suppressOf puts the address of a message on the list.
func suppressOf(ctx context.Context, tx *sql.Tx, o jobs.Outcome, now time.Time) error {
	var key string
	err := tx.QueryRowContext(ctx, `SELECT r.email_key FROM messages m JOIN registrations r ON r.id = m.registration_id WHERE m.id = $1`, o.ID).Scan(&key)
	if err != nil {
		return err
	}
	reason := o.SMTP
	if reason == "" {
		reason = o.Reason
	}
	return suppress(ctx, tx, key, reason, now)
}

// Unsuppress takes an address off the list. What was stopped meanwhile stays
// stopped; [DB.RetryMessage] sends it after all.
func (db *DB) Unsuppress(ctx context.Context, addr jobs.Address) error {
	var n int64
	err := db.again(ctx, func() error {
		res, err := db.write.ExecContext(ctx, `DELETE FROM suppressions WHERE email_key = $1`, addr.Key())
		if err != nil {
			return err
		}
		n, err = res.RowsAffected()
		return err
	})
	if err == nil && n == 0 {
		err = fmt.Errorf("the address is not on the suppression list: %w", ErrNotFound)
	}
	if err != nil {
		return fmt.Errorf("unsuppress address: %w", err)
	}
	return nil
}

// Suppressions gives the list, the oldest first.
func (db *DB) Suppressions(ctx context.Context) ([]Suppression, error) {
	var list []Suppression
	err := lines(ctx, db.read, func(rows *sql.Rows) error {
		var s Suppression
		var email string
		if err := rows.Scan(&email, &s.Reason, into{&s.CreatedAt}); err != nil {
			return err
		}
		var err error
		s.Email, err = jobs.ParseAddress(email)
		list = append(list, s)
		return err
	}, `SELECT email_key, reason, created_at FROM suppressions ORDER BY created_at, email_key`)
	if err != nil {
		return nil, fmt.Errorf("read suppressions: %w", err)
	}
	return list, nil
}
