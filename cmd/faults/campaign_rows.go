package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"heraut/jobs/ledger"
	"heraut/worker/fault"
	"heraut/worker/mailer/smtptest"
)

// campaignScenarios are about a mail to a crowd that somebody wrote: it leaves
// once, can be stopped at any moment, and goes to nobody who does not want it
// any more. The list of faults ends at 43, and 44 is a
// worker that was down; these are the rows after that.
func campaignScenarios() []scenario {
	story := func(row int, name string, people int, combos, quick []combo, run func(*lab, int), more ...string) scenario {
		return scenario{row: row, name: fmt.Sprintf("%s (%d people)", name, people), combos: combos, quick: quick, long: people > 5000,
			config: "public_url: https://aanmelden.example.org\n", script: slow(8 * time.Millisecond),
			run: func(l *lab) {
				l.crowd(people, more...)
				run(l, people)
			}}
	}
	refused := story(22, "5xx at the dot: a campaign pauses", 2000, extremes, []combo{postgresRedis}, campaignRefused)
	refused.script = smtptest.Script{Rules: []smtptest.Rule{{At: smtptest.Dot, Do: smtptest.Action{Reply: "554 5.7.1 no"}}}}
	stopped := func(people int, combos, quick []combo) scenario {
		s := story(49, "campaign cancelled at full speed", people, combos, quick, campaignCancelled)
		s.script, s.before = smtptest.Script{}, func(l *lab) { l.setenv("HERAUT_SMTP__CONNECTIONS", "32") }
		return s
	}
	inviting := story(50, "event moved and people cancel while a campaign invites", 1500, extremes, []combo{postgresRedis}, campaignInvites, "--invitation")
	inviting.programme = unconfirmed(time.Now().AddDate(0, 1, 0))
	return []scenario{
		refused,
		story(45, "campaign paused, resumed, worker killed twice, people leave", 20_000, extremes, nil, campaignStory),
		story(45, "campaign paused, resumed, worker killed twice, people leave", 1500, []combo{}, []combo{postgresRedis}, campaignStory),
		story(46, "kill while a campaign is expanded", 40_000, extremes, nil, expansionKilled),
		story(46, "kill while a campaign is expanded", 4000, []combo{}, []combo{postgresRedis}, expansionKilled),
		story(47, "FLUSHALL during a campaign", 2000, []combo{sqliteRedis, postgresRedis}, []combo{postgresRedis}, campaignFlushed),
		story(48, "yesterday's backup put back during a campaign", 1000, []combo{sqliteRedis, sqliteEmbedded}, []combo{sqliteRedis}, campaignRestored),
		stopped(20_000, extremes, nil),
		inviting,
	}
}

// crowd has people on record who are owed nothing, and a campaign for them; more is
// said about that.
func (l *lab) crowd(people int, more ...string) {
	var csv strings.Builder
	csv.WriteString("email,name\n")
	for n := range people {
		fmt.Fprintf(&csv, "%s,Persoon %d\n", person(n), n)
	}
	l.write("people.csv", csv.String())
	l.heraut("import", "people.csv", "--event", "workshop", "--quiet")
	l.write("nieuws.md", "Beste {{voornaam|deelnemer}},\n\nEr is **nieuws** over {{event.titel}}.\n")
	l.heraut(append([]string{"campaign", "new", "--name", "nieuws", "--event", "workshop", "--subject", "Nieuws", "--body", "nieuws.md", "--audience", "event=workshop"}, more...)...)
}

// send has the campaign begin at once, as two organisers want.
func (l *lab) send(people int) {
	l.heraut("campaign", "send", "nieuws", "--count", strconv.Itoa(people), "--at-once", "--by", "een")
	if people > 500 {
		l.heraut("campaign", "send", "nieuws", "--count", strconv.Itoa(people), "--at-once", "--by", "twee")
	}
}

// campaign says where the campaign stands.
func (l *lab) campaign() (state string) {
	if l.failed() {
		return ""
	}
	if err := l.db.QueryRowContext(l.ctx, `SELECT state FROM campaigns WHERE name = 'nieuws'`).Scan(&state); err != nil {
		l.fail("read campaign: %w", err)
	}
	return state
}

