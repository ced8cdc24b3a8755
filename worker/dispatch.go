package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"sync/atomic"
	"time"

	"heraut/jobs"
	"heraut/jobs/queue"
	"heraut/worker/fault"
)

const (
	// maxWaiting is how many tasks a queue holds ready at most. What is due
	// beyond that waits in the ledger, where a cancellation finds it.
	maxWaiting = 20
	// maxLater is how many tasks a queue holds for later at most.
	maxLater = 200
	// dueLimit is how many messages are taken from the ledger at once.
	dueLimit = 1000
	// refill is the time between two looks at a queue that was full.
	refill = 50 * time.Millisecond
	// leads is how long a worker that stopped saying so still counts as the one
	// that fills the queues.
	leads = 3 * time.Second
	// lookAgain is after how long all that waits in a queue is looked through from
	// the beginning, while a crowd is handed over from front to back; lookAfter,
	// with how many messages that were handed over and may be gone since.
	lookAgain = 5 * time.Second
	lookAfter = 20 * dueLimit
)

// Tick renews the lease, sweeps and dispatches once, at the clock's now. It is
// for [Config.Manual], while [Worker.Run] runs.
func (w *Worker) Tick(ctx context.Context) error {
	_, err := w.tick(ctx)
	return err
}

// Settle does [Worker.Tick] until nothing is due at the clock's now and nothing
// is in hand. Messages that wait for a later moment stay where they are. It
// needs the Redis inside the process.
func (w *Worker) Settle(ctx context.Context) error {
	for {
		n, err := w.tick(ctx)
		if err != nil {
			return err
		}
		if err := w.awaitIdle(ctx); err != nil {
			return err
		}
		if n == 0 {
			return nil
		}
	}
}

func (w *Worker) tick(ctx context.Context) (dispatched int, err error) {
	if err := w.lease.beat(ctx, w.relay.trouble()); err != nil {
		return 0, err
	}
	if err := w.sweepOnce(ctx); err != nil {
		return 0, err
	}
	if w.cfg.Manual {
		w.probe(ctx)
	}
	dispatched, _, err = w.dispatcher.dispatch(ctx)
	return dispatched, err
}

