package mailer_test

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"time"

	"heraut/worker/mailer"
	"heraut/worker/mailer/smtptest"
)

func wantLimit(t *testing.T, p *mailer.Pool, now int) {
	t.Helper()
	if got, _ := p.Limit(); got != now {
		t.Errorf("limit %d, want %d", got, now)
	}
}

// hold takes n sessions.
func hold(t *testing.T, p *mailer.Pool, n int) (held []*mailer.Session) {
	t.Helper()
	for range n {
		held = append(held, mustGet(t, p))
	}
	return held
}

// TestLimitFalls: what a relay says when there is too much (fault 30), and what
// it says for other reasons.
func TestLimitFalls(t *testing.T) {
	for _, c := range []struct {
		name string
		rule smtptest.Rule
		want int
	}{
		{"421 at the greeting", act(smtptest.Greeting, reply("421 4.7.0 too many connections")), 4},
		{"451 4.7.0 at the greeting", act(smtptest.Greeting, reply("451 4.7.0 rate")), 4},
		{"450 4.7.1 to EHLO", act(smtptest.Hello, reply("450 4.7.1 rate")), 4},
		{"451 4.3.0 at the greeting", act(smtptest.Greeting, reply("451 4.3.0 disk")), 8},
		{"554 at the greeting", act(smtptest.Greeting, reply("554 5.7.1 not you")), 8},
		{"hang-up at the greeting", act(smtptest.Greeting, smtptest.Action{Cut: true}), 8},
		{"421 to MAIL", act(smtptest.Mail, reply("421 4.7.0 slow down")), 4},
		{"421 to an idle session", act(smtptest.Mail, reply("421 4.4.2 timeout exceeded")), 8},
		{"432 to RCPT", act(smtptest.Rcpt, reply("432 4.3.2 concurrent connections limit")), 4},
		{"432 to DATA", act(smtptest.Data, reply("432 4.3.2 sender thread limit")), 4},
		{"421 to the dot", act(smtptest.Dot, reply("421 4.3.2 busy")), 4},
		{"432 to the dot", act(smtptest.Dot, reply("432 4.3.2 busy")), 4},
		{"450 to RCPT", act(smtptest.Rcpt, reply("450 4.7.1 greylisted")), 8},
		{"451 to the dot", act(smtptest.Dot, reply("451 4.7.1 later")), 8},
		{"nothing", smtptest.Rule{At: smtptest.Noop}, 8},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPool(t, rules(t, c.rule), 8, 0)
			if s, err := p.Get(t.Context()); err == nil {
				s.Send(t.Context(), tx())
				wantLimit(t, p, c.want) // known before it is put back
				p.Put(s, true)
			}
			wantLimit(t, p, c.want)
			if _, configured := p.Limit(); configured != 8 {
				t.Errorf("configured %d", configured)
			}
		})
	}
}

// TestLimitFallsOncePerSecond: sessions that all get a 421 at once are one
// complaint; the next second's is another; one session is always left.
func TestLimitFallsOncePerSecond(t *testing.T) {
	p := newPool(t, rules(t, act(smtptest.Mail, reply("421 4.7.0 slow down"))), 5, 0)
	for _, want := range []int{2, 1, 1} {
		for _, s := range hold(t, p, 2-want%2) {
			s.Send(t.Context(), tx())
			p.Put(s, true)
		}
		wantLimit(t, p, want)
		mailer.Quicken(p, time.Hour)
	}
}

// TestLimitHoldsBack: above the limit kept sessions are closed, those in use as
// they are put back, and Get waits.
func TestLimitHoldsBack(t *testing.T) {
	server := rules(t, smtptest.Rule{At: smtptest.Rcpt, Times: 1, Do: reply("432 4.3.2 too many")})
	p := newPool(t, server, 6, time.Minute)
	held := hold(t, p, 6)
	for _, s := range held[3:] {
		p.Put(s, true)
	}
	held[0].Send(t.Context(), tx()) // now 3, with 3 in use and 3 kept
	wantLimit(t, p, 3)
	if !server.WaitFor(5*time.Second, func() bool { return server.Open() == 3 }) {
		t.Errorf("%d connections open, want the 3 in use", server.Open())
	}

	got := make(chan *mailer.Session)
	go func() {
		s, err := p.Get(t.Context())
		if err != nil {
			t.Error(err)
		}
		got <- s
	}()
	for mailer.Waiting(p) == 0 {
		runtime.Gosched()
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.Get(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Get above the limit: %v", err)
	}
	p.Put(held[1], true)
	s := <-got
	accepted(t, s.Send(t.Context(), tx()))
	if n := server.Connections(); n != 6 {
		t.Errorf("%d connections were made, want 6: the waiting one takes what was put back", n)
	}
	for _, s := range []*mailer.Session{s, held[0], held[2]} {
		p.Put(s, true)
	}
	if n := server.Open(); n != 3 {
		t.Errorf("%d connections open, want 3", n)
	}
}

// TestLimitPutOverIt: a session put back above the limit is not kept.
func TestLimitPutOverIt(t *testing.T) {
	server := rules(t, smtptest.Rule{At: smtptest.Rcpt, Times: 1, Do: reply("432 4.3.2 too many")})
	p := newPool(t, server, 4, time.Minute)
	held := hold(t, p, 4)
	held[0].Send(t.Context(), tx())
	for _, s := range held {
		p.Put(s, true)
	}
	if !server.WaitFor(5*time.Second, func() bool { return server.Open() == 2 }) {
		t.Errorf("%d connections open, want 2", server.Open())
	}
	hold(t, p, 2)
	if n := server.Connections(); n != 4 {
		t.Errorf("%d connections were made, want 4", n)
	}
}

// TestLimitRises: one more after each quiet while, to those who wait as well, up
// to what was configured.
func TestLimitRises(t *testing.T) {
	server := rules(t, smtptest.Rule{At: smtptest.Greeting, Times: 2, Do: reply("421 4.7.0 too many connections")})
	p := newPool(t, server, 4, 0)
	for range 2 {
		mailer.Quicken(p, 20*time.Millisecond)
		if _, err := p.Get(t.Context()); err == nil {
			t.Fatal("got a session")
		}
	}
	held := hold(t, p, 4) // the later ones wait for their place
	wantLimit(t, p, 4)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := p.Get(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a fifth session: %v", err)
	}
	wantLimit(t, p, 4)
	for _, s := range held {
		p.Put(s, true)
	}
}

// TestLimitPoolOfOne: there is nothing to halve.
func TestLimitPoolOfOne(t *testing.T) {
	p := newPool(t, rules(t, act(smtptest.Rcpt, reply("432 4.3.2 too many"))), 1, 0)
	s := mustGet(t, p)
	s.Send(t.Context(), tx())
	p.Put(s, true)
	wantLimit(t, p, 1)
	mustGet(t, p)
}

// TestGetCancelledAsItIsServed: a place given to a caller who has just left goes
// to the next.
func TestGetCancelledAsItIsServed(t *testing.T) {
	server := rules(t)
	p := newPool(t, server, 1, 0)
	for range 100 {
		s := getSoon(t, p)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			if s, err := p.Get(ctx); err == nil {
				p.Put(s, true)
			}
		}()
		for mailer.Waiting(p) == 0 {
			runtime.Gosched()
		}
		cancel()
		p.Put(s, true) // mostly before the one who waits learns of it
		<-done
	}
	p.Put(getSoon(t, p), true)
}

// getSoon fails when a place was lost and Get would wait for ever.
func getSoon(t *testing.T, p *mailer.Pool) *mailer.Session {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	s, err := p.Get(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
