package mailer_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"heraut/worker/mailer"
	"heraut/worker/mailer/smtptest"
)

// act is a rule for one step.
func act(at smtptest.Step, do smtptest.Action) smtptest.Rule { return smtptest.Rule{At: at, Do: do} }

func reply(text string) smtptest.Action { return smtptest.Action{Reply: text} }

// eachWay runs a test without PIPELINING, and with it against servers that
// answer every command at once, all together, and reading in odd pieces.
func eachWay(t *testing.T, name string, test func(*testing.T, smtptest.Script)) {
	for way, script := range map[string]smtptest.Script{
		"in turn":   {Extensions: []string{"8BITMIME", "SMTPUTF8"}},
		"pipelined": {},
		"grouped":   {Grouped: true},
		"in pieces": {Grouped: true, Piece: 7},
	} {
		t.Run(name+", "+way, func(t *testing.T) { test(t, script) })
	}
}

func TestSendOutcomes(t *testing.T) {
	cut := smtptest.Action{Cut: true}
	for _, c := range []struct {
		name     string
		rule     smtptest.Rule
		verdict  mailer.Verdict
		phase    mailer.Phase
		code     int
		enhanced string
		class    mailer.Class
		bad      bool // bad recipient
		usable   bool // the session takes the next mail
		took     int  // mails at the server
	}{
		{"accepted", smtptest.Rule{At: smtptest.Noop}, mailer.Accepted, mailer.PhaseDot, 250, "2.0.0", mailer.ClassNone, false, true, 1},
		{"251 at rcpt", act(smtptest.Rcpt, reply("251 will forward")), mailer.Accepted, mailer.PhaseDot, 250, "2.0.0", mailer.ClassNone, false, true, 1},

		{"4xx at mail", act(smtptest.Mail, reply("451 4.3.0 later")), mailer.Temporary, mailer.PhaseMail, 451, "4.3.0", mailer.ClassConnection, false, true, 0},
		{"4xx at rcpt", act(smtptest.Rcpt, reply("450 4.2.0 greylisted")), mailer.Temporary, mailer.PhaseRcpt, 450, "4.2.0", mailer.ClassRecipient, false, true, 0},
		{"4xx at data", act(smtptest.Data, reply("452 4.3.1 disk")), mailer.Temporary, mailer.PhaseData, 452, "4.3.1", mailer.ClassMessage, false, true, 0},
		{"4xx at dot", act(smtptest.Dot, reply("451 4.3.0 later")), mailer.Temporary, mailer.PhaseDot, 451, "4.3.0", mailer.ClassMessage, false, true, 0},

		{"5xx at mail", act(smtptest.Mail, reply("550 5.7.1 sender refused")), mailer.Permanent, mailer.PhaseMail, 550, "5.7.1", mailer.ClassMessage, false, true, 0},
		{"530 at mail", act(smtptest.Mail, reply("530 5.7.0 log in")), mailer.Permanent, mailer.PhaseMail, 530, "5.7.0", mailer.ClassConfiguration, false, true, 0},
		{"5.1.1 at rcpt", act(smtptest.Rcpt, reply("550 5.1.1 unknown")), mailer.Permanent, mailer.PhaseRcpt, 550, "5.1.1", mailer.ClassRecipient, true, true, 0},
		{"5.1.10 at rcpt", act(smtptest.Rcpt, reply("556 5.1.10 null mx")), mailer.Permanent, mailer.PhaseRcpt, 556, "5.1.10", mailer.ClassRecipient, true, true, 0},
		{"5.7.1 at rcpt", act(smtptest.Rcpt, reply("550 5.7.1 policy")), mailer.Permanent, mailer.PhaseRcpt, 550, "5.7.1", mailer.ClassRecipient, false, true, 0},
		{"5.2.2 at rcpt", act(smtptest.Rcpt, reply("552 5.2.2 full")), mailer.Permanent, mailer.PhaseRcpt, 552, "5.2.2", mailer.ClassRecipient, false, true, 0},
		{"bare 550 at rcpt", act(smtptest.Rcpt, reply("550 no")), mailer.Permanent, mailer.PhaseRcpt, 550, "", mailer.ClassRecipient, false, true, 0},
		{"5xx at data", act(smtptest.Data, reply("554 5.6.0 no")), mailer.Permanent, mailer.PhaseData, 554, "5.6.0", mailer.ClassMessage, false, true, 0},
		{"5xx at dot", act(smtptest.Dot, reply("554-5.7.1 spam\n554 5.7.1 really")), mailer.Permanent, mailer.PhaseDot, 554, "5.7.1", mailer.ClassMessage, false, true, 0},
		{"5.1.1 at dot", act(smtptest.Dot, reply("550 5.1.1 unknown")), mailer.Permanent, mailer.PhaseDot, 550, "5.1.1", mailer.ClassMessage, true, true, 0},

		{"421 at mail", act(smtptest.Mail, reply("421 4.3.2 closing")), mailer.Temporary, mailer.PhaseMail, 421, "4.3.2", mailer.ClassConnection, false, false, 0},
		{"421 at rcpt", act(smtptest.Rcpt, reply("421 4.3.2 closing")), mailer.Temporary, mailer.PhaseRcpt, 421, "4.3.2", mailer.ClassConnection, false, false, 0},
		{"421 at data", act(smtptest.Data, reply("421 4.3.2 closing")), mailer.Temporary, mailer.PhaseData, 421, "4.3.2", mailer.ClassConnection, false, false, 0},
		{"421 at dot", act(smtptest.Dot, reply("421 4.3.2 closing")), mailer.Temporary, mailer.PhaseDot, 421, "4.3.2", mailer.ClassConnection, false, false, 0},

		{"cut at mail", act(smtptest.Mail, cut), mailer.Temporary, mailer.PhaseMail, 0, "", mailer.ClassConnection, false, false, 0},
		{"cut at rcpt", act(smtptest.Rcpt, cut), mailer.Temporary, mailer.PhaseRcpt, 0, "", mailer.ClassConnection, false, false, 0},
		{"cut at data", act(smtptest.Data, cut), mailer.Temporary, mailer.PhaseData, 0, "", mailer.ClassConnection, false, false, 0},
		{"cut after dot", act(smtptest.Dot, cut), mailer.InDoubt, mailer.PhaseDot, 0, "", mailer.ClassConnection, false, false, 1},

		{"nonsense at mail", act(smtptest.Mail, reply("hello?")), mailer.Temporary, mailer.PhaseMail, 0, "", mailer.ClassConnection, false, false, 0},
		{"354 to mail", act(smtptest.Mail, reply("354 ?")), mailer.Temporary, mailer.PhaseMail, 354, "", mailer.ClassConnection, false, false, 0},
		{"250 to data", act(smtptest.Data, reply("250 ?")), mailer.Temporary, mailer.PhaseData, 250, "", mailer.ClassMessage, false, false, 0},
		{"code alone at dot", act(smtptest.Dot, reply("299")), mailer.Accepted, mailer.PhaseDot, 299, "", mailer.ClassNone, false, true, 1},
		{"354 to dot", act(smtptest.Dot, reply("354 ?")), mailer.InDoubt, mailer.PhaseDot, 354, "", mailer.ClassConnection, false, false, 0},
	} {
		eachWay(t, c.name, func(t *testing.T, script smtptest.Script) {
			c.rule.Times = 1
			script.Rules = []smtptest.Rule{c.rule}
			server := smtptest.Start(t, script)
			s := mustDial(t, noTLS(server.URL()))
			r := s.Send(t.Context(), tx())
			if r.Verdict != c.verdict || r.Phase != c.phase || r.Code != c.code || r.Enhanced != c.enhanced {
				t.Errorf("result %+v", r)
			}
			if r.Class() != c.class || r.BadRecipient() != c.bad {
				t.Errorf("class %q, bad recipient %v; want %q, %v", r.Class(), r.BadRecipient(), c.class, c.bad)
			}
			if (r.Err == nil) != (r.Code != 0) {
				t.Errorf("error %v with code %d", r.Err, r.Code)
			}
			if s.Closed() == c.usable {
				t.Errorf("closed is %v", s.Closed())
			}
			if got := len(server.Received()); got != c.took {
				t.Errorf("the server took %d mails, want %d", got, c.took)
			}
			next := s.Send(t.Context(), tx())
			if c.usable && next.Verdict != mailer.Accepted {
				t.Errorf("next mail: %+v", next)
			}
			if !c.usable && (next.Verdict != mailer.Temporary || !errors.Is(next.Err, mailer.ErrSessionClosed)) {
				t.Errorf("next mail on a closed session: %+v", next)
			}
		})
	}
}

