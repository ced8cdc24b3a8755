package worker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
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
	batch  *batch
	claim  *jobs.Claim
	letter *letter // written by a sender that was held up; nil: not yet
}

const (
	// written is how many mails a sender has written at most, the one it sends
	// included. With the next ones at hand their envelope can go along with the
	// dot, and their dots be committed together. They are written ten or so in a
	// row: one between every two that are sent cost a worker six hundredths more of
	// its processor time, as the code of each threw the other's out of the cache.
	written = 24
	// onRecord is how many of them, behind the one that is sent, have their dot
	// on record at most. Half as many cost a tenth of the speed, as commits that
	// connections wait for hold less; twice as many gain little, and a crash leaves
	// more in doubt.
	onRecord = 15
)

// sender sends mails over one connection, one after another. A queue has as
// many as it may have connections.
type sender struct {
	w       *Worker
	queue   jobs.Queue
	line    *line
	pool    *mailer.Pool
	session *mailer.Session // nil: none yet, or it broke
	took    time.Duration   // the last mail that was accepted; 0: none since the session broke
	pages   [written][]byte // of the letters, used in turn
	page    int             // the next to use
	held    *time.Timer     // runs while a mail is under way

	mu      sync.Mutex
	letters []*letter // written and not sent, in order
}

// holdUp is how long mails wait behind one that is under way. A server that
// says nothing may be waited for ten minutes; they are not to wait along.
const holdUp = time.Second

func newSender(w *Worker, q jobs.Queue) *sender {
	s := &sender{w: w, queue: q, line: w.lines[q], pool: w.pools[q]}
	s.held = time.AfterFunc(time.Hour, s.passOn)
	s.held.Stop()
	return s
}

// run sends until done is closed.
func (s *sender) run(done <-chan struct{}) {
	for {
		if s.count() == 0 {
			s.rest()
			select {
			case c := <-s.line.claims:
				s.write(c)
			case <-done:
				return
			}
		}
		s.writeAhead()
		if l, next := s.first(); l != nil {
			s.held.Reset(holdUp)
			s.send(l, next)
			s.held.Stop()
		}
	}
}

// soon is how many mails go within dotAhead; 0 as long as nobody knows how fast
// the relay is.
func (s *sender) soon() int {
	if s.took == 0 {
		return 0
	}
	return int(dotAhead / s.took)
}

// writeAhead writes the next mails that are there at this moment, once there is
// room for some: for the one to send, the next, and those that go soon. The
// others are for other senders.
func (s *sender) writeAhead() {
	room := min(written, 2+s.soon())
	if s.count() > room*3/5 {
		return // or they would be written one by one
	}
	for s.count() < room {
		select {
		case c := <-s.line.claims:
			s.write(c)
		default:
			return
		}
	}
}

// count counts the letters.
func (s *sender) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.letters)
}

// append puts a letter after the others.
func (s *sender) append(l *letter) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.letters = append(s.letters, l)
}

// first takes the first of the letters, to send it, and shows the one after it;
// nil where there is none. It asks for the dots of those that stay and whose turn
// comes soon, so that the commit goes on while others are under way. Not of
// more, as a dot on record can no longer be overtaken by a cancellation, and
// not before the relay took a mail, as one that takes none must cost no message
// a try.
func (s *sender) first() (l, next *letter) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.letters) == 0 {
		return nil, nil
	}
	l = s.letters[0]
	s.letters = slices.Delete(s.letters, 0, 1)
	if len(s.letters) > 0 {
		next = s.letters[0]
	}
	if !s.w.rates.none() {
		return l, next
	}
	for _, later := range s.letters[:min(len(s.letters), s.soon(), onRecord)] {
		if later.permit == nil {
			s.ask(later, true)
		}
	}
	return l, next
}

