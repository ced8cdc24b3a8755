package jobs

import (
	"slices"
	"strings"
)

// EventChange is what a new programme file does to one event.
type EventChange struct {
	EventID string
	What    []Difference // in the order of the file's keys
}

// Difference is one thing that changed, for people: Was and Now are as the
// file would show them, empty where there is nothing.
type Difference struct {
	Field    string // "start", "location", "messages.day-before", "event" for a whole one
	Was, Now string
}

// Moves says whether the change is one that calendars must hear of: time,
// place, or the event being off. Such a change raises the event's revision
// (RFC 5546 §2.1.4).
func (c EventChange) Moves() bool {
	return slices.ContainsFunc(c.What, func(d Difference) bool {
		return d.Field == "start" || d.Field == "end" || d.Field == "location" || d.Field == "cancelled"
	})
}

// Removed says whether the event is gone from the new file.
func (c EventChange) Removed() bool { return len(c.What) == 1 && c.What[0] == gone }

// Added says whether the event is new in the file.
func (c EventChange) Added() bool { return len(c.What) == 1 && c.What[0] == added }

var (
	gone  = Difference{Field: "event", Was: "in the programme"}
	added = Difference{Field: "event", Now: "in the programme"}
)

// Compare says what the programme next changes about was; was may be nil.
// Events that stay as they are do not appear.
func Compare(was, next *Programme) (changes []EventChange) {
	if was == nil {
		was = &Programme{}
	}
	for _, ev := range next.Events {
		old, ok := was.Event(ev.ID)
		if !ok {
			changes = append(changes, EventChange{ev.ID, []Difference{added}})
		} else if diff := compareEvents(old, ev); len(diff) > 0 {
			changes = append(changes, EventChange{ev.ID, diff})
		}
	}
	for _, ev := range was.Events {
		if _, ok := next.Event(ev.ID); !ok {
			changes = append(changes, EventChange{ev.ID, []Difference{gone}})
		}
	}
	return changes
}

// NextRevision gives the revision of an event after a change. While the old
// one had blanks nothing could leave, so filling them in moves nothing.
func NextRevision(old Event, c EventChange) int {
	if c.Moves() && len(old.Blanks) == 0 {
		return old.Revision + 1
	}
	return old.Revision
}

func compareEvents(a, b Event) (diff []Difference) {
	differ := func(field, was, now string) {
		if was != now {
			diff = append(diff, Difference{field, was, now})
		}
	}
	const layout = "2006-01-02T15:04 MST"
	differ("start", a.Start.In(a.Zone).Format(layout), b.Start.In(b.Zone).Format(layout))
	differ("end", a.End.In(a.Zone).Format(layout), b.End.In(b.Zone).Format(layout))
	differ("location", a.Location.String(), b.Location.String())
	differ("cancelled", yesNo(a.IsCancelled), yesNo(b.IsCancelled))
	differ("title", a.Title.NL+" / "+a.Title.EN, b.Title.NL+" / "+b.Title.EN)
	differ("summary", a.Summary.NL+" / "+a.Summary.EN, b.Summary.NL+" / "+b.Summary.EN)
	differ("speaker", a.Speaker, b.Speaker)
	differ("organizer", a.Organizer.Name+" "+a.Organizer.Email.String(), b.Organizer.Name+" "+b.Organizer.Email.String())
	differ("audience", a.Audience.String(), b.Audience.String())
	differ("quiet_hours", a.Quiet.String(), b.Quiet.String())
	differ("blanks", blankFields(a), blankFields(b))
	for _, r := range a.Rules {
		if i := slices.IndexFunc(b.Rules, func(o Rule) bool { return o.Name == r.Name && o.Kind == r.Kind }); i >= 0 {
			differ("messages."+r.Name, r.String(), b.Rules[i].String())
		} else {
			differ("messages."+r.Name, r.String(), "")
		}
	}
	for _, r := range b.Rules {
		if !slices.ContainsFunc(a.Rules, func(o Rule) bool { return o.Name == r.Name && o.Kind == r.Kind }) {
			differ("messages."+r.Name, "", r.String())
		}
	}
	return diff
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func blankFields(ev Event) string {
	fields := make([]string, len(ev.Blanks))
	for i, b := range ev.Blanks {
		fields[i] = b.Field
	}
	return strings.Join(fields, ", ")
}

// String gives the audience rule as people read it.
func (a Audience) String() string {
	if len(a.Domains) == 0 {
		return "everybody"
	}
	return strings.Join(a.Domains, ", ") + "; otherwise " + string(a.Otherwise)
}

// String gives the quiet hours as people read them; a nil one is "none".
func (q *QuietHours) String() string {
	if q == nil {
		return "none"
	}
	s := q.From.String() + "–" + q.To.String()
	if !q.Weekends {
		s += ", not at weekends"
	}
	return s
}

// String gives the rule as people read it.
func (r Rule) String() string {
	if r.Kind == Confirmation {
		return "confirmation, at once"
	}
	return strings.Join([]string{string(r.Kind), r.At.String(), "late " + string(r.Late), "max_late " + r.MaxLate.String(), "quiet hours " + string(r.Quiet)}, ", ")
}
