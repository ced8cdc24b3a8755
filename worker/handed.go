package worker

import (
	"time"

	"heraut/jobs"
)

// handed is what was handed to one queue and may still wait there.
type handed struct {
	messages map[int64]handover
	last     jobs.Ticket // of what was due, the furthest
	looked   time.Time   // when all that waits was last looked through
}

// handover tells of one message how it waited when it was handed over, and when
// that was.
type handover struct {
	fence int64
	due   time.Time
	at    time.Time
}

// has says whether a message is in the queue as it waits now. What could have
// been claimed since stale and was not counts as lost.
func (h *handed) has(t jobs.Ticket, stale time.Time) bool {
	o, ok := h.messages[t.ID]
	return ok && o.fence == t.Fence && (o.at.After(stale) || t.At.After(stale))
}

// look is a look through what waits in a queue, from the beginning.
type look struct {
	handed  *handed
	stale   time.Time
	waits   map[int64]handover // of what was handed over, what waits still
	missing []jobs.Ticket      // in no queue, dueLimit at most
	place   jobs.Ticket        // it has come so far
}

func (h *handed) look(stale time.Time) *look {
	return &look{handed: h, stale: stale, waits: map[int64]handover{}}
}

// enough says whether as much is missing as may be handed over at once.
func (l *look) enough() bool { return len(l.missing) == dueLimit }

// through goes on with the tickets that come next, until it has enough.
func (l *look) through(next []jobs.Ticket) {
	for _, t := range next {
		if l.enough() {
			return
		}
		if l.handed.has(t, l.stale) {
			l.waits[t.ID] = l.handed.messages[t.ID]
		} else {
			l.missing = append(l.missing, t)
		}
		l.place = t
	}
}

// settle forgets what does not wait any more, as far as the look went.
func (h *handed) settle(l *look, now time.Time) {
	for id, o := range h.messages {
		if later(jobs.Ticket{ID: id, At: o.due}, l.place) {
			l.waits[id] = o
		}
	}
	h.messages = l.waits
	if !later(h.last, l.place) {
		h.looked = now // or the rest is looked for at once
	}
}

// note remembers what was handed over.
func (h *handed) note(tickets []jobs.Ticket, failed []int64, now time.Time) {
	for _, t := range tickets {
		h.messages[t.ID] = handover{t.Fence, t.At, now}
		if !t.At.After(now) && later(t, h.last) {
			h.last = t
		}
	}
	for _, id := range failed {
		delete(h.messages, id)
		h.looked = time.Time{} // it is before the last
	}
}

// later says whether t comes after o in the order of [Ledger.Due].
func later(t, o jobs.Ticket) bool {
	return t.At.After(o.At) || t.At.Equal(o.At) && t.ID > o.ID
}
