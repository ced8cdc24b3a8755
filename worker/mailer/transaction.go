package mailer

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"time"
)

// maxHeld is the largest mail, in bytes, that is kept back until beforeDot has
// returned, to leave in one write with the dot and the next envelope.
const maxHeld = 256 << 10

// Transaction is one mail to send.
type Transaction struct {
	Envelope
	// Data is header and body in wire format, as [Compose] returns it. A missing
	// line end at the end is added. It is not changed, and not kept.
	Data []byte
	// File is the attachment that Data was composed with; nil for none.
	File *File
	// BeforeDot is called when the server has said that it will take the mail,
	// and before it can have all of it; nil for nothing. When it fails, the
	// connection is dropped and the verdict is [Aborted] with its error.
	BeforeDot func(context.Context) error
	// Next is the envelope that will be sent next on this session; nil when none
	// is known. Where the relay offers PIPELINING it travels together with the
	// end of this mail, which saves the next one its round trip. The next Send
	// must then be for that envelope, with data that is ASCII: anything else
	// finds the session closed (see [Result.Stale]), because the server waits
	// for the mail it was promised. Ignored without PIPELINING.
	Next *Envelope
}

// offer is a mail, or only its envelope, in the form in which it goes over the
// wire.
type offer struct {
	from, to       string
	utf8, eightBit bool
	data           []byte // without dot-stuffing
	dotted         bool   // data needs it
	file           []byte // what comes after it, ready for the wire
}

// size is that of header and body, in bytes.
func (o offer) size() int { return len(o.data) + len(o.file) }

// verb is a command of a transaction.
type verb string

const (
	verbReset verb = "RSET"
	verbMail  verb = "MAIL"
	verbRcpt  verb = "RCPT"
	verbData  verb = "DATA"
)

func (v verb) phase() Phase {
	switch v {
	case verbRcpt:
		return PhaseRcpt
	case verbData:
		return PhaseData
	}
	return PhaseMail
}

// append writes the command line.
func (v verb) append(dst []byte, o offer) []byte {
	switch v {
	case verbMail:
		dst = append(append(append(dst, "MAIL FROM:<"...), o.from...), '>')
		if o.eightBit {
			dst = append(dst, " BODY=8BITMIME"...)
		}
		if o.utf8 {
			dst = append(dst, " SMTPUTF8"...)
		}
	case verbRcpt:
		dst = append(append(append(dst, "RCPT TO:<"...), o.to...), '>')
	default:
		dst = append(dst, v...)
	}
	return append(dst, '\r', '\n')
}

// verbs are the commands that lead to the body.
func verbs(reset bool) []verb {
	all := []verb{verbReset, verbMail, verbRcpt, verbData}
	if !reset {
		return all[1:]
	}
	return all
}

// prepare refuses, before a byte is sent, what the relay could not take.
func (s *Session) prepare(t Transaction) (offer, *Result) {
	o, refusal := s.prepareEnvelope(t.Envelope)
	if refusal != nil {
		return o, refusal
	}
	refuse := func(enhanced string, err error) (offer, *Result) { return o, refused(PhaseBody, enhanced, err) }
	if len(t.Data) == 0 {
		return refuse("", fmt.Errorf("%w: no data", ErrNotWireFormat))
	}
	found, err := inspect(t.Data)
	o.data, o.dotted, o.eightBit, o.file = t.Data, found.dotted, !found.ascii, t.File.bytes()
	switch {
	case err != nil:
		return refuse("", err)
	case o.eightBit && !s.eightBit:
		return refuse("5.6.3", ErrNeeds8BitMIME)
	case s.maxSize > 0 && int64(o.size()) > s.maxSize:
		return refuse("5.3.4", fmt.Errorf("%w: %d of at most %d bytes", ErrTooLarge, o.size(), s.maxSize))
	}
	return o, nil
}

func (s *Session) prepareEnvelope(env Envelope) (offer, *Result) {
	to, utf8, err := wirePath(env.To)
	if err != nil {
		return offer{}, refused(PhaseRcpt, "5.1.3", fmt.Errorf("recipient: %w", err))
	}
	if utf8 && !s.smtputf8 {
		return offer{}, refused(PhaseRcpt, "5.6.7", fmt.Errorf("recipient: %w", ErrNeedsSMTPUTF8))
	}
	from := ""
	if env.From != "" {
		var fromUTF8 bool
		if from, fromUTF8, err = wirePath(env.From); err != nil {
			return offer{}, refused(PhaseMail, "5.1.7", fmt.Errorf("sender: %w", err))
		}
		if fromUTF8 && !s.smtputf8 {
			return offer{}, refused(PhaseMail, "5.6.7", fmt.Errorf("sender: %w", ErrNeedsSMTPUTF8))
		}
		utf8 = utf8 || fromUTF8
	}
	return offer{from: from, to: to, utf8: utf8}, nil
}

// refused makes the result of our own refusal.
func refused(phase Phase, enhanced string, err error) *Result {
	return &Result{Verdict: Permanent, Phase: phase, Enhanced: enhanced, Err: err}
}

