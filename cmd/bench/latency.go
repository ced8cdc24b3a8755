package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"syscall"
	"time"
)

// measureLatency registers people while a bulk run goes on.
func measureLatency(ctx context.Context, l *lab) error {
	samples := l.size(200, 10)
	for range l.runs {
		for _, s := range setups() {
			took, err := l.registerDuringBulk(ctx, s, samples)
			if err != nil {
				return fmt.Errorf("%v: %w", s, err)
			}
			f, name := &l.figures, s.String()
			f.add("c", name, "registrations during the bulk run", count, float64(len(took)))
			f.add("c", name, "p50", milliseconds, percentile(took, 50))
			f.promise("c", name, "p99", milliseconds, percentile(took, 99), atMost(1000))
			f.add("c", name, "longest", milliseconds, percentile(took, 100))
			l.say("%s: p50 %.0f ms, p99 %.0f ms", name, percentile(took, 50), percentile(took, 99))
		}
	}
	return nil
}

// registerDuringBulk gives the milliseconds that each of so many people waited.
// A bulk run may be over before all were registered: then another one begins.
func (l *lab) registerDuringBulk(ctx context.Context, s setup, samples int) (took []float64, err error) {
	for round := 0; len(took) < samples; round++ {
		if round > samples {
			return nil, errors.New("bulk runs are too short to register anybody in: use more -people")
		}
		more, err := l.bulkRound(ctx, s, samples-len(took))
		if err != nil {
			return nil, err
		}
		took = append(took, more...)
	}
	return took, nil
}

// bulkRound starts one bulk run and registers people until it ends.
func (l *lab) bulkRound(ctx context.Context, s setup, most int) (took []float64, err error) {
	template, err := l.fillOnce(ctx, fill{s.kind, l.people})
	if err != nil {
		return nil, err
	}
	st, err := l.newSite(ctx, s, siteOptions{template: template})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, st.remove(ctx)) }()
	db, err := openDatabase(ctx, st.database)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	worker, err := st.serve()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, worker.stop(syscall.SIGTERM)) }()
	// Of the bulk mail in some state there is at least one.
	some := func(which string) (bool, error) {
		n, err := number(ctx, db, "SELECT COUNT(*) FROM (SELECT 1 FROM messages WHERE queue = 'bulk' AND "+which+" LIMIT 1) AS one")
		return n > 0, errors.Join(err, worker.alive())
	}
	err = until(ctx, time.Minute, stepWait, "for the bulk run to begin", func() (bool, error) { return some("state = 'sent' ORDER BY id") })
	if err != nil {
		return nil, err
	}
	var began []time.Time
	for len(began) < most {
		waiting, err := some("wake_at IS NOT NULL ORDER BY id DESC") // see send
		if err != nil {
			return nil, err
		}
		if !waiting && !l.quick { // a quick one is over before anybody can register
			break
		}
		began = append(began, time.Now())
		if _, err := st.run(ctx, "register", "--event", eventID, "--email", latecomer(len(began)), "--name", "Laatkomer"); err != nil {
			return nil, err
		}
	}
	return l.waits(ctx, db, began)
}

// latecomer gives the address of the nth person who registers during bulk.
func latecomer(n int) string { return fmt.Sprintf("laat.%d@example.nl", n) }

// waits waits until everybody who registered was sent to and gives how long
// each took in milliseconds, of those only whose mail left before the bulk run
// was over; in a quick run, of all.
func (l *lab) waits(ctx context.Context, db *sql.DB, began []time.Time) (took []float64, err error) {
	sent := make([]sql.NullInt64, len(began))
	for i := range sent {
		err := until(ctx, time.Minute, stepWait, "for the mail to "+latecomer(i+1), func() (bool, error) {
			err := db.QueryRowContext(ctx, `SELECT m.sent_at FROM messages m JOIN registrations r ON r.id = m.registration_id
				WHERE r.email_key = $1 AND m.kind = 'confirmation'`, latecomer(i+1)).Scan(&sent[i])
			return sent[i].Valid, err
		})
		if err != nil {
			return nil, err
		}
	}
	// Before a mail that still waits, or that was the last.
	waiting, err1 := number(ctx, db, `SELECT COUNT(*) FROM messages WHERE queue = 'bulk' AND wake_at IS NOT NULL`)
	last, err2 := number(ctx, db, `SELECT COALESCE(MAX(sent_at), 0) FROM messages WHERE queue = 'bulk'`)
	for i, at := range sent {
		if l.quick || waiting > 0 || at.Int64 < last {
			took = append(took, float64(at.Int64-began[i].UnixMicro())/1000)
		}
	}
	return took, errors.Join(err1, err2)
}
