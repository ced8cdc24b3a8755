package jobs

import "time"

// MaxAttempts is how often a message is tried before it is given up. With
// [Backoff] that spans about two days; most messages expire before.
const MaxAttempts = 30

// MaxCrashes is how many workers may die over a message before it is taken for
// the cause and parked; [Crashed] says which deaths count.
const MaxCrashes = 3

// Crashed says what becomes of a message that was claimed, and not sent, when
// its worker died: how many deaths count against it from now on, and how long
// it waits. before is the count so far.
//
// Who was held together with others may be the cause or not. It comes under
// suspicion, and from then on it is claimed alone; only a death while alone
// counts further. After the first it is tried at once, because machines also
// stop for other reasons. After the next it waits for a moment: a lease ran out
// since, so the first suspects have left, and most of those that a worker died
// over twice are innocent, and owed all the same. At [MaxCrashes] it is to be
// parked.
func Crashed(before int, alone bool) (crashes int, wait time.Duration) {
	if !alone {
		return max(before, 1), 0
	}
	if before == 0 {
		return 1, 0
	}
	return before + 1, crashPause
}

// crashPause is how long who was alone when its worker died waits the second
// time.
const crashPause = 2 * time.Second

// Backoff gives how long after its n-th try (from 1) a message that certainly
// was not delivered is tried again: soon at first, because most refusals are
// greylisting or a restart, then every two hours (RFC 5321 §4.5.4.1 asks for
// a growing distance).
func Backoff(n int) time.Duration {
	steps := []time.Duration{time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 20 * time.Minute, 40 * time.Minute, time.Hour}
	if n < 1 {
		n = 1
	}
	if n <= len(steps) {
		return steps[n-1]
	}
	return 2 * time.Hour
}

// resendAfter is how long a message stays in doubt before its second copy
// leaves, so that a bounce or a person can be first.
const resendAfter = 15 * time.Minute

// Resend says when a message that came in doubt at the instant now leaves
// once more, with the same Message-ID, UID and SEQUENCE. ok is false when a
// person has to decide: it was resent before, there is no time left, or a
// second copy of its kind is worse than none. start is the event's.
func Resend(m Message, start, now time.Time) (at time.Time, ok bool) {
	if m.Doubts > 0 {
		return time.Time{}, false
	}
	at = now.Add(resendAfter)
	switch m.Kind {
	case Confirmation, Change, Cancellation:
		return at, at.Before(m.ExpiresAt)
	case Reminder:
		return at, at.Before(m.ExpiresAt) && !at.Add(30*time.Minute).After(start)
	}
	return time.Time{}, false
}
