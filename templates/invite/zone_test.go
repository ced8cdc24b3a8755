package invite_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-ical"
	"github.com/teambition/rrule-go"

	"heraut/templates/invite"
)

// TestTimezoneAgreesWithLocation computes offsets from the VTIMEZONE as written,
// with an independent RRULE reader, and compares them with the zone itself.
func TestTimezoneAgreesWithLocation(t *testing.T) {
	for _, name := range []string{
		"Europe/Amsterdam", "Europe/Brussels", "Europe/London", "Europe/Dublin", "Europe/Lisbon", "Europe/Athens",
		"Europe/Moscow", "Atlantic/Azores", "America/New_York", "America/Curacao", "America/Paramaribo",
		"America/St_Johns", "America/Havana", "America/Sao_Paulo", "America/Argentina/Buenos_Aires",
		"Asia/Kolkata", "Asia/Kathmandu", "Asia/Tokyo", "Australia/Sydney", "Australia/Lord_Howe", "Pacific/Auckland",
		"Pacific/Chatham", "Africa/Johannesburg",
	} {
		t.Run(name, func(t *testing.T) {
			loc := zone(t, name)
			e := workshop(t)
			e.Zone = loc
			e.Start = time.Date(2026, 11, 19, 11, 30, 0, 0, loc)
			e.End = e.Start.Add(time.Hour)
			onsets := writtenOnsets(t, e)
			check := func(at time.Time) {
				t.Helper()
				_, want := at.In(loc).Zone()
				if got := offsetAt(t, onsets, at); got != want {
					t.Fatalf("%v: offset %d by the VTIMEZONE, %d by the zone", at, got, want)
				}
			}
			stop := time.Date(2033, 1, 1, 0, 0, 0, 0, time.UTC)
			for at := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC); at.Before(stop); at = at.Add(37 * time.Hour) {
				check(at)
			}
			for at := time.Date(2024, 1, 1, 0, 0, 0, 0, loc); at.Before(stop); {
				_, next := at.ZoneBounds()
				if next.IsZero() {
					break
				}
				if !next.After(at) {
					next = at.AddDate(0, 0, 1)
				}
				check(next.Add(-time.Second))
				check(next)
				at = next
			}
		})
	}
}

// writtenOnset is one observance with the moments it begins, in UTC.
type writtenOnset struct {
	to    time.Duration // east of UTC
	times []time.Time
}

func writtenOnsets(t *testing.T, e invite.Event) []writtenOnset {
	t.Helper()
	ics, err := invite.Write(e)
	if err != nil {
		t.Fatal(err)
	}
	var out []writtenOnset
	for _, c := range decode(t, ics).Children {
		if c.Name != ical.CompTimezone {
			continue
		}
		for _, o := range c.Children {
			first, err := time.Parse("20060102T150405", o.Props.Get("DTSTART").Value)
			if err != nil {
				t.Fatal(err)
			}
			from := offset(t, o.Props.Get("TZOFFSETFROM").Value)
			w := writtenOnset{to: offset(t, o.Props.Get("TZOFFSETTO").Value), times: []time.Time{first}}
			if p := o.Props.Get("RRULE"); p != nil {
				opt, err := rrule.StrToROption(p.Value)
				if err != nil {
					t.Fatal(err)
				}
				opt.Dtstart = first
				rule, err := rrule.NewRRule(*opt)
				if err != nil {
					t.Fatal(err)
				}
				w.times = rule.Between(first, time.Date(2034, 1, 1, 0, 0, 0, 0, time.UTC), true)
				if len(w.times) == 0 || !w.times[0].Equal(first) {
					t.Fatalf("DTSTART %v is not the first of its own rule %s", first, p.Value)
				}
			}
			for i := range w.times {
				w.times[i] = w.times[i].Add(-from)
			}
			out = append(out, w)
		}
	}
	if len(out) == 0 {
		t.Fatalf("no VTIMEZONE in\n%s", ics)
	}
	return out
}

func offset(t *testing.T, s string) time.Duration {
	t.Helper()
	var hour, minute int
	if _, err := fmt.Sscanf(s[1:], "%02d%02d", &hour, &minute); err != nil {
		t.Fatal(err)
	}
	d := time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute
	if s[0] == '-' {
		return -d
	}
	return d
}

// offsetAt is the offset of the latest onset at or before a moment, in seconds.
func offsetAt(t *testing.T, onsets []writtenOnset, at time.Time) int {
	t.Helper()
	var latest time.Time
	secs, found := time.Duration(0), false
	for _, o := range onsets {
		for _, begin := range o.times {
			if !begin.After(at) && begin.After(latest) {
				latest, secs, found = begin, o.to, true
			}
		}
	}
	if !found {
		t.Fatalf("no onset before %v", at)
	}
	return int(secs / time.Second)
}

