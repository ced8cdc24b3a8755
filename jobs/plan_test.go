package jobs_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"heraut/jobs"
)

// person gives a registration of the sample workshop.
func person(since string) jobs.Registration {
	addr, err := jobs.ParseAddress("a@minbzk.nl")
	if err != nil {
		panic(err)
	}
	return jobs.Registration{ID: 1, EventID: "workshop", Email: addr, Status: jobs.Registered, SinceAt: instant(since), CreatedAt: instant(since)}
}

// record plays the ledger: it puts what Plan wants written on record.
func record(have, write []jobs.Message) []jobs.Message {
	have = slices.Clone(have)
	for _, m := range write {
		if i := slices.IndexFunc(have, func(h jobs.Message) bool { return h.ID == m.ID }); m.ID != 0 && i >= 0 {
			have[i] = m
			continue
		}
		m.ID = int64(len(have) + 1)
		have = append(have, m)
	}
	return have
}

// show gives messages as lines "name/rev state due expires reason".
func show(ms []jobs.Message) string {
	var lines []string
	for _, m := range ms {
		l := fmt.Sprintf("%s/%d %s %s", m.Name, m.Revision, m.State, m.DueAt.Format("01-02T15:04Z"))
		if m.Reason != "" {
			l += " " + m.Reason
		}
		lines = append(lines, l)
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func expect(t *testing.T, got []jobs.Message, want string) {
	t.Helper()
	var lines []string
	for l := range strings.Lines(want) {
		if l = strings.TrimSpace(l); l != "" {
			lines = append(lines, l)
		}
	}
	slices.Sort(lines)
	if want := strings.Join(lines, "\n"); show(got) != want {
		t.Errorf("got\n%s\n\nwant\n%s", show(got), want)
	}
}

func find(t *testing.T, ms []jobs.Message, name string) *jobs.Message {
	t.Helper()
	i := slices.IndexFunc(ms, func(m jobs.Message) bool { return m.Name == name })
	if i < 0 {
		t.Fatalf("no message %s", name)
	}
	return &ms[i]
}

func TestPlanInTime(t *testing.T) {
	p, _ := sample(t)
	ev, _ := p.Event("workshop")
	now := "2026-10-05T07:00:00Z"
	got := jobs.Plan(ev, person(now), nil, instant(now), jobs.Options{})
	expect(t, got, `
		confirmation/0 planned 10-05T07:00Z
		month-before/0 planned 10-22T09:30Z
		elapsed/0 planned 10-22T10:30Z
		week-before/0 planned 11-12T08:00Z
		day-before/0 planned 11-18T08:00Z
		hour-before/0 planned 11-19T09:30Z
		thanks/0 planned 11-20T09:00Z`)
	if m := find(t, got, "hour-before"); !m.ExpiresAt.Equal(ev.Start) {
		t.Errorf("a reminder may leave until %v, past the start", m.ExpiresAt)
	}
	if m := find(t, got, "day-before"); !m.ExpiresAt.Equal(m.DueAt.Add(6 * time.Hour)) {
		t.Errorf("max_late is 6 h by default: %v", m.ExpiresAt)
	}
	if m := find(t, got, "confirmation"); m.Queue != jobs.Critical || !m.ExpiresAt.Equal(ev.Start) {
		t.Errorf("confirmation %+v", m)
	}
	if again := jobs.Plan(ev, person(now), record(nil, got), instant("2026-10-06T07:00:00Z"), jobs.Options{}); len(again) != 0 {
		t.Errorf("planning twice writes\n%s", show(again))
	}
}

func TestPlanLate(t *testing.T) {
	p, _ := sample(t)
	ev, _ := p.Event("workshop")
	set := func(name string, late jobs.Late) {
		i := slices.IndexFunc(ev.Rules, func(r jobs.Rule) bool { return r.Name == name })
		ev.Rules[i].Late = late
	}
	set("week-before", jobs.LateNow)
	now := "2026-11-19T09:20:00Z" // 10 min before hour-before
	expect(t, jobs.Plan(ev, person(now), nil, instant(now), jobs.Options{}), `
		confirmation/0 planned 11-19T09:20Z
		month-before/0 expired 10-22T09:30Z its moment had passed when this person registered
		elapsed/0 expired 10-22T10:30Z its moment had passed when this person registered
		week-before/0 planned 11-19T09:50Z
		day-before/0 expired 11-18T08:00Z its moment had passed when this person registered
		hour-before/0 expired 11-19T09:30Z folded into the confirmation
		thanks/0 planned 11-20T09:00Z`)
	if got := jobs.Folded(ev, person(now)); !slices.Equal(got, []string{"hour-before"}) {
		t.Errorf("folded: %v", got)
	}

	now = "2026-11-19T10:10:00Z" // 20 min before the start
	got := jobs.Plan(ev, person(now), nil, instant(now), jobs.Options{})
	if m := find(t, got, "week-before"); m.State != jobs.Expired || m.Reason != jobs.ReasonNoTime {
		t.Errorf("within 30 min of the start: %s", show(got))
	}
	now = "2026-11-19T10:40:00Z"
	got = jobs.Plan(ev, person(now), nil, instant(now), jobs.Options{})
	if m := find(t, got, "confirmation"); m.State != jobs.Expired || m.Reason != jobs.ReasonStarted {
		t.Errorf("after the start: %s", show(got))
	}
}

// TestFoldedIsPlanned compares what a confirmation speaks for with the rows that
// planning writes.
func TestFoldedIsPlanned(t *testing.T) {
	p, _ := sample(t)
	ev, _ := p.Event("workshop")
	folded := 0
	for _, late := range []jobs.Late{jobs.LateFold, jobs.LateNow, jobs.LateSkip} {
		for i := range ev.Rules {
			ev.Rules[i].Late = late
		}
		for _, status := range jobs.Statuses() {
			for hours := -24 * 40; hours < 48; hours += 7 {
				reg := person("2026-11-19T10:30:00Z")
				reg.SinceAt, reg.Status = reg.SinceAt.Add(time.Duration(hours)*time.Hour+time.Nanosecond), status
				var want []string
				for _, m := range jobs.Plan(ev, reg, nil, reg.SinceAt, jobs.Options{}) {
					if m.Reason == jobs.ReasonFolded {
						want = append(want, m.Name)
					}
				}
				if got := jobs.Folded(ev, reg); !slices.Equal(got, want) {
					t.Errorf("late: %s, %s, %d h: got %q, planned %q", late, status, hours, got, want)
				}
				folded += len(want)
			}
		}
	}
	if folded == 0 {
		t.Error("nothing was folded")
	}
}

// TestPlanNeverWrong plans for people who register at random moments and
// checks what may never happen.
func TestPlanNeverWrong(t *testing.T) {
	p, _ := sample(t)
	rng := rand.New(rand.NewPCG(1, 2))
	lates := []jobs.Late{jobs.LateSkip, jobs.LateNow, jobs.LateFold}
	quiets := []jobs.QuietRule{jobs.QuietIgnore, jobs.QuietEarlier, jobs.QuietLater}
	for range 5000 {
		ev, _ := p.Event("workshop")
		ev.Rules = slices.Clone(ev.Rules)
		for i := range ev.Rules {
			ev.Rules[i].Late = lates[rng.IntN(3)]
			if ev.Rules[i].Kind != jobs.Confirmation {
				ev.Rules[i].Quiet = quiets[rng.IntN(3)]
			}
		}
		since := ev.Start.Add(-time.Duration(rng.Int64N(int64(60 * 24 * time.Hour)))).Truncate(time.Second)
		reg := person("2026-10-05T07:00:00Z")
		reg.SinceAt = since
		got := jobs.Plan(ev, reg, nil, since, jobs.Options{})
		if len(got) != len(ev.Rules) {
			t.Fatalf("registered %v: %d messages of %d rules", since, len(got), len(ev.Rules))
		}
		for _, m := range got {
			if m.State != jobs.Planned {
				if m.Reason == "" {
					t.Fatalf("%s is %s without a reason", m.Name, m.State)
				}
				continue
			}
			switch {
			case m.Kind != jobs.Followup && !m.DueAt.Before(ev.Start), m.Kind != jobs.Followup && m.ExpiresAt.After(ev.Start):
				t.Fatalf("registered %v: %s is due %v until %v, start %v", since, m.Name, m.DueAt, m.ExpiresAt, ev.Start)
			case m.Kind != jobs.Confirmation && m.DueAt.Before(since.Add(jobs.Distance)):
				t.Fatalf("registered %v: %s is due %v, too near the confirmation", since, m.Name, m.DueAt)
			case !m.ExpiresAt.After(m.DueAt):
				t.Fatalf("registered %v: %s may leave until %v but is due %v", since, m.Name, m.ExpiresAt, m.DueAt)
			}
		}
	}
}

func TestPlanMoved(t *testing.T) {
	p, src := sample(t)
	ev, _ := p.Event("workshop")
	reg := person("2026-10-05T07:00:00Z")
	have := record(nil, jobs.Plan(ev, reg, nil, reg.SinceAt, jobs.Options{}))
	for _, name := range []string{"confirmation", "month-before", "elapsed", "week-before"} {
		find(t, have, name).State = jobs.Sent
	}
	moved := edit(t, src, "2026-11-19T11:30", "2026-11-26T11:30", "2026-11-19T12:30", "2026-11-26T12:30")
	ev, _ = moved.Event("workshop")
	ev.Revision = 1
	now := instant("2026-11-13T12:00:00Z")
	write := jobs.Plan(ev, reg, have, now, jobs.Options{})
	expect(t, write, `
		change/1 planned 11-13T12:00Z
		month-before/1 expired 10-29T10:30Z its moment had passed when this person registered
		elapsed/1 expired 10-29T10:30Z its moment had passed when this person registered
		week-before/1 planned 11-19T08:00Z
		day-before/1 planned 11-25T08:00Z
		hour-before/1 planned 11-26T09:30Z
		thanks/1 planned 11-27T09:00Z
		day-before/0 cancelled 11-18T08:00Z the event changed; a newer message replaces this one
		hour-before/0 cancelled 11-19T09:30Z the event changed; a newer message replaces this one
		thanks/0 cancelled 11-20T09:00Z the event changed; a newer message replaces this one`)
	have = record(have, write)
	if m := find(t, have, "change"); m.Sequence != 1 {
		t.Errorf("sequence %d", m.Sequence)
	}
	if again := jobs.Plan(ev, reg, have, now.Add(time.Hour), jobs.Options{}); len(again) != 0 {
		t.Errorf("planning twice writes\n%s", show(again))
	}

	// Moved once more before the change mail left: one change mail, the new one.
	ev.Revision = 2
	have = record(have, jobs.Plan(ev, reg, have, now, jobs.Options{}))
	var changes []string
	for _, m := range have {
		if m.Kind == jobs.Change {
			changes = append(changes, fmt.Sprint(m.Revision, m.State))
		}
	}
	if fmt.Sprint(changes) != "[1cancelled 2planned]" {
		t.Errorf("changes %v", changes)
	}
}

func TestPlanMovedBeforeConfirmation(t *testing.T) {
	p, _ := sample(t)
	ev, _ := p.Event("workshop")
	reg := person("2026-10-05T07:00:00Z")
	have := record(nil, jobs.Plan(ev, reg, nil, reg.SinceAt, jobs.Options{}))
	ev.Revision = 1
	for _, state := range []jobs.State{jobs.Planned, jobs.Retry, jobs.Claimed} {
		find(t, have, "confirmation").State = state
		write := jobs.Plan(ev, reg, have, instant("2026-10-05T07:10:00Z"), jobs.Options{})
		if slices.ContainsFunc(write, func(m jobs.Message) bool { return m.Kind == jobs.Change }) {
			t.Errorf("%s: a change mail to who was never invited", state)
		}
		if !strings.Contains(show(write), "confirmation/1 planned") || !strings.Contains(show(write), "confirmation/0 cancelled") {
			t.Errorf("%s:\n%s", state, show(write))
		}
	}
	for _, state := range []jobs.State{jobs.FinalDot, jobs.Sent, jobs.InDoubt} {
		find(t, have, "confirmation").State = state
		write := jobs.Plan(ev, reg, have, instant("2026-10-05T07:10:00Z"), jobs.Options{})
		if !strings.Contains(show(write), "change/1 planned") || strings.Contains(show(write), "confirmation/1") {
			t.Errorf("%s:\n%s", state, show(write))
		}
	}
}

func TestPlanCancelled(t *testing.T) {
	p, _ := sample(t)
	ev, _ := p.Event("workshop")
	reg := person("2026-10-05T07:00:00Z")
	plan := record(nil, jobs.Plan(ev, reg, nil, reg.SinceAt, jobs.Options{}))
	now := instant("2026-10-06T07:00:00Z")

	t.Run("by the person, after the confirmation", func(t *testing.T) {
		have := slices.Clone(plan)
		find(t, have, "confirmation").State = jobs.Sent
		reg := reg
		reg.Status = jobs.Cancelled
		write := jobs.Plan(ev, reg, have, now, jobs.Options{})
		if m := find(t, write, "cancellation"); m.Sequence != 1 || m.State != jobs.Planned {
			t.Errorf("cancellation %+v", m)
		}
		for _, m := range write {
			if m.Kind != jobs.Cancellation && m.State != jobs.CancelledState {
				t.Errorf("%s is %s", m.Name, m.State)
			}
		}
		if len(write) != len(plan) {
			t.Errorf("%d written", len(write))
		}
		if again := jobs.Plan(ev, reg, record(have, write), now, jobs.Options{}); len(again) != 0 {
			t.Errorf("twice:\n%s", show(again))
		}
		// Its event moves after the cancellation left: nothing more to say.
		have = record(have, write)
		find(t, have, "cancellation").State = jobs.Sent
		moved := ev
		moved.Revision = 1
		if again := jobs.Plan(moved, reg, have, now, jobs.Options{}); len(again) != 0 {
			t.Errorf("moved:\n%s", show(again))
		}
	})
	t.Run("by the person, before the confirmation", func(t *testing.T) {
		reg := reg
		reg.Status = jobs.Cancelled
		for _, m := range jobs.Plan(ev, reg, plan, now, jobs.Options{}) {
			if m.State != jobs.CancelledState {
				t.Errorf("%s is %s", m.Name, m.State)
			}
		}
	})
	t.Run("the event", func(t *testing.T) {
		off := ev
		off.IsCancelled, off.Revision = true, 1
		for _, state := range []jobs.State{jobs.Sent, jobs.Planned} {
			have := slices.Clone(plan)
			find(t, have, "confirmation").State = state
			write := jobs.Plan(off, reg, have, now, jobs.Options{})
			if m := find(t, write, "cancellation"); m.State != jobs.Planned || m.Sequence != 1 {
				t.Errorf("%s: %+v", state, m)
			}
		}
	})
	t.Run("the event, for a held person", func(t *testing.T) {
		off := ev
		off.IsCancelled, off.Revision = true, 1
		reg := reg
		reg.Status, reg.Reason = jobs.Held, "x"
		have := record(nil, jobs.Plan(ev, reg, nil, reg.SinceAt, jobs.Options{}))
		for _, m := range jobs.Plan(off, reg, have, now, jobs.Options{}) {
			if m.State != jobs.CancelledState {
				t.Errorf("%s is %s", m.Name, m.State)
			}
		}
	})
}

// A campaign that carries an invitation counts like any other: a move, and the
// end of a registration or an event, puts right what it put in a calendar.
func TestPlanInvitedByCampaign(t *testing.T) {
	p, _ := sample(t)
	ev, _ := p.Event("workshop")
	reg := person("2026-10-05T07:00:00Z")
	now := instant("2026-10-06T07:00:00Z")
	with := func(have []jobs.Message, state jobs.State, sequence int) []jobs.Message {
		return append(slices.Clone(have), jobs.Message{
			ID: int64(len(have) + 1), RegistrationID: 1, EventID: "workshop", Kind: jobs.CampaignMail, Name: "agenda", Sequence: sequence,
			Queue: jobs.Bulk, State: state, RuleAt: now, DueAt: now, ExpiresAt: ev.Start,
		})
	}
	moved := ev
	moved.Revision = 1
	off := moved
	off.IsCancelled = true
	gone := reg
	gone.Status = jobs.Cancelled
	plan := func(ev jobs.Event, reg jobs.Registration, have []jobs.Message) []jobs.Message {
		t.Helper()
		write := jobs.Plan(ev, reg, have, now, jobs.Options{})
		if again := jobs.Plan(ev, reg, record(have, write), now.Add(time.Minute), jobs.Options{}); len(again) != 0 {
			t.Errorf("planning twice writes\n%s", show(again))
		}
		return write
	}
	holds := func(write []jobs.Message, line string, want bool) {
		t.Helper()
		if strings.Contains(show(write), line) != want {
			t.Errorf("%q: want %v in\n%s", line, want, show(write))
		}
	}
	planned := record(nil, jobs.Plan(ev, reg, nil, reg.SinceAt, jobs.Options{})) // no confirmation left yet
	sent := slices.Clone(planned)
	find(t, sent, "confirmation").State = jobs.Sent

	for _, state := range []jobs.State{jobs.Planned, jobs.Claimed, jobs.Retry, jobs.HeldState, jobs.FinalDot, jobs.Sent, jobs.InDoubt, jobs.Failed} {
		if write := plan(ev, reg, with(planned, state, 0)); len(write) != 0 {
			t.Errorf("%s: nothing happened, and it writes\n%s", state, show(write))
		}
	}
	for _, state := range []jobs.State{jobs.FinalDot, jobs.Sent, jobs.InDoubt} {
		write := plan(moved, reg, with(planned, state, 0))
		holds(write, "change/1 planned", true)
		holds(write, "confirmation/1", false)
		holds(write, "agenda", false)
		if m := find(t, plan(ev, gone, with(planned, state, 0)), "cancellation"); m.Sequence != 1 {
			t.Errorf("%s: the cancellation has sequence %d", state, m.Sequence)
		}
		if m := find(t, plan(off, reg, with(planned, state, 0)), "cancellation"); m.Sequence != 1 || m.State != jobs.Planned {
			t.Errorf("%s: %+v", state, m)
		}
	}
	for _, state := range []jobs.State{jobs.Planned, jobs.Claimed, jobs.Retry, jobs.HeldState} {
		write := plan(moved, reg, with(planned, state, 0))
		holds(write, "agenda/0 cancelled 10-06T07:00Z "+jobs.ReasonMoved, true)
		holds(write, "confirmation/1 planned", true)
		holds(write, "change/", false)
		write = plan(ev, gone, with(planned, state, 0))
		holds(write, "agenda/0 cancelled 10-06T07:00Z "+jobs.ReasonPersonOff, true)
		holds(write, "cancellation", false)
		holds(plan(off, reg, with(sent, state, 0)), "agenda/0 cancelled 10-06T07:00Z "+jobs.ReasonEventOff, true)
	}

	// Who has a confirmation of before the move is owed the change, also when a
	// campaign told them of the new date, and also after it.
	changed := record(sent, jobs.Plan(moved, reg, sent, now, jobs.Options{}))
	holds(plan(moved, reg, with(changed, jobs.Sent, 1)), "change/", false) // as it is
	find(t, changed, "change").State = jobs.Sent
	if write := plan(moved, reg, with(changed, jobs.Sent, 1)); len(write) != 0 {
		t.Errorf("after the change it writes\n%s", show(write))
	}
	// The change of the second move has not left, but the campaign has its sequence.
	again := moved
	again.Revision = 2
	changed = record(changed, jobs.Plan(again, reg, changed, now, jobs.Options{}))
	if m := find(t, plan(again, gone, with(changed, jobs.Sent, 2)), "cancellation"); m.Sequence != 3 {
		t.Errorf("the cancellation has sequence %d", m.Sequence)
	}

	// A campaign is no rule: who has only that is not held for planned.
	if write := jobs.Plan(ev, reg, with(nil, jobs.Sent, 0), reg.SinceAt, jobs.Options{}); !strings.Contains(show(write), "confirmation/0 planned") || strings.Contains(show(write), jobs.ReasonNewRule) {
		t.Errorf("for who has a campaign only:\n%s", show(write))
	}
}

func TestPlanHeldAndApproved(t *testing.T) {
	p, _ := sample(t)
	ev, _ := p.Event("workshop")
	reg := person("2026-10-05T07:00:00Z")
	reg.Email, _ = jobs.ParseAddress("a@minbzk.nl.example.org")
	reg.Status, reg.Reason = ev.Audience.Admit(reg.Email)
	if reg.Status != jobs.Held {
		t.Fatalf("status %s", reg.Status)
	}
	have := record(nil, jobs.Plan(ev, reg, nil, reg.SinceAt, jobs.Options{}))
	for _, m := range have {
		if m.State != jobs.HeldState || m.Reason == "" {
			t.Errorf("%s is %s (%s)", m.Name, m.State, m.Reason)
		}
	}
	// Approved between the reminder of a week before and that of a day before.
	reg.Status, reg.Approved, reg.SinceAt = jobs.Registered, true, instant("2026-11-14T12:00:00Z")
	have = record(have, jobs.Plan(ev, reg, have, reg.SinceAt, jobs.Options{}))
	expect(t, have, `
		confirmation/0 planned 11-14T12:00Z
		month-before/0 expired 10-22T09:30Z its moment had passed when this person registered
		elapsed/0 expired 10-22T10:30Z its moment had passed when this person registered
		week-before/0 expired 11-12T08:00Z its moment had passed when this person registered
		day-before/0 planned 11-18T08:00Z
		hour-before/0 planned 11-19T09:30Z
		thanks/0 planned 11-20T09:00Z`)
}

func TestPlanBlank(t *testing.T) {
	p, src := sample(t)
	ev, _ := p.Event("signing")
	reg := person("2026-10-05T07:00:00Z")
	have := record(nil, jobs.Plan(ev, reg, nil, reg.SinceAt, jobs.Options{}))
	if m := have[0]; m.State != jobs.HeldState || !strings.Contains(m.Reason, "events.signing.location.name") {
		t.Errorf("%s (%s)", m.State, m.Reason)
	}
	filled := edit(t, src, "[in te vullen: plaats]", "Raadzaal")
	next, _ := filled.Event("signing")
	changes := jobs.Compare(p, filled)
	if len(changes) != 1 || jobs.NextRevision(ev, changes[0]) != 0 {
		t.Errorf("filling in a blank is no move: %+v", changes)
	}
	have = record(have, jobs.Plan(next, reg, have, instant("2026-10-07T07:00:00Z"), jobs.Options{}))
	expect(t, have, `confirmation/0 planned 10-05T07:00Z`)
}

func TestPlanRules(t *testing.T) {
	p, src := sample(t)
	ev, _ := p.Event("workshop")
	reg := person("2026-10-05T07:00:00Z")
	have := record(nil, jobs.Plan(ev, reg, nil, reg.SinceAt, jobs.Options{}))
	find(t, have, "confirmation").State = jobs.Sent
	now := instant("2026-11-01T12:00:00Z")
	change := func(old, new string, opt jobs.Options) []jobs.Message {
		ev, _ := edit(t, src, old, new).Event("workshop")
		return jobs.Plan(ev, reg, have, now, opt)
	}
	day := `      - {name: day-before, kind: reminder, at: "-1d 09:00", late: skip}` + "\n"

	expect(t, change(day, "", jobs.Options{}), `
		day-before/0 cancelled 11-18T08:00Z the rule was removed from the programme`)
	expect(t, change(`"-1d 09:00"`, `"-2d 10:00"`, jobs.Options{}), `day-before/0 planned 11-17T09:00Z`)
	expect(t, change(day, day+strings.ReplaceAll(day, "day-before", "again"), jobs.Options{}), `again/0 planned 11-18T08:00Z`)
	past := strings.NewReplacer("day-before", "past", "-1d", "-20d", "skip", "now").Replace(day)
	expect(t, change(day, day+past, jobs.Options{}), `past/0 expired 10-30T08:00Z the rule is newer than its moment`)
	expect(t, change(day, day+past, jobs.Options{Backfill: true}), `past/0 planned 11-01T12:00Z`)
}

func TestPlanQuietly(t *testing.T) {
	p, _ := sample(t)
	ev, _ := p.Event("workshop")
	reg := person("2026-10-05T07:00:00Z")
	reg.Quiet = true
	have := record(nil, jobs.Plan(ev, reg, nil, reg.SinceAt, jobs.Options{}))
	if m := find(t, have, "confirmation"); m.State != jobs.Expired || m.Reason != jobs.ReasonQuietly {
		t.Errorf("confirmation %s (%s)", m.State, m.Reason)
	}
	ev.Revision = 1
	write := jobs.Plan(ev, reg, have, instant("2026-10-06T07:00:00Z"), jobs.Options{})
	if !strings.Contains(show(write), "change/1 planned") {
		t.Errorf("who was taken over quietly hears of a move:\n%s", show(write))
	}
}

func TestReadmit(t *testing.T) {
	p, _ := sample(t)
	ev, _ := p.Event("workshop")
	now := instant("2026-10-06T07:00:00Z")
	reg := person("2026-10-05T07:00:00Z")
	if _, changed := ev.Readmit(reg, now); changed {
		t.Error("an eligible person changed")
	}
	ev.Audience.Domains = []string{"minienw.nl"}
	held, changed := ev.Readmit(reg, now)
	if !changed || held.Status != jobs.Held {
		t.Errorf("no longer in the audience: %s", held.Status)
	}
	ev.Audience.Domains = []string{"minbzk.nl"}
	back, changed := ev.Readmit(held, now)
	if !changed || back.Status != jobs.Registered || !back.SinceAt.Equal(now) {
		t.Errorf("in the audience again: %+v", back)
	}
	reg.Approved = true
	ev.Audience.Domains = []string{"minienw.nl"}
	if _, changed := ev.Readmit(reg, now); changed {
		t.Error("an organiser's approval was overruled")
	}
}

func TestEligible(t *testing.T) {
	a := jobs.Audience{Domains: []string{"minbzk.nl", "rijksoverheid.nl"}, Otherwise: jobs.OtherwiseHold}
	for addr, want := range map[string]bool{
		"a@minbzk.nl":               true,
		"a@MINBZK.NL":               true,
		"a@mail.minbzk.nl":          true,
		"a@xminbzk.nl":              false,
		"a@minbzk.nl.example.org":   false,
		"a@minbzk.nl.":              false, // refused as an address
		"minbzk.nl@example.org":     false,
		"a@m\u0456nbzk.nl":          false, // Cyrillic і
		"a@minbzk\u3002nl":          true,  // an ideographic full stop is a dot (UTS 46)
		"a@rijksoverheid.nl":        true,
		"a@rijks-overheid.nl":       false,
		"a@rijksoverheid.nl@x.test": false,
	} {
		got, err := jobs.ParseAddress(addr)
		if ok := err == nil && a.Eligible(got); ok != want {
			t.Errorf("%q: %v, want %v", addr, ok, want)
		}
	}
}

func TestMovesReachable(t *testing.T) {
	for _, s := range jobs.States() {
		reached := s == jobs.Planned
		for _, from := range jobs.States() {
			reached = reached || from.CanBecome(s)
		}
		if !reached {
			t.Errorf("nothing leads to %s", s)
		}
	}
	if jobs.Sent.CanBecome(jobs.Planned) || jobs.FinalDot.CanBecome(jobs.Planned) || jobs.FinalDot.CanBecome(jobs.CancelledState) {
		t.Error("what may have left cannot be planned again")
	}
}

func TestResend(t *testing.T) {
	start := instant("2026-11-19T10:30:00Z")
	tests := []struct {
		kind   jobs.Kind
		doubts int
		now    string
		ok     bool
	}{
		{jobs.Confirmation, 0, "2026-11-10T10:00:00Z", true},
		{jobs.Confirmation, 1, "2026-11-10T10:00:00Z", false},
		{jobs.Confirmation, 0, "2026-11-19T10:20:00Z", false},
		{jobs.Change, 0, "2026-11-10T10:00:00Z", true},
		{jobs.Cancellation, 0, "2026-11-10T10:00:00Z", true},
		{jobs.Reminder, 0, "2026-11-19T09:45:00Z", true},
		{jobs.Reminder, 0, "2026-11-19T09:46:00Z", false},
		{jobs.Followup, 0, "2026-11-10T10:00:00Z", false},
	}
	for _, tt := range tests {
		m := jobs.Message{Kind: tt.kind, Doubts: tt.doubts, ExpiresAt: start}
		at, ok := jobs.Resend(m, start, instant(tt.now))
		if ok != tt.ok || ok && at.Sub(instant(tt.now)) != 15*time.Minute {
			t.Errorf("%s in doubt at %s for the %d. time: %v %v", tt.kind, tt.now, tt.doubts+1, at, ok)
		}
	}
}

// edit gives the sample programme with some of its text replaced.
func edit(t *testing.T, src string, oldnew ...string) *jobs.Programme {
	t.Helper()
	p, err := jobs.ParseProgramme("p.yaml", []byte(strings.NewReplacer(oldnew...).Replace(src)))
	if err != nil {
		t.Fatal(err)
	}
	return p
}
