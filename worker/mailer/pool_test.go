package mailer_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"heraut/worker/mailer"
	"heraut/worker/mailer/smtptest"
)

func newPool(t testing.TB, server *smtptest.Server, size int, idle time.Duration) *mailer.Pool {
	t.Helper()
	d, err := mailer.NewDialer(noTLS(server.URL()))
	if err != nil {
		t.Fatal(err)
	}
	p := mailer.NewPool(d, size, idle)
	t.Cleanup(p.Close)
	return p
}

func mustGet(t testing.TB, p *mailer.Pool) *mailer.Session {
	t.Helper()
	s, err := p.Get(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestPoolKeepsSessions(t *testing.T) {
	server := rules(t)
	p := newPool(t, server, 3, 0)
	for range 10 {
		s := mustGet(t, p)
		if r := s.Send(t.Context(), tx()); r.Verdict != mailer.Accepted {
			t.Fatalf("result %+v", r)
		}
		p.Put(s, true)
	}
	if n := server.Connections(); n != 1 {
		t.Errorf("%d connections for ten mails one after the other", n)
	}
	s := mustGet(t, p)
	p.Put(s, false)
	p.Put(mustGet(t, p), true)
	if n := server.Connections(); n != 2 {
		t.Errorf("%d connections after an unhealthy one was put back, want 2", n)
	}
}

func TestPoolBound(t *testing.T) {
	server := rules(t)
	p := newPool(t, server, 3, 0)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			s, err := p.Get(t.Context())
			if err != nil {
				t.Error(err)
				return
			}
			defer p.Put(s, true)
			if n := server.Open(); n > 3 {
				t.Errorf("%d connections open", n)
			}
			if r := s.Send(t.Context(), tx()); r.Verdict != mailer.Accepted {
				t.Errorf("result %+v", r)
			}
		})
	}
	wg.Wait()
	if n := len(server.Received()); n != 20 {
		t.Errorf("%d mails, want 20", n)
	}
	if n := server.Connections(); n > 3 {
		t.Errorf("%d connections were made, as one was ended that another Get could have had", n)
	}

	held := []*mailer.Session{mustGet(t, p), mustGet(t, p), mustGet(t, p)}
	cause := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	if _, err := p.Get(ctx); !errors.Is(err, cause) {
		t.Errorf("Get on a full pool: %v", err)
	}
	for _, s := range held {
		p.Put(s, true)
	}
}

// TestPoolFailedDial: a failure gives its place back.
func TestPoolFailedDial(t *testing.T) {
	server := rules(t, smtptest.Rule{At: smtptest.Greeting, Times: 2, Do: reply("421 4.7.0 too many")})
	p := newPool(t, server, 1, 0)
	for range 2 {
		_, err := p.Get(t.Context())
		if e, ok := errors.AsType[*mailer.Error](err); !ok || e.Code != 421 {
			t.Fatalf("error %v", err)
		}
	}
	p.Put(mustGet(t, p), true)
}

// TestPoolSkipsDeadSession: sessions that the server closed while they were
// idle are not given out.
func TestPoolSkipsDeadSession(t *testing.T) {
	server := rules(t)
	p := newPool(t, server, 1, time.Minute)
	p.Put(mustGet(t, p), true)
	server.CutAll()
	if !server.WaitFor(5*time.Second, func() bool { return server.Open() == 0 }) {
		t.Fatal("the server did not cut")
	}
	mailer.AgeKept(p, 2*time.Second)
	s := mustGet(t, p)
	if r := s.Send(t.Context(), tx()); r.Verdict != mailer.Accepted {
		t.Errorf("result %+v", r)
	}
	p.Put(s, true)
	if n := server.Connections(); n != 2 {
		t.Errorf("%d connections, want 2", n)
	}

	// A living one of the same age is used again, and looking did it no harm.
	mailer.AgeKept(p, 2*time.Second)
	s = mustGet(t, p)
	if r := s.Send(t.Context(), tx()); r.Verdict != mailer.Accepted {
		t.Errorf("result %+v", r)
	}
	p.Put(s, true)
	if n := server.Connections(); n != 2 {
		t.Errorf("%d connections, want still 2", n)
	}
}

func TestPoolLooksAtTLSSession(t *testing.T) {
	server := smtptest.Start(t, smtptest.Script{TLS: smtptest.GoodTLS})
	d, err := mailer.NewDialer(mailer.Config{URL: server.URL(), RootCAs: server.RootCAs()})
	if err != nil {
		t.Fatal(err)
	}
	p := mailer.NewPool(d, 1, time.Minute)
	defer p.Close()
	for range 3 {
		s := mustGet(t, p)
		if r := s.Send(t.Context(), tx()); r.Verdict != mailer.Accepted {
			t.Errorf("result %+v", r)
		}
		p.Put(s, true)
		mailer.AgeKept(p, 2*time.Second)
	}
	if n := server.Connections(); n != 1 {
		t.Errorf("%d connections, want 1", n)
	}
}

func TestPoolClosesIdle(t *testing.T) {
	server := rules(t)
	p := newPool(t, server, 2, 20*time.Millisecond)
	a, b := mustGet(t, p), mustGet(t, p)
	p.Put(a, true)
	p.Put(b, true)
	if !server.WaitFor(5*time.Second, func() bool { return server.Open() == 0 }) {
		t.Error("idle sessions were left open")
	}
	if got := strings.Join(server.Commands(), " "); !strings.HasSuffix(got, "QUIT QUIT") {
		t.Errorf("commands %s, want a QUIT each", got)
	}
	p.Put(mustGet(t, p), true)
}

func TestPoolClose(t *testing.T) {
	server := rules(t)
	p := newPool(t, server, 2, 0)
	used, kept := mustGet(t, p), mustGet(t, p)
	p.Put(kept, true)
	p.Put(mustGet(t, p), true)

	waiting := make(chan error)
	other := mustGet(t, p) // now full
	go func() {
		_, err := p.Get(t.Context())
		waiting <- err
	}()
	p.Close()
	p.Close()
	if err := <-waiting; !errors.Is(err, mailer.ErrPoolClosed) {
		t.Errorf("waiting Get: %v", err)
	}
	p.Put(used, true)
	p.Put(other, true)
	if _, err := p.Get(t.Context()); !errors.Is(err, mailer.ErrPoolClosed) {
		t.Errorf("Get after Close: %v", err)
	}
	if !server.WaitFor(5*time.Second, func() bool { return server.Open() == 0 }) {
		t.Error("sessions were left open")
	}
	if left := goroutinesOf("mailer.(*Pool)", "mailer.(*Session)"); left != "" {
		t.Errorf("goroutines left:\n%s", left)
	}
}
