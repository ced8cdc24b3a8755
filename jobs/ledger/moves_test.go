package ledger_test

import (
	"fmt"
	"testing"

	"heraut/jobs"
	"heraut/jobs/ledger"
	"heraut/jobs/ledger/ledgertest"
)

// TestMoves puts a message in every state and asks for every move the SQL can
// make: it must be made exactly where the table of jobs allows it.
func TestMoves(t *testing.T) {
	ledgertest.EachURL(t, func(t *testing.T, url string) {
		db, raw := ledgertest.Open(t, url), ledgertest.SQL(t, url)
		ctx := t.Context()
		apply(t, db, programme(start1130, rules), now)
		m := message(t, db, register(t, db, "jan@example.nl", now), "confirmation")
		live(t, db, "w1", now)
		put := func(s jobs.State) {
			t.Helper()
			if _, err := raw.Exec(`UPDATE messages SET state = $1, wake_at = $2, owner = 'w1', fence = 7, doubts = 0, crashes = 0, expires_at = $3 WHERE id = $4`,
				string(s), now.UnixMicro(), start.UnixMicro(), m.ID); err != nil {
				t.Fatal(err)
			}
		}
		state := func() jobs.State { return messages(t, db, ledger.MessageFilter{ID: m.ID})[0].State }
		check := func(what string, from, to jobs.State, made, want bool) {
			t.Helper()
			if made != want {
				t.Errorf("%s of a message that is %s: %v, the table says %v", what, from, made, want)
			}
			if is := state(); is != from && !from.CanBecome(is) {
				t.Errorf("%s made %s of %s", what, is, from)
			}
			if !made && state() != from {
				t.Errorf("%s was refused and still made %s of %s", what, state(), from)
			}
			if made && state() != to && from != jobs.InDoubt {
				t.Errorf("%s of %s: became %s", what, from, state())
			}
		}
		for _, from := range jobs.States() {
			put(from)
			claims, err := db.Claim(ctx, "w1", []int64{m.ID}, now)
			if err != nil {
				t.Fatal(err)
			}
			check("claim", from, jobs.Claimed, len(claims) == 1, from.CanBecome(jobs.Claimed))

			put(from)
			ok, err := db.FinalDot(ctx, []jobs.Dot{{ID: m.ID, Fence: 7}}, now)
			if err != nil {
				t.Fatal(err)
			}
			// One that is on record may be asked for again.
			check("final dot", from, jobs.FinalDot, ok[0], from == jobs.FinalDot || from.CanBecome(jobs.FinalDot))

			held := from == jobs.Claimed || from == jobs.FinalDot
			for _, to := range jobs.States() {
				put(from)
				ok, err := db.Record(ctx, []jobs.Outcome{{ID: m.ID, Fence: 7, State: to, SentAt: now}}, now)
				if err != nil {
					t.Fatal(err)
				}
				outcome := to != jobs.FinalDot // that is no outcome
				check(fmt.Sprintf("outcome %s", to), from, to, ok[0], held && outcome && from.CanBecome(to))

				put(from)
				err = db.ResolveMessage(ctx, m.ID, to, now)
				settled := map[jobs.State][]jobs.State{
					jobs.InDoubt: {jobs.Sent, jobs.Failed, jobs.Planned},
					jobs.Failed:  {jobs.Planned}, jobs.Suppressed: {jobs.Planned}, jobs.Retry: {jobs.Planned},
				}[from]
				want := false
				for _, s := range settled {
					want = want || s == to
				}
				check(fmt.Sprintf("resolving as %s", to), from, to, err == nil, want)
			}

			put(from)
			if _, err := raw.Exec(`UPDATE messages SET owner = 'gone' WHERE id = $1`, m.ID); err != nil {
				t.Fatal(err)
			}
			s, err := db.Sweep(ctx, now)
			if err != nil {
				t.Fatal(err)
			}
			check("sweep", from, state(), s.Sum() == 1, held)

			put(from)
			if _, err = db.Sweep(ctx, start); err != nil {
				t.Fatal(err)
			}
			waits := from == jobs.Planned || from == jobs.Retry || from == jobs.HeldState
			check("expiry", from, jobs.Expired, from != jobs.Expired && state() == jobs.Expired, waits)
		}
	})
}
