package ledger_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"heraut/jobs"
	"heraut/jobs/ledger"
	"heraut/jobs/ledger/ledgertest"
)

const civilServants = `    audience: {domains: [minbzk.nl], otherwise: %s}
`

func importRows(t testing.TB, db *ledger.DB, now time.Time, rows ...ledger.Row) []string {
	t.Helper()
	results, err := db.Import(t.Context(), "workshop", rows, now, ledger.ImportOptions{})
	if err != nil {
		t.Fatal(err)
	}
	words := make([]string, len(results))
	for i, r := range results {
		words[i] = string(r)
	}
	return words
}

func all(t testing.TB, db *ledger.DB, f ledger.RegistrationFilter) (list []jobs.Registration) {
	t.Helper()
	for r, err := range db.Registrations(t.Context(), f) {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, r)
	}
	return list
}

func TestImport(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, db *ledger.DB) {
		apply(t, db, programme(start1130, fmt.Sprintf(civilServants, "hold")+rules), now)
		jan := ledger.Row{Registration: jobs.Registration{Email: address(t, "Jan@minbzk.nl"), Name: "Jan", Organisation: "BZK", Lang: jobs.English, Tags: []string{"vip"}}}
		piet := ledger.Row{Registration: jobs.Registration{Email: address(t, "piet@example.nl"), Name: "Piet"}}
		gone := ledger.Row{Registration: jobs.Registration{Email: address(t, "nooit@minbzk.nl")}, Cancelled: true}
		same(t, "first", importRows(t, db, now, jan, piet, jan, gone), []string{"added", "held", "unchanged", "unchanged"})
		same(t, "again", importRows(t, db, now, jan, piet, jan, gone), []string{"unchanged", "unchanged", "unchanged", "unchanged"})

		list := all(t, db, ledger.RegistrationFilter{})
		equal(t, "registrations", len(list), 2)
		for _, m := range messages(t, db, ledger.MessageFilter{Email: address(t, "jan@minbzk.nl")}) {
			if m.Kind == jobs.Confirmation {
				equal(t, "queue", m.Queue, jobs.Bulk)
			}
		}
		for _, m := range messages(t, db, ledger.MessageFilter{Email: address(t, "piet@example.nl")}) {
			equal(t, "message to "+m.Email.String(), m.State, jobs.HeldState)
		}

		edited := ledger.Row{Registration: jobs.Registration{Email: address(t, "jan@minbzk.nl"), Name: "Jan Jansen"}}
		before := len(messages(t, db, ledger.MessageFilter{}))
		same(t, "edited", importRows(t, db, now, edited), []string{"updated"})
		equal(t, "messages after an edit", len(messages(t, db, ledger.MessageFilter{})), before)
		r := all(t, db, ledger.RegistrationFilter{Email: address(t, "jan@minbzk.nl")})[0]
		equal(t, "name", r.Name, "Jan Jansen")
		equal(t, "an empty cell wipes nothing", r.Organisation, "BZK")
		equal(t, "language", r.Lang, jobs.English)
		same(t, "tags", r.Tags, []string{"vip"})
	})
}

func TestImportCancelled(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, db *ledger.DB) {
		apply(t, db, programme(start1130, rules), now)
		row := ledger.Row{Registration: jobs.Registration{Email: address(t, "jan@example.nl"), Name: "Jan", RegisteredAt: now.Add(-time.Hour)}}
		off := row
		off.Cancelled = true
		same(t, "added", importRows(t, db, now, row), []string{"added"})
		older := off
		older.Registration.RegisteredAt = now.Add(-48 * time.Hour)
		same(t, "an older order", importRows(t, db, now, older), []string{"unchanged"})
		same(t, "cancelled", importRows(t, db, now.Add(time.Minute), off), []string{"cancelled"})
		same(t, "cancelled twice", importRows(t, db, now.Add(time.Minute), off), []string{"unchanged"})
		same(t, "the old row again", importRows(t, db, now.Add(time.Hour), row), []string{"unchanged"})
		first := all(t, db, ledger.RegistrationFilter{})[0]
		equal(t, "status", first.Status, jobs.Cancelled)
		equal(t, "cancelled at", first.CancelledAt, now.Add(time.Minute))
		for _, m := range messages(t, db, ledger.MessageFilter{}) {
			equal(t, "message "+m.Name, m.State, jobs.CancelledState)
		}

		back := row
		back.Registration.RegisteredAt = now.Add(2 * time.Hour)
		same(t, "signed up again", importRows(t, db, now.Add(3*time.Hour), back), []string{"added"})
		list := all(t, db, ledger.RegistrationFilter{})
		if len(list) != 2 || list[0].UID == list[1].UID {
			t.Errorf("a new sign-up is a new registration with a new UID: %+v", list)
		}
		same(t, "both in one chunk", importRows(t, db, now,
			ledger.Row{Registration: person(t, "p@example.nl")}, ledger.Row{Registration: person(t, "p@example.nl"), Cancelled: true}), []string{"added", "cancelled"})
		equal(t, "status", all(t, db, ledger.RegistrationFilter{Email: address(t, "p@example.nl")})[0].Status, jobs.Cancelled)
	})
}

