package jobs

import (
	"slices"
	"strings"
	"time"
)

// Distance is how long after a confirmation or a change nothing else leaves
// for the same registration.
const Distance = 30 * time.Minute

// Reasons that programs and people meet often. They are stored.
const (
	ReasonLateSkip   = "its moment had passed when this person registered"
	ReasonFolded     = "folded into the confirmation"
	ReasonNewRule    = "the rule is newer than its moment"
	ReasonNoTime     = "no time left before the event starts"
	ReasonStarted    = "the event had started"
	ReasonMaxLate    = "could not leave before its max_late"
	ReasonMoved      = "the event changed; a newer message replaces this one"
	ReasonRuleGone   = "the rule was removed from the programme"
	ReasonEventOff   = "the event was cancelled"
	ReasonPersonOff  = "the registration was cancelled"
	ReasonOvertaken  = "the registration or the event changed just before it left"
	ReasonNeverLeft  = "the invitation that it would correct never left"
	ReasonQuietly    = "registered quietly: no confirmation asked for"
	ReasonIneligible = "the address is not in the audience of this event"
)

// Options change how Plan treats the past.
type Options struct {
	// Backfill gives a new rule to people who registered before it existed,
	// also when its moment has passed; the rule's Late then decides. Without
	// it a new rule never reaches back.
	Backfill bool
}

// Plan says what one registration is owed at the instant now, given the
// messages it has on record: the messages to write, new ones with ID 0,
// changed ones with the ID they have. Nothing to write means the record
// already says all of it, so planning twice changes nothing.
//
// Every message the rules name is planned, also those that will not go: they
// stand as expired, held or cancelled with the reason.
//
// Of the messages of campaigns only those that carry an invitation are its
// business, and only they may be in have. It plans none; it knows who was invited
// by them, and takes back those that would say what holds no longer.
func Plan(ev Event, reg Registration, have []Message, now time.Time, opt Options) []Message {
	p := planner{ev: ev, reg: reg, have: have, now: now.UTC().Truncate(time.Microsecond), opt: opt}
	owed, gone := p.owed()
	return p.reconcile(owed, gone)
}

// planner holds the arguments of one Plan.
type planner struct {
	ev   Event
	reg  Registration
	have []Message
	now  time.Time
	opt  Options
}

// owed gives the messages that are owed, as if none were on record, and the
// reason why any other message on record is owed no more.
func (p planner) owed() (owed []Message, gone string) {
	switch {
	case p.reg.Status == Refused:
		return nil, ReasonIneligible
	case p.reg.Status == Cancelled:
		return p.cancellation(), ReasonPersonOff
	case p.ev.IsCancelled:
		return p.cancellation(), ReasonEventOff
	}
	invite, from := p.invitation()
	owed = append(owed, invite...)
	for _, r := range p.ev.Rules {
		if r.Kind != Confirmation {
			owed = append(owed, p.timed(r, from))
		}
	}
	for i := range owed {
		p.hold(&owed[i])
	}
	for _, m := range p.have {
		if m.Kind == CampaignMail && m.Sequence == p.ev.Revision {
			owed = append(owed, m) // as it is
		}
	}
	return owed, ReasonRuleGone
}

// invitation gives the confirmation, or the change that is owed to who was
// invited before the event moved. from is the instant before which a reminder
// counts as late.
func (p planner) invitation() (owed []Message, from time.Time) {
	from = p.reg.SinceAt
	last, invited := p.lastInvitation()
	switch {
	case invited && last.Sequence < p.ev.Revision:
		m := p.message(Change, string(Change), p.now)
		if have, ok := p.find(m.key()); ok {
			m.RuleAt, m.DueAt = have.RuleAt, have.DueAt
		}
		return []Message{p.beforeStart(m)}, m.DueAt.Add(Distance)
	case invited && last.Kind == Change:
		return []Message{last}, last.DueAt.Add(Distance)
	}
	i := slices.IndexFunc(p.ev.Rules, func(r Rule) bool { return r.Kind == Confirmation })
	if i < 0 {
		return nil, from
	}
	r := p.ev.Rules[i]
	due := p.reg.SinceAt
	if r.Quiet != QuietIgnore && p.ev.Quiet != nil {
		due = p.ev.Quiet.Move(due, QuietLater, p.ev.Zone, p.ev.Start)
	}
	m := p.beforeStart(p.message(Confirmation, r.Name, due))
	switch {
	case p.reg.Quiet:
		m.State, m.Reason = Expired, ReasonQuietly
		return []Message{m}, from
	case p.newRule(m.key()) && !p.opt.Backfill:
		m.State, m.Reason = Expired, ReasonNewRule
		return []Message{m}, from
	}
	if r.MaxLate > 0 {
		m.ExpiresAt = earlier(m.ExpiresAt, due.Add(r.MaxLate))
	}
	if !invited || last.Kind == CampaignMail {
		due = latest(due, p.now) // it has yet to leave
	}
	return []Message{m}, due.Add(Distance)
}

