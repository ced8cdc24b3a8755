package mailer_test

import (
	"context"
	"net/mail"
	"runtime"
	"strings"
	"testing"
	"time"

	"heraut/worker/mailer"
	"heraut/worker/mailer/smtptest"
)

// ics is the smallest invitation Compose takes; it is not meant for a calendar.
const ics = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nMETHOD:REQUEST\r\nSUMMARY:Réunion\r\nEND:VCALENDAR\r\n"

func sample() mailer.Mail {
	return mailer.Mail{
		From:      mail.Address{Name: "City Deal Een slimme stad", Address: "noreply@example.nl"},
		ReplyTo:   mail.Address{Address: "aanmelding+abc123@example.nl"},
		To:        mail.Address{Name: "Zoë de Vries", Address: "zoe@example.org"},
		Subject:   "Je bent aangemeld: Rijksbreed beleid op smart city – donderdag 19 november",
		Text:      "Beste Zoë,\n\nTot donderdag.\n.\n.een regel met een punt\n",
		HTML:      "<p>Beste Zoë,</p>\n<p>Tot donderdag.</p>\n",
		Date:      time.Date(2026, 10, 1, 9, 30, 0, 0, time.UTC),
		MessageID: "<m-17@heraut.example.nl>",
		Language:  "nl",
	}
}

func invitation() mailer.Mail {
	m := sample()
	m.Calendar = &mailer.Calendar{Method: "REQUEST", ICS: []byte(ics), FileName: "uitnodiging.ics"}
	return m
}

func envelope() mailer.Envelope {
	return mailer.Envelope{From: "bounces@example.nl", To: "zoe@example.org"}
}

// plain is a mail in wire format that is quick to make.
func plain() []byte { return []byte("Subject: x\r\n\r\nhello\r\n") }

// tx is the plainest transaction.
func tx() mailer.Transaction { return mailer.Transaction{Envelope: envelope(), Data: plain()} }

// txBefore is one that asks before the dot.
func txBefore(dot func(context.Context) error) mailer.Transaction {
	t := tx()
	t.BeforeDot = dot
	return t
}

// noTLS is the configuration for a server on loopback without TLS, with
// timeouts long enough never to fire.
func noTLS(url string) mailer.Config {
	return mailer.Config{URL: url, TLS: mailer.TLSNone}
}

func mustDial(t testing.TB, cfg mailer.Config) *mailer.Session {
	t.Helper()
	d, err := mailer.NewDialer(cfg)
	if err != nil {
		t.Fatal(err)
	}
	s, err := d.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// rules starts a server with these deviations.
func rules(t testing.TB, r ...smtptest.Rule) *smtptest.Server {
	t.Helper()
	return smtptest.Start(t, smtptest.Script{Rules: r})
}

// goroutinesOf waits until no goroutine runs code of this module's mailer
// packages apart from the tests themselves, and gives those left at the end.
func goroutinesOf(marks ...string) string {
	for deadline := time.Now().Add(5 * time.Second); ; {
		buf := make([]byte, 1<<20)
		buf = buf[:runtime.Stack(buf, true)]
		var left []string
		for i, g := range strings.Split(string(buf), "\n\n") {
			if i == 0 {
				continue // the one asking
			}
			for _, m := range marks {
				if strings.Contains(g, m) {
					left = append(left, g)
					break
				}
			}
		}
		if len(left) == 0 || time.Now().After(deadline) {
			return strings.Join(left, "\n\n")
		}
		runtime.Gosched()
	}
}
