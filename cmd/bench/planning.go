package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"
)

// Names of what part e measures.
const (
	costFew  = "planning for few: time a registration"
	costMany = "planning for many: time a registration"
)

// measurePlanning plans three reminders for few people and for many, lets the
// many wait, and looks whether reminders leave on time.
func measurePlanning(ctx context.Context, l *lab) error {
	few, many := min(10_000, l.crowd/10), l.crowd
	templates := map[fill]string{}
	for _, k := range kinds() {
		for _, n := range []int{few, many} {
			url, err := l.gather(ctx, k, n)
			if err != nil {
				return err
			}
			templates[fill{k, n}] = url
		}
	}
	for range l.runs {
		for _, k := range kinds() {
			for _, n := range []int{few, many} {
				if err := l.planReminders(ctx, setup{k, true}, templates[fill{k, n}], n, n == many); err != nil {
					return fmt.Errorf("%s, %d people: %w", k, n, err)
				}
			}
		}
		for _, s := range setups() {
			if err := l.leaveOnTime(ctx, s); err != nil {
				return fmt.Errorf("%v: %w", s, err)
			}
		}
	}
	for _, k := range kinds() {
		name := setup{k, true}.String()
		l.figures.promise("e", name, "cost of a registration among many, of that among few", ratio,
			l.figures.median("e", name, costMany)/l.figures.median("e", name, costFew), atMost(1.3))
	}
	return nil
}

// gather gives the URL of a ledger to copy, with n people who are owed nothing.
// One comes in by the front door; the others are its copies, made by the
// database, with whatever columns this version's schema has.
func (l *lab) gather(ctx context.Context, k kind, n int) (string, error) {
	l.say("registering %d people, %s", n, k)
	st, err := l.newSite(ctx, setup{kind: k}, siteOptions{})
	if err != nil {
		return "", err
	}
	if _, err := st.apply(ctx, programme{start: inTwoMonths()}); err != nil {
		return "", err
	}
	if _, err := st.importPeople(ctx, 1); err != nil {
		return "", err
	}
	if err := multiply(ctx, k, st.database, n); err != nil {
		return "", err
	}
	return st.database, settle(ctx, st.database)
}

// multiply makes n registrations of one.
func multiply(ctx context.Context, k kind, url string, n int) error {
	db, err := openDatabase(ctx, url)
	if err != nil {
		return err
	}
	defer db.Close()
	one := &rowsOf{table: "registrations"}
	if err := one.read(ctx, url); err != nil {
		return err
	}
	var columns, values []string
	for _, c := range one.columns {
		value, special := map[string]string{
			"id":    "",
			"email": "replace(email, '.0@', '.' || n || '@')", "email_key": "replace(email_key, '.0@', '.' || n || '@')",
			"uid": "n || '-' || uid",
		}[c]
		if c == "id" {
			continue
		}
		if !special {
			value = c
		}
		columns, values = append(columns, c), append(values, value)
	}
	series := "generate_series(1, $1) AS series(n)"
	with := ""
	if k == sqlite {
		series, with = "series", "WITH RECURSIVE series(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM series WHERE n < $1) "
	}
	result, err := db.ExecContext(ctx, with+"INSERT INTO registrations ("+strings.Join(columns, ", ")+") SELECT "+strings.Join(values, ", ")+
		" FROM registrations, "+series, n-1)
	if err != nil {
		return fmt.Errorf("multiply a registration: %w", err)
	}
	if made, err := result.RowsAffected(); err != nil || made != int64(n-1) {
		return fmt.Errorf("multiply a registration: made %d of %d: %w", made, n-1, err)
	}
	return nil
}

