package worker

import (
	"context"
	"log/slog"
	"slices"
	"testing"
	"time"

	"heraut/jobs"
)

// waiting is a ledger in which tickets wait, in order.
type waiting struct {
	Ledger
	tickets []jobs.Ticket
	read    int // tickets given in all
}

func (w *waiting) Due(_ context.Context, _ jobs.Queue, after jobs.Ticket, until time.Time, limit int) (list []jobs.Ticket, err error) {
	for _, t := range w.tickets {
		if later(t, after) && !t.At.After(until) && len(list) < limit {
			list = append(list, t)
		}
	}
	w.read += len(list)
	return list, nil
}

// What Sweep says it released the caller has put among the tickets.
func (w *waiting) Sweep(context.Context, time.Time) (jobs.Swept, error) {
	return jobs.Swept{Released: 1}, nil
}

func (w *waiting) KeepCampaigns(context.Context, time.Time) (kept jobs.KeptCampaigns, err error) {
	return kept, nil
}

func (w *waiting) UnknownTasks(context.Context) ([]jobs.UnknownTask, error) { return nil, nil }

// take takes messages out, as a claim does.
func (w *waiting) take(ids ...int64) {
	w.tickets = slices.DeleteFunc(w.tickets, func(t jobs.Ticket) bool { return slices.Contains(ids, t.ID) })
}

// TestHandedOver follows what a dispatcher hands over of a queue.
func TestHandedOver(t *testing.T) {
	now := time.Date(2026, 11, 2, 10, 0, 0, 0, time.UTC)
	w := &waiting{}
	for i := range int64(4500) {
		w.tickets = append(w.tickets, jobs.Ticket{ID: i + 1, Fence: 1, At: now.Add(-time.Minute)})
	}
	w.tickets = append(w.tickets, jobs.Ticket{ID: 5001, Fence: 1, At: now.Add(time.Minute)})
	d := newDispatcher(Config{Ledger: w, Stale: 30 * time.Second}, nil, nil, nil)
	hand := func(want ...int64) { // the first and the last number, and how many
		t.Helper()
		got, err := d.find(t.Context(), jobs.Bulk, now, now.Add(2*time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		d.queues[jobs.Bulk].note(got, nil, now)
		var is []int64
		if len(got) > 0 {
			is = []int64{got[0].ID, got[len(got)-1].ID, int64(len(got))}
		}
		if !slices.Equal(is, want) {
			t.Errorf("handed over %v, want %v", is, want)
		}
	}
	hand(1, 1000, 1000)
	hand(1001, 2000, 1000)
	hand(2001, 3000, 1000)
	if w.read > 3000 {
		t.Errorf("%d tickets read to hand over 3000", w.read)
	}

	// What a dead worker held goes before the rest of the crowd.
	w.tickets[4].Fence = 2
	clock := NewFakeClock(now)
	sweeper := &Worker{cfg: Config{Ledger: w, Clock: clock}, log: slog.New(slog.DiscardHandler), dispatcher: d, unknown: &unknown{ledger: w, clock: clock}}
	if err := sweeper.sweepOnce(t.Context()); err != nil {
		t.Fatal(err)
	}
	hand(5, 3999, 1000)
	hand(4000, 4500, 501)
	hand(5001, 5001, 1) // what is due later comes last
	hand()

	// Given back, and due before all that was handed over since.
	w.tickets[6].Fence = 3
	now = now.Add(lookAgain)
	hand(7, 7, 1)
	hand()

	// All of the crowd is claimed but two, whose task got lost; so is that of the
	// one that is not due yet, but nobody can tell.
	var ids []int64
	for _, t := range w.tickets[2:4500] {
		ids = append(ids, t.ID)
	}
	w.take(ids...)
	now = now.Add(24 * time.Second) // 29 s after the first
	hand()
	now = now.Add(time.Second)
	hand(1, 2, 2)
	now = now.Add(59 * time.Second) // 29 s after its moment
	w.take(1, 2)
	hand()
	now = now.Add(time.Second)
	hand(5001, 5001, 1)
	if n := len(d.queues[jobs.Bulk].messages); n != 1 {
		t.Errorf("%d messages remembered, and 1 waits", n)
	}

	// What did not get into the queue is found at once.
	w.tickets = append([]jobs.Ticket{{ID: 9, Fence: 1, At: now}}, w.tickets...)
	got, err := d.find(t.Context(), jobs.Bulk, now, now)
	if err != nil || len(got) != 1 {
		t.Fatal(got, err)
	}
	d.queues[jobs.Bulk].note(got, []int64{9}, now)
	hand(9, 9, 1)
}

// TestHandedOverCrowd hands a crowd over while it is sent. Little is read more
// than once, and what was sent is forgotten.
func TestHandedOverCrowd(t *testing.T) {
	const crowd = 60 * dueLimit
	now := time.Date(2026, 11, 2, 10, 0, 0, 0, time.UTC)
	w := &waiting{}
	for i := range int64(crowd) {
		w.tickets = append(w.tickets, jobs.Ticket{ID: i + 1, Fence: 1, At: now.Add(-time.Minute)})
	}
	d := newDispatcher(Config{Ledger: w, Stale: 30 * time.Second}, nil, nil, nil)
	h := d.queues[jobs.Bulk]
	hand := func() []jobs.Ticket {
		t.Helper()
		got, err := d.find(t.Context(), jobs.Bulk, now, now.Add(2*time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		h.note(got, nil, now)
		now = now.Add(100 * time.Millisecond)
		return got
	}
	const behind = 5 * dueLimit // wait in the queue
	for n := dueLimit; n <= crowd; n += dueLimit {
		if got := hand(); len(got) != dueLimit || got[0].ID != int64(n-dueLimit+1) {
			t.Fatalf("%d handed over, the first %d, want those from %d", len(got), got[0].ID, n-dueLimit+1)
		}
		w.tickets = slices.DeleteFunc(w.tickets, func(t jobs.Ticket) bool { return t.ID <= int64(n-behind) })
		if len(h.messages) > lookAfter+dueLimit {
			t.Fatalf("%d messages remembered, and %d wait in the queue", len(h.messages), behind)
		}
	}
	if w.read > crowd*3/2 {
		t.Errorf("%d tickets read to hand over %d", w.read, crowd)
	}

	// The queue loses all of it, more than is handed over at once.
	now = now.Add(30 * time.Second)
	for range behind / dueLimit {
		if got := hand(); len(got) != dueLimit {
			t.Fatalf("%d of what was lost handed over", len(got))
		}
	}
	if got := hand(); len(got) != 0 {
		t.Errorf("%d handed over again", len(got))
	}
}
