package smtptest_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/smtp"
	"strings"
	"testing"
	"time"

	"heraut/worker/mailer/smtptest"
)

// talk sends lines one after the other and gives the code of each reply, the
// greeting first; "-" is a connection that ended.
func talk(t *testing.T, s *smtptest.Server, lines ...string) string {
	t.Helper()
	c, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	in := bufio.NewReader(c)
	codes := []string{code(in)}
	for _, l := range lines {
		if _, err := io.WriteString(c, l+"\r\n"); err != nil {
			codes = append(codes, "-")
			break
		}
		codes = append(codes, code(in))
	}
	return strings.Join(codes, " ")
}

func code(in *bufio.Reader) string {
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return "-"
		}
		if len(line) > 3 && line[3] != '-' {
			return line[:3]
		}
	}
}

func transaction(to string) []string {
	return []string{"EHLO me", "MAIL FROM:<a@example.nl>", "RCPT TO:<" + to + ">", "DATA", "..x\r\n.", "QUIT"}
}

func TestRules(t *testing.T) {
	for _, c := range []struct {
		name  string
		rule  smtptest.Rule
		codes string
		took  int
	}{
		{"none", smtptest.Rule{At: smtptest.Noop}, "220 250 250 250 354 250 221", 1},
		{"greeting", smtptest.Rule{At: smtptest.Greeting, Do: smtptest.Action{Reply: "421 no", Cut: true}}, "421 -", 0},
		{"rcpt", smtptest.Rule{At: smtptest.Rcpt, Do: smtptest.Action{Reply: "550 5.1.1 no"}}, "220 250 250 550 554 500 500", 0},
		{"other recipient", smtptest.Rule{At: smtptest.Rcpt, Recipient: "c@example.org", Do: smtptest.Action{Reply: "550 no"}}, "220 250 250 250 354 250 221", 1},
		{"other transaction", smtptest.Rule{At: smtptest.Mail, Transaction: 2, Do: smtptest.Action{Reply: "451 no"}}, "220 250 250 250 354 250 221", 1},
		{"dot refused", smtptest.Rule{At: smtptest.Dot, Do: smtptest.Action{Reply: "554 no"}}, "220 250 250 250 354 554 221", 0},
		{"dot cut", smtptest.Rule{At: smtptest.Dot, Do: smtptest.Action{Cut: true}}, "220 250 250 250 354 - -", 1},
		{"250 then 421", smtptest.Rule{At: smtptest.Dot, Do: smtptest.Action{Reply: "250 ok", Extra: "421 bye", Cut: true}}, "220 250 250 250 354 250 421", 1},
		{"body cut", smtptest.Rule{At: smtptest.Body, Do: smtptest.Action{CutAt: 2}}, "220 250 250 250 354 - -", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := smtptest.Start(t, smtptest.Script{Rules: []smtptest.Rule{c.rule}})
			got := talk(t, s, transaction("b@example.org")...)
			if !strings.HasPrefix(c.codes+" - - - - - -", got) {
				t.Errorf("codes %s, want %s", got, c.codes)
			}
			if got := s.Received(); len(got) != c.took || (c.took == 1 && (string(got[0].Data) != ".x\r\n" || got[0].To[0] != "b@example.org")) {
				t.Errorf("received %+v, want %d", got, c.took)
			}
		})
	}
}

func TestRuleTimes(t *testing.T) {
	s := smtptest.Start(t, smtptest.Script{Rules: []smtptest.Rule{
		{At: smtptest.Rcpt, Times: 2, Recipient: "grey@example.org", Do: smtptest.Action{Reply: "450 4.2.0 greylisted"}},
	}})
	for i, want := range []string{"450", "450", "250"} {
		if got := strings.Fields(talk(t, s, transaction("grey@example.org")[:3]...))[3]; got != want {
			t.Errorf("attempt %d: %s, want %s", i+1, got, want)
		}
	}
}

// TestStandardClient: a client that is not ours gets through TLS and AUTH.
func TestStandardClient(t *testing.T) {
	s := smtptest.Start(t, smtptest.Script{TLS: smtptest.GoodTLS, User: "u", Password: "p"})
	c, err := smtp.Dial(s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	host, _, _ := net.SplitHostPort(s.Addr())
	if err := c.Mail("a@example.nl"); err == nil {
		t.Error("MAIL was taken before AUTH")
	}
	if err := c.StartTLS(&tls.Config{ServerName: host, RootCAs: s.RootCAs()}); err != nil {
		t.Fatal(err)
	}
	if err := c.Auth(smtp.PlainAuth("", "u", "p", host)); err != nil {
		t.Fatal(err)
	}
	if err := c.Mail("a@example.nl"); err != nil {
		t.Fatal(err)
	}
	if err := c.Rcpt("b@example.org"); err != nil {
		t.Fatal(err)
	}
	w, err := c.Data()
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(w, "Subject: x\r\n\r\n.dot\r\n")
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	got := s.Received()
	if len(got) != 1 || string(got[0].Data) != "Subject: x\r\n\r\n.dot\r\n" || !got[0].TLS || got[0].User != "u" || !got[0].Answered {
		t.Errorf("received %+v", got)
	}
	for _, line := range s.Commands() {
		if strings.HasPrefix(line, "AUTH") && line != "AUTH PLAIN" {
			t.Errorf("credentials were kept: %q", line)
		}
	}
}

func TestPipelining(t *testing.T) {
	s := smtptest.Start(t, smtptest.Script{})
	c, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, strings.Join(transaction("b@example.org"), "\r\n")+"\r\n"); err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(c); err != nil || !strings.HasSuffix(string(b), "221 2.0.0 bye\r\n") || len(s.Received()) != 1 {
		t.Errorf("answers %q, %v", b, err)
	}
}

// TestCloseEndsHang: a hanging connection does not keep a test from ending.
func TestCloseEndsHang(t *testing.T) {
	s, err := smtptest.Listen(smtptest.Script{Rules: []smtptest.Rule{{At: smtptest.Greeting, Do: smtptest.Action{Hang: true}}}})
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if !s.WaitFor(5*time.Second, func() bool { return s.Open() == 1 }) {
		t.Fatal("not connected")
	}
	s.Close()
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("the connection is still open")
	}
}
