package main

import (
	"fmt"
	"slices"
	"time"

	"heraut/worker/mailer/smtptest"
)

// smtpScenarios have an SMTP server misbehave, in the order of the list of
// faults.
func smtpScenarios() []scenario {
	return slices.Concat(refusalScenarios(), silenceScenarios(), relayScenarios())
}

// steps gives the moments of a session at which a server can refuse a mail.
func steps() []smtptest.Step {
	return []smtptest.Step{smtptest.Mail, smtptest.Rcpt, smtptest.Data, smtptest.Dot}
}

// listen starts another SMTP server whose mail is recorded too.
func (l *lab) listen(script smtptest.Script) *smtptest.Server {
	script.OnMail = l.took
	s, err := smtptest.Listen(script)
	if err != nil {
		l.fail("start smtp server: %w", err)
		return l.smtp
	}
	l.cleanup(s.Close)
	return s
}

// person is the address of the n-th who was imported by [lab.people].
func person(n int) string { return fmt.Sprintf("p%06d@example.org", n) }

// stateOf gives the state of a person's confirmation.
func (l *lab) stateOf(email string) (state string) {
	if l.failed() {
		return ""
	}
	err := l.db.QueryRowContext(l.ctx, `SELECT m.state FROM messages m JOIN registrations r ON r.id = m.registration_id
		WHERE r.email = $1 AND m.kind = 'confirmation'`, email).Scan(&state)
	if err != nil {
		l.fail("state of a confirmation: %w", err)
	}
	return state
}

// hasten lets pass the minutes that messages wait because of a fault, and wakes
// what was spared; those that wait for their own moment, such as reminders, stay.
func (l *lab) hasten() {
	l.exec(`UPDATE messages SET wake_at = $1, fence = fence + 1
		WHERE state IN ('planned', 'retry', 'in_doubt') AND (kind IN ('confirmation', 'change', 'cancellation') OR crashes > 0) AND wake_at > $1`, time.Now().UnixMicro())
}

// drain hastens until nothing waits any more.
func (l *lab) drain(limit time.Duration) {
	over := time.Now().Add(limit)
	for !l.failed() && l.count(`state NOT IN ('sent', 'failed', 'suppressed', 'cancelled', 'expired') AND wake_at IS NOT NULL`) > 0 {
		if time.Now().After(over) {
			l.fail("not within %v: all came to its end; %s", limit, l.states())
		}
		l.hasten()
		l.pause(time.Second)
	}
}

// sentOnce requires that all of n people are sent to, and that this took no
// second copy.
func (l *lab) sentOnce(n int) {
	l.require(l.count(`state = 'sent' AND doubts = 0`) == n, "not all was sent without a doubt: %s", l.states())
	l.require(l.failed() || l.recorder.Count() == n, "%d mails for %d people", l.recorder.Count(), n)
}

// refusalScenarios are about what a server answers.
func refusalScenarios() []scenario {
	return []scenario{
		{row: 20, name: "4xx at each phase", quick: []combo{sqliteEmbedded, postgresRedis}, people: 60, script: fourHundreds(), run: func(l *lab) {
			l.serve("")
			l.await(time.Minute, "tries that were refused", func() bool { return l.count(`state = 'retry'`) > 0 })
			l.require(l.count(`state = 'retry' AND wake_at < $1`, time.Now().Add(30*time.Second).UnixMicro()) == 0, "a try follows at once")
			l.drain(2 * time.Minute)
			l.sentOnce(60)
			l.figure("%d tries", l.number(`SELECT SUM(attempts) FROM messages`))
		}},
		{row: 21, name: "5xx at RCPT", quick: []combo{postgresEmbedded}, people: 30, script: badRecipients(), run: badAddresses},
		{row: 22, name: "5xx at DATA and at the dot", quick: []combo{sqliteRedis}, people: 30, script: badMessages(), run: func(l *lab) {
			l.serve("")
			l.finish(time.Minute)
			for n, want := range map[int]string{3: "failed", 8: "failed", 13: "failed", 4: "sent", 9: "sent"} {
				l.require(l.failed() || l.stateOf(person(n)) == want, "person %d: %s", n, l.states())
			}
			l.require(l.count(`state = 'sent'`) == 27 && l.count(`state = 'failed' AND smtp <> ''`) == 3, "one refusal touched others: %s", l.states())
			l.require(l.number(`SELECT COUNT(*) FROM suppressions`) == 0, "an address is suppressed for what was in the mail")
		}},
		{row: 23, name: "421 mid-session, and after 250", quick: []combo{postgresRedis}, people: 120, script: closing(), run: func(l *lab) {
			l.serve("")
			l.drain(2 * time.Minute)
			l.sentOnce(120)
		}},
		{row: 27, name: "greylisting", quick: []combo{sqliteEmbedded}, people: 25, script: greylist(25), run: func(l *lab) {
			l.serve("")
			l.await(time.Minute, "each turned away once", func() bool { return l.count(`state = 'retry'`) == 25 })
			l.require(l.recorder.Count() == 0, "somebody was let in at once")
			l.drain(2 * time.Minute)
			l.sentOnce(25)
			l.require(l.count(`attempts = 2`) == 25, "not everybody took two tries")
		}},
	}
}

