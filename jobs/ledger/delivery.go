package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"heraut/jobs"
)

// waiting is the condition of a message that may be claimed at its moment.
const waiting = `state IN ('planned', 'retry', 'in_doubt') AND wake_at IS NOT NULL`

// stillOwed is the condition, on a message m, that the person is registered
// and the event is as the message says it. Plans keep it true; it is asked
// again at the claim and at the final dot. That of a campaign depends on the
// campaign and the person.
const stillOwed = `EXISTS (SELECT 1 FROM registrations r WHERE r.id = m.registration_id AND ` + owedTo + `)`

// owedTo is stillOwed of a message m and its registration r. A change is for who
// was invited. So is a cancellation, unless the event is off; it stays true when the
// event moves on.
const owedTo = `CASE m.kind
	WHEN 'cancellation' THEN r.status = 'registered' OR ` + invited + `
	WHEN 'change' THEN r.status = 'registered' AND ` + upToDate + ` AND ` + invited + `
	WHEN 'campaign' THEN r.status <> 'cancelled' AND ` + campaignGoes + ` AND NOT ` + unsubscribed + `
	ELSE r.status = 'registered' AND ` + upToDate + ` END`

// upToDate is the condition that message m speaks of the event of registration r as
// it is.
const upToDate = `m.revision = (SELECT revision FROM events e WHERE e.id = r.event_id)`

// invited is the condition that the person of registration r has, or may have,
// something to take out of a calendar, as [jobs.Plan] sees it. Who cancelled when
// the dot of an invitation was on record may have it; if that dot is refused after
// all, or somebody finds out that it never came, nothing is to be taken back. Who
// plans takes a second copy out of a worker's hands, so that none is claimed here.
// Its m is any message of r's, not the one asked about.
const invited = `EXISTS (SELECT 1 FROM messages m WHERE m.registration_id = r.id AND m.kind IN ('confirmation', 'change', 'campaign')
	AND (m.state IN ('final_dot', 'sent', 'in_doubt') OR m.reason = '` + jobs.ReasonQuietly + `') AND ` + ofTheEvent + `)`

// campaignGoes is the condition that mail of the campaign of message m may
// leave, to the person of registration r. Of one that is done nothing waits but
// what a person decided about. An invitation is of a revision, as others are.
const campaignGoes = `EXISTS (SELECT 1 FROM campaigns c WHERE c.name = m.name AND c.state IN ('running', 'done')
	AND (NOT c.invitation OR r.status = 'registered' AND m.sequence = (SELECT revision FROM events e WHERE e.id = r.event_id)))`

// unsubscribed is the condition that the person of registration r wants no
// campaigns.
const unsubscribed = `EXISTS (SELECT 1 FROM unsubscriptions u WHERE u.email_key = r.email_key)`

// notSuppressed is the condition that mail may go to the person of message m.
const notSuppressed = `NOT EXISTS (
	SELECT 1 FROM registrations r JOIN suppressions s ON s.email_key = r.email_key WHERE r.id = m.registration_id)`

// mayGo is stillOwed and notSuppressed, with one look at the registration.
const mayGo = `EXISTS (SELECT 1 FROM registrations r WHERE ` + mayGoTo + `)`

// mayGoTo is mayGo of a message m and a registration r, if r is the one of m.
const mayGoTo = `r.id = m.registration_id
	AND ` + owedTo + `
	AND NOT EXISTS (SELECT 1 FROM suppressions s WHERE s.email_key = r.email_key)`

// Due gives tickets for the messages of a queue that wait and may leave at
// until or before, the earliest first, at most limit. It goes on after a ticket
// that an earlier call gave; the zero one is the beginning. Nothing is written:
// who asks remembers what it handed over, by the fence.
func (db *DB) Due(ctx context.Context, q jobs.Queue, after jobs.Ticket, until time.Time, limit int) ([]jobs.Ticket, error) {
	var tickets []jobs.Ticket
	err := db.due(ctx, &tickets, q, `wake_at = $2 AND id > $3`, after.At, after.ID, limit)
	if err == nil && len(tickets) < limit {
		err = db.due(ctx, &tickets, q, `wake_at > $2 AND wake_at <= $3`, after.At, until.UnixMicro(), limit)
	}
	if err != nil {
		return nil, fmt.Errorf("find due messages: %w", err)
	}
	return tickets, nil
}

// due adds those that come in one of two places after a ticket: at its instant,
// and later. In one condition SQLite would look at all of that instant, which
// may be a whole import, to find the last.
func (db *DB) due(ctx context.Context, tickets *[]jobs.Ticket, q jobs.Queue, place string, at time.Time, end int64, limit int) error {
	return lines(ctx, &db.keptReads, func(rows *sql.Rows) error {
		t := jobs.Ticket{Queue: q}
		err := rows.Scan(&t.ID, &t.Fence, into{&t.At}, &t.Alone)
		*tickets = append(*tickets, t)
		return err
	}, `SELECT id, fence, wake_at, crashes > 0 FROM messages
		WHERE queue = $1 AND `+place+` AND `+waiting+` ORDER BY queue, wake_at, id LIMIT $4`,
		string(q), at.UnixMicro(), end, limit-len(*tickets))
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
// itself, which reads the first entries of an index instead of all.
func (db *DB) earliest(ctx context.Context, condition string, args ...any) (at time.Time, err error) {
	var parts []string
	for _, q := range jobs.Queues() {
		parts = append(parts, `SELECT wake_at FROM (SELECT wake_at FROM messages WHERE queue = '`+string(q)+`' AND `+condition+`
			ORDER BY queue, wake_at LIMIT 1) AS waits`)
	}
	err = db.read.QueryRowContext(ctx, `SELECT MIN(wake_at) FROM (`+strings.Join(parts, ` UNION ALL `)+`) AS least`, args...).Scan(into{&at})
	return at, err
}
