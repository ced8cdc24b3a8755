package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"time"

	"github.com/hibiken/asynq"

	"heraut/jobs"
	"heraut/jobs/queue"
	"heraut/worker/fault"
	"heraut/worker/mailer"
)

// handler takes the tasks of one queue. It gives an error only for a task that
// cannot be read: trying messages again is the ledger's business. asynq's own
// context is not used, as it ends when Redis goes away, and the claims do not.
func (w *Worker) handler(ctx context.Context, q jobs.Queue) asynq.HandlerFunc {
	return func(_ context.Context, task *asynq.Task) error {
		begun := w.begin()
		if begun {
			defer w.hands.Done()
		}
		if task.Type() != queue.KindDeliver {
			w.log.Error("task of an unknown kind; archived", "kind", task.Type(), "queue", q)
			return fmt.Errorf("unknown kind: %w", asynq.SkipRetry)
		}
		d, err := queue.DecodeDeliver(task.Payload())
		if err != nil {
			w.log.Error("task that cannot be read; archived", "queue", q, "error", err)
			return fmt.Errorf("%w: %w", err, asynq.SkipRetry)
		}
		if !begun {
			_ = w.unqueue(ctx, d.IDs) // or they wait until the mark goes stale
			return nil
		}
		w.deliver(ctx, q, d.IDs)
		_ = fault.At(fault.Recorded, 0)
		return nil
	}
}

// deliver claims messages and sends what it got, one after another over one
// connection. It returns when every outcome is recorded.
func (w *Worker) deliver(ctx context.Context, q jobs.Queue, ids []int64) {
	if w.relay.isOpen() {
		_ = w.unqueue(ctx, ids) // due again; dispatch waits for the relay
		return
	}
	alive, owner, ok := w.lease.hold()
	if !ok {
		return // the mark goes stale; the ledger cannot be told now
	}
	b := &batch{w: w, queue: q, pool: w.pools[q], log: w.log.With("queue", q)}
	defer func() {
		if x := recover(); x != nil {
			// asynq would put the panic in Redis and try again at once. This way
			// the claims are swept up, and the cause is parked after some tries.
			w.lease.spend(owner)
			b.log.Error("delivery panicked", "panic", fmt.Sprintf("%T", x), "stack", string(debug.Stack()))
		}
		if !b.finish() {
			w.lease.spend(owner) // its claims are swept up once it says goodbye
		}
		for _, name := range w.lease.release(owner) {
			w.goodbye(ctx, name)
		}
	}()
	claims, err := w.claim(ctx, owner.name, ids)
	if err != nil {
		// It may have taken them all the same.
		w.lease.spend(owner)
		b.log.Warn("cannot claim; trying later", "messages", len(ids), "error", err)
		return
	}
	if len(claims) > 0 {
		_ = fault.At(fault.Claimed, 0)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(alive, func() { cancel(context.Cause(alive)) })()
	b.run(ctx, claims)
}

// claim claims, and hears the answer also when the worker is told to stop.
func (w *Worker) claim(ctx context.Context, owner string, ids []int64) ([]jobs.Claim, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), w.cfg.Lease)
	defer cancel()
	return w.cfg.Ledger.Claim(ctx, owner, ids, w.cfg.Clock.Now())
}

// batch is the claims of one task.
type batch struct {
	w       *Worker
	queue   jobs.Queue
	pool    *mailer.Pool
	log     *slog.Logger
	session *mailer.Session // nil: none yet, or it broke
	pages   [2][]byte       // the mail that is sent and the one after it
	written int             // mails so far
	took    time.Duration   // the last transaction
	pending []pendingOutcome
}

// pendingOutcome waits to be recorded.
type pendingOutcome struct {
	claim   jobs.Claim
	outcome jobs.Outcome
	answer  <-chan groupAnswer[bool]
}

