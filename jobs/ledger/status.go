package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"heraut/jobs"
)

// Status is the ledger in numbers.
type Status struct {
	Registrations map[jobs.Status]int
	Messages      map[jobs.State]int
	OldestDue     time.Time // since when the message that is longest due waits; zero when none is due
	InDoubt       int       // Messages[jobs.InDoubt]
	Workers       int       // workers whose lease is live
	Troubles      []string  // why some of them send nothing at present, each reason once, sorted
}

// Status counts. States in which nothing is do not appear in the maps.
func (db *DB) Status(ctx context.Context, now time.Time) (Status, error) {
	s := Status{Registrations: map[jobs.Status]int{}, Messages: map[jobs.State]int{}}
	fail := func(err error) (Status, error) { return Status{}, fmt.Errorf("read status: %w", err) }
	if err := counts(ctx, db.read, s.Registrations, `SELECT status, COUNT(*) FROM registrations GROUP BY status`); err != nil {
		return fail(err)
	}
	if err := counts(ctx, db.read, s.Messages, `SELECT state, COUNT(*) FROM messages GROUP BY state`); err != nil {
		return fail(err)
	}
	s.InDoubt = s.Messages[jobs.InDoubt]
	err := lines(ctx, db.read, func(rows *sql.Rows) error {
		var trouble string
		err := rows.Scan(&trouble)
		s.Workers++
		if trouble != "" {
			s.Troubles = append(s.Troubles, trouble)
		}
		return err
	}, `SELECT trouble FROM workers WHERE lease_until > $1 ORDER BY trouble`, now.UnixMicro())
	if err != nil {
		return fail(err)
	}
	s.Troubles = slices.Compact(s.Troubles)
	if s.OldestDue, err = db.earliest(ctx, `state IN ('planned', 'retry') AND wake_at <= $1`, now.UnixMicro()); err != nil {
		return fail(err)
	}
	return s, nil
}

// counts reads a GROUP BY into a map.
func counts[K ~string](ctx context.Context, q querier, to map[K]int, query string) error {
	return lines(ctx, q, func(rows *sql.Rows) error {
		var k string
		var n int
		err := rows.Scan(&k, &n)
		to[K(k)] = n
		return err
	}, query)
}
