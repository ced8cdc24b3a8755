package mailer_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"heraut/worker/mailer"
	"heraut/worker/mailer/smtptest"
)

// TestPipelineMixed is every mix of answers to MAIL, RCPT and DATA that were
// sent together. What stopped the mail is the first that did not agree; whether
// the session goes on is for all of them to say.
func TestPipelineMixed(t *testing.T) {
	for _, c := range []struct {
		name   string
		rules  []smtptest.Rule
		phase  mailer.Phase
		code   int
		usable bool
	}{
		{"MAIL refused, DATA answered 354", []smtptest.Rule{act(smtptest.Mail, reply("550 5.7.1 no")), act(smtptest.DataUnasked, reply("354 go"))}, mailer.PhaseMail, 550, false},
		{"RCPT refused, DATA answered 354", []smtptest.Rule{act(smtptest.Rcpt, reply("550 5.1.1 no")), act(smtptest.DataUnasked, reply("354 go"))}, mailer.PhaseRcpt, 550, false},
		{"RCPT put off, DATA answered 354", []smtptest.Rule{act(smtptest.Rcpt, reply("450 4.2.0 no")), act(smtptest.DataUnasked, reply("354 go"))}, mailer.PhaseRcpt, 450, false},
		{"RCPT refused, DATA refused", []smtptest.Rule{act(smtptest.Rcpt, reply("550 5.1.1 no"))}, mailer.PhaseRcpt, 550, true},
		{"RCPT refused, DATA put off", []smtptest.Rule{act(smtptest.Rcpt, reply("550 5.1.1 no")), act(smtptest.DataUnasked, reply("451 no"))}, mailer.PhaseRcpt, 550, true},
		{"MAIL put off, the rest refused", []smtptest.Rule{act(smtptest.Mail, reply("451 4.3.0 later"))}, mailer.PhaseMail, 451, true},
		{"RCPT refused, 421 to DATA", []smtptest.Rule{act(smtptest.Rcpt, reply("550 5.1.1 no")), act(smtptest.DataUnasked, reply("421 bye"))}, mailer.PhaseRcpt, 550, false},
		{"RCPT refused, cut at DATA", []smtptest.Rule{act(smtptest.Rcpt, reply("550 5.1.1 no")), act(smtptest.DataUnasked, smtptest.Action{Cut: true})}, mailer.PhaseRcpt, 550, false},
		{"RCPT refused, nonsense to DATA", []smtptest.Rule{act(smtptest.Rcpt, reply("550 5.1.1 no")), act(smtptest.DataUnasked, reply("what?"))}, mailer.PhaseRcpt, 550, false},
		{"421 to RCPT, and silence", []smtptest.Rule{act(smtptest.Rcpt, smtptest.Action{Reply: "421 bye", Cut: true})}, mailer.PhaseRcpt, 421, false},
		{"421 after MAIL", []smtptest.Rule{act(smtptest.Mail, smtptest.Action{Reply: "250 ok", Extra: "421 bye", Cut: true})}, mailer.PhaseRcpt, 421, false},
		{"an answer too many", []smtptest.Rule{act(smtptest.Mail, smtptest.Action{Reply: "250 ok", Extra: "250 ok"})}, mailer.PhaseData, 250, false},
		{"an answer cut short", []smtptest.Rule{act(smtptest.Rcpt, smtptest.Action{Reply: "250-and", Cut: true})}, mailer.PhaseRcpt, 0, false},
		{"354 to RCPT", []smtptest.Rule{act(smtptest.Rcpt, reply("354 go"))}, mailer.PhaseRcpt, 354, false},
	} {
		for _, grouped := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, grouped %v", c.name, grouped), func(t *testing.T) {
				for i := range c.rules {
					c.rules[i].Transaction = 1 // not the one after it
				}
				server, s := start(t, smtptest.Script{Grouped: grouped}, c.rules...)
				tx := last(numbered(1))
				tx.BeforeDot = func(context.Context) error { t.Error("BeforeDot called"); return nil }
				r := s.Send(t.Context(), tx)
				want := map[bool]mailer.Verdict{true: mailer.Permanent, false: mailer.Temporary}[c.code/100 == 5]
				if r.Verdict != want || r.Phase != c.phase || r.Code != c.code || s.Closed() == c.usable {
					t.Errorf("result %+v, closed %v; want %s", r, s.Closed(), want)
				}
				if c.usable {
					accepted(t, s.Send(t.Context(), last(numbered(2))))
					s.Close()
				}
				ended(t, server)
				took := map[bool]int{true: 1}[c.usable]
				if got := server.Received(); len(got) != took {
					t.Errorf("the server took %d mails, want %d", len(got), took)
				}
				nothingAfterData(t, server)
			})
		}
	}
}

