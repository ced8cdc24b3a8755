package main

import (
	"time"

	"heraut/worker/mailer/smtptest"
)

// silenceScenarios are about answers that come late, and not at all.
func silenceScenarios() []scenario {
	late := func(d time.Duration) smtptest.Script {
		return smtptest.Script{Rules: []smtptest.Rule{{At: smtptest.Dot, Transaction: 2, Do: smtptest.Action{Delay: d}}}}
	}
	waits := func(d time.Duration) func(*lab) {
		return func(l *lab) {
			l.serve("")
			l.finish(3*d + time.Minute)
			l.sentOnce(20)
		}
	}
	return []scenario{
		{row: 24, name: "250 after 15 seconds", combos: []combo{}, quick: []combo{postgresRedis}, people: 20, script: late(15 * time.Second), run: waits(15 * time.Second)},
		{row: 24, name: "250 after 9 minutes", combos: extremes, patient: true, people: 20, script: late(9 * time.Minute), run: waits(9 * time.Minute)},
		{row: 25, name: "silence at each phase, then cut", quick: []combo{sqliteEmbedded}, people: 250, script: silent(smtptest.Action{Delay: 2 * time.Second, Cut: true}), run: func(l *lab) {
			l.serve("")
			l.drain(2 * time.Minute)
			afterSilence(l, 250, 0)
		}},
		{row: 25, name: "silence at each phase, for ever", combos: extremes, patient: true, people: 250, script: silent(smtptest.Action{Hang: true}), run: func(l *lab) {
			l.serve("")
			l.drain(25 * time.Minute) // until our own limits end it, one after another: RFC 5321 §4.5.3.2
			afterSilence(l, 250, 1)
		}},
		{row: 26, name: "cut mid-DATA and after the dot", quick: []combo{sqliteRedis, postgresEmbedded}, people: 150, before: cutting, run: func(l *lab) {
			l.serve("")
			l.drain(2 * time.Minute)
			l.require(l.count(`state = 'sent'`) == 150, "not all was sent: %s", l.states())
			// The end of a body leaves together with its dot: who is cut off
			// there cannot know how far the server got.
			cut, doubts := l.unanswered(), l.count(`doubts > 0`)
			l.require(l.failed() || cut > 0, "no mail was cut after its dot")
			l.require(l.failed() || doubts >= cut && doubts <= cut+6, "%d messages came in doubt, of 6 cut in the body and %d after the dot", doubts, cut)
			l.require(l.failed() || l.recorder.Count() == 150+cut, "%d mails for 150 people and %d second copies", l.recorder.Count(), cut)
			l.figure("%d in doubt of it", doubts)
		}},
	}
}

// silent does something instead of answering, once at each step.
func silent(do smtptest.Action) (s smtptest.Script) {
	for i, at := range steps() {
		s.Rules = append(s.Rules, smtptest.Rule{At: at, Transaction: 10 + 20*i, Do: do})
	}
	s.Rules = append(s.Rules, smtptest.Rule{At: smtptest.Greeting, Connection: 2, Do: do}, smtptest.Rule{At: smtptest.Hello, Connection: 3, Do: do})
	if do.Hang {
		s.Rules = append(s.Rules, smtptest.Rule{At: smtptest.Body, Transaction: 95, Do: do})
	}
	return s
}

// afterSilence judges: only silence after the dot may raise a doubt. Of a mail
// in whose body the server stopped reading, the dot may have left with the rest.
func afterSilence(l *lab, people, bodies int) {
	l.require(l.count(`state = 'sent'`) == people, "not all was sent: %s", l.states())
	doubts, dots := l.count(`doubts > 0`), l.unanswered()
	l.require(l.failed() || doubts >= dots && doubts <= dots+bodies, "%d messages came in doubt, of %d whose dot was not answered", doubts, dots)
}

// unanswered counts the mails that the server took and said nothing of. A rule
// for the n-th transaction works only if that one gets so far.
func (l *lab) unanswered() (n int) {
	for _, m := range l.smtp.Received() {
		if !m.Answered {
			n++
		}
	}
	return n
}

// cutting cuts some mails at a random byte, and some after their dot.
func cutting(l *lab) {
	var s smtptest.Script
	for i := range 6 {
		s.Rules = append(s.Rules, smtptest.Rule{At: smtptest.Body, Transaction: 5 + 12*i, Do: smtptest.Action{CutAt: 1 + l.random.IntN(6000)}})
	}
	for i := range 4 {
		s.Rules = append(s.Rules, smtptest.Rule{At: smtptest.Dot, Transaction: 9 + 14*i, Do: smtptest.Action{Cut: true}})
	}
	l.smtp = l.listen(s)
	l.relay = l.smtp.Addr()
}
