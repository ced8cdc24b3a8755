package jobs

import (
	"fmt"
	"regexp"
	"strconv"
	"time"
)

// Offset is a distance to an event: "-7d 09:00" is nine o'clock on the wall
// clock of the event's zone, seven days before; "-1h" is one hour that really
// passes. Offsets that begin with - count from the start, those with + from
// the end. Weeks and days are wall-clock days (over a change of the clocks
// they last 23 or 25 hours), hours and minutes are elapsed.
type Offset struct {
	After   bool          // counted from the end
	Wall    bool          // Days and Clock count, not Elapsed
	Days    int           // whole calendar days
	Clock   Clock         // time of day; where HasClock is false, that of the start or end itself
	Elapsed time.Duration // where Wall is false

	HasClock bool
}

// Clock is a time of day on a wall clock, in minutes after midnight.
type Clock int

// ParseClock reads "09:30".
func ParseClock(s string) (Clock, error) {
	var h, m int
	if len(s) != 5 || s[2] != ':' {
		return 0, fmt.Errorf("%q is no time of day; write it as 09:30", s)
	}
	h, err1 := strconv.Atoi(s[:2])
	m, err2 := strconv.Atoi(s[3:])
	if err1 != nil || err2 != nil || h < 0 || h > 23 || m < 0 || m > 59 {
		return 0, fmt.Errorf("%q is no time of day; write it as 09:30", s)
	}
	return Clock(h*60 + m), nil
}

// String gives the clock as "09:30".
func (c Clock) String() string { return fmt.Sprintf("%02d:%02d", int(c)/60, int(c)%60) }

var (
	wallOffset    = regexp.MustCompile(`^([+-])(\d{1,4})([dw])(?:\s+(\d\d:\d\d))?$`)
	elapsedOffset = regexp.MustCompile(`^([+-])(?:(\d{1,5})h)?(?:(\d{1,5})m)?$`)
)

// ParseOffset reads an offset as the programme file writes it.
func ParseOffset(s string) (Offset, error) {
	if m := wallOffset.FindStringSubmatch(s); m != nil {
		days, _ := strconv.Atoi(m[2])
		if m[3] == "w" {
			days *= 7
		}
		o := Offset{After: m[1] == "+", Wall: true, Days: days}
		if m[4] != "" {
			c, err := ParseClock(m[4])
			if err != nil {
				return Offset{}, err
			}
			o.Clock, o.HasClock = c, true
		}
		return o, nil
	}
	if m := elapsedOffset.FindStringSubmatch(s); m != nil && m[2]+m[3] != "" {
		h, _ := strconv.Atoi(m[2])
		min, _ := strconv.Atoi(m[3])
		return Offset{After: m[1] == "+", Elapsed: time.Duration(h)*time.Hour + time.Duration(min)*time.Minute}, nil
	}
	return Offset{}, fmt.Errorf("%q is no offset; write \"-7d 09:00\", \"-1d\", \"-90m\" or \"+1d 10:00\"", s)
}

// From gives the instant the offset names for an event, UTC.
func (o Offset) From(ev Event) time.Time {
	anchor, sign := ev.Start, -1
	if o.After {
		anchor, sign = ev.End, 1
	}
	if !o.Wall {
		return anchor.Add(time.Duration(sign) * o.Elapsed).UTC()
	}
	local := anchor.In(ev.Zone)
	clock := o.Clock
	if !o.HasClock {
		clock = Clock(local.Hour()*60 + local.Minute())
	}
	y, m, d := local.Date()
	return wallTime(y, m, d+sign*o.Days, clock, ev.Zone)
}

// wallTime gives the instant of a wall-clock time, as RFC 5545 §3.3.5 reads
// it: a time that occurs twice is the first of the two, a time that does not
// occur is read with the offset that held before the gap. [time.Date] promises
// neither.
func wallTime(y int, m time.Month, d int, c Clock, zone *time.Location) time.Time {
	// The wall clock, as if it were UTC: local = utc + offset, so the instant
	// is asUTC minus the right offset. A change of the clocks within a day of
	// it leaves two candidates.
	asUTC := time.Date(y, m, d, int(c)/60, int(c)%60, 0, 0, time.UTC)
	_, before := asUTC.Add(-36 * time.Hour).In(zone).Zone()
	_, after := asUTC.Add(36 * time.Hour).In(zone).Zone()
	first := asUTC.Add(-time.Duration(before) * time.Second)
	if before == after {
		return first
	}
	if _, off := first.In(zone).Zone(); off == before {
		return first // before the change, or the first of two
	}
	second := asUTC.Add(-time.Duration(after) * time.Second)
	if _, off := second.In(zone).Zone(); off == after {
		return second // after the change
	}
	return first // in the gap
}

// String gives the offset as the programme file writes it.
func (o Offset) String() string {
	sign := "-"
	if o.After {
		sign = "+"
	}
	switch {
	case o.Wall && o.HasClock:
		return fmt.Sprintf("%s%dd %s", sign, o.Days, o.Clock)
	case o.Wall:
		return fmt.Sprintf("%s%dd", sign, o.Days)
	case o.Elapsed%time.Hour == 0:
		return fmt.Sprintf("%s%dh", sign, int(o.Elapsed.Hours()))
	}
	return fmt.Sprintf("%s%dm", sign, int(o.Elapsed.Minutes()))
}
