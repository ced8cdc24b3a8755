package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"heraut/jobs"
)

// messageColumns are what scanMessage reads, of a table called m.
const messageColumns = `m.id, m.registration_id, m.event_id, m.kind, m.name, m.revision, m.sequence, m.queue, m.state, m.reason,
	m.rule_at, m.due_at, m.expires_at, m.wake_at, m.attempts, m.doubts, m.sent_at, m.smtp, m.message_id`

// messageDest is where messageColumns go.
func messageDest(m *jobs.Message) []any {
	return []any{&m.ID, &m.RegistrationID, &m.EventID, text[jobs.Kind]{&m.Kind}, &m.Name, number{&m.Revision}, number{&m.Sequence},
		text[jobs.Queue]{&m.Queue}, text[jobs.State]{&m.State}, &m.Reason, into{&m.RuleAt}, into{&m.DueAt}, into{&m.ExpiresAt}, into{&m.NextAttemptAt},
		number{&m.Attempts}, number{&m.Doubts}, into{&m.SentAt}, &m.SMTP, &m.MessageID}
}

func scanMessage(rows *sql.Rows, more ...any) (m jobs.Message, err error) {
	err = rows.Scan(append(messageDest(&m), more...)...)
	if m.State == jobs.HeldState {
		m.NextAttemptAt = time.Time{} // see the schema: a held message wakes at its end
	}
	return m, err
}

// MessageFilter chooses messages; zero fields choose all.
type MessageFilter struct {
	ID           int64
	Event        string
	State        jobs.State
	Registration int64
	Email        jobs.Address // compared by its key
}

// MessageRow is a message and whom it is for.
type MessageRow struct {
	jobs.Message
	Email  jobs.Address
	Person string // name of the person; may be empty
}

// Messages gives messages in the order they are due, read as the caller goes.
// An error ends the sequence.
func (db *DB) Messages(ctx context.Context, f MessageFilter) iter.Seq2[MessageRow, error] {
	var p params
	where := []string{"TRUE"}
	if f.ID != 0 {
		where = append(where, "m.id = "+p.add(f.ID))
	}
	if f.Event != "" {
		where = append(where, "m.event_id = "+p.add(f.Event))
	}
	if f.State != "" {
		where = append(where, "m.state = "+p.add(string(f.State)))
	}
	if f.Registration != 0 {
		where = append(where, "m.registration_id = "+p.add(f.Registration))
	}
	if f.Email != (jobs.Address{}) {
		where = append(where, "r.email_key = "+p.add(f.Email.Key()))
	}
	query := `SELECT ` + messageColumns + `, r.email, r.name FROM messages m JOIN registrations r ON r.id = m.registration_id
		WHERE ` + strings.Join(where, " AND ") + ` ORDER BY m.due_at, m.id`
	return stream(ctx, db.read, "read messages", func(rows *sql.Rows) (row MessageRow, err error) {
		var email string
		if row.Message, err = scanMessage(rows, &email, &row.Person); err != nil {
			return row, err
		}
		row.Email, err = jobs.ParseAddress(email)
		return row, err
	}, query, p.args)
}

// MoveError says that a message is not in a state from which it may be moved
// as was asked.
type MoveError struct {
	ID       int64
	From, To jobs.State
	Why      string // what stands in the way when it is not the state
}

// Error names both states.
func (e *MoveError) Error() string {
	if e.Why != "" {
		return fmt.Sprintf("message %d cannot become %s: %s", e.ID, e.To, e.Why)
	}
	return fmt.Sprintf("message %d is %s and cannot become %s", e.ID, e.From, e.To)
}

// RetryMessage sends a message once more, at once, by a person's decision: one
// that failed, was suppressed or waits for its next try, or one in doubt, of
// which a second copy may then arrive. It fails with [ErrNotFound], or with a
// *[MoveError] when the message stands otherwise or is owed no more.
func (db *DB) RetryMessage(ctx context.Context, id int64, now time.Time) error {
	if err := db.settle(ctx, id, jobs.Planned, now); err != nil {
		return fmt.Errorf("retry message: %w", err)
	}
	return nil
}

// ResolveMessage records what a person found out about a message that failed
// or is in doubt: that it was [jobs.Sent], that it [jobs.Failed], or that it
// is to leave once more ([jobs.Planned], as [DB.RetryMessage]). It fails with
// [ErrNotFound], or with a *[MoveError] where the table of states has no such
// move.
func (db *DB) ResolveMessage(ctx context.Context, id int64, as jobs.State, now time.Time) error {
	if err := db.settle(ctx, id, as, now); err != nil {
		return fmt.Errorf("resolve message: %w", err)
	}
	return nil
}

// settle moves a message by a person's decision.
func (db *DB) settle(ctx context.Context, id int64, as jobs.State, now time.Time) error {
	return db.tx(ctx, func(tx *sql.Tx) error {
		var state jobs.State
		var expires int64
		err := tx.QueryRowContext(ctx, `SELECT state, expires_at FROM messages WHERE id = $1`+db.d.forUpdate, id).Scan(&state, &expires)
		if errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("message %d: %w", id, ErrNotFound)
		}
		if err != nil {
			return err
		}
		switch {
		case as == jobs.Planned:
			return again(ctx, tx, id, state, expires, now)
		case as != jobs.Sent && as != jobs.Failed, state != jobs.InDoubt:
			return &MoveError{ID: id, From: state, To: as}
		}
		var sent any
		if as == jobs.Sent {
			sent = now.UnixMicro()
		}
		_, err = tx.ExecContext(ctx, `UPDATE messages SET state = $2, reason = 'decided by a person', sent_at = CAST($3 AS BIGINT),
			wake_at = NULL, owner = '', fence = fence + 1 WHERE id = $1`, id, string(as), sent)
		return err
	})
}

// again makes a message due now. One in doubt stays in doubt, with a moment
// at which a worker may send the second copy.
func again(ctx context.Context, tx *sql.Tx, id int64, state jobs.State, expires int64, now time.Time) error {
	to := jobs.Planned
	switch state {
	case jobs.InDoubt:
		to = jobs.InDoubt
	case jobs.Failed, jobs.Suppressed, jobs.Retry:
	default:
		return &MoveError{ID: id, From: state, To: jobs.Planned}
	}
	if expires <= now.UnixMicro() {
		return &MoveError{ID: id, From: state, To: to, Why: "its time has passed"}
	}
	res, err := tx.ExecContext(ctx, `UPDATE messages AS m SET state = $2, reason = '', wake_at = $3, owner = '',
			fence = fence + 1, attempts = 0, crashes = 0
		WHERE m.id = $1 AND `+stillOwed, id, string(to), now.UnixMicro())
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 1 {
		return err
	}
	return &MoveError{ID: id, From: state, To: to, Why: "the event changed, or the registration is held or cancelled: it is owed no more"}
}
