package jobs

import "time"

// Status is where a registration stands. The strings are stable: they are
// stored, and other programs read them.
type Status string

const (
	// Registered people get what the programme owes them.
	Registered Status = "registered"
	// Held people are not in the event's audience as far as a rule can see; an
	// organiser approves them or not. They get nothing meanwhile.
	Held Status = "held"
	// Cancelled registrations are over: by the person or by an organiser. Who
	// comes back gets a new registration, with a new UID.
	Cancelled Status = "cancelled"
	// Refused registrations were kept out by the audience rule; they stand on
	// record so that the same row read again is known.
	Refused Status = "refused"
)

// Statuses gives every status, in the order people read them.
func Statuses() []Status { return []Status{Registered, Held, Cancelled, Refused} }

// Answer is what a person said in their calendar (RFC 5545 PARTSTAT).
type Answer string

const (
	Unanswered Answer = "no"
	Accepted   Answer = "yes"
	Declined   Answer = "declined"
	Tentative  Answer = "tentative"
)

// Registration is one person for one event. At most one registration that is
// not cancelled exists for an event and an address (see [Address.Key]).
type Registration struct {
	ID           int64
	EventID      string
	Email        Address
	Name         string // cleaned by CleanName; may be empty
	GivenName    string // for the salutation; may be empty
	Organisation string
	Lang         Lang
	Status       Status
	Reason       string // why the status is what it is, for people
	Tags         []string
	Answered     Answer
	UID          string    // iCalendar UID (RFC 5545 §3.8.4.7), fixed for ever
	Source       string    // where it came from: "names.csv:12", "cli"
	Quiet        bool      // taken over from elsewhere: no confirmation is owed
	Approved     bool      // an organiser let this person in past the audience rule
	RegisteredAt time.Time // when the person signed up, by the source; zero when it does not say
	CreatedAt    time.Time // when it came on record here
	SinceAt      time.Time // from when messages are owed: CreatedAt, or the approval
	CancelledAt  time.Time // zero unless cancelled
}

// Salutation gives the name to greet this person by, "" when none is known.
func (r Registration) Salutation() string {
	if r.GivenName != "" {
		return r.GivenName
	}
	return r.Name
}
