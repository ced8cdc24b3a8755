package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"heraut/jobs"
)

// Errors that callers act on.
var (
	// ErrPending: the schema is older than this program. `heraut migrate`
	// brings it up to date.
	ErrPending = errors.New("the database has to be brought up to date first: run `heraut migrate`")
	// ErrNoProgramme: nothing was applied yet.
	ErrNoProgramme = errors.New("no programme on record: run `heraut programme apply FILE`")
	// ErrNoEvent: the programme on record has no such event.
	ErrNoEvent = errors.New("no such event in the programme")
	// ErrEventInUse: an event with registrations cannot be removed.
	ErrEventInUse = errors.New("the event has registrations")
	// ErrNotFound: no such registration, message or suppression.
	ErrNotFound = errors.New("not found")
)

// How many connections one process opens, to PostgreSQL in all and to SQLite
// beside its writer.
const (
	postgresWriters = 6
	postgresReaders = 4
	sqliteReaders   = 4
)

// DB is an open ledger. It is safe for use by several goroutines, and several
// processes may have the same database open.
type DB struct {
	d     dialect
	write *sql.DB // SQLite: one connection, so that writers queue here and not on the file's lock
	read  *sql.DB // for what is only looked at

	kept, keptReads prepared // statements of the two pools that are run for every message
	queries         queries

	mu     sync.Mutex
	parsed parsedProgramme // the last one read
}

// Open opens the ledger at a database URL, sqlite:PATH or postgres://…. It
// fails with [ErrPending] when migrations wait and with a *[SchemaError] when
// the schema is newer than this program.
func Open(ctx context.Context, url string) (*DB, error) {
	db, err := connect(ctx, url)
	if err != nil {
		return nil, fmt.Errorf("open ledger: %w", err)
	}
	err = db.checkSchema(ctx)
	if err == nil && db.d.hasten != "" {
		_, err = db.write.ExecContext(ctx, db.d.hasten)
	}
	if err != nil {
		db.Close()
		return nil, fmt.Errorf("open ledger: %w", err)
	}
	return db, nil
}

// connect opens the pools without a look at the schema.
func connect(ctx context.Context, url string) (*DB, error) {
	d, dsn, err := parseURL(url)
	if err != nil {
		return nil, err
	}
	db := &DB{d: d}
	if d.folder == sqliteDialect.folder {
		err = db.openSQLite(dsn)
	} else {
		err = db.openPostgres(dsn)
	}
	if err == nil {
		// Of two that turn a new SQLite file to WAL at once, one is refused without
		// any wait.
		err = db.again(ctx, func() error { return db.Ping(ctx) })
	}
	if err != nil {
		db.Close()
		return nil, err
	}
	db.kept = prepared{pool: db.write, stmts: map[string]*sql.Stmt{}}
	db.keptReads = prepared{pool: db.read, stmts: map[string]*sql.Stmt{}}
	db.queries = queries{record: recordQuery(d), sent: sentQuery(d), near: nearQuery(), dots: dotsQuery(d), commit: commitQuery(d), claim: claimQuery(d)}
	return db, nil
}

func (db *DB) openSQLite(path string) (err error) {
	if err := createPrivate(path); err != nil {
		return err
	}
	// 8 MiB of pages: with the 2 MiB it has otherwise, planning for a million
	// people writes pages out and reads them back all the time.
	if db.write, err = sql.Open("sqlite", sqliteDSN(path, "_pragma=cache_size(-8192)")); err != nil {
		return err
	}
	db.write.SetMaxOpenConns(1)
	if db.read, err = sql.Open("sqlite", sqliteDSN(path, "_pragma=query_only(1)")); err != nil {
		return err
	}
	db.read.SetMaxOpenConns(sqliteReaders)
	db.read.SetMaxIdleConns(sqliteReaders)
	return nil
}

