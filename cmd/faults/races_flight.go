package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"time"
)

// throng is how many people get mail while the ledger or the programme is
// disturbed.
const throng = 400

// raceScenarios have what people decide overtake what is on its way to them.
func raceScenarios() []scenario {
	all := []scenario{
		{row: 37, name: "event moved in flight", quick: extremes, people: throng, script: slow(40 * time.Millisecond), run: movedInFlight},
		{row: 38, name: "cancelled in flight", quick: []combo{sqliteRedis, postgresEmbedded}, people: throng, script: slow(40 * time.Millisecond), run: cancelledInFlight},
	}
	return append(append(all, duelScenarios()...), timeScenarios()...)
}

// move puts the event a day later, in force.
func (l *lab) move() {
	l.write("moved.yaml", programme(time.Now().AddDate(0, 1, 1), ""))
	l.heraut("programme", "apply", "moved.yaml", "--yes")
}

// movedInFlight moves the event while confirmations leave. Whoever had one gets
// a change; the others a confirmation that is right.
func movedInFlight(l *lab) {
	l.gate.let(160) // most people have no mail yet when the event moves, however long that takes
	l.serve("")
	l.mails(100, time.Minute)
	l.move()
	l.gate.open()
	l.finish(redelivery)
	gone := l.count(`revision = 0 AND state = 'sent'`) // a dot that was on record may have been stopped
	l.require(gone > 0 && gone < throng, "%d of %d had left: no race", gone, throng)
	changed := l.count(`kind = 'change' AND state = 'sent'`)
	fresh := l.count(`kind = 'confirmation' AND revision = 1 AND state = 'sent'`)
	l.figure("%d had left and got a change", changed)
	l.require(changed == gone, "%d had left, %d got a change", gone, changed)
	l.require(changed+fresh == throng, "not everybody knows the new moment: %s", l.states())
}

// cancelledInFlight cancels people one by one while confirmations leave: in turn
// somebody who has one, somebody who is about to get one, and anybody who waits.
// A few mails leave during each cancel, so that many wait until the last.
func cancelledInFlight(l *lab) {
	const cancels, meanwhile = 24, 8
	l.underWay(40)
	var spared []string
	for n := 0; n < cancels && !l.failed(); n++ {
		var who string
		switch waiting := l.confirmed(`state IN ('planned', 'claimed')`); n % 3 {
		case 0:
			who = l.one(l.confirmed(`state = 'sent'`))
		case 1:
			who = l.one(waiting[:min(meanwhile, len(waiting))])
		case 2:
			who = l.one(waiting)
		}
		l.gate.let(meanwhile)
		var r struct{ Status string }
		if err := json.Unmarshal([]byte(l.heraut("--json", "cancel", "--event", "workshop", "--email", who)), &r); err != nil && !l.failed() {
			l.fail("cancel: %w", err)
		}
		l.require(l.failed() || r.Status == "cancelled", "cancel said %q", r.Status)
		if l.stateOf(who) == "cancelled" {
			spared = append(spared, who)
		}
	}
	l.gate.open()
	l.require(l.failed() || len(spared) > 0 && len(spared) < cancels, "%d of %d were cancelled before their mail left: no race", len(spared), cancels)
	l.finish(redelivery)
	for _, who := range spared {
		l.require(l.failed() || l.stateOf(who) == "cancelled", "a cancelled mail left: %s", l.states())
	}
	l.figure("%d cancelled, %d of them before their mail left", l.number(`SELECT COUNT(*) FROM registrations WHERE status = 'cancelled'`), len(spared))
}

// confirmed gives the addresses of people who are registered and whose
// confirmation is in some state, in the order in which they came.
func (l *lab) confirmed(state string) (emails []string) {
	if l.failed() {
		return nil
	}
	rows, err := l.db.QueryContext(l.ctx, `SELECT r.email FROM messages m JOIN registrations r ON r.id = m.registration_id
		WHERE m.kind = 'confirmation' AND r.status <> 'cancelled' AND m.`+state+` ORDER BY m.id`)
	if err != nil {
		l.fail("find people by their confirmation: %w", err)
		return nil
	}
	defer rows.Close()
	for rows.Next() {
		var email string
		if err := rows.Scan(&email); err != nil {
			l.fail("find people by their confirmation: %w", err)
		}
		emails = append(emails, email)
	}
	if err := rows.Err(); err != nil {
		l.fail("find people by their confirmation: %w", err)
	}
	return emails
}

// one picks one of some people; that there is none fails the lab.
func (l *lab) one(of []string) string {
	if len(of) == 0 {
		l.fail("nobody is left to choose: %s", l.states())
		return ""
	}
	return of[l.random.IntN(len(of))]
}

