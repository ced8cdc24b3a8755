// Package ledgertest gives tests real databases: a SQLite file, and a database
// on a PostgreSQL that is started once for the test process. It never skips:
// without PostgreSQL the test fails and says what to install.
//
// A package that uses it has
//
//	func TestMain(m *testing.M) { ledgertest.Main(m) }
package ledgertest

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"heraut/jobs/ledger"
)

// shared is the server of this test process, started by the first test that
// asks for it. It is a variable because that is what all tests share.
var shared struct {
	once   sync.Once
	server *Server
	err    error
}

// template is the migrated database that the others are copies of.
const template = "t1"

// Main runs the tests and stops the PostgreSQL they started.
func Main(m *testing.M) {
	code := m.Run()
	if shared.server != nil {
		if err := shared.server.Remove(); err != nil {
			fmt.Fprintln(os.Stderr, "stop postgres:", err)
			code = max(code, 1)
		}
	}
	os.Exit(code)
}

// Each runs a test on a fresh ledger in both databases, in parallel.
func Each(t *testing.T, test func(t *testing.T, db *ledger.DB)) {
	t.Helper()
	EachURL(t, func(t *testing.T, url string) { test(t, Open(t, url)) })
}

// EachURL is [Each] for tests that open the ledger themselves, or several
// times.
func EachURL(t *testing.T, test func(t *testing.T, url string)) {
	t.Helper()
	for name, make := range map[string]func(testing.TB) string{"sqlite": SQLite, "postgres": Postgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, make(t))
		})
	}
}

// SQLite gives the URL of a fresh, migrated SQLite ledger.
func SQLite(t testing.TB) (url string) {
	t.Helper()
	url = EmptySQLite(t)
	if _, _, err := ledger.Migrate(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	return url
}

// EmptySQLite gives the URL of a SQLite file that is not there yet.
func EmptySQLite(t testing.TB) (url string) {
	t.Helper()
	return "sqlite:" + filepath.Join(t.TempDir(), "ledger.db")
}

// Postgres gives the URL of a fresh, migrated PostgreSQL ledger.
func Postgres(t testing.TB) (url string) {
	t.Helper()
	return create(t, template)
}

// EmptyPostgres gives the URL of a PostgreSQL database without a schema.
func EmptyPostgres(t testing.TB) (url string) {
	t.Helper()
	return create(t, "")
}

func create(t testing.TB, template string) string {
	t.Helper()
	shared.once.Do(func() { shared.server, shared.err = start(t) })
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	url, err := shared.server.Create(t.Context(), template)
	if err != nil {
		t.Fatal(err)
	}
	return url
}

func start(t testing.TB) (*Server, error) {
	s, err := StartServer(false)
	if err != nil {
		return nil, err
	}
	url, err := s.Create(t.Context(), "")
	if err == nil {
		_, _, err = ledger.Migrate(t.Context(), url)
	}
	if err != nil {
		s.Remove()
		return nil, err
	}
	return s, nil
}

// Open opens a ledger and closes it when the test ends.
func Open(t testing.TB, url string) *ledger.DB {
	t.Helper()
	db, err := ledger.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// SQL opens the database of a ledger for statements of the test's own; it is
// closed when the test ends.
func SQL(t testing.TB, url string) *sql.DB {
	t.Helper()
	driver, dsn := "pgx", url
	if path, ok := strings.CutPrefix(url, "sqlite:"); ok {
		driver, dsn = "sqlite", "file:"+path+"?_pragma=busy_timeout(5000)&_txlock=immediate"
	}
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}