func (db *DB) openPostgres(url string) error {
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		return err // pgx leaves the password out
	}
	// What a server or role may have set otherwise and the statements rely on.
	cfg.RuntimeParams["default_transaction_isolation"] = "read committed"
	// Statements are short and there are many: to compile one never pays.
	cfg.RuntimeParams["jit"] = "off"
	if cfg.RuntimeParams["application_name"] == "" {
		cfg.RuntimeParams["application_name"] = "heraut"
	}
	// A plan kept from when the tables were empty reads them whole when they
	// are full: imports became ten times slower that way. So who reads plans
	// each time, and who writes, which is always a set of rows by a key, has
	// only plans that follow that key, whatever the tables hold. A bitmap of the
	// hundred messages to claim would be laid over one of all that is due.
	reading, writing := cfg.Copy(), cfg.Copy()
	reading.RuntimeParams["plan_cache_mode"] = "force_custom_plan"
	writing.RuntimeParams["plan_cache_mode"] = "force_generic_plan"
	for _, way := range []string{"enable_seqscan", "enable_bitmapscan", "enable_hashjoin", "enable_mergejoin"} {
		writing.RuntimeParams[way] = "off"
	}
	db.read = pool(reading, postgresReaders)
	db.write = pool(writing, postgresWriters)
	return nil
}

func pool(cfg *pgx.ConnConfig, size int) *sql.DB {
	db := stdlib.OpenDB(*cfg)
	db.SetMaxOpenConns(size)
	db.SetMaxIdleConns(size)
	return db
}

// Ping says whether the database answers.
func (db *DB) Ping(ctx context.Context) error {
	if err := db.write.PingContext(ctx); err != nil {
		return fmt.Errorf("reach the database: %w", err)
	}
	return nil
}

// Close closes all connections.
func (db *DB) Close() error {
	db.kept.close()
	db.keptReads.close()
	var errs []error
	for _, pool := range []*sql.DB{db.write, db.read} {
		if pool != nil {
			errs = append(errs, pool.Close())
		}
	}
	return errors.Join(errs...)
}

// queryer gives rows: a pool, a transaction, [prepared].
type queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// querier is what a pool and a transaction have in common.
type querier interface {
	queryer
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// errDryRun rolls a transaction back that did all it should.
var errDryRun = errors.New("dry run")

// tx runs f in one writing transaction, again when it collided with another.
// f must not keep results of a run that failed.
func (db *DB) tx(ctx context.Context, f func(tx *sql.Tx) error) error {
	return db.again(ctx, func() error {
		tx, err := db.write.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer tx.Rollback() // does nothing after Commit
		if err := f(tx); err != nil {
			return err
		}
		return tx.Commit()
	})
}

// patience is for how long a transaction may lose against others.
const patience = time.Minute

// again runs f until it does not collide with another writer, or has done so
// for too long.
func (db *DB) again(ctx context.Context, f func() error) error {
	end := time.Now().Add(patience)
	for {
		err := f()
		if err == nil || !db.d.collision(err) || time.Now().After(end) {
			return err
		}
		// A random pause, so that the two do not meet again at once.
		pause := time.NewTimer(rand.N(db.d.pause))
		select {
		case <-ctx.Done():
			pause.Stop()
			return errors.Join(ctx.Err(), err)
		case <-pause.C:
		}
	}
}

// lines runs a query and gives each row to scan.
func lines(ctx context.Context, q queryer, scan func(*sql.Rows) error, query string, args ...any) error {
	rows, err := q.QueryContext(ctx, query, args...)
	return each(rows, err, scan)
}

// each gives each row of a result to scan.
func each(rows *sql.Rows, err error, scan func(*sql.Rows) error) error {
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// ids runs a query that gives one number a row.
func ids(ctx context.Context, q queryer, query string, args ...any) (list []int64, err error) {
	err = lines(ctx, q, func(rows *sql.Rows) error {
		var id int64
		err := rows.Scan(&id)
		list = append(list, id)
		return err
	}, query, args...)
	return list, err
}

// parsedProgramme is a programme as its source says it, without revisions.
type parsedProgramme struct {
	version int64
	prog    *jobs.Programme
}
