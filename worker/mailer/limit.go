package mailer

import (
	"context"
	"errors"
	"slices"
	"time"
)

// easeEvery is how often, at most, congestion halves the limit of a pool: a
// relay that ends all its sessions at once has one complaint, not sixteen.
const easeEvery = time.Second

// quietWhile is how long without congestion raises the limit by one.
const quietWhile = 30 * time.Second

// limit is the part of a [Pool] that says how many sessions may exist. It falls
// by half when the relay asks for less, and rises by one after each quiet while,
// up to what was configured. All fields are guarded by Pool.mu.
type limit struct {
	now, configured int
	inUse           int                 // sessions given out or being dialled
	waiting         []chan *keptSession // each gets what enter gives; the longest wait is first
	quiet           time.Duration
	eased           time.Time   // last halving
	rise            *time.Timer // runs while now is below configured
}

// Limit gives how many sessions may exist now, and how many were configured. It
// is lower after the relay asked for less: a 421 or 432, or too many connections.
func (p *Pool) Limit() (now, configured int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.limit.now, p.limit.configured
}

// enter waits for a place. A kept session comes along if there is one, nil if one
// has to be dialled: as the two change hands together, never more exist than there
// are places.
func (p *Pool) enter(ctx context.Context) (*keptSession, error) {
	p.mu.Lock()
	l := &p.limit
	if p.closed {
		p.mu.Unlock()
		return nil, ErrPoolClosed
	}
	if err := context.Cause(ctx); err != nil {
		p.mu.Unlock()
		return nil, err
	}
	place := make(chan *keptSession, 1)
	l.waiting = append(l.waiting, place)
	p.admit()
	p.mu.Unlock()

	var err error
	select {
	case k := <-place:
		return k, nil
	case <-p.done:
		err = ErrPoolClosed
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := slices.Index(l.waiting, place); i >= 0 {
		l.waiting = slices.Delete(l.waiting, i, i+1)
	} else if k := <-place; k != nil { // given at the same moment
		p.put(k)
	} else {
		p.leave()
	}
	return nil, err
}

// leave gives a place back. Called with mu held.
func (p *Pool) leave() {
	p.limit.inUse--
	p.admit()
}

// admit gives free places to those who wait. Called with mu held.
func (p *Pool) admit() {
	l := &p.limit
	for len(l.waiting) > 0 && l.inUse < l.now && !p.closed {
		l.inUse++
		l.waiting[0] <- p.take()
		l.waiting = slices.Delete(l.waiting, 0, 1)
	}
}

// ease halves the limit, at most once a second, and closes kept sessions that
// are over it. Those in use are closed as they are put back.
func (p *Pool) ease() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	l := &p.limit
	if l.rise != nil { // the quiet while begins again
		l.rise.Reset(l.quiet)
	}
	if l.now == 1 || time.Since(l.eased) < easeEvery {
		return
	}
	l.eased = time.Now()
	l.now /= 2
	if l.rise == nil {
		l.rise = time.AfterFunc(l.quiet, p.raise)
	}
	for len(p.kept) > 0 && len(p.kept)+l.inUse > l.now {
		p.endKept(p.kept[0])
	}
}

// raise lets one session more exist.
func (p *Pool) raise() {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := &p.limit
	if p.closed || l.now == l.configured {
		return
	}
	l.now++
	if l.now < l.configured {
		l.rise.Reset(l.quiet)
	} else {
		l.rise = nil
	}
	p.admit()
}

// noteDial eases the pool when the relay refused a session for there being too
// many.
func (p *Pool) noteDial(err error) {
	if e, ok := errors.AsType[*Error](err); ok && e.congested() {
		p.ease()
	}
}
