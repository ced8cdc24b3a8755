package invite

import (
	"strconv"
	"strings"
	"time"
)

// textProperties are those whose value is one TEXT.
var textProperties = map[string]bool{
	"UID": true, "SUMMARY": true, "DESCRIPTION": true, "LOCATION": true,
	"PRODID": true, "TZID": true, "TZNAME": true,
}

// calendar judges the VCALENDAR and all inside it.
func (l *linter) calendar(cal *node) {
	if p, ok := l.one(cal, "VERSION", RuleVersion); ok && p.value != "2.0" {
		l.report(p.line, RuleVersion, "VERSION is not 2.0")
	}
	if p, ok := l.one(cal, "PRODID", RuleProductID); ok && p.value == "" {
		l.report(p.line, RuleProductID, "PRODID is empty")
	}
	method := l.method(cal)
	var zones, events []*node
	for _, c := range cal.children {
		switch c.name {
		case "VTIMEZONE":
			zones = append(zones, c)
		case "VEVENT":
			events = append(events, c)
		default:
			l.report(c.line, RuleOneEvent, "component that is no VEVENT or VTIMEZONE")
		}
	}
	l.texts(cal)
	known := l.zones(zones)
	if len(events) == 0 {
		l.report(0, RuleOneEvent, "no VEVENT")
		return
	}
	for _, extra := range events[1:] {
		l.report(extra.line, RuleOneEvent, "more than one VEVENT")
	}
	l.event(events[0], method)
	l.zonesUsed(events[0], known)
}

// one returns the only property of that name in n, and reports when there is
// none or more than one.
func (l *linter) one(n *node, name string, rule Rule) (property, bool) {
	var found []property
	for _, p := range n.props {
		if p.name == name {
			found = append(found, p)
		}
	}
	if len(found) == 0 {
		l.report(0, rule, name+" is missing from "+n.name)
		return property{}, false
	}
	for _, extra := range found[1:] {
		l.report(extra.line, rule, "more than one "+name)
	}
	return found[0], len(found) == 1
}

func (l *linter) method(cal *node) Method {
	p, ok := l.one(cal, "METHOD", RuleMethod)
	if !ok {
		return ""
	}
	m := Method(p.value)
	switch {
	case m != MethodRequest && m != MethodCancel:
		l.report(p.line, RuleMethod, "METHOD is neither REQUEST nor CANCEL")
	case l.want.Method != "" && m != l.want.Method:
		l.report(p.line, RuleMethod, "METHOD is not the expected one")
	}
	return m
}

// texts judges the escapes of every TEXT in n and below.
func (l *linter) texts(n *node) {
	for _, p := range n.props {
		if textProperties[p.name] {
			l.text(p)
		}
	}
	for _, c := range n.children {
		l.texts(c)
	}
}

// zones judges the VTIMEZONEs and returns their names.
func (l *linter) zones(zones []*node) map[string]bool {
	known := make(map[string]bool)
	for _, z := range zones {
		if id, ok := l.one(z, "TZID", RuleZone); ok {
			if known[id.value] {
				l.report(id.line, RuleZone, "two VTIMEZONEs with one TZID")
			}
			known[id.value] = true
		}
		if len(z.children) == 0 {
			l.report(z.line, RuleZone, "VTIMEZONE without STANDARD or DAYLIGHT")
		}
		for _, o := range z.children {
			if o.name != "STANDARD" && o.name != "DAYLIGHT" {
				l.report(o.line, RuleZone, "component in VTIMEZONE that is no STANDARD or DAYLIGHT")
				continue
			}
			for _, name := range []string{"DTSTART", "TZOFFSETFROM", "TZOFFSETTO"} {
				l.one(o, name, RuleZone)
			}
			for _, p := range o.props {
				if p.name == "RDATE" {
					l.report(p.line, RuleZoneDates, "RDATE in a VTIMEZONE")
				}
			}
		}
	}
	return known
}

// zonesUsed judges every TZID parameter of the event.
func (l *linter) zonesUsed(n *node, known map[string]bool) {
	for _, p := range n.props {
		if id := p.param("TZID"); id != "" && !known[id] {
			l.report(p.line, RuleZone, "TZID without its VTIMEZONE")
		}
	}
	for _, c := range n.children {
		l.zonesUsed(c, known)
	}
}

