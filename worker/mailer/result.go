package mailer

import (
	"errors"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Verdict says whether the recipient's mail was handed over, and how sure that is.
type Verdict string

const (
	// Accepted: the server answered 2yz to the final dot. It owns the mail now.
	Accepted Verdict = "accepted"
	// Temporary: certainly not handed over; trying again later may help. A 4yz
	// reply, a lost connection before the dot, or anything not understood.
	Temporary Verdict = "temporary"
	// Permanent: certainly not handed over; the same again will not help. A 5yz
	// reply, or our own refusal before anything was sent.
	Permanent Verdict = "permanent"
	// InDoubt: the final dot was, or may have been, sent and no reply was read.
	// The recipient may or may not get the mail; sending it again may double it.
	InDoubt Verdict = "in_doubt"
	// Aborted: BeforeDot returned an error, so the dot was not sent. Certainly
	// not handed over.
	Aborted Verdict = "aborted"
)

// Phase names the step of an SMTP session in which something happened.
type Phase string

const (
	PhaseConnect Phase = "connect" // TCP, greeting, EHLO
	PhaseTLS     Phase = "tls"     // STARTTLS and the handshake
	PhaseAuth    Phase = "auth"    // AUTH
	PhaseMail    Phase = "mail"    // MAIL FROM, and the RSET that may precede it
	PhaseRcpt    Phase = "rcpt"    // RCPT TO
	PhaseData    Phase = "data"    // the DATA command, up to its 354
	PhaseBody    Phase = "body"    // header and body, up to but not including the dot
	PhaseDot     Phase = "dot"     // the final dot and its reply
)

// Class says whom or what a failure is about, so that one bad address does not
// stop a campaign and one bad password does not fail a thousand messages.
type Class string

const (
	// ClassNone: nothing failed, or it was BeforeDot that stopped it.
	ClassNone Class = ""
	// ClassMessage: this message (content, size, policy).
	ClassMessage Class = "message"
	// ClassRecipient: this recipient. See [Result.BadRecipient] for whether the
	// address itself is bad.
	ClassRecipient Class = "recipient"
	// ClassConnection: the connection or the server's load (no reply, 421, 4yz
	// to MAIL, when the server knows no more than the sender).
	// It says nothing about the message; another session may do.
	ClassConnection Class = "connection"
	// ClassConfiguration: TLS, certificate or credentials. A person has to act,
	// and no message may be failed because of it.
	ClassConfiguration Class = "configuration"
)

// maxReplyText bounds, in bytes, the part of a server's answer that is kept.
const maxReplyText = 500

// Result is the outcome of one transaction.
type Result struct {
	Verdict Verdict
	// Phase is where the transaction ended; [PhaseDot] when accepted.
	Phase Phase
	// Code is the server's reply code (RFC 5321 §4.2), 0 when there was no reply.
	Code int
	// Enhanced is the enhanced status code (RFC 3463) such as "5.1.1", or "".
	Enhanced string
	// Text is the rest of the reply: one line, at most 500 bytes, without
	// control characters. Servers echo addresses here, so it is for the record,
	// not for logs.
	Text string
	// Err is the cause when there was no reply: a network error, the context's
	// cause, BeforeDot's error, or our own refusal. nil when the server answered.
	Err error
	// Stale says that the connection had served before and was dead, or was being
	// ended by the server, before this message: nothing but its envelope was sent.
	// Trying again at once, on another session, is right; once, as that one may be
	// just as old.
	Stale bool
}

// beforeMail reports a result that says something about the connection and
// nothing about the message: the server did not answer MAIL, or with 421.
func (r Result) beforeMail() bool {
	return r.Verdict == Temporary && r.Phase == PhaseMail && (r.Code == 421 || (r.Code == 0 && !errors.Is(r.Err, errBadReply)))
}

// badRecipientCodes are the enhanced codes (RFC 3463 §3.2, RFC 7505 §4.2) that
// say that the address does not work and will not: no such mailbox, no such
// system, bad syntax, moved away, domain takes no mail. Policy (5.7.x), full
// mailboxes (5.2.2) and codes about the sender (5.1.7, 5.1.8) are not among them.
func badRecipientCodes() []string {
	return []string{"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10"}
}

// BadRecipient reports whether the server said that the recipient's address
// does not exist, which is reason to stop writing to it. A transaction has one
// recipient, so the answer counts in every phase from RCPT on. A bare 550
// without enhanced code is not enough: relays use it for policy too.
func (r Result) BadRecipient() bool {
	if r.Verdict != Permanent {
		return false
	}
	switch r.Phase {
	case PhaseRcpt, PhaseData, PhaseDot:
		return slices.Contains(badRecipientCodes(), r.Enhanced)
	}
	return false
}

// Class says whom or what a failure is about.
func (r Result) Class() Class {
	switch {
	case r.Verdict == Accepted || r.Verdict == Aborted:
		return ClassNone
	case r.Phase == PhaseTLS || r.Phase == PhaseAuth || wantsLogin(r.Code):
		return ClassConfiguration
	case r.Verdict == Permanent && r.Phase == PhaseRcpt:
		return ClassRecipient
	case r.Verdict == Permanent:
		return ClassMessage
	case r.Code == 0 || r.Code == 421 || r.Phase == PhaseMail || r.Verdict == InDoubt:
		return ClassConnection
	case r.Phase == PhaseRcpt:
		return ClassRecipient
	}
	return ClassMessage
}

// wantsLogin reports the codes that mean "log in (better) first" in whatever
// phase they come: RFC 4954 §6.
func wantsLogin(code int) bool {
	return code == 530 || code == 534 || code == 535 || code == 538
}

// answered makes the result of a reply that ends a transaction. Only the final
// dot can be answered with success; a reply of another kind than the command
// allows is a protocol error and counts as temporary, after the dot as in doubt.
func answered(phase Phase, r reply) Result {
	res := Result{Phase: phase, Code: r.code, Enhanced: r.enhanced, Text: r.text}
	switch {
	case r.code/100 == 2 && phase == PhaseDot:
		res.Verdict = Accepted
	case r.code/100 == 4:
		res.Verdict = Temporary
	case r.code/100 == 5:
		res.Verdict = Permanent
	case phase == PhaseDot:
		res.Verdict = InDoubt
	default:
		res.Verdict = Temporary
	}
	return res
}

// lost makes the result of a connection that broke without an answer.
func lost(phase Phase, err error) Result {
	if phase == PhaseDot {
		return Result{Verdict: InDoubt, Phase: phase, Err: err}
	}
	return Result{Verdict: Temporary, Phase: phase, Err: err}
}

// oneLine makes text from a stranger fit for a record: one line, no control or
// bidirectional characters, valid UTF-8, at most limit bytes.
func oneLine(s string, limit int) string {
	s = strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' {
			return ' '
		}
		if hidden(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	s = strings.TrimSpace(s)
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit]
}

// hidden reports characters that act on their surroundings instead of being
// seen: control characters, line separators and bidirectional marks.
func hidden(r rune) bool {
	switch {
	case unicode.IsControl(r), r == '\u2028', r == '\u2029':
		return true
	case r == '\u061c', r == '\u200e', r == '\u200f', r == '\ufeff':
		return true
	case r >= '\u202a' && r <= '\u202e', r >= '\u2066' && r <= '\u2069':
		return true
	}
	return false
}
