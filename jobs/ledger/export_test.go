package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"
)

// MigrateDown takes the last migration back.
func MigrateDown(ctx context.Context, url string) error {
	db, err := connect(ctx, url)
	if err != nil {
		return err
	}
	defer db.Close()
	p, err := db.migrations()
	if err != nil {
		return err
	}
	_, err = p.Down(ctx)
	return err
}

// MigrateTo goes up to one version.
func MigrateTo(ctx context.Context, url string, version int64) error {
	db, err := connect(ctx, url)
	if err != nil {
		return err
	}
	defer db.Close()
	p, err := db.migrations()
	if err != nil {
		return err
	}
	_, err = p.UpTo(ctx, version)
	return err
}

// Migrations is the embedded folder.
var Migrations = migrations

// ClaimPlan gives what PostgreSQL does to claim messages, as EXPLAIN says it.
func (db *DB) ClaimPlan(ctx context.Context, list []int64, now time.Time) (plan []string, err error) {
	conn, err := db.write.Conn(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, `PREPARE claim AS `+db.queries.claim); err != nil {
		return nil, err
	}
	numbers := strings.ReplaceAll(strings.Trim(fmt.Sprint(list), "[]"), " ", ",")
	execute := fmt.Sprintf(`EXPLAIN EXECUTE claim('{%s}', 'w1', %d, %d, FALSE)`, numbers, now.UnixMicro(), now.UnixMicro())
	err = lines(ctx, conn, func(rows *sql.Rows) error {
		var line string
		err := rows.Scan(&line)
		plan = append(plan, line)
		return err
	}, execute)
	return plan, err
}
