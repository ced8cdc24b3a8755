package mailer_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"heraut/worker/mailer"
	"heraut/worker/mailer/smtptest"
)

func TestNewDialerRefuses(t *testing.T) {
	for _, c := range []struct {
		cfg  mailer.Config
		want string
	}{
		{mailer.Config{URL: ""}, "scheme"},
		{mailer.Config{URL: "http://relay.example"}, "scheme"},
		{mailer.Config{URL: "relay.example:25"}, "scheme"},
		{mailer.Config{URL: "smtp://"}, "no host"},
		{mailer.Config{URL: "smtp://relay.example/path"}, "remove what follows"},
		{mailer.Config{URL: "smtp://relay.example?tls=none"}, "remove what follows"},
		{mailer.Config{URL: "smtp://relay.example:587#x"}, "remove what follows"},
		{mailer.Config{URL: "smtp://u:hunter2@relay.example"}, "holds a password"},
		{mailer.Config{URL: "smtp://u:hunter2@relay.example:port"}, "port"},
		{mailer.Config{URL: "smtp://u@relay.example"}, "need each other"},
		{mailer.Config{URL: "smtp://relay.example", Password: "x"}, "need each other"},
		{mailer.Config{URL: "smtp://relay.example", TLS: "none"}, "this machine only"},
		{mailer.Config{URL: "smtps://127.0.0.1", TLS: "none"}, "contradicts"},
		{mailer.Config{URL: "smtp://relay.example", TLS: "sometimes"}, "mandatory, opportunistic or none"},
		{mailer.Config{URL: "smtp://relay.example", HelloName: "a\r\nb"}, "hello name"},
	} {
		_, err := mailer.NewDialer(c.cfg)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: error %v, want one about %q", c.cfg.URL, err, c.want)
		}
	}
	for _, url := range []string{"smtp://relay.example", "smtps://relay.example/", "smtp://[::1]:25"} {
		if _, err := mailer.NewDialer(mailer.Config{URL: url}); err != nil {
			t.Errorf("%s: %v", url, err)
		}
	}
}

// dialFails dials and gives the error, which must be an *Error also through two wraps.
func dialFails(t *testing.T, ctx context.Context, cfg mailer.Config) *mailer.Error {
	t.Helper()
	d, err := mailer.NewDialer(cfg)
	if err != nil {
		t.Fatal(err)
	}
	s, err := d.Dial(ctx)
	if err == nil {
		s.Close()
		t.Fatal("dialled without an error")
	}
	e, ok := errors.AsType[*mailer.Error](fmt.Errorf("b: %w", fmt.Errorf("a: %w", err)))
	if !ok {
		t.Fatalf("error %T is no *mailer.Error", err)
	}
	return e
}

