package ledger_test

import (
	"testing"
	"time"

	"heraut/jobs/ledger"
	"heraut/jobs/ledger/ledgertest"
)

func TestTroubles(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, db *ledger.DB) {
		beat := func(worker string, at time.Time, trouble string) {
			t.Helper()
			if err := db.Heartbeat(t.Context(), worker, at, time.Minute, trouble); err != nil {
				t.Fatal(err)
			}
		}
		troubles := func(at time.Time, workers int, want ...string) {
			t.Helper()
			s, err := db.Status(t.Context(), at)
			if err != nil {
				t.Fatal(err)
			}
			equal(t, "workers", s.Workers, workers)
			same(t, "troubles", s.Troubles, want)
		}
		const login, tls = "the relay refuses our login", "the relay's\ncertificate\x00 expired"
		beat("a", now, login)
		beat("b", now, "")
		beat("c", now, login)
		beat("d", now.Add(time.Second), tls)
		troubles(now, 4, login, "the relay's certificate expired")
		beat("a", now.Add(time.Second), "")
		troubles(now.Add(time.Minute), 2, "the relay's certificate expired") // b and c are gone
		beat("d", now.Add(2*time.Second), "")
		troubles(now.Add(time.Minute), 2)
	})
}

// TestOthers counts workers that live, without those that ask.
func TestOthers(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, db *ledger.DB) {
		for _, w := range []string{"w1", "w1.2", "w2", "w3"} {
			if err := db.Heartbeat(t.Context(), w, now, time.Minute, ""); err != nil {
				t.Fatal(err)
			}
		}
		others := func(at time.Time, mine ...string) int {
			t.Helper()
			n, err := db.Others(t.Context(), mine, at)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		equal(t, "beside none", others(now), 4)
		equal(t, "beside one with two names", others(now, "w1", "w1.2"), 2)
		equal(t, "an hour before", others(now.Add(-time.Hour), "w1"), 3)
		equal(t, "when all leases are over", others(now.Add(time.Minute), "w1"), 0)
	})
}
