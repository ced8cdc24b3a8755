package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/mail"
	"slices"
	"time"

	"heraut/jobs"
	"heraut/templates"
)

// rehearsal is a programme to be played on a fast clock. The parts are the
// real ones: a ledger, a queue, a worker and SMTP sessions. Only the clock is
// not, and the relay keeps every mail in a folder instead of sending it.
type rehearsal struct {
	// File and Source are the programme file it starts with.
	File   string
	Source []byte
	// Dir is where the result goes; see [prepareRehearsalDir].
	Dir string
	// From is when the clock starts.
	From time.Time
	// Until is when it stops; zero: when nothing is due any more.
	Until time.Time
	// Steps are what people do meanwhile, in any order.
	Steps []rehearsalStep
	// Mail is the sender of every mail.
	Mail mail.Address
	// Templates are the texts.
	Templates *templates.Set
	// App gives the words, the streams and the progress bar.
	App *app
	// Log gets what the parts have to say; it never holds an address.
	Log *slog.Logger
}

// rehearsalStep is something that a person does at an instant.
type rehearsalStep struct {
	At   time.Time
	Who  rehearsalActor
	What jobs.Text // a sentence
	// Do does it. notes says what came of it, and may be empty.
	Do func(ctx context.Context, s *rehearsalStage) (notes jobs.Text, err error)
}

// errRehearsalStuck is a rehearsal whose messages neither leave nor fail.
var errRehearsalStuck = errors.New("messages are due and none of them moves")

// rehearsalStall is how long, on the real clock, nothing may move.
const rehearsalStall = 30 * time.Second

// run plays the programme and gives what came of it. The files of the mails
// are in Dir afterwards; the page is not.
func (r *rehearsal) run(ctx context.Context) (result *rehearsalResult, err error) {
	s, err := r.open(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	s.result.From, s.result.Until = r.From.UTC(), r.From.UTC()
	if err := r.play(ctx, s); err != nil {
		return nil, err
	}
	// The worker has given back all it held, so what is on record is final.
	if err := s.stopWorker(); err != nil {
		return nil, err
	}
	if err := s.collect(ctx); err != nil {
		return nil, err
	}
	return s.result, nil
}

// play moves the clock from one instant at which something happens to the
// next. Steps come before the mail of the same instant.
func (r *rehearsal) play(ctx context.Context, s *rehearsalStage) error {
	steps := slices.Clone(r.Steps)
	slices.SortStableFunc(steps, func(a, b rehearsalStep) int { return a.At.Compare(b.At) })
	var settled time.Time
	for {
		at, ok, err := s.record.NextDue(ctx)
		if err != nil {
			return err
		}
		if len(steps) > 0 && (!ok || !at.Before(steps[0].At)) {
			at, ok = steps[0].At, true
		}
		if !ok || !r.Until.IsZero() && at.After(r.Until) {
			return nil
		}
		// What is still due after its instant was settled would be due for
		// ever.
		if !at.After(settled) && (len(steps) == 0 || steps[0].At.After(settled)) {
			return s.stuck()
		}
		s.clock.Set(at)
		at = s.clock.Now()
		for len(steps) > 0 && !steps[0].At.After(at) {
			if err := s.do(ctx, steps[0], at); err != nil {
				return err
			}
			steps = steps[1:]
		}
		if err := s.settle(ctx); err != nil {
			return err
		}
		s.result.Until, settled = at.UTC(), at
	}
}

// do carries out one step.
func (s *rehearsalStage) do(ctx context.Context, step rehearsalStep, at time.Time) error {
	notes, err := step.Do(ctx, s)
	if err != nil {
		return fmt.Errorf("%s: %w", cmp.Or(step.What.EN, step.What.NL), err)
	}
	s.result.Steps = append(s.result.Steps, rehearsalDone{At: at.UTC(), Who: step.Who, What: step.What, Notes: notes})
	return nil
}

// settle lets the worker do all that is due at the clock's instant, so that
// the clock may go on.
func (s *rehearsalStage) settle(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	settled := make(chan error, 1)
	go func() { settled <- s.worker.Settle(ctx) }()
	ticker := time.NewTicker(progressEvery)
	defer ticker.Stop()
	moved, before := time.Now(), s.tries.Load()
	for {
		select {
		case err := <-settled:
			return cmp.Or(err, s.draw(ctx))
		case err := <-s.stopped:
			return cmp.Or(err, errors.New("the worker stopped by itself"))
		case <-ticker.C:
		}
		if err := s.draw(ctx); err != nil {
			return err
		}
		if now := s.tries.Load(); now != before {
			moved, before = time.Now(), now
		} else if time.Since(moved) > rehearsalStall {
			return s.stuck()
		}
	}
}

// stuck says at which instant nothing moved.
func (s *rehearsalStage) stuck() error {
	return fmt.Errorf("rehearsal at %s: %w", s.clock.Now().UTC().Format(time.RFC3339), errRehearsalStuck)
}
