package worker

import (
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"heraut/jobs"
	"heraut/worker/mailer"
)

func TestOutcome(t *testing.T) {
	now := time.Date(2026, 11, 19, 9, 0, 0, 0, time.UTC)
	start := now.Add(90 * time.Minute)
	claim := func(k jobs.Kind, attempts, doubts int) jobs.Claim {
		return jobs.Claim{Fence: 7, Message: jobs.Message{ID: 3, Kind: k, Attempts: attempts, Doubts: doubts, ExpiresAt: start}}
	}
	broken := &net.OpError{Op: "read", Err: errors.New("reset")}
	tests := []struct {
		name   string
		claim  jobs.Claim
		result mailer.Result
		state  jobs.State
		next   time.Duration // after now; 0 for none
		reason string        // begins with
		dead   bool          // the address is suppressed
	}{
		{"accepted", claim(jobs.Confirmation, 1, 0), mailer.Result{Verdict: mailer.Accepted, Phase: mailer.PhaseDot, Code: 250}, jobs.Sent, 0, "", false},
		{"greylisted", claim(jobs.Confirmation, 1, 0), mailer.Result{Verdict: mailer.Temporary, Phase: mailer.PhaseRcpt, Code: 450}, jobs.Retry, time.Minute, "not taken by the mail server: 450", false},
		{"cut in the middle", claim(jobs.Confirmation, 3, 0), mailer.Result{Verdict: mailer.Temporary, Phase: mailer.PhaseBody, Err: broken}, jobs.Retry, 5 * time.Minute, "the connection", false},
		{"last try", claim(jobs.Confirmation, jobs.MaxAttempts, 0), mailer.Result{Verdict: mailer.Temporary, Phase: mailer.PhaseRcpt, Code: 450}, jobs.Failed, 0, "gave up after 30 tries: not taken", false},
		{"no mailbox", claim(jobs.Confirmation, 1, 0), mailer.Result{Verdict: mailer.Permanent, Phase: mailer.PhaseRcpt, Code: 550, Enhanced: "5.1.1"}, jobs.Failed, 0, "refused by the mail server: 550 5.1.1", true},
		{"policy", claim(jobs.Confirmation, 1, 0), mailer.Result{Verdict: mailer.Permanent, Phase: mailer.PhaseRcpt, Code: 550, Enhanced: "5.7.1"}, jobs.Failed, 0, "refused", false},
		{"too large", claim(jobs.Confirmation, 1, 0), mailer.Result{Verdict: mailer.Permanent, Phase: mailer.PhaseBody, Err: mailer.ErrTooLarge}, jobs.Failed, 0, "parked: mail is larger", false},
		{"in doubt", claim(jobs.Confirmation, 1, 0), mailer.Result{Verdict: mailer.InDoubt, Phase: mailer.PhaseDot, Err: broken}, jobs.InDoubt, 15 * time.Minute, "it may have arrived", false},
		{"in doubt again", claim(jobs.Confirmation, 2, 1), mailer.Result{Verdict: mailer.InDoubt, Phase: mailer.PhaseDot, Err: broken}, jobs.InDoubt, 0, "it may have arrived", false},
		{"follow-up in doubt", claim(jobs.Followup, 1, 0), mailer.Result{Verdict: mailer.InDoubt, Phase: mailer.PhaseDot, Err: broken}, jobs.InDoubt, 0, "it may have arrived", false},
		{"overtaken", claim(jobs.Confirmation, 1, 0), mailer.Result{Verdict: mailer.Aborted, Phase: mailer.PhaseBody, Err: errOvertaken}, jobs.Retry, overtakenAgain, "stopped before the final dot: the claim was overtaken", false},
		{"campaign paused", claim(jobs.CampaignMail, 1, 0), mailer.Result{Verdict: mailer.Aborted, Phase: mailer.PhaseBody, Err: errOvertaken}, jobs.Retry, overtakenAgain, "stopped before the final dot: the claim was overtaken", false},
		{"campaign in doubt", claim(jobs.CampaignMail, 1, 0), mailer.Result{Verdict: mailer.InDoubt, Phase: mailer.PhaseDot, Err: broken}, jobs.InDoubt, 0, "it may have arrived", false},
		{"not logged in after all", claim(jobs.Confirmation, 1, 0), mailer.Result{Verdict: mailer.Permanent, Phase: mailer.PhaseDot, Code: 530}, jobs.Retry, pause, "the mail server refuses us: 530", false},
		{"no database", claim(jobs.Confirmation, 1, 0), mailer.Result{Verdict: mailer.Aborted, Phase: mailer.PhaseBody, Err: errors.New("locked")}, jobs.Retry, pause, "stopped before the final dot: locked", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := outcome(&tt.claim, start, tt.result, now)
			if got.ID != 3 || got.Fence != 7 || got.State != tt.state || got.Suppress != tt.dead || !strings.HasPrefix(got.Reason, tt.reason) {
				t.Errorf("%+v", got)
			}
			var next time.Time
			if tt.next != 0 {
				next = now.Add(tt.next)
			}
			if !got.NextAttemptAt.Equal(next) {
				t.Errorf("next at %v, want %v", got.NextAttemptAt, next)
			}
			if (got.State == jobs.Sent) != got.SentAt.Equal(now) {
				t.Errorf("sent at %v", got.SentAt)
			}
			// Every outcome has to be one that the ledger takes: after the dot
			// was committed from final_dot, before it from claimed, and where
			// that is not known from both.
			from := []jobs.State{jobs.Claimed}
			switch {
			case tt.result.Phase == mailer.PhaseDot:
				from = []jobs.State{jobs.FinalDot}
			case tt.result.Verdict == mailer.Aborted:
				from = []jobs.State{jobs.Claimed, jobs.FinalDot}
			}
			for _, f := range from {
				if !f.CanBecome(got.State) {
					t.Errorf("%s cannot become %s", f, got.State)
				}
			}
		})
	}
}