// run brings every claim to an outcome. A mail is written while the one before
// it is still to be sent, so that its envelope can go along with the dot.
func (b *batch) run(ctx context.Context, claims []jobs.Claim) {
	now, rest, err := b.write(ctx, claims)
	for now != nil && err == nil {
		var next *letter
		// An error of the one after this is of no concern to this one.
		var nextErr error
		if next, rest, nextErr = b.write(ctx, rest); nextErr != nil {
			next = nil
		}
		if err = b.send(ctx, now, next); err != nil {
			rest = append(b.unsent(next), rest...)
			rest = append(b.unsent(now), rest...)
			break
		}
		now, err = next, nextErr
	}
	if len(rest) > 0 {
		b.giveBack(ctx, rest, err)
	}
}

// write writes the next mail; claims without one end here. It gives the claims
// that are left; on an error, which goes for all of them, with this one.
func (b *batch) write(ctx context.Context, claims []jobs.Claim) (*letter, []jobs.Claim, error) {
	for len(claims) > 0 {
		if err := context.Cause(ctx); err != nil {
			return nil, claims, err
		}
		c := claims[0]
		page := &b.pages[b.written%2]
		l, err := b.w.letter(ctx, c, (*page)[:0])
		if u, ok := errors.AsType[*unsendable](err); ok {
			b.log.Warn("message not sent", "message", c.Message.ID, "event", c.Message.EventID, "state", u.state)
			b.record(c, jobs.Outcome{ID: c.Message.ID, Fence: c.Fence, State: u.state, Reason: jobs.TrimReason(u.reason)})
			claims = claims[1:]
			continue
		}
		if err != nil {
			return nil, claims, err
		}
		*page = l.data
		b.written++
		return &l, claims[1:], nil
	}
	return nil, nil, nil
}

// send brings one mail to an outcome. An error says that it was not tried, for
// a reason that goes for the rest of the batch too.
func (b *batch) send(ctx context.Context, l, next *letter) error {
	w := b.w
	later, err := w.rates.wait(ctx, b.queue, l.envelope.To)
	switch {
	case err != nil:
		return err
	case !later.IsZero():
		b.record(l.claim, givenBack(l.claim, later))
		return nil
	}
	r, err := b.transact(ctx, l, next)
	switch {
	case err != nil:
		return err
	case r.Verdict == mailer.Temporary && r.Code == 0 && ctx.Err() != nil:
		return context.Cause(ctx)
	case relayTrouble(r):
		refused := &relayError{r}
		w.relay.open(refused)
		if r.Phase != mailer.PhaseDot { // with the dot on record it is a try
			return refused
		}
	}
	_ = fault.At(fault.Answered, l.claim.Message.ID)
	out := outcome(l.claim, l.event, r, w.cfg.Clock.Now())
	m := l.claim.Message
	if level := levelOf(out.State); b.log.Enabled(ctx, level) {
		b.log.Log(ctx, level, "message tried", "message", m.ID, "event", m.EventID, "kind", m.Kind,
			"state", out.State, "code", r.Code, "enhanced", r.Enhanced, "domain", mailer.Domain(l.envelope.To), "attempt", m.Attempts)
	}
	b.record(l.claim, out)
	return nil
}

// transact sends a mail over the session of the batch, and over a fresh one
// when the server had closed that before it saw anything.
func (b *batch) transact(ctx context.Context, l, next *letter) (mailer.Result, error) {
	for {
		if b.session == nil {
			var err error
			if b.session, err = b.pool.Get(ctx); err != nil {
				if opens(err) {
					b.w.relay.open(err)
				}
				return mailer.Result{}, err
			}
		}
		t := mailer.Transaction{Envelope: l.envelope, Data: l.data, BeforeDot: func(context.Context) error { return b.dot(l, next) }}
		if next != nil && b.w.rates.none() { // or the server would wait in the middle of it
			t.Next = &next.envelope
		}
		began := time.Now()
		r := b.session.Send(ctx, t)
		b.took = time.Since(began)
		if b.session.Closed() {
			b.drop()
		}
		if !r.Stale {
			return r, nil
		}
	}
}

