package ledger_test

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"heraut/jobs"
	"heraut/jobs/ledger"
	"heraut/jobs/ledger/ledgertest"
)

// TestClaimRace has many workers after the same messages: each gets one owner.
func TestClaimRace(t *testing.T) {
	ledgertest.EachURL(t, func(t *testing.T, url string) {
		db := ledgertest.Open(t, url)
		apply(t, db, programme(start1130, rules), now)
		fill(t, db, 200)
		var ids []int64
		for _, m := range messages(t, db, ledger.MessageFilter{State: jobs.Planned}) {
			if m.Kind == jobs.Confirmation {
				ids = append(ids, m.ID)
			}
		}
		var mu sync.Mutex
		owners := map[int64]int{}
		var done sync.WaitGroup
		for n := range 8 {
			handle, worker := db, live(t, db, "w"+string(rune('0'+n)), now)
			if n%2 == 0 {
				handle = ledgertest.Open(t, url)
			}
			done.Go(func() {
				claims, err := handle.Claim(t.Context(), worker, ids, now)
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				for _, c := range claims {
					owners[c.Message.ID]++
				}
			})
		}
		done.Wait()
		equal(t, "claimed", len(owners), len(ids))
		for id, n := range owners {
			if n != 1 {
				t.Errorf("message %d was claimed %d times", id, n)
			}
		}
	})
}

// TestFence lets a worker that was taken for dead come back after another one
// claimed its message.
func TestFence(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, db *ledger.DB) {
		_, m := confirmed(t, db)
		if err := db.Heartbeat(t.Context(), "slow", now, time.Second, ""); err != nil {
			t.Fatal(err)
		}
		slow := claim(t, db, "slow", m.ID, now)
		later := now.Add(time.Second)
		if s, err := db.Sweep(t.Context(), later); err != nil || s.Released != 1 {
			t.Fatalf("swept %+v, %v", s, err)
		}
		next := claim(t, db, live(t, db, "next", later), m.ID, later)
		if finalDot(t, db, slow, later) {
			t.Error("final dot under an old fence")
		}
		if !finalDot(t, db, next, later) {
			t.Error("final dot under the right fence refused")
		}
		if record(t, db, jobs.Outcome{ID: m.ID, Fence: slow.Fence, State: jobs.Failed}, later) {
			t.Error("outcome under an old fence")
		}
		if !record(t, db, jobs.Outcome{ID: m.ID, Fence: next.Fence, State: jobs.Sent, SentAt: later}, later) {
			t.Error("outcome under the right fence refused")
		}
	})
}

// TestApplyWhileImporting moves the event while people come in: nobody may end
// with messages about a moment that is no more.
func TestApplyWhileImporting(t *testing.T) {
	ledgertest.EachURL(t, func(t *testing.T, url string) {
		db := ledgertest.Open(t, url)
		apply(t, db, programme(start1130, rules), now)
		var imports sync.WaitGroup
		for n := range 3 {
			handle := ledgertest.Open(t, url)
			imports.Go(func() {
				for i := range 40 {
					if _, err := handle.Import(t.Context(), "workshop", crowd(t, 1000*n+5*i, 5), now, ledger.ImportOptions{}); err != nil {
						t.Error(err)
					}
				}
			})
		}
		const moves = 12
		for n := range moves {
			apply(t, db, programme(fmt.Sprintf("2026-11-%02dT11:30", 20+n%2), rules), now)
		}
		imports.Wait()
		waiting := messages(t, db, ledger.MessageFilter{State: jobs.Planned})
		equal(t, "messages that wait", len(waiting), 3*40*5*4)
		for _, m := range waiting {
			if m.Revision != moves {
				t.Fatalf("message %d of registration %d speaks of revision %d, the event has %d", m.ID, m.RegistrationID, m.Revision, moves)
			}
		}
	})
}

// TestWriterGetsThrough has one process commit all the time, as a worker does,
// and another write now and then, as a person who pauses a campaign does: that one
// must not wait for hundreds of commits. By itself SQLite had it wait for thousands.
func TestWriterGetsThrough(t *testing.T) {
	ledgertest.EachURL(t, func(t *testing.T, url string) {
		worker, person := ledgertest.Open(t, url), ledgertest.Open(t, url)
		apply(t, worker, programme(start1130, rules), now)
		var commits atomic.Int64
		var done atomic.Bool
		var both sync.WaitGroup
		both.Go(func() {
			for !done.Load() {
				if _, err := worker.Import(t.Context(), "workshop", crowd(t, int(commits.Load()%50)*20, 20), now, ledger.ImportOptions{}); err != nil {
					t.Error(err)
				}
				commits.Add(1)
			}
		})
		both.Go(func() {
			defer done.Store(true)
			worst := int64(0)
			for n := range 30 {
				for next := commits.Load() + 20; commits.Load() < next; {
					time.Sleep(time.Millisecond)
				}
				before := commits.Load()
				if err := person.Suppress(t.Context(), address(t, fmt.Sprintf("p%d@example.org", n)), "proef", now); err != nil {
					t.Error(err)
				}
				worst = max(worst, commits.Load()-before)
			}
			if t.Logf("the longest wait was %d commits", worst); worst > 1000 {
				t.Errorf("a write waited for %d commits of another process", worst)
			}
		})
		both.Wait()
	})
}

// races is how often a cancel runs against a final dot.
const races = 2000

// TestCancelAgainstFinalDot starts a cancel and a final dot at the same time.
// Where the cancel came back before the dot was asked for, the dot must be
// refused; in any case a dot that was allowed is followed by a cancellation
// mail, and one that was refused by none.
func TestCancelAgainstFinalDot(t *testing.T) {
	ledgertest.EachURL(t, func(t *testing.T, url string) {
		db, other := ledgertest.Open(t, url), ledgertest.Open(t, url)
		apply(t, db, programme(start1130, rules), now)
		w := live(t, db, "w1", now)
		fill(t, db, races)
		ids := map[int64]int64{} // registration → confirmation
		for _, m := range messages(t, db, ledger.MessageFilter{State: jobs.Planned}) {
			if m.Kind == jobs.Confirmation {
				ids[m.RegistrationID] = m.ID
			}
		}
		stale, allowed := 0, 0
		for _, r := range all(t, db, ledger.RegistrationFilter{}) {
			c := claim(t, db, w, ids[r.ID], now)
			var cancelled atomic.Bool
			var both sync.WaitGroup
			begin := make(chan struct{})
			both.Go(func() {
				<-begin
				if _, err := other.Cancel(t.Context(), "workshop", r.Email, "", now); err != nil {
					t.Error(err)
				}
				cancelled.Store(true)
			})
			var committed, passed bool
			both.Go(func() {
				<-begin
				// Spread the dots over the life of a cancel.
				for range r.ID % 7 * 300 {
					if cancelled.Load() {
						break
					}
					runtime.Gosched()
				}
				committed = cancelled.Load()
				passed = finalDot(t, db, c, now)
			})
			close(begin)
			both.Wait()
			if committed && passed {
				stale++
			}
			owed := false
			for _, m := range messages(t, db, ledger.MessageFilter{Registration: r.ID}) {
				owed = owed || m.Kind == jobs.Cancellation
			}
			if passed != owed {
				t.Fatalf("registration %d: dot allowed %v, cancellation owed %v", r.ID, passed, owed)
			}
			if passed {
				allowed++
			}
		}
		equal(t, "stale sends", stale, 0)
		if allowed == 0 || allowed == races {
			t.Errorf("%d of %d dots came first: this was no race", allowed, races)
		}
		t.Logf("%d of %d dots came first", allowed, races)
	})
}
