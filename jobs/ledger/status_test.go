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