func (l *lab) campaignIs(state string, limit time.Duration) {
	l.await(limit, "the campaign is "+state, func() bool { return l.campaign() == state })
}

// campaignStory is a campaign as it may go in a bad week.
func campaignStory(l *lab, people int) {
	l.send(people)
	l.gate.let(people / 10)
	worker := l.serve("")
	l.mails(people/10, 2*time.Minute)
	for n := range 100 { // some of them have it
		l.heraut("cancel", "--event", "workshop", "--email", person(n*people/100))
	}
	l.gate.let(people / 10)
	l.mails(people/5, 2*time.Minute)
	worker.kill()
	worker = l.serve("")
	l.gate.open()
	l.mails(people/4, 2*time.Minute)
	l.heraut("campaign", "pause", "nieuws")
	l.quiet("paused")
	l.unsubscribe(50, people)
	l.gate.let(people / 10)
	l.heraut("campaign", "resume", "nieuws")
	before := l.recorder.Count()
	l.mails(before+people/20, 2*time.Minute)
	worker.kill()
	l.gate.open()
	l.serve("")
	l.await(5*time.Minute, "nothing of the campaign waits", func() bool {
		return l.count(`kind = 'campaign' AND (state IN ('claimed', 'final_dot', 'planned', 'retry', 'held'))`) == 0 && l.count(`kind = 'campaign'`) == people
	})
	l.decide()
	l.campaignIs("done", time.Minute)
	l.settle(time.Minute)
	l.addsUp(people)
}

// quiet sees that, two seconds after a command, nothing more of the campaign leaves.
func (l *lab) quiet(what string) {
	said := time.Now()
	l.pause(4 * time.Second)
	last := time.UnixMicro(int64(l.number(`SELECT MAX(sent_at) FROM messages WHERE kind = 'campaign'`))).Sub(said)
	l.figure("%s: the last mail %d ms later", what, last.Milliseconds())
	l.require(last <= 2*time.Second, "mail left for %v after the campaign was %s", last, what)
}

// unsubscribe has some people unsubscribe, half of whom wait for the mail.
func (l *lab) unsubscribe(n, people int) {
	if l.failed() {
		return
	}
	db, err := ledger.Open(l.ctx, l.database)
	if err != nil {
		l.fail("unsubscribe: %w", err)
		return
	}
	defer db.Close()
	for i := range n {
		for _, id := range l.ids(`SELECT id FROM registrations WHERE email = $1`, person(i*people/n+1)) {
			if err := db.UnsubscribeRegistration(l.ctx, id, "proef", time.Now()); err != nil {
				l.fail("unsubscribe: %w", err)
			}
		}
	}
}

// decide is what a person does about mail in doubt: it came, or it is sent
// once more.
func (l *lab) decide() {
	if l.failed() {
		return
	}
	records, err := smtptest.ReadRecords(l.record())
	if err != nil {
		l.fail("%w", err)
		return
	}
	came := map[string]bool{}
	for _, r := range records {
		came[r.MessageID] = true
	}
	rows, err := l.db.QueryContext(l.ctx, `SELECT id, message_id FROM messages WHERE state = 'in_doubt'`)
	if err != nil {
		l.fail("%w", err)
		return
	}
	as := map[int64]string{}
	for rows.Next() {
		var id int64
		var message string
		if err := rows.Scan(&id, &message); err != nil {
			l.fail("%w", err)
		}
		as[id] = "planned"
		if came[message] {
			as[id] = "sent"
		}
	}
	if err := rows.Err(); err != nil {
		l.fail("%w", err)
	}
	for id, state := range as {
		message := strconv.FormatInt(id, 10)
		if _, err := l.tryHeraut("messages", "resolve", message, "--as", state); err != nil {
			l.heraut("messages", "resolve", message, "--as", "failed") // it is owed no more
		}
	}
	l.figure("%d in doubt", len(as))
}

