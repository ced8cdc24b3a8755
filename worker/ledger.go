package worker

import (
	"context"
	"time"

	"heraut/jobs"
)

// Ledger is what a worker needs of the record. All of it is safe for use by
// many workers in many processes at once.
type Ledger interface {
	// Programme gives the programme on record and its version.
	Programme(ctx context.Context) (*jobs.Programme, int64, error)
	// EventBefore gives an event as it was before it got a revision; false when
	// that is not on record.
	EventBefore(ctx context.Context, eventID string, revision int) (jobs.Event, bool, error)

	// Due marks messages as handed to their queue, in order of their moment, up
	// to limit[q] of queue q: those that may leave at until or before and are
	// in no queue, or have been for longer than stale without being claimed.
	Due(ctx context.Context, now, until time.Time, stale time.Duration, limit map[jobs.Queue]int) ([]jobs.Ticket, error)
	// Unqueue takes the mark off: they did not get into the queue.
	Unqueue(ctx context.Context, ids []int64) error
	// Requeue takes every mark off: the queues lost everything.
	Requeue(ctx context.Context) (int, error)

	// Claim gives the worker those of the messages that may leave now.
	Claim(ctx context.Context, worker string, ids []int64, now time.Time) ([]jobs.Claim, error)
	// Commit writes, in one transaction, that dots are about to be sent and how
	// tries ended; false for each whose claim does not hold any more.
	Commit(ctx context.Context, dots []jobs.Dot, outcomes []jobs.Outcome, now time.Time) (dotsOK, outcomesOK []bool, err error)

	// Heartbeat says the worker is alive until now plus lease, and why it sends
	// nothing, "" when it does.
	Heartbeat(ctx context.Context, worker string, now time.Time, lease time.Duration, trouble string) error
	// Goodbye says the worker is gone and what it still holds may be swept up.
	Goodbye(ctx context.Context, worker string) error
	// Sweep settles what dead workers held and what waited too long.
	Sweep(ctx context.Context, now time.Time) (jobs.Swept, error)
}
