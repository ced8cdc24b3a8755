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

// ErrTooLarge is the cause when the mail is larger than the relay's SIZE.
var ErrTooLarge = errors.New("mail is larger than the relay takes")

// ErrNeeds8BitMIME is the cause when the data has octets outside ASCII and the
// relay does not offer 8BITMIME (RFC 6152).
var ErrNeeds8BitMIME = errors.New("mail has octets outside ASCII, and the relay does not offer 8BITMIME")

// Session is an open SMTP session, ready for one transaction after another.
// Not safe for concurrent use.
//
// Commands are written ([Session.write]) and replies read ([Session.read])
// apart, so that they may be pipelined (RFC 2920) by writing several first.
type Session struct {
	// conn is the TCP connection, below any TLS: for deadlines, and to drop.
	conn net.Conn
	in   *bufio.Reader
	out  *bufio.Writer

	eightBit, smtputf8 bool
	maxSize            int64 // bytes, 0 for unknown

	timeouts Timeouts
	grace    time.Duration
	log      *slog.Logger

	needReset bool // a transaction is open, or was left open by a refusal
	inData    bool // between the server's 354 and the reply to the dot
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
	// Still inside DATA: beforeDot panicked. Not a byte more may go out.
	if !s.inData && s.write("QUIT", quitWait) == nil {
		_, _ = s.read(quitWait)
	}
	s.drop()
}

// drop hangs up without a word.
func (s *Session) drop() {
	if !s.closed {
		s.closed = true
		s.conn.Close()
	}
}

// Send does one transaction: MAIL, RCPT, DATA, header and body, then calls
// beforeDot (which may be nil), and only when that returns nil ends the data
// with the dot. When beforeDot fails, the connection is dropped and the verdict
// is [Aborted] with its error.
//
// data must be in wire format; what [Compose] returns is. A missing line end at
// the end is added.
//
// Cancelling ctx before the dot drops the connection: not delivered. After the
// dot the reply is still awaited, for at most Config.DotGrace.
//
// A 4yz or 5yz reply leaves the session usable; 421, silence and nonsense close it.
func (s *Session) Send(ctx context.Context, env Envelope, data []byte, beforeDot func(context.Context) error) Result {
	start := time.Now()
	r := s.transact(ctx, env, data, beforeDot)
	s.log.Debug("smtp transaction", "domain", Domain(env.To), "verdict", string(r.Verdict), "phase", string(r.Phase),
		"code", r.Code, "bytes", len(data), "took", time.Since(start))
	return r
}

func (s *Session) transact(ctx context.Context, env Envelope, data []byte, beforeDot func(context.Context) error) Result {
	p, refusal := s.prepare(env, data)
	if refusal != nil {
		return *refusal
	}
	if err := context.Cause(ctx); err != nil {
		return lost(PhaseMail, err)
	}
	if s.Closed() {
		return lost(PhaseMail, ErrSessionClosed)
	}
	stop := context.AfterFunc(ctx, func() { s.conn.Close() })
	r, ready := s.offer(p)
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
	if beforeDot != nil {
		if err := beforeDot(ctx); err != nil {
			s.drop()
			return Result{Verdict: Aborted, Phase: PhaseBody, Err: err}
		}
	}
	return s.dot(ctx)
}

// prepared is a transaction in the form in which it goes over the wire.
type prepared struct {
	mail, rcpt string // commands
	data       []byte // dot-stuffed, without the final dot
}

// prepare refuses, before a byte is sent, what the relay could not take.
func (s *Session) prepare(env Envelope, data []byte) (prepared, *Result) {
	refuse := func(phase Phase, enhanced string, err error) (prepared, *Result) {
		return prepared{}, &Result{Verdict: Permanent, Phase: phase, Enhanced: enhanced, Err: err}
	}
	to, utf8, err := wirePath(env.To)
	if err != nil {
		return refuse(PhaseRcpt, "5.1.3", fmt.Errorf("recipient: %w", err))
	}
	if utf8 && !s.smtputf8 {
		return refuse(PhaseRcpt, "5.6.7", fmt.Errorf("recipient: %w", ErrNeedsSMTPUTF8))
	}
	from := ""
	if env.From != "" {
		var fromUTF8 bool
		if from, fromUTF8, err = wirePath(env.From); err != nil {
			return refuse(PhaseMail, "5.1.7", fmt.Errorf("sender: %w", err))
		}
		if fromUTF8 && !s.smtputf8 {
			return refuse(PhaseMail, "5.6.7", fmt.Errorf("sender: %w", ErrNeedsSMTPUTF8))
		}
		utf8 = utf8 || fromUTF8
	}
	if len(data) == 0 {
		return refuse(PhaseBody, "", fmt.Errorf("%w: no data", ErrNotWireFormat))
	}
	ascii, err := checkWire(data)
	switch {
	case err != nil:
		return refuse(PhaseBody, "", err)
	case !ascii && !s.eightBit:
		return refuse(PhaseBody, "5.6.3", ErrNeeds8BitMIME)
	case s.maxSize > 0 && int64(len(data)) > s.maxSize:
		return refuse(PhaseBody, "5.3.4", fmt.Errorf("%w: %d of at most %d bytes", ErrTooLarge, len(data), s.maxSize))
	}
	p := prepared{mail: "MAIL FROM:<" + from + ">", rcpt: "RCPT TO:<" + to + ">", data: dotStuffed(data)}
	if !ascii {
		p.mail += " BODY=8BITMIME"
	}
	if utf8 {
		p.mail += " SMTPUTF8"
	}
	return p, nil
}

