package ledger_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"heraut/jobs"
	"heraut/jobs/ledger"
	"heraut/jobs/ledger/ledgertest"
)

func TestApplyMove(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, db *ledger.DB) {
		apply(t, db, programme(start1130, rules), now)
		w := live(t, db, "w1", now)
		invited, fresh := register(t, db, "jan@example.nl", now), register(t, db, "nieuw@example.nl", now)
		send(t, db, w, message(t, db, invited, "confirmation").ID, now)

		later := now.Add(time.Hour)
		a := apply(t, db, programme("2026-11-20T11:30", rules), later)
		equal(t, "version", a.Version, 2)
		equal(t, "changes", len(a.Changes), 1)
		equal(t, "mails: change", a.Mails[jobs.Change], 1)
		equal(t, "mails: confirmation", a.Mails[jobs.Confirmation], 0)
		equal(t, "registrations", a.Registrations, 2)
		equal(t, "moved", a.Moved, 7) // three timed ones each, and a confirmation that has yet to leave
		prog, version, err := db.Programme(t.Context())
		if err != nil || version != 2 || prog.Events[0].Revision != 1 {
			t.Fatalf("programme: %+v, %d, %v", prog, version, err)
		}
		same(t, "invited", states(t, db, invited), []string{"change/1=planned", "confirmation/0=sent",
			"day-before/0=cancelled", "day-before/1=planned", "thanks/0=cancelled", "thanks/1=planned", "week-before/0=cancelled", "week-before/1=planned"})
		same(t, "not yet invited", states(t, db, fresh), []string{"confirmation/0=cancelled", "confirmation/1=planned",
			"day-before/0=cancelled", "day-before/1=planned", "thanks/0=cancelled", "thanks/1=planned", "week-before/0=cancelled", "week-before/1=planned"})
		equal(t, "sequence", message(t, db, invited, "change").Sequence, 1)
		if again := apply(t, db, programme("2026-11-20T11:30", rules), later); again.Version != 2 || len(again.Changes) != 0 {
			t.Errorf("the same file again: %+v", again)
		}
	})
}

func TestApplyCancelsEvent(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, db *ledger.DB) {
		apply(t, db, programme(start1130, rules), now)
		w := live(t, db, "w1", now)
		r := register(t, db, "jan@example.nl", now)
		send(t, db, w, message(t, db, r, "confirmation").ID, now)
		a := apply(t, db, programme(start1130, rules+"    cancelled: true\n"), now.Add(time.Hour))
		equal(t, "mails", a.Mails[jobs.Cancellation], 1)
		equal(t, "voided", a.Voided, 3)
		same(t, "states", states(t, db, r), []string{"cancellation/1=planned", "confirmation/0=sent",
			"day-before/0=cancelled", "thanks/0=cancelled", "week-before/0=cancelled"})
		send(t, db, w, message(t, db, r, "cancellation").ID, now.Add(time.Hour))
	})
}

func TestApplyRules(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, db *ledger.DB) {
		apply(t, db, programme(start1130, rules), now)
		r := register(t, db, "jan@example.nl", now)
		changed := strings.Replace(rules, `at: "-1d 09:00"`, `at: "-1d 08:00"`, 1)
		changed = strings.Replace(changed, "      - {name: week-before, kind: reminder, at: \"-7d 09:00\"}\n", "", 1)
		changed += `      - {name: hour-before, kind: reminder, at: "-1h"}
      - {name: too-late, kind: reminder, at: "-30d 09:00", late: now}
`
		a := apply(t, db, programme(start1130, changed), now.Add(time.Hour))
		equal(t, "planned", a.Planned, 1)
		equal(t, "moved", a.Moved, 1)
		equal(t, "voided", a.Voided, 1)
		same(t, "states", states(t, db, r), []string{"confirmation/0=planned", "day-before/0=planned", "hour-before/0=planned",
			"thanks/0=planned", "too-late/0=expired", "week-before/0=cancelled"})
		equal(t, "reason", message(t, db, r, "too-late").Reason, jobs.ReasonNewRule)
		m := message(t, db, r, "day-before")
		equal(t, "moved to", m.NextAttemptAt, time.Date(2026, 11, 18, 7, 0, 0, 0, time.UTC))
		equal(t, "revision", m.Revision, 0)
	})
}

func TestApplyAudience(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, db *ledger.DB) {
		apply(t, db, programme(start1130, fmt.Sprintf(civilServants, "hold")+rules), now)
		r := register(t, db, "jan@example.nl", now)
		equal(t, "status", r.Status, jobs.Held)
		later := now.Add(time.Hour)
		a := apply(t, db, programme(start1130, rules), later)
		equal(t, "mails", a.Mails[jobs.Confirmation], 1)
		r = all(t, db, ledger.RegistrationFilter{})[0]
		equal(t, "status", r.Status, jobs.Registered)
		equal(t, "since", r.SinceAt, later)
		equal(t, "confirmation", message(t, db, r, "confirmation").NextAttemptAt, later)

		w := live(t, db, "w1", now)
		c := claim(t, db, w, message(t, db, r, "confirmation").ID, later)
		a = apply(t, db, programme(start1130, fmt.Sprintf(civilServants, "hold")+rules), later)
		equal(t, "voided", a.Voided, 4)
		if finalDot(t, db, c, later) {
			t.Error("mail to somebody who is no longer in the audience")
		}
		if list := messages(t, db, ledger.MessageFilter{State: jobs.HeldState}); len(list) != 4 || !list[0].NextAttemptAt.IsZero() {
			t.Errorf("held: %+v", list)
		}
	})
}

