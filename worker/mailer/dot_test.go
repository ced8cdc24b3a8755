package mailer_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"heraut/worker/mailer"
	"heraut/worker/mailer/smtptest"
)

func TestBeforeDot(t *testing.T) {
	t.Run("runs after the whole body and before the server has the mail", func(t *testing.T) {
		server := rules(t)
		calls := 0
		r := mustDial(t, noTLS(server.URL())).Send(t.Context(), txBefore(func(context.Context) error {
			calls++
			if n := len(server.Received()); n != 0 {
				t.Errorf("the server has %d mails before the dot", n)
			}
			return nil
		}))
		if r.Verdict != mailer.Accepted || calls != 1 || len(server.Received()) != 1 {
			t.Errorf("result %+v, %d calls", r, calls)
		}
	})
	t.Run("error", func(t *testing.T) {
		server := rules(t)
		s := mustDial(t, noTLS(server.URL()))
		no := errors.New("cancelled meanwhile")
		r := s.Send(t.Context(), txBefore(func(context.Context) error { return no }))
		if r.Verdict != mailer.Aborted || !errors.Is(r.Err, no) || r.Class() != mailer.ClassNone || !s.Closed() {
			t.Errorf("result %+v, closed %v", r, s.Closed())
		}
		s.Close()
		wantNothingTaken(t, server)
	})
	t.Run("panic", func(t *testing.T) {
		server := rules(t)
		s := mustDial(t, noTLS(server.URL()))
		func() {
			defer func() { _ = recover() }()
			s.Send(t.Context(), txBefore(func(context.Context) error { panic("bug") }))
		}()
		s.Close()
		wantNothingTaken(t, server)
	})
	t.Run("not called after a refusal", func(t *testing.T) {
		server := rules(t, act(smtptest.Rcpt, reply("550 5.1.1 no")))
		mustDial(t, noTLS(server.URL())).Send(t.Context(), txBefore(func(context.Context) error {
			t.Error("called")
			return nil
		}))
	})
}

// wantNothingTaken waits until the server has seen the end of the connection:
// only then is it certain that it did not take the mail.
func wantNothingTaken(t *testing.T, server *smtptest.Server) {
	t.Helper()
	if !server.WaitFor(5*time.Second, func() bool { return server.Open() == 0 }) {
		t.Error("the connection is still open")
	}
	if n := len(server.Received()); n != 0 {
		t.Errorf("the server took %d mails", n)
	}
	// Some servers take a QUIT inside DATA for the end of the mail.
	if got := server.Unfinished(); len(got) != 1 || !bytes.Equal(got[0], plain()) {
		t.Errorf("after DATA the server read %q, want the mail and nothing more", got)
	}
}

func TestSendCancelled(t *testing.T) {
	cause := errors.New("shutting down")
	t.Run("before it begins", func(t *testing.T) {
		server := rules(t)
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(cause)
		r := mustDial(t, noTLS(server.URL())).Send(ctx, tx())
		if r.Verdict != mailer.Temporary || !errors.Is(r.Err, cause) {
			t.Errorf("result %+v", r)
		}
	})
	t.Run("before the dot", func(t *testing.T) {
		server := smtptest.Start(t, smtptest.Script{Extensions: []string{"8BITMIME"}, Rules: []smtptest.Rule{
			act(smtptest.Data, smtptest.Action{Hang: true}),
		}})
		s := mustDial(t, noTLS(server.URL()))
		ctx, cancel := context.WithCancelCause(t.Context())
		go func() {
			server.WaitFor(5*time.Second, func() bool { return slices.Contains(server.Commands(), "DATA") })
			cancel(cause)
		}()
		r := s.Send(ctx, tx())
		if r.Verdict != mailer.Temporary || r.Phase != mailer.PhaseData || !errors.Is(r.Err, cause) || !s.Closed() {
			t.Errorf("result %+v", r)
		}
	})
	t.Run("during beforeDot the mail still goes", func(t *testing.T) {
		server := rules(t)
		ctx, cancel := context.WithCancelCause(t.Context())
		r := mustDial(t, noTLS(server.URL())).Send(ctx, txBefore(func(context.Context) error {
			cancel(cause)
			return nil
		}))
		if r.Verdict != mailer.Accepted {
			t.Errorf("result %+v", r)
		}
	})
	t.Run("after the dot the reply is waited for", func(t *testing.T) {
		server := rules(t, act(smtptest.Dot, smtptest.Action{Delay: 150 * time.Millisecond}))
		s := mustDial(t, noTLS(server.URL()))
		ctx, cancel := context.WithCancelCause(t.Context())
		go func() {
			server.WaitFor(5*time.Second, func() bool { return len(server.Received()) == 1 })
			cancel(cause)
		}()
		r := s.Send(ctx, txBefore(func(context.Context) error { cancel(cause); return nil }))
		if r.Verdict != mailer.Accepted || s.Closed() {
			t.Errorf("result %+v", r)
		}
		// The grace of the cancelled context must not weigh on the next mail.
		if r := s.Send(t.Context(), tx()); r.Verdict != mailer.Accepted {
			t.Errorf("next mail: %+v", r)
		}
	})
	t.Run("but not for ever", func(t *testing.T) {
		server := rules(t, act(smtptest.Dot, smtptest.Action{Hang: true}))
		cfg := noTLS(server.URL())
		cfg.DotGrace = 50 * time.Millisecond
		ctx, cancel := context.WithCancelCause(t.Context())
		r := mustDial(t, cfg).Send(ctx, txBefore(func(context.Context) error { cancel(cause); return nil }))
		if r.Verdict != mailer.InDoubt || r.Phase != mailer.PhaseDot {
			t.Errorf("result %+v", r)
		}
	})
	t.Run("and the next mail has its own time", func(t *testing.T) {
		server := rules(t, smtptest.Rule{At: smtptest.Dot, Transaction: 2, Do: smtptest.Action{Delay: 600 * time.Millisecond}})
		cfg := noTLS(server.URL())
		cfg.DotGrace = 300 * time.Millisecond
		s := mustDial(t, cfg)
		ctx, cancel := context.WithCancelCause(t.Context())
		accepted(t, s.Send(ctx, txBefore(func(context.Context) error { cancel(cause); return nil })))
		accepted(t, s.Send(t.Context(), tx()))
	})
}
