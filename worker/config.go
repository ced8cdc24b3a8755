package worker

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/mail"
	"os"
	"time"

	"heraut/jobs"
	"heraut/jobs/queue"
	"heraut/templates"
	"heraut/worker/mailer"
)

// Config is everything a worker needs. The fields above the empty line are
// required.
type Config struct {
	Ledger    Ledger
	Queue     *queue.Conn
	Templates *templates.Set
	// Dialer opens sessions with the relay. Its DotGrace bounds how long a stop
	// waits for a mail that is under way.
	Dialer *mailer.Dialer
	// From is the sender of every mail, in the header and on the envelope.
	From mail.Address
	// TagKey keys what has to be the same for ever and guessed by nobody: the
	// organizer's tags and Message-IDs. 16 bytes or more.
	TagKey []byte

	// PublicURL is where people find the pages of the web side, as in
	// https://heraut.example.nl; campaigns link to the one where they unsubscribe.
	// "" is nowhere: no campaign leaves then.
	PublicURL string
	// Connections is how many connections with the relay are open at most, all
	// queues together; 0 means 8. A quarter of them is for critical, a quarter
	// for reminders, the rest for bulk, at least one each.
	Connections int
	// Rate is how many messages a second leave at most, those of all workers on
	// one Redis together; 0 is no limit.
	Rate float64
	// DomainRates is the same for a recipient's domain, in lower case and as
	// A-labels.
	DomainRates map[string]float64
	// Signer puts a DKIM signature on every mail; nil for none.
	Signer *mailer.Signer
	// Clock tells the time; nil means that of the machine, of which a jump by more
	// than a minute is followed only after it stood for ten.
	Clock Clock
	// Horizon is how long before its moment a message goes in the queue; 0
	// means 2 minutes. Longer waits stay in the ledger.
	Horizon time.Duration
	// Tick is the time between two looks at what is due; 0 means 500 ms.
	Tick time.Duration
	// Stale is after how long a message that was put in a queue and not
	// claimed is put there once more; 0 means 30 s.
	Stale time.Duration
	// Lease is how long a sign of life holds; 0 means 20 s. It is renewed four
	// times as often. After a crash messages wait this long.
	Lease time.Duration
	// SweepEvery is the time between two sweeps; 0 means 5 s.
	SweepEvery time.Duration
	// FlushEvery is how long an outcome waits for others to be recorded with,
	// at most, while no connection stands still; 0 means 20 ms.
	FlushEvery time.Duration
	// StopWithin is how long [Worker.Run] waits, once told to stop, for the
	// mails under way; 0 means 10 s. What is not finished then is in doubt.
	StopWithin time.Duration
	// Manual leaves the timing to the caller: messages are dispatched and
	// sweeps done by [Worker.Tick] and [Worker.Settle] only, and nothing goes
	// in the queue before its moment. For a clock that does not run by itself.
	Manual bool
	// ID names this worker among all, and never again another one; "" makes
	// one of host, process and chance.
	ID string
	// OnOutcome is told how each try ended, after it was recorded, from several
	// goroutines at once; nil for nobody. It must not block.
	OnOutcome func(jobs.Claim, jobs.Outcome)
	// Log gets what happens, without any address; nil for none.
	Log *slog.Logger
}

// WithDefaults gives the configuration with its zero fields filled in.
func (c Config) WithDefaults() Config {
	c.Connections = cmp.Or(c.Connections, 8)
	c.Horizon = cmp.Or(c.Horizon, 2*time.Minute)
	c.Tick = cmp.Or(c.Tick, 500*time.Millisecond)
	c.Stale = cmp.Or(c.Stale, 30*time.Second)
	c.Lease = cmp.Or(c.Lease, 20*time.Second)
	c.SweepEvery = cmp.Or(c.SweepEvery, 5*time.Second)
	c.FlushEvery = cmp.Or(c.FlushEvery, 20*time.Millisecond)
	c.StopWithin = cmp.Or(c.StopWithin, 10*time.Second)
	c.Log = cmp.Or(c.Log, slog.New(slog.DiscardHandler))
	if c.Clock == nil {
		c.Clock = newSteadyClock(c.Log)
	}
	if c.ID == "" {
		host, _ := os.Hostname() // "" does as well
		c.ID = fmt.Sprintf("%s-%d-%s", host, os.Getpid(), rand.Text()[:8])
	}
	return c
}

// Validate says what is missing or makes no sense. It expects defaults to be
// filled in.
func (c Config) Validate() error {
	switch {
	case c.Ledger == nil, c.Queue == nil, c.Templates == nil, c.Dialer == nil:
		return errors.New("worker: ledger, queue, templates and dialer are required")
	case mailer.Domain(c.From.Address) == "":
		return errors.New("worker: from needs an address")
	case len(c.TagKey) < 16:
		return fmt.Errorf("worker: the tag key has %d bytes, 16 or more are needed", len(c.TagKey))
	case c.Connections < len(jobs.Queues()):
		return fmt.Errorf("worker: %d connections: at least %d are needed, one for each queue", c.Connections, len(jobs.Queues()))
	}
	if err := checkPublicURL(c.PublicURL); err != nil {
		return err
	}
	for _, d := range []struct {
		name  string
		value time.Duration
	}{
		{"horizon", c.Horizon}, {"tick", c.Tick}, {"stale", c.Stale}, {"lease", c.Lease},
		{"sweep interval", c.SweepEvery}, {"flush interval", c.FlushEvery}, {"stop limit", c.StopWithin},
	} {
		if d.value <= 0 {
			return fmt.Errorf("worker: the %s is %v; it must be more than zero", d.name, d.value)
		}
	}
	return nil
}

// connections gives a queue's share of the connections.
func (c Config) connections(q jobs.Queue) int {
	share := max(1, c.Connections/4)
	if q == jobs.Bulk {
		return c.Connections - 2*share
	}
	return share
}