// offer goes from MAIL to the last byte before the dot. When ready is false the
// result says why; the mail was certainly not taken.
func (s *Session) offer(p prepared) (r Result, ready bool) {
	if s.needReset {
		if r, ok := s.command(PhaseMail, "RSET", 2, s.timeouts.Command); !ok {
			return r, false
		}
		s.needReset = false
	}
	if r, ok := s.command(PhaseMail, p.mail, 2, s.timeouts.Command); !ok {
		return r, false
	}
	s.needReset = true // until the dot is answered
	if r, ok := s.command(PhaseRcpt, p.rcpt, 2, s.timeouts.Command); !ok {
		return r, false
	}
	if r, ok := s.command(PhaseData, "DATA", 3, s.timeouts.DataInit); !ok {
		return r, false
	}
	s.inData = true
	return s.body(p.data)
}

// command sends a command and expects a reply whose first digit is want.
func (s *Session) command(phase Phase, line string, want int, timeout time.Duration) (r Result, ok bool) {
	err := s.write(line, timeout)
	var got reply
	if err == nil {
		got, err = s.read(timeout)
	}
	if err != nil {
		s.drop()
		return lost(phase, err), false
	}
	if got.code/100 == want {
		return Result{Phase: phase}, true
	}
	// After a 421 the server hangs up (RFC 5321 §3.8). After a reply that makes
	// no sense for the command, the two sides no longer agree where they are.
	if kind := got.code / 100; got.code == 421 || (kind != 4 && kind != 5) {
		s.drop()
	}
	return answered(phase, got), false
}

// body writes header and body and flushes them, so that a broken connection
// shows before beforeDot commits anything.
func (s *Session) body(data []byte) (r Result, ok bool) {
	for len(data) > 0 {
		n := min(block, len(data))
		s.conn.SetDeadline(time.Now().Add(s.timeouts.Block))
		_, err := s.out.Write(data[:n])
		if data = data[n:]; err == nil && len(data) == 0 {
			err = s.out.Flush()
		}
		if err != nil {
			return s.brokenBody(err), false
		}
	}
	return Result{Phase: PhaseBody}, true
}

// brokenBody looks whether a server that hung up in the middle said why: a 552
// is worth knowing. The mail is not taken, whatever it said.
func (s *Session) brokenBody(cause error) Result {
	got, err := s.read(time.Second)
	s.drop()
	if err == nil && (got.code/100 == 4 || got.code/100 == 5) {
		return answered(PhaseBody, got)
	}
	return lost(PhaseBody, cause)
}

// dot ends the data and waits for the verdict. From here a failure is in
// doubt: a write that failed may still have got the dot across.
func (s *Session) dot(ctx context.Context) Result {
	deadline := time.Now().Add(s.timeouts.FinalDot)
	s.conn.SetDeadline(deadline)
	cancelled := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(cancelled)
		if grace := time.Now().Add(s.grace); grace.Before(deadline) {
			s.conn.SetDeadline(grace)
		}
	})
	got, err := s.finish()
	if !stop() {
		<-cancelled // or it would set its deadline on the next transaction
	}
	if err != nil {
		s.drop()
		return lost(PhaseDot, err)
	}
	s.needReset, s.inData = false, false
	r := answered(PhaseDot, got)
	if got.code == 421 || r.Verdict == InDoubt {
		s.drop()
	}
	return r
}

// finish writes the dot and reads its reply under the deadline that is set.
func (s *Session) finish() (reply, error) {
	if _, err := s.out.WriteString(".\r\n"); err != nil {
		return reply{}, err
	}
	if err := s.out.Flush(); err != nil {
		return reply{}, err
	}
	return readReply(s.in)
}

// write sends one command line.
func (s *Session) write(line string, timeout time.Duration) error {
	s.conn.SetDeadline(time.Now().Add(timeout))
	if _, err := s.out.WriteString(line + "\r\n"); err != nil {
		return err
	}
	return s.out.Flush()
}

// read reads one reply.
func (s *Session) read(timeout time.Duration) (reply, error) {
	s.conn.SetDeadline(time.Now().Add(timeout))
	return readReply(s.in)
}

// alive looks whether a kept connection is still quiet. A server that closed
// it, or said 421 first, has left something to read.
func (s *Session) alive() bool {
	if s.closed {
		return false
	}
	// A deadline in the past would fail without looking.
	s.conn.SetReadDeadline(time.Now().Add(time.Millisecond))
	_, err := s.in.Peek(1)
	ne, ok := errors.AsType[net.Error](err)
	return ok && ne.Timeout()
}
