package ledger_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"heraut/jobs"
	"heraut/jobs/ledger"
	"heraut/jobs/ledger/ledgertest"
)

func TestLifeOfAMessage(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, db *ledger.DB) {
		apply(t, db, programme(start1130, rules), now)
		r := register(t, db, "jan@example.nl", now)
		same(t, "planned", states(t, db, r), []string{"confirmation/0=planned", "day-before/0=planned", "thanks/0=planned", "week-before/0=planned"})
		at, ok, err := db.NextDue(t.Context())
		if err != nil || !ok || !at.Equal(now) {
			t.Fatalf("next due: %v %v %v, want %v", at, ok, err, now)
		}

		tickets, err := db.Due(t.Context(), jobs.Critical, jobs.Ticket{}, now.Add(2*time.Minute), 10)
		if err != nil || len(tickets) != 1 {
			t.Fatalf("due: %v %v", tickets, err)
		}
		ticket := tickets[0]
		equal(t, "queue", ticket.Queue, jobs.Critical)
		w := live(t, db, "w1", now)
		c := claim(t, db, w, ticket.ID, now)
		equal(t, "attempts", c.Message.Attempts, 1)
		equal(t, "state", c.Message.State, jobs.Claimed)
		equal(t, "version", c.Version, 1)
		equal(t, "whom", c.Registration.Email.String(), "jan@example.nl")
		equal(t, "uid", c.Registration.UID, r.UID)
		if twice, _ := db.Claim(t.Context(), w, []int64{ticket.ID}, now); len(twice) != 0 {
			t.Error("claimed twice")
		}
		if record(t, db, jobs.Outcome{ID: ticket.ID, Fence: c.Fence, State: jobs.Sent, SentAt: now}, now) {
			t.Error("sent without a final dot")
		}
		if !finalDot(t, db, c, now) {
			t.Fatal("final dot refused")
		}
		sent := now.Add(1500 * time.Millisecond)
		if !record(t, db, jobs.Outcome{ID: ticket.ID, Fence: c.Fence, State: jobs.Sent, SentAt: sent, SMTP: "250 2.0.0 Ok"}, sent) {
			t.Fatal("outcome refused")
		}
		m := message(t, db, r, "confirmation")
		equal(t, "state", m.State, jobs.Sent)
		equal(t, "sent at", m.SentAt, sent)
		equal(t, "answer", m.SMTP, "250 2.0.0 Ok")
		if m.MessageID == "" || !m.NextAttemptAt.IsZero() {
			t.Errorf("after sending: %+v", m)
		}
		s, err := db.Status(t.Context(), now)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "sent", s.Messages[jobs.Sent], 1)
		equal(t, "planned", s.Messages[jobs.Planned], 3)
		equal(t, "registered", s.Registrations[jobs.Registered], 1)
		equal(t, "workers", s.Workers, 1)
	})
}

// TestFinalDotAgain: a dot that could not be sent yet may be asked for again, and
// is refused when the person cancelled, or the event moved, meanwhile. That it did
// not leave is a legal outcome.
func TestFinalDotAgain(t *testing.T) {
	cancelled := func(t *testing.T, db *ledger.DB, r jobs.Registration) {
		if _, err := db.Cancel(t.Context(), "workshop", r.Email, "", now); err != nil {
			t.Fatal(err)
		}
	}
	moved := func(t *testing.T, db *ledger.DB, _ jobs.Registration) {
		apply(t, db, programme("2026-11-20T11:30", rules), now)
	}
	for _, tt := range []struct {
		name, message string
		overtake      func(*testing.T, *ledger.DB, jobs.Registration)
	}{
		{"confirmation, cancelled", "confirmation", cancelled},
		{"confirmation, moved", "confirmation", moved},
		{"campaign, cancelled", "nieuws", cancelled},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ledgertest.Each(t, func(t *testing.T, db *ledger.DB) {
				r, _ := confirmed(t, db)
				save(t, db, news(t, "nieuws", "everyone"), now)
				sendNow(t, db, "nieuws", now)
				step(t, db, "nieuws", 10, now)
				m := message(t, db, r, tt.message)
				c := claim(t, db, live(t, db, "w1", now), m.ID, now)
				for range 2 {
					if !finalDot(t, db, c, now) {
						t.Fatal("final dot refused")
					}
				}
				tt.overtake(t, db, r)
				if finalDot(t, db, c, now) {
					t.Error("the final dot was allowed again")
				}
				if !record(t, db, jobs.Outcome{ID: m.ID, Fence: c.Fence, State: jobs.Retry, NextAttemptAt: now}, now) {
					t.Error("that it did not leave was not recorded")
				}
			})
		})
	}
}