// timeScenarios hold moments against promise 5.
func timeScenarios() []scenario {
	// The first is about speed, so it is not in the quick set: that runs with the
	// race detector, next to other labs.
	const people = 200
	reminder := func() string { return unconfirmed(time.Now().AddDate(0, 1, 0)) }
	return []scenario{
		{row: 44, name: "200 reminders due at one moment", combos: extremes, programme: reminder(), people: people, run: func(l *lab) {
			l.serve("").up()
			at := time.Now().Add(8*time.Second + 300*time.Millisecond)
			l.shift(at)
			l.mails(people, time.Minute)
			l.finish(time.Minute)
			left, err := l.leftAt()
			if err != nil {
				l.fail("%w", err)
			}
			var waits []time.Duration
			for _, t := range left {
				waits = append(waits, t.Sub(at))
			}
			p99 := percentile(waits, 99)
			l.figure("left within %.2f s (p99)", p99.Seconds())
			l.require(p99 <= 2*time.Second, "p99 is %v", p99)
			l.sentOnce(people)
		}},
		{row: 32, name: "clock jumps a month ahead and back", combos: extremes, quick: []combo{postgresRedis}, programme: remindersToo(), people: people, run: clockJumps},
		{row: 32, name: "clock of one of two workers jumps", combos: []combo{postgresRedis}, quick: []combo{}, programme: remindersToo(), run: clockOfOne},
		{row: 44, name: "worker down for a day", quick: []combo{sqliteEmbedded}, programme: reminder(), people: people, run: func(l *lab) {
			l.shift(time.Now().AddDate(0, 0, -1))
			l.serve("")
			l.await(time.Minute, "expired", func() bool { return l.count(`state = 'expired'`) == people })
			l.pause(2 * time.Second)
			l.require(l.recorder.Count() == 0, "a reminder left a day late")
			for _, command := range [][]string{{"plan"}, {"messages", "--state", "expired"}} {
				said := l.heraut(append([]string{"--json"}, command...)...)
				l.require(l.failed() || strings.Count(said, "max_late") == people, "%s names the reason %d times", command[0], strings.Count(said, "max_late"))
			}
		}},
	}
}

// remindersToo is an event in a month that has a confirmation and a reminder.
func remindersToo() string {
	return programme(time.Now().AddDate(0, 1, 0), "      - {name: hour-before, kind: reminder, at: \"-1h\"}\n")
}

// clockJumps has the worker's clock show, for a while, a moment at which every
// reminder is due and none is too late, and then one of a month ago. No reminder
// leaves, none is taken for missed, and who registers is confirmed, as soon as
// the clock is not behind.
func clockJumps(l *lab) {
	clock := filepath.Join(l.dir, "clock")
	l.write("clock", "0s")
	l.serve("clock:" + clock)
	people := l.count(`kind = 'reminder'`)
	l.mails(people, time.Minute)
	for n, off := range []time.Duration{l.untilReminders(), 0, -30 * 24 * time.Hour, 0} {
		l.write("clock", off.String())
		l.pause(2 * time.Second)
		late := fmt.Sprintf("laat%d@example.org", n)
		l.heraut("register", "--event", "workshop", "--email", late, "--name", "Laat")
		if began := time.Now(); off >= 0 {
			l.mails(people+n+1, time.Minute)
			l.figure("off by %v: confirmed in %d ms", off.Round(time.Hour), time.Since(began).Milliseconds())
		}
		l.pause(6 * time.Second) // a sweep, too
	}
	l.require(l.count(`kind = 'reminder' AND state = 'planned'`) == people+4, "not all reminders wait: %s", l.states())
	l.require(l.recorder.Count() == people+4, "%d mails came for %d people", l.recorder.Count(), people+4)
}

// untilReminders gives how far a clock has to jump for the reminders to be due.
func (l *lab) untilReminders() time.Duration {
	return time.Until(time.UnixMicro(int64(l.number(`SELECT MAX(due_at) FROM messages WHERE kind = 'reminder'`)))) + 20*time.Minute
}

// clockOfOne has the clock of one of two workers be an hour behind what it shows,
// as after the machine stood still, and then a month ahead. The other does the
// work; nothing that the first holds is taken for a dead worker's.
func clockOfOne(l *lab) {
	const people, beat = 200, 8 * time.Second
	clock := filepath.Join(l.dir, "clock")
	l.write("clock", "-1h")
	l.serve("clock:" + clock).up()
	l.write("clock", "0s")
	l.serve("").up()
	l.pause(beat)
	l.people(0, people)
	l.mails(people, time.Minute)
	l.settle(time.Minute)
	l.write("clock", l.untilReminders().String())
	l.pause(beat)
	l.people(people, 2*people)
	l.mails(2*people, time.Minute)
	l.settle(time.Minute)
	l.require(l.count(`kind = 'reminder' AND state = 'planned'`) == 2*people, "not all reminders wait: %s", l.states())
	l.require(l.count(`crashes > 0 OR doubts > 0`) == 0, "the first worker's were taken for a dead one's: %s", l.states())
	l.require(l.recorder.Count() == 2*people, "%d mails came for %d people", l.recorder.Count(), 2*people)
}

// shift moves the moment of every reminder, with its end.
func (l *lab) shift(to time.Time) {
	l.exec(`UPDATE messages SET rule_at = $1, due_at = $1, expires_at = $1 + 6 * 3600 * CAST(1000000 AS BIGINT), wake_at = $1, fence = fence + 1
		WHERE kind = 'reminder' AND state = 'planned'`, to.UnixMicro())
}
