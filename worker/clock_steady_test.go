package worker

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"
)

// TestSteadyClock steps a clock and lets time go by, and says what it shows
// against the true time.
func TestSteadyClock(t *testing.T) {
	const month = 30 * 24 * time.Hour
	type step struct {
		wait time.Duration // true time that goes by
		skew time.Duration // of the machine's clock from then on
		want time.Duration // how far off the worker's clock is
	}
	for name, c := range map[string]struct {
		steps []step
		log   string
	}{
		"never off":                         {[]step{{time.Hour, 0, 0}, {month, 0, 0}}, ""},
		"a time server corrects it":         {[]step{{time.Second, 40 * time.Second, 40 * time.Second}, {time.Second, -15 * time.Second, -15 * time.Second}}, ""},
		"it drifts far, a little at a time": {[]step{{time.Hour, 50 * time.Second, 50 * time.Second}, {time.Hour, 100 * time.Second, 100 * time.Second}, {time.Hour, 150 * time.Second, 150 * time.Second}}, ""},
		"a month ahead, and back":           {[]step{{time.Second, month, 0}, {5 * time.Minute, month, 0}, {time.Minute, 0, 0}, {time.Hour, 0, 0}}, "jumped right"},
		"a month behind, and back":          {[]step{{time.Second, -month, -month}, {5 * time.Minute, -month, -month}, {time.Second, 30 * time.Second, 30 * time.Second}}, "jumped right"},
		"it stays":                          {[]step{{time.Second, month, 0}, {9 * time.Minute, month, 0}, {time.Minute, month, month}, {time.Second, month, month}}, "jumped believed"},
		"it jumps to and fro":               {[]step{{time.Second, month, 0}, {9 * time.Minute, 2 * month, 0}, {9 * time.Minute, month, 0}, {9 * time.Minute, 2 * month, 0}, {time.Minute, 0, 0}}, "jumped jumped jumped jumped right"},
		"it jumps, and a second jump stays": {[]step{{time.Second, month, 0}, {9 * time.Minute, time.Hour, 0}, {10 * time.Minute, time.Hour, time.Hour}}, "jumped jumped believed"},
		"right again, then off for a while": {[]step{{time.Second, month, 0}, {time.Second, 0, 0}, {9 * time.Minute, month, 0}, {9 * time.Minute, month, 0}, {time.Second, 0, 0}}, "jumped right jumped right"},
		"wrong from the start":              {[]step{{0, month, month}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var log strings.Builder
			start := time.Date(2026, 11, 2, 10, 0, 0, 0, time.UTC)
			now, skew := start, time.Duration(0)
			clock := newSteadyClock(slog.New(slog.NewTextHandler(&log, nil)))
			clock.machine = func() (time.Time, time.Duration) { return now.Add(skew), now.Sub(start) }
			if c.steps[0].wait > 0 {
				clock.Now()
			}
			for i, s := range c.steps {
				now, skew = now.Add(s.wait), s.skew
				if got := clock.Now().Sub(now); got != s.want {
					t.Errorf("step %d: off by %v, want %v", i, got, s.want)
				}
			}
			var said []string
			for line := range strings.Lines(log.String()) {
				for _, word := range []string{"it is believed now", "right again", "jumped; unless"} {
					if strings.Contains(line, word) {
						said = append(said, map[string]string{"it is believed now": "believed", "right again": "right", "jumped; unless": "jumped"}[word])
					}
				}
			}
			if got := strings.Join(said, " "); got != c.log {
				t.Errorf("said %q, want %q", got, c.log)
			}
		})
	}
}

// TestSteadyClockIsTheMachines: as long as that does not jump it shows its time.
func TestSteadyClockIsTheMachines(t *testing.T) {
	clock := newSteadyClock(slog.New(slog.DiscardHandler))
	for range 3 {
		before := time.Now().Round(0)
		got := clock.Now()
		if after := time.Now().Round(0); got.Before(before) || got.After(after) {
			t.Errorf("%v is not between %v and %v", got, before, after)
		}
	}
}

// others is a ledger that counts workers.
type others struct {
	Ledger
	n   int
	err error
}

func (o others) Others(context.Context, []string, time.Time) (int, error) { return o.n, o.err }

// TestOutOfStep: a worker whose clock jumped claims nothing while others live, or
// may, and goes on alone.
func TestOutOfStep(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	start, skew := time.Date(2026, 11, 2, 10, 0, 0, 0, time.UTC), time.Duration(0)
	clock := newSteadyClock(log)
	clock.machine = func() (time.Time, time.Duration) { return start.Add(skew), 0 }
	relay := newBreaker(log, clock)
	for _, c := range []struct {
		skew   time.Duration
		others others
		away   bool
	}{
		{0, others{n: 2}, false},
		{time.Hour, others{n: 0}, false},
		{time.Hour, others{n: 1}, true},
		{time.Hour, others{err: errors.New("away")}, true},
		{time.Hour, others{n: 0}, false},
		{-time.Hour, others{n: 1}, true},
		{0, others{n: 1}, false},
	} {
		cfg := Config{Ledger: c.others, Clock: clock, ID: "w1"}
		w := &Worker{cfg: cfg, relay: relay, lease: newLease(cfg)}
		skew = c.skew
		w.keepStep(t.Context())
		if w.relay.isOpen() != c.away || (w.relay.trouble() != "") != c.away {
			t.Errorf("off by %v, %+v: away %v, %q", c.skew, c.others, w.relay.isOpen(), w.relay.trouble())
		}
	}
}
