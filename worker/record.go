package worker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"heraut/jobs"
)

const (
	// dotPatience is how long a final dot waits for others to be committed with
	// when its connection stands still meanwhile. It is short; without it the
	// commits of 16 connections hold each other up.
	dotPatience = 200 * time.Microsecond
	// dotAhead is how long before its turn a dot is asked for, at the speed of
	// the mail before.
	dotAhead = 100 * time.Millisecond
	// dotAgain is how long after it was asked for a dot is asked for again, before
	// it is sent. It waited behind a mail that took unexpectedly long, and the
	// person may have gone meanwhile, or the event moved.
	dotAgain = time.Second
	// recordTries is how often a single outcome is tried while the database
	// otherwise works.
	recordTries = 10
)

// entry is what a session has to say to the ledger: that it is about to send a
// final dot, or how a message ended. Both kinds are committed together, since
// the durable commit is what costs.
type entry struct {
	dot     *jobs.Dot
	ahead   bool // nobody waits for this dot yet
	outcome *jobs.Outcome
}

// patience is how long an entry may wait for company.
func (w *Worker) patience(e entry) time.Duration {
	if e.dot != nil && !e.ahead {
		return dotPatience
	}
	return w.cfg.FlushEvery
}

// entries is what one flush is made of.
type entries []groupItem[entry, bool]

// commit writes entries and says of each whether its claim still holds. When
// the ledger refuses, the dots are not sent. Outcomes are not given up while
// the database is away, because what happened on the wire cannot be done over;
// each then goes by itself, so that one cannot hold up the others.
func (w *Worker) commit(stop context.Context, list entries) {
	var dots []jobs.Dot
	var outcomes []jobs.Outcome
	for _, e := range list {
		if e.item.dot != nil {
			dots = append(dots, *e.item.dot)
		} else {
			outcomes = append(outcomes, *e.item.outcome)
		}
	}
	sent, recorded, err := w.commitOnce(dots, outcomes)
	dotsErr := err
	if err != nil && len(dots) > 0 && len(outcomes) > 0 {
		// Perhaps it was an outcome that was refused.
		sent, _, dotsErr = w.commitOnce(dots, nil)
	}
	if err != nil {
		w.trouble.warn("the ledger does not take what was sent; trying on", "dots", len(dots), "outcomes", len(outcomes), "error", err)
		var late entries
		for _, e := range list {
			switch {
			case e.item.dot == nil:
				late = append(late, e)
			case dotsErr != nil:
				e.reply(false, dotsErr)
			default:
				e.reply(sent[0], nil)
				sent = sent[1:]
			}
		}
		// Aside, as other sessions have dots to commit.
		w.late.Go(func() {
			for _, e := range late {
				e.reply(w.recordStubbornly(stop, *e.item.outcome))
			}
		})
		return
	}
	for _, e := range list {
		if e.item.dot != nil {
			e.reply(sent[0], nil)
			sent = sent[1:]
		} else {
			e.reply(recorded[0], nil)
			recorded = recorded[1:]
		}
	}
}

// recordStubbornly records one outcome, trying until the worker is told to
// stop.
func (w *Worker) recordStubbornly(stop context.Context, out jobs.Outcome) (bool, error) {
	wait := 50 * time.Millisecond
	for try := 1; ; try++ {
		_, ok, err := w.commitOnce(nil, []jobs.Outcome{out})
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

func (w *Worker) commitOnce(dots []jobs.Dot, outcomes []jobs.Outcome) (sent, recorded []bool, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), w.cfg.Lease)
	defer cancel()
	sent, recorded, err = w.cfg.Ledger.Commit(ctx, dots, outcomes, w.cfg.Clock.Now())
	if err == nil && (len(sent) != len(dots) || len(recorded) != len(outcomes)) {
		err = fmt.Errorf("%d and %d answers to %d dots and %d outcomes", len(sent), len(recorded), len(dots), len(outcomes))
	}
	return sent, recorded, err
}
