package ledger

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// dialect is what differs between the databases. Everything else is one text.
type dialect struct {
	folder    string // of the migrations
	goose     goose.Dialect
	forUpdate string           // ends a SELECT whose rows are then written
	forShare  string           // ends a SELECT whose rows must stay as they are
	collision func(error) bool // the transaction lost against another and may be tried again
	pause     time.Duration    // before it is, at most
	hasten    string           // a statement that has collisions come to light at once; may be empty
	find      string           // the function that gives where a text stands in another, 0 for nowhere

	// arrays says that an argument may be an array, and a row of rows be read
	// column by column. What is not given arrays gets JSON.
	arrays bool
}

// among gives the condition that a column is one of a [dialect.list] at a place.
func (d dialect) among(column, place, typ string) string {
	if d.arrays {
		return column + " = ANY(CAST(" + place + " AS " + typ + "[]))"
	}
	return column + " IN (SELECT value FROM json_each(" + place + "))"
}

// lower makes the letters A to Z of a column small, as [jobs.FoldName] does.
func (d dialect) lower(column string) string {
	if d.arrays {
		return `lower(` + column + ` COLLATE "C")`
	}
	return "lower(" + column + ")"
}

// each gives a SELECT of a [dialect.list] at a place.
func (d dialect) each(place, typ string) string {
	if d.arrays {
		return "SELECT unnest(CAST(" + place + " AS " + typ + "[]))"
	}
	return "SELECT value FROM json_each(" + place + ")"
}

// sqliteDialect locks nothing by row: a transaction that writes is alone from
// its first statement on (_txlock=immediate).
var sqliteDialect = dialect{
	folder: "sqlite",
	goose:  goose.DialectSQLite3,
	find:   "instr",
	// SQLite by itself soon looks only every 100 ms whether another process has
	// done writing. A worker in full course leaves gaps of less than one: who
	// paused its campaign waited for up to some seconds. Who looks every one or two
	// is through after two hundred commits at most.
	pause:  time.Millisecond,
	hasten: "PRAGMA busy_timeout = 3",
	collision: func(err error) bool {
		e, ok := errors.AsType[*sqlite.Error](err)
		if !ok {
			return false
		}
		switch e.Code() & 0xff { // the primary code; the rest says which kind of busy
		case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED,
			sqlite3.SQLITE_PROTOCOL: // it lost the race for a first look at the log for ten seconds
			return true
		}
		return false
	},
}

var postgresDialect = dialect{
	folder:    "postgres",
	goose:     goose.DialectPostgres,
	forUpdate: " FOR UPDATE",
	forShare:  " FOR SHARE",
	pause:     50 * time.Millisecond,
	find:      "strpos",
	collision: func(err error) bool {
		e, ok := errors.AsType[*pgconn.PgError](err)
		return ok && (e.Code == "40001" || e.Code == "40P01") // serialization failure, deadlock
	},
	arrays: true,
}

// parseURL tells the two kinds of database URL apart and gives what the
// driver wants to hear.
func parseURL(u string) (d dialect, dsn string, err error) {
	switch path, isSQLite := strings.CutPrefix(u, "sqlite:"); {
	case isSQLite && (path == "" || strings.Contains(path, ":memory:")):
		return dialect{}, "", fmt.Errorf("database %q names no file; write sqlite:PATH", u)
	case isSQLite:
		return sqliteDialect, path, nil
	case strings.HasPrefix(u, "postgres://"), strings.HasPrefix(u, "postgresql://"):
		return postgresDialect, u, nil
	}
	// The URL may hold a password: only its scheme is repeated.
	scheme, _, _ := strings.Cut(u, ":")
	return dialect{}, "", fmt.Errorf("database URL begins with %q; write sqlite:PATH or postgres://user@host/name", scheme)
}

// sqliteDSN gives the DSN of a database file. FULL makes each commit durable
// and immediate keeps two transactions that read before they write from
// refusing each other.
func sqliteDSN(path string, extra ...string) string {
	options := append([]string{
		"_pragma=journal_mode(WAL)", "_pragma=busy_timeout(5000)", "_pragma=synchronous(FULL)", "_pragma=foreign_keys(1)",
		"_txlock=immediate", "_time_format=sqlite",
	}, extra...)
	u := url.URL{Scheme: "file", Opaque: (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath(), RawQuery: strings.Join(options, "&")}
	return u.String()
}
