package mailer

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"
)

// block is how many bytes are written under one Block deadline.
const block = 64 << 10

// quitWait bounds the farewell; nothing depends on it.
const quitWait = 2 * time.Second

// ErrSessionClosed is the cause when a session is used after it was closed or
// its connection broke.
var ErrSessionClosed = errors.New("smtp session is closed")

// errOutOfTurn is the cause when the server spoke where it has nothing to say.
var errOutOfTurn = errors.New("server spoke out of turn")

// errIdleEnd is the cause when the server hung up while it waited for a mail.
var errIdleEnd = errors.New("server ended the connection while it was idle")

// ErrTooLarge is the cause when the mail is larger than the relay's SIZE.
var ErrTooLarge = errors.New("mail is larger than the relay takes")

// ErrNeeds8BitMIME is the cause when the data has octets outside ASCII and the
// relay does not offer 8BITMIME (RFC 6152).
var ErrNeeds8BitMIME = errors.New("mail has octets outside ASCII, and the relay does not offer 8BITMIME")

// Session is an open SMTP session, ready for one transaction after another.
// Not safe for concurrent use.
//
// Where the relay offers PIPELINING (RFC 2920), MAIL, RCPT and DATA are one
// write, and [Transaction.Next] joins them to the mail before: one round trip a
// mail. Replies are read in order and in turn.
type Session struct {
	// link is the TCP connection, below any TLS: for deadlines, and to drop.
	link *link
	in   *bufio.Reader
	out  *bufio.Writer
	buf  []byte // what is written next

	secure                         bool // TLS
	pipelining, eightBit, smtputf8 bool
	maxSize                        int64 // bytes, 0 for unknown

	timeouts Timeouts
	grace    time.Duration
	log      *slog.Logger
	// congested is told of every reply that asks for less at once; nil for nobody.
	congested func()

	needReset bool      // a transaction is open, or was left open by a refusal
	inData    bool      // between the server's 354 and the reply to the dot
	offered   bool      // next went with the last dot, its replies are not read
	next      Envelope  // see offered
	kept      bool      // it served a mail, or lay in a pool
	rested    time.Time // end of the last transaction
	closed    bool
}

// Closed reports whether the session can take no further mail.
func (s *Session) Closed() bool { return s.closed || s.inData }

// Close ends the session with QUIT, waiting at most two seconds for the answer.
// Closing twice is harmless.
func (s *Session) Close() {
	if s.closed {
		return
	}
	// Inside DATA (beforeDot panicked, or an offered envelope was not followed by
	// its mail) not a byte more may go out.
	if !s.inData && !s.offered {
		s.buf = append(s.buf[:0], "QUIT\r\n"...)
		if s.flush(quitWait) == nil {
			s.link.readWithin(quitWait)
			_, _ = readReply(s.in)
		}
	}
	s.drop()
}

// drop hangs up without a word.
func (s *Session) drop() {
	if !s.closed {
		s.closed = true
		s.link.Close()
	}
}

// Send does one transaction: MAIL, RCPT, DATA, header and body, then calls
// BeforeDot, and only when that returns nil ends the data with the dot. A mail
// of at most 256 KiB that announces the [Transaction.Next] is held back until
// BeforeDot has returned, and leaves in one write with the dot.
//
// Cancelling ctx before the dot drops the connection: not delivered. After the
// dot the reply is still awaited, for at most Config.DotGrace. BeforeDot itself
// is not interrupted; what it commits is carried out.
//
// A 4yz or 5yz reply leaves the session usable; 421, silence and nonsense close it.
func (s *Session) Send(ctx context.Context, t Transaction) Result {
	start, kept := time.Now(), s.kept
	r := s.transact(ctx, t)
	s.kept, s.rested = true, time.Now()
	r.Stale = kept && s.closed && r.beforeMail() && ctx.Err() == nil
	if s.log.Enabled(ctx, slog.LevelDebug) {
		s.log.Debug("smtp transaction", "domain", Domain(t.To), "verdict", string(r.Verdict), "phase", string(r.Phase),
			"code", r.Code, "bytes", len(t.Data)+len(t.File.bytes()), "took", s.rested.Sub(start))
	}
	return r
}

func (s *Session) transact(ctx context.Context, t Transaction) Result {
	o, refusal := s.prepare(t)
	if refusal != nil {
		if s.offered {
			s.drop()
		}
		return *refusal
	}
	if err := context.Cause(ctx); err != nil {
		return lost(PhaseMail, err)
	}
	if s.Closed() {
		return lost(PhaseMail, ErrSessionClosed)
	}
	resumed := s.offered
	if resumed && (s.next != t.Envelope || o.eightBit) {
		s.drop()
		return lost(PhaseMail, fmt.Errorf("%w: the server waits for another mail", ErrSessionClosed))
	}
	held := s.pipelining && t.Next != nil && o.size() <= maxHeld
	stop := context.AfterFunc(ctx, func() { s.link.Close() })
	r, ready := s.open(o)
	if ready && resumed && time.Since(s.rested) > freshFor && !s.alive() {
		// The 354 may be as old as the mail before.
		s.drop()
		r, ready = lost(PhaseMail, errIdleEnd), false
	}
	if ready && !held {
		r, ready = s.body(o)
	}
	if !stop() {
		s.drop()
		if r.Code == 0 {
			r = lost(r.Phase, context.Cause(ctx))
		}
		return r
	}
	if !ready {
		return r
	}
	if s.in.Buffered() > 0 {
		// What came along with the 354 cannot be the verdict on a mail that is not
		// sent yet, and must not be read as that.
		return s.brokenBody(errOutOfTurn)
	}
	if t.BeforeDot != nil {
		if err := t.BeforeDot(ctx); err != nil {
			s.drop()
			return Result{Verdict: Aborted, Phase: PhaseBody, Err: err}
		}
	}
	return s.dot(ctx, o, held, t.Next)
}

// flush writes what is in the buffer.
func (s *Session) flush(limit time.Duration) error { return s.write(s.buf, limit) }

func (s *Session) write(p []byte, limit time.Duration) error {
	s.link.writeWithin(limit)
	if _, err := s.out.Write(p); err != nil {
		return err
	}
	return s.out.Flush()
}

// read reads one reply.
func (s *Session) read(limit time.Duration) (reply, error) {
	s.link.readWithin(limit)
	got, err := readReply(s.in)
	if err == nil && got.congested() && s.congested != nil {
		s.congested()
	}
	return got, err
}

// alive looks whether a kept connection is still quiet. A server that closed
// it, or said 421 first, has left something to read.
func (s *Session) alive() bool {
	if s.closed {
		return false
	}
	// A deadline in the past would fail without looking.
	s.link.readWithin(time.Millisecond)
	_, err := s.in.Peek(1)
	ne, ok := errors.AsType[net.Error](err)
	return ok && ne.Timeout()
}