func TestSendHangs(t *testing.T) {
	for _, c := range []struct {
		at      smtptest.Step
		verdict mailer.Verdict
		phase   mailer.Phase
		limit   func(*mailer.Timeouts)
	}{
		{smtptest.Mail, mailer.Temporary, mailer.PhaseMail, func(l *mailer.Timeouts) { l.Command = 50 * time.Millisecond }},
		{smtptest.Rcpt, mailer.Temporary, mailer.PhaseRcpt, func(l *mailer.Timeouts) { l.Command = 50 * time.Millisecond }},
		{smtptest.Data, mailer.Temporary, mailer.PhaseData, func(l *mailer.Timeouts) { l.DataInit = 50 * time.Millisecond }},
		{smtptest.Dot, mailer.InDoubt, mailer.PhaseDot, func(l *mailer.Timeouts) { l.FinalDot = 50 * time.Millisecond }},
	} {
		eachWay(t, string(c.at), func(t *testing.T, script smtptest.Script) {
			script.Rules = []smtptest.Rule{act(c.at, smtptest.Action{Hang: true})}
			server := smtptest.Start(t, script)
			cfg := noTLS(server.URL())
			c.limit(&cfg.Timeouts)
			s := mustDial(t, cfg)
			r := s.Send(t.Context(), tx())
			if r.Verdict != c.verdict || r.Phase != c.phase || r.Code != 0 || !s.Closed() {
				t.Errorf("result %+v, closed %v", r, s.Closed())
			}
		})
	}
}

