package jobs

import "time"

// Kind is what a message is for. Stable strings: stored, and used in template
// file names.
type Kind string

const (
	Confirmation Kind = "confirmation" // you are registered; carries the invitation
	Reminder     Kind = "reminder"     // before the start
	Followup     Kind = "followup"     // after the end
	Change       Kind = "change"       // time or place changed; carries the new invitation
	Cancellation Kind = "cancellation" // event or registration is off; takes it out of the calendar
)

// Kinds gives every kind of message that a programme asks for.
func Kinds() []Kind { return []Kind{Confirmation, Reminder, Followup, Change, Cancellation} }

// State is where a message stands. Stable strings. The comment of each says
// who moves a message in; [State.CanBecome] is the whole table.
type State string

const (
	// Planned: owed, waiting for its moment. Put there by [Plan].
	Planned State = "planned"
	// Claimed: one worker holds it under a lease and nothing has been sent.
	Claimed State = "claimed"
	// FinalDot: committed just before the dot that ends DATA. From here on
	// the server may have it.
	FinalDot State = "final_dot"
	// Sent: the server answered 250 to the dot.
	Sent State = "sent"
	// Retry: certainly not delivered; due again at NextAttemptAt.
	Retry State = "retry"
	// Failed: refused for good, or given up; a person may send it again.
	Failed State = "failed"
	// Suppressed: the address is on the suppression list.
	Suppressed State = "suppressed"
	// CancelledState: no longer owed (cancelled, moved, rule removed).
	CancelledState State = "cancelled"
	// Expired: its moment passed, by rule or by outage; Reason says which.
	Expired State = "expired"
	// HeldState: owed if a person approves, or once the programme's blanks
	// are filled in.
	HeldState State = "held"
	// InDoubt: the final dot may have been sent and no answer was read.
	InDoubt State = "in_doubt"
)

// States gives every state, in the order of a message's life.
func States() []State {
	return []State{Planned, HeldState, Claimed, FinalDot, Sent, Retry, InDoubt, Failed, Suppressed, CancelledState, Expired}
}

// moves is the one table of legal moves; SQL repeats it in its WHERE clauses
// and a test holds the two together.
var moves = map[State][]State{
	Planned:        {Claimed, HeldState, Suppressed, CancelledState, Expired},
	HeldState:      {Planned, CancelledState, Expired},
	Retry:          {Claimed, Planned, HeldState, Suppressed, CancelledState, Expired},
	Claimed:        {FinalDot, Planned, HeldState, Retry, Failed, Suppressed, CancelledState, Expired, InDoubt},
	FinalDot:       {Sent, Retry, Failed, InDoubt},
	InDoubt:        {Claimed, Sent, Failed, InDoubt},
	Failed:         {Planned, CancelledState},
	Suppressed:     {Planned, CancelledState},
	Expired:        {Planned, HeldState, CancelledState},
	CancelledState: {Planned, HeldState, Expired},
}

// CanBecome says whether a message in state s may be moved to state t.
func (s State) CanBecome(t State) bool {
	for _, m := range moves[s] {
		if m == t {
			return true
		}
	}
	return false
}

// Left says whether the recipient has, or may have, the message.
func (s State) Left() bool { return s == FinalDot || s == Sent || s == InDoubt }

// Final says whether the message waits for nothing any more, except a person.
func (s State) Final() bool {
	switch s {
	case Sent, Failed, Suppressed, CancelledState, Expired:
		return true
	}
	return false
}

// Queue is the asynq queue a message travels through.
type Queue string

const (
	// Critical: changes, cancellations, confirmations of people who register now.
	Critical Queue = "critical"
	// Reminders: reminders and follow-ups.
	Reminders Queue = "reminders"
	// Bulk: confirmations of an import, campaigns. Never delays the others.
	Bulk Queue = "bulk"
)

// Queues gives every queue, the most urgent first.
func Queues() []Queue { return []Queue{Critical, Reminders, Bulk} }

// Message is one mail that is owed, was sent, or will not go; Reason says why.
// Registration, Kind, Name and Revision identify it.
type Message struct {
	ID             int64
	RegistrationID int64
	EventID        string
	Kind           Kind
	Name           string // the rule's name in the programme file; the kind where no rule made it
	Revision       int    // the event's revision it speaks of; 0 of a campaign's, whose Sequence tells
	Sequence       int    // iCalendar SEQUENCE (RFC 5545 §3.8.7.4) of its invitation
	Queue          Queue
	State          State
	Reason         string
	RuleAt         time.Time // the moment its rule names, quiet hours applied
	DueAt          time.Time // when it is to leave: RuleAt, or later by `late`
	ExpiresAt      time.Time // it must not leave at or after this instant
	NextAttemptAt  time.Time // DueAt at first; later after a failed try
	Attempts       int       // times a worker claimed it
	Doubts         int       // times its delivery came in doubt
	SentAt         time.Time
	SMTP           string // the server's last answer, at most 500 octets
	MessageID      string // RFC 5322 Message-ID with its brackets, fixed at the first try
}

// messageKey is the unique key of a message within its registration.
type messageKey struct {
	kind     Kind
	name     string
	revision int
}

func (m Message) key() messageKey { return messageKey{m.Kind, m.Name, m.Revision} }