// dot puts the final dot of a mail on record. An error means that it must not
// be sent. With that settled it asks for the dot of the next mail, so that the
// commit goes on while this mail does; not when the relay is slow, as a dot on
// record can no longer be overtaken by a cancellation.
func (b *batch) dot(l, next *letter) error {
	if l.permit != nil && time.Since(l.asked) > dotGood {
		<-l.permit
		l.permit = nil // ask again: much may have changed
	}
	if l.permit == nil {
		b.ask(l, false)
	}
	a := <-l.permit
	switch {
	case a.err != nil:
		return a.err
	case !a.result:
		return errOvertaken
	case !b.w.lease.alive():
		return errLeaseLost // the commit took so long
	}
	if next != nil && b.took < quick && b.w.rates.none() {
		b.ask(next, true)
	}
	return fault.At(fault.DotCommitted, l.claim.Message.ID)
}

// ask asks for a final dot.
func (b *batch) ask(l *letter, ahead bool) {
	l.asked = time.Now()
	l.permit = b.w.journal.add(entry{
		dot:   &jobs.Dot{ID: l.claim.Message.ID, Fence: l.claim.Fence, MessageID: l.messageID},
		ahead: ahead,
	})
}

// levelOf keeps the ordinary course of things out of the log.
func levelOf(s jobs.State) slog.Level {
	switch s {
	case jobs.Sent, jobs.Planned:
		return slog.LevelDebug
	case jobs.Retry:
		return slog.LevelInfo
	}
	return slog.LevelWarn
}

// relayError is a refusal that is about our standing with the relay.
type relayError struct{ result mailer.Result }

func (e *relayError) Error() string {
	return fmt.Sprintf("the relay refuses us: %d %s", e.result.Code, e.result.Enhanced)
}

// record hands in an outcome; the next message does not wait for it.
func (b *batch) record(c jobs.Claim, out jobs.Outcome) {
	b.pending = append(b.pending, pendingOutcome{c, out, b.w.journal.add(entry{outcome: &out})})
}

// unsent gives the claim of a letter that is not sent now. With its dot perhaps
// on record that ends here, as a try that came to nothing.
func (b *batch) unsent(l *letter) []jobs.Claim {
	switch {
	case l == nil:
		return nil
	case l.permit == nil:
		return []jobs.Claim{l.claim}
	}
	b.record(l.claim, jobs.Outcome{
		ID: l.claim.Message.ID, Fence: l.claim.Fence, State: jobs.Retry,
		Reason: "stopped before the final dot", NextAttemptAt: b.w.cfg.Clock.Now(),
	})
	return nil
}

// giveBack ends claims that were not tried. Their tries do not count.
func (b *batch) giveBack(ctx context.Context, claims []jobs.Claim, cause error) {
	var next time.Time // as before
	switch {
	case b.w.relay.isOpen():
		b.log.Debug("messages given back until the mail server can be used", "messages", len(claims))
	case ctx.Err() == nil:
		next = b.w.cfg.Clock.Now().Add(pause + rand.N(pause)) // not all of them at the same moment
		b.log.Warn("messages given back; trying again within a minute", "messages", len(claims), "error", cause)
	default:
		b.log.Info("messages given back", "messages", len(claims), "cause", cause)
	}
	for _, c := range claims {
		b.record(c, givenBack(c, next))
	}
}

// drop ends a session that can take no more.
func (b *batch) drop() {
	b.pool.Put(b.session, false)
	b.session = nil
}

// finish puts the session back and waits until all is recorded; false when
// something could not be.
func (b *batch) finish() (ok bool) {
	ok = true
	if b.session != nil {
		b.pool.Put(b.session, true)
	}
	for _, p := range b.pending {
		a := <-p.answer
		switch {
		case a.err != nil:
			ok = false
			b.log.Error("outcome not recorded", "message", p.claim.Message.ID, "state", p.outcome.State, "error", a.err)
		case !a.result:
			b.log.Info("outcome came too late; the message was taken over", "message", p.claim.Message.ID, "state", p.outcome.State)
		case b.w.cfg.OnOutcome != nil:
			b.w.cfg.OnOutcome(p.claim, p.outcome)
		}
	}
	return ok
}
