package ledger_test

import (
	"errors"
	"testing"
	"time"

	"heraut/jobs"
	"heraut/jobs/ledger"
	"heraut/jobs/ledger/ledgertest"
)

// die lets a worker claim a message, bring it to its final dot if asked, and
// die; it gives what the sweep says.
func die(t *testing.T, db *ledger.DB, id int64, now time.Time, dot bool) jobs.Swept {
	t.Helper()
	if err := db.Heartbeat(t.Context(), "mortal", now, 10*time.Second, ""); err != nil {
		t.Fatal(err)
	}
	c := claim(t, db, "mortal", id, now)
	if dot && !finalDot(t, db, c, now) {
		t.Fatal("final dot refused")
	}
	if s, err := db.Sweep(t.Context(), now.Add(9*time.Second)); err != nil || s.Sum() != 0 {
		t.Fatalf("swept a living worker: %+v, %v", s, err)
	}
	s, err := db.Sweep(t.Context(), now.Add(10*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	if record(t, db, jobs.Outcome{ID: id, Fence: c.Fence, State: jobs.Failed}, now) {
		t.Error("a dead worker's outcome was recorded")
	}
	return s
}

func TestSweepReleasesAndParks(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, db *ledger.DB) {
		r, m := confirmed(t, db)
		at := now
		for _, wait := range []time.Duration{0, 2 * time.Second} {
			equal(t, "swept", die(t, db, m.ID, at, false), jobs.Swept{Released: 1, Workers: 1})
			at = at.Add(10 * time.Second)
			m = message(t, db, r, "confirmation")
			equal(t, "state", m.State, jobs.Planned)
			if next := m.NextAttemptAt.Sub(at); max(next, 0) != wait {
				t.Errorf("due again after %v, want %v", next, wait)
			}
			at = at.Add(wait)
		}
		equal(t, "swept", die(t, db, m.ID, at, false), jobs.Swept{Parked: 1, Workers: 1})
		m = message(t, db, r, "confirmation")
		equal(t, "state", m.State, jobs.Failed)
		if err := db.RetryMessage(t.Context(), m.ID, now.Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		m = message(t, db, r, "confirmation")
		equal(t, "next", m.NextAttemptAt, now.Add(time.Hour))
		equal(t, "swept after a retry", die(t, db, m.ID, now.Add(time.Hour), false), jobs.Swept{Released: 1, Workers: 1})
	})
}

func TestSweepInDoubt(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, db *ledger.DB) {
		r, m := confirmed(t, db)
		w := live(t, db, "w1", now)
		equal(t, "swept", die(t, db, m.ID, now, true), jobs.Swept{InDoubt: 1, Workers: 1})
		m = message(t, db, r, "confirmation")
		equal(t, "state", m.State, jobs.InDoubt)
		equal(t, "doubts", m.Doubts, 1)
		resend := now.Add(10*time.Second + 15*time.Minute)
		equal(t, "second copy at", m.NextAttemptAt, resend)
		id := m.MessageID

		// The worker with the second copy dies before its dot: in doubt still.
		equal(t, "swept", die(t, db, m.ID, resend, false), jobs.Swept{Released: 1, Workers: 1})
		m = message(t, db, r, "confirmation")
		equal(t, "state", m.State, jobs.InDoubt)
		equal(t, "doubts", m.Doubts, 1)

		// A refusal for now leaves it in doubt as well.
		c := claim(t, db, w, m.ID, resend)
		record(t, db, jobs.Outcome{ID: m.ID, Fence: c.Fence, State: jobs.Retry, NextAttemptAt: resend.Add(time.Minute)}, resend)
		m = message(t, db, r, "confirmation")
		equal(t, "state", m.State, jobs.InDoubt)
		equal(t, "next", m.NextAttemptAt, resend.Add(time.Minute))

		// Cut off after its dot: that was the second copy, a person decides.
		later := resend.Add(time.Minute)
		equal(t, "swept", die(t, db, m.ID, later, true), jobs.Swept{InDoubt: 1, Workers: 1})
		m = message(t, db, r, "confirmation")
		equal(t, "doubts", m.Doubts, 2)
		equal(t, "next", m.NextAttemptAt, time.Time{})
		equal(t, "message id", m.MessageID, id)
		if claims, _ := db.Claim(t.Context(), w, []int64{m.ID}, later.Add(time.Hour)); len(claims) != 0 {
			t.Error("a third copy")
		}
		if s, _ := db.Status(t.Context(), now); s.InDoubt != 1 {
			t.Errorf("in doubt: %d", s.InDoubt)
		}
		if err := db.ResolveMessage(t.Context(), m.ID, jobs.Sent, later); err != nil {
			t.Fatal(err)
		}
		equal(t, "resolved", message(t, db, r, "confirmation").State, jobs.Sent)
	})
}

