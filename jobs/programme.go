package jobs

import "time"

// Programme is an organiser's programme file: what happens when, and which
// messages people get about it.
type Programme struct {
	Name   string
	Zone   *time.Location // the zone of every wall-clock time in the file
	Events []Event        // in the order of the file
}

// Event gives the event with this id; ok is false when there is none.
func (p *Programme) Event(id string) (ev Event, ok bool) {
	for i := range p.Events {
		if p.Events[i].ID == id {
			return p.Events[i], true
		}
	}
	return Event{}, false
}

// Event is one thing people register for.
type Event struct {
	ID           string
	Start, End   time.Time      // instants, UTC; End is one hour after Start where the file names none
	Zone         *time.Location // the zone people read its times in
	Title        Text
	Summary      Text // Markdown
	Location     Location
	Speaker      string
	Organizer    Person // the mailbox that answers arrive in
	Audience     Audience
	Rules        []Rule
	Quiet        *QuietHours // nil: mail may leave at any hour
	IsCancelled  bool
	Blanks       []Blank // what the organiser has yet to fill in; while there is one, nothing leaves
	Revision     int     // raised on each change of time or place, and by cancelling; kept by the ledger
	HasStartTime bool    // false: the file names the day only, Start is its midnight
}

// Person is a name and a mailbox.
type Person struct {
	Name  string
	Email Address
}

// Location is where an event is: on site (Name), online (URL) or both.
type Location struct {
	Name, URL string
}

// String gives the place on one line, "" when there is none.
func (l Location) String() string {
	switch {
	case l.Name == "":
		return l.URL
	case l.URL == "":
		return l.Name
	}
	return l.Name + " · " + l.URL
}

// Blank is a value in the programme file that still holds the mark
// "[in te vullen" (or "[to fill in").
type Blank struct {
	Field string // as a path: "events.signing.location.name"
	Line  int    // in the file, from 1
}

// Rule is one line of an event's messages.
type Rule struct {
	Name    string // unique within the event; stable, it is part of a message's key
	Kind    Kind   // Confirmation, Reminder or Followup
	At      Offset // unused by a confirmation
	Late    Late
	MaxLate time.Duration // how long after DueAt it may still leave
	Quiet   QuietRule
}

// DefaultMaxLate is how late a reminder or follow-up may still leave when the
// file does not say. A confirmation, change or cancellation has no such limit
// of its own: late is better than never until the event starts.
const DefaultMaxLate = 6 * time.Hour

// Late says what becomes of a message whose moment had passed when the person
// registered.
type Late string

const (
	LateSkip Late = "skip" // it is not sent; the default
	LateNow  Late = "now"  // it is sent as soon as the distance to the confirmation allows
	LateFold Late = "fold" // the confirmation says it instead
)

// QuietRule says where a message goes whose moment falls in quiet hours.
type QuietRule string

const (
	QuietIgnore  QuietRule = "ignore"  // it leaves at its moment all the same
	QuietEarlier QuietRule = "earlier" // to the last instant before; the default of a reminder
	QuietLater   QuietRule = "later"   // to the first instant after, if that is before the start; the default of a follow-up
)

// Eligible says whether an address may get the mails of an event at once. No
// domains in the rule means everybody. A rule's domain matches itself and
// what lies below it (RFC 1034 §3.1), compared as A-labels, so that neither
// minbzk.nl.example.org nor a look-alike letter gets in.
func (a Audience) Eligible(addr Address) bool {
	if len(a.Domains) == 0 {
		return true
	}
	for _, d := range a.Domains {
		if domainWithin(addr.Domain(), d) {
			return true
		}
	}
	return false
}

// Audience is who an event is for.
type Audience struct {
	Domains   []string // A-labels, lower case; empty means everybody
	Otherwise Otherwise
}

// Otherwise is what happens to an address outside the audience's domains.
type Otherwise string

const (
	OtherwiseAccept Otherwise = "accept"
	OtherwiseHold   Otherwise = "hold" // the default: a person decides
	OtherwiseRefuse Otherwise = "refuse"
)

// Admit gives the status a new registration of this address starts with, and
// the reason where that is not [Registered].
func (a Audience) Admit(addr Address) (Status, string) {
	if a.Eligible(addr) || a.Otherwise == OtherwiseAccept {
		return Registered, ""
	}
	reason := "the domain " + addr.Domain() + " is not in the audience of this event"
	if a.Otherwise == OtherwiseRefuse {
		return Refused, reason
	}
	return Held, reason
}

// Readmit applies the audience rule to a registration that is on record: who
// was held and is in the audience by now is let in from the instant now, who
// is no longer in it is held. changed is false when nothing is to be written.
func (ev Event) Readmit(r Registration, now time.Time) (_ Registration, changed bool) {
	status, reason := ev.Audience.Admit(r.Email)
	switch {
	case r.Approved, r.Status != Held && r.Status != Registered, status == r.Status:
		return r, false
	case status == Registered:
		r.SinceAt = now
	default:
		status = Held // never refused in hindsight
	}
	changed = r.Status != status
	r.Status, r.Reason = status, reason
	return r, changed
}

func domainWithin(domain, rule string) bool {
	n := len(domain) - len(rule)
	return n == 0 && domain == rule || n > 0 && domain[n-1] == '.' && domain[n:] == rule
}

// May says whether mail about an event may go to this registration now. It is
// asked at plan and again at send.
func (ev Event) May(r Registration) bool {
	return r.Approved || ev.Audience.Otherwise == OtherwiseAccept || ev.Audience.Eligible(r.Email)
}