func TestDialTLS(t *testing.T) {
	for _, c := range []struct {
		name   string
		tls    smtptest.TLSKind
		policy mailer.TLSPolicy
		rules  []smtptest.Rule
		ok     bool
		temp   bool
		class  mailer.Class
	}{
		{"good", smtptest.GoodTLS, "", nil, true, false, ""},
		{"good, opportunistic", smtptest.GoodTLS, mailer.TLSOpportunistic, nil, true, false, ""},
		{"not offered, opportunistic", smtptest.NoTLS, mailer.TLSOpportunistic, nil, true, false, ""},
		{"not offered", smtptest.NoTLS, "", nil, false, false, mailer.ClassConfiguration},
		{"expired", smtptest.ExpiredTLS, "", nil, false, false, mailer.ClassConfiguration},
		{"expired, opportunistic", smtptest.ExpiredTLS, mailer.TLSOpportunistic, nil, false, false, mailer.ClassConfiguration},
		{"wrong name", smtptest.WrongNameTLS, "", nil, false, false, mailer.ClassConfiguration},
		{"TLS 1.1", smtptest.OldTLS, "", nil, false, false, mailer.ClassConfiguration},
		{"454 to STARTTLS", smtptest.GoodTLS, "", []smtptest.Rule{act(smtptest.StartTLS, reply("454 4.7.0 later"))}, false, true, mailer.ClassConnection},
		{"501 to STARTTLS", smtptest.GoodTLS, "", []smtptest.Rule{act(smtptest.StartTLS, reply("501 5.5.4 no"))}, false, false, mailer.ClassConfiguration},
		{"cut at STARTTLS", smtptest.GoodTLS, "", []smtptest.Rule{act(smtptest.StartTLS, smtptest.Action{Cut: true})}, false, true, mailer.ClassConnection},
		{"cut in handshake", smtptest.GoodTLS, "", []smtptest.Rule{act(smtptest.StartTLS, smtptest.Action{Reply: "220 go", Cut: true})}, false, true, mailer.ClassConnection},
	} {
		for _, implicit := range []bool{false, true} {
			if implicit && (c.tls == smtptest.NoTLS || c.rules != nil) {
				continue
			}
			t.Run(fmt.Sprintf("%s, implicit %v", c.name, implicit), func(t *testing.T) {
				server := smtptest.Start(t, smtptest.Script{TLS: c.tls, ImplicitTLS: implicit, Rules: c.rules})
				cfg := mailer.Config{URL: server.URL(), TLS: c.policy, RootCAs: server.RootCAs()}
				if c.ok {
					s := mustDial(t, cfg)
					for range 2 {
						if r := s.Send(t.Context(), tx()); r.Verdict != mailer.Accepted {
							t.Errorf("result %+v", r)
						}
					}
					if got := server.Received(); got[0].TLS != (c.tls == smtptest.GoodTLS) {
						t.Errorf("mail came over TLS: %v", got[0].TLS)
					}
					return
				}
				e := dialFails(t, t.Context(), cfg)
				if e.Phase != mailer.PhaseTLS || e.Temporary() != c.temp || e.Class() != c.class {
					t.Errorf("phase %s, temporary %v, class %q: %v", e.Phase, e.Temporary(), e.Class(), e)
				}
				for _, command := range server.Commands() {
					if !strings.HasPrefix(command, "EHLO") && command != "STARTTLS" {
						t.Errorf("%q was sent in clear", command)
					}
				}
			})
		}
	}
}

func TestDialAuth(t *testing.T) {
	script := func(s smtptest.Script) smtptest.Script {
		s.User, s.Password = "heraut@example.nl", "sésame"
		return s
	}
	const user = "heraut%40example.nl@"
	for _, c := range []struct {
		name     string
		script   smtptest.Script
		policy   mailer.TLSPolicy
		password string
		ok       bool
		code     int
		temp     bool
		class    mailer.Class
	}{
		{"good", script(smtptest.Script{TLS: smtptest.GoodTLS}), "", "sésame", true, 0, false, ""},
		{"in clear to this machine", script(smtptest.Script{AuthInClear: true}), mailer.TLSNone, "sésame", true, 0, false, ""},
		{"wrong password", script(smtptest.Script{TLS: smtptest.GoodTLS}), "", "wrong", false, 535, false, mailer.ClassConfiguration},
		{"not now", script(smtptest.Script{TLS: smtptest.GoodTLS, Rules: []smtptest.Rule{act(smtptest.Auth, reply("454 4.7.0 later"))}}), "", "sésame", false, 454, true, mailer.ClassConnection},
		{"cut", script(smtptest.Script{TLS: smtptest.GoodTLS, Rules: []smtptest.Rule{act(smtptest.Auth, smtptest.Action{Cut: true})}}), "", "sésame", false, 0, true, mailer.ClassConnection},
		{"not offered", smtptest.Script{TLS: smtptest.GoodTLS}, "", "sésame", false, 0, false, mailer.ClassConfiguration},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := smtptest.Start(t, c.script)
			cfg := mailer.Config{
				URL:      strings.Replace(server.URL(), "://", "://"+user, 1),
				Password: c.password, TLS: c.policy, RootCAs: server.RootCAs(),
			}
			if c.ok {
				if r := mustDial(t, cfg).Send(t.Context(), tx()); r.Verdict != mailer.Accepted {
					t.Errorf("result %+v", r)
				}
				if got := server.Received()[0].User; got != "heraut@example.nl" {
					t.Errorf("authenticated as %q", got)
				}
				return
			}
			e := dialFails(t, t.Context(), cfg)
			if e.Phase != mailer.PhaseAuth || e.Code != c.code || e.Temporary() != c.temp || e.Class() != c.class {
				t.Errorf("%+v, temporary %v, class %q", e, e.Temporary(), e.Class())
			}
			if strings.Contains(e.Error(), c.password) || strings.Contains(e.Error(), "heraut@") {
				t.Errorf("error tells too much: %v", e)
			}
		})
	}
}

