package worker_test

import (
	"io"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"heraut/jobs"
	"heraut/jobs/ledger"
	"heraut/templates"
	"heraut/worker/mailer/smtptest"
)

func TestOneRegistrationOneMail(t *testing.T) {
	w := newWorld(t, setup{})
	w.register(t, "jan@example.org")
	r := w.start(t)
	w.settle(t, r)
	w.settle(t, r)
	m := w.expect(t, "jan@example.org", jobs.Sent)
	got := w.smtp.Received()
	if len(got) != 1 {
		t.Fatalf("%d mails, want 1", len(got))
	}
	if got[0].From != "noreply@example.nl" || got[0].To[0] != "jan@example.org" {
		t.Errorf("envelope %s to %v", got[0].From, got[0].To)
	}
	if id := header(t, got[0], "Message-ID"); id != m.MessageID || !regexp.MustCompile(`^<[0-9a-f]{32}@example\.nl>$`).MatchString(id) {
		t.Errorf("Message-ID %s, on record %s", id, m.MessageID)
	}
	if reply := header(t, got[0], "Reply-To"); !regexp.MustCompile(`<aanmelding\+[a-z2-7]{16}@example\.nl>`).MatchString(reply) {
		t.Errorf("Reply-To %s", reply)
	}
	if !strings.Contains(string(got[0].Data), "method=REQUEST") || !strings.Contains(string(got[0].Data), "uitnodiging.ics") {
		t.Error("no invitation")
	}
	if m.Attempts != 1 || !strings.HasPrefix(m.SMTP, "250 2.0.0") || !m.SentAt.Equal(monday) {
		t.Errorf("on record: %+v", m)
	}

	reminder := w.message(t, "jan@example.org", jobs.Reminder)
	w.clock.Set(reminder.DueAt.Add(-time.Minute))
	w.settle(t, r)
	if n := len(w.smtp.Received()); n != 1 {
		t.Fatalf("%d mails a minute before the reminder is due", n)
	}
	w.clock.Set(reminder.DueAt)
	w.settle(t, r)
	if n := len(w.smtp.Received()); n != 2 {
		t.Fatalf("%d mails once the reminder is due", n)
	}
	if text := string(w.smtp.Received()[1].Data); strings.Contains(text, "text/calendar") {
		t.Error("a reminder with an invitation")
	}
}

func TestTemporaryRefusal(t *testing.T) {
	w := newWorld(t, setup{smtp: smtptest.Script{Rules: []smtptest.Rule{
		{At: smtptest.Rcpt, Times: 2, Do: smtptest.Action{Reply: "450 4.7.1 greylisted"}},
	}}})
	w.register(t, "jan@example.org")
	r := w.start(t)
	at := monday
	for n := 1; n <= 2; n++ {
		w.settle(t, r)
		m := w.expect(t, "jan@example.org", jobs.Retry)
		at = at.Add(jobs.Backoff(n))
		if m.Attempts != n || !m.NextAttemptAt.Equal(at) || m.SMTP != "450 4.7.1 greylisted" {
			t.Fatalf("after try %d: %+v, want next at %v", n, m, at)
		}
		w.clock.Set(at)
	}
	w.settle(t, r)
	w.expect(t, "jan@example.org", jobs.Sent)
	if n := len(w.smtp.Received()); n != 1 {
		t.Errorf("%d mails", n)
	}
}

func TestPermanentRefusal(t *testing.T) {
	tests := []struct {
		name       string
		rule       smtptest.Rule
		suppressed int
	}{
		{"no such mailbox", smtptest.Rule{At: smtptest.Rcpt, Do: smtptest.Action{Reply: "550 5.1.1 no such user"}}, 1},
		{"policy", smtptest.Rule{At: smtptest.Rcpt, Do: smtptest.Action{Reply: "550 5.7.1 not here"}}, 0},
		{"content", smtptest.Rule{At: smtptest.Dot, Do: smtptest.Action{Reply: "554 5.6.0 no"}}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, setup{smtp: smtptest.Script{Rules: []smtptest.Rule{tt.rule}}})
			w.register(t, "jan@example.org")
			r := w.start(t)
			w.settle(t, r)
			m := w.expect(t, "jan@example.org", jobs.Failed)
			if m.SMTP != tt.rule.Do.Reply || !strings.Contains(m.Reason, tt.rule.Do.Reply) {
				t.Errorf("on record: %q, %q", m.SMTP, m.Reason)
			}
			list, err := w.db.Suppressions(t.Context())
			if err != nil || len(list) != tt.suppressed {
				t.Errorf("suppressed: %v, %v", list, err)
			}
		})
	}
}

