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
		return nil
	}
}

// deliver claims messages and sends what it got, one after another over one
// connection. It returns when every outcome is recorded.
func (w *Worker) deliver(ctx context.Context, q jobs.Queue, ids []int64) {
	alive, owner, ok := w.lease.hold()
	if !ok {
		return // the mark goes stale; the ledger cannot be told now
	}
	b := &batch{w: w, pool: w.pools[q], log: w.log.With("queue", q)}
	defer func() {
		if x := recover(); x != nil {
			// asynq would put the panic in Redis and try again at once. This way
			// the claims are swept up, and the cause is parked after some tries.
			w.lease.spend(owner)
			b.log.Error("delivery panicked", "panic", fmt.Sprintf("%T", x), "stack", string(debug.Stack()))
		}
		b.finish()
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
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(alive, func() { cancel(context.Cause(alive)) })()
	for i, c := range claims {
		if err := b.send(ctx, c); err != nil {
			b.giveBack(ctx, claims[i:], err)
			return
		}
	}
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
	pool    *mailer.Pool
	log     *slog.Logger
	session *mailer.Session // nil: none yet, or it broke
	pending []pendingOutcome
}

// pendingOutcome waits to be recorded.
type pendingOutcome struct {
	claim   jobs.Claim
	outcome jobs.Outcome
	answer  <-chan groupAnswer[bool]
}

// send brings one claim to an outcome. An error says that it was not tried,
// for a reason that goes for the rest of the batch too.
func (b *batch) send(ctx context.Context, c jobs.Claim) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	w := b.w
	l, err := w.letter(ctx, c)
	if u, ok := errors.AsType[*unsendable](err); ok {
		b.log.Warn("message not sent", "message", c.Message.ID, "event", c.Message.EventID, "state", u.state)
		b.record(c, jobs.Outcome{ID: c.Message.ID, Fence: c.Fence, State: u.state, Reason: jobs.TrimReason(u.reason)})
		return nil
	}
	if err != nil {
		return err
	}
	if b.session == nil {
		if b.session, err = b.pool.Get(ctx); err != nil {
			return err
		}
	}
	r := b.session.Send(ctx, l.envelope, l.data, func(context.Context) error {
		a := <-w.dots.add(jobs.Dot{ID: c.Message.ID, Fence: c.Fence, MessageID: l.messageID})
		switch {
		case a.err != nil:
			return a.err
		case !a.result:
			return errOvertaken
		case !w.lease.alive():
			return errLeaseLost // the commit took so long
		}
		return nil
	})
	if b.session.Closed() {
		b.drop()
	}
	switch {
	case r.Verdict == mailer.Temporary && r.Code == 0 && ctx.Err() != nil:
		return context.Cause(ctx)
	case relayTrouble(r) && r.Phase != mailer.PhaseDot: // with the dot on record it is a try
		return &relayError{r}
	}
	out := outcome(c, l.event, r, w.cfg.Clock.Now())
	b.log.Log(ctx, levelOf(out.State), "message tried", "message", c.Message.ID, "event", c.Message.EventID, "kind", c.Message.Kind,
		"state", out.State, "code", r.Code, "enhanced", r.Enhanced, "domain", mailer.Domain(l.envelope.To), "attempt", c.Message.Attempts)
	b.record(c, out)
	return nil
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
	b.pending = append(b.pending, pendingOutcome{c, out, b.w.outcomes.add(out)})
}

// giveBack ends claims that were not tried. Their tries do not count.
func (b *batch) giveBack(ctx context.Context, claims []jobs.Claim, cause error) {
	var next time.Time // as before
	if ctx.Err() == nil {
		next = b.w.cfg.Clock.Now().Add(pause + rand.N(pause)) // not all of them at the same moment
		b.log.Warn("messages given back; trying again within a minute", "messages", len(claims), "error", cause)
	} else {
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

// finish puts the session back and waits until all is recorded.
func (b *batch) finish() {
	if b.session != nil {
		b.pool.Put(b.session, true)
	}
	for _, p := range b.pending {
		a := <-p.answer
		switch {
		case a.err != nil:
			b.log.Error("outcome not recorded", "message", p.claim.Message.ID, "state", p.outcome.State, "error", a.err)
		case !a.result:
			b.log.Info("outcome came too late; the message was taken over", "message", p.claim.Message.ID, "state", p.outcome.State)
		case b.w.cfg.OnOutcome != nil:
			b.w.cfg.OnOutcome(p.claim, p.outcome)
		}
	}
}
