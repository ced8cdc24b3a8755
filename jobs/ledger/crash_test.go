package ledger_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"heraut/jobs"
	"heraut/jobs/ledger"
	"heraut/jobs/ledger/ledgertest"
)

// TestBatchDies lets a worker die over several messages at once: all of them
// are due again at once, and each alone.
func TestBatchDies(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, db *ledger.DB) {
		ctx := t.Context()
		apply(t, db, programme(start1130, rules), now)
		fill(t, db, 3)
		take := func(at time.Time) (list []int64, alone []bool) {
			t.Helper()
			for _, ticket := range due(t, db, jobs.Bulk, at) {
				list, alone = append(list, ticket.ID), append(alone, ticket.Alone)
			}
			return list, alone
		}
		list, alone := take(now)
		same(t, "tickets", words(alone), []string{"false", "false", "false"})
		if err := db.Heartbeat(ctx, "mortal", now, time.Second, ""); err != nil {
			t.Fatal(err)
		}
		if claims, err := db.Claim(ctx, "mortal", list, now); err != nil || len(claims) != 3 {
			t.Fatal(claims, err)
		}
		at := now.Add(time.Second)
		s, err := db.Sweep(ctx, at)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "swept", s, jobs.Swept{Released: 3, Workers: 1})
		again, alone := take(at)
		if !slices.Equal(again, list) {
			t.Errorf("due again: %v, want %v", again, list)
		}
		same(t, "tickets after the crash", words(alone), []string{"true", "true", "true"})

		w := live(t, db, "w1", at)
		if claims, err := db.Claim(ctx, w, list, at); err != nil || len(claims) != 0 {
			t.Errorf("suspects were claimed together: %v, %v", claims, err)
		}
		c := claim(t, db, w, list[0], at)
		// Given back untried it stays under suspicion; a refusal clears it.
		record(t, db, jobs.Outcome{ID: list[0], Fence: c.Fence, State: jobs.Planned}, at)
		again, alone = take(at)
		if i := slices.Index(again, list[0]); i < 0 || !alone[i] {
			t.Errorf("given back: %v, alone %v", again, alone)
		}
		c = claim(t, db, w, list[0], at)
		later := at.Add(time.Minute)
		record(t, db, jobs.Outcome{ID: list[0], Fence: c.Fence, State: jobs.Retry, NextAttemptAt: later}, at)
		cleared := list[0]
		if list, alone = take(later); !slices.Contains(list, cleared) || alone[slices.Index(list, cleared)] {
			t.Errorf("after a refusal of %d: %v %v", cleared, list, alone)
		}
	})
}

func words(list []bool) (out []string) {
	for _, b := range list {
		out = append(out, map[bool]string{true: "true", false: "false"}[b])
	}
	return out
}

// TestPoison has a worker with many tasks in hand die of one message, again
// and again, as a simulation on a clock of its own, in which a mail takes a
// second: the message is parked when it killed three workers, and everybody else
// gets their mail.
func TestPoison(t *testing.T) {
	const (
		people   = 400
		parallel = 12 // tasks in hand
		perTask  = 20
	)
	ledgertest.Each(t, func(t *testing.T, db *ledger.DB) {
		ctx := t.Context()
		apply(t, db, programme(start1130, rules), now)
		fill(t, db, people)
		var confirmations []int64
		for _, m := range messages(t, db, ledger.MessageFilter{State: jobs.Planned}) {
			if m.Kind == jobs.Confirmation {
				confirmations = append(confirmations, m.ID)
			}
		}
		poison := confirmations[rand.N(len(confirmations))]
		t.Logf("message %d of %v", poison, confirmations[0])

		handed := map[int64]int64{} // by which fence, plus one
		var tasks [][]int64
		deaths, at := 0, now
		for at.Before(now.Add(time.Hour)) {
			tickets, err := db.Due(ctx, jobs.Bulk, jobs.Ticket{}, at, people)
			if err != nil {
				t.Fatal(err)
			}
			tickets = slices.DeleteFunc(tickets, func(t jobs.Ticket) bool { return handed[t.ID] == t.Fence+1 })
			for _, t := range tickets {
				handed[t.ID] = t.Fence + 1
			}
			tasks = append(tasks, inTasks(tickets, perTask)...)
			worker := fmt.Sprint("w", deaths)
			if err := db.Heartbeat(ctx, worker, at, 20*time.Second, ""); err != nil {
				t.Fatal(err)
			}
			if _, err := db.Sweep(ctx, at); err != nil {
				t.Fatal(err)
			}
			hand := tasks[:min(parallel, len(tasks))]
			tasks = tasks[len(hand):]
			var claims []jobs.Claim
			for _, task := range hand {
				got, err := db.Claim(ctx, worker, task, at)
				if err != nil {
					t.Fatal(err)
				}
				claims = append(claims, got...)
			}
			if slices.ContainsFunc(claims, func(c jobs.Claim) bool { return c.Message.ID == poison }) {
				deaths++
				at = at.Add(time.Second)
				continue
			}
			for _, c := range claims {
				if !finalDot(t, db, c, at) || !record(t, db, jobs.Outcome{ID: c.Message.ID, Fence: c.Fence, State: jobs.Sent, SentAt: at}, at) {
					t.Fatalf("message %d was not sent", c.Message.ID)
				}
			}
			at = at.Add(time.Second)
		}
		equal(t, "workers that died", deaths, jobs.MaxCrashes)
		for _, m := range messages(t, db, ledger.MessageFilter{}) {
			if m.Kind != jobs.Confirmation {
				continue
			}
			want := jobs.Sent
			if m.ID == poison {
				want = jobs.Failed
			}
			if m.State != want {
				t.Errorf("message %d is %s (%s), want %s", m.ID, m.State, m.Reason, want)
			}
		}
	})
}

// inTasks puts tickets in tasks as the queue does.
func inTasks(tickets []jobs.Ticket, size int) (tasks [][]int64) {
	var together []int64
	for _, t := range tickets {
		if t.Alone {
			tasks = append(tasks, []int64{t.ID})
		} else {
			together = append(together, t.ID)
		}
	}
	return slices.AppendSeq(tasks, slices.Chunk(together, size))
}

// TestSuspectNearItsEnd: one that would have to wait until after its end comes
// up at its end.
func TestSuspectNearItsEnd(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, db *ledger.DB) {
		r, m := confirmed(t, db)
		at := start.Add(-21 * time.Second)
		if _, err := db.Sweep(t.Context(), at); err != nil { // the reminders, which are past
			t.Fatal(err)
		}
		die(t, db, m.ID, at, false)
		die(t, db, m.ID, at.Add(10*time.Second), false)
		equal(t, "next", message(t, db, r, "confirmation").NextAttemptAt, start)
		if s, err := db.Sweep(t.Context(), start); err != nil || s.Expired == 0 {
			t.Errorf("swept %+v, %v", s, err)
		}
		equal(t, "state", message(t, db, r, "confirmation").State, jobs.Expired)
	})
}