// TestSendSlowDot: an answer that takes longer than any other step may (fault 24).
func TestSendSlowDot(t *testing.T) {
	server := rules(t, act(smtptest.Dot, smtptest.Action{Delay: 300 * time.Millisecond}))
	cfg := noTLS(server.URL())
	cfg.Timeouts = mailer.Timeouts{Command: 200 * time.Millisecond, DataInit: 200 * time.Millisecond, Block: 200 * time.Millisecond}
	if r := mustDial(t, cfg).Send(t.Context(), tx()); r.Verdict != mailer.Accepted {
		t.Errorf("result %+v", r)
	}
}

// TestSendCutInBody: the server hangs up in the middle of a body too large for
// the buffers between, with and without saying why (fault 26).
func TestSendCutInBody(t *testing.T) {
	large := append([]byte("Subject: x\r\n\r\n"), bytes.Repeat([]byte("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcd\r\n"), 20<<20/64)...)
	for _, at := range []int{1, 100, 70_000} {
		server := rules(t, act(smtptest.Body, smtptest.Action{CutAt: at}))
		s := mustDial(t, noTLS(server.URL()))
		asked := false
		r := s.Send(t.Context(), mailer.Transaction{Envelope: envelope(), Data: large, BeforeDot: func(context.Context) error { asked = true; return nil }})
		if r.Verdict != mailer.Temporary || r.Phase != mailer.PhaseBody || asked || !s.Closed() {
			t.Errorf("cut at byte %d: %+v, beforeDot called %v", at, r, asked)
		}
		if got := server.Received(); len(got) != 0 {
			t.Errorf("cut at byte %d: the server took %d mails", at, len(got))
		}
	}
}

// TestSendHangsInBody: the server takes the bytes of the body and never says a word.
func TestSendHangsInBody(t *testing.T) {
	server := rules(t, act(smtptest.Body, smtptest.Action{Hang: true}))
	cfg := noTLS(server.URL())
	cfg.Timeouts.FinalDot = 50 * time.Millisecond
	r := mustDial(t, cfg).Send(t.Context(), tx())
	// It reads and never answers: the dot is out.
	if r.Verdict != mailer.InDoubt || r.Phase != mailer.PhaseDot {
		t.Errorf("result %+v", r)
	}
}

func TestSendManyOnOneConnection(t *testing.T) {
	const one = "MAIL FROM:<bounces@example.nl> RCPT TO:<zoe@example.org>"
	for _, c := range []struct {
		extensions []string
		refused    string // what is sent for a mail whose recipient is refused
	}{
		{[]string{"8BITMIME"}, one},
		{[]string{"PIPELINING"}, one + " DATA"},
	} {
		sendMany(t, c.extensions, one+" DATA "+c.refused+" RSET "+one+" DATA "+one+" DATA QUIT")
	}
}