// fourHundreds refuses some mails at each step, and some sessions.
func fourHundreds() (s smtptest.Script) {
	for _, at := range steps() {
		s.Rules = append(s.Rules, smtptest.Rule{At: at, Times: 4, Do: smtptest.Action{Reply: "451 4.3.0 try again later"}})
	}
	s.Rules = append(s.Rules,
		smtptest.Rule{At: smtptest.Greeting, Connection: 2, Do: smtptest.Action{Reply: "450 4.3.2 not now"}},
		smtptest.Rule{At: smtptest.Hello, Connection: 3, Do: smtptest.Action{Reply: "450 4.3.2 not now"}})
	return s
}

// badRecipients refuses some people for good, each for another reason.
func badRecipients() (s smtptest.Script) {
	for n, reply := range rcptAnswers() {
		s.Rules = append(s.Rules, smtptest.Rule{At: smtptest.Rcpt, Recipient: person(n), Do: smtptest.Action{Reply: reply.text}})
	}
	return s
}

// rcptAnswer is what the server says of a person, and whether that means that
// the mailbox does not exist.
type rcptAnswer struct {
	text string
	gone bool
}

func rcptAnswers() map[int]rcptAnswer {
	return map[int]rcptAnswer{
		2:  {"550 5.1.1 no such user", true},
		5:  {"550 5.1.10 domain takes no mail", true},
		9:  {"550 5.7.1 policy", false},
		12: {"550 go away", false},
		17: {"552 5.2.2 mailbox full", false},
		21: {"553 5.1.8 bad sender", false},
	}
}

func badAddresses(l *lab) {
	l.serve("")
	l.finish(time.Minute)
	for n, answer := range rcptAnswers() {
		l.require(l.failed() || l.stateOf(person(n)) == "failed", "%q: the message is %s", answer.text, l.stateOf(person(n)))
		suppressed := l.number(`SELECT COUNT(*) FROM suppressions WHERE email_key = $1`, person(n)) == 1
		l.require(l.failed() || suppressed == answer.gone, "%q: suppressed %v", answer.text, suppressed)
	}
	l.require(l.count(`state = 'sent'`) == 30-len(rcptAnswers()), "one refusal touched others: %s", l.states())
	// What is owed later does not leave to who is gone, and does to the rest.
	l.move()
	l.drain(time.Minute)
	l.require(l.count(`kind = 'change' AND state = 'sent'`) == 30-len(rcptAnswers()), "the change did not reach the rest: %s", l.states())
}

// badMessages refuses what is in some mails.
func badMessages() smtptest.Script {
	return smtptest.Script{Rules: []smtptest.Rule{
		{At: smtptest.Data, Recipient: person(3), Do: smtptest.Action{Reply: "554 5.7.1 no"}},
		{At: smtptest.Dot, Recipient: person(8), Do: smtptest.Action{Reply: "554 5.6.0 bad content"}},
		{At: smtptest.Dot, Recipient: person(13), Do: smtptest.Action{Reply: "552 5.3.4 too big"}},
	}}
}

// closing ends sessions in the middle, politely.
func closing() smtptest.Script {
	bye := "421 4.3.2 closing"
	return smtptest.Script{Rules: []smtptest.Rule{
		{At: smtptest.Mail, Transaction: 5, Do: smtptest.Action{Reply: bye, Cut: true}},
		{At: smtptest.Rcpt, Transaction: 12, Do: smtptest.Action{Reply: bye, Cut: true}},
		{At: smtptest.Data, Transaction: 20, Do: smtptest.Action{Reply: bye, Cut: true}},
		{At: smtptest.Dot, Transaction: 30, Do: smtptest.Action{Reply: bye, Cut: true}},
		{At: smtptest.Dot, Transaction: 40, Do: smtptest.Action{Reply: "250 2.0.0 taken", Extra: bye, Cut: true}},
		{At: smtptest.Dot, Transaction: 50, Do: smtptest.Action{Reply: "250 2.0.0 taken", Cut: true}},
		{At: smtptest.Dot, Transaction: 60, Do: smtptest.Action{Reply: "250 2.0.0 taken", Extra: bye, Cut: true}},
	}}
}

// greylist turns each person away once.
func greylist(people int) (s smtptest.Script) {
	for n := range people {
		s.Rules = append(s.Rules, smtptest.Rule{At: smtptest.Rcpt, Recipient: person(n), Times: 1,
			Do: smtptest.Action{Reply: "450 4.7.1 greylisted, try again"}})
	}
	return s
}
