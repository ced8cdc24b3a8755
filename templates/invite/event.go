package invite

import "time"

// Method is the iTIP method of an invitation (RFC 5546 section 1.4). The mail
// must repeat it as the method parameter of its text/calendar part: Microsoft
// refuses a mismatch.
type Method string

const (
	// MethodRequest invites, or updates an earlier invitation with the same UID
	// and a lower sequence.
	MethodRequest Method = "REQUEST"
	// MethodCancel takes an invitation with the same UID out of the calendar.
	MethodCancel Method = "CANCEL"
)

// Person is the organiser or the attendee.
type Person struct {
	// Name is shown as it stands, after [Write] has made it harmless; strangers
	// write it. Empty leaves out the CN parameter.
	Name string
	// Email is an addr-spec without quotes, comment or display name. Required.
	Email string
}

// Alarm is a reminder that the recipient's own calendar program gives.
type Alarm struct {
	// Before is how long before the start, in whole seconds; zero is at the
	// start, negative is refused. Whole days are written as days, which RFC 5545
	// section 3.3.6 counts on the wall clock: a day before 09:00 is 09:00, also
	// when the clock changed in between.
	Before time.Duration
	// Text is what the program shows; empty means the summary of the event.
	Text string
}

// Event is one invitation for one recipient.
type Event struct {
	Method Method
	// UID names the event in the recipient's calendar for ever: at most 255
	// octets, no control characters. Required.
	UID string
	// Sequence is the revision, from 0 and within 32 bits. A higher one wins in
	// the calendar.
	Sequence int
	// Stamp is when this revision was made (DTSTAMP); any zone, written in UTC
	// and in whole seconds. Required: among equal sequences the latest wins.
	Stamp time.Time
	// Start and End are instants, cut to whole seconds; End must be later.
	Start, End time.Time
	// Zone is the wall clock to write Start and End in; nil is UTC. The package
	// comment lists when UTC is written anyway.
	Zone *time.Location
	// Summary is the title. Required.
	Summary string
	// Description may hold several lines, ended by \n or \r\n.
	Description string
	// Location is the place as people read it.
	Location string
	// URL is an absolute http or https link, or empty.
	URL string
	// Organizer must stay the same in every revision of a UID.
	Organizer Person
	// Attendee is the one recipient of the mail.
	Attendee Person
	// Alarms are written in a REQUEST and left out of a CANCEL.
	Alarms []Alarm
	// Language is a BCP 47 tag such as "nl" for the texts, or empty.
	Language string
}
