package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// Secret gives the secret on record under a name; where there is none it puts
// fresh there. Of several processes that bring different ones at once, all get
// the same. The value is stored as it is: who can read the database can read
// the secret. A fresh that is empty is refused when it would be needed.
func (db *DB) Secret(ctx context.Context, name string, fresh []byte) ([]byte, error) {
	value, err := secret(ctx, db.read, name)
	if errors.Is(err, sql.ErrNoRows) {
		value, err = db.keepSecret(ctx, name, fresh)
	}
	if err != nil {
		return nil, fmt.Errorf("secret %q: %w", name, err)
	}
	return value, nil
}

// keepSecret stores a secret unless somebody was first, and reads what is
// there then.
func (db *DB) keepSecret(ctx context.Context, name string, fresh []byte) (value []byte, err error) {
	if len(fresh) == 0 {
		return nil, fmt.Errorf("none on record: %w", ErrNotFound)
	}
	err = db.tx(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `INSERT INTO secrets (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING`, name, fresh); err != nil {
			return err
		}
		value, err = secret(ctx, tx, name)
		return err
	})
	return value, err
}

func secret(ctx context.Context, q querier, name string) (value []byte, err error) {
	err = q.QueryRowContext(ctx, `SELECT value FROM secrets WHERE name = $1`, name).Scan(&value)
	return value, err
}