func TestApplyBlanks(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, db *ledger.DB) {
		apply(t, db, programme(start1130, "    location: {name: \"[in te vullen]\"}\n"+rules), now)
		r := register(t, db, "jan@example.nl", now)
		if list := messages(t, db, ledger.MessageFilter{State: jobs.HeldState}); len(list) != 4 {
			t.Fatalf("with a blank: %d held, want 4", len(list))
		}
		later := now.Add(time.Hour)
		a := apply(t, db, programme(start1130, "    location: {name: \"Zaal 1\"}\n"+rules), later)
		equal(t, "mails", a.Mails[jobs.Confirmation], 1)
		equal(t, "planned", a.Planned, 4)
		prog, _, err := db.Programme(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "filling a blank in moves nothing", prog.Events[0].Revision, 0)
		equal(t, "state", message(t, db, r, "confirmation").State, jobs.Planned)
	})
}

func TestApplyRefusesToDropPeople(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, db *ledger.DB) {
		if _, _, err := db.Programme(t.Context()); !errors.Is(err, ledger.ErrNoProgramme) {
			t.Errorf("before the first: %v", err)
		}
		two := string(programme(start1130, rules)) + `  - id: signing
    start: 2026-12-03T15:00
    title: {nl: "Ondertekening"}
    organizer: {name: "Organisatie", email: "aanmelding@example.nl"}
`
		apply(t, db, []byte(two), now)
		register(t, db, "jan@example.nl", now)
		apply(t, db, programme(start1130, rules), now) // nobody registered for the signing
		_, err := db.Apply(t.Context(), "programme.yaml", []byte(strings.Replace(two, "id: workshop", "id: other", 1)), now, ledger.ApplyOptions{})
		if !errors.Is(err, ledger.ErrEventInUse) || !strings.Contains(err.Error(), "cancelled: true") {
			t.Errorf("an event with people: %v", err)
		}
		_, err = db.Apply(t.Context(), "programme.yaml", []byte("programme: x\n"), now, ledger.ApplyOptions{})
		if _, ok := errors.AsType[*jobs.ProblemsError](err); !ok {
			t.Errorf("a file that cannot be read: %v", err)
		}
		if _, version, err := db.Programme(t.Context()); err != nil || version != 2 {
			t.Errorf("after refusals: version %d, %v", version, err)
		}
	})
}

// TestApplyMany goes through more registrations than fit in one chunk.
func TestApplyMany(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, db *ledger.DB) {
		apply(t, db, programme(start1130, rules), now)
		fill(t, db, 1300)
		a := apply(t, db, programme("2026-11-20T11:30", rules), now.Add(time.Minute))
		equal(t, "registrations", a.Registrations, 1300)
		equal(t, "moved", a.Moved, 4*1300)
		s, err := db.Status(t.Context(), now)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "planned", s.Messages[jobs.Planned], 4*1300)
		equal(t, "cancelled", s.Messages[jobs.CancelledState], 4*1300)
	})
}

func TestEventBefore(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, db *ledger.DB) {
		at := func(day int) []byte { return programme(fmt.Sprintf("2026-11-%dT11:30", day), rules) }
		apply(t, db, at(19), now)
		apply(t, db, at(20), now)
		// A change of words raises no revision, and is part of what was.
		apply(t, db, []byte(strings.Replace(string(at(20)), "Rijksbreed", "Landelijk", 1)), now)
		apply(t, db, at(21), now)
		before := func(id string, revision int) string {
			t.Helper()
			ev, ok, err := db.EventBefore(t.Context(), id, revision)
			if err != nil {
				t.Fatal(err)
			}
			return fmt.Sprint(ok, " ", ev.Start.Day(), " ", ev.Revision, " ", ev.Title.NL)
		}
		none := fmt.Sprint(false, " ", time.Time{}.Day(), " ", 0, " ")
		equal(t, "before the first", before("workshop", 0), none)
		equal(t, "before 1", before("workshop", 1), "true 19 0 Rijksbreed beleid op smart city")
		equal(t, "before 2", before("workshop", 2), "true 20 1 Landelijk beleid op smart city")
		equal(t, "before one to come", before("workshop", 3), none)
		equal(t, "of an unknown event", before("signing", 1), none)

		// An event that goes and comes back begins anew.
		apply(t, db, []byte(strings.Replace(string(at(25)), "id: workshop", "id: signing", 1)), now)
		apply(t, db, at(26), now)
		equal(t, "before 1, forgotten", before("workshop", 1), none)
		apply(t, db, at(27), now)
		equal(t, "before 1, anew", before("workshop", 1), "true 26 0 Rijksbreed beleid op smart city")
	})
}
