package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"heraut/worker/mailer/smtptest"
)

// relayScenarios are about the relay as a whole, and about one mail that cannot
// be written.
func relayScenarios() []scenario {
	all := []scenario{
		{row: 29, name: "AUTH refused, then the password is right", quick: []combo{postgresRedis}, people: 40, before: strangers, run: func(l *lab) {
			p := l.serve("")
			l.outOfOrder("535")
			logins := verbs(l.smtp)["AUTH"]
			l.require(logins <= 6, "%d logins while the password is wrong: that locks accounts", logins)
			l.mend(p, 40)
		}},
		{row: 30, name: "too many connections", quick: []combo{sqliteRedis}, people: 800, script: slow(30 * time.Millisecond), before: crowded, run: tooMany},
		{row: 31, name: "template error for one person", quick: []combo{sqliteEmbedded}, people: 40, before: brokenTemplate, run: func(l *lab) {
			l.serve("")
			l.finish(time.Minute)
			l.require(l.failed() || l.stateOf(person(7)) == "failed", "the message that cannot be written: %s", l.states())
			l.require(l.count(`state = 'sent' AND doubts = 0`) == 39, "it held up others: %s", l.states())
			for _, line := range l.smtp.Commands() {
				l.require(!strings.Contains(line, person(7)), "the server heard of it: %s", line)
			}
		}},
	}
	for _, bad := range []struct {
		name string
		kind smtptest.TLSKind
		want string // in what status says
	}{
		{"TLS not offered", smtptest.NoTLS, "STARTTLS"},
		{"certificate expired", smtptest.ExpiredTLS, "expired"},
		{"certificate of another name", smtptest.WrongNameTLS, "certificate"},
	} {
		all = append(all, scenario{row: 28, name: bad.name, quick: []combo{sqliteEmbedded}, people: 20, before: func(l *lab) { insecure(l, bad.kind) }, run: func(l *lab) {
			p := l.serve("")
			l.outOfOrder(bad.want)
			for verb := range verbs(l.smtp) {
				l.require(slices.Contains([]string{"EHLO", "STARTTLS", "QUIT"}, verb), "%s went out in clear", verb)
			}
			l.mend(p, 20)
		}})
	}
	return all
}

// outOfOrder requires that nothing is sent, that nothing is failed for it, and
// that status says why.
func (l *lab) outOfOrder(why string) {
	l.await(time.Minute, "status names "+why, func() bool {
		return slices.ContainsFunc(l.troubles(), func(t string) bool { return strings.Contains(t, why) })
	})
	l.pause(5 * time.Second) // it must stay so
	l.require(l.recorder.Count() == 0, "mail left")
	l.require(l.count(`state NOT IN ('planned', 'claimed')`) == 0 && l.count(`attempts > 1`) == 0, "messages pay for the relay: %s", l.states())
}

// troubles gives why nothing is sent, as status tells it.
func (l *lab) troubles() []string {
	var s struct{ Troubles []string }
	if err := json.Unmarshal([]byte(l.heraut("--json", "status")), &s); err != nil && !l.failed() {
		l.fail("status: %w", err)
	}
	return s.Troubles
}

// mend puts a relay that works in the place of the other one. The worker finds
// that out by itself.
func (l *lab) mend(p *process, people int) {
	began := time.Now()
	l.board.switchTo("tcp", l.better.Addr())
	l.mails(1, time.Minute)
	l.figure("mail again after %.0f s", time.Since(began).Seconds())
	l.drain(time.Minute)
	l.sentOnce(people)
	l.await(20*time.Second, "status to be well again", func() bool { return len(l.troubles()) == 0 })
	said, minutes := p.times("nothing is sent"), int(time.Since(p.began)/time.Minute)
	l.require(l.failed() || said > 0 && said <= 1+minutes, "the log says so %d times in %d minutes and a bit", said, minutes)
}

// verbs counts the commands a server heard.
func verbs(s *smtptest.Server) map[string]int {
	heard := map[string]int{}
	for _, line := range s.Commands() {
		verb, _, _ := strings.Cut(line, " ")
		heard[strings.ToUpper(verb)]++
	}
	return heard
}

// times counts how often a process said something.
func (p *process) times(what string) int {
	said, err := os.ReadFile(p.log)
	if err != nil {
		p.lab.fail("read log: %w", err)
	}
	return bytes.Count(said, []byte(what))
}

// insecure has the relay begin with bad TLS, and go on with good.
func insecure(l *lab, kind smtptest.TLSKind) {
	account := smtptest.Script{TLS: kind, User: "heraut", Password: "secret"}
	l.smtp = l.listen(account)
	account.TLS = smtptest.GoodTLS
	l.better = l.listen(account)
	l.board = l.relayThrough()
	// The program trusts both: what is wrong must be the name, or the date.
	l.write("roots.pem", string(slices.Concat(l.smtp.CertificatePEM(), l.better.CertificatePEM())))
	l.setenv("SSL_CERT_FILE", "%s", filepath.Join(l.dir, "roots.pem"))
	// Not the lab's folder: Go would read every file in it, and to close
	// heraut.db once is to lose SQLite's locks on it (POSIX).
	l.setenv("SSL_CERT_DIR", "%s", filepath.Join(l.dir, "no-certificates"))
	l.setenv("HERAUT_SMTP__URL", "smtp://heraut@%s", l.relay)
	l.setenv("HERAUT_SMTP__PASSWORD", "secret")
	l.setenv("HERAUT_SMTP__TLS", "mandatory")
}

// strangers has the relay refuse our password at first.
func strangers(l *lab) {
	account := smtptest.Script{User: "heraut", Password: "another", AuthInClear: true}
	l.smtp = l.listen(account)
	account.Password = "secret"
	l.better = l.listen(account)
	l.board = l.relayThrough()
	l.setenv("HERAUT_SMTP__URL", "smtp://heraut@%s", l.relay)
	l.setenv("HERAUT_SMTP__PASSWORD", "secret")
}

// atOnce is how many connections the crowded relay takes.
const atOnce = 3

func crowded(l *lab) {
	l.board = l.relayThrough()
	l.board.most, l.board.refusal = atOnce, "421 4.7.0 too many connections\r\n"
	l.setenv("HERAUT_SMTP__CONNECTIONS", "16") // 8 of them for bulk
}

func tooMany(l *lab) {
	l.serve("")
	l.drain(3 * time.Minute)
	l.sentOnce(800)
	served, refused := l.board.counts()
	l.figure("%d connections put through, %d refused", served, refused)
	l.require(refused > 0, "the relay never was too busy")
	// 8 sessions that halve: 8, 4, 2. Without that, each of the batches knocks
	// every time.
	l.require(refused <= 40, "%d connections refused: concurrency did not fall", refused)
}

// brokenTemplate replaces a template by one that cannot be carried out for one
// person.
func brokenTemplate(l *lab) {
	if err := os.MkdirAll(filepath.Join(l.dir, "templates"), 0o700); err != nil {
		l.fail("make folder: %w", err)
	}
	l.write("templates/confirmation.nl.txt", `Subject: Je bent aangemeld: {{.Title}}
Heading: Je bent aangemeld
Lead: Fijn dat je erbij bent.

{{if eq .Name "Persoon 7"}}{{index .Name 99}}{{end}}Tot ziens.
`)
}