// addsUp compares what `campaign status` says with the people, and with the
// mails that came.
func (l *lab) addsUp(people int) {
	if l.failed() {
		return
	}
	var said struct {
		Count    int            `json:"count"`
		Messages map[string]int `json:"messages"`
		LeftOut  map[string]int `json:"left_out"`
	}
	if err := json.Unmarshal([]byte(l.heraut("--json", "campaign", "status", "nieuws")), &said); err != nil {
		l.fail("campaign status: %w", err)
		return
	}
	all, out := 0, 0
	for _, n := range said.Messages {
		all += n
	}
	for _, n := range said.LeftOut {
		out += n
	}
	l.require(said.Count == people && all == people, "the campaign counts %+v, for %d people", said, people)
	l.require(said.Messages["sent"]+out == people, "%d sent and %d left out with a reason, of %d: %+v", said.Messages["sent"], out, people, said)
	l.require(l.recorder.Count() >= said.Messages["sent"], "%d mails came and %d are said to be sent", l.recorder.Count(), said.Messages["sent"])
	l.figure("%d sent, %d left out", said.Messages["sent"], out)
}

// expansionKilled kills one worker after another while the rows are written.
func expansionKilled(l *lab, people int) {
	const chunk = 1000 // of the worker
	l.send(people)
	kills := 0
	for l.count(`kind = 'campaign'`) < people-2*chunk && !l.failed() {
		l.serve(fmt.Sprintf("%s:kill@%d", fault.Expanded, 1+l.random.IntN(2))).died(2 * time.Minute)
		kills++
		l.spare()
	}
	l.require(kills >= people/chunk/2-1, "only %d kills", kills)
	l.serve("")
	l.await(5*time.Minute, "everybody has a row", func() bool { return l.count(`kind = 'campaign'`) == people })
	l.drain(15 * time.Minute)
	l.decide()
	l.campaignIs("done", time.Minute)
	l.settle(time.Minute)
	l.addsUp(people)
	l.figure("%d kills", kills)
}

// campaignFlushed empties Redis in the middle.
func campaignFlushed(l *lab, people int) {
	l.send(people)
	l.serve("")
	l.mails(people/4, time.Minute)
	l.redisDo("FLUSHALL")
	flushed := time.Now()
	l.mails(people, 2*time.Minute)
	l.figure("all sent %.1f s after FLUSHALL", time.Since(flushed).Seconds())
	l.campaignIs("done", time.Minute)
	l.sentOnce(people)
	l.addsUp(people)
}

// campaignRestored puts a day old copy of the ledger back, in which half of the
// campaign is still to be sent. Nothing may leave before a person says so.
func campaignRestored(l *lab, people int) {
	l.send(people)
	worker := l.serve("")
	l.mails(people/2, time.Minute)
	worker.term()
	file := strings.TrimPrefix(l.database, "sqlite:")
	l.swap(file, filepath.Join(l.dir, "yesterday.db"))
	worker = l.serve("")
	l.campaignIs("done", time.Minute)
	l.sentOnce(people)
	worker.term()
	l.swap(file, filepath.Join(l.dir, "today.db"))
	l.swap(filepath.Join(l.dir, "yesterday.db"), file)
	l.exec(`UPDATE campaigns SET beat_at = beat_at - 86400000000, start_at = start_at - 86400000000`)
	worker = l.serve("")
	l.campaignIs("paused", time.Minute)
	l.pause(3 * time.Second)
	worker.term()
	l.require(l.recorder.Count() == people, "%d mails came for %d people: some once more", l.recorder.Count(), people)
	l.swap(filepath.Join(l.dir, "today.db"), file)
}

// swap copies a SQLite file that nobody but the lab has open.
func (l *lab) swap(from, to string) {
	if l.failed() {
		return
	}
	l.exec(`PRAGMA wal_checkpoint(TRUNCATE)`)
	if err := l.db.Close(); err != nil {
		l.fail("%w", err)
		return
	}
	data, err := os.ReadFile(from)
	if err == nil {
		_ = os.Remove(to + "-wal")
		_ = os.Remove(to + "-shm")
		err = os.WriteFile(to, data, 0o600)
	}
	if err == nil {
		l.db, err = openSQL(l.database)
	}
	if err != nil {
		l.fail("copy ledger: %w", err)
	}
}