// TestCancelDuringSecondCopy cancels somebody while the second copy of a
// confirmation in doubt is claimed: they may have the first one, so they hear
// of it.
func TestCancelDuringSecondCopy(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, db *ledger.DB) {
		r, m := confirmed(t, db)
		w := live(t, db, "w1", now)
		die(t, db, m.ID, now, true)
		at := message(t, db, r, "confirmation").NextAttemptAt
		c := claim(t, db, w, m.ID, at)
		if _, err := db.Cancel(t.Context(), "workshop", r.Email, "", at); err != nil {
			t.Fatal(err)
		}
		if finalDot(t, db, c, at) {
			t.Error("the second copy left after the cancel")
		}
		same(t, "states", states(t, db, r), []string{"cancellation/0=planned", "confirmation/0=in_doubt",
			"day-before/0=cancelled", "thanks/0=cancelled", "week-before/0=cancelled"})
	})
}

func TestSweepExpires(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, db *ledger.DB) {
		r, _ := confirmed(t, db)
		week := time.Date(2026, 11, 12, 8, 0, 0, 0, time.UTC)
		s, err := db.Sweep(t.Context(), week.Add(jobs.DefaultMaxLate-time.Microsecond))
		if err != nil || s.Expired != 0 {
			t.Fatalf("before the end: %+v, %v", s, err)
		}
		if s, err = db.Sweep(t.Context(), week.Add(jobs.DefaultMaxLate)); err != nil || s.Expired != 1 {
			t.Fatalf("at the end: %+v, %v", s, err)
		}
		equal(t, "reason", message(t, db, r, "week-before").Reason, jobs.ReasonMaxLate)
		if s, err = db.Sweep(t.Context(), start); err != nil || s.Expired != 2 {
			t.Fatalf("at the start: %+v, %v", s, err)
		}
		m := message(t, db, r, "confirmation")
		equal(t, "state", m.State, jobs.Expired)
		equal(t, "reason", m.Reason, jobs.ReasonStarted)
		equal(t, "day before", message(t, db, r, "day-before").Reason, jobs.ReasonMaxLate)
		equal(t, "thanks", message(t, db, r, "thanks").State, jobs.Planned)
	})
}

func TestSweepExpiresHeld(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, db *ledger.DB) {
		apply(t, db, programme(start1130, "    audience: {domains: [minbzk.nl], otherwise: hold}\n"+rules), now)
		register(t, db, "jan@example.nl", now)
		if _, ok, err := db.NextDue(t.Context()); ok || err != nil {
			t.Errorf("a held message is due: %v", err)
		}
		s, err := db.Sweep(t.Context(), start.Add(72*time.Hour))
		if err != nil || s.Expired != 4 {
			t.Errorf("swept %+v, %v", s, err)
		}
	})
}

func TestDecisionsOfAPerson(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, db *ledger.DB) {
		r, m := confirmed(t, db)
		ctx := t.Context()
		for _, err := range []error{
			db.RetryMessage(ctx, m.ID, now),
			db.ResolveMessage(ctx, m.ID, jobs.Sent, now),
			db.ResolveMessage(ctx, m.ID, jobs.CancelledState, now),
		} {
			move, ok := errors.AsType[*ledger.MoveError](err)
			if !ok || move.From != jobs.Planned {
				t.Errorf("a planned message: %v", err)
			}
		}
		if err := db.RetryMessage(ctx, 4711, now); !errors.Is(err, ledger.ErrNotFound) {
			t.Errorf("no such message: %v", err)
		}
		w := live(t, db, "w1", now)
		c := claim(t, db, w, m.ID, now)
		record(t, db, jobs.Outcome{ID: m.ID, Fence: c.Fence, State: jobs.Failed, SMTP: "554 5.7.1 no"}, now)
		if err := db.RetryMessage(ctx, m.ID, start); err == nil {
			t.Error("retried after the start")
		}
		if _, err := db.Cancel(ctx, "workshop", r.Email, "", now); err != nil {
			t.Fatal(err)
		}
		if _, ok := errors.AsType[*ledger.MoveError](db.RetryMessage(ctx, m.ID, now)); !ok {
			t.Error("retried for somebody who cancelled")
		}
	})
}

