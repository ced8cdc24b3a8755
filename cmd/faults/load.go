package main

import (
	"slices"
	"syscall"
	"time"

	"heraut/worker/mailer/smtptest"
)

// slow answers each mail after a while, so that there is always one on the way.
func slow(d time.Duration) smtptest.Script {
	return smtptest.Script{Rules: []smtptest.Rule{{At: smtptest.Dot, Do: smtptest.Action{Delay: d}}}}
}

// killsALab is how many random kills one lab does. More are shared among
// several, which work side by side.
const killsALab = 250

// loadScenarios end workers while much is under way.
func loadScenarios(kills int) []scenario {
	labs := (kills + killsALab - 1) / killsALab
	share := (kills + labs - 1) / labs
	return []scenario{
		{row: 8, name: "random kills under load", combos: extremes, quick: extremes, long: true, labs: labs, script: slow(20 * time.Millisecond),
			run: func(l *lab) { randomKills(l, share) }},
		// So slow that no dot is asked for ahead: one on record that is not sent
		// counts as a try.
		{row: 9, name: "SIGTERM mid-send", quick: extremes, people: 60, script: slow(150 * time.Millisecond), run: func(l *lab) {
			p := l.underWay(10)
			p.signal(syscall.SIGTERM)
			p.says("worker stopping")
			l.gate.open()
			p.stopped()
			left := l.count(`state <> 'sent'`)
			l.require(left > 0, "all was sent before the signal")
			// Nor did anything go wrong, so nothing has to wait for another try.
			l.require(l.count(`state NOT IN ('sent', 'planned')`) == 0, "it did not stop in good order: %s", l.states())
			l.serve("")
			l.finish(redelivery)
			l.require(l.count(`state = 'sent' AND doubts = 0`) == 60, "not all was sent without a doubt: %s", l.states())
		}},
		{row: 34, name: "three workers, one killed", quick: []combo{postgresRedis}, people: 600, script: slow(40 * time.Millisecond), run: oneOfThree},
	}
}

// randomKills kills one worker after another, of one or two, at any moment.
// People go on registering meanwhile, so that there is always mail on the way.
// Of four kills three are of a worker that has mail in its hands; the fourth may
// be of one that has nothing to do, or that is about to begin.
func randomKills(l *lab, kills int) {
	people, full := 0, 0 // persons; kills of workers with mail in their hands
	var running []*process
	for n := 0; n < kills && !l.failed(); n++ {
		for len(running) < 1+l.random.IntN(2) {
			running = append(running, l.serve(""))
		}
		people += l.flock(people)
		l.spare()
		i := l.random.IntN(len(running))
		if n%4 < 3 {
			i = l.laden(running, func() { people += l.flock(people) })
		} else {
			l.while(600 * time.Millisecond)
		}
		if l.failed() {
			return
		}
		running[i].kill()
		if l.inHands(running[i]) > 0 {
			full++
		}
		running = slices.Delete(running, i, i+1)
	}
	l.serve("")
	l.drain(10 * time.Minute)
	parked := l.count(`state = 'failed'`)
	l.figure("%d people, %d kills with mail in hand, %d parked", people, full, parked)
	l.require(full*2 > kills, "only %d of %d kills met mail", full, kills)
	l.require(l.count(`state = 'sent'`)+parked == people, "not all was sent: %s", l.states())
	l.require(parked == 0, "%d messages were parked, and none was the cause", parked)
}

// laden gives one of some workers at a moment when it has mail in its hands. It
// stands still from then on, so that this is what it dies with. While nobody has
// any, more is called now and then.
func (l *lab) laden(running []*process, more func()) (which int) {
	asked := time.Now()
	l.watch(glance, redelivery, "a worker with mail in its hands", func() bool {
		var full []int
		for i, p := range running {
			if l.inHands(p) > 0 {
				full = append(full, i)
			}
		}
		if len(full) == 0 {
			if time.Since(asked) > look {
				l.spare() // a sweep may just have found some
				more()
				asked = time.Now()
			}
			return false
		}
		which = full[l.random.IntN(len(full))]
		l.while(300 * time.Millisecond)
		running[which].signal(syscall.SIGSTOP)
		if l.inHands(running[which]) > 0 {
			return true
		}
		running[which].signal(syscall.SIGCONT)
		return false
	})
	return which
}

// inHands counts the messages in the hands of a process, which may be dead.
// These conditions lead to the index of what is not settled.
func (l *lab) inHands(p *process) int {
	return l.count(`queue IN ('critical', 'reminders', 'bulk') AND wake_at IS NOT NULL AND state IN ('claimed', 'final_dot') AND owner LIKE $1`, p.names())
}

// spare keeps out of the workers' hands, while they are killed, what one more
// death would leave to a person: what two died over, and what may have been
// sent. That is as it should be, and rows 39 and 5 show it; here every mail has
// to leave.
func (l *lab) spare() {
	now := time.Now()
	const those = `queue IN ('critical', 'reminders', 'bulk') AND wake_at < $2
		AND (state = 'planned' AND crashes > 1 OR state = 'in_doubt' AND wake_at > $1)`
	args := []any{now.UnixMicro(), now.Add(time.Hour).UnixMicro()}
	for _, id := range l.ids(`SELECT id FROM messages WHERE `+those, args...) {
		// One by one, as who locks many may have to wait for one who waits for it.
		l.spared = append(l.spared, l.ids(`UPDATE messages SET wake_at = $2 + $4 WHERE id = $3 AND `+those+` RETURNING id`,
			append(args, id, time.Hour.Microseconds())...)...)
	}
}

// flock has people register, numbered from first, and gives how many came: some
// if hardly anybody waits who never met a crash, and not many wait in all.
// Suspects travel alone, and would only become more.
func (l *lab) flock(first int) int {
	const size, crowd = 80, 400
	waits := func(more string) int {
		return l.count(`queue = 'bulk' AND state = 'planned' AND wake_at <= $1`+more, time.Now().UnixMicro())
	}
	if waits(` AND crashes = 0`) > size/2 || waits(``) > crowd {
		return 0
	}
	l.people(first, first+size)
	return size
}

// oneOfThree kills one of three workers with its hands full. What it held has
// to leave from another in time.
func oneOfThree(l *lab) {
	l.gate.let(100) // of four hundred that the first one claims
	victim := l.serve("")
	l.mails(20, time.Minute)
	l.serve("").up()
	l.serve("").up()
	l.mails(100, time.Minute)
	victim.kill()
	l.gate.open()
	l.require(len(l.orphans) > 0, "the dead worker held nothing")
	l.finish(redelivery)
	waits := l.redelivered()
	l.figure("%d messages in dead hands", len(waits))
	l.require(len(waits) == len(l.orphans), "%d of %d messages in dead hands left", len(waits), len(l.orphans))
	p99 := percentile(waits, 99)
	l.require(p99 <= 50*time.Second, "redelivery took %v (p99)", p99)
}
