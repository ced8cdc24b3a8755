package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// measureImport imports a file, and puts the rows it made in another database
// by the shortest way.
func measureImport(ctx context.Context, l *lab) error {
	people := l.size(100_000, 2000)
	for range l.runs {
		for _, k := range kinds() {
			if err := l.importBoth(ctx, k, people); err != nil {
				return fmt.Errorf("%s: %w", k, err)
			}
		}
	}
	for _, k := range kinds() {
		l.figures.promise("d", string(k), "of the bare database", ratio,
			l.figures.median("d", string(k), imported)/l.figures.median("d", string(k), bare), atLeast(0.3))
	}
	return nil
}

// Names of what part d measures.
const (
	imported = "heraut import: people a second"
	bare     = "bare database: people a second"
)

func (l *lab) importBoth(ctx context.Context, k kind, people int) (err error) {
	p := programme{inTwoMonths(), append([]string{confirmation}, reminders()...)}
	var sites [2]*site
	for i := range sites {
		if sites[i], err = l.newSite(ctx, setup{kind: k}, siteOptions{}); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, sites[i].remove(ctx)) }()
		if _, err := sites[i].apply(ctx, p); err != nil {
			return err
		}
	}
	u, err := sites[0].importPeople(ctx, people)
	if err != nil {
		return err
	}
	tables := []*rowsOf{{table: "registrations"}, {table: "messages"}}
	for _, t := range tables {
		if err := t.read(ctx, sites[0].database); err != nil {
			return err
		}
	}
	if n, m := len(tables[0].rows), len(tables[1].rows); n != people || m != 4*people {
		return fmt.Errorf("%d people made %d registrations and %d messages", people, n, m)
	}
	took, err := loadBare(ctx, k, sites[1].database, tables)
	if err != nil {
		return err
	}
	l.figures.add("d", string(k), imported, perSecond, float64(people)/u.wall.Seconds())
	l.figures.add("d", string(k), bare, perSecond, float64(people)/took.Seconds())
	l.figures.add("d", string(k), "heraut import: peak memory", megabytes, float64(u.peak)/(1<<20))
	l.say("%s: import of %d people %.1f s, bare %.1f s", k, people, u.wall.Seconds(), took.Seconds())
	return nil
}

// rowsOf are all rows of a table, as they stand.
type rowsOf struct {
	table   string
	columns []string
	rows    [][]any
}

// read reads the table. Its columns are whatever this version's schema has.
func (t *rowsOf) read(ctx context.Context, url string) error {
	db, err := openDatabase(ctx, url)
	if err != nil {
		return err
	}
	defer db.Close()
	rows, err := db.QueryContext(ctx, "SELECT * FROM "+t.table+" ORDER BY id")
	if err != nil {
		return err
	}
	defer rows.Close()
	if t.columns, err = rows.Columns(); err != nil {
		return err
	}
	for rows.Next() {
		row := make([]any, len(t.columns))
		into := make([]any, len(row))
		for i := range row {
			into[i] = &row[i]
		}
		if err := rows.Scan(into...); err != nil {
			return err
		}
		t.rows = append(t.rows, row)
	}
	return rows.Err()
}

// loadBare writes rows as fast as the database takes them from one connection,
// in one transaction, and says how long that took.
func loadBare(ctx context.Context, k kind, url string, tables []*rowsOf) (took time.Duration, err error) {
	db, err := openDatabase(ctx, url)
	if err != nil {
		return 0, err
	}
	defer db.Close()
	conn, err := db.Conn(ctx)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	began := time.Now()
	if k == postgreSQL {
		err = conn.Raw(func(driver any) error { return copyIn(ctx, driver.(*stdlib.Conn).Conn(), tables) })
	} else {
		err = insertIn(ctx, conn, tables)
	}
	return time.Since(began), err
}

// copyIn uses COPY, which also takes numbers for identity columns.
func copyIn(ctx context.Context, conn *pgx.Conn, tables []*rowsOf) error {
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		for _, t := range tables {
			if _, err := tx.CopyFrom(ctx, pgx.Identifier{t.table}, t.columns, pgx.CopyFromRows(t.rows)); err != nil {
				return err
			}
		}
		return nil
	})
}

// insertRows is how many rows one INSERT has: more is no faster.
const insertRows = 100

// insertIn uses multi-row inserts, prepared once for each table.
func insertIn(ctx context.Context, conn *sql.Conn, tables []*rowsOf) error {
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // does nothing after Commit
	for _, t := range tables {
		full, err := tx.PrepareContext(ctx, t.insert(insertRows))
		if err != nil {
			return err
		}
		defer full.Close()
		for part := range slices.Chunk(t.rows, insertRows) {
			args := slices.Concat(part...)
			if len(part) == insertRows {
				_, err = full.ExecContext(ctx, args...)
			} else {
				_, err = tx.ExecContext(ctx, t.insert(len(part)), args...)
			}
			if err != nil {
				return err
			}
		}
	}
	return tx.Commit()
}

// insert gives the statement for n rows.
func (t *rowsOf) insert(n int) string {
	row := "(" + strings.Repeat("?,", len(t.columns)-1) + "?)"
	return "INSERT INTO " + t.table + " (" + strings.Join(t.columns, ",") + ") VALUES " + strings.Repeat(row+",", n-1) + row
}
