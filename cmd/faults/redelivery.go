package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"heraut/jobs"
	"heraut/worker/mailer/smtptest"
)

// orphan is a message that was in the hands of a process when that died.
type orphan struct {
	message int64
	since   time.Time // when the process was found dead
}

// orphaned notes what a process held that has just died. PostgreSQL carries out
// what it was asked, also when who asked is gone: a claim may follow its death.
func (l *lab) orphaned(p *process) {
	now := time.Now()
	if l.combo.database == postgres {
		l.watch(glance, redelivery, "the end of a dead worker's statements", func() bool {
			return l.number(`SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = $1`, p.name()) == 0
		})
	}
	for _, id := range l.heldBy(p, jobs.Claimed) {
		l.orphans = append(l.orphans, orphan{id, now})
	}
	for _, id := range l.heldBy(p, jobs.FinalDot) {
		l.doubted = append(l.doubted, orphan{id, now})
	}
}

// heldBy gives the messages in some state in the hands of a process, which may be
// dead.
func (l *lab) heldBy(p *process, s jobs.State) (ids []int64) {
	return l.ids(`SELECT id FROM messages WHERE state = $1 AND owner LIKE $2`, string(s), p.names())
}

// ids runs a query that gives one number a row.
func (l *lab) ids(query string, args ...any) (ids []int64) {
	if l.failed() || l.db == nil {
		return nil
	}
	err := patiently(func() error {
		rows, err := l.db.QueryContext(l.ctx, query, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		ids = nil
		for rows.Next() {
			var id int64
			if err := rows.Scan(&id); err != nil {
				return err
			}
			ids = append(ids, id)
		}
		return rows.Err()
	})
	if err != nil {
		l.fail("%s: %w", query, err)
	}
	return ids
}

// redelivered gives how long each orphan took to leave from another process,
// counted from the last death over it. Those that never left do not count: the
// checker judges whether they should have. Nor do those the lab kept back, nor a
// second copy of one in doubt, which waits by policy.
func (l *lab) redelivered() []time.Duration {
	if l.failed() || len(l.orphans) == 0 {
		return nil
	}
	left, err := l.copiesAt()
	if err != nil {
		l.fail("%w", err)
		return nil
	}
	type leaving struct {
		message int64
		copy    int
	}
	waits := map[leaving]time.Duration{}
	for _, o := range l.orphans { // in the order of the deaths
		times := left[o.message]
		i, _ := slices.BinarySearchFunc(times, o.since, time.Time.Compare)
		if i == len(times) || slices.Contains(l.spared, o.message) {
			continue
		}
		since := func(d orphan) bool {
			return d.message == o.message && d.since.After(o.since) && d.since.Before(times[i])
		}
		if !slices.ContainsFunc(l.doubted, since) {
			waits[leaving{o.message, i}] = times[i].Sub(o.since)
		}
	}
	return slices.Collect(maps.Values(waits))
}

// leftAt gives when the SMTP server first took each message.
func (l *lab) leftAt() (map[int64]time.Time, error) {
	copies, err := l.copiesAt()
	first := make(map[int64]time.Time, len(copies))
	for id, times := range copies {
		first[id] = times[0]
	}
	return first, err
}

// copiesAt gives when the SMTP server took the copies of each message, in
// order.
func (l *lab) copiesAt() (map[int64][]time.Time, error) {
	records, err := smtptest.ReadRecords(l.record())
	if err != nil {
		return nil, err
	}
	copies := map[string][]time.Time{}
	for _, r := range records {
		copies[r.MessageID] = append(copies[r.MessageID], r.At)
	}
	rows, err := l.db.QueryContext(l.ctx, `SELECT id, message_id FROM messages WHERE message_id <> ''`)
	if err != nil {
		return nil, fmt.Errorf("read Message-IDs: %w", err)
	}
	defer rows.Close()
	left := map[int64][]time.Time{}
	for rows.Next() {
		var id int64
		var name string
		if err := rows.Scan(&id, &name); err != nil {
			return nil, fmt.Errorf("read Message-IDs: %w", err)
		}
		if times := copies[name]; len(times) > 0 {
			slices.SortFunc(times, time.Time.Compare)
			left[id] = times
		}
	}
	return left, rows.Err()
}

// percentile gives the least value that p percent of all do not exceed.
func percentile[T cmp.Ordered](values []T, p int) T {
	var zero T
	if len(values) == 0 {
		return zero
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[(len(sorted)*p+99)/100-1]
}
