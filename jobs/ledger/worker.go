package ledger

import (
	"context"
	"fmt"
	"time"

	"heraut/jobs"
)

// Heartbeat says that a worker lives and holds what it claimed until now plus
// lease. The first one of a worker puts it on record. trouble is why it sends
// nothing at present, in words for people and without addresses; "" when all
// is well.
func (db *DB) Heartbeat(ctx context.Context, worker string, now time.Time, lease time.Duration, trouble string) error {
	err := db.again(ctx, func() error {
		_, err := db.write.ExecContext(ctx, `INSERT INTO workers (id, lease_until, started_at, trouble) VALUES ($1, $2, $3, $4)
			ON CONFLICT (id) DO UPDATE SET lease_until = excluded.lease_until, trouble = excluded.trouble`,
			worker, now.Add(lease).UnixMicro(), now.UnixMicro(), jobs.TrimReason(clean(trouble)))
		return err
	})
	if err != nil {
		return fmt.Errorf("renew lease: %w", err)
	}
	return nil
}

// Others gives how many workers are alive at the instant now beside those named.
func (db *DB) Others(ctx context.Context, workers []string, now time.Time) (n int, err error) {
	p := params{args: []any{now.UnixMicro()}}
	named := ""
	for _, id := range workers {
		named += ` AND id <> ` + p.add(id)
	}
	if err := db.read.QueryRowContext(ctx, `SELECT COUNT(*) FROM workers WHERE lease_until > $1`+named, p.args...).Scan(&n); err != nil {
		return 0, fmt.Errorf("count workers: %w", err)
	}
	return n, nil
}

// Goodbye gives a worker's lease up; the next sweep releases what it held.
func (db *DB) Goodbye(ctx context.Context, worker string) error {
	err := db.again(ctx, func() error {
		_, err := db.write.ExecContext(ctx, `DELETE FROM workers WHERE id = $1`, worker)
		return err
	})
	if err != nil {
		return fmt.Errorf("give lease up: %w", err)
	}
	return nil
}
