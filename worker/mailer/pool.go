package mailer

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// ErrPoolClosed is returned by [Pool.Get] once the pool is closed.
var ErrPoolClosed = errors.New("smtp pool is closed")

// freshFor is how long after its last use a kept session is trusted without a
// look at the connection.
const freshFor = time.Second

// Pool keeps up to a fixed number of sessions with one relay. A caller holds a
// session for as many transactions as it likes, then puts it back. Safe for
// concurrent use.
type Pool struct {
	dialer *Dialer
	idle   time.Duration
	slots  chan struct{} // one token per session that exists or is being dialled for a caller
	done   chan struct{} // closed by Close

	mu     sync.Mutex
	kept   []*keptSession // the last one put back is last
	closed bool
	ending sync.WaitGroup // sessions saying goodbye
}

type keptSession struct {
	session *Session
	since   time.Time
	expiry  *time.Timer
}

// NewPool makes a pool of at most size sessions in use at once (at least 1).
// Sessions unused for idle are closed; 0 means 30 seconds, which is below what
// relays allow.
func NewPool(dialer *Dialer, size int, idle time.Duration) *Pool {
	if idle <= 0 {
		idle = 30 * time.Second
	}
	return &Pool{
		dialer: dialer,
		idle:   idle,
		slots:  make(chan struct{}, max(size, 1)),
		done:   make(chan struct{}),
	}
}

// Get gives a kept session that still works, or dials a new one; it waits while
// all are in use. Each session must be given back with [Pool.Put]. The error is
// an [*Error] from dialling, [ErrPoolClosed], or the context's cause.
func (p *Pool) Get(ctx context.Context) (*Session, error) {
	select {
	case p.slots <- struct{}{}:
	case <-p.done:
		return nil, ErrPoolClosed
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	for {
		k, err := p.take()
		if err != nil {
			<-p.slots
			return nil, err
		}
		if k == nil {
			break
		}
		if time.Since(k.since) < freshFor || k.session.alive() {
			return k.session, nil
		}
		k.session.drop()
	}
	s, err := p.dialer.Dial(ctx)
	if err != nil {
		<-p.slots
		return nil, err
	}
	return s, nil
}

// take takes the most recently used session, nil when there is none.
func (p *Pool) take() (*keptSession, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, ErrPoolClosed
	}
	if len(p.kept) == 0 {
		return nil, nil
	}
	k := p.kept[len(p.kept)-1]
	p.kept = p.kept[:len(p.kept)-1]
	k.expiry.Stop()
	return k, nil
}

// Put gives a session back. It is kept when healthy is true, it is not closed
// and neither is the pool; otherwise the connection is dropped.
func (p *Pool) Put(s *Session, healthy bool) {
	defer func() { <-p.slots }()
	switch {
	case !healthy || s.Closed():
		s.drop()
	case !p.keep(s):
		s.Close()
	}
}

// keep stores an idle session; false when the pool is closed.
func (p *Pool) keep(s *Session) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	k := &keptSession{session: s, since: time.Now()}
	k.expiry = time.AfterFunc(p.idle, func() { p.expire(k) })
	p.kept = append(p.kept, k)
	return true
}

// expire closes a session nobody used, unless somebody just took it.
func (p *Pool) expire(k *keptSession) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := slices.Index(p.kept, k); i >= 0 {
		p.kept = slices.Delete(p.kept, i, i+1)
		p.end(k.session)
	}
}

// end says goodbye aside, so that no caller waits for it. Called with mu held,
// so that Close cannot miss it.
func (p *Pool) end(s *Session) {
	p.ending.Go(s.Close)
}

// Close closes the kept sessions and returns when they are gone, at most a few
// seconds later. Sessions in use are closed as they are put back. Waiting Gets
// fail with [ErrPoolClosed]. Closing twice is harmless.
func (p *Pool) Close() {
	p.mu.Lock()
	if !p.closed {
		p.closed = true
		close(p.done)
		for _, k := range p.kept {
			k.expiry.Stop()
			p.end(k.session)
		}
		p.kept = nil
	}
	p.mu.Unlock()
	p.ending.Wait()
}