// TestVerdictBeforeTheDot: a 250 that comes along with the 354 is no verdict on
// a mail that the server does not have.
func TestVerdictBeforeTheDot(t *testing.T) {
	for _, c := range []struct {
		extra string
		code  int
	}{{"250 2.0.0 taken", 0}, {"421 4.3.2 closing", 421}, {"552 5.3.4 too large", 552}} {
		server, s := start(t, smtptest.Script{}, act(smtptest.Data, smtptest.Action{Reply: "354 go", Extra: c.extra}))
		tx := numbered(1)
		tx.BeforeDot = func(context.Context) error { t.Error("BeforeDot called"); return nil }
		r := s.Send(t.Context(), tx)
		if r.Verdict == mailer.Accepted || r.Verdict == mailer.InDoubt || r.Code != c.code || !s.Closed() {
			t.Errorf("%s: %+v", c.extra, r)
		}
		ended(t, server)
		if n := len(server.Received()); n != 0 {
			t.Errorf("%s: the server took %d mails", c.extra, n)
		}
	}
}

// leaky is a connection that breaks in a write, once it let so many bytes pass.
type leaky struct {
	net.Conn
	left  int
	armed bool
	deaf  bool // nothing can be read either
}

var errLeak = errors.New("broke on order")

func (l *leaky) Write(p []byte) (int, error) {
	if !l.armed || l.left >= len(p) {
		if l.armed {
			l.left -= len(p)
		}
		return l.Conn.Write(p)
	}
	n, _ := l.Conn.Write(p[:l.left])
	l.left = 0
	if l.deaf {
		_ = l.Conn.Close()
	} else {
		_ = l.Conn.(*net.TCPConn).CloseWrite() // what the server says still comes in
	}
	return n, errLeak
}

// TestBrokenWrite cuts the write that holds mail, dot and next envelope at each
// of its bytes. As the kernel says how many it took, the verdict is in doubt
// only where the dot can be among them, and never wrong.
func TestBrokenWrite(t *testing.T) {
	tx := numbered(1)
	body := len(tx.Data) + 1 // one dot is stuffed
	const next = "MAIL FROM:<bounces@example.nl>\r\nRCPT TO:<p2@example.org>\r\nDATA\r\n"
	for _, deaf := range []bool{false, true} {
		for k := range body + len(".\r\n"+next) {
			server, s := start(t, smtptest.Script{})
			var l *leaky
			mailer.Through(s, func(c net.Conn) net.Conn { l = &leaky{Conn: c, left: k, deaf: deaf}; return l })
			tx.BeforeDot = func(context.Context) error { l.armed = true; return nil }
			r := s.Send(t.Context(), tx)
			ended(t, server)
			took := len(server.Received())
			want := mailer.InDoubt
			switch {
			case k <= body:
				want = mailer.Temporary
			case k >= body+3 && !deaf:
				want = mailer.Accepted // the reply was there to be read
			}
			if r.Verdict != want || !s.Closed() {
				t.Errorf("cut at byte %d of %d+3, deaf %v: %+v, want %s", k, body, deaf, r, want)
			}
			if (r.Verdict == mailer.Temporary && took != 0) || (r.Verdict == mailer.Accepted && took != 1) {
				t.Errorf("cut at byte %d: verdict %s and the server took %d mails", k, r.Verdict, took)
			}
		}
	}
}

