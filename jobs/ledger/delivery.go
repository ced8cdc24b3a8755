package ledger

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"heraut/jobs"
)

// waiting is the condition of a message that may be claimed at its moment.
const waiting = `state IN ('planned', 'retry', 'in_doubt') AND wake_at IS NOT NULL`

// stillOwed is the condition, on a message m, that the person is registered
// and the event is as the message says it. Plans keep it true; it is asked
// again at the claim and at the final dot. A cancellation is for who is no
// longer registered, and stays true when the event moves on.
const stillOwed = `(m.kind = 'cancellation' OR EXISTS (
	SELECT 1 FROM registrations r JOIN events e ON e.id = r.event_id
	WHERE r.id = m.registration_id AND r.status = 'registered' AND e.revision = m.revision))`

// notSuppressed is the condition that mail may go to the person of message m.
const notSuppressed = `NOT EXISTS (
	SELECT 1 FROM registrations r JOIN suppressions s ON s.email_key = r.email_key WHERE r.id = m.registration_id)`

// mayGo is stillOwed and notSuppressed, with one look at the registration.
const mayGo = `EXISTS (SELECT 1 FROM registrations r WHERE ` + mayGoTo + `)`

// mayGoTo is mayGo of a message m and a registration r, if r is the one of m.
const mayGoTo = `r.id = m.registration_id
	AND (m.kind = 'cancellation' OR r.status = 'registered' AND m.revision = (SELECT revision FROM events e WHERE e.id = r.event_id))
	AND NOT EXISTS (SELECT 1 FROM suppressions s WHERE s.email_key = r.email_key)`

// Due marks messages that may leave before until as handed to the queue, and
// gives a ticket for each, the earliest first: at most limit[q] of queue q, none
// of a queue that limit does not name. Messages that were handed over before
// come again when neither claimed nor given back for longer than stale after
// they could have been. Of several that ask at once, one gets the ticket. A
// message that a worker died over gets one that is Alone.
func (db *DB) Due(ctx context.Context, now, until time.Time, stale time.Duration, limit map[jobs.Queue]int) ([]jobs.Ticket, error) {
	var list []int64
	for _, q := range jobs.Queues() {
		if limit[q] <= 0 {
			continue
		}
		part, err := db.due(ctx, q, now, until, stale, limit[q])
		if err != nil {
			return nil, fmt.Errorf("find due messages: %w", err)
		}
		list = append(list, part...)
	}
	if len(list) == 0 {
		return nil, nil
	}
	tickets, err := db.hand(ctx, list, now, until, stale)
	if err != nil {
		return nil, fmt.Errorf("mark due messages: %w", err)
	}
	slices.SortFunc(tickets, func(a, b jobs.Ticket) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.ID, b.ID)) })
	return tickets, nil
}

// due looks for candidates and writes nothing, so that looking in vain, which
// is what a dispatcher mostly does, holds up no writer. The order is written as
// the index has it, though the first column is the same in all: PostgreSQL
// would sort otherwise.
func (db *DB) due(ctx context.Context, q jobs.Queue, now, until time.Time, stale time.Duration, limit int) ([]int64, error) {
	list, err := ids(ctx, &db.keptReads, `SELECT id FROM messages
		WHERE queue = $1 AND enqueued_at IS NULL AND wake_at <= $2 AND `+waiting+` ORDER BY enqueued_at, wake_at LIMIT $3`,
		string(q), until.UnixMicro(), limit)
	if err != nil || len(list) >= limit {
		return list, err
	}
	lost := now.Add(-stale).UnixMicro()
	again, err := ids(ctx, &db.keptReads, `SELECT id FROM messages
		WHERE queue = $1 AND enqueued_at <= $2 AND wake_at <= $2 AND `+waiting+` ORDER BY enqueued_at, wake_at LIMIT $3`,
		string(q), lost, limit-len(list))
	return append(list, again...), err
}

// hand marks candidates that are still to be handed over.
func (db *DB) hand(ctx context.Context, list []int64, now, until time.Time, stale time.Duration) ([]jobs.Ticket, error) {
	tickets := make([]jobs.Ticket, 0, len(list))
	err := db.again(ctx, func() error {
		tickets = tickets[:0]
		return lines(ctx, &db.kept, func(rows *sql.Rows) error {
			var t jobs.Ticket
			err := rows.Scan(&t.ID, &t.Queue, &t.Generation, into{&t.At}, &t.Alone)
			tickets = append(tickets, t)
			return err
		}, `UPDATE messages SET enqueued_at = $2, generation = generation + 1
			WHERE `+db.d.among("id", "$1", "BIGINT")+` AND wake_at <= $3 AND `+waiting+`
				AND (enqueued_at IS NULL OR enqueued_at <= $4 AND wake_at <= $4)
			RETURNING id, queue, generation, wake_at, crashes > 0`,
			db.d.numbers(list), now.UnixMicro(), until.UnixMicro(), now.Add(-stale).UnixMicro())
	})
	return tickets, err
}

// Unqueue takes back what [DB.Due] marked, after the queue could not be
// reached; it is due again at once.
func (db *DB) Unqueue(ctx context.Context, list []int64) error {
	err := db.again(ctx, func() error {
		_, err := db.write.ExecContext(ctx, `UPDATE messages SET enqueued_at = NULL WHERE `+db.d.among("id", "$1", "BIGINT")+` AND `+waiting, db.d.numbers(list))
		return err
	})
	if err != nil {
		return fmt.Errorf("take messages back from the queue: %w", err)
	}
	return nil
}

// Requeue forgets that any waiting message was handed over, after the queue
// lost all it had, and gives their number.
func (db *DB) Requeue(ctx context.Context) (n int, err error) {
	err = db.again(ctx, func() error {
		res, err := db.write.ExecContext(ctx, `UPDATE messages SET enqueued_at = NULL WHERE enqueued_at IS NOT NULL AND `+waiting)
		if err != nil {
			return err
		}
		rows, err := res.RowsAffected()
		n = int(rows)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("take all messages back from the queue: %w", err)
	}
	return n, nil
}

// NextDue gives the earliest moment at which a waiting message may leave, past
// or future; ok is false when none waits.
func (db *DB) NextDue(ctx context.Context) (at time.Time, ok bool, err error) {
	at, err = db.earliest(ctx, waiting)
	if err != nil {
		return time.Time{}, false, fmt.Errorf("find next due message: %w", err)
	}
	return at, !at.IsZero(), nil
}

// earliest gives the least wake_at under a condition. Each queue is asked by
// itself, which reads the first entry of an index instead of all; what was
// handed over is little beside what waits for its day.
func (db *DB) earliest(ctx context.Context, condition string, args ...any) (at time.Time, err error) {
	var parts []string
	for _, q := range jobs.Queues() {
		where := ` FROM messages WHERE queue = '` + string(q) + `' AND ` + condition
		parts = append(parts,
			`SELECT wake_at FROM (SELECT wake_at`+where+` AND enqueued_at IS NULL ORDER BY enqueued_at, wake_at LIMIT 1) AS waits`,
			`SELECT MIN(wake_at)`+where+` AND enqueued_at IS NOT NULL`)
	}
	err = db.read.QueryRowContext(ctx, `SELECT MIN(wake_at) FROM (`+strings.Join(parts, ` UNION ALL `)+`) AS least`, args...).Scan(into{&at})
	return at, err
}
