package mailer

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"time"
)

// TLSPolicy says when a connection may go without TLS.
type TLSPolicy string

const (
	// TLSMandatory, the default: no TLS, no mail.
	TLSMandatory TLSPolicy = "mandatory"
	// TLSOpportunistic uses TLS when the relay offers it. What is offered must
	// work: a bad certificate is an error, not a reason to go on in clear.
	TLSOpportunistic TLSPolicy = "opportunistic"
	// TLSNone never starts TLS; for a relay on loopback only.
	TLSNone TLSPolicy = "none"
)

// Timeouts bounds each step of a session. Zero fields take the default, which
// follows RFC 5321 §4.5.3.2 except for Connect.
type Timeouts struct {
	Connect  time.Duration // TCP connection; 30 s
	Greeting time.Duration // the 220 greeting; 5 min
	Command  time.Duration // EHLO, STARTTLS with its handshake, AUTH, MAIL, RCPT, RSET, each; 5 min
	DataInit time.Duration // the 354 to DATA; 2 min
	Block    time.Duration // writing one block of up to 64 KiB; 3 min
	FinalDot time.Duration // the reply to the final dot; 10 min
}

func (t Timeouts) withDefaults() Timeouts {
	return Timeouts{
		Connect:  cmp.Or(t.Connect, 30*time.Second),
		Greeting: cmp.Or(t.Greeting, 5*time.Minute),
		Command:  cmp.Or(t.Command, 5*time.Minute),
		DataInit: cmp.Or(t.DataInit, 2*time.Minute),
		Block:    cmp.Or(t.Block, 3*time.Minute),
		FinalDot: cmp.Or(t.FinalDot, 10*time.Minute),
	}
}

// Config says which relay to use and how.
type Config struct {
	// URL is smtp://[user@]host[:port] (port 587 unless given, STARTTLS by
	// policy) or smtps://[user@]host[:port] (port 465, TLS from the start). An @
	// in the user is written %40. With a user, a session always authenticates.
	URL string
	// Password goes with the user of URL; it may not be in URL.
	Password string
	// TLS is the policy for smtp://; "" is [TLSMandatory]. TLS 1.2 or later.
	TLS TLSPolicy
	// RootCAs verify the relay's certificate; nil means those of the system.
	RootCAs *x509.CertPool
	// HelloName is the name in EHLO; "" takes the address literal of the
	// connection (RFC 5321 §4.1.4).
	HelloName string
	// Timeouts bounds each step.
	Timeouts Timeouts
	// DotGrace is how long, after the context was cancelled, the reply to a dot
	// that is already under way is still waited for; 0 means 15 s. Every reply
	// read is one message less in doubt.
	DotGrace time.Duration
	// Log gets debug records, with at most the domain of an address; nil for none.
	Log *slog.Logger
}

// relay is a validated Config.URL.
type relay struct {
	host, port string
	user       string
	implicit   bool // TLS from the first byte
}

// parseRelay takes the URL apart. Errors never repeat the URL, as people do put
// passwords in it.
func parseRelay(raw string) (relay, error) {
	u, err := url.Parse(raw)
	if err != nil {
		if inner, ok := errors.AsType[*url.Error](err); ok {
			err = inner.Err
		}
		return relay{}, fmt.Errorf("smtp url: %w", err)
	}
	r := relay{host: u.Hostname(), port: u.Port(), user: u.User.Username()}
	switch u.Scheme {
	case "smtp":
		r.port = cmp.Or(r.port, "587")
	case "smtps":
		r.port, r.implicit = cmp.Or(r.port, "465"), true
	default:
		return relay{}, fmt.Errorf("smtp url: scheme %q: use smtp://host:587 or smtps://host:465", u.Scheme)
	}
	if _, has := u.User.Password(); has {
		return relay{}, errors.New("smtp url: holds a password: keep the user, and give the password apart")
	}
	if r.host == "" {
		return relay{}, errors.New("smtp url: no host")
	}
	if strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return relay{}, errors.New("smtp url: only scheme, user, host and port are understood: remove what follows the port")
	}
	return r, nil
}

// loopback reports whether the host is this machine by name. Where it matters
// the address of the connection is checked as well.
func (r relay) loopback() bool {
	ip := net.ParseIP(r.host)
	return strings.EqualFold(r.host, "localhost") || (ip != nil && ip.IsLoopback())
}

// Dialer opens sessions with one relay. Safe for concurrent use.
type Dialer struct {
	relay     relay
	password  string
	policy    TLSPolicy
	tls       *tls.Config
	helloName string
	timeouts  Timeouts
	grace     time.Duration
	log       *slog.Logger
}

// NewDialer validates the configuration; it does not touch the network.
func NewDialer(cfg Config) (*Dialer, error) {
	r, err := parseRelay(cfg.URL)
	if err != nil {
		return nil, err
	}
	policy := cmp.Or(cfg.TLS, TLSMandatory)
	switch policy {
	case TLSMandatory, TLSOpportunistic:
	case TLSNone:
		if r.implicit {
			return nil, errors.New("smtp: tls none contradicts smtps://")
		}
		if !r.loopback() {
			return nil, fmt.Errorf("smtp: tls none is accepted for a relay on this machine only, not for %s", r.host)
		}
	default:
		return nil, fmt.Errorf("smtp: tls %q: use mandatory, opportunistic or none", policy)
	}
	if (r.user == "") != (cfg.Password == "") {
		return nil, errors.New("smtp: a user and a password need each other: one of them is missing")
	}
	if strings.ContainsFunc(cfg.HelloName, func(c rune) bool { return c <= ' ' || c >= 0x7f }) {
		return nil, fmt.Errorf("smtp: hello name %q: only a host name or an address literal", cfg.HelloName)
	}
	return &Dialer{
		relay:     r,
		password:  cfg.Password,
		policy:    policy,
		tls:       &tls.Config{ServerName: r.host, RootCAs: cfg.RootCAs, MinVersion: tls.VersionTLS12},
		helloName: cfg.HelloName,
		timeouts:  cfg.Timeouts.withDefaults(),
		grace:     cmp.Or(cfg.DotGrace, 15*time.Second),
		log:       cmp.Or(cfg.Log, slog.New(slog.DiscardHandler)).With("relay", r.host),
	}, nil
}
