package main

import (
	"slices"
	"time"

	"heraut/worker/mailer/smtptest"
)

// slow answers each mail after a while, so that there is always one on the way.
func slow(d time.Duration) smtptest.Script {
	return smtptest.Script{Rules: []smtptest.Rule{{At: smtptest.Dot, Do: smtptest.Action{Delay: d}}}}
}

// loadScenarios end workers while much is under way.
func loadScenarios(kills int) []scenario {
	return []scenario{
		{row: 8, name: "random kills under load", combos: extremes, quick: extremes, patient: true, script: slow(20 * time.Millisecond),
			run: func(l *lab) { randomKills(l, kills) }},
		{row: 9, name: "SIGTERM mid-send", quick: extremes, people: 60, script: slow(200 * time.Millisecond), run: func(l *lab) {
			p := l.serve("")
			l.mails(10, time.Minute)
			p.term()
			left := l.count(`state <> 'sent'`)
			l.require(left > 0, "all was sent before the signal")
			// Nor did anything go wrong, so nothing has to wait for another try.
			l.require(l.count(`state NOT IN ('sent', 'planned')`) == 0, "it did not stop in good order: %s", l.states())
			l.serve("")
			l.finish(redelivery)
			l.require(l.count(`state = 'sent' AND doubts = 0`) == 60, "not all was sent without a doubt: %s", l.states())
		}},
		{row: 34, name: "three workers, one killed", quick: []combo{postgresRedis}, people: 600, script: slow(100 * time.Millisecond), run: oneOfThree},
	}
}

// randomKills kills one worker after another, of one or two, at any moment.
// People go on registering meanwhile, so that there is always mail on the way.
func randomKills(l *lab, kills int) {
	people, full := 0, 0 // persons; kills of workers with mail in their hands
	var running []*process
	for range kills {
		for len(running) < 1+l.random.IntN(2) {
			running = append(running, l.serve(""))
		}
		people += l.flock(people)
		running[len(running)-1].up()
		if l.random.IntN(4) > 0 { // not always, or none would die while it begins
			l.moving(5 * time.Second)
		}
		l.pause(time.Duration(l.random.Int64N(int64(600 * time.Millisecond))))
		i := l.random.IntN(len(running))
		running[i].kill()
		if l.count(`state IN ('claimed', 'final_dot') AND owner LIKE $1`, running[i].names()) > 0 {
			full++
		}
		running = slices.Delete(running, i, i+1)
	}
	l.serve("")
	l.finish(10 * time.Minute)
	parked := l.count(`state = 'failed'`)
	l.figure("%d people, %d kills with mail in hand, %d parked", people, full, parked)
	l.require(full*4 > kills, "only %d of %d kills met mail", full, kills)
	l.require(l.count(`state = 'sent'`)+parked == people, "not all was sent: %s", l.states())
	l.require(parked == 0, "%d messages were parked, and none was the cause", parked)
}

// moving waits until another mail comes, or for so long.
func (l *lab) moving(limit time.Duration) {
	before, over := l.recorder.Count(), time.Now().Add(limit)
	for !l.failed() && l.recorder.Count() == before && time.Now().Before(over) {
		l.pause(look / 5)
	}
}

// flock has people register, numbered from first, and gives how many came: some
// if hardly anybody waits who never met a crash, and not many wait in all.
// Suspects travel alone, and would only become more. Who waits for a task that
// died with its worker, which real Redis tells after a minute, does not count.
func (l *lab) flock(first int) int {
	const size, crowd = 80, 400
	now := time.Now()
	waits := func(more string) int {
		return l.count(`state = 'planned' AND wake_at <= $1 AND (enqueued_at IS NULL OR enqueued_at > $2)`+more,
			now.UnixMicro(), now.Add(-3*time.Second).UnixMicro())
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
	victim := l.serve("")
	l.mails(20, time.Minute)
	l.serve("")
	l.serve("")
	l.mails(100, time.Minute)
	victim.kill()
	l.require(len(l.orphans) > 0, "the dead worker held nothing")
	l.finish(redelivery)
	waits := l.redelivered()
	l.figure("%d messages in dead hands", len(waits))
	l.require(len(waits) == len(l.orphans), "%d of %d messages in dead hands left", len(waits), len(l.orphans))
	p99 := percentile(waits, 99)
	l.require(p99 <= 50*time.Second, "redelivery took %v (p99)", p99)
}
