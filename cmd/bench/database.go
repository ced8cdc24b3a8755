package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	_ "modernc.org/sqlite"             // the driver "sqlite"
)

// kind is a kind of database.
type kind string

const (
	sqlite     kind = "SQLite"
	postgreSQL kind = "PostgreSQL"
)

func kinds() []kind { return []kind{sqlite, postgreSQL} }

// stepWait is the pause between two looks at a database that is being waited for.
const stepWait = 20 * time.Millisecond

// openDatabase opens a ledger beside Heraut, to look at it and to load it.
func openDatabase(ctx context.Context, url string) (*sql.DB, error) {
	driver, dsn := "pgx", url
	if path, ok := strings.CutPrefix(url, "sqlite:"); ok {
		// As durable as the ledger's own connections.
		driver, dsn = "sqlite", "file:"+path+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=busy_timeout(5000)&_pragma=foreign_keys(1)&_txlock=immediate"
	}
	db, err := sql.Open(driver, dsn)
	if err != nil {
		return nil, err
	}
	if err := db.PingContext(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// newDatabase gives the URL of a database that is empty, or a copy of the one
// at template, which nobody may have open. dir is where a file goes.
func (l *lab) newDatabase(ctx context.Context, k kind, dir, template string) (url string, err error) {
	if k == sqlite {
		file := filepath.Join(dir, "heraut.db")
		if template != "" {
			err = copyFile(file, strings.TrimPrefix(template, "sqlite:"))
		}
		return "sqlite:" + file, err
	}
	server, err := l.server(ctx)
	if err != nil {
		return "", err
	}
	name := l.name("ledger")
	statement := "CREATE DATABASE " + name
	if template != "" {
		// FILE_COPY leaves nothing in the log for a checkpoint to write later.
		statement += " STRATEGY FILE_COPY TEMPLATE " + template[strings.LastIndexByte(template, '/')+1:]
	}
	return server.url(name), server.exec(ctx, statement)
}

// dropDatabase removes a PostgreSQL database; a file goes with its folder.
func (l *lab) dropDatabase(ctx context.Context, url string) error {
	if strings.HasPrefix(url, "sqlite:") {
		return nil
	}
	return l.postgres.exec(ctx, "DROP DATABASE "+url[strings.LastIndexByte(url, '/')+1:]+" WITH (FORCE)")
}

// settle brings a database that was just filled to rest, as one is that was
// filled yesterday: the log written back, the statistics taken.
func settle(ctx context.Context, url string) error {
	db, err := openDatabase(ctx, url)
	if err != nil {
		return err
	}
	defer db.Close()
	statements := []string{"VACUUM ANALYZE", "CHECKPOINT"}
	if strings.HasPrefix(url, "sqlite:") {
		statements = []string{"PRAGMA wal_checkpoint(TRUNCATE)"}
	}
	for _, s := range statements {
		if _, err := db.ExecContext(ctx, s); err != nil {
			return fmt.Errorf("%s: %w", s, err)
		}
	}
	return nil
}

// copyFile copies a file and waits until it is on the disk: writing it back
// later would be measured with something else.
func copyFile(to, from string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	if _, err := io.Copy(out, in); err != nil {
		return err
	}
	return out.Sync()
}

// number runs a query for one number.
func number(ctx context.Context, db *sql.DB, query string, args ...any) (n int64, err error) {
	if err := db.QueryRowContext(ctx, query, args...).Scan(&n); err != nil {
		return 0, fmt.Errorf("%s: %w", query, err)
	}
	return n, nil
}

// numbers runs a query for one column of numbers.
func numbers(ctx context.Context, db *sql.DB, query string, args ...any) (list []int64, err error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", query, err)
	}
	defer rows.Close()
	for rows.Next() {
		var n int64
		if err := rows.Scan(&n); err != nil {
			return nil, err
		}
		list = append(list, n)
	}
	return list, rows.Err()
}
