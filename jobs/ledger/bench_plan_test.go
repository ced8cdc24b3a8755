package ledger_test

import (
	"database/sql"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"heraut/jobs/ledger"
	"heraut/jobs/ledger/ledgertest"
)

// reminders are three rules for who has none yet.
const reminders = `    messages:
      - {name: month-before, kind: reminder, at: "-14d 09:00"}
      - {name: week-before, kind: reminder, at: "-7d 09:00"}
      - {name: day-before, kind: reminder, at: "-1d 09:00"}
`

// BenchmarkApply plans three reminders for people on record who are owed
// nothing yet.
func BenchmarkApply(b *testing.B) {
	for _, people := range []int{10_000, 100_000} {
		benchApply(b, people)
	}
}

// BenchmarkApplyMillion is BenchmarkApply for a crowd that takes minutes.
func BenchmarkApplyMillion(b *testing.B) { benchApply(b, 1_000_000) }

func benchApply(b *testing.B, people int) {
	for _, d := range []struct {
		name string
		make func(testing.TB) string
	}{{"sqlite", ledgertest.SQLite}, {"postgres", ledgertest.Postgres}} {
		b.Run(fmt.Sprintf("%s/%d", d.name, people), func(b *testing.B) {
			url := d.make(b)
			db := ledgertest.Open(b, url)
			apply(b, db, programme(start1130, ""), now)
			if _, err := db.Import(b.Context(), "workshop", crowd(b, 1, 1), now, ledger.ImportOptions{}); err != nil {
				b.Fatal(err)
			}
			raw := ledgertest.SQL(b, url)
			multiply(b, raw, strings.HasPrefix(url, "sqlite:"), people)
			var planned int
			for b.Loop() {
				b.StopTimer()
				if _, err := raw.ExecContext(b.Context(), `DELETE FROM messages`); err != nil {
					b.Fatal(err)
				}
				apply(b, db, programme(start1130, ""), now)
				b.StartTimer()
				planned = apply(b, db, programme(start1130, reminders), now.Add(time.Minute)).Planned
			}
			if planned != 3*people {
				b.Fatalf("planned %d messages", planned)
			}
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*people), "µs/person")
			b.ReportMetric(float64(m.Sys)/(1<<20), "MB")
		})
	}
}

// multiply makes many registrations of the one on record.
func multiply(b *testing.B, db *sql.DB, sqlite bool, people int) {
	const columns = `event_id, name, given_name, organisation, lang, status, reason, tags, answered, source, quiet, approved, registered_at, created_at, since_at, cancelled_at`
	series, with := `generate_series(2, $1) AS series(n)`, ``
	if sqlite {
		series, with = `series`, `WITH RECURSIVE series(n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM series WHERE n < $1) `
	}
	_, err := db.ExecContext(b.Context(), with+`INSERT INTO registrations (email, email_key, uid, `+columns+`)
		SELECT 'persoon' || n || '@example.nl', 'persoon' || n || '@example.nl', n || '-' || uid, `+columns+` FROM registrations, `+series, people)
	if err != nil {
		b.Fatal(err)
	}
}