// TestStoppedAtItsDot: a mail was stopped or refused with its dot on record, after
// the person cancelled or the event moved; or it was in doubt, and somebody found out
// that it never came. What was planned because it seemed to have left comes to nothing,
// whichever of the two is looked at first; who is still to come is owed a confirmation.
func TestStoppedAtItsDot(t *testing.T) {
	const rules = "    messages: [{name: confirmation}]\n"
	cancels := func(t *testing.T, db *ledger.DB) {
		if _, err := db.Cancel(t.Context(), "workshop", address(t, "jan@example.nl"), "", now); err != nil {
			t.Fatal(err)
		}
	}
	moves := func(t *testing.T, db *ledger.DB) { apply(t, db, programme("2026-11-20T11:30", rules), now) }
	for name, test := range map[string]struct {
		happens func(*testing.T, *ledger.DB)
		outcome jobs.State // of the confirmation
		first   string     // to be looked at
		want    []string
	}{
		"cancelled":              {cancels, jobs.Retry, "confirmation", []string{"cancellation/0=cancelled", "confirmation/0=cancelled"}},
		"cancelled, other first": {cancels, jobs.Retry, "cancellation", []string{"cancellation/0=cancelled", "confirmation/0=cancelled"}},
		"cancelled, refused":     {cancels, jobs.Failed, "cancellation", []string{"cancellation/0=cancelled", "confirmation/0=failed"}},
		"cancelled, decided":     {cancels, jobs.InDoubt, "cancellation", []string{"cancellation/0=cancelled", "confirmation/0=failed"}},
		"moved":                  {moves, jobs.Retry, "confirmation", []string{"change/1=cancelled", "confirmation/0=cancelled", "confirmation/1=planned"}},
		"moved, other first":     {moves, jobs.Retry, "change", []string{"change/1=cancelled", "confirmation/0=cancelled", "confirmation/1=planned"}},
		"moved, refused":         {moves, jobs.Failed, "change", []string{"change/1=cancelled", "confirmation/0=failed", "confirmation/1=planned"}},
		"moved, decided":         {moves, jobs.InDoubt, "change", []string{"change/1=cancelled", "confirmation/0=failed", "confirmation/1=planned"}},
	} {
		t.Run(name, func(t *testing.T) {
			ledgertest.Each(t, func(t *testing.T, db *ledger.DB) {
				apply(t, db, programme(start1130, rules), now)
				r := register(t, db, "jan@example.nl", now)
				m, w := message(t, db, r, "confirmation"), live(t, db, "w1", now)
				c := claim(t, db, w, m.ID, now)
				if !finalDot(t, db, c, now) {
					t.Fatal("final dot refused")
				}
				test.happens(t, db)
				if !record(t, db, jobs.Outcome{ID: m.ID, Fence: c.Fence, State: test.outcome, NextAttemptAt: now}, now) {
					t.Fatal("outcome refused")
				}
				if test.outcome == jobs.InDoubt {
					if err := db.ResolveMessage(t.Context(), m.ID, jobs.Failed, now); err != nil {
						t.Fatal(err)
					}
				}
				if claims, err := db.Claim(t.Context(), w, []int64{message(t, db, r, test.first).ID}, now); err != nil || len(claims) != 0 {
					t.Fatal(claims, err)
				}
				same(t, "states", states(t, db, r), test.want)
				for _, m := range messages(t, db, ledger.MessageFilter{State: jobs.CancelledState}) {
					if m.Kind != jobs.Confirmation {
						equal(t, "reason", m.Reason, jobs.ReasonNeverLeft)
					}
				}
				for _, ticket := range due(t, db, jobs.Critical, now) {
					send(t, db, w, ticket.ID, now)
				}
			})
		})
	}
}
