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

// Pool keeps up to a limited number of sessions with one relay. A caller holds a
// session for as many transactions as it likes, then puts it back. The limit
// follows what the relay can bear, see [Pool.Limit]. Safe for concurrent use.
type Pool struct {
	dialer *Dialer
	idle   time.Duration
	done   chan struct{} // closed by Close

	mu     sync.Mutex
	limit  limit
	kept   []*keptSession // the last one put back is last
	closed bool
	ending sync.WaitGroup // sessions saying goodbye
}

type keptSession struct {
	session *Session
	since   time.Time
	expiry  *time.Timer
}

// NewPool makes a pool of at most size sessions at once (at least 1). Sessions
// unused for idle are closed; 0 means 30 seconds, which is below what relays
// allow.
func NewPool(dialer *Dialer, size int, idle time.Duration) *Pool {
	if idle <= 0 {
		idle = 30 * time.Second
	}
	size = max(size, 1)
	return &Pool{
		dialer: dialer,
		idle:   idle,
		done:   make(chan struct{}),
		limit:  limit{now: size, configured: size, quiet: quietWhile},
	}
}

// Get gives a kept session that still works, or dials a new one; it waits while
// as many as the limit allows are in use. Each session must be given back with
// [Pool.Put]. The error is an [*Error] from dialling, [ErrPoolClosed], or the
// context's cause.
func (p *Pool) Get(ctx context.Context) (*Session, error) {
	k, err := p.enter(ctx)
	if err != nil {
		return nil, err
	}
	s, err := p.session(ctx, k)
	if err != nil {
		p.noteDial(err) // before others try in this place
		p.mu.Lock()
		p.leave()
		p.mu.Unlock()
		return nil, err
	}
	return s, nil
}

// session gives k or another kept session that works, or a new one.
func (p *Pool) session(ctx context.Context, k *keptSession) (*Session, error) {
	for k != nil {
		if time.Since(k.since) < freshFor || k.session.alive() {
			return k.session, nil
		}
		k.session.drop()
		p.mu.Lock()
		k = p.take()
		p.mu.Unlock()
	}
	s, err := p.dialer.Dial(ctx)
	if err != nil {
		return nil, err
	}
	s.congested = p.ease
	return s, nil
}

// take takes the most recently used session, nil when there is none. Called with
// mu held.
func (p *Pool) take() *keptSession {
	if len(p.kept) == 0 {
		return nil
	}
	k := p.kept[len(p.kept)-1]
	p.kept = p.kept[:len(p.kept)-1]
	k.expiry.Stop()
	return k
}

// Put gives a session back. It is kept when healthy is true, it is not closed,
// the server waits for no mail on it, and the pool is neither closed nor over
// its limit. Otherwise the connection is ended.
func (p *Pool) Put(s *Session, healthy bool) {
	if !healthy || s.Closed() || s.offered {
		s.drop()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.put(&keptSession{session: s, since: time.Now()})
}

// put keeps a session or ends it, and gives its place back. Called with mu held.
func (p *Pool) put(k *keptSession) {
	switch s := k.session; {
	case s.closed:
	case p.closed:
		defer s.Close() // Close no longer waits
	case len(p.kept)+p.limit.inUse > p.limit.now:
		p.end(s)
	default:
		s.kept = true
		k.expiry = time.AfterFunc(p.idle, func() { p.expire(k) })
		p.kept = append(p.kept, k)
	}
	p.leave()
}

// expire closes a session nobody used, unless somebody just took it.
func (p *Pool) expire(k *keptSession) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.endKept(k)
}

// endKept ends a kept session, if it still is one. Called with mu held.
func (p *Pool) endKept(k *keptSession) {
	if i := slices.Index(p.kept, k); i >= 0 {
		p.kept = slices.Delete(p.kept, i, i+1)
		k.expiry.Stop()
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
		for len(p.kept) > 0 {
			p.endKept(p.kept[0])
		}
		if p.limit.rise != nil {
			p.limit.rise.Stop()
		}
	}
	p.mu.Unlock()
	p.ending.Wait()
}