func TestImportRefuses(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, db *ledger.DB) {
		apply(t, db, programme(start1130, fmt.Sprintf(civilServants, "refuse")+rules), now)
		same(t, "refused", importRows(t, db, now, ledger.Row{Registration: person(t, "jan@minbzk.nl.example.org")}), []string{"refused"})
		same(t, "known", importRows(t, db, now, ledger.Row{Registration: person(t, "jan@minbzk.nl.example.org")}), []string{"unchanged"})
		equal(t, "messages", len(messages(t, db, ledger.MessageFilter{})), 0)
		r, err := db.Approve(t.Context(), "workshop", address(t, "jan@minbzk.nl.example.org"), now.Add(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "status", r.Status, jobs.Registered)
		equal(t, "confirmation due", message(t, db, r, "confirmation").DueAt, now.Add(time.Hour))
	})
}

// TestImportAtOnce imports the same rows ten times from four handles, as four
// processes would have them.
func TestImportAtOnce(t *testing.T) {
	ledgertest.EachURL(t, func(t *testing.T, url string) {
		db := ledgertest.Open(t, url)
		apply(t, db, programme(start1130, rules), now)
		const people = 300
		var done sync.WaitGroup
		var mu sync.Mutex
		count := map[ledger.Result]int{}
		for n := range 4 {
			handle := ledgertest.Open(t, url)
			rows := crowd(t, 0, people)
			if n%2 == 1 {
				slices.Reverse(rows)
			}
			done.Go(func() {
				for range 10 {
					for part := range slices.Chunk(rows, 100) {
						results, err := handle.Import(t.Context(), "workshop", part, now, ledger.ImportOptions{})
						if err != nil {
							t.Error(err)
							return
						}
						mu.Lock()
						for _, r := range results {
							count[r]++
						}
						mu.Unlock()
					}
				}
			})
		}
		done.Wait()
		equal(t, "added", count[ledger.Added], people)
		equal(t, "unchanged", count[ledger.Unchanged], 39*people)
		equal(t, "registrations", len(all(t, db, ledger.RegistrationFilter{})), people)
		per := map[int64]int{}
		for _, m := range messages(t, db, ledger.MessageFilter{}) {
			per[m.RegistrationID]++
		}
		equal(t, "people with messages", len(per), people)
		for id, n := range per {
			if n != 4 {
				t.Errorf("registration %d has %d messages, want 4", id, n)
			}
		}
	})
}

