package worker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"heraut/jobs"
	"heraut/worker/fault"
)

const (
	// maxWaiting is how many tasks a queue holds ready at most. What is due
	// beyond that waits in the ledger, where a cancellation finds it.
	maxWaiting = 50
	// maxLater is how many tasks a queue holds for later at most.
	maxLater = 200
	// dueLimit is how many messages are taken from the ledger at once.
	dueLimit = 1000
	// refill is the time between two looks at a queue that was full.
	refill = 50 * time.Millisecond
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
	if _, err := w.sweepOnce(ctx); err != nil {
		return 0, err
	}
	if w.cfg.Manual {
		w.probe(ctx)
	}
	dispatched, _, err = w.dispatch(ctx)
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

// dispatchOn dispatches until ctx is done: at each tick, and sooner while more
// is due than the queues may hold.
func (w *Worker) dispatchOn(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-ctx.Done():
			return
		}
		next := w.cfg.Tick
		if _, full, _ := w.dispatch(ctx); full {
			next = min(next, refill)
		}
		timer.Reset(next)
	}
}

// dispatch puts what is due in the queues; full says that one of them takes no
// more. When Redis or the database is away nothing is lost: what is not marked
// stays due, and a mark without a task goes stale. While the relay cannot be
// used everything stays in the ledger.
func (w *Worker) dispatch(ctx context.Context) (dispatched int, full bool, err error) {
	defer func() {
		if err != nil && ctx.Err() == nil {
			w.trouble.warn("cannot put due messages in the queue; trying on", "error", err)
		}
	}()
	if w.relay.isOpen() {
		return 0, false, nil
	}
	if err := w.rebuild(ctx); err != nil {
		return 0, false, err
	}
	for _, q := range jobs.Queues() {
		n, more, err := w.dispatchQueue(ctx, q)
		dispatched += n
		full = full || more
		if err != nil {
			return dispatched, full, err
		}
	}
	return dispatched, full, nil
}

// rebuild lets everything be dispatched anew when the queues lost their tasks.
func (w *Worker) rebuild(ctx context.Context) error {
	lost, err := w.cfg.Queue.Lost(ctx)
	if err != nil || !lost {
		return err
	}
	n, err := w.cfg.Ledger.Requeue(ctx)
	if err != nil {
		return fmt.Errorf("requeue: %w", err)
	}
	if err := w.cfg.Queue.Mark(ctx); err != nil {
		return err
	}
	w.log.Info("the queue is empty; filling it from the ledger", "messages", n)
	return nil
}

func (w *Worker) dispatchQueue(ctx context.Context, q jobs.Queue) (dispatched int, full bool, err error) {
	for {
		waiting, later, err := w.cfg.Queue.Backlog(ctx, q)
		if err != nil || waiting >= maxWaiting {
			return dispatched, err == nil, err
		}
		now := w.cfg.Clock.Now()
		until := now.Add(w.cfg.Horizon)
		if w.cfg.Manual || later >= maxLater {
			until = now // what is due now must not wait behind what is due soon
		}
		tickets, err := w.cfg.Ledger.Due(ctx, now, until, w.cfg.Stale, map[jobs.Queue]int{q: dueLimit})
		if err != nil {
			return dispatched, false, fmt.Errorf("look for due messages: %w", err)
		}
		if len(tickets) == 0 {
			return dispatched, false, nil
		}
		_ = fault.At(fault.DueMarked, 0)
		failed, err := w.cfg.Queue.Enqueue(ctx, tickets, now)
		dispatched += len(tickets) - len(failed)
		if err != nil {
			return dispatched, false, errors.Join(err, w.unqueue(ctx, failed))
		}
		_ = fault.At(fault.Enqueued, 0)
		if len(tickets) < dueLimit {
			return dispatched, false, nil
		}
	}
}

// unqueue takes back the mark of messages that are in no queue, also when ctx
// is done. If that fails the mark goes stale.
func (w *Worker) unqueue(ctx context.Context, ids []int64) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), w.cfg.Lease)
	defer cancel()
	if err := w.cfg.Ledger.Unqueue(ctx, ids); err != nil {
		return fmt.Errorf("take back marks: %w", err)
	}
	return nil
}
