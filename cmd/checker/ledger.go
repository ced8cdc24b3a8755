package main

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	_ "modernc.org/sqlite"             // the driver "sqlite"
)

// facts is the ledger as it stands.
type facts struct {
	messages      []message
	registrations map[int64]registration
	events        map[string]event
	appliedAt     time.Time            // the newest programme
	suppressedAt  map[string]time.Time // by address, as the ledger compares them
	alive         map[string]time.Time // lease of each worker

	unsubscribedAt map[string]time.Time // by address, likewise
	campaigns      map[string]string    // name → state
	callOffAt      map[string]time.Time // when a campaign was cancelled
	audience       []recipient          // of all campaigns, frozen
}

// recipient is a person of a campaign's frozen audience.
type recipient struct {
	campaign     string
	registration int64
	leftOut      string // why it is to get nothing; "" when it is to get it
}

type message struct {
	id, registration   int64
	event, kind, name  string
	revision, sequence int64
	state, reason      string
	owner, messageID   string
	dueAt, expiresAt   time.Time
	wakeAt             time.Time // zero: waits for nothing
	doubts             int64
	invites            bool // it puts the event in a calendar
}

type registration struct {
	id                     int64
	event, email, emailKey string
	status, uid            string
	cancelledAt            time.Time
}

type event struct {
	revision  int64
	start     time.Time
	cancelled bool
}

// readLedger reads everything in one transaction that can write nothing.
func readLedger(ctx context.Context, database string) (*facts, error) {
	driver, dsn := "pgx", database
	if path, ok := strings.CutPrefix(database, "sqlite:"); ok {
		u := url.URL{Scheme: "file", Opaque: (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath(), RawQuery: "mode=ro&_pragma=busy_timeout(5000)"}
		driver, dsn = "sqlite", u.String()
	}
	db, err := sql.Open(driver, dsn)
	if err != nil {
		return nil, fmt.Errorf("open ledger: %w", err)
	}
	defer db.Close()
	tx, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: driver == "pgx", Isolation: isolation(driver)})
	if err != nil {
		return nil, fmt.Errorf("open ledger: %w", err)
	}
	defer tx.Rollback()
	f := &facts{
		registrations: map[int64]registration{}, events: map[string]event{}, suppressedAt: map[string]time.Time{}, alive: map[string]time.Time{},
		unsubscribedAt: map[string]time.Time{}, campaigns: map[string]string{}, callOffAt: map[string]time.Time{},
	}
	if err := f.read(ctx, tx); err != nil {
		return nil, fmt.Errorf("read ledger: %w", err)
	}
	return f, nil
}

// isolation is one under which all queries see the same moment; SQLite has no
// other.
func isolation(driver string) sql.IsolationLevel {
	if driver == "pgx" {
		return sql.LevelRepeatableRead
	}
	return sql.LevelDefault
}

func (f *facts) read(ctx context.Context, tx *sql.Tx) error {
	err := each(ctx, tx, func(scan func(...any) error) error {
		var m message
		err := scan(&m.id, &m.registration, &m.event, &m.kind, &m.name, &m.revision, &m.sequence, &m.state, &m.reason, &m.owner, &m.messageID,
			instant{&m.dueAt}, instant{&m.expiresAt}, instant{&m.wakeAt}, &m.doubts, &m.invites)
		f.messages = append(f.messages, m)
		return err
	}, `SELECT id, registration_id, event_id, kind, name, revision, sequence, state, reason, owner, message_id, due_at, expires_at, wake_at, doubts,
			kind IN ('confirmation', 'change') OR kind = 'campaign' AND EXISTS (SELECT 1 FROM campaigns c WHERE c.name = m.name AND c.invitation)
		FROM messages m ORDER BY id`)
	if err != nil {
		return err
	}
	err = each(ctx, tx, func(scan func(...any) error) error {
		var r registration
		err := scan(&r.id, &r.event, &r.email, &r.emailKey, &r.status, &r.uid, instant{&r.cancelledAt})
		f.registrations[r.id] = r
		return err
	}, `SELECT id, event_id, email, email_key, status, uid, cancelled_at FROM registrations`)
	if err != nil {
		return err
	}
	err = each(ctx, tx, func(scan func(...any) error) error {
		var id string
		var e event
		err := scan(&id, &e.revision, instant{&e.start}, &e.cancelled)
		f.events[id] = e
		return err
	}, `SELECT id, revision, start_at, cancelled FROM events`)
	if err != nil {
		return err
	}
	for _, q := range []struct {
		query string
		into  map[string]time.Time
	}{
		{`SELECT email_key, created_at FROM suppressions`, f.suppressedAt},
		{`SELECT id, lease_until FROM workers`, f.alive},
		{`SELECT email_key, created_at FROM unsubscriptions`, f.unsubscribedAt},
		{`SELECT name, MAX(at) FROM campaign_log WHERE state = 'cancelled' GROUP BY name`, f.callOffAt},
	} {
		err := each(ctx, tx, func(scan func(...any) error) error {
			var name string
			var at time.Time
			err := scan(&name, instant{&at})
			q.into[name] = at
			return err
		}, q.query)
		if err != nil {
			return err
		}
	}
	err = each(ctx, tx, func(scan func(...any) error) error {
		var name, state string
		err := scan(&name, &state)
		f.campaigns[name] = state
		return err
	}, `SELECT name, state FROM campaigns`)
	if err != nil {
		return err
	}
	err = each(ctx, tx, func(scan func(...any) error) error {
		var r recipient
		err := scan(&r.campaign, &r.registration, &r.leftOut)
		f.audience = append(f.audience, r)
		return err
	}, `SELECT name, registration_id, left_out FROM campaign_people ORDER BY name, registration_id`)
	if err != nil {
		return err
	}
	return tx.QueryRowContext(ctx, `SELECT MAX(applied_at) FROM programmes`).Scan(instant{&f.appliedAt})
}

// each runs a query and hands over its rows.
func each(ctx context.Context, tx *sql.Tx, row func(scan func(...any) error) error, query string) error {
	rows, err := tx.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := row(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

// instant scans microseconds since 1970; NULL is the zero time.
type instant struct{ t *time.Time }

// Scan takes what the drivers give for a BIGINT.
func (i instant) Scan(v any) error {
	switch v := v.(type) {
	case nil:
		*i.t = time.Time{}
	case int64:
		*i.t = time.UnixMicro(v).UTC()
	default:
		return fmt.Errorf("an instant is %T, not a number", v)
	}
	return nil
}
