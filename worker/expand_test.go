package worker

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"heraut/jobs"
	"heraut/jobs/queue"
)

// toStep is a ledger with campaigns whose messages do not follow.
type toStep struct {
	Ledger
	names []string
	chunk int // steps that are left
	err   error
}

func (l *toStep) CampaignsToStep(context.Context, time.Time) ([]string, error) {
	return l.names, l.err
}

func (l *toStep) StepCampaign(context.Context, string, int, time.Time) (bool, error) {
	if l.err != nil {
		return false, l.err
	}
	l.chunk--
	return l.chunk > 0, nil
}

// TestHandOverCampaigns follows what a dispatcher hands over of campaigns.
func TestHandOverCampaigns(t *testing.T) {
	q, err := queue.Open(t.Context(), queue.Embedded, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	clock := NewFakeClock(time.Date(2026, 11, 2, 10, 0, 0, 0, time.UTC))
	l := &toStep{names: []string{"a", "b"}}
	d := newDispatcher(Config{Ledger: l, Queue: q, Clock: clock, Stale: 30 * time.Second}, slog.New(slog.DiscardHandler), nil, nil)
	inspect := asynq.NewInspectorFromRedisClient(q.Redis())
	hand := func(want int, why string) {
		t.Helper()
		if _, err := d.campaigns(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n, _, err := q.Backlog(t.Context(), jobs.Reminders); err != nil || n != want {
			t.Errorf("%s: %d tasks wait, want %d, %v", why, n, want, err)
		}
	}
	hand(2, "two campaigns")
	clock.Advance(time.Second)
	hand(2, "their tasks are there")
	if _, err := inspect.DeleteAllPendingTasks(string(jobs.Reminders)); err != nil {
		t.Fatal(err)
	}
	l.names = []string{"a"}
	hand(1, "a task is done, and its campaign is not")
	clock.Advance(29 * time.Second)
	hand(2, "the task may be lost")
	d.forget()
	hand(3, "Redis lost everything")
	l.err = errors.New("database is away")
	if n, err := d.campaigns(t.Context()); err == nil || n != 0 {
		t.Errorf("%d handed over, %v", n, err)
	}
}

func TestExpand(t *testing.T) {
	l := &toStep{chunk: 7}
	w := &Worker{cfg: Config{Ledger: l, Clock: newSteadyClock(nil)}, trouble: &seldom{log: slog.New(slog.DiscardHandler)}}
	if err := w.expand(t.Context(), "a"); err != nil || l.chunk != 0 {
		t.Errorf("%d steps are left, %v", l.chunk, err)
	}
	l.err = errors.New("database is away")
	if err := w.expand(t.Context(), "a"); err != nil {
		t.Errorf("asynq is told %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	l.err, l.chunk = nil, 7
	if err := w.expand(ctx, "a"); !errors.Is(err, errNotNow) || l.chunk != 6 {
		t.Errorf("told to stop: %v, %d steps are left", err, l.chunk)
	}
}
