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
	// FinalDot commits that the dots are about to be sent; false for a claim
	// that does not hold any more.
	FinalDot(ctx context.Context, dots []jobs.Dot, now time.Time) ([]bool, error)
	// Record writes outcomes; false for one whose claim does not hold any more.
	Record(ctx context.Context, outcomes []jobs.Outcome, now time.Time) ([]bool, error)

	// Heartbeat says the worker is alive until now plus lease.
	Heartbeat(ctx context.Context, worker string, now time.Time, lease time.Duration) error
	// Goodbye says the worker is gone and what it still holds may be swept up.
	Goodbye(ctx context.Context, worker string) error
	// Sweep settles what dead workers held and what waited too long.
	Sweep(ctx context.Context, now time.Time) (jobs.Swept, error)
}