// planReminders puts three rules in force for a crowd; a crowd of many is then
// looked at while it waits.
func (l *lab) planReminders(ctx context.Context, s setup, template string, n int, many bool) (err error) {
	st, err := l.newSite(ctx, s, siteOptions{template: template})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.remove(ctx)) }()
	u, err := st.apply(ctx, programme{inTwoMonths(), reminders()})
	if err != nil {
		return err
	}
	var applied struct{ Planned int }
	if err := json.Unmarshal(u.out, &applied); err != nil || applied.Planned != 3*n {
		return fmt.Errorf("planned %d messages for %d people: %w", applied.Planned, n, err)
	}
	f, name := &l.figures, s.String()
	cost := costFew
	if many {
		cost = costMany
		f.promise("e", name, fmt.Sprintf("planning three reminders for %d people", n), seconds, u.wall.Seconds(), atMost(60))
		f.add("e", name, "planning: peak memory", megabytes, float64(u.peak)/(1<<20))
	}
	f.add("e", name, cost, microseconds, micros(u.wall, n))
	l.say("%s: three reminders for %d people planned in %.1f s", name, n, u.wall.Seconds())
	if !many {
		return nil
	}
	return st.wait(ctx)
}

// wait runs a worker that has nothing to do yet.
func (st *site) wait(ctx context.Context) (err error) {
	l := st.lab
	empty, err := l.redisMemory(ctx)
	if err != nil {
		return err
	}
	worker, err := st.serve()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, worker.stop(syscall.SIGTERM)) }()
	const looked = 10 * time.Second
	if err := pause(ctx, 5*time.Second); err != nil { // it settles down
		return err
	}
	before, err := cpuTime(worker.pid())
	if err != nil {
		return err
	}
	if err := pause(ctx, looked); err != nil {
		return err
	}
	after, err1 := cpuTime(worker.pid())
	m, err2 := memoryOf(worker.pid())
	full, err3 := l.redisMemory(ctx)
	if err := errors.Join(err1, err2, err3, worker.alive()); err != nil {
		return err
	}
	f, name := &l.figures, st.setup.String()
	f.add("e", name, "waiting: memory of the worker", megabytes, float64(m.resident)/(1<<20))
	f.add("e", name, "waiting: CPU of the worker in ten seconds", milliseconds, float64((after - before).Milliseconds()))
	f.promise("e", name, "waiting: what Redis holds", megabytes, float64(full-empty)/(1<<20), atMost(10))
	return nil
}

// soonest is how long before its moment a reminder is planned at least.
const soonest = 20 * time.Second

// leaveOnTime makes a reminder due for many people at one moment, the next
// whole minute, and sees when each leaves.
func (l *lab) leaveOnTime(ctx context.Context, s setup) (err error) {
	n := l.size(2000, 200)
	st, err := l.newSite(ctx, s, siteOptions{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.remove(ctx)) }()
	p := programme{start: time.Now().UTC().Truncate(time.Minute).Add(3 * time.Hour)}
	if _, err := st.apply(ctx, p); err != nil {
		return err
	}
	if _, err := st.importPeople(ctx, n); err != nil {
		return err
	}
	due := time.Now().UTC().Add(soonest + time.Minute).Truncate(time.Minute)
	p.messages = []string{fmt.Sprintf(`{name: soon, kind: reminder, at: "-%dm"}`, int(p.start.Sub(due)/time.Minute))}
	if _, err := st.apply(ctx, p); err != nil {
		return err
	}
	if _, err := st.send(ctx, n, 1); err != nil {
		return err
	}
	db, err := openDatabase(ctx, st.database)
	if err != nil {
		return err
	}
	defer db.Close()
	late, err := numbers(ctx, db, `SELECT sent_at - due_at FROM messages WHERE kind = 'reminder' AND state = 'sent'`)
	if err != nil {
		return err
	}
	after := make([]float64, len(late))
	for i, d := range late {
		after[i] = float64(d) / 1000
	}
	f, name := &l.figures, s.String()
	f.promise("e", name, fmt.Sprintf("%d reminders due at one moment: first, after it", n), milliseconds, percentile(after, 0), atLeast(0))
	f.promise("e", name, "p99, after it", milliseconds, percentile(after, 99), atMost(2000))
	l.say("%s: reminders left %.0f to %.0f ms after they were due", name, percentile(after, 0), percentile(after, 100))
	return nil
}
