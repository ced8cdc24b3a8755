package mailer_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"heraut/worker/mailer"
	"heraut/worker/mailer/smtptest"
)

// numbered is the transaction of mail n, which announces mail n+1.
func numbered(n int) mailer.Transaction {
	env := func(n int) mailer.Envelope {
		return mailer.Envelope{From: "bounces@example.nl", To: fmt.Sprintf("p%d@example.org", n)}
	}
	next := env(n + 1)
	return mailer.Transaction{Envelope: env(n), Data: fmt.Appendf(nil, "Subject: %d\r\n\r\n.hello %d\r\n", n, n), Next: &next}
}

// last announces nothing.
func last(t mailer.Transaction) mailer.Transaction {
	t.Next = nil
	return t
}

func start(t *testing.T, script smtptest.Script, r ...smtptest.Rule) (*smtptest.Server, *mailer.Session) {
	t.Helper()
	script.Rules = r
	server := smtptest.Start(t, script)
	return server, mustDial(t, noTLS(server.URL()))
}

func accepted(t *testing.T, r mailer.Result) {
	t.Helper()
	if r.Verdict != mailer.Accepted {
		t.Fatalf("result %+v, want accepted", r)
	}
}

// ended waits until the server has seen the end of every connection.
func ended(t *testing.T, server *smtptest.Server) {
	t.Helper()
	if !server.WaitFor(5*time.Second, func() bool { return server.Open() == 0 }) {
		t.Error("the connection is still open")
	}
}

// TestNext sends a row of mails, each announced by the one before, one of them
// refused; without PIPELINING the announcements do nothing.
func TestNext(t *testing.T) {
	eachWay(t, "row", func(t *testing.T, script smtptest.Script) {
		server, s := start(t, script, smtptest.Rule{At: smtptest.Rcpt, Recipient: "p3@example.org", Do: reply("550 5.1.1 gone")},
			smtptest.Rule{At: smtptest.Dot, Transaction: 5, Do: reply("451 4.3.0 later")})
		want := []mailer.Verdict{3: mailer.Permanent, 5: mailer.Temporary, 8: ""}
		for n := 1; n <= 8; n++ {
			tx := numbered(n)
			if n == 8 {
				tx = last(tx)
			}
			before := len(server.Received())
			tx.BeforeDot = func(context.Context) error {
				if got := len(server.Received()); got != before {
					t.Errorf("mail %d: the server has %d mails before the dot, had %d", n, got, before)
				}
				return nil
			}
			r := s.Send(t.Context(), tx)
			if verdict := map[bool]mailer.Verdict{true: mailer.Accepted, false: want[n]}[want[n] == ""]; r.Verdict != verdict || r.Stale {
				t.Errorf("mail %d: %+v, want %s", n, r, verdict)
			}
		}
		var got []string
		for _, m := range server.Received() {
			got = append(got, m.To[0]+" "+strings.TrimSpace(string(m.Data)[len("Subject: "):]))
		}
		if text := fmt.Sprintf("%q", got); text != `["p1@example.org 1\r\n\r\n.hello 1" "p2@example.org 2\r\n\r\n.hello 2" `+
			`"p4@example.org 4\r\n\r\n.hello 4" "p6@example.org 6\r\n\r\n.hello 6" "p7@example.org 7\r\n\r\n.hello 7" "p8@example.org 8\r\n\r\n.hello 8"]` {
			t.Errorf("the server took %s", text)
		}
		if server.Connections() != 1 || s.Closed() {
			t.Errorf("%d connections, closed %v", server.Connections(), s.Closed())
		}
	})
}

// TestNextIsOneRoundTrip: the server says nothing on a mail until it has the
// next envelope, so a client that waits for the verdict first waits for ever.
func TestNextIsOneRoundTrip(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		in := bufio.NewReader(c)
		until := func(mark string) {
			for line := ""; line != mark+"\r\n" && err == nil; {
				line, err = in.ReadString('\n')
			}
		}
		fmt.Fprint(c, "220 x\r\n")
		_, _ = in.ReadString('\n')
		fmt.Fprint(c, "250-x\r\n250 PIPELINING\r\n")
		until("DATA")
		fmt.Fprint(c, "250 a\r\n250 b\r\n354 c\r\n")
		until("DATA") // that of the second mail
		fmt.Fprint(c, "250 first\r\n250 a\r\n250 b\r\n354 c\r\n")
		until(".")
		fmt.Fprint(c, "250 second\r\n")
		until("QUIT")
	}()
	cfg := noTLS("smtp://" + l.Addr().String())
	cfg.Timeouts = mailer.Timeouts{Command: 5 * time.Second, DataInit: 5 * time.Second, FinalDot: 5 * time.Second}
	s := mustDial(t, cfg)
	for n, text := range []string{"first", "second"} {
		tx := numbered(n)
		if n == 1 {
			tx = last(tx)
		}
		if r := s.Send(t.Context(), tx); r.Verdict != mailer.Accepted || r.Text != text {
			t.Fatalf("%s: %+v", text, r)
		}
	}
}