// TestBrokenWriteUnderTLS: the kernel counts bytes of records there, so all is
// in doubt but a write of which nothing left.
func TestBrokenWriteUnderTLS(t *testing.T) {
	for k, want := range map[int]mailer.Verdict{0: mailer.Temporary, 1: mailer.InDoubt, 40: mailer.InDoubt} {
		server := smtptest.Start(t, smtptest.Script{TLS: smtptest.GoodTLS})
		s := mustDial(t, mailer.Config{URL: server.URL(), RootCAs: server.RootCAs()})
		var l *leaky
		mailer.Through(s, func(c net.Conn) net.Conn { l = &leaky{Conn: c, left: k, deaf: true}; return l })
		tx := numbered(1)
		tx.BeforeDot = func(context.Context) error { l.armed = true; return nil }
		if r := s.Send(t.Context(), tx); r.Verdict != want || !s.Closed() {
			t.Errorf("cut at byte %d: %+v, want %s", k, r, want)
		}
	}
}

// TestServerCutsBody cuts at byte k of a mail that left in one write: the client
// cannot know how much was read.
func TestServerCutsBody(t *testing.T) {
	for _, at := range []int{1, 10, 20} {
		server, s := start(t, smtptest.Script{}, act(smtptest.Body, smtptest.Action{CutAt: at}))
		r := s.Send(t.Context(), numbered(1))
		if r.Verdict != mailer.InDoubt || !s.Closed() || len(server.Received()) != 0 {
			t.Errorf("cut at byte %d: %+v", at, r)
		}
	}
}

func TestStale(t *testing.T) {
	cut := smtptest.Action{Cut: true}
	for _, c := range []struct {
		name  string
		rule  smtptest.Rule // for the second connection or transaction
		kept  bool          // the session served before
		stale bool
	}{
		{"a new session cut at MAIL", smtptest.Rule{At: smtptest.Mail, Transaction: 1, Do: cut}, false, false},
		{"a kept session cut at MAIL", smtptest.Rule{At: smtptest.Mail, Transaction: 2, Do: cut}, true, true},
		{"a kept session with 421 at MAIL", smtptest.Rule{At: smtptest.Mail, Transaction: 2, Do: reply("421 4.4.2 idle")}, true, true},
		{"451 at MAIL", smtptest.Rule{At: smtptest.Mail, Transaction: 2, Do: reply("451 later")}, true, false},
		{"nonsense at MAIL", smtptest.Rule{At: smtptest.Mail, Transaction: 2, Do: reply("what?")}, true, false},
		{"a kept session cut at RCPT", smtptest.Rule{At: smtptest.Rcpt, Transaction: 2, Do: cut}, true, false},
		{"a kept session cut after the dot", smtptest.Rule{At: smtptest.Dot, Transaction: 2, Do: cut}, true, false},
	} {
		eachWay(t, c.name, func(t *testing.T, script smtptest.Script) {
			_, s := start(t, script, c.rule)
			if c.kept {
				accepted(t, s.Send(t.Context(), tx()))
			}
			if r := s.Send(t.Context(), tx()); r.Verdict == mailer.Accepted || r.Stale != c.stale {
				t.Errorf("result %+v, want stale %v", r, c.stale)
			}
		})
	}
	t.Run("cancelled by us", func(t *testing.T) {
		server, s := start(t, smtptest.Script{}, smtptest.Rule{At: smtptest.Mail, Transaction: 2, Do: smtptest.Action{Hang: true}})
		accepted(t, s.Send(t.Context(), tx()))
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			server.WaitFor(5*time.Second, func() bool { return len(server.Commands()) > 4 })
			cancel()
		}()
		if r := s.Send(ctx, tx()); r.Stale || !errors.Is(r.Err, context.Canceled) {
			t.Errorf("result %+v", r)
		}
	})
	t.Run("kept in a pool", func(t *testing.T) {
		server := rules(t)
		p := newPool(t, server, 1, time.Minute)
		p.Put(mustGet(t, p), true)
		server.CutAll()
		ended(t, server)
		s := mustGet(t, p) // too fresh to be looked at
		r := s.Send(t.Context(), tx())
		p.Put(s, true)
		if r.Verdict != mailer.Temporary || !r.Stale || !errors.Is(r.Err, io.EOF) && !isReset(r.Err) {
			t.Errorf("result %+v", r)
		}
	})
}

func isReset(err error) bool { _, ok := errors.AsType[*net.OpError](err); return ok }