func sendMany(t *testing.T, extensions []string, want string) {
	server := smtptest.Start(t, smtptest.Script{Extensions: extensions, Rules: []smtptest.Rule{
		{At: smtptest.Rcpt, Transaction: 2, Do: reply("550 5.1.1 unknown")},
	}})
	s := mustDial(t, noTLS(server.URL()))
	for i := 1; i <= 4; i++ {
		r := s.Send(t.Context(), tx())
		if want := map[bool]mailer.Verdict{true: mailer.Permanent, false: mailer.Accepted}[i == 2]; r.Verdict != want {
			t.Errorf("mail %d: %+v", i, r)
		}
	}
	s.Close()
	if got := strings.Join(server.Commands()[1:], " "); got != want || server.Connections() != 1 {
		t.Errorf("%d connections, commands\n%s\nwant\n%s", server.Connections(), got, want)
	}
}

// TestSend421After250 is fault 23: the server closes between two mails.
func TestSend421After250(t *testing.T) {
	server := rules(t, act(smtptest.Dot, smtptest.Action{Reply: "250 2.0.0 ok", Extra: "421 4.3.2 closing", Cut: true}))
	s := mustDial(t, noTLS(server.URL()))
	if r := s.Send(t.Context(), tx()); r.Verdict != mailer.Accepted {
		t.Fatalf("first: %+v", r)
	}
	r := s.Send(t.Context(), tx())
	if r.Verdict != mailer.Temporary || r.Phase != mailer.PhaseMail || r.Class() != mailer.ClassConnection || !s.Closed() {
		t.Errorf("second: %+v", r)
	}
	if n := len(server.Received()); n != 1 {
		t.Errorf("the server took %d mails", n)
	}
}

func TestSendExactBytes(t *testing.T) {
	for _, c := range []struct{ name, data, want string }{
		{"plain", "Subject: x\r\n\r\nhello\r\n", "Subject: x\r\n\r\nhello\r\n"},
		{"no line end", "Subject: x\r\n\r\nhello", "Subject: x\r\n\r\nhello\r\n"},
		{"dots", "Subject: x\r\n\r\n.\r\n..\r\n.a\r\na.\r\n\r\n.\r\n", "Subject: x\r\n\r\n.\r\n..\r\n.a\r\na.\r\n\r\n.\r\n"},
		{"dot first", ".Subject: x\r\n\r\n.", ".Subject: x\r\n\r\n.\r\n"},
		{"longest line", "A: " + strings.Repeat("a", 995) + "\r\n", "A: " + strings.Repeat("a", 995) + "\r\n"},
		{"eight bit", "Subject: x\r\n\r\nhallo é\r\n", "Subject: x\r\n\r\nhallo é\r\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := rules(t)
			r := mustDial(t, noTLS(server.URL())).Send(t.Context(), mailer.Transaction{Envelope: envelope(), Data: []byte(c.data)})
			if got := server.Received(); r.Verdict != mailer.Accepted || len(got) != 1 || string(got[0].Data) != c.want {
				t.Errorf("result %+v, server has %+v", r, got)
			}
		})
	}
}

func TestSendRefusesBeforeMail(t *testing.T) {
	to := func(a string) mailer.Envelope { return mailer.Envelope{From: "bounces@example.nl", To: a} }
	for _, c := range []struct {
		name  string
		env   mailer.Envelope
		data  string
		cause error
		class mailer.Class
		bad   bool
	}{
		{"bare LF", envelope(), "Subject: x\n\nhello\n", mailer.ErrNotWireFormat, mailer.ClassMessage, false},
		{"smuggled dot", envelope(), "Subject: x\r\n\r\na\n.\r\nMAIL FROM:<x@example.org>\r\n", mailer.ErrNotWireFormat, mailer.ClassMessage, false},
		{"bare CR", envelope(), "Subject: x\r\n\r\na\r.\r\n", mailer.ErrNotWireFormat, mailer.ClassMessage, false},
		{"CR at the end", envelope(), "Subject: x\r\n\r\na\r", mailer.ErrNotWireFormat, mailer.ClassMessage, false},
		{"NUL", envelope(), "Subject: x\r\n\r\na\x00\r\n", mailer.ErrNotWireFormat, mailer.ClassMessage, false},
		{"long line", envelope(), "A: " + strings.Repeat("a", 996) + "\r\n", mailer.ErrNotWireFormat, mailer.ClassMessage, false},
		{"nothing", envelope(), "", mailer.ErrNotWireFormat, mailer.ClassMessage, false},
		{"eight bit without 8BITMIME", envelope(), "A: é\r\n", mailer.ErrNeeds8BitMIME, mailer.ClassMessage, false},
		{"too large", envelope(), "A: " + strings.Repeat("b\r\n ", 300), mailer.ErrTooLarge, mailer.ClassMessage, false},
		{"non-ASCII local part", to("zoë@example.org"), "A: b\r\n", mailer.ErrNeedsSMTPUTF8, mailer.ClassRecipient, false},
		{"no domain", to("zoe"), "A: b\r\n", mailer.ErrAddress, mailer.ClassRecipient, true},
		{"empty", to(""), "A: b\r\n", mailer.ErrAddress, mailer.ClassRecipient, true},
		{"line break", to("a\r\nDATA\r\n@example.org"), "A: b\r\n", mailer.ErrAddress, mailer.ClassRecipient, true},
		{"brackets in domain", to("a@example.org> X=<b"), "A: b\r\n", mailer.ErrAddress, mailer.ClassRecipient, true},
		{"open quote", to("\"a\" b\"@example.org"), "A: b\r\n", mailer.ErrAddress, mailer.ClassRecipient, true},
		{"sender", mailer.Envelope{From: "x", To: "zoe@example.org"}, "A: b\r\n", mailer.ErrAddress, mailer.ClassMessage, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := smtptest.Start(t, smtptest.Script{Extensions: []string{"SIZE 1000"}})
			s := mustDial(t, noTLS(server.URL()))
			r := s.Send(t.Context(), mailer.Transaction{Envelope: c.env, Data: []byte(c.data), BeforeDot: func(context.Context) error { t.Error("beforeDot called"); return nil }})
			if r.Verdict != mailer.Permanent || r.Code != 0 || !errors.Is(r.Err, c.cause) || r.Class() != c.class || r.BadRecipient() != c.bad {
				t.Errorf("result %+v, class %q, bad %v", r, r.Class(), r.BadRecipient())
			}
			if s.Closed() {
				t.Error("session closed: nothing was sent on it")
			}
			s.Close()
			if got := server.Commands(); len(got) != 2 {
				t.Errorf("commands %q, want EHLO and QUIT only", got)
			}
		})
	}
}

