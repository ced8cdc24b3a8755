package main

import (
	"fmt"
	"time"

	"heraut/worker/fault"
)

// redelivery is how long a message may take to leave from another worker after
// one died, at most; promise 4 is about its p99.
const redelivery = 2 * time.Minute

// pointScenarios kill a worker at each step of a message's way. Another worker
// starts then, as a service manager starts one.
func pointScenarios() []scenario {
	const people = 40
	var all []scenario
	for _, p := range []struct {
		row    int
		name   string
		point  fault.Point
		nth    int  // time at which the point kills
		doubts bool // the message comes in doubt
		copies int  // second copies that come of it
		quick  []combo
	}{
		{1, "kill after the ledger's commit, before enqueue", fault.DueFound, 1, false, 0, []combo{postgresRedis}},
		{2, "kill after enqueue", fault.Enqueued, 1, false, 0, []combo{sqliteEmbedded}},
		{3, "kill after claim, before RCPT", fault.Claimed, 1, false, 0, []combo{sqliteRedis}},
		{5, "kill between final_dot and the dot", fault.DotCommitted, 7, true, 0, extremes},
		{6, "kill after 250, before commit", fault.Answered, 7, true, 1, extremes},
		{7, "kill after commit, before asynq's ack", fault.Recorded, 1, false, 0, []combo{sqliteRedis}},
	} {
		all = append(all, scenario{row: p.row, name: p.name, quick: p.quick, patient: p.point == fault.Recorded, people: people, run: func(l *lab) {
			l.serve(fmt.Sprintf("%s:kill@%d", p.point, p.nth)).died(time.Minute)
			doubts := l.count(`state = 'final_dot'`)
			l.require((doubts > 0) == p.doubts, "%d messages at their final dot after the kill", doubts)
			l.serve("")
			l.finish(redelivery)
			if p.point == fault.Recorded {
				l.idle(3 * time.Minute) // the task is handed out once more, for nothing
			}
			l.require(l.count(`state = 'sent'`) == people, "not all was sent: %s", l.states())
			if p.copies > 0 {
				l.require(l.recorder.Count() > people, "no second copy: the kill missed its moment")
			}
		}})
	}
	return append(all, cutInBody(people))
}

// cutInBody kills the worker when the server has read k bytes of a mail, with k
// from the seed.
func cutInBody(people int) scenario {
	return scenario{row: 4, name: "kill mid-DATA, at byte k", quick: []combo{postgresEmbedded}, people: people,
		before: func(l *lab) { l.hold(1 + l.random.IntN(4000)) },
		run: func(l *lab) {
			p := l.serve("")
			l.heldBack(time.Minute)
			p.kill()
			l.require(l.recorder.Count() == 0, "a mail got across whole")
			l.proxy.release()
			l.serve("")
			l.finish(redelivery)
			// A mail is in the kernel's buffers before the server has k bytes of it,
			// so the worker has to doubt; but nobody may get half a mail.
			l.require(l.count(`state = 'sent'`) == people, "not all was sent: %s", l.states())
			l.require(l.recorder.Count() == people, "%d mails came for %d people", l.recorder.Count(), people)
			l.figure("k = %d", l.proxy.limit)
		},
	}
}
