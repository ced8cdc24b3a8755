package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"sync"
	"time"

	"heraut/jobs"
	"heraut/worker/fault"
)

// deliver claims messages and has them sent. It returns when every outcome is
// recorded, or with what [Worker.notNow] says when it cannot begin.
func (w *Worker) deliver(ctx context.Context, q jobs.Queue, ids []int64) error {
	if w.relay.isOpen() {
		return w.notNow()
	}
	alive, owner, ok := w.lease.hold()
	if !ok {
		return w.notNow() // the ledger cannot be told
	}
	b := &batch{w: w, queue: q, log: w.log.With("queue", q)}
	defer func() {
		if x := recover(); x != nil {
			// asynq would put the panic in Redis and try again at once. This way
			// the claims are swept up, and the cause is parked after some tries.
			b.panicked(x)
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
		return w.notNow()
	}
	if len(claims) > 0 {
		_ = fault.At(fault.Claimed, 0)
	}
	b.ctx, b.cancel = context.WithCancelCause(ctx)
	defer b.cancel(nil)
	defer context.AfterFunc(alive, func() { b.cancel(context.Cause(alive)) })()
	hand := make([]*jobs.Claim, len(claims))
	for i := range claims {
		hand[i] = &claims[i]
	}
	b.pending = make([]pendingOutcome, 0, len(claims))
	b.feed(hand)
	b.inHand.Wait() // before the context ends
	return nil
}

// notNow answers a task that cannot be done while this worker has trouble. All
// messages are due still, but who handed the task over takes it for being in the
// queue, and may be another worker, which has none. With a Redis inside the
// process there is no other, and this one hands over anew.
func (w *Worker) notNow() error {
	if w.cfg.Queue.IsEmbedded() {
		return nil
	}
	return errNotNow
}

// claim claims, and hears the answer also when the worker is told to stop.
func (w *Worker) claim(ctx context.Context, owner string, ids []int64) ([]jobs.Claim, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), w.cfg.Lease)
	defer cancel()
	return w.cfg.Ledger.Claim(ctx, owner, ids, w.cfg.Clock.Now())
}

// batch is the claims of one task.
type batch struct {
	w      *Worker
	queue  jobs.Queue
	log    *slog.Logger
	ctx    context.Context // ends with the worker, its lease, or trouble that goes for all of the batch
	cancel context.CancelCauseFunc
	inHand sync.WaitGroup // claims that senders have

	mu      sync.Mutex
	broken  bool // something panicked: what became of a claim is not known
	pending []pendingOutcome
}

// pendingOutcome waits to be recorded.
type pendingOutcome struct {
	claim   *jobs.Claim
	outcome *jobs.Outcome
	answer  <-chan groupAnswer[bool]
}

// feed gives the claims to the senders of the queue, and ends those that none
// takes. One batch goes at a time: neighbours in the ledger then are under way
// together, and a commit writes few pages instead of one a message.
func (b *batch) feed(claims []*jobs.Claim) {
	l := b.w.lines[b.queue]
	select {
	case l.turn <- struct{}{}:
		defer func() { <-l.turn }()
	case <-b.ctx.Done():
	}
	for i, c := range claims {
		if b.ctx.Err() == nil {
			b.inHand.Add(1)
			select {
			case l.claims <- claimed{batch: b, claim: c}:
				continue
			case <-b.ctx.Done():
				b.inHand.Done()
			}
		}
		b.giveBack(claims[i:]...)
		return
	}
}

// panicked notes that code panicked over something of this batch.
func (b *batch) panicked(x any) {
	b.mu.Lock()
	b.broken = true
	b.mu.Unlock()
	b.log.Error("delivery panicked", "panic", fmt.Sprintf("%T", x), "stack", string(debug.Stack()))
}

// record hands in an outcome; the next message does not wait for it.
func (b *batch) record(c *jobs.Claim, out jobs.Outcome) {
	answer := b.w.journal.add(entry{outcome: &out})
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pending = append(b.pending, pendingOutcome{c, &out, answer})
}

// giveBack ends claims that were not tried. Their tries do not count.
func (b *batch) giveBack(claims ...*jobs.Claim) {
	var next time.Time // as before
	cause := context.Cause(b.ctx)
	switch {
	case b.w.relay.isOpen():
		b.log.Debug("messages given back until this worker sends again", "messages", len(claims))
	case errors.Is(cause, errTrouble):
		next = b.w.cfg.Clock.Now().Add(pause + rand.N(pause)) // not all of them at the same moment
		b.log.Warn("messages given back; trying again within a minute", "messages", len(claims), "error", cause)
	default:
		b.log.Info("messages given back", "messages", len(claims), "cause", cause)
	}
	for _, c := range claims {
		b.record(c, givenBack(c, next))
	}
}

// finish waits until all is recorded; false when something could not be.
func (b *batch) finish() (ok bool) {
	b.inHand.Wait()
	ok = !b.broken
	for _, p := range b.pending {
		a := <-p.answer
		switch {
		case a.err != nil:
			ok = false
			b.log.Error("outcome not recorded", "message", p.claim.Message.ID, "state", p.outcome.State, "error", a.err)
		case !a.result:
			b.log.Info("outcome came too late; the message was taken over", "message", p.claim.Message.ID, "state", p.outcome.State)
		case b.w.cfg.OnOutcome != nil:
			b.w.cfg.OnOutcome(*p.claim, *p.outcome)
		}
	}
	return ok
}
