package main

import (
	"fmt"
	"time"
)

// poisonScenarios have a message that kills whoever takes it.
func poisonScenarios() []scenario {
	const people = 60
	return []scenario{{row: 39, name: "poison message", quick: []combo{postgresRedis}, patient: true, people: people, run: func(l *lab) {
		poison := l.number(`SELECT MIN(id) FROM messages`) + people/2
		spec := fmt.Sprintf("rendering=%d:kill", poison)
		p := l.serve(spec)
		// Whatever it takes with it, it may do so three times only; a service
		// manager starts the program again each time.
		l.await(4*time.Minute, "poison parked", func() bool {
			select {
			case <-p.exited:
				p.died(time.Second)
				p = l.serve(spec)
			default:
			}
			return l.count(`id = $1 AND state = 'failed'`, poison) == 1
		})
		l.finish(redelivery)
		l.figure("parked after %d kills", l.kills)
		l.require(l.kills <= 3, "%d workers died of one message", l.kills)
		l.require(l.count(`state = 'sent'`) == people-1, "the rest was not all sent: %s", l.states())
	}}}
}