func TestDialConnect(t *testing.T) {
	for _, c := range []struct {
		name string
		rule smtptest.Rule
		code int
		temp bool
	}{
		{"421 greeting", act(smtptest.Greeting, reply("421 4.7.0 too many connections")), 421, true},
		{"554 greeting", act(smtptest.Greeting, reply("554 5.3.2 no service")), 554, false},
		{"cut greeting", act(smtptest.Greeting, smtptest.Action{Cut: true}), 0, true},
		{"hanging greeting", act(smtptest.Greeting, smtptest.Action{Hang: true}), 0, true},
		{"4xx to EHLO", act(smtptest.Hello, reply("450 4.3.2 later")), 450, true},
		{"hanging EHLO", act(smtptest.Hello, smtptest.Action{Hang: true}), 0, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := rules(t, c.rule)
			cfg := noTLS(server.URL())
			cfg.Timeouts = mailer.Timeouts{Greeting: 50 * time.Millisecond, Command: 50 * time.Millisecond}
			e := dialFails(t, t.Context(), cfg)
			if e.Phase != mailer.PhaseConnect || e.Code != c.code || e.Temporary() != c.temp || e.Class() != mailer.ClassConnection {
				t.Errorf("%+v, temporary %v, class %q", e, e.Temporary(), e.Class())
			}
			if !server.WaitFor(5*time.Second, func() bool { return server.Open() == 0 }) {
				t.Error("the connection was left open")
			}
		})
	}
	t.Run("nobody listens", func(t *testing.T) {
		server := rules(t)
		server.Close()
		if e := dialFails(t, t.Context(), noTLS(server.URL())); e.Phase != mailer.PhaseConnect || !e.Temporary() {
			t.Errorf("%+v", e)
		}
	})
	t.Run("cancelled", func(t *testing.T) {
		server := rules(t, act(smtptest.Greeting, smtptest.Action{Hang: true}))
		cause := errors.New("shutting down")
		ctx, cancel := context.WithCancelCause(t.Context())
		go func() {
			server.WaitFor(5*time.Second, func() bool { return server.Connections() == 1 })
			cancel(cause)
		}()
		if e := dialFails(t, ctx, noTLS(server.URL())); !errors.Is(e, cause) {
			t.Errorf("%v", e)
		}
	})
	t.Run("HELO only", func(t *testing.T) {
		server := rules(t, smtptest.Rule{At: smtptest.Hello, Times: 1, Do: reply("502 5.5.1 EHLO not known")})
		if r := mustDial(t, noTLS(server.URL())).Send(t.Context(), tx()); r.Verdict != mailer.Accepted {
			t.Errorf("result %+v", r)
		}
	})
}

// TestLogHoldsNoAddress follows an address and a password through every kind of
// outcome and looks for them in the log.
func TestLogHoldsNoAddress(t *testing.T) {
	var log bytes.Buffer
	server := smtptest.Start(t, smtptest.Script{TLS: smtptest.GoodTLS, User: "loginname", Password: "hunter2", Rules: []smtptest.Rule{
		{At: smtptest.Rcpt, Transaction: 2, Do: reply("550 5.1.1 <zoe@example.org> unknown")},
	}})
	s := mustDial(t, mailer.Config{
		URL: strings.Replace(server.URL(), "://", "://loginname@", 1), Password: "hunter2", RootCAs: server.RootCAs(),
		Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	for range 3 {
		s.Send(t.Context(), tx())
	}
	s.Send(t.Context(), mailer.Transaction{Envelope: mailer.Envelope{To: "zoe\n@example.org"}, Data: plain()})
	s.Send(t.Context(), mailer.Transaction{Envelope: mailer.Envelope{To: "zoe"}, Data: plain()})
	if !strings.Contains(log.String(), "domain=example.org") {
		t.Errorf("nothing logged:\n%s", log.String())
	}
	for _, secret := range []string{"zoe", "bounces", "loginname", "hunter2"} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("%q is in the log:\n%s", secret, log.String())
		}
	}
}
