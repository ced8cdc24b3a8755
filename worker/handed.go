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

// missing gives those of all that waits until an instant that are in no queue,
// dueLimit at most. What does not wait any more is forgotten.
func (h *handed) missing(all []jobs.Ticket, until, stale time.Time) (missing []jobs.Ticket) {
	waits := make(map[int64]handover, len(h.messages))
	for _, t := range all {
		switch {
		case h.has(t, stale):
			waits[t.ID] = h.messages[t.ID]
		case len(missing) < dueLimit:
			missing = append(missing, t)
		}
	}
	for id, o := range h.messages {
		if o.due.After(until) {
			waits[id] = o // not looked at
		}
	}
	h.messages = waits
	return missing
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