// nothingAfterData looks at what a server read after a DATA that led to no mail.
// It may have missed the DATA itself: hanging up on unread replies takes back
// what is under way.
func nothingAfterData(t *testing.T, server *smtptest.Server) {
	t.Helper()
	for _, text := range server.Unfinished() {
		if len(text) != 0 {
			t.Errorf("after DATA the server read %q, want nothing", text)
		}
	}
}

// TestNextNotFollowed: the server waits for the mail it was promised, so there
// is no other way on than to hang up, and not with a QUIT it may take for text.
func TestNextNotFollowed(t *testing.T) {
	other := func(tx mailer.Transaction) mailer.Transaction { tx.To = "else@example.org"; return tx }
	eightBit := func(tx mailer.Transaction) mailer.Transaction { tx.Data = []byte("Subject: é\r\n"); return tx }
	for _, c := range []struct {
		name  string
		then  func(*testing.T, *mailer.Session) mailer.Result
		stale bool
	}{
		{"another envelope", func(t *testing.T, s *mailer.Session) mailer.Result { return s.Send(t.Context(), other(numbered(2))) }, true},
		{"not the data announced", func(t *testing.T, s *mailer.Session) mailer.Result { return s.Send(t.Context(), eightBit(numbered(2))) }, true},
		{"our own refusal", func(t *testing.T, s *mailer.Session) mailer.Result {
			return s.Send(t.Context(), mailer.Transaction{Envelope: numbered(2).Envelope, Data: []byte("a\nb")})
		}, false},
		{"closed", func(_ *testing.T, s *mailer.Session) mailer.Result { s.Close(); return mailer.Result{} }, false},
		{"aborted", func(t *testing.T, s *mailer.Session) mailer.Result {
			tx := numbered(2)
			tx.BeforeDot = func(context.Context) error { return errors.New("cancelled") }
			return s.Send(t.Context(), tx)
		}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			server, s := start(t, smtptest.Script{})
			accepted(t, s.Send(t.Context(), numbered(1)))
			r := c.then(t, s)
			if !s.Closed() || r.Verdict == mailer.Accepted || r.Stale != c.stale {
				t.Errorf("result %+v, closed %v", r, s.Closed())
			}
			ended(t, server)
			if n := len(server.Received()); n != 1 {
				t.Errorf("the server took %d mails", n)
			}
			nothingAfterData(t, server)
		})
	}
	t.Run("put back", func(t *testing.T) {
		server := rules(t)
		p := newPool(t, server, 1, 0)
		s := mustGet(t, p)
		accepted(t, s.Send(t.Context(), numbered(1)))
		p.Put(s, true)
		ended(t, server)
		s = mustGet(t, p)
		accepted(t, s.Send(t.Context(), last(numbered(1))))
		p.Put(s, true)
		nothingAfterData(t, server)
	})
}

// TestNextThatCannotBe is an announcement the relay would not understand: it is
// not made, and its own Send says why.
func TestNextThatCannotBe(t *testing.T) {
	server, s := start(t, smtptest.Script{Extensions: []string{"PIPELINING"}})
	tx := numbered(1)
	tx.Next = &mailer.Envelope{From: "bounces@example.nl", To: "zoë@example.org"}
	accepted(t, s.Send(t.Context(), tx))
	r := s.Send(t.Context(), mailer.Transaction{Envelope: *tx.Next, Data: plain()})
	if r.Verdict != mailer.Permanent || !errors.Is(r.Err, mailer.ErrNeedsSMTPUTF8) || s.Closed() {
		t.Errorf("result %+v, closed %v", r, s.Closed())
	}
	accepted(t, s.Send(t.Context(), last(numbered(2))))
	if n := server.Connections(); n != 1 {
		t.Errorf("%d connections", n)
	}
}

