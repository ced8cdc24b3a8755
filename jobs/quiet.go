package jobs

import "time"

// QuietHours are the hours in which an event's reminders and follow-ups stay
// in, on the wall clock of its zone: after From and before To, and with
// Weekends false all of Saturday and Sunday. From and To themselves are not
// quiet. From later than To spans midnight; equal means no hours.
type QuietHours struct {
	From, To Clock
	Weekends bool // true: mail may leave on Saturday and Sunday
}

// Contains says whether t falls in the quiet hours.
func (q QuietHours) Contains(t time.Time, zone *time.Location) bool {
	_, _, in := q.span(t, zone)
	return in
}

// Move takes a moment out of the quiet hours by rule, and never to or past
// limit (the start of the event) when it moves later: a moment that would
// pass it goes earlier instead. A zero limit is none.
func (q QuietHours) Move(t time.Time, rule QuietRule, zone *time.Location, limit time.Time) time.Time {
	if rule == QuietIgnore {
		return t
	}
	moved := t
	// A night that borders a weekend takes two steps, a weekend between two
	// nights three.
	for range 4 {
		from, to, in := q.span(moved, zone)
		if !in {
			break
		}
		if rule == QuietLater {
			moved = to
		} else {
			moved = from
		}
	}
	if rule == QuietLater && !limit.IsZero() && !moved.Before(limit) {
		return q.Move(t, QuietEarlier, zone, time.Time{})
	}
	return moved
}

// span gives the stretch of quiet that holds t, as instants.
func (q QuietHours) span(t time.Time, zone *time.Location) (from, to time.Time, in bool) {
	local := t.In(zone)
	y, m, d := local.Date()
	if !q.Weekends {
		saturday := 0
		switch local.Weekday() {
		case time.Saturday:
		case time.Sunday:
			saturday = -1
		default:
			saturday = 1
		}
		if saturday < 1 {
			from, to = wallTime(y, m, d+saturday, 0, zone), wallTime(y, m, d+saturday+2, 0, zone)
			// Midnight on Saturday is an edge, as From is: mail may leave then.
			if t.After(from) {
				return from, to, true
			}
		}
	}
	if q.From == q.To {
		return from, to, false
	}
	for _, day := range []int{d - 1, d} {
		last := day
		if q.From > q.To {
			last++
		}
		from, to = wallTime(y, m, day, q.From, zone), wallTime(y, m, last, q.To, zone)
		if t.After(from) && t.Before(to) {
			return from, to, true
		}
	}
	return from, to, false
}
