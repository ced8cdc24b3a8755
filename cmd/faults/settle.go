package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"heraut/jobs"
)

// look is the time between two looks at the ledger, and glance where the moment
// matters.
const (
	look   = 100 * time.Millisecond
	glance = 10 * time.Millisecond
)

// count asks the ledger for one number. query is what follows
// SELECT COUNT(*) FROM messages WHERE.
func (l *lab) count(where string, args ...any) int {
	return l.number("SELECT COUNT(*) FROM messages WHERE "+where, args...)
}

// number asks the ledger for one number.
func (l *lab) number(query string, args ...any) (n int) {
	if l.failed() {
		return 0
	}
	err := patiently(func() error { return l.db.QueryRowContext(l.ctx, query, args...).Scan(&n) })
	if err != nil {
		l.fail("%s: %w", query, err)
	}
	return n
}

// patiently asks SQLite again after a lost race, for a minute.
func patiently(ask func() error) (err error) {
	for range 6 {
		if err = ask(); !lostRace(err) {
			break
		}
	}
	return err
}

// lostRace says whether SQLite gave up after ten seconds in which others were
// always before it at the log, as happens beside programs that are killed and
// started all the time on a machine with more to do than it can.
func lostRace(err error) bool {
	const protocol = 15 // SQLITE_PROTOCOL
	e, ok := errors.AsType[interface {
		error
		Code() int
	}](err)
	return ok && e.Code()&0xff == protocol
}

// exec changes the ledger behind the program's back.
func (l *lab) exec(query string, args ...any) {
	if l.failed() {
		return
	}
	err := patiently(func() error {
		_, err := l.db.ExecContext(l.ctx, query, args...)
		return err
	})
	if err != nil {
		l.fail("%s: %w", query, err)
	}
}

// await looks until something holds.
func (l *lab) await(limit time.Duration, what string, holds func() bool) {
	l.watch(look, limit, what, holds)
}

// watch is [lab.await] with a time between two looks.
func (l *lab) watch(every, limit time.Duration, what string, holds func() bool) {
	over := time.NewTimer(limit)
	defer over.Stop()
	tick := time.NewTicker(every)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-l.ctx.Done():
			return
		case <-over.C:
			l.fail("not within %v: %s; %s", limit, what, l.states())
			return
		}
	}
}

// mails waits until the SMTP server took so many.
func (l *lab) mails(n int, limit time.Duration) {
	l.await(limit, fmt.Sprintf("%d mails", n), func() bool { return l.recorder.Count() >= n })
}

// pause waits; only for what has no event to wait for, such as a random moment.
func (l *lab) pause(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-l.ctx.Done():
	}
}

// while waits for a random time, shorter than a limit.
func (l *lab) while(limit time.Duration) {
	l.pause(time.Duration(l.random.Int64N(int64(limit))))
}

// settle waits until no message is in anybody's hands and none has a moment
// that passed or comes within two minutes. What is in doubt mostly waits
// longer; see [lab.hurry].
func (l *lab) settle(limit time.Duration) {
	l.await(limit, "all settled", func() bool {
		return l.count(`state IN ('claimed', 'final_dot') OR state IN ('planned', 'retry', 'in_doubt', 'held') AND wake_at <= $1`,
			time.Now().Add(2*time.Minute).UnixMicro()) == 0
	})
}

// hurry lets pass the time that messages in doubt, and such as wait for another
// try, still have to wait; no clock but theirs moves. With another fence they are
// handed over anew, if they were before.
func (l *lab) hurry() {
	l.exec(`UPDATE messages SET wake_at = $1, fence = fence + 1 WHERE state IN ('in_doubt', 'retry') AND wake_at > $1`, time.Now().UnixMicro())
}

// finish settles, lets the second copies of what is in doubt leave, and settles
// again.
func (l *lab) finish(limit time.Duration) {
	l.settle(limit)
	l.hurry()
	l.settle(limit)
}

// idle waits until no task is in a queue of a real Redis. One whose worker
// died comes back when asynq notices that, after a minute or two.
func (l *lab) idle(limit time.Duration) {
	if l.redis == nil {
		return // it died with its process
	}
	l.await(limit, "queues empty", func() bool {
		return l.tasks() == 0
	})
}

// tasks counts what a real Redis holds for workers, ready, in hand or for
// later; 0 when it is embedded.
func (l *lab) tasks() (n int) {
	if l.redis == nil || l.failed() {
		return 0
	}
	for _, q := range jobs.Queues() {
		for _, k := range []struct{ count, key string }{{"LLEN", "pending"}, {"LLEN", "active"}, {"ZCARD", "scheduled"}, {"ZCARD", "retry"}} {
			answer, err := l.redis.do(k.count, "asynq:{"+string(q)+"}:"+k.key)
			some := 0
			if err == nil {
				some, err = strconv.Atoi(strings.TrimPrefix(answer, ":"))
			}
			if err != nil {
				l.fail("count tasks: %w", err)
				return 0
			}
			n += some
		}
	}
	return n
}

// states tells how many messages are in each state, for a person.
func (l *lab) states() string {
	rows, err := l.db.QueryContext(l.ctx, `SELECT state, COUNT(*) FROM messages GROUP BY state ORDER BY state`)
	if err != nil {
		return err.Error()
	}
	defer rows.Close()
	said := "messages:"
	for rows.Next() {
		var state string
		var n int
		if err := rows.Scan(&state, &n); err != nil {
			return err.Error()
		}
		said += fmt.Sprintf(" %d %s", n, state)
	}
	if err := rows.Err(); err != nil {
		return err.Error()
	}
	return said
}