func TestSendAddresses(t *testing.T) {
	for _, c := range []struct{ to, command string }{
		{"zoe@example.org", "RCPT TO:<zoe@example.org>"},
		{"zoe@Bücher.example", "RCPT TO:<zoe@xn--bcher-kva.example>"},
		{"zoe@EXAMPLE.org", "RCPT TO:<zoe@example.org>"},
		{"zoë@example.org", "RCPT TO:<zoë@example.org>"},
		{"zoe vries@example.org", `RCPT TO:<"zoe vries"@example.org>`},
		{`"zoe vries"@example.org`, `RCPT TO:<"zoe vries"@example.org>`},
		{"a>b@example.org", `RCPT TO:<"a>b"@example.org>`},
		{"o'neill+tag=x@example.org", "RCPT TO:<o'neill+tag=x@example.org>"},
	} {
		server := rules(t)
		r := mustDial(t, noTLS(server.URL())).Send(t.Context(), mailer.Transaction{Envelope: mailer.Envelope{To: c.to}, Data: plain()})
		got := server.Commands()
		if r.Verdict != mailer.Accepted || len(got) < 3 || got[2] != c.command {
			t.Errorf("%s: %+v, commands %q", c.to, r, got)
			continue
		}
		want := "MAIL FROM:<>"
		if strings.Contains(c.to, "ë") {
			want += " SMTPUTF8"
		}
		if got[1] != want {
			t.Errorf("%s: %q, want %q", c.to, got[1], want)
		}
	}
}

func TestReplyTextIsFitForARecord(t *testing.T) {
	server := rules(t, act(smtptest.Rcpt, reply("550-5.1.1 no\x1b[31m\n550 5.1.1 such\t"+strings.Repeat("é", 400))))
	r := mustDial(t, noTLS(server.URL())).Send(t.Context(), tx())
	if !strings.HasPrefix(r.Text, "no[31m such é") || len(r.Text) > 500 || !strings.HasSuffix(r.Text, "é") {
		t.Errorf("text %q (%d bytes)", r.Text, len(r.Text))
	}
}

// TestEndlessReply: a server that talks on and on does not fill our memory.
func TestEndlessReply(t *testing.T) {
	for name, text := range map[string]string{
		"lines":    strings.Repeat("250-more\n", 5000) + "250 done",
		"one line": "250 " + strings.Repeat("x", 1<<20),
	} {
		server := rules(t, act(smtptest.Mail, reply(text)))
		r := mustDial(t, noTLS(server.URL())).Send(t.Context(), tx())
		if r.Verdict != mailer.Temporary || r.Code != 0 || r.Err == nil {
			t.Errorf("%s: %+v", name, r)
		}
	}
}
