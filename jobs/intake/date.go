package intake

import (
	"strings"
	"time"
)

// parseDate reads a date with or without a time of day, as exports write it:
//
//	2026-10-05 14:03:00   2026-10-05T14:03:00+02:00   year first
//	5-10-2026 14:03       5.10.2026    5/10/2026      Dutch: day first
//	10/5/26 14:03:01      10/5/2026 2:03:01 PM        American: month first
//
// Slashes are American where the year has two digits or the time says AM or
// PM, which is how Microsoft Forms writes them and Dutch programs do not; else
// the day comes first. Where that order gives no month, the other is taken.
// A date without zone is on the wall clock of zone. ok is false for anything
// else.
func parseDate(s string, zone *time.Location) (t time.Time, ok bool) {
	s = strings.TrimSpace(s)
	if len(s) > 64 {
		return t, false
	}
	half := ""
	for _, m := range []string{"AM", "PM"} {
		if rest, found := cutSuffixFold(s, m); found {
			s, half = strings.TrimSpace(rest), m
		}
	}
	c := cursor{rest: s}
	var date [3]int
	var sep byte
	first := c.number(&date[0])
	sep = c.any("-/.")
	c.number(&date[1])
	if sep == 0 || c.any(string(sep)) == 0 {
		return t, false
	}
	last := c.number(&date[2])
	y, m, d := date[2], date[1], date[0]
	switch {
	case first == 4:
		y, m, d = date[0], date[1], date[2]
	case last == 2:
		y += 2000
		fallthrough
	case half != "":
		if sep == '/' {
			m, d = d, m
		}
	}
	if m > 12 && d <= 12 && first != 4 {
		m, d = d, m
	}
	if c.failed || first != 4 && last != 4 && last != 2 {
		return t, false
	}
	h, mi, sec, ns, ok := c.clock(half)
	if !ok {
		return t, false
	}
	if zone, ok = c.zone(zone); !ok || c.rest != "" {
		return t, false
	}
	t = time.Date(y, time.Month(m), d, h, mi, sec, ns, zone)
	// time.Date turns 31 April into 1 May; a wrong date is no date.
	if y < 1990 || y > 2200 || m < 1 || m > 12 || d < 1 || d > time.Date(y, time.Month(m)+1, 0, 0, 0, 0, 0, time.UTC).Day() {
		return time.Time{}, false
	}
	return t.UTC().Truncate(time.Microsecond), true
}

// cursor walks through a date.
type cursor struct {
	rest   string
	failed bool
}

// number reads digits and says how many; none, or more than nine, fail.
func (c *cursor) number(n *int) (digits int) {
	for len(c.rest) > 0 && c.rest[0] >= '0' && c.rest[0] <= '9' && digits < 9 {
		*n = *n*10 + int(c.rest[0]-'0')
		c.rest = c.rest[1:]
		digits++
	}
	c.failed = c.failed || digits == 0
	return digits
}

// any takes one octet of set, 0 where the next is another.
func (c *cursor) any(set string) byte {
	if c.rest == "" || strings.IndexByte(set, c.rest[0]) < 0 {
		return 0
	}
	b := c.rest[0]
	c.rest = c.rest[1:]
	return b
}

// clock reads the time of day, midnight where there is none.
func (c *cursor) clock(half string) (h, m, s, ns int, ok bool) {
	for c.any("T ,\u00a0") != 0 {
	}
	if c.rest == "" {
		return 0, 0, 0, 0, half == ""
	}
	c.number(&h)
	if c.any(":.") == 0 {
		return 0, 0, 0, 0, false
	}
	c.number(&m)
	if c.any(":.") != 0 {
		c.number(&s)
		if c.any(".,") != 0 {
			digits := c.number(&ns)
			for ; digits < 9; digits++ {
				ns *= 10
			}
		}
	}
	switch {
	case half != "" && (h < 1 || h > 12):
		return 0, 0, 0, 0, false
	case half != "":
		if h %= 12; half == "PM" {
			h += 12
		}
	}
	return h, m, s, ns, !c.failed && h < 24 && m < 60 && s < 60
}

// zone reads Z, UTC or an offset as +02:00 or +0200; otherwise it gives the
// zone it got.
func (c *cursor) zone(zone *time.Location) (*time.Location, bool) {
	for c.any(" ") != 0 {
	}
	switch {
	case c.rest == "":
		return zone, true
	case c.rest == "Z", c.rest == "UTC", c.rest == "GMT":
		c.rest = ""
		return time.UTC, true
	}
	sign := 1
	switch c.any("+-") {
	case 0:
		return nil, false
	case '-':
		sign = -1
	}
	var h, m int
	digits := c.number(&h)
	if c.any(":") != 0 {
		c.number(&m)
	} else if digits == 4 {
		h, m = h/100, h%100
	}
	return time.FixedZone("", sign*(h*60+m)*60), !c.failed && h < 15 && m < 60
}

func cutSuffixFold(s, suffix string) (string, bool) {
	if len(s) < len(suffix) || !strings.EqualFold(s[len(s)-len(suffix):], suffix) {
		return s, false
	}
	return s[:len(s)-len(suffix)], true
}