// timed gives the reminder or follow-up of one rule; from is the instant
// before which its moment counts as passed.
func (p planner) timed(r Rule, from time.Time) Message {
	at := r.At.From(p.ev)
	limit := p.ev.Start
	if r.Kind == Followup {
		limit = time.Time{}
	}
	if p.ev.Quiet != nil {
		at = p.ev.Quiet.Move(at, r.Quiet, p.ev.Zone, limit)
	}
	m := p.message(r.Kind, r.Name, at)
	if at.Before(from) || at.Before(p.now) {
		p.late(&m, r, latest(from, p.now))
	}
	m.ExpiresAt = m.DueAt.Add(r.MaxLate)
	if r.Kind == Reminder {
		m.ExpiresAt = earlier(m.ExpiresAt, p.ev.Start)
	}
	return m
}

// late settles a message whose moment passed before it could be owed; soonest
// is when it could leave.
func (p planner) late(m *Message, r Rule, soonest time.Time) {
	m.State = Expired
	switch {
	case p.newRule(m.key()) && !p.opt.Backfill:
		m.Reason = ReasonNewRule
	case r.Late == LateFold && r.Kind == Reminder:
		m.Reason = ReasonFolded
	case r.Late == LateNow && r.Kind == Reminder && !soonest.Before(p.ev.Start):
		m.Reason = ReasonNoTime
	case r.Late == LateNow:
		m.State, m.DueAt = Planned, soonest
	default:
		m.Reason = ReasonLateSkip
	}
}

// newRule says whether the registration was planned before the rule existed:
// it has messages of this revision, but none by this rule. A change stands in the
// place of a confirmation.
func (p planner) newRule(k messageKey) bool {
	planned := false
	for _, m := range p.have {
		replaces := k.kind == Confirmation && m.Kind == Change && m.Revision == k.revision
		if replaces || m.key() == k && m.State != CancelledState {
			return false
		}
		planned = planned || m.Revision == k.revision && m.Kind != CampaignMail
	}
	return planned
}

// cancellation gives the message that takes the event out of a calendar it
// was put in. Who was never written to is owed one only when the event itself
// is off: such a person would stand before a closed door.
func (p planner) cancellation() []Message {
	last, invited := p.newest(Confirmation, Change, CampaignMail)
	byPerson := p.reg.Status == Cancelled
	if !invited && (byPerson || p.reg.Status != Registered) {
		return nil
	}
	for _, m := range p.have {
		if m.Kind == Cancellation && m.State.Left() {
			return []Message{m}
		}
	}
	m := p.message(Cancellation, string(Cancellation), p.now)
	m.Sequence = max(p.ev.Revision, last.Sequence+1)
	if have, ok := p.find(m.key()); ok {
		m.RuleAt, m.DueAt = have.RuleAt, have.DueAt
	}
	m = p.beforeStart(m)
	p.hold(&m)
	return []Message{m}
}

// lastInvitation gives the newest invitation the person has or may have. One by
// a campaign counts only for who has no other: it repeats what the others say.
func (p planner) lastInvitation() (last Message, ok bool) {
	if last, ok = p.newest(Confirmation, Change); !ok {
		last, ok = p.newest(CampaignMail)
	}
	return last, ok
}

// newest gives the newest of the invitations of some kinds that left. Who was
// taken over quietly was invited by other means.
func (p planner) newest(kinds ...Kind) (last Message, ok bool) {
	for _, m := range p.have {
		invited := slices.Contains(kinds, m.Kind) && (m.State.Left() || m.Reason == ReasonQuietly)
		if invited && (!ok || m.Sequence >= last.Sequence) {
			last, ok = m, true
		}
	}
	return last, ok
}

// message gives a planned message of this registration.
func (p planner) message(k Kind, name string, at time.Time) Message {
	at = at.UTC().Truncate(time.Microsecond)
	return Message{
		RegistrationID: p.reg.ID,
		EventID:        p.ev.ID,
		Kind:           k,
		Name:           name,
		Revision:       p.ev.Revision,
		Sequence:       p.ev.Revision,
		Queue:          QueueOf(k),
		State:          Planned,
		RuleAt:         at,
		DueAt:          at,
	}
}

// beforeStart bounds a message that makes no sense once the event has started.
func (p planner) beforeStart(m Message) Message {
	m.ExpiresAt = p.ev.Start
	if !m.DueAt.Before(p.ev.Start) && m.State == Planned {
		m.State, m.Reason = Expired, ReasonStarted
	}
	return m
}

