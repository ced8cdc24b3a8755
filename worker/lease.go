package worker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// errLeaseLost is why work is broken off when the ledger could not be told for
// a whole lease that this worker is alive: others may take its claims by now.
var errLeaseLost = errors.New("could not renew the lease of this worker")

// lease is this worker's proof of life. Claims are made in the name of an
// owner; usually there is one. When a claim ends in an error nobody knows what
// it took, so its owner is spent: the next beat puts another in its place, and
// it says goodbye once its batches are done. A sweep then finds what was taken.
type lease struct {
	ledger Ledger
	clock  Clock
	name   string
	length time.Duration

	mu     sync.Mutex
	owners []*owner // the last one makes the claims
	named  int      // owners so far
	ctx    context.Context
	lose   context.CancelCauseFunc
	expiry *time.Timer // loses the lease
}

// owner is a name in the ledger under which claims are held.
type owner struct {
	name    string
	batches int // in hand
	spent   bool
}

func newLease(cfg Config) *lease {
	l := &lease{ledger: cfg.Ledger, clock: cfg.Clock, name: cfg.ID, length: cfg.Lease}
	l.ctx, l.lose = context.WithCancelCause(context.Background())
	l.lose(errLeaseLost) // until the first beat
	l.owners = []*owner{{name: l.name}}
	l.named = 1
	return l
}

// current makes the claims. Called with mu held.
func (l *lease) current() *owner { return l.owners[len(l.owners)-1] }

// beat renews the lease of every owner. On an error the lease stays as it was.
func (l *lease) beat(ctx context.Context, trouble string) error {
	began := time.Now()
	names, next := l.names()
	for _, name := range names {
		if err := l.ledger.Heartbeat(ctx, name, l.clock.Now(), l.length, trouble); err != nil {
			return fmt.Errorf("heartbeat: %w", err)
		}
	}
	for _, name := range l.renewed(began, next) {
		if err := l.ledger.Goodbye(ctx, name); err != nil {
			return fmt.Errorf("goodbye: %w", err) // without more beats it ends by itself
		}
	}
	return nil
}

// names gives the owners to renew, and the one to come if it is time for one.
func (l *lease) names() (names []string, next *owner) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, o := range l.owners {
		names = append(names, o.name)
	}
	if l.current().spent {
		l.named++
		next = &owner{name: fmt.Sprintf("%s.%d", l.name, l.named)}
		names = append(names, next.name)
	}
	return names, next
}

// renewed notes that all owners were renewed by a call that began then, and
// gives those that are done with.
func (l *lease) renewed(began time.Time, next *owner) (done []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if next != nil && l.current().spent {
		l.owners = append(l.owners, next)
	}
	if l.expiry != nil {
		l.expiry.Stop()
	}
	if l.ctx.Err() != nil {
		l.ctx, l.lose = context.WithCancelCause(context.Background())
	}
	// Counted from before the call: the ledger may have taken the time then.
	lose := l.lose
	l.expiry = time.AfterFunc(l.length-time.Since(began), func() { lose(errLeaseLost) })
	return l.retire()
}

// hold begins a batch: in whose name it claims, and a context that ends when
// the lease is lost; ok is false when it is lost now. [lease.release] ends it.
func (l *lease) hold() (ctx context.Context, o *owner, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ctx.Err() != nil {
		return nil, nil, false
	}
	o = l.current()
	o.batches++
	return l.ctx, o, true
}

// alive says whether the lease holds now.
func (l *lease) alive() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ctx.Err() == nil
}

// release ends a batch and gives the owners that are done with, to say goodbye
// for.
func (l *lease) release(o *owner) (done []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	o.batches--
	return l.retire()
}

// retire takes out the owners that are done with. Called with mu held.
func (l *lease) retire() (done []string) {
	current := l.current()
	l.owners = slices.DeleteFunc(l.owners, func(o *owner) bool {
		if o == current || o.batches > 0 {
			return false
		}
		done = append(done, o.name)
		return true
	})
	return done
}

// spend ends claims in the name of o, which may hold what nobody knows of.
func (l *lease) spend(o *owner) {
	l.mu.Lock()
	defer l.mu.Unlock()
	o.spent = true
}

// end says goodbye for every owner. Nothing may be in hand any more.
func (l *lease) end(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.expiry != nil {
		l.expiry.Stop()
	}
	l.lose(errLeaseLost)
	var errs []error
	for _, o := range l.owners {
		errs = append(errs, l.ledger.Goodbye(ctx, o.name))
	}
	return errors.Join(errs...)
}