// TestNextAndTheEnd is a server that ends the connection around the dot, with
// the next envelope on its way (fault 23 and 26).
func TestNextAndTheEnd(t *testing.T) {
	for _, c := range []struct {
		name  string
		at    smtptest.Step
		do    smtptest.Action
		first mailer.Verdict
		next  int // code
		stale bool
		took  int
	}{
		{"cut after the dot", smtptest.Dot, smtptest.Action{Cut: true}, mailer.InDoubt, 0, true, 1},
		{"250, then cut", smtptest.Dot, smtptest.Action{Reply: "250 ok", Cut: true}, mailer.Accepted, 0, true, 1},
		{"250, then 421", smtptest.Dot, smtptest.Action{Reply: "250 ok", Extra: "421 4.3.2 closing", Cut: true}, mailer.Accepted, 421, true, 1},
		{"421", smtptest.Dot, smtptest.Action{Reply: "421 4.3.2 closing", Cut: true}, mailer.Temporary, 0, true, 0},
		{"4xx, then cut", smtptest.Dot, smtptest.Action{Reply: "451 no", Cut: true}, mailer.Temporary, 0, true, 0},
		{"354", smtptest.Dot, smtptest.Action{Reply: "354 ?"}, mailer.InDoubt, 0, true, 0},
		{"nonsense", smtptest.Dot, smtptest.Action{Reply: "ok"}, mailer.InDoubt, 0, true, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			server, s := start(t, smtptest.Script{Grouped: true}, smtptest.Rule{At: c.at, Transaction: 1, Do: c.do})
			if r := s.Send(t.Context(), numbered(1)); r.Verdict != c.first {
				t.Errorf("first: %+v, want %s", r, c.first)
			}
			asked := false
			tx := numbered(2)
			tx.BeforeDot = func(context.Context) error { asked = true; return nil }
			r := s.Send(t.Context(), tx)
			if r.Verdict != mailer.Temporary || r.Phase != mailer.PhaseMail || r.Code != c.next || r.Stale != c.stale || !s.Closed() || asked {
				t.Errorf("second: %+v, closed %v, asked %v", r, s.Closed(), asked)
			}
			if n := len(server.Received()); n != c.took {
				t.Errorf("the server took %d mails", n)
			}
		})
	}
}

// TestNextWhileTheServerLeaves: between two mails of a slow row the server
// hangs up, with the 354 already read along. Nothing may be committed for that.
func TestNextWhileTheServerLeaves(t *testing.T) {
	server, s := start(t, smtptest.Script{Grouped: true})
	accepted(t, s.Send(t.Context(), numbered(1)))
	server.CutAll()
	ended(t, server)
	mailer.AgeSession(s, 2*time.Second)
	tx := numbered(2)
	tx.BeforeDot = func(context.Context) error { t.Error("called"); return nil }
	if r := s.Send(t.Context(), tx); r.Verdict != mailer.Temporary || !r.Stale || !s.Closed() {
		t.Errorf("result %+v", r)
	}
}

// TestNextAfterLargeMail: a mail too large to hold back is written before
// BeforeDot, and the next envelope goes with its dot. Blocks begin and end with
// lines, so that dots at their borders are stuffed.
func TestNextAfterLargeMail(t *testing.T) {
	for _, piece := range []int{0, 1000} {
		server, s := start(t, smtptest.Script{Grouped: true, Piece: piece})
		tx := numbered(1)
		for n := 0; len(tx.Data) < 300<<10; n++ {
			tx.Data = append(tx.Data, strings.Repeat(".", n%5)+strings.Repeat("x", n%70)+"\r\n"...)
		}
		accepted(t, s.Send(t.Context(), tx))
		accepted(t, s.Send(t.Context(), last(numbered(2))))
		if got := server.Received(); len(got) != 2 || !bytes.Equal(got[0].Data, tx.Data) {
			t.Errorf("%d mails, the first as sent: %v", len(got), len(got) > 0 && bytes.Equal(got[0].Data, tx.Data))
		}
	}
}

// TestNextToCapture: our own server (go-smtp) understands it.
func TestNextToCapture(t *testing.T) {
	var seen []string
	c := startCapture(t, mailer.CaptureConfig{OnMail: func(m mailer.CapturedMail) error {
		seen = append(seen, m.To[0]) // one connection, so one at a time
		return nil
	}})
	s := mustDial(t, noTLS(c.URL()))
	for n := 1; n <= 3; n++ {
		accepted(t, s.Send(t.Context(), numbered(n)))
	}
	accepted(t, s.Send(t.Context(), last(numbered(4))))
	if got := strings.Join(seen, " "); got != "p1@example.org p2@example.org p3@example.org p4@example.org" {
		t.Errorf("captured %s", got)
	}
}
