package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"heraut/jobs"
)

// taskTimeout is how long asynq lets a task run. It is a last resort: it
// cannot stop a handler, only start a second one, and a slow relay may take
// ten minutes for each of a hundred messages.
const taskTimeout = 24 * time.Hour

// taskRetries is how often asynq starts a task again. Messages are retried by
// the ledger; this only spans crashes of workers.
const taskRetries = 1000

// Enqueue puts tickets in their queues: those that may leave together (same
// queue, same second) in tasks of up to [MaxBatch], in the order given, and
// those that travel alone in a task each. now is the caller's clock, which in
// a rehearsal is not that of the machine.
//
// It gives the ids of the tickets that are in no queue now; err says why, and
// is nil only when there are none. A task that is already there counts as
// enqueued.
func (c *Conn) Enqueue(ctx context.Context, tickets []jobs.Ticket, now time.Time) (failed []int64, err error) {
	// In whole seconds, so that the machine's own clock gives nothing.
	ahead := time.Since(now).Round(time.Second)
	for _, b := range batches(tickets, now) {
		if err == nil {
			err = c.enqueue(ctx, b, ahead)
		}
		if err != nil { // Redis is gone: do not try each
			failed = append(failed, b.ids()...)
		}
	}
	if err != nil {
		return failed, fmt.Errorf("enqueue: %w", err)
	}
	return nil, nil
}

// enqueue puts in one task; ahead is how much asynq's clock is ahead of the
// caller's.
func (c *Conn) enqueue(ctx context.Context, b batch, ahead time.Duration) error {
	payload, err := Deliver{IDs: b.ids()}.Encode()
	if err != nil {
		return err
	}
	opts := []asynq.Option{
		asynq.TaskID(fmt.Sprintf("msg:%d:g%d", b.tickets[0].ID, b.tickets[0].Generation)),
		asynq.Queue(string(b.queue)),
		asynq.MaxRetry(taskRetries),
		asynq.Timeout(taskTimeout),
	}
	if !b.at.IsZero() {
		opts = append(opts, asynq.ProcessAt(b.at.Add(ahead)))
	}
	_, err = c.client.EnqueueContext(ctx, asynq.NewTask(KindDeliver, payload), opts...)
	if errors.Is(err, asynq.ErrTaskIDConflict) {
		return nil // a try before got through without our hearing of it
	}
	return err
}

// Backlog says how much a queue holds: tasks that wait for a worker, and tasks
// that wait for their moment. Tasks a worker has in hand do not count: after a
// crash asynq may show one for ever.
func (c *Conn) Backlog(ctx context.Context, q jobs.Queue) (waiting, later int, err error) {
	prefix := keyPrefix(q)
	pipe := c.redis.Pipeline()
	pending := pipe.LLen(ctx, prefix+"pending")
	scheduled := pipe.ZCard(ctx, prefix+"scheduled")
	if _, err := pipe.Exec(ctx); err != nil {
		return 0, 0, fmt.Errorf("backlog of %s: %w", q, err)
	}
	return int(pending.Val()), int(scheduled.Val()), nil
}

// soon is within what time a task that is tried again counts as work to do. One
// that is put off for longer waits for a newer program.
const soon = 10 * time.Second

// Idle says whether no queue holds a task, waiting, later or in a worker's
// hands, beside those that wait for a newer program. It is for the Redis of a
// rehearsal: elsewhere a task may stay in a dead worker's hands for ever.
func (c *Conn) Idle(ctx context.Context) (bool, error) {
	pipe := c.redis.Pipeline()
	until := strconv.FormatInt(time.Now().Add(soon).Unix(), 10)
	var counts []*redis.IntCmd
	for _, q := range jobs.Queues() {
		prefix := keyPrefix(q)
		counts = append(counts, pipe.LLen(ctx, prefix+"pending"), pipe.LLen(ctx, prefix+"active"),
			pipe.ZCard(ctx, prefix+"scheduled"), pipe.ZCount(ctx, prefix+"retry", "-inf", until))
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return false, fmt.Errorf("look whether the queues are empty: %w", err)
	}
	return !slices.ContainsFunc(counts, func(n *redis.IntCmd) bool { return n.Val() > 0 }), nil
}

// keyPrefix begins asynq's keys of a queue; its Inspector counts too, but by a
// script that also weighs every task.
func keyPrefix(q jobs.Queue) string { return "asynq:{" + string(q) + "}:" }

// batch is what goes in one task.
type batch struct {
	queue   jobs.Queue
	at      time.Time // a whole second; zero for at once
	tickets []jobs.Ticket
}

func (b batch) ids() []int64 {
	ids := make([]int64, len(b.tickets))
	for i, t := range b.tickets {
		ids[i] = t.ID
	}
	return ids
}

// batches groups tickets by queue and by the second in which they may leave;
// one that travels alone is a batch that nothing joins.
func batches(tickets []jobs.Ticket, now time.Time) (out []batch) {
	type moment struct {
		queue jobs.Queue
		at    time.Time
	}
	open := map[moment]int{} // index in out of the batch with room
	for _, t := range tickets {
		m := moment{queue: t.Queue}
		if t.At.After(now) {
			m.at = wholeSecond(t.At)
		}
		if t.Alone {
			out = append(out, batch{queue: m.queue, at: m.at, tickets: []jobs.Ticket{t}})
			continue
		}
		i, ok := open[m]
		if !ok || len(out[i].tickets) == MaxBatch {
			i = len(out)
			out, open[m] = append(out, batch{queue: m.queue, at: m.at}), i
		}
		out[i].tickets = append(out[i].tickets, t)
	}
	return slices.Clip(out)
}

// wholeSecond rounds up to a whole second. asynq cuts off the rest, and so
// would start a task up to a second early.
func wholeSecond(t time.Time) time.Time {
	t = t.UTC() // batches compares it
	cut := t.Truncate(time.Second)
	if cut.Before(t) {
		cut = cut.Add(time.Second)
	}
	return cut
}
