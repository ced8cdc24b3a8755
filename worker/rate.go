package worker

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"heraut/jobs"
	"heraut/jobs/queue"
	"heraut/worker/mailer"
)

const (
	// patientFor is how long a message waits in its batch for a slot of its
	// recipient's domain. One that would wait longer is given back, because the
	// others in the batch may go.
	patientFor = time.Second
	// unlimited is as long as anybody waits for a slot of the whole relay.
	unlimited = time.Hour
)

// rates spaces messages as the relay and the recipients' domains want it, all
// workers together.
type rates struct {
	queue   *queue.Conn
	relay   string // names the relay among others on the same Redis
	rate    float64
	domains map[string]float64
	clock   Clock

	mu    sync.Mutex
	slots map[string]time.Time // by domain: when the next one given back may try
}

func newRates(cfg Config) *rates {
	r := &rates{queue: cfg.Queue, relay: mailer.Domain(cfg.From.Address), rate: cfg.Rate, clock: cfg.Clock, domains: map[string]float64{}, slots: map[string]time.Time{}}
	for d, rate := range cfg.DomainRates {
		r.domains[strings.ToLower(d)] = rate
	}
	return r
}

// none says that nothing is limited.
func (r *rates) none() bool { return r.rate == 0 && len(r.domains) == 0 }

// burst is how far ahead of the rate a queue may go. Urgent mail may take what
// is not its turn, and bulk then waits the longer for its own: each has its
// share of the rate, and together they never exceed it for long.
func burst(q jobs.Queue, rate float64) time.Duration {
	slot := time.Duration(float64(time.Second) / rate)
	switch q {
	case jobs.Critical:
		return 2*time.Second + 2*slot
	case jobs.Reminders:
		return time.Second + slot
	}
	return 0
}

// wait waits until a message may leave. When that takes too long for a batch
// it gives the moment at which the message should try again.
func (r *rates) wait(ctx context.Context, q jobs.Queue, to string) (later time.Time, err error) {
	if r.none() {
		return time.Time{}, nil
	}
	var limits []queue.Limit
	longest := unlimited
	if r.rate > 0 {
		limits = append(limits, queue.Limit{Key: r.relay, Rate: r.rate, Burst: burst(q, r.rate)})
	}
	domain := mailer.Domain(to)
	rate := r.domains[domain]
	if rate > 0 {
		limits = append(limits, queue.Limit{Key: r.relay + ":" + domain, Rate: rate, Burst: burst(q, rate)})
		longest = patientFor
	}
	if len(limits) == 0 {
		return time.Time{}, nil
	}
	wait, ok, err := r.queue.Take(ctx, 1, longest, limits...)
	if err != nil {
		return time.Time{}, fmt.Errorf("ask for a slot: %w", err)
	}
	if !ok {
		return r.slot(domain, rate, wait), nil
	}
	if wait <= 0 {
		return time.Time{}, nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return time.Time{}, nil
	case <-ctx.Done():
		return time.Time{}, context.Cause(ctx)
	}
}

// slot gives a moment for a message that was turned away: each a later one, or
// all that go to a slow domain would come back at the same time.
func (r *rates) slot(domain string, rate float64, wait time.Duration) time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	at := r.clock.Now().Add(wait)
	if next := r.slots[domain]; next.After(at) {
		at = next
	}
	if rate > 0 {
		r.slots[domain] = at.Add(time.Duration(float64(time.Second) / rate))
	}
	return at
}
