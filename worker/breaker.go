package worker

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"heraut/worker/mailer"
)

const (
	// probeLost is the time between two looks whether a relay that could not
	// be reached is back.
	probeLost = 5 * time.Second
	// probeRefused is the same for one that refuses our login or has no
	// certificate we trust. A person has to act, and asking often locks accounts.
	probeRefused = 30 * time.Second
	// remind is the time between two lines in the log while it is open.
	remind = time.Minute
)

// breaker stops sending while the relay cannot be used at all: nothing is
// claimed, no try counts, and one connection now and then looks whether it
// works again. It also does so while the work is left to other workers. Safe for
// concurrent use.
type breaker struct {
	log   *slog.Logger
	clock Clock
	after func(cause error) time.Duration // until the next probe

	mu    sync.Mutex
	away  string // why the work is left to other workers; "": it is not
	cause error  // nil: closed
	since time.Time
	said  time.Time
	probe time.Time // not before
}

func newBreaker(log *slog.Logger, clock Clock) *breaker {
	return &breaker{log: log, clock: clock, after: probeAfter}
}

// opens says whether an error is about the relay as a whole. A server with too
// many connections is not: others of ours are working, and the pool uses fewer.
func opens(err error) bool {
	if e, ok := errors.AsType[*mailer.Error](err); ok {
		return e.Class() == mailer.ClassConfiguration || e.Code == 0
	}
	_, refused := errors.AsType[*relayError](err)
	return refused
}

func probeAfter(cause error) time.Duration {
	if e, ok := errors.AsType[*mailer.Error](cause); ok && e.Class() != mailer.ClassConfiguration {
		return probeLost
	}
	return probeRefused
}

// open stops sending.
func (b *breaker) open(cause error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.clock.Now()
	if b.cause == nil {
		b.since = now
	}
	b.cause, b.probe = cause, now.Add(b.after(cause))
	if now.Sub(b.said) >= remind {
		b.said = now
		b.log.Error("nothing is sent: the mail server cannot be used", "error", cause, "since", b.since.UTC().Format(time.RFC3339))
	}
}

// leave leaves the work to other workers, whatever the relay does, until it is
// called with "".
func (b *breaker) leave(why string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if why != b.away && why != "" {
		b.log.Error("this worker leaves the work to others", "cause", why)
	}
	b.away = why
}

// trouble says why nothing is sent, "" when it is.
func (b *breaker) trouble() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.cause == nil {
		return b.away
	}
	return b.cause.Error()
}

func (b *breaker) isOpen() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.cause != nil || b.away != ""
}

// try looks whether the relay can be used again, when it is time for that.
func (b *breaker) try(ctx context.Context, dial func(context.Context) error) {
	b.mu.Lock()
	wait := b.cause == nil || b.clock.Now().Before(b.probe)
	b.mu.Unlock()
	if wait {
		return
	}
	err := dial(ctx)
	switch {
	case ctx.Err() != nil:
	case err == nil:
		b.mu.Lock()
		b.log.Info("the mail server can be used again; sending", "after", b.clock.Now().Sub(b.since).Round(time.Second))
		b.cause = nil
		b.mu.Unlock()
	default:
		b.open(err)
	}
}