// hold keeps a message that may not leave yet.
func (p planner) hold(m *Message) {
	if m.State != Planned {
		return
	}
	switch {
	case p.reg.Status == Held:
		m.State, m.Reason = HeldState, p.reg.Reason
	case !p.ev.May(p.reg):
		m.State, m.Reason = HeldState, ReasonIneligible
	case len(p.ev.Blanks) > 0:
		m.State, m.Reason = HeldState, "the programme has a blank to fill in: "+p.ev.Blanks[0].Field
	}
}

// find gives the message on record with this key.
func (p planner) find(k messageKey) (Message, bool) {
	i := slices.IndexFunc(p.have, func(m Message) bool { return m.key() == k })
	if i < 0 {
		return Message{}, false
	}
	return p.have[i], true
}

// reconcile compares what is owed with what is on record and gives the rows
// to write; a message on record that is owed no more gets the reason gone.
func (p planner) reconcile(owed []Message, gone string) (write []Message) {
	for _, want := range owed {
		have, ok := p.find(want.key())
		if !ok {
			write = append(write, want)
		} else if m, changed := update(have, want); changed {
			write = append(write, m)
		}
	}
	for _, have := range p.have {
		if slices.ContainsFunc(owed, func(m Message) bool { return m.key() == have.key() }) {
			continue
		}
		reason := gone
		switch {
		case have.Revision < p.ev.Revision && gone == ReasonRuleGone:
			reason = ReasonMoved
		case have.Kind == Change && gone == ReasonRuleGone, have.Kind == Cancellation && gone == ReasonPersonOff:
			reason = ReasonNeverLeft
		}
		switch have.State {
		case Planned, Retry, HeldState, Claimed:
			have.State, have.Reason = CancelledState, reason
			write = append(write, have)
		case InDoubt:
			// The person may have it: that stays on record, but a second copy
			// would now be wrong.
			if !have.NextAttemptAt.IsZero() {
				have.NextAttemptAt, have.Reason = time.Time{}, reason
				write = append(write, have)
			}
		}
	}
	return write
}

// update gives the message on record as it has to be from now on. A message
// that left, failed or is suppressed is history and stays as it is; one whose
// moment did not move keeps its state and its tries.
func update(have, want Message) (m Message, changed bool) {
	switch have.State {
	case FinalDot, Sent, InDoubt, Failed, Suppressed:
		return have, false
	}
	m = have
	waiting := have.State == Planned || have.State == Retry || have.State == Claimed
	sameMoment := have.RuleAt.Equal(want.RuleAt)
	if sameMoment && waiting && want.State != HeldState {
		// Lateness was settled when it was planned; only its limit may move.
		// A `late: now` message was moved, so its limit counts from there.
		m.ExpiresAt = want.ExpiresAt
		if !have.DueAt.Equal(want.DueAt) {
			m.ExpiresAt = want.ExpiresAt.Add(have.DueAt.Sub(want.DueAt))
		}
		if m.ExpiresAt.Equal(have.ExpiresAt) {
			return have, false
		}
		if m.State == Claimed {
			m.State = Planned // the write fences the claim off
		}
		return m, true
	}
	if sameMoment && have.State == want.State && have.Reason == want.Reason {
		return have, false
	}
	if sameMoment && have.State == Expired && have.Reason != ReasonQuietly {
		return have, false // what was missed is not made good by planning again
	}
	m.State, m.Reason = want.State, want.Reason
	m.RuleAt, m.DueAt, m.ExpiresAt = want.RuleAt, want.DueAt, want.ExpiresAt
	m.NextAttemptAt, m.Queue, m.Sequence = time.Time{}, want.Queue, want.Sequence
	return m, true
}

// QueueOf gives the queue a message of kind k travels through when one person
// causes it. An import puts its confirmations in [Bulk] instead.
func QueueOf(k Kind) Queue {
	switch k {
	case Reminder, Followup:
		return Reminders
	}
	return Critical
}

// Folded gives the rules whose reminder the confirmation has to speak for,
// because it comes too late for them (see [LateFold]): those that [Plan] gives
// [ReasonFolded] when the person registers.
func Folded(ev Event, reg Registration) (rules []string) {
	folds := func(r Rule) bool { return r.Kind == Reminder && r.Late == LateFold }
	if !slices.ContainsFunc(ev.Rules, folds) || ev.IsCancelled || reg.Status == Cancelled || reg.Status == Refused {
		return nil
	}
	p := planner{ev: ev, reg: reg, now: reg.SinceAt.UTC().Truncate(time.Microsecond)}
	_, from := p.invitation()
	for _, r := range ev.Rules {
		if folds(r) && p.timed(r, from).Reason == ReasonFolded {
			rules = append(rules, r.Name)
		}
	}
	return rules
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// TrimReason cuts a reason to what the ledger keeps: one line, 500 octets.
func TrimReason(s string) string {
	s = strings.ToValidUTF8(strings.Join(strings.Fields(s), " "), "")
	if len(s) > 500 {
		s = strings.ToValidUTF8(s[:500], "")
	}
	return s
}