func TestMessageID(t *testing.T) {
	a := messageID([]byte("key one"), 1, "noreply@Example.NL")
	if a != messageID([]byte("key one"), 1, "noreply@example.nl") {
		t.Error("not the same twice")
	}
	if !strings.HasSuffix(a, "@example.nl>") || len(a) != len("<@example.nl>")+32 {
		t.Error(a)
	}
	if a == messageID([]byte("key one"), 2, "noreply@example.nl") || a == messageID([]byte("key two"), 1, "noreply@example.nl") {
		t.Error("two messages, or two keys, share an id")
	}
}

func TestFakeClockNeverGoesBack(t *testing.T) {
	at := time.Date(2026, 11, 19, 9, 0, 0, 0, time.UTC)
	c := NewFakeClock(at)
	c.Set(at.Add(-time.Hour))
	c.Advance(-time.Hour)
	if !c.Now().Equal(at) {
		t.Error(c.Now())
	}
	c.Advance(time.Minute)
	if !c.Now().Equal(at.Add(time.Minute)) {
		t.Error(c.Now())
	}
}

func TestConnectionShares(t *testing.T) {
	for total, want := range map[int][3]int{3: {1, 1, 1}, 4: {1, 1, 2}, 8: {2, 2, 4}, 16: {4, 4, 8}, 17: {4, 4, 9}} {
		c := Config{Connections: total}
		got := [3]int{c.connections(jobs.Critical), c.connections(jobs.Reminders), c.connections(jobs.Bulk)}
		if got != want {
			t.Errorf("%d: %v, want %v", total, got, want)
		}
	}
}

// A panic while rendering parks the message; asynq must not see it.
func TestPanicParks(t *testing.T) {
	organizer, err := jobs.ParseAddress("aanmelding@example.nl")
	if err != nil {
		t.Fatal(err)
	}
	ev := jobs.Event{ID: "workshop", Zone: time.UTC, HasStartTime: true, Organizer: jobs.Person{Email: organizer}}
	w := &Worker{
		cfg:        Config{Clock: newSteadyClock(nil), Templates: nil, TagKey: []byte("key")},
		stationery: &stationery{},
		programmes: &programmes{programme: &jobs.Programme{Events: []jobs.Event{ev}}},
	}
	_, err = w.letter(t.Context(), &jobs.Claim{Message: jobs.Message{EventID: "workshop"}}, nil)
	u, ok := errors.AsType[*unsendable](err)
	if !ok || u.state != jobs.Failed || !strings.HasPrefix(u.reason, "parked: rendering panicked") {
		t.Errorf("%v", err)
	}
}
