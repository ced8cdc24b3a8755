package mailer

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wneessen/go-mail/smtp"
)

// ErrTLSNotOffered is the cause when the relay offers no STARTTLS and the
// policy asks for it. Nothing but EHLO was sent.
var ErrTLSNotOffered = errors.New("the relay does not offer STARTTLS")

// ErrAuthNotPossible is the cause when a user is configured and the relay
// offers no mechanism we know, or the connection has no TLS.
var ErrAuthNotPossible = errors.New("cannot authenticate")

// Error says why no session could be opened. No message was offered, so none
// is affected.
type Error struct {
	Phase    Phase  // connect, tls or auth
	Code     int    // reply code, 0 without a reply
	Enhanced string // enhanced status code, or ""
	Text     string // the server's text, one line, at most 500 bytes
	Err      error  // the cause
}

// Error describes the failure without the user name or any address.
func (e *Error) Error() string {
	if e.Code != 0 {
		return fmt.Sprintf("smtp %s: server answered %d %s", e.Phase, e.Code, strings.TrimSpace(e.Enhanced+" "+e.Text))
	}
	return fmt.Sprintf("smtp %s: %v", e.Phase, e.Err)
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Temporary reports whether dialling again later may work without a person
// changing something: a 4yz reply or a network failure.
func (e *Error) Temporary() bool {
	if e.Code != 0 {
		return e.Code/100 == 4
	}
	return e.Phase == PhaseConnect || isNetwork(e.Err)
}

// congested reports that the relay asks for fewer connections or less mail: 421
// and 432 at any step, and 450 or 451 for a reason of policy (4.7.z) before TLS
// and AUTH.
func (e *Error) congested() bool {
	r := reply{code: e.Code, enhanced: e.Enhanced}
	policy := (e.Code == 450 || e.Code == 451) && strings.HasPrefix(e.Enhanced, "4.7.")
	return r.congested() || (policy && e.Phase == PhaseConnect)
}

// Class is [ClassConfiguration] when a person has to act (certificate,
// credentials, TLS not offered), otherwise [ClassConnection].
func (e *Error) Class() Class {
	if e.Phase != PhaseConnect && !e.Temporary() || wantsLogin(e.Code) {
		return ClassConfiguration
	}
	return ClassConnection
}

// isNetwork tells a connection that broke from a peer that was understood and
// found wanting.
func isNetwork(err error) bool {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		// crypto/tls wraps the alerts of the handshake in an OpError of its own.
		return op.Op != "remote error" && op.Op != "local error"
	}
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// dialError makes an Error from what go-mail returned; a reply it did not
// expect comes as a textproto.Error.
func dialError(phase Phase, err error) *Error {
	e := &Error{Phase: phase, Err: err}
	if r, ok := errors.AsType[*textproto.Error](err); ok {
		e.Code = r.Code
		e.Enhanced, e.Text = splitEnhanced(r.Code, oneLine(r.Msg, maxReplyText))
	}
	return e
}

// Dial opens a session: TCP, greeting, EHLO, TLS by policy, AUTH when a user is
// configured. The error is an [*Error]. Cancelling ctx ends the attempt.
func (d *Dialer) Dial(ctx context.Context) (*Session, error) {
	netDialer := net.Dialer{Timeout: d.timeouts.Connect}
	conn, err := netDialer.DialContext(ctx, "tcp", net.JoinHostPort(d.relay.host, d.relay.port))
	if err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return nil, dialError(PhaseConnect, err)
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	s, failure := d.open(&link{Conn: conn})
	if !stop() && failure == nil {
		failure = &Error{Phase: PhaseConnect, Err: context.Cause(ctx)}
	}
	if failure != nil {
		conn.Close()
		if ctx.Err() != nil {
			failure.Err = context.Cause(ctx)
		}
		return nil, failure
	}
	return s, nil
}

// open does everything after the TCP connection. go-mail's client speaks up to
// and including AUTH; from then on the session has the connection to itself.
func (d *Dialer) open(conn *link) (*Session, *Error) {
	if d.policy == TLSNone && !isLoopback(conn.RemoteAddr()) {
		return nil, &Error{Phase: PhaseTLS, Err: errors.New("tls none, and the relay is not on this machine")}
	}
	secure := d.relay.implicit
	over := net.Conn(conn)
	conn.SetDeadline(time.Now().Add(d.timeouts.Greeting))
	if secure {
		t := tls.Client(conn, d.tls)
		if err := t.Handshake(); err != nil {
			return nil, dialError(PhaseTLS, err)
		}
		over = t
	}
	client, err := smtp.NewClient(over, d.relay.host)
	if err != nil {
		return nil, dialError(PhaseConnect, err)
	}
	step := func() { conn.SetDeadline(time.Now().Add(d.timeouts.Command)) }
	step()
	if err := client.Hello(d.hello(conn)); err != nil {
		return nil, dialError(PhaseConnect, err)
	}
	if !secure && d.policy != TLSNone {
		offered, _ := client.Extension("STARTTLS")
		switch {
		case offered:
			step()
			if err := client.StartTLS(d.tls.Clone()); err != nil {
				return nil, dialError(PhaseTLS, err)
			}
			secure = true
		case d.policy == TLSMandatory:
			return nil, &Error{Phase: PhaseTLS, Err: ErrTLSNotOffered}
		}
	}
	if d.relay.user != "" {
		mechanism, err := d.mechanism(client, secure || isLoopback(conn.RemoteAddr()))
		if err != nil {
			return nil, &Error{Phase: PhaseAuth, Err: err}
		}
		step()
		if err := client.Auth(mechanism); err != nil {
			return nil, dialError(PhaseAuth, err)
		}
	}
	s := &Session{
		link:     conn,
		secure:   secure,
		in:       client.Text.R,
		out:      client.Text.W,
		timeouts: d.timeouts,
		grace:    d.grace,
		log:      d.log,
	}
	s.pipelining, _ = client.Extension("PIPELINING")
	s.eightBit, _ = client.Extension("8BITMIME")
	s.smtputf8, _ = client.Extension("SMTPUTF8")
	if ok, limit := client.Extension("SIZE"); ok {
		s.maxSize, _ = strconv.ParseInt(limit, 10, 64) // "SIZE" alone: no limit known
	}
	d.log.Debug("smtp session opened", "tls", secure, "pipelining", s.pipelining)
	return s, nil
}

// mechanism picks the best AUTH mechanism that both sides know. A password
// leaves over TLS only, or to this machine; the relay's name proves nothing, so
// the caller looked at the address.
func (d *Dialer) mechanism(client *smtp.Client, safe bool) (smtp.Auth, error) {
	if !safe {
		return nil, fmt.Errorf("%w: the connection has no TLS", ErrAuthNotPossible)
	}
	_, list := client.Extension("AUTH")
	offered := strings.Fields(strings.ToUpper(list))
	user, password, host := d.relay.user, d.password, d.relay.host
	switch {
	case slices.Contains(offered, "SCRAM-SHA-256"):
		return smtp.ScramSHA256Auth(user, password), nil
	case slices.Contains(offered, "PLAIN"):
		return smtp.PlainAuth("", user, password, host, true), nil
	case slices.Contains(offered, "LOGIN"):
		return smtp.LoginAuth(user, password, host, true), nil
	}
	return nil, fmt.Errorf("%w: the relay offers none of SCRAM-SHA-256, PLAIN and LOGIN", ErrAuthNotPossible)
}

// hello gives the name for EHLO.
func (d *Dialer) hello(conn net.Conn) string {
	if d.helloName != "" {
		return d.helloName
	}
	local, ok := conn.LocalAddr().(*net.TCPAddr)
	switch {
	case !ok:
		return "localhost"
	case local.IP.To4() != nil:
		return "[" + local.IP.String() + "]"
	}
	return "[IPv6:" + local.IP.String() + "]"
}

func isLoopback(a net.Addr) bool {
	t, ok := a.(*net.TCPAddr)
	return ok && t.IP.IsLoopback()
}
