package worker

import (
	"log/slog"
	"sync"
	"time"

	"heraut/worker/fault"
)

const (
	// followed is how far the machine's clock may step and be followed at once, as
	// when a time server corrects it.
	followed = time.Minute
	// believed is after how long the machine's clock is followed that stepped
	// further and stayed there. It leaves a time server, or a person, the time to
	// put it right.
	believed = 10 * time.Minute
)

// steadyClock is the clock of the machine, but a jump of it is not followed at
// once: a month too far for a second would otherwise send every reminder of that
// month. Meanwhile it goes on by the counter that nobody sets (CLOCK_MONOTONIC);
// but where the machine's clock is behind that, it shows that one: of two
// moments that may be right the earlier sends nothing too early.
//
// A machine that was suspended jumps as well; what was due meanwhile then leaves
// ten minutes later than it could. A clock that is wrong already when the
// worker starts is believed, as there is nothing to compare it with.
type steadyClock struct {
	machine func() (wall time.Time, counter time.Duration)
	log     *slog.Logger

	mu    sync.Mutex
	set   bool      // false: at and mark say nothing yet
	at    time.Time // the instant at which the counter stood at mark
	mark  time.Duration
	off   time.Duration // of the machine's clock that is not followed; 0: it is
	offAt time.Duration // the counter, when it went off
}

func newSteadyClock(log *slog.Logger) *steadyClock {
	began := time.Now()
	return &steadyClock{log: log, machine: func() (time.Time, time.Duration) {
		now := time.Now()
		return now.Round(0).Add(fault.Skew()), now.Sub(began)
	}}
}

// isOff gives by how much the machine's clock jumped that is not followed, when
// [steadyClock.Now] was last asked; 0 when it is.
func (c *steadyClock) isOff() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.off
}

// Now gives the instant.
func (c *steadyClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	wall, counter := c.machine()
	steady := c.at.Add(counter - c.mark)
	off := wall.Sub(steady)
	switch {
	case !c.set:
	case off.Abs() <= followed:
		if c.off != 0 {
			c.log.Info("the clock of this machine is right again", "was_off", c.off.Round(time.Second))
		}
	case c.off == 0, (off - c.off).Abs() > followed:
		c.off, c.offAt = off, counter
		c.log.Error("the clock of this machine jumped; unless it is put right it is believed after a while", "by", off.Round(time.Second), "believed_after", believed)
		return steady.Add(min(off, 0))
	case counter-c.offAt < believed:
		return steady.Add(min(off, 0))
	default:
		c.log.Warn("the clock of this machine stays as it is since it jumped; it is believed now", "jumped_by", c.off.Round(time.Second))
	}
	c.set, c.at, c.mark, c.off = true, wall, counter, 0
	return wall
}