// campaignCancelled cancels in the middle. Nothing in Redis can send it then.
func campaignCancelled(l *lab, people int) {
	l.send(people)
	worker := l.serve("")
	l.mails(people/10, time.Minute)
	began := time.Now()
	l.mails(people/4, time.Minute)
	l.figure("%.0f a second", float64(people/4-people/10)/time.Since(began).Seconds())
	l.heraut("campaign", "cancel", "nieuws")
	l.quiet("cancelled")
	l.await(time.Minute, "all rows follow", func() bool {
		return l.count(`kind = 'campaign' AND state IN ('planned', 'retry', 'held', 'claimed', 'final_dot')`) == 0
	})
	came := l.recorder.Count()
	worker.term()
	l.serve("").up()
	l.pause(2 * time.Second)
	l.require(l.recorder.Count() == came, "%d mails came after the campaign was cancelled", l.recorder.Count()-came)
	l.require(came < people, "all had left before")
	l.settle(time.Minute)
}

// campaignRefused has a relay that takes no content: the campaign pauses by
// itself, before many are refused.
func campaignRefused(l *lab, people int) {
	l.send(people)
	l.serve("")
	l.campaignIs("paused", time.Minute)
	l.await(time.Minute, "all rows follow", func() bool { return l.count(`state IN ('planned', 'retry', 'claimed', 'final_dot')`) == 0 })
	refused := l.count(`state = 'failed'`)
	l.figure("paused after %d refusals", refused)
	l.require(refused >= 5 && refused <= 50, "%d were refused before the campaign paused", refused)
	l.require(l.count(`state = 'held'`)+refused+l.unwritten(people) == people, "they do not add up: %s", l.states())
}

// campaignInvites has people cancel, a worker die and the event move while a
// campaign invites. Who has its invitation hears of that, who has none gets none.
func campaignInvites(l *lab, people int) {
	l.send(people)
	l.gate.let(people / 4)
	worker := l.serve("")
	l.mails(people/5, time.Minute)
	for n := range 30 { // some of them have it
		l.heraut("cancel", "--event", "workshop", "--email", person(n*people/30))
	}
	l.gate.let(people / 4)
	l.mails(people/3, time.Minute)
	worker.kill()
	l.write("moved.yaml", unconfirmed(time.Now().AddDate(0, 1, 1)))
	l.heraut("programme", "apply", "moved.yaml", "--yes")
	l.serve("")
	l.gate.open()
	l.await(2*time.Minute, "nothing of the campaign waits", func() bool {
		return l.count(`kind = 'campaign' AND state IN ('claimed', 'final_dot', 'planned', 'retry', 'held')`) == 0 && l.count(`kind = 'campaign'`) == people
	})
	l.decide()
	l.campaignIs("done", time.Minute)
	l.finish(2 * time.Minute)
	l.addsUp(people)
	// What came is sent by now, and what was in doubt and did not come has failed; of
	// that somebody may have heard before it was decided.
	const holders = `SELECT registration_id FROM messages WHERE kind = 'campaign' AND state = 'sent'`
	had := func(status string) int {
		return l.count(`kind = 'campaign' AND state = 'sent' AND registration_id IN (SELECT id FROM registrations WHERE status = '` + status + `')`)
	}
	heard := func(kind string) int {
		return l.count(`kind = '` + kind + `' AND state = 'sent' AND registration_id IN (` + holders + `)`)
	}
	invited, changed := had("registered"), heard("change")
	l.require(invited > 0 && changed == invited, "%d have the old invitation, and %d of them got the change", invited, changed)
	gone, told := had("cancelled"), heard("cancellation")
	l.require(gone > 0 && gone < 30 && told == gone, "%d had the invitation when they cancelled, and %d of them were told", gone, told)
	astray := l.count(`kind IN ('change', 'cancellation') AND state = 'sent' AND registration_id NOT IN (` + holders + ` OR kind = 'campaign' AND doubts > 0)`)
	l.require(astray == 0, "%d who never had an invitation heard that it holds no more", astray)
	l.figure("%d got the change, %d of 30 the cancellation", changed, told)
}

// unwritten counts who has no row yet.
func (l *lab) unwritten(people int) int { return people - l.count(`kind = 'campaign'`) }
