package invite

import (
	"fmt"
	"regexp"
	"strings"
	"time"
	_ "time/tzdata" // the same zones on a machine without them

	"github.com/emersion/go-ical"
)

const (
	// A yearly rule must hold from the year before the event until this many
	// years after it. Twelve years see every date of a month on every weekday,
	// so a rule like "the Saturday before the last Sunday" does not pass as
	// "the last Saturday".
	yearsAhead = 11
	// firstYear is the earliest start of a VTIMEZONE; older dates trouble
	// programs that count seconds from 1970.
	firstYear = 1970
)

// zoneName is what may stand in a TZID: a name from the IANA database, that
// every reader knows. Short names (CET, Local) and fixed zones are not.
var zoneName = regexp.MustCompile(`^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)+$`)

// zoneRules are the observances of one VTIMEZONE.
type zoneRules struct {
	id     string
	onsets []onset
}

// onset is a STANDARD or DAYLIGHT observance: the moment from which an offset
// counts, once or every year.
type onset struct {
	first  time.Time // wall clock just before the change, carried as UTC
	from   int       // seconds east of UTC before
	to     int       // and after
	name   string    // abbreviation, such as CEST
	yearly *nthDay   // nil when the change happened once
}

// nthDay is a day of the year such as the last Sunday of March.
type nthDay struct {
	month   time.Month
	weekday time.Weekday
	n       int // 1 to 4, or -1 for the last
}

// change is one moment at which the offset of a zone changes.
type change struct {
	at       time.Time
	from, to int
	name     string
}

// rulesFor returns the observances with which start and end can be written in
// the wall clock of zone. It returns false when they must be written in UTC.
func rulesFor(zone *time.Location, start, end time.Time) (zoneRules, bool) {
	if zone == nil {
		return zoneRules{}, false
	}
	id := zone.String()
	if !zoneName.MatchString(id) || strings.HasPrefix(id, "Etc/") {
		return zoneRules{}, false
	}
	if ambiguous(start.In(zone)) || ambiguous(end.In(zone)) {
		return zoneRules{}, false
	}
	year := start.UTC().Year()
	ahead := changes(zone, year-1, max(year, end.UTC().Year())+yearsAhead)
	if len(ahead) == 0 {
		return zoneRules{id: id, onsets: []onset{fixed(zone, year-1)}}, true
	}
	onsets, ok := yearlyOnsets(zone, ahead)
	return zoneRules{id: id, onsets: onsets}, ok
}

// ambiguous reports whether the wall clock shows the time of t twice.
func ambiguous(t time.Time) bool {
	from, to := t.ZoneBounds()
	_, offset := t.Zone()
	if !from.IsZero() {
		_, before := from.Add(-time.Second).Zone()
		if t.Sub(from) < time.Duration(before-offset)*time.Second {
			return true
		}
	}
	if !to.IsZero() {
		_, after := to.Zone()
		if to.Sub(t) <= time.Duration(offset-after)*time.Second {
			return true
		}
	}
	return false
}

// changes lists the changes of offset in the years from..to (UTC), in order.
func changes(zone *time.Location, from, to int) []change {
	var out []change
	t := time.Date(from, 1, 1, 0, 0, 0, 0, time.UTC).In(zone)
	stop := time.Date(to+1, 1, 1, 0, 0, 0, 0, time.UTC)
	for {
		_, next := t.ZoneBounds()
		if next.IsZero() {
			return out
		}
		if !next.After(t) {
			// Go computes the last bound of a year by rule as its 365th day, so
			// on 31 December of a leap year the bound lies behind.
			next = t.AddDate(0, 0, 1)
		}
		if !next.Before(stop) {
			return out
		}
		_, before := t.Zone()
		name, after := next.Zone()
		if before != after {
			out = append(out, change{at: next, from: before, to: after, name: name})
		}
		t = next
	}
}

// fixed is the single observance of a zone without changes from year on.
func fixed(zone *time.Location, year int) onset {
	past := changes(zone, firstYear, year)
	if len(past) == 0 {
		first := time.Date(firstYear, 1, 1, 0, 0, 0, 0, time.UTC)
		name, offset := time.Date(year, 1, 1, 0, 0, 0, 0, zone).Zone()
		return onset{first: first, from: offset, to: offset, name: name}
	}
	last := past[len(past)-1]
	return onset{first: last.wall(), from: last.from, to: last.to, name: last.name}
}