// open goes from MAIL to the server's 354. When ready is false the result says
// why; the mail was certainly not taken.
func (s *Session) open(o offer) (r Result, ready bool) {
	resumed, verbs := s.offered, verbs(s.needReset)
	s.offered = false
	if s.pipelining && !resumed {
		s.buf = appendAll(s.buf[:0], verbs, o)
		if err := s.flush(s.timeouts.Command); err != nil {
			s.drop()
			return lost(PhaseMail, err), false
		}
	}
	for _, v := range verbs {
		if !s.pipelining {
			s.buf = v.append(s.buf[:0], o)
			if err := s.flush(s.timeouts.Command); err != nil {
				s.drop()
				return lost(v.phase(), err), false
			}
		}
		ok := s.answer(v, &r)
		if s.closed || (!ok && !s.pipelining) {
			return r, false
		}
	}
	return r, r.Verdict == ""
}

// answer reads the reply to a command and reports whether it is what the
// command needs. r becomes the first answer that is not, which is why the mail
// goes no further; those that follow say only how the session stands.
func (s *Session) answer(v verb, r *Result) (ok bool) {
	want, limit := 2, s.timeouts.Command
	if v == verbData {
		want, limit = 3, s.timeouts.DataInit
	}
	got, err := s.read(limit)
	if err != nil {
		s.drop()
		if r.Verdict == "" {
			*r = lost(v.phase(), err)
		}
		return false
	}
	if got.code/100 == want {
		switch {
		case v == verbReset:
			s.needReset = false
		case v == verbMail:
			s.needReset = true // until a dot is answered
		case v == verbData && r.Verdict != "":
			// The server refused sender or recipient and asks for the data all the
			// same. RFC 2920 §3.1 would have us send a dot and nothing else; some
			// servers would take that for an empty mail. So there is no way on.
			s.drop()
		case v == verbData:
			s.inData = true
		}
		return true
	}
	// After a 421 the server hangs up (RFC 5321 §3.8). After a reply that makes
	// no sense for the command, the two sides no longer agree where they are.
	if kind := got.code / 100; got.code == 421 || (kind != 4 && kind != 5) {
		s.drop()
	}
	if r.Verdict == "" {
		*r = answered(v.phase(), got)
	}
	return false
}

// body writes header and body, so that a broken connection shows before
// beforeDot commits anything.
func (s *Session) body(o offer) (r Result, ok bool) {
	for rest := o.data; len(rest) > 0; {
		var head []byte
		head, rest = cutBlock(rest, block)
		s.buf = appendStuffed(s.buf[:0], head, o.dotted)
		if err := s.flush(s.timeouts.Block); err != nil {
			return s.brokenBody(err), false
		}
	}
	for head := range slices.Chunk(o.file, block) {
		if err := s.write(head, s.timeouts.Block); err != nil {
			return s.brokenBody(err), false
		}
	}
	return Result{Phase: PhaseBody}, true
}

// brokenBody looks whether a server that spoke or hung up in the middle said
// why: a 552 is worth knowing. The mail is not taken, whatever it said.
func (s *Session) brokenBody(cause error) Result {
	got, err := s.read(time.Second)
	s.drop()
	if err == nil && (got.code/100 == 4 || got.code/100 == 5) {
		return answered(PhaseBody, got)
	}
	return lost(PhaseBody, cause)
}

// dot writes the data if that was held back, the dot and the next envelope, and
// waits for the verdict.
func (s *Session) dot(ctx context.Context, o offer, held bool, next *Envelope) Result {
	phase := s.link.begin()
	stop := context.AfterFunc(ctx, func() { s.link.hurry(phase, s.grace) })
	defer func() { stop(); s.link.end() }()

	s.buf = s.buf[:0]
	if held {
		s.buf = append(appendStuffed(s.buf, o.data, o.dotted), o.file...)
	}
	dotAt := len(s.buf)
	s.buf = append(s.buf, ".\r\n"...)
	s.follow(next)
	before := s.link.written
	writeErr := s.flush(s.timeouts.Block * time.Duration(1+len(s.buf)/block))
	if writeErr != nil && !s.mayHaveLeft(dotAt, s.link.written-before) {
		return s.brokenBody(writeErr)
	}
	// Others go first. When they have done a piece of work the reply is there,
	// mostly, and to look for it too early costs more than the reading.
	runtime.Gosched()
	// From here only a reply settles the matter; it may have come before the
	// connection broke.
	got, err := s.read(s.timeouts.FinalDot)
	if err != nil {
		s.drop()
		if writeErr != nil {
			err = writeErr
		}
		return lost(PhaseDot, err)
	}
	s.needReset, s.inData = false, false
	r := answered(PhaseDot, got)
	if writeErr != nil || got.code == 421 || r.Verdict == InDoubt {
		s.drop()
	}
	return r
}

// follow adds the next envelope to what is written, if the relay takes it so.
// The content of a mail may be the first in a group (RFC 2920 §3.1).
func (s *Session) follow(next *Envelope) {
	if next == nil || !s.pipelining {
		return
	}
	o, refusal := s.prepareEnvelope(*next)
	if refusal != nil {
		return // its own Send will say so
	}
	s.buf = appendAll(s.buf, verbs(false), o)
	s.offered, s.next = true, *next
}

// mayHaveLeft says whether the dot, at its place in a write that failed, can
// have reached the kernel, and so the server, when taken bytes did. Under TLS
// the bytes are those of records and tell where the dot is only when there are
// none.
func (s *Session) mayHaveLeft(dotAt int, taken int64) bool {
	if s.secure {
		return taken > 0
	}
	return taken > int64(dotAt)
}

func appendAll(dst []byte, verbs []verb, o offer) []byte {
	for _, v := range verbs {
		dst = v.append(dst, o)
	}
	return dst
}