// confirmed applies the programme and registers one person, and gives the
// confirmation.
func confirmed(t *testing.T, db *ledger.DB) (jobs.Registration, jobs.Message) {
	t.Helper()
	apply(t, db, programme(start1130, rules), now)
	r := register(t, db, "jan@example.nl", now)
	return r, message(t, db, r, "confirmation")
}

func TestClaimRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		prepare func(t *testing.T, db *ledger.DB, m jobs.Message)
		at      time.Time
		state   jobs.State // afterwards
		reason  string
	}{
		"too early": {at: now.Add(-1001 * time.Millisecond), state: jobs.Planned},
		"expired":   {at: start, state: jobs.Expired, reason: jobs.ReasonStarted},
		"suppressed": {at: now, state: jobs.Suppressed, reason: "the address is on the suppression list",
			prepare: func(t *testing.T, db *ledger.DB, m jobs.Message) {
				if err := db.Suppress(t.Context(), address(t, "JAN@example.nl"), "550 5.1.1", now); err != nil {
					t.Fatal(err)
				}
			}},
		"no lease": {at: now, state: jobs.Planned,
			prepare: func(t *testing.T, db *ledger.DB, m jobs.Message) {
				if err := db.Goodbye(t.Context(), "w1"); err != nil {
					t.Fatal(err)
				}
			}},
		"lease over": {at: now, state: jobs.Planned,
			prepare: func(t *testing.T, db *ledger.DB, m jobs.Message) {
				if err := db.Heartbeat(t.Context(), "w1", now.Add(-time.Minute), time.Minute, ""); err != nil {
					t.Fatal(err)
				}
			}},
	} {
		t.Run(name, func(t *testing.T) {
			ledgertest.Each(t, func(t *testing.T, db *ledger.DB) {
				r, m := confirmed(t, db)
				live(t, db, "w1", now)
				if c.prepare != nil {
					c.prepare(t, db, m)
				}
				claims, err := db.Claim(t.Context(), "w1", []int64{m.ID}, c.at)
				if err != nil || len(claims) != 0 {
					t.Fatalf("claims %v, %v", claims, err)
				}
				m = message(t, db, r, "confirmation")
				equal(t, "state", m.State, c.state)
				equal(t, "reason", m.Reason, c.reason)
			})
		})
	}
	t.Run("within a second", func(t *testing.T) {
		ledgertest.Each(t, func(t *testing.T, db *ledger.DB) {
			_, m := confirmed(t, db)
			claim(t, db, live(t, db, "w1", now), m.ID, now.Add(-time.Second))
		})
	})
}

func TestFinalDotRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		meanwhile func(t *testing.T, db *ledger.DB)
		at        time.Time
		state     jobs.State
	}{
		"cancelled": {at: now, state: jobs.CancelledState, meanwhile: func(t *testing.T, db *ledger.DB) {
			if _, err := db.Cancel(t.Context(), "workshop", address(t, "jan@example.nl"), "", now); err != nil {
				t.Fatal(err)
			}
		}},
		"moved": {at: now, state: jobs.CancelledState, meanwhile: func(t *testing.T, db *ledger.DB) {
			apply(t, db, programme("2026-11-20T11:30", rules), now)
		}},
		"suppressed": {at: now, state: jobs.Suppressed, meanwhile: func(t *testing.T, db *ledger.DB) {
			if err := db.Suppress(t.Context(), address(t, "jan@example.nl"), "", now); err != nil {
				t.Fatal(err)
			}
		}},
		"swept": {at: now, state: jobs.Planned, meanwhile: func(t *testing.T, db *ledger.DB) {
			if _, err := db.Sweep(t.Context(), now.Add(time.Hour)); err != nil {
				t.Fatal(err)
			}
		}},
		"started": {at: start, state: jobs.Claimed, meanwhile: func(*testing.T, *ledger.DB) {}},
	} {
		t.Run(name, func(t *testing.T) {
			ledgertest.Each(t, func(t *testing.T, db *ledger.DB) {
				r, m := confirmed(t, db)
				if err := db.Heartbeat(t.Context(), "w1", now, time.Hour, ""); err != nil {
					t.Fatal(err)
				}
				held := claim(t, db, "w1", m.ID, now)
				c.meanwhile(t, db)
				if finalDot(t, db, held, c.at) {
					t.Error("the final dot was allowed")
				}
				for _, m := range messages(t, db, ledger.MessageFilter{ID: held.Message.ID}) {
					equal(t, "state", m.State, c.state)
				}
				if name != "started" && record(t, db, jobs.Outcome{ID: m.ID, Fence: held.Fence, State: jobs.Retry, NextAttemptAt: now}, now) {
					t.Errorf("an outcome of a claim that was overtaken was recorded for registration %d", r.ID)
				}
			})
		})
	}
}

// TestDue: a message has a ticket as long as it waits, and another one each
// time it waits anew.
func TestDue(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, db *ledger.DB) {
		_, m := confirmed(t, db)
		if tickets := due(t, db, jobs.Bulk, now); len(tickets) != 0 {
			t.Error("a ticket of a queue that was not asked for")
		}
		equal(t, "before its moment", len(due(t, db, jobs.Critical, now.Add(-time.Microsecond))), 0)
		tickets := due(t, db, jobs.Critical, now)
		equal(t, "at its moment", len(tickets), 1)
		equal(t, "ticket", tickets[0], jobs.Ticket{ID: m.ID, Queue: jobs.Critical, Fence: tickets[0].Fence, At: now})
		equal(t, "asked again", due(t, db, jobs.Critical, now)[0], tickets[0])

		w := live(t, db, "w1", now)
		c := claim(t, db, w, m.ID, now)
		equal(t, "claimed", len(due(t, db, jobs.Critical, now)), 0)
		record(t, db, jobs.Outcome{ID: m.ID, Fence: c.Fence, State: jobs.Planned}, now)
		again := due(t, db, jobs.Critical, now)
		if len(again) != 1 || again[0].Fence <= tickets[0].Fence {
			t.Errorf("given back: %v, after %v", again, tickets)
		}
		// A task that rings before the moment does not use the ticket up.
		if claims, err := db.Claim(t.Context(), w, []int64{m.ID}, now.Add(-time.Minute)); err != nil || len(claims) != 0 {
			t.Fatal(claims, err)
		}
		if rung := due(t, db, jobs.Critical, now); len(rung) != 1 || rung[0].Fence <= again[0].Fence {
			t.Errorf("rung too early: %v, after %v", rung, again)
		}
	})
}

// TestDueGoesOn reads a crowd in parts, most of it due at one instant: each
// comes once, in order.
func TestDueGoesOn(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, db *ledger.DB) {
		apply(t, db, programme(start1130, rules), now)
		fill(t, db, 90)
		for i := range 20 {
			if _, err := db.Import(t.Context(), "workshop", crowd(t, 90+i, 1), now.Add(time.Duration(i/2)*time.Second), ledger.ImportOptions{}); err != nil {
				t.Fatal(err)
			}
		}
		all, err := db.Due(t.Context(), jobs.Bulk, jobs.Ticket{}, now.Add(time.Minute), 1000)
		if err != nil || len(all) != 110 {
			t.Fatal(len(all), err)
		}
		var last jobs.Ticket
		var parts []jobs.Ticket
		for {
			part, err := db.Due(t.Context(), jobs.Bulk, last, now.Add(time.Minute), 7)
			if err != nil {
				t.Fatal(err)
			}
			if len(part) == 0 {
				break
			}
			parts, last = append(parts, part...), part[len(part)-1]
		}
		if !slices.Equal(parts, all) {
			t.Errorf("in parts:\n%v\nat once:\n%v", parts, all)
		}
	})
}