// passOn leaves the letters behind a mail that takes long to other senders.
func (s *sender) passOn() {
	s.mu.Lock()
	letters := s.letters
	s.letters = nil
	for _, l := range letters {
		l.data = bytes.Clone(l.data) // the pages are used again
	}
	s.mu.Unlock()
	for _, l := range letters {
		select {
		case s.line.claims <- claimed{l.batch, l.claim, l}:
		case <-l.batch.ctx.Done():
			l.batch.unsent(l)
			l.batch.inHand.Done()
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
func (s *sender) write(c claimed) {
	if c.letter != nil {
		s.append(c.letter)
		return
	}
	b := c.batch
	page := &s.pages[s.page]
	l, err := s.letter(c, (*page)[:0])
	if err != nil {
		b.unwritten(c.claim, err)
		b.inHand.Done()
		return
	}
	l.batch = b
	*page = l.data
	s.page = (s.page + 1) % written
	s.append(&l)
}

// letter is [Worker.letter], unless the batch has come to its end.
func (s *sender) letter(c claimed, buf []byte) (letter, error) {
	if c.batch.ctx.Err() != nil {
		return letter{}, errBatchOver
	}
	return s.w.letter(c.batch.ctx, c.claim, buf)
}

// errBatchOver is why a claim is given back of a batch that has come to its end.
var errBatchOver = errors.New("the batch is over")

// unwritten ends a claim of which no mail could be made.
func (b *batch) unwritten(c *jobs.Claim, err error) {
	if u, ok := errors.AsType[*unsendable](err); ok {
		b.log.Log(b.ctx, levelOf(u.state), "message not sent", "message", c.Message.ID, "event", c.Message.EventID, "state", u.state)
		out := jobs.Outcome{ID: c.Message.ID, Fence: c.Fence, State: u.state, Reason: jobs.TrimReason(u.reason)}
		b.record(c, out)
		b.count(c, out)
		return
	}
	b.stop(err)
	b.giveBack(c)
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
	if b.held(l) {
		return
	}
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
	out := outcome(l.claim, l.start, r, s.w.cfg.Clock.Now())
	m := &l.claim.Message
	if level := levelOf(out.State); b.log.Enabled(b.ctx, level) {
		b.log.Log(b.ctx, level, "message tried", "message", m.ID, "event", m.EventID, "kind", m.Kind,
			"state", out.State, "code", r.Code, "enhanced", r.Enhanced, "domain", mailer.Domain(l.envelope.To), "attempt", m.Attempts)
	}
	b.record(l.claim, out)
	b.count(l.claim, out)
}

// count counts how a try ended, and pauses a campaign whose mails fail.
func (b *batch) count(c *jobs.Claim, out jobs.Outcome) {
	if reason, pause := b.w.brake.count(&c.Message, out); pause {
		b.w.pauseCampaign(b.ctx, c.Message.Name, reason)
	}
}

// held ends a letter of a campaign that is about to be paused. On record it is
// not yet.
func (b *batch) held(l *letter) bool {
	on, reason, now := b.w.brake.holds(&l.claim.Message)
	if now {
		b.w.pauseCampaign(b.ctx, l.claim.Message.Name, reason)
	}
	switch {
	case !on:
	case l.permit != nil:
		b.unsent(l)
	default:
		b.record(l.claim, givenBack(l.claim, b.w.cfg.Clock.Now().Add(pause)))
	}
	return on
}

// unsent ends the claim of a letter that is not sent now. When its dot is
// perhaps on record that is a try that came to nothing.
func (b *batch) unsent(l *letter) {
	if l.permit == nil {
		b.giveBack(l.claim)
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
		t := mailer.Transaction{Envelope: l.envelope, Data: l.data, File: l.file, BeforeDot: func(context.Context) error { return s.dot(l) }}
		if next != nil && s.w.rates.none() { // or the server would wait in the middle of it
			t.Next = &next.envelope
		}
		began := time.Now()
		r := s.session.Send(ctx, t)
		if r.Verdict == mailer.Accepted {
			s.took = time.Since(began)
		}
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
		s.session, s.took = nil, 0
	}
}

// dot puts the final dot of a mail on record. An error means that it must not
// be sent.
func (s *sender) dot(l *letter) error {
	if l.permit == nil || time.Since(l.asked) > dotAgain {
		s.ask(l, false)
	}
	a := s.await(l)
	switch {
	case a.err != nil:
		return a.err
	case !a.result:
		return errOvertaken
	case !s.w.lease.alive():
		return errLeaseLost // the commit took so long
	case !l.claim.Message.ExpiresAt.After(s.w.cfg.Clock.Now()):
		return errTooLate // it waited behind others
	}
	return fault.At(fault.DotCommitted, l.claim.Message.ID)
}

// await waits for the answer about a dot, now that it is needed.
func (s *sender) await(l *letter) groupAnswer[bool] {
	select {
	case a := <-l.permit:
		return a
	default:
		s.w.journal.hurry(dotPatience)
		return <-l.permit
	}
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
	case jobs.Retry, jobs.CancelledState:
		return slog.LevelInfo
	}
	return slog.LevelWarn
}

// relayError is a refusal that is about our standing with the relay.
type relayError struct{ result mailer.Result }

func (e *relayError) Error() string {
	return fmt.Sprintf("the relay refuses us: %d %s", e.result.Code, e.result.Enhanced)
}