// A cut after the dot: the server may have the mail. One copy follows, the
// same in all by which a mailbox can tell a copy, and then a person decides.
func TestInDoubt(t *testing.T) {
	w := newWorld(t, setup{smtp: smtptest.Script{Rules: []smtptest.Rule{
		{At: smtptest.Dot, Do: smtptest.Action{Cut: true}},
	}}})
	w.register(t, "jan@example.org")
	r := w.start(t)
	w.settle(t, r)
	m := w.expect(t, "jan@example.org", jobs.InDoubt)
	if want := monday.Add(15 * time.Minute); !m.NextAttemptAt.Equal(want) {
		t.Fatalf("copy at %v, want %v", m.NextAttemptAt, want)
	}
	w.clock.Advance(14 * time.Minute)
	w.settle(t, r)
	if n := len(w.smtp.Received()); n != 1 {
		t.Fatalf("%d mails before the time", n)
	}
	w.clock.Advance(time.Minute)
	w.settle(t, r)
	got := w.smtp.Received()
	if len(got) != 2 {
		t.Fatalf("%d mails, want the copy too", len(got))
	}
	if a, b := header(t, got[0], "Message-ID"), header(t, got[1], "Message-ID"); a != b {
		t.Errorf("Message-ID %s and %s", a, b)
	}
	m = w.expect(t, "jan@example.org", jobs.InDoubt)
	if !m.NextAttemptAt.IsZero() {
		t.Errorf("a third copy at %v", m.NextAttemptAt)
	}
	w.clock.Advance(time.Hour)
	w.settle(t, r)
	if n := len(w.smtp.Received()); n != 2 {
		t.Errorf("%d mails", n)
	}
}

// between makes a scripted server stop at a step, and gives a function that
// waits until it is there, and one that lets it go on.
func between(t *testing.T, at smtptest.Step) (script smtptest.Script, wait func(*smtptest.Server)) {
	t.Helper()
	return smtptest.Script{Rules: []smtptest.Rule{{At: at, Times: 1, Do: smtptest.Action{Delay: 700 * time.Millisecond}}}},
		func(s *smtptest.Server) {
			t.Helper()
			if !s.WaitFor(10*time.Second, func() bool {
				for _, c := range s.Commands() {
					if strings.EqualFold(strings.Fields(c)[0], string(at)) {
						return true
					}
				}
				return false
			}) {
				t.Fatal("the worker never got there")
			}
		}
}

// What is committed before the final dot wins, also when the mail is half sent.
func TestOvertakenInFlight(t *testing.T) {
	tests := []struct {
		name  string
		do    func(t *testing.T, w *world)
		state jobs.State // of the confirmation
		mails int
	}{
		{"cancelled", func(t *testing.T, w *world) {
			if _, err := w.db.Cancel(t.Context(), "workshop", address(t, "jan@example.org"), "by the person", w.now()); err != nil {
				t.Fatal(err)
			}
		}, jobs.CancelledState, 0},
		{"suppressed", func(t *testing.T, w *world) {
			if err := w.db.Suppress(t.Context(), address(t, "jan@example.org"), "asked for it", w.now()); err != nil {
				t.Fatal(err)
			}
		}, jobs.Suppressed, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			script, wait := between(t, smtptest.Data)
			w := newWorld(t, setup{smtp: script})
			w.register(t, "jan@example.org")
			r := w.start(t)
			var wg sync.WaitGroup
			wg.Go(func() { w.settle(t, r) })
			wait(w.smtp)
			tt.do(t, w)
			wg.Wait()
			w.clock.Advance(2 * time.Minute)
			w.settle(t, r)
			w.expect(t, "jan@example.org", tt.state)
			if n := len(w.smtp.Received()); n != tt.mails {
				t.Errorf("%d mails, want %d", n, tt.mails)
			}
		})
	}
}

// The event moves while the mail with the old time is on its way: that one is
// cut off, and the new one says the new time.
func TestMovedInFlight(t *testing.T) {
	script, wait := between(t, smtptest.Data)
	w := newWorld(t, setup{smtp: script})
	w.register(t, "jan@example.org")
	r := w.start(t)
	var wg sync.WaitGroup
	wg.Go(func() { w.settle(t, r) })
	wait(w.smtp)
	w.apply(t, strings.ReplaceAll(programme, "11:30", "11:00"))
	wg.Wait()
	w.clock.Advance(2 * time.Minute)
	w.settle(t, r)
	got := w.smtp.Received()
	if len(got) != 1 {
		t.Fatalf("%d mails, want 1", len(got))
	}
	if text := string(got[0].Data); strings.Contains(text, "11.30") || !strings.Contains(text, "11.00") {
		t.Error("the mail tells the old time")
	}
}

