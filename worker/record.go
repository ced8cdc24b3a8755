package worker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"heraut/jobs"
)

// commitDots is the commit of many sessions' final dots.
func (w *Worker) commitDots(dots []jobs.Dot) ([]bool, error) {
	ctx, cancel := context.WithTimeout(context.Background(), w.cfg.Lease)
	defer cancel()
	return w.cfg.Ledger.FinalDot(ctx, dots, w.cfg.Clock.Now())
}

// commitOutcomes records outcomes and does not give up while the database is
// away: what happened on the wire cannot be done over. When a set is refused
// each goes by itself, so that one cannot hold up the others.
func (w *Worker) commitOutcomes(stop context.Context, outcomes []jobs.Outcome) ([]bool, error) {
	ok, err := w.recordOnce(outcomes)
	if err == nil {
		return ok, nil
	}
	w.log.Warn("cannot record outcomes; trying again", "outcomes", len(outcomes), "error", err)
	ok = make([]bool, len(outcomes))
	for i := range outcomes {
		one, err := w.recordStubbornly(stop, outcomes[i])
		if err != nil {
			w.log.Error("outcome given up", "message", outcomes[i].ID, "state", outcomes[i].State, "error", err)
			continue
		}
		ok[i] = one
	}
	return ok, nil
}

// recordTries is how often a single outcome is tried while the database
// otherwise works.
const recordTries = 10

func (w *Worker) recordStubbornly(stop context.Context, out jobs.Outcome) (bool, error) {
	wait := 50 * time.Millisecond
	for try := 1; ; try++ {
		ok, err := w.recordOnce([]jobs.Outcome{out})
		switch {
		case err == nil:
			return ok[0], nil
		case try >= recordTries && w.lease.alive():
			return false, err
		}
		select {
		case <-time.After(wait):
		case <-stop.Done():
			return false, errors.Join(err, context.Cause(stop))
		}
		wait = min(2*wait, 5*time.Second)
	}
}

func (w *Worker) recordOnce(outcomes []jobs.Outcome) ([]bool, error) {
	ctx, cancel := context.WithTimeout(context.Background(), w.cfg.Lease)
	defer cancel()
	ok, err := w.cfg.Ledger.Record(ctx, outcomes, w.cfg.Clock.Now())
	if err == nil && len(ok) != len(outcomes) {
		err = fmt.Errorf("%d answers to %d outcomes", len(ok), len(outcomes))
	}
	return ok, err
}
