package ledger_test

import (
	"fmt"
	"testing"
	"time"

	"heraut/jobs"
	"heraut/jobs/ledger"
	"heraut/jobs/ledger/ledgertest"
)

// eachBench runs a benchmark on both databases. PostgreSQL does not write
// through to the disk here; SQLite does.
func eachBench(b *testing.B, bench func(b *testing.B, db *ledger.DB)) {
	for _, d := range []struct {
		name string
		make func(testing.TB) string
	}{{"sqlite", ledgertest.SQLite}, {"postgres", ledgertest.Postgres}} {
		b.Run(d.name, func(b *testing.B) {
			db := ledgertest.Open(b, d.make(b))
			apply(b, db, programme(start1130, rules), now)
			bench(b, db)
		})
	}
}

// crowd gives rows of invented people, numbered from first.
func crowd(t testing.TB, first, n int) []ledger.Row {
	rows := make([]ledger.Row, n)
	for i := range rows {
		rows[i] = ledger.Row{Line: i + 2, Registration: jobs.Registration{
			EventID: "workshop", Email: address(t, fmt.Sprintf("persoon%d@example.nl", first+i)),
			Name: fmt.Sprintf("Persoon %d van Voorbeeld", first+i), GivenName: "Persoon", Organisation: "Gemeente Voorbeeld",
			Lang: jobs.Dutch, Source: fmt.Sprintf("csv:deelnemers.csv:%d", first+i),
		}}
	}
	return rows
}

func fill(t testing.TB, db *ledger.DB, n int) {
	for first := 0; first < n; first += 1000 {
		if _, err := db.Import(t.Context(), "workshop", crowd(t, first, min(1000, n-first)), now, ledger.ImportOptions{}); err != nil {
			t.Fatal(err)
		}
	}
}

// BenchmarkImport imports 1,000 new people a round, each owed four messages.
func BenchmarkImport(b *testing.B) {
	eachBench(b, func(b *testing.B, db *ledger.DB) {
		first := 0
		for b.Loop() {
			b.StopTimer()
			rows := crowd(b, first, 1000)
			first += 1000
			b.StartTimer()
			if _, err := db.Import(b.Context(), "workshop", rows, now, ledger.ImportOptions{}); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(1000*b.N)/b.Elapsed().Seconds(), "rows/s")
	})
}

// BenchmarkImportAgain imports 1,000 people who are on record.
func BenchmarkImportAgain(b *testing.B) {
	eachBench(b, func(b *testing.B, db *ledger.DB) {
		rows := crowd(b, 0, 1000)
		for b.Loop() {
			if _, err := db.Import(b.Context(), "workshop", rows, now, ledger.ImportOptions{}); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(1000*b.N)/b.Elapsed().Seconds(), "rows/s")
	})
}

// BenchmarkStatus counts a ledger of 80,000 messages.
func BenchmarkStatus(b *testing.B) {
	eachBench(b, func(b *testing.B, db *ledger.DB) {
		fill(b, db, 20_000)
		for b.Loop() {
			if _, err := db.Status(b.Context(), now); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkDelivery takes groups of 100 confirmations through their lives and
// reports what each step takes a message.
func BenchmarkDelivery(b *testing.B) {
	eachBench(b, func(b *testing.B, db *ledger.DB) {
		fill(b, db, 20_000)
		live(b, db, "w1", now)
		steps := map[string]time.Duration{}
		measure := func(step string, f func() error) {
			begin := time.Now()
			if err := f(); err != nil {
				b.Fatal(step, err)
			}
			steps[step] += time.Since(begin)
		}
		filled, sent := 20_000, 0
		for b.Loop() {
			if sent += 100; sent > filled {
				b.StopTimer()
				for range 10 {
					if _, err := db.Import(b.Context(), "workshop", crowd(b, filled, 1000), now, ledger.ImportOptions{}); err != nil {
						b.Fatal(err)
					}
					filled += 1000
				}
				b.StartTimer()
			}
			var tickets []jobs.Ticket
			measure("Due", func() (err error) {
				tickets, err = db.Due(b.Context(), now, now, time.Minute, map[jobs.Queue]int{jobs.Bulk: 100})
				return err
			})
			ids := make([]int64, len(tickets))
			for i, t := range tickets {
				ids[i] = t.ID
			}
			var claims []jobs.Claim
			measure("Claim", func() (err error) {
				claims, err = db.Claim(b.Context(), "w1", ids, now)
				return err
			})
			if len(claims) != 100 {
				b.Fatalf("%d claims", len(claims))
			}
			dots := make([]jobs.Dot, len(claims))
			outcomes := make([]jobs.Outcome, len(claims))
			for i, c := range claims {
				dots[i] = jobs.Dot{ID: c.Message.ID, Fence: c.Fence, MessageID: fmt.Sprintf("<%d.0123456789abcdef@example.nl>", c.Message.ID)}
				outcomes[i] = jobs.Outcome{ID: c.Message.ID, Fence: c.Fence, State: jobs.Sent, SentAt: now, SMTP: "250 2.0.0 Ok: queued as 0123456789"}
			}
			measure("FinalDot", func() error { _, err := db.FinalDot(b.Context(), dots, now); return err })
			measure("Record", func() error { _, err := db.Record(b.Context(), outcomes, now); return err })
		}
		for step, d := range steps {
			b.ReportMetric(float64(d.Microseconds())/float64(100*b.N), step+"-µs/msg")
		}
		b.ReportMetric(float64(100*b.N)/b.Elapsed().Seconds(), "msg/s")
	})
}
