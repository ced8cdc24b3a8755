package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"heraut/jobs"
)

// rehearsalResult is what a rehearsal left behind once nothing was due any
// more: the page, the summary and the JSON are three views of it.
type rehearsalResult struct {
	Programme   *jobs.Programme // as it stood at the end
	From, Until time.Time       // the first and the last instant something happened at, UTC
	Steps       []rehearsalDone // in order of time
	People      []jobs.Registration
	Messages    []rehearsalMessage // what left in the order it left, then what did not
	Rejected    []string           // rows of the file that were refused, as "file:line: reason"
	RejectedAll int                // how many; Rejected holds the first ones only
}

// rehearsalDone is a step as it was carried out.
type rehearsalDone struct {
	At    time.Time
	Who   rehearsalActor
	What  jobs.Text // a sentence
	Notes jobs.Text // what came of it; may be empty
}

// rehearsalActor is who causes a step.
type rehearsalActor string

const (
	rehearsalOrganiser rehearsalActor = "organiser"
	rehearsalPerson    rehearsalActor = "person"
)

// rehearsalMessage is one message and, where it left, its files.
type rehearsalMessage struct {
	jobs.Message
	Person int    // index in People
	No     int    // 1 for the first mail that left; 0 when it did not
	Base   string // of its files in mail/, "0012-workshop-reminder-anna"; "" when it did not leave
	// Borrowed says that the mail has no calendar part of its own: the .ics
	// beside it is the invitation as it stood in this person's calendar then.
	Borrowed bool
	Invited  bool // there is an .ics beside the mail
}

// event gives an event by id, an empty one that shows its id when it is gone.
func (r *rehearsalResult) event(id string) jobs.Event {
	if ev, ok := r.Programme.Event(id); ok {
		return ev
	}
	return jobs.Event{ID: id, Zone: r.Programme.Zone, Title: jobs.Text{NL: id}}
}

// became says what became of a message, for people. Messages of who is held
// run out when their moment passes, like any other; that they were held is why
// they did not leave.
func (r *rehearsalResult) became(m rehearsalMessage) (jobs.State, string) {
	if p := r.People[m.Person]; p.Status == jobs.Held && m.State == jobs.Expired {
		return jobs.HeldState, p.Reason
	}
	return m.State, m.Reason
}

// sent gives the messages that left, in order.
func (r *rehearsalResult) sent() []rehearsalMessage {
	n := 0
	for n < len(r.Messages) && r.Messages[n].No > 0 {
		n++
	}
	return r.Messages[:n]
}

// people gives the registrations with a status, of one event or (event "") all.
func (r *rehearsalResult) people(event string, status jobs.Status) (list []jobs.Registration) {
	for _, p := range r.People {
		if p.Status == status && (event == "" || p.EventID == event) {
			list = append(list, p)
		}
	}
	return list
}

// persons counts who registered, each address once.
func (r *rehearsalResult) persons() int {
	seen := map[string]bool{}
	for _, p := range r.People {
		seen[p.Email.Key()] = true
	}
	return len(seen)
}

// number puts the messages in their order, numbers those that left and names
// their files. The order is that of the clock; at one instant it is that of
// the file: event, kind, registration. So two rehearsals of the same file give
// the same names, whichever connection was faster.
func (r *rehearsalResult) number() {
	events := map[string]int{}
	for i, ev := range r.Programme.Events {
		events[ev.ID] = i
	}
	slices.SortStableFunc(r.Messages, func(a, b rehearsalMessage) int {
		aSent, bSent := a.State == jobs.Sent, b.State == jobs.Sent
		switch {
		case aSent && !bSent:
			return -1
		case bSent && !aSent:
			return 1
		case !aSent:
			return cmp.Or(a.DueAt.Compare(b.DueAt), cmp.Compare(a.ID, b.ID))
		}
		return cmp.Or(a.SentAt.Compare(b.SentAt),
			cmp.Compare(events[a.EventID], events[b.EventID]),
			cmp.Compare(slices.Index(jobs.Kinds(), a.Kind), slices.Index(jobs.Kinds(), b.Kind)),
			cmp.Compare(a.Name, b.Name),
			cmp.Compare(a.RegistrationID, b.RegistrationID))
	})
	for i := range r.Messages {
		m := &r.Messages[i]
		if m.State != jobs.Sent {
			break
		}
		m.No = i + 1
		m.Base = fmt.Sprintf("%04d-%s-%s-%s", m.No, m.EventID, m.Kind, fileWord(r.People[m.Person].Email.Local()))
	}
}

// fileWord makes a stranger's word harmless in a file name on every system.
func fileWord(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '-', r == '.':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return '_'
	}, s)
	s = strings.Trim(s[:min(len(s), 32)], ".")
	return cmp.Or(s, "_")
}

// rehearsalCount counts the messages of one event and kind by what became of
// them.
type rehearsalCount struct {
	Event string       `json:"event"`
	Kind  jobs.Kind    `json:"kind"`
	Owed  int          `json:"messages"`
	By    rehearsalBys `json:"states"`
}

// rehearsalBys counts messages by state; states without messages are absent.
type rehearsalBys map[jobs.State]int

// counts gives the counts per event and kind, in the order of the programme.
func (r *rehearsalResult) counts() (rows []rehearsalCount) {
	type key struct {
		event string
		kind  jobs.Kind
	}
	by := map[key]rehearsalBys{}
	for _, m := range r.Messages {
		k := key{m.EventID, m.Kind}
		if by[k] == nil {
			by[k] = rehearsalBys{}
		}
		state, _ := r.became(m)
		by[k][state]++
	}
	for _, ev := range r.Programme.Events {
		for _, kind := range jobs.Kinds() {
			states := by[key{ev.ID, kind}]
			if states == nil {
				continue
			}
			row := rehearsalCount{Event: ev.ID, Kind: kind, By: states}
			for _, n := range states {
				row.Owed += n
			}
			rows = append(rows, row)
		}
	}
	return rows
}