// TestFormOfTimes tells which times are written in wall clock and which in UTC.
func TestFormOfTimes(t *testing.T) {
	tests := []struct {
		zone, start string
		length      time.Duration
		want        string // of DTSTART
	}{
		{"Europe/Amsterdam", "2026-11-19T10:30:00Z", time.Hour, "DTSTART;TZID=Europe/Amsterdam:20261119T113000"},
		// The clock goes back at 01:00Z: 02:00 to 03:00 occurs twice.
		{"Europe/Amsterdam", "2026-10-24T23:59:00Z", time.Minute, "DTSTART:20261024T235900Z"}, // the end is 02:00
		{"Europe/Amsterdam", "2026-10-24T23:58:00Z", time.Minute, "DTSTART;TZID=Europe/Amsterdam:20261025T015800"},
		{"Europe/Amsterdam", "2026-10-25T00:30:00Z", time.Hour, "DTSTART:20261025T003000Z"},
		{"Europe/Amsterdam", "2026-10-25T01:59:59Z", time.Hour, "DTSTART:20261025T015959Z"},
		{"Europe/Amsterdam", "2026-10-25T02:00:00Z", time.Hour, "DTSTART;TZID=Europe/Amsterdam:20261025T030000"},
		{"Europe/Amsterdam", "2026-10-24T23:30:00Z", 3 * time.Hour, "DTSTART;TZID=Europe/Amsterdam:20261025T013000"},
		{"Europe/Amsterdam", "2026-10-24T23:30:00Z", time.Hour, "DTSTART:20261024T233000Z"},
		// The clock goes forward at 01:00Z: 02:00 to 03:00 does not occur.
		{"Europe/Amsterdam", "2027-03-28T00:59:59Z", time.Hour, "DTSTART;TZID=Europe/Amsterdam:20270328T015959"},
		{"Europe/Amsterdam", "2027-03-28T01:00:00Z", time.Hour, "DTSTART;TZID=Europe/Amsterdam:20270328T030000"},
		{"Australia/Lord_Howe", "2027-04-03T15:00:00Z", time.Hour, "DTSTART:20270403T150000Z"},
		{"Asia/Kolkata", "2026-11-19T06:00:00Z", time.Hour, "DTSTART;TZID=Asia/Kolkata:20261119T113000"},
		{"UTC", "2026-11-19T10:30:00Z", time.Hour, "DTSTART:20261119T103000Z"},
		{"Etc/UTC", "2026-11-19T10:30:00Z", time.Hour, "DTSTART:20261119T103000Z"},
		{"CET", "2026-11-19T10:30:00Z", time.Hour, "DTSTART:20261119T103000Z"},
		{"Africa/Casablanca", "2026-11-19T10:30:00Z", time.Hour, "DTSTART:20261119T103000Z"},
		{"Asia/Jerusalem", "2026-11-19T10:30:00Z", time.Hour, "DTSTART:20261119T103000Z"},
		{"America/Nuuk", "2026-11-19T10:30:00Z", time.Hour, "DTSTART:20261119T103000Z"},
		// The day before the last Sunday looks like the last Saturday in 2027
		// and 2028, and in 2043 and 2044: the window must not end there.
		{"America/Nuuk", "2028-06-01T10:30:00Z", time.Hour, "DTSTART:20280601T103000Z"},
		{"America/Nuuk", "2044-06-01T10:30:00Z", time.Hour, "DTSTART:20440601T103000Z"},
	}
	for _, tt := range tests {
		t.Run(tt.zone+" "+tt.start, func(t *testing.T) {
			e := workshop(t)
			e.Zone, e.Start = zone(t, tt.zone), instant(t, tt.start)
			e.End = e.Start.Add(tt.length)
			ics, err := invite.Write(e)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(ics), "\r\n"+tt.want+"\r\n") {
				t.Errorf("want %s in\n%s", tt.want, ics)
			}
			inZone := strings.Contains(tt.want, "TZID")
			if strings.Contains(string(ics), "BEGIN:VTIMEZONE") != inZone {
				t.Errorf("VTIMEZONE present: %v, want %v", !inZone, inZone)
			}
		})
	}
	for name, loc := range map[string]*time.Location{"nil": nil, "fixed": time.FixedZone("CET", 3600)} {
		e := workshop(t)
		e.Zone = loc
		ics, err := invite.Write(e)
		if err != nil || !strings.Contains(string(ics), "DTSTART:20261119T103000Z") {
			t.Errorf("%s zone: not in UTC (err %v)", name, err)
		}
	}
}
