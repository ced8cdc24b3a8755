package ledger_test

import (
	"database/sql"
	"errors"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"heraut/jobs"
	"heraut/jobs/ledger"
	"heraut/jobs/ledger/ledgertest"
)

// eachEmpty runs a test on databases without a schema.
func eachEmpty(t *testing.T, test func(t *testing.T, url string)) {
	t.Run("sqlite", func(t *testing.T) { t.Parallel(); test(t, ledgertest.EmptySQLite(t)) })
	t.Run("postgres", func(t *testing.T) { t.Parallel(); test(t, ledgertest.EmptyPostgres(t)) })
}

func TestOpenRefusesOtherSchemas(t *testing.T) {
	eachEmpty(t, func(t *testing.T, url string) {
		ctx := t.Context()
		if _, err := ledger.Open(ctx, url); !errors.Is(err, ledger.ErrPending) {
			t.Errorf("an empty database: %v, want ErrPending", err)
		}
		from, to, err := ledger.Migrate(ctx, url)
		if err != nil || from != 0 || to < 1 {
			t.Fatalf("migrate: %d → %d, %v", from, to, err)
		}
		ledgertest.Open(t, url)
		if from, again, err := ledger.Migrate(ctx, url); err != nil || from != to || again != to {
			t.Errorf("migrate again: %d → %d, %v", from, again, err)
		}
		if _, err := ledgertest.SQL(t, url).Exec(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, TRUE)`); err != nil {
			t.Fatal(err)
		}
		_, openErr := ledger.Open(ctx, url)
		_, _, migrateErr := ledger.Migrate(ctx, url)
		for _, err := range []error{openErr, migrateErr} {
			schema, ok := errors.AsType[*ledger.SchemaError](err)
			if !ok || schema.Found != 9999 || schema.Known != to {
				t.Errorf("a newer schema: %v", err)
			}
		}
	})
}

func TestMigrateAtOnce(t *testing.T) {
	eachEmpty(t, func(t *testing.T, url string) {
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				if _, _, err := ledger.Migrate(t.Context(), url); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		ledgertest.Open(t, url)
	})
}

// TestNewFileInUse: who opens a new SQLite file while another program is at its
// first write waits for it. SQLite by itself refuses the change to WAL at once
// then, whatever busy_timeout says.
func TestNewFileInUse(t *testing.T) {
	url := ledgertest.EmptySQLite(t)
	other, err := sql.Open("sqlite", strings.TrimPrefix(url, "sqlite:"))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	other.SetMaxOpenConns(1)
	if _, err := other.ExecContext(t.Context(), `BEGIN IMMEDIATE`); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		_, _, err := ledger.Migrate(t.Context(), url)
		done <- err
	}()
	select {
	case err := <-done:
		t.Fatalf("it did not wait: %v", err)
	case <-time.After(300 * time.Millisecond):
	}
	if _, err := other.ExecContext(t.Context(), `ROLLBACK`); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestLastMigrationDownAndUp(t *testing.T) {
	ledgertest.EachURL(t, func(t *testing.T, url string) {
		if err := ledger.MigrateDown(t.Context(), url); err != nil {
			t.Fatal(err)
		}
		if _, err := ledger.Open(t.Context(), url); !errors.Is(err, ledger.ErrPending) {
			t.Fatalf("after down: %v", err)
		}
		if _, _, err := ledger.Migrate(t.Context(), url); err != nil {
			t.Fatal(err)
		}
		apply(t, ledgertest.Open(t, url), programme(start1130, rules), now)
	})
}

// TestFirstSchema takes a database as the first release left it to the newest
// schema. What a release migrated by is never edited: testdata has the copy.
func TestFirstSchema(t *testing.T) {
	rows, err := os.ReadFile("testdata/first/rows.sql")
	if err != nil {
		t.Fatal(err)
	}
	eachEmpty(t, func(t *testing.T, url string) {
		dialect := "postgres"
		if strings.HasPrefix(url, "sqlite:") {
			dialect = "sqlite"
		}
		frozen, err := os.ReadFile("testdata/first/" + dialect + ".sql")
		if err != nil {
			t.Fatal(err)
		}
		if is, _ := ledger.Migrations.ReadFile("migrations/" + dialect + "/00001_first.sql"); string(is) != string(frozen) {
			t.Error("00001_first.sql was edited after it was released: write a new migration")
		}
		if err := ledger.MigrateTo(t.Context(), url, 1); err != nil {
			t.Fatal(err)
		}
		if _, err := ledgertest.SQL(t, url).Exec(string(rows)); err != nil {
			t.Fatal(err)
		}
		if _, _, err := ledger.Migrate(t.Context(), url); err != nil {
			t.Fatal(err)
		}
		db := ledgertest.Open(t, url)
		for r, err := range db.Registrations(t.Context(), ledger.RegistrationFilter{Email: address(t, "JAN@example.nl")}) {
			if err != nil {
				t.Fatal(err)
			}
			equal(t, "name", r.Name, "Jan Voorbeeld")
			equal(t, "since", r.SinceAt, time.UnixMicro(1793264400000002).UTC())
			same(t, "tags", r.Tags, []string{"staff", "vip"})
			m := message(t, db, r, "change")
			equal(t, "state", m.State, jobs.Sent)
			equal(t, "sent at", m.SentAt, time.UnixMicro(1793264400000003).UTC())
		}
		list, err := db.Suppressions(t.Context())
		if err != nil || len(list) != 1 || list[0].Reason != "550 5.1.1" {
			t.Errorf("suppressions: %v, %v", list, err)
		}
	})
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	for _, c := range []struct{ url, says string }{
		{"sqlite:", "names no file"},
		{"sqlite::memory:", "names no file"},
		{"mysql://secret@example.nl/db", `begins with "mysql"`},
		{"sqlite:" + t.TempDir() + "/nowhere/ledger.db", "no such file"},
	} {
		_, err := ledger.Open(t.Context(), c.url)
		if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v, want %q", c.url, err, c.says)
		}
	}
}

func TestSQLiteFile(t *testing.T) {
	path := t.TempDir() + "/a b?c#d%20é.db"
	if _, _, err := ledger.Migrate(t.Context(), "sqlite:"+path); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "mode", info.Mode().Perm(), os.FileMode(0o600))
	ledgertest.Open(t, "sqlite:"+path)
}
