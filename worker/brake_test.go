package worker

import (
	"strings"
	"testing"

	"heraut/jobs"
)

func TestBrake(t *testing.T) {
	m := func(name string) *jobs.Message { return &jobs.Message{Kind: jobs.CampaignMail, Name: name} }
	sent := jobs.Outcome{State: jobs.Sent}
	refused := jobs.Outcome{State: jobs.Failed, SMTP: "550 5.1.1 <jan@example.org>: no such user"}
	var b brake
	try := func(m *jobs.Message, n int, out jobs.Outcome) (paused int, reason string) {
		for i := range n {
			if why, pause := b.count(m, out); pause {
				return i + 1, why
			}
		}
		return 0, ""
	}

	// The canary: five of twenty.
	if n, _ := try(m("canary"), 15, sent); n != 0 {
		t.Fatal("paused by mails that were sent")
	}
	if n, why := try(m("canary"), 5, refused); n != 5 || why != "5 of 20 mails failed, the last one because the mail server said 550 5.1.1" {
		t.Errorf("paused after %d refusals: %q", n, why)
	}
	if on, _, now := b.holds(m("canary")); !on || now {
		t.Errorf("on %v, and asked for again at once %v", on, now)
	}
	if on, _, _ := b.holds(m("another")); on {
		t.Error("another campaign is held as well")
	}
	b.release("canary")
	if on, _, _ := b.holds(m("canary")); on {
		t.Error("held after it was paused")
	}
	if n, _ := try(m("canary"), 4, refused); n != 0 {
		t.Error("what failed before it was resumed counts")
	}

	// A large one: more than one in twenty.
	if n, _ := try(m("large"), 1000, sent); n != 0 {
		t.Fatal("paused")
	}
	if n, _ := try(m("large"), 100, refused); n != 53 { // of 1053
		t.Errorf("paused after %d refusals of a thousand", n)
	}

	// What is not a campaign, and what is no end.
	if n, _ := try(&jobs.Message{Kind: jobs.Reminder, Name: "day-before"}, 50, refused); n != 0 {
		t.Error("a reminder counts")
	}
	for _, s := range []jobs.State{jobs.Retry, jobs.Planned, jobs.HeldState, jobs.CancelledState, jobs.Suppressed, jobs.Expired} {
		if n, _ := try(m("waits"), 50, jobs.Outcome{State: s, SMTP: "450 4.7.1 greylisted"}); n != 0 {
			t.Errorf("%s counts", s)
		}
	}
	if n, why := try(m("broken"), 50, jobs.Outcome{State: jobs.Failed, Reason: "parked: no greeting for Jan"}); n != 5 || strings.Contains(why, "Jan") {
		t.Errorf("paused after %d that could not be made: %q", n, why)
	}
}
