package main

import (
	"fmt"
	"strings"
	"time"

	"heraut/jobs"
)

// timelineWords are the words of the command line, and what a page needs on
// top of them: whole dates, numbers, and times on the clock of one zone.
type timelineWords struct {
	words
	zone *time.Location
}

func newTimelineWords(lang jobs.Lang, zone *time.Location) timelineWords {
	if lang == jobs.English {
		return timelineWords{english(), zone}
	}
	return timelineWords{dutch(), zone}
}

// tr chooses between a text in two languages, where it is used only once.
func (w words) tr(nl, en string) string { return jobs.Text{NL: nl, EN: en}.In(w.Lang) }

var (
	dutchDays   = [...]string{"zondag", "maandag", "dinsdag", "woensdag", "donderdag", "vrijdag", "zaterdag"}
	dutchMonths = [...]string{"januari", "februari", "maart", "april", "mei", "juni", "juli", "augustus", "september", "oktober", "november", "december"}
)

// day gives "donderdag 19 november 2026".
func (w timelineWords) day(t time.Time) string {
	t = t.In(w.zone)
	if w.Lang == jobs.English {
		return t.Format("Monday 2 January 2006")
	}
	return fmt.Sprintf("%s %d %s %d", dutchDays[t.Weekday()], t.Day(), dutchMonths[t.Month()-1], t.Year())
}

// short gives "19 nov 09:00".
func (w timelineWords) short(t time.Time) string {
	t = t.In(w.zone)
	return fmt.Sprintf("%d %s %s", t.Day(), w.Months[t.Month()], t.Format("15:04"))
}

// clock gives "09:00".
func (w timelineWords) clock(t time.Time) string { return t.In(w.zone).Format("15:04") }

// abbrev gives the zone's name at an instant: "CET".
func (w timelineWords) abbrev(t time.Time) string {
	name, _ := t.In(w.zone).Zone()
	if strings.Trim(name, "+-0123456789") == "" {
		return "UTC" + t.In(w.zone).Format("-07:00")
	}
	return name
}

// between gives "19 november 2026, 11:30–12:30 CET", with both days where they
// differ.
func (w timelineWords) between(start, end time.Time) string {
	if w.day(start) == w.day(end) {
		return fmt.Sprintf("%s, %s–%s %s", w.day(start), w.clock(start), w.clock(end), w.abbrev(start))
	}
	return fmt.Sprintf("%s %s – %s %s %s", w.day(start), w.clock(start), w.day(end), w.clock(end), w.abbrev(end))
}

// iso is the value of a datetime attribute.
func (w timelineWords) iso(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// plural gives "1 mens", "9 mensen" in the language of the page.
func (w timelineWords) plural(n int, nl1, nl, en1, en string) string {
	if n == 1 {
		return "1 " + w.tr(nl1, en1)
	}
	return w.thousands(n) + " " + w.tr(nl, en)
}

// people gives "9 mensen".
func (w timelineWords) people(n int) string {
	return w.plural(n, "mens", "mensen", "person", "people")
}

// thousands groups digits: 25.000 in Dutch, 25,000 in English.
func (w timelineWords) thousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + w.tr(".", ",") + s[i:]
	}
	return s
}

// method names what an invitation does to a calendar.
func (w timelineWords) method(method string, sequence int) string {
	switch {
	case method == "CANCEL":
		return w.tr("haalt de afspraak uit de agenda", "takes the event out of the calendar")
	case sequence > 0:
		return w.tr("werkt de afspraak in de agenda bij", "updates the event in the calendar")
	}
	return w.tr("zet de afspraak in de agenda", "puts the event in the calendar")
}

// rest says in numbers what became of the messages that were not sent.
func (w timelineWords) rest(by map[jobs.State]int) string {
	var parts []string
	for _, s := range jobs.States() {
		if n := by[s]; n > 0 && s != jobs.Sent {
			parts = append(parts, w.thousands(n)+" "+w.state(s))
		}
	}
	return strings.Join(parts, ", ")
}

// timelineAnchor is the id of a message on the page.
func timelineAnchor(no int) string { return fmt.Sprintf("m%04d", no) }