// event judges the VEVENT.
func (l *linter) event(ev *node, method Method) {
	if p, ok := l.one(ev, "UID", RuleUID); ok {
		l.uid(p)
	}
	if p, ok := l.one(ev, "DTSTAMP", RuleStamp); ok {
		l.stamp(p)
	}
	l.period(ev)
	if p, ok := l.one(ev, "SEQUENCE", RuleSequence); ok {
		n, err := strconv.ParseInt(p.value, 10, 32) // RFC 5545 section 3.3.8: 32 bits
		switch {
		case err != nil || n < 0:
			l.report(p.line, RuleSequence, "SEQUENCE is not a number")
		case l.want.Sequence != 0 && int(n) != l.want.Sequence:
			l.report(p.line, RuleSequence, "SEQUENCE is not the expected one")
		}
	}
	if p, ok := l.one(ev, "ORGANIZER", RuleOrganizer); ok {
		l.organizer(p)
	}
	if p, ok := l.one(ev, "ATTENDEE", RuleAttendee); ok {
		l.attendee(p, method)
	}
	if p, ok := l.one(ev, "STATUS", RuleStatus); ok && (p.value == "CANCELLED") != (method == MethodCancel) {
		l.report(p.line, RuleStatus, "STATUS does not go with METHOD")
	}
	for _, c := range ev.children {
		if method == MethodCancel && c.name == "VALARM" {
			l.report(c.line, RuleAlarm, "VALARM in a CANCEL")
		}
	}
}

// uid judges the one UID.
func (l *linter) uid(p property) {
	uid, valid := unescape(p.value)
	switch {
	case p.value == "":
		l.report(p.line, RuleUID, "UID is empty")
	case valid && l.want.UID != "" && uid != l.want.UID:
		l.report(p.line, RuleUID, "UID is not the expected one")
	}
}

// stamp judges the one DTSTAMP.
func (l *linter) stamp(p property) {
	if _, utc := dateTime(p); !utc || len(p.params) > 0 {
		l.report(p.line, RuleStamp, "DTSTAMP is not a time in UTC")
	}
}

// organizer judges the one ORGANIZER.
func (l *linter) organizer(p property) { l.address(p, RuleOrganizer, l.want.Organizer) }

// attendee judges the one ATTENDEE.
func (l *linter) attendee(p property, method Method) {
	l.address(p, RuleAttendee, l.want.Attendee)
	if method == MethodRequest && (p.param("RSVP") != "TRUE" || p.param("PARTSTAT") != "NEEDS-ACTION") {
		l.report(p.line, RuleAnswer, "ATTENDEE without RSVP=TRUE and PARTSTAT=NEEDS-ACTION")
	}
}

// address judges the calendar address of ORGANIZER or ATTENDEE.
func (l *linter) address(p property, rule Rule, want string) {
	switch addr, valid := parseMailto(p.value); {
	case !valid:
		l.report(p.line, rule, "not a mailto address")
	case want != "" && !strings.EqualFold(addr, want):
		l.report(p.line, rule, "not the expected address")
	}
}

// text judges the escapes of one TEXT.
func (l *linter) text(p property) {
	if _, ok := unescape(p.value); !ok {
		l.report(p.line, RuleText, "a text has a wrong escape")
	}
}

// period judges DTSTART and DTEND.
func (l *linter) period(ev *node) {
	startProp, ok := l.one(ev, "DTSTART", RuleStart)
	start, startOK := dateTime(startProp)
	if ok && !startOK {
		l.report(startProp.line, RuleStart, "DTSTART is not a time in UTC or with TZID")
	}
	endProp, ok2 := l.one(ev, "DTEND", RuleEnd)
	end, endOK := dateTime(endProp)
	if ok2 && !endOK {
		l.report(endProp.line, RuleEnd, "DTEND is not a time in UTC or with TZID")
	}
	if !ok || !ok2 || !startOK || !endOK {
		return
	}
	switch {
	case startProp.param("TZID") != endProp.param("TZID"):
		l.report(endProp.line, RuleEnd, "DTSTART and DTEND are in different zones")
	case !end.After(start):
		l.report(endProp.line, RuleEnd, "DTEND is not after DTSTART")
	}
}

// dateTime reads a time in UTC, or in the wall clock of a TZID carried as UTC.
// Of two times with one TZID the wall clock tells the order, because [Write]
// puts the times that occur twice in UTC.
func dateTime(p property) (time.Time, bool) {
	text, utc := strings.CutSuffix(p.value, "Z")
	if local := p.param("TZID") != ""; utc == local {
		return time.Time{}, false
	}
	return parseLocal(text)
}

// parseLocal reads a time as layoutLocal writes it. Every mail has one to read,
// and time.Parse takes four times as long.
func parseLocal(s string) (time.Time, bool) {
	if len(s) != len(layoutLocal) || s[8] != 'T' {
		return time.Time{}, false
	}
	year, month, day := number(s[:4]), number(s[4:6]), number(s[6:8])
	hour, minute, second := number(s[9:11]), number(s[11:13]), number(s[13:])
	t := time.Date(year, time.Month(month), day, hour, minute, second, 0, time.UTC)
	// Date makes 1 July of 31 June, and something else of what is no number.
	y, mon, d := t.Date()
	h, m, sec := t.Clock()
	return t, year >= 0 && [6]int{y, int(mon), d, h, m, sec} == [6]int{year, month, day, hour, minute, second}
}

// number reads digits; -1 is none.
func number(s string) (n int) {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return -1
		}
		n = 10*n + int(s[i]-'0')
	}
	return n
}