// awaitIdle waits until no queue holds a task.
func (w *Worker) awaitIdle(ctx context.Context) error {
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for {
		idle, err := w.cfg.Queue.Idle(ctx)
		if err != nil || idle {
			return err
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// dispatcher fills the queues with what is due. Of all workers one does so. It
// remembers what it handed over; nothing is written about that, and who takes
// over hands everything over once more, as does the same one after Redis lost
// all it had. A message that is in a queue twice is claimed once.
type dispatcher struct {
	cfg     Config
	log     *slog.Logger
	relay   *breaker
	trouble *seldom
	queues  map[jobs.Queue]*handed
	// expansions are the campaigns that were handed over and need it still.
	expansions map[string]expansion
	// released says that messages of a dead worker are due again: they were due
	// before what is handed over by now.
	released atomic.Bool
}

func newDispatcher(cfg Config, log *slog.Logger, relay *breaker, trouble *seldom) *dispatcher {
	d := &dispatcher{cfg: cfg, log: log, relay: relay, trouble: trouble}
	d.forget()
	return d
}

// forget takes nothing for handed over.
func (d *dispatcher) forget() {
	d.expansions = map[string]expansion{}
	d.queues = map[jobs.Queue]*handed{}
	for _, q := range jobs.Queues() {
		d.queues[q] = &handed{messages: map[int64]handover{}}
	}
}

// turn dispatches once and says how long to rest: until the next tick, and less
// while more is due than the queues may hold.
func (d *dispatcher) turn(ctx context.Context) (rest time.Duration) {
	if _, full, _ := d.dispatch(ctx); full {
		return min(d.cfg.Tick, refill)
	}
	return d.cfg.Tick
}

// dispatch puts what is due in the queues; full says that one of them takes no
// more. When Redis or the database is away nothing is lost: what did not get
// into a queue is due still, and what got lost there is handed over again.
// While the relay cannot be used everything stays in the ledger, or another
// worker takes over.
func (d *dispatcher) dispatch(ctx context.Context) (dispatched int, full bool, err error) {
	defer func() {
		if err != nil && ctx.Err() == nil {
			d.trouble.warn("cannot put due messages in the queue; trying on", "error", err)
		}
	}()
	if d.relay.isOpen() {
		d.forget() // tasks come to nothing meanwhile
		return 0, false, nil
	}
	lead, err := d.cfg.Queue.Lead(ctx, d.cfg.ID, leads)
	if err != nil {
		return 0, false, err
	}
	if lead != queue.Continue {
		d.forget()
	}
	if lead == queue.Follow {
		return 0, false, nil
	}
	if lead == queue.Begin {
		d.log.Info("this worker fills the queues from now on, with all that is due")
	}
	dispatched, campaignsErr := d.campaigns(ctx) // no reason to leave the rest
	for _, q := range jobs.Queues() {
		n, more, err := d.fill(ctx, q)
		dispatched += n
		full = full || more
		if err != nil {
			return dispatched, full, errors.Join(campaignsErr, err)
		}
	}
	return dispatched, full, campaignsErr
}

// resign lets another worker take over at once, also when ctx is done.
func (d *dispatcher) resign(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if err := d.cfg.Queue.Resign(ctx, d.cfg.ID); err != nil {
		d.trouble.warn("cannot leave the queues to another worker; one takes over by itself", "error", err)
	}
}

// fill hands over what is due of one queue.
func (d *dispatcher) fill(ctx context.Context, q jobs.Queue) (dispatched int, full bool, err error) {
	h := d.queues[q]
	for {
		waiting, later, err := d.cfg.Queue.Backlog(ctx, q)
		if err != nil || waiting >= maxWaiting {
			return dispatched, err == nil, err
		}
		now := d.cfg.Clock.Now()
		until := now.Add(d.cfg.Horizon)
		if d.cfg.Manual || later >= maxLater {
			until = now // what is due now must not wait behind what is due soon
		}
		tickets, err := d.find(ctx, q, now, until)
		if err != nil {
			return dispatched, false, fmt.Errorf("look for due messages: %w", err)
		}
		if len(tickets) == 0 {
			return dispatched, false, nil
		}
		_ = fault.At(fault.DueFound, 0)
		failed, err := d.cfg.Queue.Enqueue(ctx, tickets, now)
		h.note(tickets, failed, now)
		dispatched += len(tickets) - len(failed)
		if err != nil {
			return dispatched, false, err
		}
		_ = fault.At(fault.Enqueued, 0)
		if len(tickets) < dueLimit {
			return dispatched, false, nil
		}
	}
}

// find gives up to dueLimit messages that wait and are in no queue. In a crowd
// it goes on where it was, or each look would go through all that was handed
// over before; only now and then, and when a sweep released something, it looks
// from the beginning, for what came before that place meanwhile or was lost in the
// queue.
func (d *dispatcher) find(ctx context.Context, q jobs.Queue, now, until time.Time) ([]jobs.Ticket, error) {
	if d.released.Swap(false) {
		for _, h := range d.queues {
			h.looked = time.Time{}
		}
	}
	h, stale := d.queues[q], now.Add(-d.cfg.Stale)
	if n := len(h.messages); n >= dueLimit && n < lookAfter && now.Sub(h.looked) < lookAgain {
		next, err := d.cfg.Ledger.Due(ctx, q, h.last, now, dueLimit)
		if err != nil {
			return nil, err
		}
		next = slices.DeleteFunc(next, func(t jobs.Ticket) bool { return h.has(t, stale) })
		if len(next) > 0 {
			return number(next), nil
		}
	}
	look := h.look(stale)
	for !look.enough() {
		page, err := d.cfg.Ledger.Due(ctx, q, look.place, until, dueLimit)
		if err != nil {
			return nil, err
		}
		look.through(page)
		if len(page) < dueLimit {
			look.place = jobs.Ticket{ID: math.MaxInt64, At: until} // there are no more
			break
		}
	}
	h.settle(look, now)
	return number(look.missing), nil
}

// number numbers the hand-over of tickets.
func number(tickets []jobs.Ticket) []jobs.Ticket {
	// Of the machine's clock: in a rehearsal the other one stands still.
	generation := time.Now().UnixMicro()
	for i := range tickets {
		tickets[i].Generation = generation
	}
	return tickets
}
