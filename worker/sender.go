package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"heraut/jobs"
	"heraut/worker/fault"
	"heraut/worker/mailer"
)

// errTrouble is in the cause when a batch ends because of the relay, and not
// because the worker does.
var errTrouble = errors.New("trouble with the mail server")

// line is where the senders of a queue take their work.
type line struct {
	claims chan claimed
	turn   chan struct{} // held by the batch that is being fed
}

// newLine makes the line of so many senders, with room for what each sends next.
func newLine(senders int) *line {
	return &line{claims: make(chan claimed, 2*senders), turn: make(chan struct{}, 1)}
}

// claimed is a claim on its way to a sender.
type claimed struct {
	batch *batch
	claim jobs.Claim
}

// sender sends mails over one connection, one after another. A queue has as
// many as it may have connections.
type sender struct {
	w       *Worker
	queue   jobs.Queue
	line    *line
	pool    *mailer.Pool
	session *mailer.Session // nil: none yet, or it broke
	took    time.Duration   // the last transaction
	pages   [2][]byte       // the mail that is sent and the one after it
	written int             // mails so far
}

// run sends until done is closed. A mail is written while the one before it is
// still to be sent, so that its envelope can go along with the dot.
func (s *sender) run(done <-chan struct{}) {
	var now *letter
	for {
		if now == nil {
			select {
			case c := <-s.line.claims:
				now = s.write(c)
			case <-done:
				return
			}
			continue
		}
		next := s.more()
		s.send(now, next)
		if now = next; now == nil {
			s.rest()
		}
	}
}

// more writes the next mail if there is one to send at this moment.
func (s *sender) more() *letter {
	for {
		select {
		case c := <-s.line.claims:
			if l := s.write(c); l != nil {
				return l
			}
		default:
			return nil
		}
	}
}

// rest puts the session back.
func (s *sender) rest() {
	if s.session != nil {
		s.pool.Put(s.session, true)
		s.session = nil
	}
}

// write writes a mail; a claim without one ends here.
func (s *sender) write(c claimed) (l *letter) {
	b := c.batch
	defer func() {
		if l == nil {
			b.inHand.Done()
		}
	}()
	if b.ctx.Err() != nil {
		b.giveBack([]jobs.Claim{c.claim})
		return nil
	}
	page := &s.pages[s.written%2]
	letter, err := s.w.letter(b.ctx, c.claim, (*page)[:0])
	if u, ok := errors.AsType[*unsendable](err); ok {
		b.log.Warn("message not sent", "message", c.claim.Message.ID, "event", c.claim.Message.EventID, "state", u.state)
		b.record(c.claim, jobs.Outcome{ID: c.claim.Message.ID, Fence: c.claim.Fence, State: u.state, Reason: jobs.TrimReason(u.reason)})
		return nil
	}
	if err != nil {
		b.stop(err)
		b.giveBack([]jobs.Claim{c.claim})
		return nil
	}
	letter.batch = b
	*page = letter.data
	s.written++
	return &letter
}

// stop ends a batch for a reason that goes for all that is left of it.
func (b *batch) stop(err error) {
	if b.ctx.Err() == nil {
		b.cancel(fmt.Errorf("%w: %w", errTrouble, err))
	}
}

// send brings one mail to an outcome.
func (s *sender) send(l, next *letter) {
	b := l.batch
	defer b.inHand.Done()
	defer func() {
		if x := recover(); x != nil {
			b.panicked(x)
			s.drop()
		}
	}()
	later, err := s.w.rates.wait(b.ctx, s.queue, l.envelope.To)
	if err == nil && !later.IsZero() {
		b.record(l.claim, givenBack(l.claim, later))
		return
	}
	var r mailer.Result
	if err == nil {
		r, err = s.transact(l, next)
	}
	switch {
	case err != nil:
	case r.Verdict == mailer.Temporary && r.Code == 0 && b.ctx.Err() != nil:
		err = context.Cause(b.ctx)
	case relayTrouble(r):
		refused := &relayError{r}
		s.w.relay.open(refused)
		b.stop(refused)
		if r.Phase != mailer.PhaseDot { // with the dot on record it is a try
			err = refused
		}
	}
	if err != nil {
		b.stop(err)
		b.unsent(l)
		return
	}
	_ = fault.At(fault.Answered, l.claim.Message.ID)
	out := outcome(l.claim, l.event, r, s.w.cfg.Clock.Now())
	m := l.claim.Message
	if level := levelOf(out.State); b.log.Enabled(b.ctx, level) {
		b.log.Log(b.ctx, level, "message tried", "message", m.ID, "event", m.EventID, "kind", m.Kind,
			"state", out.State, "code", r.Code, "enhanced", r.Enhanced, "domain", mailer.Domain(l.envelope.To), "attempt", m.Attempts)
	}
	b.record(l.claim, out)
}

// unsent ends the claim of a letter that is not sent now. When its dot is
// perhaps on record that is a try that came to nothing.
func (b *batch) unsent(l *letter) {
	if l.permit == nil {
		b.giveBack([]jobs.Claim{l.claim})
		return
	}
	b.record(l.claim, jobs.Outcome{
		ID: l.claim.Message.ID, Fence: l.claim.Fence, State: jobs.Retry,
		Reason: "stopped before the final dot", NextAttemptAt: b.w.cfg.Clock.Now(),
	})
}

// transact sends a mail over the sender's session, and over a fresh one when
// the server had closed that before it saw anything.
func (s *sender) transact(l, next *letter) (mailer.Result, error) {
	ctx := l.batch.ctx
	for {
		if s.session == nil {
			var err error
			if s.session, err = s.pool.Get(ctx); err != nil {
				if opens(err) {
					s.w.relay.open(err)
				}
				return mailer.Result{}, err
			}
		}
		t := mailer.Transaction{Envelope: l.envelope, Data: l.data, BeforeDot: func(context.Context) error { return s.dot(l, next) }}
		if next != nil && s.w.rates.none() { // or the server would wait in the middle of it
			t.Next = &next.envelope
		}
		began := time.Now()
		r := s.session.Send(ctx, t)
		s.took = time.Since(began)
		if s.session.Closed() {
			s.drop()
		}
		if !r.Stale {
			return r, nil
		}
	}
}

// drop ends a session that can take no more.
func (s *sender) drop() {
	if s.session != nil {
		s.pool.Put(s.session, false)
		s.session = nil
	}
}

// dot puts the final dot of a mail on record. An error means that it must not
// be sent. With that settled it asks for the dot of the next mail, so that the
// commit goes on while this mail does; not when the relay is slow, as a dot on
// record can no longer be overtaken by a cancellation.
func (s *sender) dot(l, next *letter) error {
	if l.permit != nil && time.Since(l.asked) > dotGood {
		<-l.permit
		l.permit = nil // ask again: much may have changed
	}
	if l.permit == nil {
		s.ask(l, false)
	}
	a := <-l.permit
	switch {
	case a.err != nil:
		return a.err
	case !a.result:
		return errOvertaken
	case !s.w.lease.alive():
		return errLeaseLost // the commit took so long
	}
	if next != nil && s.took < quick && s.w.rates.none() {
		s.ask(next, true)
	}
	return fault.At(fault.DotCommitted, l.claim.Message.ID)
}

// ask asks for a final dot.
func (s *sender) ask(l *letter, ahead bool) {
	l.asked = time.Now()
	l.permit = s.w.journal.add(entry{
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
