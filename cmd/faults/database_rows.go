package main

import (
	"fmt"
	"syscall"
	"time"

	"heraut/jobs/ledger/ledgertest"
)

// databaseScenarios have the ledger be locked, away, full or broken. What is not
// on record may not leave.
func databaseScenarios() []scenario {
	onSQLite, onPostgres := []combo{sqliteEmbedded, sqliteRedis}, []combo{postgresEmbedded, postgresRedis}
	restart := func(name string, stop func(*ledgertest.Server) error, away time.Duration, quick ...combo) scenario {
		return scenario{row: 17, name: name, combos: onPostgres, quick: quick, people: throng, script: slow(40 * time.Millisecond),
			before: ownPostgres, run: func(l *lab) { restartPostgres(l, stop, away) }}
	}
	return []scenario{
		{row: 16, name: "SQLite locked for 10 s", combos: onSQLite, quick: []combo{sqliteRedis}, people: throng, script: slow(40 * time.Millisecond),
			run: func(l *lab) { locked(l, 10*time.Second) }},
		{row: 16, name: "SQLite locked for longer than a lease", combos: onSQLite, people: throng, script: slow(40 * time.Millisecond),
			run: func(l *lab) { locked(l, 30*time.Second) }},
		restart("PostgreSQL restarted", (*ledgertest.Server).Stop, 3*time.Second, postgresEmbedded),
		restart("PostgreSQL killed (-m immediate)", (*ledgertest.Server).Kill, 3*time.Second, postgresRedis),
		restart("PostgreSQL away for nearly a lease", (*ledgertest.Server).Stop, 18*time.Second),
		restart("PostgreSQL away for longer than a lease", (*ledgertest.Server).Stop, 40*time.Second),
		{row: 18, name: "no space left on the disk of SQLite", combos: onSQLite, quick: []combo{sqliteEmbedded}, people: 150, script: slow(20 * time.Millisecond),
			run: func(l *lab) { brokenDisk(l, "pwrite64:error=ENOSPC") }},
		{row: 18, name: "fsync fails under SQLite", combos: onSQLite, quick: []combo{sqliteEmbedded}, people: 150, script: slow(20 * time.Millisecond),
			run: func(l *lab) { brokenDisk(l, "fsync,fdatasync:error=EIO") }},
		{row: 18, name: "one outcome refused for longer than it is tried", combos: []combo{sqliteEmbedded}, people: 150, script: slow(20 * time.Millisecond), run: oneRefused},
		{row: 18, name: "full file system under SQLite", combos: onSQLite, people: 150, script: slow(20 * time.Millisecond), before: smallDisk, run: fullDisk},
		{row: 40, name: "import of 2,000 rows killed, and run again", combos: []combo{}, quick: extremes, run: func(l *lab) { importKilled(l, 2000, 3) }},
		{row: 40, name: "import of 100,000 rows killed, and run again", combos: extremes, long: true, run: func(l *lab) { importKilled(l, 100_000, 10) }},
	}
}

// locked holds SQLite's write lock in another process than the worker: this one.
func locked(l *lab, d time.Duration) {
	l.underWay(40)
	if l.failed() {
		return
	}
	conn, err := l.db.Conn(l.ctx)
	if err != nil {
		l.fail("lock: %w", err)
		return
	}
	defer conn.Close()
	if _, err := conn.ExecContext(l.ctx, `BEGIN EXCLUSIVE`); err != nil {
		l.fail("lock: %w", err)
		return
	}
	l.gate.open()
	l.pause(d)
	l.onRecord(throng)
	if _, err := conn.ExecContext(l.ctx, `ROLLBACK`); err != nil {
		l.fail("unlock: %w", err)
	}
	free := time.Now()
	l.drain(redelivery)
	l.figure("all sent %.0f s after the lock", time.Since(free).Seconds())
	l.require(l.count(`state = 'sent'`) == throng, "not all was sent: %s", l.states())
}

// onRecord requires of a ledger that takes nothing now that it knows of each
// mail that left: that its final dot was on record before. Some of the mail of
// so many people must still be waiting.
func (l *lab) onRecord(people int) {
	came := l.recorder.Count()
	known := l.count(`state IN ('sent', 'final_dot')`)
	l.require(came <= known, "%d mails left, and the final dots of %d are on record", came, known)
	l.require(known < people, "the final dots of %d of %d mails were on record before the fault", known, people)
}

// oneRefused has the ledger refuse one outcome, while it takes everything else,
// for longer than a worker tries to write it.
func oneRefused(l *lab) {
	id := l.number(`SELECT MIN(id) FROM messages`) + 50
	l.exec(fmt.Sprintf(`CREATE TRIGGER refuse BEFORE UPDATE ON messages WHEN NEW.id = %d AND NEW.state = 'sent'
		BEGIN SELECT RAISE(ABORT, 'refused'); END`, id))
	p := l.serve("")
	l.await(time.Minute, "the worker to give up", func() bool { return p.times("outcome not recorded") > 0 })
	l.exec(`DROP TRIGGER refuse`)
	l.drain(redelivery)
	l.require(l.count(`state = 'sent'`) == 150, "not all was sent: %s", l.states())
}

// ownPostgres starts a server that nobody else uses.
func ownPostgres(l *lab) {
	server, err := ledgertest.StartServer(true)
	if err != nil {
		l.fail("start postgres: %w", err)
		return
	}
	l.afterCheck(func() { _ = server.Remove() })
	l.postgres = server
	if l.database, err = server.Create(l.ctx, ""); err != nil {
		l.fail("make database: %w", err)
	}
}

// restartPostgres stops the server while mail leaves, for a while. When it is
// back, what it has on record is looked at before the worker can add to that.
func restartPostgres(l *lab, stop func(*ledgertest.Server) error, away time.Duration) {
	p := l.underWay(60)
	if l.failed() {
		return
	}
	if err := stop(l.postgres); err != nil {
		l.fail("stop postgres: %w", err)
	}
	l.gate.open()
	l.pause(away)
	p.signal(syscall.SIGSTOP)
	if err := l.postgres.Start(); err != nil {
		l.fail("start postgres: %w", err)
	}
	if err := l.answers(); err != nil {
		l.fail("postgres after its restart: %w", err)
	}
	l.onRecord(throng)
	p.signal(syscall.SIGCONT)
	l.drain(redelivery)
	l.require(l.count(`state = 'sent'`) == throng, "not all was sent: %s", l.states())
	l.figure("%d in doubt of it", l.count(`doubts > 0`))
}

// answers waits until the lab's own connections with the database are new ones.
func (l *lab) answers() (err error) {
	for range 50 {
		if err = l.db.PingContext(l.ctx); err == nil || l.failed() {
			return err
		}
		l.pause(100 * time.Millisecond)
	}
	return err
}

// brokenDisk has strace answer system calls of the worker with errors for some
// seconds, while mail leaves.
func brokenDisk(l *lab, inject string) {
	p := l.underWay(30)
	free := l.inject(p, inject)
	l.gate.open()
	l.pause(10 * time.Second)
	l.onRecord(150)
	free()
	l.require(l.injected() > 0, "no call failed")
	l.drain(redelivery)
	l.require(l.count(`state = 'sent'`) == 150, "not all was sent: %s", l.states())
	l.figure("%d calls failed, %d in doubt of it", l.injected(), l.count(`doubts > 0`))
}