// One message that cannot be rendered does not keep the others, and not a byte
// of it goes to the server.
func TestRenderFailureParksOne(t *testing.T) {
	source, err := templates.Builtin().Open("confirmation.nl.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	text := new(strings.Builder)
	if _, err := io.Copy(text, source); err != nil {
		t.Fatal(err)
	}
	bad := text.String() + "\n{{if eq .Name \"Kapot\"}}{{index .Name 99}}{{end}}\n"
	w := newWorld(t, setup{templates: fstest.MapFS{"confirmation.nl.txt": {Data: []byte(bad)}}})
	w.importPeople(t, 5)
	rows := []ledger.Row{{Registration: jobs.Registration{Email: address(t, "kapot@example.org"), Name: "Kapot", Lang: jobs.Dutch}}}
	if _, err := w.db.Import(t.Context(), "workshop", rows, w.now(), ledger.ImportOptions{}); err != nil {
		t.Fatal(err)
	}
	r := w.start(t)
	w.settle(t, r)
	if m := w.expect(t, "kapot@example.org", jobs.Failed); !strings.HasPrefix(m.Reason, "parked: ") {
		t.Errorf("reason %q", m.Reason)
	}
	w.expectOnce(t, 5)
	for _, c := range w.smtp.Commands() {
		if strings.Contains(c, "kapot") {
			t.Errorf("the server heard %q", c)
		}
	}
}

func TestNeedsSMTPUTF8(t *testing.T) {
	w := newWorld(t, setup{smtp: smtptest.Script{Extensions: []string{"8BITMIME"}}})
	w.register(t, "jörg@example.org")
	w.register(t, "jan@example.org")
	r := w.start(t)
	w.settle(t, r)
	if m := w.expect(t, "jörg@example.org", jobs.Failed); !strings.Contains(m.Reason, "SMTPUTF8") {
		t.Errorf("reason %q", m.Reason)
	}
	w.expect(t, "jan@example.org", jobs.Sent)
}

// The event loses its place while messages wait: they are held, not sent with
// a hole in them.
func TestBlank(t *testing.T) {
	w := newWorld(t, setup{})
	w.register(t, "jan@example.org")
	w.apply(t, strings.ReplaceAll(programme, "https://meet.example.nl/workshop", "[in te vullen]"))
	r := w.start(t)
	w.settle(t, r)
	if got := w.states(t); got[jobs.HeldState] != 1 || got[jobs.Sent] != 0 || len(w.smtp.Received()) != 0 {
		t.Errorf("%v, %d mails", got, len(w.smtp.Received()))
	}
}

// A relay that cannot be reached, or that wants another password, is no fault
// of a message: none fails, no try counts, and it is not asked again at once.
func TestRelayTrouble(t *testing.T) {
	for name, script := range map[string]smtptest.Script{
		"too many connections": {Rules: []smtptest.Rule{{At: smtptest.Greeting, Do: smtptest.Action{Reply: "421 4.7.0 too many connections", Cut: true}, Times: 20}}},
		"authentication":       {Rules: []smtptest.Rule{{At: smtptest.Mail, Do: smtptest.Action{Reply: "530 5.7.0 authentication required"}, Times: 20}}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, setup{smtp: script})
			w.importPeople(t, 250) // three batches
			r := w.start(t)
			w.settle(t, r)
			if n := w.smtp.Connections(); n > 16 {
				t.Errorf("%d connections while the relay refuses us", n)
			}
			if got := w.states(t); got[jobs.Planned] != 250 {
				t.Fatalf("%v, want all planned", got)
			}
			if m := w.expect(t, person(0), jobs.Planned); m.Attempts != 0 {
				t.Errorf("%+v", m)
			}
			for range 20 { // until the server has refused enough
				w.clock.Advance(time.Minute)
				w.settle(t, r)
			}
			w.expectOnce(t, 250)
		})
	}
}

func TestExpiredWhileWaiting(t *testing.T) {
	w := newWorld(t, setup{})
	w.register(t, "jan@example.org")
	w.clock.Set(time.Date(2026, 11, 19, 10, 30, 0, 0, time.UTC)) // the start
	r := w.start(t)
	w.settle(t, r)
	m := w.expect(t, "jan@example.org", jobs.Expired)
	if m.Reason != jobs.ReasonStarted || len(w.smtp.Received()) != 0 {
		t.Errorf("reason %q, %d mails", m.Reason, len(w.smtp.Received()))
	}
}
