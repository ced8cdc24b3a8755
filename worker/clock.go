package worker

import (
	"sync"
	"time"
)

// Clock tells the time of the business: what is due, expired, late. Timers of
// the machinery (timeouts, ticks, leases) run on real time.
type Clock interface {
	// Now gives the instant, in any location.
	Now() time.Time
}

// FakeClock stands still until it is set: for rehearsals and tests. Safe for
// concurrent use.
type FakeClock struct {
	mu  sync.Mutex
	now time.Time
}

// NewFakeClock gives a clock that stands at t.
func NewFakeClock(t time.Time) *FakeClock { return &FakeClock{now: t} }

// Now gives the instant it stands at.
func (c *FakeClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Set moves the clock to t; it never goes back.
func (c *FakeClock) Set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t.After(c.now) {
		c.now = t
	}
}

// Advance moves the clock on.
func (c *FakeClock) Advance(d time.Duration) { c.Set(c.Now().Add(d)) }
