package templates

import (
	"fmt"
	"strings"
	"time"

	"heraut/jobs"
)

// Dutch names of days and months; golang.org/x/text has none.
var (
	dutchDays   = [...]string{"zondag", "maandag", "dinsdag", "woensdag", "donderdag", "vrijdag", "zaterdag"}
	dutchMonths = [...]string{"januari", "februari", "maart", "april", "mei", "juni", "juli", "augustus", "september", "oktober", "november", "december"}
)

// formatDate gives the day: "donderdag 19 november 2026", "Thursday 19 November 2026".
func formatDate(t time.Time, l jobs.Lang) string {
	if l == jobs.English {
		return t.Format("Monday 2 January 2006")
	}
	return fmt.Sprintf("%s %d %s %d", dutchDays[t.Weekday()], t.Day(), dutchMonths[t.Month()-1], t.Year())
}

// formatTime gives the time of day by itself: "11.30 uur", "11:30".
func formatTime(t time.Time, l jobs.Lang) string {
	if l == jobs.English {
		return t.Format("15:04")
	}
	return t.Format("15.04") + " uur"
}

// formatWhen says from when to when, on the clock of zone, and which clock
// that is: "donderdag 19 november 2026, 11.30–12.30 uur (Nederlandse tijd)".
func formatWhen(start, end time.Time, zone *time.Location, l jobs.Lang) string {
	start, end = start.In(zone), end.In(zone)
	_, from := start.Zone()
	_, to := end.Zone()
	switch {
	case from != to:
		// The clock changes in between, and 02:30 may come twice.
		return fmt.Sprintf("%s, %s (%s) – %s%s (%s), %s", formatDate(start, l), formatTime(start, l), abbreviation(start),
			otherDay(start, end, l), formatTime(end, l), abbreviation(end), zoneName(zone, l))
	case otherDay(start, end, l) != "":
		return fmt.Sprintf("%s, %s – %s%s (%s)", formatDate(start, l), formatTime(start, l),
			otherDay(start, end, l), formatTime(end, l), clockName(start, zone, l))
	case l == jobs.English:
		return fmt.Sprintf("%s, %s–%s (%s)", formatDate(start, l), formatTime(start, l), formatTime(end, l), clockName(start, zone, l))
	}
	return fmt.Sprintf("%s, %s–%s (%s)", formatDate(start, l), start.Format("15.04"), formatTime(end, l), clockName(start, zone, l))
}

// otherDay gives the date of end and a comma where it is not that of start.
func otherDay(start, end time.Time, l jobs.Lang) string {
	if daysBetween(start, end) == 0 {
		return ""
	}
	return formatDate(end, l) + ", "
}

// clockName says whose time it is: "Nederlandse tijd", "Dutch time, CET". In
// Dutch the abbreviation comes only near a change of the clock, where it tells
// one 02.30 from the next.
func clockName(t time.Time, zone *time.Location, l jobs.Lang) string {
	name, abbr := zoneName(zone, l), abbreviation(t)
	if abbr == name || l == jobs.Dutch && !clockChanges(t) {
		return name
	}
	return name + ", " + abbr
}

func zoneName(zone *time.Location, l jobs.Lang) string {
	switch name := zone.String(); {
	case name == "Europe/Amsterdam" && l == jobs.English:
		return "Dutch time"
	case name == "Europe/Amsterdam":
		return "Nederlandse tijd"
	case name == "UTC" || name == "Etc/UTC":
		return "UTC"
	case l == jobs.English:
		return "time zone " + name
	default:
		return "tijdzone " + name
	}
}

// abbreviation gives "CET", or "UTC-03" for a zone that has no letters.
func abbreviation(t time.Time) string {
	abbr, _ := t.Zone()
	if strings.HasPrefix(abbr, "+") || strings.HasPrefix(abbr, "-") {
		return "UTC" + abbr
	}
	return abbr
}

// clockChanges says whether the clock changes within 12 hours of t.
func clockChanges(t time.Time) bool {
	_, before := t.Add(-12 * time.Hour).Zone()
	_, after := t.Add(12 * time.Hour).Zone()
	return before != after
}

// daysBetween counts calendar days from a to b on the clock of b.
func daysBetween(a, b time.Time) int {
	day := func(t time.Time) time.Time {
		y, m, d := t.Date()
		return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	}
	return int(day(b).Sub(day(a.In(b.Location()))) / (24 * time.Hour))
}

// span is how far off a start is, in the steps in which people speak of it.
type span struct {
	begun   bool
	minutes bool // n counts minutes, by fives; otherwise calendar days
	n       int
}

// spanUntil measures from now to start. Days are calendar days on the clock of
// start. A mail may be read later than it is sent, so minutes are given for the
// last hour and a half only, and by fives.
func spanUntil(now, start time.Time) span {
	const five = 5 * time.Minute
	switch left := start.Sub(now); {
	case left <= 0:
		return span{begun: true}
	case left < 90*time.Minute:
		return span{minutes: true, n: int(left.Round(five) / time.Minute)}
	}
	return span{n: daysBetween(now, start)}
}

// in says it: "over 45 minuten", "vandaag", "morgen", "over 3 dagen"; "" once
// it has begun.
func (s span) in(l jobs.Lang) string {
	if s.begun {
		return ""
	}
	say := func(nl, en string) string {
		if l == jobs.English {
			return en
		}
		return nl
	}
	if s.minutes {
		switch n := s.n; n {
		case 0:
			return say("zo meteen", "about to start")
		case 60:
			return say("over een uur", "in an hour")
		default:
			return say(fmt.Sprintf("over %d minuten", n), fmt.Sprintf("in %d minutes", n))
		}
	}
	switch n := s.n; {
	case n == 0:
		return say("vandaag", "today")
	case n == 1:
		return say("morgen", "tomorrow")
	case n >= 14 && n%7 == 0:
		return say(fmt.Sprintf("over %d weken", n/7), fmt.Sprintf("in %d weeks", n/7))
	default:
		return say(fmt.Sprintf("over %d dagen", n), fmt.Sprintf("in %d days", n))
	}
}
