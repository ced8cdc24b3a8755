package ledger_test

import (
	"fmt"
	"slices"
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

// BenchmarkDelivery takes confirmations through their lives as a busy worker
// does, a thousand handed over, a hundred claimed, fifty committed at a time,
// and reports what each step takes a message: by the clock, and of processors,
// of which PostgreSQL's are counted with ours.
func BenchmarkDelivery(b *testing.B) {
	const handed, claimed, committed = 1000, 100, 50
	eachBench(b, func(b *testing.B, db *ledger.DB) {
		live(b, db, "w1", now)
		m := meter{b: b, steps: map[string]*usage{}}
		filled := 0
		for b.Loop() {
			b.StopTimer()
			for ; filled < 20_000 || filled < handed*(b.N+1); filled += 1000 {
				if _, err := db.Import(b.Context(), "workshop", crowd(b, filled, 1000), now, ledger.ImportOptions{}); err != nil {
					b.Fatal(err)
				}
			}
			b.StartTimer()
			var tickets []jobs.Ticket
			m.measure("Due", func() (err error) {
				tickets, err = db.Due(b.Context(), jobs.Bulk, jobs.Ticket{}, now, handed)
				return err
			})
			var outcomes []jobs.Outcome // of the dots before
			for part := range slices.Chunk(tickets, claimed) {
				ids := make([]int64, len(part))
				for i, t := range part {
					ids[i] = t.ID
				}
				var claims []jobs.Claim
				m.measure("Claim", func() (err error) {
					claims, err = db.Claim(b.Context(), "w1", ids, now)
					return err
				})
				if len(claims) != claimed {
					b.Fatalf("%d claims", len(claims))
				}
				for claims := range slices.Chunk(claims, committed) {
					dots := make([]jobs.Dot, len(claims))
					for i, c := range claims {
						dots[i] = jobs.Dot{ID: c.Message.ID, Fence: c.Fence, MessageID: fmt.Sprintf("<%d.0123456789abcdef@example.nl>", c.Message.ID)}
					}
					m.measure("Commit", func() error { _, _, err := db.Commit(b.Context(), dots, outcomes, now); return err })
					outcomes = make([]jobs.Outcome, len(claims))
					for i, c := range claims {
						outcomes[i] = jobs.Outcome{ID: c.Message.ID, Fence: c.Fence, State: jobs.Sent, SentAt: now, SMTP: "250 2.0.0 Ok: queued as 0123456789"}
					}
				}
			}
			m.measure("Commit", func() error { _, _, err := db.Commit(b.Context(), nil, outcomes, now); return err })
		}
		m.report(handed * b.N)
	})
}

// usage is what a step took.
type usage struct{ wall, cpu time.Duration }

// meter adds up what the steps of a benchmark take.
type meter struct {
	b     *testing.B
	steps map[string]*usage
}

func (m *meter) measure(step string, f func() error) {
	u := m.steps[step]
	if u == nil {
		u = &usage{}
		m.steps[step] = u
	}
	cpu := ledgertest.CPU(m.b)
	looked := ledgertest.CPU(m.b) // to look takes time as well
	wall := time.Now()
	if err := f(); err != nil {
		m.b.Fatal(step, err)
	}
	u.wall += time.Since(wall)
	u.cpu += ledgertest.CPU(m.b) - looked - (looked - cpu)
}

func (m *meter) report(messages int) {
	var sum usage
	for step, u := range m.steps {
		m.b.ReportMetric(float64(u.wall.Nanoseconds())/1000/float64(messages), step+"-µs")
		m.b.ReportMetric(float64(u.cpu.Nanoseconds())/1000/float64(messages), step+"-cpu-µs")
		sum.wall += u.wall
		sum.cpu += u.cpu
	}
	m.b.ReportMetric(float64(messages)/sum.wall.Seconds(), "msg/s")
	m.b.ReportMetric(float64(sum.cpu.Nanoseconds())/1000/float64(messages), "cpu-µs")
}
