// Package smtptest is an SMTP server that misbehaves on order, over real TCP
// connections, for tests of whatever sends mail.
//
// It owns the wire only: it parses no mail and delivers nothing. Without a
// script it accepts everything. A [Script] holds rules; each rule says at which
// step, for which transaction or recipient, what to do instead.
//
//	s := smtptest.Start(t, smtptest.Script{Rules: []smtptest.Rule{
//		{At: smtptest.Rcpt, Recipient: "gone@example.org", Do: smtptest.Action{Reply: "550 5.1.1 no such user"}},
//		{At: smtptest.Dot, Transaction: 3, Do: smtptest.Action{Cut: true}},
//	}})
//
// The server records every mail whose final dot it read and did not refuse,
// answered or not: that is what a recipient may see.
package smtptest

import (
	"strings"
	"time"
)

// Step names the moment in a session a rule is about.
type Step string

const (
	Greeting Step = "greeting" // the 220
	Hello    Step = "hello"    // EHLO or HELO
	StartTLS Step = "starttls"
	Auth     Step = "auth" // the verdict on the credentials
	Mail     Step = "mail"
	Rcpt     Step = "rcpt"
	Data     Step = "data" // the DATA command
	// DataUnasked is a DATA command without a recipient; usually a 554.
	DataUnasked Step = "data without recipient"
	Body        Step = "body" // while the body comes in: only CutAt and Hang make sense
	Dot         Step = "dot"  // after the final dot
	Reset       Step = "rset"
	Noop        Step = "noop"
	Quit        Step = "quit"
)

// TLSKind says whether STARTTLS is offered and with what certificate. All are
// signed by themselves; [Server.RootCAs] trusts them.
type TLSKind string

const (
	NoTLS        TLSKind = ""           // STARTTLS is not offered
	GoodTLS      TLSKind = "good"       // valid for 127.0.0.1 and localhost
	ExpiredTLS   TLSKind = "expired"    // right name, over since yesterday
	WrongNameTLS TLSKind = "wrong name" // valid for another host
	OldTLS       TLSKind = "old"        // good certificate, TLS 1.1 at most
)

// Script says how a server behaves. The zero value accepts everything.
type Script struct {
	// Addr is host:port; "" is 127.0.0.1 and a free port.
	Addr string
	// Extensions replaces the EHLO keywords apart from STARTTLS and AUTH; nil is
	// PIPELINING, 8BITMIME, SMTPUTF8, ENHANCEDSTATUSCODES and SIZE 26214400.
	Extensions []string
	// TLS is the certificate for STARTTLS, or for ImplicitTLS.
	TLS TLSKind
	// ImplicitTLS begins each connection with the handshake (smtps).
	ImplicitTLS bool
	// User and Password make the server offer AUTH PLAIN and LOGIN, after TLS
	// only unless AuthInClear, and refuse MAIL before it.
	User, Password string
	AuthInClear    bool
	// Piece makes the server read at most this many bytes at a time; 0 for no limit.
	Piece int
	// Grouped makes the server answer all commands that came together in one
	// write, as RFC 2920 §3.2 lets it; otherwise each reply is a write.
	Grouped bool
	// Rules are tried in order; the first that matches decides.
	Rules []Rule
	// OnMail is called for each recorded mail before it is answered, from the
	// connection's goroutine; nil for none.
	OnMail func(Received)
}

// Rule is one deviation. Zero fields match everything.
type Rule struct {
	At Step
	// Connection and Transaction count from 1 over the life of the server; a
	// transaction begins with MAIL.
	Connection, Transaction int
	// Recipient is the address in the transaction's last RCPT, as sent.
	Recipient string
	// Times is how often the rule works; 0 is always.
	Times int
	Do    Action
}

// Action is what the server does at a step. Fields combine in the order in
// which they stand here.
type Action struct {
	// CutAt, at Body, cuts the connection once this many bytes of the body came in.
	CutAt int
	// Delay waits before anything else.
	Delay time.Duration
	// Hang never answers; it ends when the client hangs up or the server closes.
	Hang bool
	// Reply replaces the usual answer, without line end; lines are separated by
	// \n and must be complete ("250-a\n250 b"). "" is the usual answer.
	Reply string
	// Extra is sent unasked, in the same write, after the reply, such as "421 4.3.2 closing".
	Extra string
	// Cut hangs up: instead of the usual answer, or after Reply.
	Cut bool
}

// Received is a mail the server took.
type Received struct {
	Connection, Transaction int
	From                    string   // as sent between < and >
	To                      []string // accepted recipients, as sent
	Data                    []byte   // body without dot-stuffing and final dot
	At                      time.Time
	Answered                bool // false when the connection was cut after the dot
	TLS                     bool
	User                    string // who authenticated, "" for nobody
}

// match finds the rule for a moment and counts it. Called with the server locked.
func (s *Server) match(at Step, connection, transaction int, recipient string) Action {
	for i, r := range s.script.Rules {
		if r.At != at ||
			(r.Connection != 0 && r.Connection != connection) ||
			(r.Transaction != 0 && r.Transaction != transaction) ||
			(r.Recipient != "" && !strings.EqualFold(r.Recipient, recipient)) ||
			(r.Times != 0 && s.used[i] >= r.Times) {
			continue
		}
		s.used[i]++
		return r.Do
	}
	return Action{}
}
