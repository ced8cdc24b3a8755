package main

import (
	"time"
)

// flock is how many people the mail of a Redis scenario goes to: more than the
// workers' hands hold, so that tasks wait in Redis when the fault comes.
const flock = 500

// redisScenarios have Redis lose what it holds, or be away: that may cost time
// and nothing else.
func redisScenarios() []scenario {
	story := func(row int, name string, run func(*lab), quick ...combo) scenario {
		return scenario{row: row, name: name, combos: []combo{sqliteRedis, postgresRedis}, quick: quick, people: flock, script: slow(25 * time.Millisecond),
			before: fewHands, run: run}
	}
	overrun := story(10, "worker stands still past its lease, then goes on", standStill, postgresRedis)
	overrun.combos = append(overrun.combos, sqliteEmbedded)
	overrun.patient = true
	failover := story(12, "failover to a lagging replica", failOver, sqliteRedis)
	failover.before = replicated
	away := story(15, "Redis away for 10 minutes", func(l *lab) { redisAway(l, 10*time.Minute) })
	away.patient = true
	awayBriefly := story(15, "Redis away for 20 seconds", func(l *lab) { redisAway(l, 20*time.Second) }, sqliteRedis)
	awayBriefly.combos = []combo{}
	return []scenario{
		story(10, "asynq hands a running task out again", handOutAgain, sqliteRedis),
		overrun,
		story(11, "FLUSHALL", func(l *lab) {
			catchUp(l, func() { l.redisDo("FLUSHALL") })
		}, sqliteRedis, postgresRedis),
		story(11, "Redis restart, empty", func(l *lab) {
			catchUp(l, func() {
				l.redis.stop()
				l.startRedisAgain()
			})
		}, postgresRedis),
		failover,
		story(13, "Redis out of memory", outOfMemory, postgresRedis),
		story(14, "asynq's lease keys deleted, worker killed", leaseGone, sqliteRedis),
		awayBriefly, away,
	}
}

// fewHands has workers hold two tasks of a crowd at a time, so that others wait.
func fewHands(l *lab) { l.setenv("HERAUT_SMTP__CONNECTIONS", "4") }

// redisDo sends one command to the lab's Redis.
func (l *lab) redisDo(words ...string) string {
	if l.failed() {
		return ""
	}
	answer, err := l.redis.do(words...)
	if err != nil {
		l.fail("%w", err)
	}
	return answer
}

func (l *lab) startRedisAgain() {
	if err := l.redis.start(); err != nil {
		l.fail("%w", err)
	}
}

// catchUp breaks something while mail leaves, and holds the time until all has
// left against promise 3: a minute, and what the backlog takes at the pace from
// before.
func catchUp(l *lab, harm func()) {
	l.gate.let(100) // the rest is in the worker's hands, or waits, when the harm is done
	l.serve("")
	l.mails(20, time.Minute)
	began := time.Now()
	l.mails(100, time.Minute)
	pace := 80 / time.Since(began).Seconds()
	harm()
	harmed := time.Now()
	l.gate.open()
	backlog := flock - l.recorder.Count()
	l.require(backlog > flock/4, "all was nearly sent before the fault")
	limit := time.Minute + time.Duration(float64(backlog)/pace*float64(time.Second))
	l.mails(flock, limit+time.Minute)
	took := time.Since(harmed)
	l.figure("caught up in %.1f s: %d at %.0f/s before", took.Seconds(), backlog, pace)
	l.require(took <= limit, "catching up took %v, more than %v", took, limit)
	l.finish(time.Minute)
	l.sentOnce(flock)
}

// handOutAgain does what asynq does with a task that overran its timeout or
// whose lease it takes for lost: it hands it to a second handler while the
// first still works. Both in one process, and in another.
func handOutAgain(l *lab) {
	l.underWay(20)
	l.serve("")
	again := 0
	for l.recorder.Count() < flock*3/4 && !l.failed() {
		for _, task := range l.active() {
			l.redisDo("LPUSH", "asynq:{bulk}:pending", task)
			again++
		}
		l.gate.open()
		l.pause(200 * time.Millisecond)
	}
	l.require(again > 0, "no task was in a handler")
	l.figure("%d tasks handed out while they ran", again)
	l.finish(time.Minute)
	l.sentOnce(flock)
}

// active gives the ids of tasks that are in a handler.
func (l *lab) active() []string {
	if l.failed() {
		return nil
	}
	ids, err := l.redis.list("LRANGE", "asynq:{bulk}:active", "0", "-1")
	if err != nil {
		l.fail("%w", err)
	}
	return ids
}

// leaseGone takes away what asynq would find the tasks of a dead worker by: they
// stay active for ever. The messages must leave all the same.
func leaseGone(l *lab) {
	victim := l.underWay(20)
	for _, q := range []string{"critical", "reminders", "bulk"} {
		l.redisDo("DEL", "asynq:{"+q+"}:lease")
	}
	victim.kill()
	l.redisDo("DEL", "asynq:{bulk}:lease")
	killed := time.Now()
	l.gate.open()
	l.require(len(l.active()) > 0, "no task was lost")
	l.serve("")
	l.finish(redelivery)
	l.figure("all sent %.0f s after the kill", time.Since(killed).Seconds())
	l.require(l.count(`state = 'sent'`) == flock, "not all was sent: %s", l.states())
}

// outOfMemory leaves Redis no room for a while. People go on registering.
func outOfMemory(l *lab) {
	l.underWay(40)
	l.redisDo("CONFIG", "SET", "maxmemory", "1mb")
	l.gate.open()
	l.people(flock, flock+100)
	l.pause(5 * time.Second)
	l.require(l.count(`state <> 'sent'`) >= 100, "Redis had room")
	l.redisDo("CONFIG", "SET", "maxmemory", "0")
	l.finish(2 * time.Minute)
	l.sentOnce(flock + 100)
}

// redisAway stops Redis. What comes in meanwhile is accepted.
func redisAway(l *lab, d time.Duration) {
	l.underWay(40)
	l.redis.stop()
	l.gate.open()
	l.people(flock, flock+50)
	l.heraut("register", "--event", "workshop", "--email", "later@example.org", "--name", "Later")
	l.pause(d)
	l.startRedisAgain()
	back := time.Now()
	l.mails(flock+51, 3*time.Minute)
	l.figure("caught up %.0f s after Redis was back", time.Since(back).Seconds())
	l.finish(time.Minute)
	l.sentOnce(flock + 51)
}
