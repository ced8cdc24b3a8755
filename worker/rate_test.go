package worker_test

import (
	"fmt"
	"io"
	"mime/quotedprintable"
	"slices"
	"strings"
	"testing"
	"time"

	"heraut/jobs"
	"heraut/jobs/ledger"
	"heraut/worker"
)

// importAt puts n people of one domain on record as a file does.
func (w *world) importAt(t *testing.T, domain string, n int) {
	t.Helper()
	var rows []ledger.Row
	for i := range n {
		rows = append(rows, ledger.Row{Registration: jobs.Registration{Email: address(t, fmt.Sprintf("p%d@%s", i, domain)), Name: "Deelnemer", Lang: jobs.Dutch}})
	}
	if _, err := w.db.Import(t.Context(), "workshop", rows, w.now(), ledger.ImportOptions{}); err != nil {
		t.Fatal(err)
	}
}

// A domain that takes little does not hold up the others, and what is for it
// comes back one by one, not all at the same moment.
func TestDomainRate(t *testing.T) {
	w := newWorld(t, setup{change: func(c *worker.Config) { c.DomainRates = map[string]float64{"slow.example.org": 0.5} }})
	w.importAt(t, "slow.example.org", 10)
	w.importAt(t, "example.net", 10)
	r := w.start(t)
	w.settle(t, r)
	var later []time.Time
	for m, err := range w.db.Messages(t.Context(), ledger.MessageFilter{}) {
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case m.Kind != jobs.Confirmation:
		case m.Email.Domain() == "example.net" && m.State != jobs.Sent:
			t.Errorf("message %d of a domain without limit is %s", m.Message.ID, m.State)
		case m.Email.Domain() == "slow.example.org" && m.State == jobs.Planned:
			later = append(later, m.NextAttemptAt)
			if m.Attempts != 0 {
				t.Errorf("waiting for a slot counts as %d tries", m.Attempts)
			}
		}
	}
	if len(later) != 9 {
		t.Fatalf("%d wait for a slot, want 9", len(later))
	}
	slices.SortFunc(later, time.Time.Compare)
	for i, at := range later[1:] {
		if gap := at.Sub(later[i]); gap < 2*time.Second-time.Millisecond {
			t.Errorf("%v between two messages at one in two seconds", gap)
		}
	}
}

// Bulk waits for its turn; who registers meanwhile does not.
func TestRateShares(t *testing.T) {
	const rate = 20
	w := newWorld(t, setup{real: true, change: func(c *worker.Config) { c.Rate = rate }})
	w.importPeople(t, 60)
	began := time.Now()
	w.start(t)
	w.awaitSent(t, 10)
	asked := time.Now()
	w.register(t, "jan@example.org")
	for w.message(t, "jan@example.org", jobs.Confirmation).State != jobs.Sent {
		if time.Since(asked) > 2*time.Second {
			t.Fatal("who registers waits behind a campaign")
		}
		time.Sleep(10 * time.Millisecond)
	}
	if bulk := w.states(t)[jobs.Sent]; bulk > 45 {
		t.Errorf("%d of 61 were sent by then: this proves nothing", bulk)
	}
	w.awaitSent(t, 61)
	if took, least := time.Since(began), 55*time.Second/rate; took < least {
		t.Errorf("61 mails in %v at %d a second", took, rate)
	}
}

// A change mail tells what does not hold any more.
func TestChangeTellsWhatWas(t *testing.T) {
	w := newWorld(t, setup{})
	w.register(t, "jan@example.org")
	r := w.start(t)
	w.settle(t, r)
	w.apply(t, strings.NewReplacer("T11:30", "T14:00", "T12:30", "T15:00").Replace(programme))
	w.settle(t, r)
	got := w.smtp.Received()
	if len(got) != 2 {
		t.Fatalf("%d mails, want the confirmation and the change", len(got))
	}
	text, err := io.ReadAll(quotedprintable.NewReader(strings.NewReader(string(got[1].Data))))
	if err != nil && len(text) == 0 {
		t.Fatal(err)
	}
	for _, want := range []string{"Het was eerst op", "11.30", "14.00"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the change mail does not say %q", want)
		}
	}
}