func TestRecordRetryAndGiveBack(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, db *ledger.DB) {
		r, m := confirmed(t, db)
		w := live(t, db, "w1", now)
		c := claim(t, db, w, m.ID, now)
		if !record(t, db, jobs.Outcome{ID: m.ID, Fence: c.Fence, State: jobs.Planned, NextAttemptAt: now.Add(time.Minute)}, now) {
			t.Fatal("not given back")
		}
		m = message(t, db, r, "confirmation")
		equal(t, "attempts after giving back", m.Attempts, 0)
		equal(t, "next", m.NextAttemptAt, now.Add(time.Minute))

		at := now.Add(time.Minute)
		c = claim(t, db, w, m.ID, at)
		record(t, db, jobs.Outcome{ID: m.ID, Fence: c.Fence, State: jobs.Retry, Reason: "greylisted", SMTP: "451 4.7.1\x00 later\xff", NextAttemptAt: at.Add(time.Minute)}, at)
		m = message(t, db, r, "confirmation")
		equal(t, "state", m.State, jobs.Retry)
		equal(t, "attempts", m.Attempts, 1)
		equal(t, "answer", m.SMTP, "451 4.7.1 later")
		if claims, _ := db.Claim(t.Context(), w, []int64{m.ID}, at); len(claims) != 0 {
			t.Error("retried before its moment")
		}
		at = at.Add(time.Minute)
		c = claim(t, db, w, m.ID, at)
		record(t, db, jobs.Outcome{ID: m.ID, Fence: c.Fence, State: jobs.Retry, NextAttemptAt: start.Add(time.Hour)}, at)
		equal(t, "a retry past the end wakes at the end", message(t, db, r, "confirmation").NextAttemptAt, start)
	})
}

func TestDistanceAfterConfirmation(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, db *ledger.DB) {
		const near = rules + `      - {name: soon, kind: reminder, at: "-45m"}
      - {name: last, kind: reminder, at: "-20m"}
`
		apply(t, db, programme(start1130, near), now)
		at := start.Add(-80 * time.Minute)
		r := register(t, db, "jan@example.nl", at)
		w := live(t, db, "w1", at)
		// It leaves late, a minute before the first reminder was to.
		sent := start.Add(-46 * time.Minute)
		send(t, db, w, message(t, db, r, "confirmation").ID, sent)
		equal(t, "soon", message(t, db, r, "soon").NextAttemptAt, sent.Add(jobs.Distance))
		equal(t, "last", message(t, db, r, "last").NextAttemptAt, start.Add(-16*time.Minute))

		r = register(t, db, "piet@example.nl", at)
		c := claim(t, db, w, message(t, db, r, "confirmation").ID, at)
		other := claim(t, db, w, message(t, db, r, "soon").ID, start.Add(-45*time.Minute))
		sent = start.Add(-25 * time.Minute)
		if !finalDot(t, db, c, sent) || !record(t, db, jobs.Outcome{ID: c.Message.ID, Fence: c.Fence, State: jobs.Sent, SentAt: sent}, sent) {
			t.Fatal("not sent")
		}
		if finalDot(t, db, other, sent) {
			t.Error("a reminder left together with the confirmation")
		}
		m := message(t, db, r, "last")
		equal(t, "no time left", m.State, jobs.Expired)
		equal(t, "reason", m.Reason, jobs.ReasonNoTime)
	})
}

