package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// result is one row of the table: a scenario on a combination.
type result struct {
	Row     int           `json:"row"`
	Name    string        `json:"name"`
	Combo   string        `json:"combo"`
	Seed    uint64        `json:"seed"`
	Held    bool          `json:"held"`
	Error   string        `json:"error,omitempty"`
	Kills   int           `json:"kills"`
	Took    time.Duration `json:"took"` // nanoseconds
	Figures []string      `json:"figures,omitempty"`
	// Redelivered is how long what dead processes held took to leave from
	// others, in nanoseconds.
	Redelivered []time.Duration `json:"redelivered,omitempty"`
	Verdict     verdict         `json:"verdict"`
}

// runAll runs what the options ask for, several labs at once, and hands over
// each result; it says whether all held.
func (w *world) runAll(ctx context.Context, o options, each func(result)) (held bool) {
	held = true
	results := make(chan result)
	var patient, labs errgroup.Group
	labs.SetLimit(o.parallel)
	go func() {
		all := matrix(o.kills)
		slices.SortStableFunc(all, func(a, b scenario) int { return rank(a) - rank(b) })
		for _, s := range all {
			if !o.rows.has(s.row) {
				continue
			}
			group := &labs
			if s.patient {
				group = &patient
			}
			for _, c := range s.where(o.quick) {
				for n := range o.runs * max(1, s.labs) {
					group.Go(func() error {
						results <- w.runOne(ctx, s, c, o.seed+uint64(n))
						return nil
					})
				}
			}
		}
		// No lab gives an error: it stands in its result.
		_, _ = patient.Wait(), labs.Wait()
		close(results)
	}()
	for r := range results {
		held = held && r.Held
		w.log.Info("row done", "row", r.Row, "name", r.Name, "on", r.Combo, "held", r.Held, "took", r.Took.Round(time.Second))
		if !r.Held {
			w.log.Error("row did not hold", "row", r.Row, "on", r.Combo, "why", r.Error)
		}
		each(r)
	}
	return held
}

// rank orders scenarios by when they start.
func rank(s scenario) int {
	switch {
	case s.patient:
		return 0
	case s.long:
		return 1
	}
	return 2
}

// runOne runs one scenario in a lab of its own.
func (w *world) runOne(ctx context.Context, s scenario, c combo, seed uint64) result {
	began := time.Now()
	l := newLab(ctx, w, s, c, seed)
	if !l.failed() {
		s.run(l)
	}
	r := result{Row: s.row, Name: s.name, Combo: c.String(), Seed: seed, Redelivered: l.redelivered()}
	l.close()
	r.Kills, r.Figures = l.kills, l.figures
	err := l.err()
	if err == nil {
		r.Verdict, err = l.check(ctx)
	}
	for _, do := range l.after {
		do()
	}
	if err == nil {
		if s.accept != nil {
			err = s.accept(l, r.Verdict)
		} else {
			err = r.Verdict.clean()
		}
	}
	l.cancel(nil)
	r.Took = time.Since(began)
	switch {
	case err == nil:
		r.Held = true
		err = l.forget()
	case !w.keep:
		err = errors.Join(err, l.forget())
	default:
		err = fmt.Errorf("%w\n(kept in %s)", err, l.dir)
	}
	if err != nil {
		r.Error = err.Error()
	}
	return r
}

// check has the checker compare record and ledger.
func (l *lab) check(ctx context.Context) (v verdict, err error) {
	cmd := exec.CommandContext(ctx, l.world.checker, "-json", "-record", l.record(), "-database", l.database)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	// Exit code 1 is a verdict as well.
	if failed, ok := errors.AsType[*exec.ExitError](err); err != nil && (!ok || failed.ExitCode() != 1) {
		return v, fmt.Errorf("checker: %w: %s", err, strings.TrimSpace(errs.String()))
	}
	if err := json.Unmarshal(out.Bytes(), &v); err != nil {
		return v, fmt.Errorf("checker: %w", err)
	}
	return v, nil
}
