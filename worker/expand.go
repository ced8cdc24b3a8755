package worker

import (
	"context"
	"fmt"
	"time"

	"heraut/worker/fault"
)

const (
	// expandChunk is how many people of a campaign one commit of the ledger is
	// for: 50 of them are a campaign of 50,000, and none holds up the dots of
	// other mails for long.
	expandChunk = 1000
	// expandTurn is how long one task works at a campaign. Reminders wait behind
	// it, so that a large one takes several tasks.
	expandTurn = time.Second
)

// expand brings the messages of a campaign in line with its state, as far as one
// turn goes. What is left, and what could not be done, rings again at the next
// tick of who fills the queues; so nothing is told to asynq but that this worker
// stops.
func (w *Worker) expand(ctx context.Context, name string) error {
	for end := time.Now().Add(expandTurn); ; {
		more, err := w.cfg.Ledger.StepCampaign(ctx, name, expandChunk, w.cfg.Clock.Now())
		switch {
		case ctx.Err() != nil:
			return errNotNow
		case err != nil:
			w.trouble.warn("cannot bring the messages of a campaign in line with it; trying on", "campaign", name, "error", err)
			return nil
		}
		_ = fault.At(fault.Expanded, 0)
		if !more || time.Now().After(end) {
			return nil
		}
	}
}

// expansion tells of a campaign when it was handed to the queue, under what
// number.
type expansion struct {
	generation int64
	at         time.Time
}

// campaigns hands over the campaigns whose messages do not follow their state,
// and says how many.
//
// A campaign is handed over at each tick until its messages follow. As long as
// its task is there that has no effect, because asynq has it under the same id;
// once it was done another one is needed, for what a task did not get to or for
// a campaign that was paused or resumed meanwhile. Only when it takes longer than
// a task may be lost for does it get another number.
func (d *dispatcher) campaigns(ctx context.Context) (dispatched int, err error) {
	now := d.cfg.Clock.Now()
	names, err := d.cfg.Ledger.CampaignsToStep(ctx, now)
	if err != nil {
		return 0, fmt.Errorf("look for campaigns: %w", err)
	}
	before := d.expansions
	d.expansions = map[string]expansion{}
	for _, name := range names {
		e, known := before[name]
		if !known || now.Sub(e.at) >= d.cfg.Stale {
			e = expansion{time.Now().UnixMicro(), now}
		}
		if err := d.cfg.Queue.EnqueueExpand(ctx, name, e.generation); err != nil {
			return dispatched, err
		}
		d.expansions[name] = e
		dispatched++
	}
	return dispatched, nil
}