func TestDryRunLeavesNoTrace(t *testing.T) {
	ledgertest.EachURL(t, func(t *testing.T, url string) {
		db, raw := ledgertest.Open(t, url), ledgertest.SQL(t, url)
		trace := func() (s string) {
			for _, table := range []string{"programmes", "events", "registrations", "messages"} {
				var n int
				if err := raw.QueryRow(`SELECT COUNT(*) FROM ` + table).Scan(&n); err != nil {
					t.Fatal(err)
				}
				s += fmt.Sprint(table, "=", n, " ")
			}
			return s + fmt.Sprint(messages(t, db, ledger.MessageFilter{}))
		}
		apply(t, db, programme(start1130, rules), now)
		register(t, db, "jan@example.nl", now)
		before := trace()

		results, err := db.Import(t.Context(), "workshop", crowd(t, 0, 3), now, ledger.ImportOptions{DryRun: true})
		if err != nil || !slices.Equal(results, []ledger.Result{ledger.Added, ledger.Added, ledger.Added}) {
			t.Fatalf("dry run: %v %v", results, err)
		}
		next := programme("2026-11-20T11:30", rules)
		dry, err := db.Apply(t.Context(), "programme.yaml", next, now, ledger.ApplyOptions{DryRun: true})
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "after dry runs", trace(), before)
		equal(t, "said and done", fmt.Sprint(apply(t, db, next, now)), fmt.Sprint(dry))
	})
}

func TestRegister(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, db *ledger.DB) {
		ctx := t.Context()
		if _, _, err := db.Register(ctx, person(t, "jan@example.nl"), now); err == nil {
			t.Error("registered without a programme")
		}
		apply(t, db, programme(start1130, rules), now)
		r, result, err := db.Register(ctx, person(t, "jan@example.nl"), now)
		if err != nil || result != ledger.Added {
			t.Fatalf("register: %v, %v", result, err)
		}
		equal(t, "queue", message(t, db, r, "confirmation").Queue, jobs.Critical)
		equal(t, "since", r.SinceAt, now)
		if _, result, _ = db.Register(ctx, person(t, "JAN@example.nl"), now); result != ledger.Unchanged {
			t.Errorf("again: %v", result)
		}
		c, err := db.Cancel(ctx, "workshop", address(t, "jan@example.nl"), "kan niet", now.Add(time.Second))
		if err != nil || c.Status != jobs.Cancelled || c.Reason != "kan niet" {
			t.Fatalf("cancel: %+v, %v", c, err)
		}
		if again, err := db.Cancel(ctx, "workshop", address(t, "jan@example.nl"), "nog eens", now.Add(time.Hour)); err != nil || !again.CancelledAt.Equal(now.Add(time.Second)) {
			t.Errorf("cancelled twice: %+v, %v", again, err)
		}
		if _, err := db.Approve(ctx, "workshop", address(t, "jan@example.nl"), now); err == nil {
			t.Error("a cancelled registration was approved")
		}
		b, result, err := db.Register(ctx, person(t, "jan@example.nl"), now.Add(2*time.Hour))
		if err != nil || result != ledger.Added || b.ID == r.ID || b.UID == r.UID {
			t.Errorf("who comes back: %+v, %v, %v", b, result, err)
		}
		unknown := person(t, "jan@example.nl")
		unknown.EventID = "feest"
		if _, _, err := db.Register(ctx, unknown, now); err == nil {
			t.Error("registered for an unknown event")
		}
		if _, err := db.Cancel(ctx, "workshop", address(t, "niemand@example.nl"), "", now); err == nil {
			t.Error("cancelled nobody")
		}
	})
}

// TestImportAfterTwoCancellations compares a sign-up with the last time the
// person cancelled, not with an earlier one.
func TestImportAfterTwoCancellations(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, db *ledger.DB) {
		apply(t, db, programme(start1130, rules), now)
		for n := range 2 {
			at := now.Add(time.Duration(n) * 24 * time.Hour)
			r := register(t, db, "jan@example.nl", at)
			if _, err := db.Cancel(t.Context(), "workshop", r.Email, "", at.Add(time.Hour)); err != nil {
				t.Fatal(err)
			}
		}
		for _, c := range []struct {
			signedUp time.Duration
			result   ledger.Result
		}{{2 * time.Hour, ledger.Unchanged}, {26 * time.Hour, ledger.Added}} {
			row := ledger.Row{Registration: person(t, "jan@example.nl")}
			row.Registration.RegisteredAt = now.Add(c.signedUp)
			got, err := db.Import(t.Context(), "workshop", []ledger.Row{row}, now.Add(48*time.Hour), ledger.ImportOptions{})
			if err != nil {
				t.Fatal(err)
			}
			equal(t, "signed up "+c.signedUp.String()+" later", got[0], c.result)
		}
	})
}
