package ledger_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"heraut/jobs"
	"heraut/jobs/ledger"
	"heraut/jobs/ledger/ledgertest"
)

func TestMain(m *testing.M) { ledgertest.Main(m) }

// now is when the tests begin: three weeks before the workshop.
var now = time.Date(2026, 10, 29, 9, 0, 0, 123456000, time.UTC)

// start is when the workshop of the test programme starts.
var start = time.Date(2026, 11, 19, 10, 30, 0, 0, time.UTC)

// programme gives a programme file with one event; more is indented below it.
func programme(at, more string) []byte {
	return fmt.Appendf(nil, `programme: INNOvember
timezone: Europe/Amsterdam
events:
  - id: workshop
    start: %s
    title: {nl: "Rijksbreed beleid op smart city"}
    organizer: {name: "Organisatie", email: "aanmelding@example.nl"}
%s`, at, more)
}

// rules are four messages, as a usual event has.
const rules = `    messages:
      - {name: confirmation}
      - {name: week-before, kind: reminder, at: "-7d 09:00"}
      - {name: day-before, kind: reminder, at: "-1d 09:00"}
      - {name: thanks, kind: followup, at: "+1d 10:00"}
`

const start1130 = "2026-11-19T11:30"

func apply(t testing.TB, db *ledger.DB, source []byte, now time.Time) ledger.Applied {
	t.Helper()
	a, err := db.Apply(t.Context(), "programme.yaml", source, now, ledger.ApplyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func address(t testing.TB, s string) jobs.Address {
	t.Helper()
	a, err := jobs.ParseAddress(s)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// person gives a registration to make.
func person(t testing.TB, email string) jobs.Registration {
	return jobs.Registration{EventID: "workshop", Email: address(t, email), Name: "Persoon " + strings.ToLower(email[:1]), Lang: jobs.Dutch}
}

func register(t testing.TB, db *ledger.DB, email string, now time.Time) jobs.Registration {
	t.Helper()
	r, _, err := db.Register(t.Context(), person(t, email), now)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func messages(t testing.TB, db *ledger.DB, f ledger.MessageFilter) (list []ledger.MessageRow) {
	t.Helper()
	for m, err := range db.Messages(t.Context(), f) {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, m)
	}
	return list
}

// message gives the newest message of a registration by a rule.
func message(t testing.TB, db *ledger.DB, r jobs.Registration, name string) jobs.Message {
	t.Helper()
	var found jobs.Message
	for _, m := range messages(t, db, ledger.MessageFilter{Registration: r.ID}) {
		if m.Name == name && m.ID > found.ID {
			found = m.Message
		}
	}
	if found.ID == 0 {
		t.Fatalf("registration %d has no message %q", r.ID, name)
	}
	return found
}

// states gives "name/revision=state" of a registration's messages, sorted.
func states(t testing.TB, db *ledger.DB, r jobs.Registration) (list []string) {
	t.Helper()
	for _, m := range messages(t, db, ledger.MessageFilter{Registration: r.ID}) {
		list = append(list, fmt.Sprintf("%s/%d=%s", m.Name, m.Revision, m.State))
	}
	slices.Sort(list)
	return list
}

// live gives a worker whose lease outlasts the test.
func live(t testing.TB, db *ledger.DB, worker string, now time.Time) string {
	t.Helper()
	if err := db.Heartbeat(t.Context(), worker, now, 1000*time.Hour, ""); err != nil {
		t.Fatal(err)
	}
	return worker
}

// due gives the tickets of a queue at an instant, ten at most.
func due(t testing.TB, db *ledger.DB, q jobs.Queue, at time.Time) []jobs.Ticket {
	t.Helper()
	tickets, err := db.Due(t.Context(), q, jobs.Ticket{}, at, 10)
	if err != nil {
		t.Fatal(err)
	}
	return tickets
}

// claim claims one message, which has to succeed.
func claim(t testing.TB, db *ledger.DB, worker string, id int64, now time.Time) jobs.Claim {
	t.Helper()
	claims, err := db.Claim(t.Context(), worker, []int64{id}, now)
	if err != nil || len(claims) != 1 {
		t.Fatalf("claim of message %d: %d claims, %v", id, len(claims), err)
	}
	return claims[0]
}

func finalDot(t testing.TB, db *ledger.DB, c jobs.Claim, now time.Time) bool {
	t.Helper()
	ok, err := db.FinalDot(t.Context(), []jobs.Dot{{ID: c.Message.ID, Fence: c.Fence, MessageID: fmt.Sprintf("<%d.%d@example.nl>", c.Message.ID, c.Fence)}}, now)
	if err != nil {
		t.Fatal(err)
	}
	return ok[0]
}

func record(t testing.TB, db *ledger.DB, o jobs.Outcome, now time.Time) bool {
	t.Helper()
	ok, err := db.Record(t.Context(), []jobs.Outcome{o}, now)
	if err != nil {
		t.Fatal(err)
	}
	return ok[0]
}

// send takes a message through its whole life.
func send(t testing.TB, db *ledger.DB, worker string, id int64, now time.Time) {
	t.Helper()
	c := claim(t, db, worker, id, now)
	if !finalDot(t, db, c, now) || !record(t, db, jobs.Outcome{ID: id, Fence: c.Fence, State: jobs.Sent, SentAt: now, SMTP: "250 ok"}, now) {
		t.Fatalf("message %d was not sent", id)
	}
}

func equal[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func same(t testing.TB, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n got %q\nwant %q", what, got, want)
	}
}