// yearlyOnsets finds the two yearly rules that explain all of ahead, and takes
// them back to the first year since when they hold. It returns daylight time
// first and false when no such rules exist.
func yearlyOnsets(zone *time.Location, ahead []change) ([]onset, bool) {
	first := ahead[0].wall().Year()
	years := ahead[len(ahead)-1].wall().Year() - first + 1
	if len(ahead) != 2*years {
		return nil, false
	}
	var forward, back []change
	for _, c := range ahead {
		if c.to > c.from {
			forward = append(forward, c)
		} else {
			back = append(back, c)
		}
	}
	daylight, ok := yearly(forward, first, years)
	if !ok {
		return nil, false
	}
	standard, ok := yearly(back, first, years)
	if !ok {
		return nil, false
	}
	for year := first - 1; year >= firstYear; year-- {
		earlier := changes(zone, year, year)
		if len(earlier) != 2 {
			break
		}
		if earlier[0].to < earlier[0].from { // southern half of the world
			earlier[0], earlier[1] = earlier[1], earlier[0]
		}
		if !daylight.explains(earlier[0]) || !standard.explains(earlier[1]) {
			break
		}
		daylight.first, standard.first = earlier[0].wall(), earlier[1].wall()
	}
	return []onset{daylight, standard}, true
}

// yearly returns the rule that explains cs, which must be one change in each of
// the years from first on.
func yearly(cs []change, first, years int) (onset, bool) {
	if len(cs) != years {
		return onset{}, false
	}
	wall := cs[0].wall()
	for _, n := range []int{-1, (wall.Day() + 6) / 7} {
		o := onset{
			first: wall, from: cs[0].from, to: cs[0].to, name: cs[0].name,
			yearly: &nthDay{month: wall.Month(), weekday: wall.Weekday(), n: n},
		}
		if o.explainsAll(cs, first) {
			return o, true
		}
	}
	return onset{}, false
}

func (o onset) explainsAll(cs []change, first int) bool {
	for i, c := range cs {
		if c.wall().Year() != first+i || !o.explains(c) {
			return false
		}
	}
	return true
}

// explains reports whether c is what o says for that year.
func (o onset) explains(c change) bool {
	wall := c.wall()
	day := o.yearly.in(wall.Year())
	hour, minute, sec := o.first.Clock()
	return c.from == o.from && c.to == o.to &&
		wall.Equal(time.Date(day.Year(), day.Month(), day.Day(), hour, minute, sec, 0, time.UTC))
}

// wall is the wall clock at which the change happens, before it, carried as UTC.
func (c change) wall() time.Time {
	return c.at.UTC().Add(time.Duration(c.from) * time.Second)
}

// in returns the day in a year, at midnight UTC.
func (d nthDay) in(year int) time.Time {
	if d.n > 0 {
		first := time.Date(year, d.month, 1, 0, 0, 0, 0, time.UTC)
		return first.AddDate(0, 0, int(d.weekday-first.Weekday()+7)%7+7*(d.n-1))
	}
	last := time.Date(year, d.month+1, 0, 0, 0, 0, 0, time.UTC)
	return last.AddDate(0, 0, -int(last.Weekday()-d.weekday+7)%7)
}

func (d nthDay) rrule() string {
	weekday := strings.ToUpper(d.weekday.String()[:2])
	return fmt.Sprintf("FREQ=YEARLY;BYMONTH=%d;BYDAY=%d%s", int(d.month), d.n, weekday)
}

// component writes the VTIMEZONE (RFC 5545 section 3.6.5).
func (z zoneRules) component() *ical.Component {
	c := ical.NewComponent(ical.CompTimezone)
	setRaw(c, ical.PropTimezoneID, z.id)
	for _, o := range z.onsets {
		// By offset and not by IsDST: Irish law calls summer the standard time.
		kind := ical.CompTimezoneStandard
		if o.yearly != nil && o.to > o.from {
			kind = ical.CompTimezoneDaylight
		}
		sub := ical.NewComponent(kind)
		setRaw(sub, ical.PropDateTimeStart, o.first.Format(layoutLocal))
		setRaw(sub, ical.PropTimezoneOffsetFrom, utcOffset(o.from))
		setRaw(sub, ical.PropTimezoneOffsetTo, utcOffset(o.to))
		sub.Props.SetText(ical.PropTimezoneName, o.name)
		if o.yearly != nil {
			setRaw(sub, ical.PropRecurrenceRule, o.yearly.rrule())
		}
		c.Children = append(c.Children, sub)
	}
	return c
}

// utcOffset writes seconds east of UTC as +0100 (RFC 5545 section 3.3.14).
func utcOffset(secs int) string {
	sign := '+'
	if secs < 0 {
		sign, secs = '-', -secs
	}
	if secs%60 != 0 {
		return fmt.Sprintf("%c%02d%02d%02d", sign, secs/3600, secs/60%60, secs%60)
	}
	return fmt.Sprintf("%c%02d%02d", sign, secs/3600, secs/60%60)
}