func TestRecordSuppresses(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, db *ledger.DB) {
		_, m := confirmed(t, db)
		c := claim(t, db, live(t, db, "w1", now), m.ID, now)
		record(t, db, jobs.Outcome{ID: m.ID, Fence: c.Fence, State: jobs.Failed, SMTP: "550 5.1.1 no such user", Suppress: true}, now)
		list, err := db.Suppressions(t.Context())
		if err != nil || len(list) != 1 || list[0].Email.String() != "jan@example.nl" || list[0].Reason != "550 5.1.1 no such user" || !list[0].CreatedAt.Equal(now) {
			t.Fatalf("suppressions: %+v, %v", list, err)
		}
		if err := db.Unsuppress(t.Context(), address(t, "jan@example.nl")); err != nil {
			t.Fatal(err)
		}
		if err := db.Unsuppress(t.Context(), address(t, "jan@example.nl")); err == nil {
			t.Error("taken off twice")
		}
	})
}

// TestCancellationWaits keeps a cancellation behind a confirmation whose
// answer is still out: calendars need them in order.
func TestCancellationWaits(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, db *ledger.DB) {
		r, m := confirmed(t, db)
		w := live(t, db, "w1", now)
		c := claim(t, db, w, m.ID, now)
		if !finalDot(t, db, c, now) {
			t.Fatal("refused")
		}
		if _, err := db.Cancel(t.Context(), "workshop", r.Email, "", now); err != nil {
			t.Fatal(err)
		}
		off := message(t, db, r, "cancellation")
		if claims, err := db.Claim(t.Context(), w, []int64{off.ID}, now); err != nil || len(claims) != 0 {
			t.Fatalf("overtook the confirmation: %v, %v", claims, err)
		}
		at := message(t, db, r, "cancellation").NextAttemptAt
		if !at.After(now) {
			t.Errorf("due at %v: it would be asked for without pause", at)
		}
		record(t, db, jobs.Outcome{ID: m.ID, Fence: c.Fence, State: jobs.Sent, SentAt: now}, now)
		claim(t, db, w, off.ID, at)
	})
}

func TestInstantsAreExact(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, db *ledger.DB) {
		apply(t, db, programme(start1130, rules), now)
		amsterdam := time.FixedZone("", 3600)
		at := time.Date(2026, 11, 1, 1, 2, 3, 987654321, amsterdam)
		p := person(t, "jan@example.nl")
		p.RegisteredAt = time.Date(1969, 12, 31, 23, 59, 59, 999999999, time.UTC)
		r, _, err := db.Register(t.Context(), p, at)
		if err != nil {
			t.Fatal(err)
		}
		want := time.Date(2026, 11, 1, 0, 2, 3, 987654000, time.UTC)
		equal(t, "created", r.CreatedAt, want)
		equal(t, "registered, before 1970", r.RegisteredAt, time.Date(1969, 12, 31, 23, 59, 59, 999999000, time.UTC))
		equal(t, "cancelled", r.CancelledAt, time.Time{})
		m := message(t, db, r, "confirmation")
		equal(t, "due", m.DueAt, want)
		equal(t, "next", m.NextAttemptAt, want)
		equal(t, "expires", m.ExpiresAt, start)
		equal(t, "sent", m.SentAt, time.Time{})
	})
}

// TestClaimReadsNoMore: right after an import PostgreSQL knows nothing about its
// tables yet. A claim must not look through all that is due then to find a
// hundred messages by their numbers.
func TestClaimReadsNoMore(t *testing.T) {
	db := ledgertest.Open(t, ledgertest.Postgres(t))
	apply(t, db, programme(start1130, rules), now)
	fill(t, db, 5000)
	tickets, err := db.Due(t.Context(), jobs.Bulk, jobs.Ticket{}, now, 100)
	if err != nil || len(tickets) != 100 {
		t.Fatalf("due: %d %v", len(tickets), err)
	}
	var ids []int64
	for _, ticket := range tickets {
		ids = append(ids, ticket.ID)
	}
	plan, err := db.ClaimPlan(t.Context(), ids, now)
	if err != nil || len(plan) == 0 {
		t.Fatalf("plan: %q %v", plan, err)
	}
	for _, line := range plan {
		if strings.Contains(line, "messages_wake") {
			t.Errorf("reads what else is due:\n%s", strings.Join(plan, "\n"))
			break
		}
	}
}
