package ledger

import (
	"context"
	"database/sql"
	"slices"
	"time"

	"heraut/jobs"
)

// replan plans registrations of one event anew and writes what changed. The
// transaction holds the event and, on PostgreSQL, the registrations.
func (db *DB) replan(ctx context.Context, tx *sql.Tx, ev jobs.Event, regs []jobs.Registration, now time.Time, opt jobs.Options) (tally, error) {
	have, err := db.onRecord(ctx, tx, regs)
	if err != nil {
		return tally{}, err
	}
	var t tally
	var write []jobs.Message
	for _, r := range regs {
		planned := jobs.Plan(ev, r, have[r.ID], now, opt)
		t.count(have[r.ID], planned)
		write = append(write, planned...)
	}
	return t, writePlan(ctx, tx, write)
}

// onRecord reads, and on PostgreSQL locks, the messages of registrations as
// [jobs.Plan] is to see them.
func (db *DB) onRecord(ctx context.Context, tx *sql.Tx, regs []jobs.Registration) (map[int64][]jobs.Message, error) {
	var p params
	list := make([]int64, len(regs))
	for i, r := range regs {
		list[i] = r.ID
	}
	have := map[int64][]jobs.Message{}
	err := lines(ctx, tx, func(rows *sql.Rows) error {
		m, err := scanMessage(rows)
		if m.State == jobs.Claimed && m.Doubts > 0 {
			// The person may have the first copy: to the planner it is a
			// message in doubt, whatever becomes of the second.
			m.State = jobs.InDoubt
		}
		have[m.RegistrationID] = append(have[m.RegistrationID], m)
		return err
	}, `SELECT `+messageColumns+` FROM messages m WHERE m.registration_id IN (`+p.ids(list)+`) ORDER BY m.id`+db.d.forUpdate, p.args...)
	return have, err
}

// writePlan writes what [jobs.Plan] gave: new messages and changed ones.
func writePlan(ctx context.Context, tx *sql.Tx, list []jobs.Message) error {
	added := map[jobs.Message][]int64{} // equal but for the registration → the registrations
	var changed []jobs.Message
	for _, m := range list {
		if m.ID != 0 {
			changed = append(changed, m)
			continue
		}
		id := m.RegistrationID
		m.RegistrationID = 0
		added[m] = append(added[m], id)
	}
	for m, regs := range added {
		for part := range slices.Chunk(regs, batch) {
			if err := insertMessage(ctx, tx, m, part); err != nil {
				return err
			}
		}
	}
	for part := range slices.Chunk(changed, wide) {
		if err := updateMessages(ctx, tx, part); err != nil {
			return err
		}
	}
	return nil
}

// batch is how many rows one statement writes at most, and wide that of rows
// with many values: SQLite looks every $n up in a list of all, so the time a
// statement takes grows with the square of its arguments.
const (
	batch = 128
	wide  = 64
)

// insertMessage gives one message to many registrations. People of one import
// are owed the same things at the same moments, so this sends each value once
// instead of once a person.
func insertMessage(ctx context.Context, tx *sql.Tx, m jobs.Message, regs []int64) error {
	var p params
	text := func(s string) string { return "CAST(" + p.add(s) + " AS TEXT)" }
	number := func(v any) string { return "CAST(" + p.add(v) + " AS BIGINT)" }
	rows := make([][]any, len(regs))
	for i, id := range regs {
		rows[i] = []any{id}
	}
	query := `WITH v(vid) AS (` + p.values([]string{"BIGINT"}, rows) + `)
		INSERT INTO messages (registration_id, event_id, kind, name, revision, sequence, queue, state, reason, rule_at, due_at, expires_at, wake_at)
		SELECT vid, ` + text(m.EventID) + `, ` + text(string(m.Kind)) + `, ` + text(m.Name) + `, ` + number(m.Revision) + `, ` + number(m.Sequence) + `, ` +
		text(string(m.Queue)) + `, ` + text(string(m.State)) + `, ` + text(clean(m.Reason)) + `, ` +
		number(micros(m.RuleAt)) + `, ` + number(micros(m.DueAt)) + `, ` + number(micros(m.ExpiresAt)) + `, ` + number(micros(wake(m))) + `
		FROM v WHERE vid IS NOT NULL`
	_, err := tx.ExecContext(ctx, query, p.args...)
	return err
}

// updateMessages writes messages that were planned anew. It raises the fence,
// so that whoever holds a claim on one can neither send nor record it.
func updateMessages(ctx context.Context, tx *sql.Tx, list []jobs.Message) error {
	var p params
	rows := make([][]any, len(list))
	for i, m := range list {
		rows[i] = []any{m.ID, m.Sequence, string(m.Queue), string(m.State), clean(m.Reason),
			micros(m.RuleAt), micros(m.DueAt), micros(m.ExpiresAt), micros(wake(m))}
	}
	_, err := tx.ExecContext(ctx, `WITH v(vid, vsequence, vqueue, vstate, vreason, vrule, vdue, vexpires, vwake) AS (`+
		p.values([]string{"BIGINT", "BIGINT", "TEXT", "TEXT", "TEXT", "BIGINT", "BIGINT", "BIGINT", "BIGINT"}, rows)+`)
		UPDATE messages SET sequence = vsequence, queue = vqueue, state = vstate, reason = vreason,
			rule_at = vrule, due_at = vdue, expires_at = vexpires, wake_at = vwake,
			enqueued_at = NULL, owner = '', fence = fence + 1
		FROM v WHERE id = vid`, p.args...)
	return err
}

// wake says when a message next needs somebody; zero is never.
func wake(m jobs.Message) time.Time {
	switch m.State {
	case jobs.Planned, jobs.Retry:
		if m.NextAttemptAt.IsZero() {
			return m.DueAt
		}
		return m.NextAttemptAt
	case jobs.InDoubt:
		return m.NextAttemptAt
	case jobs.HeldState:
		return m.ExpiresAt
	}
	return time.Time{}
}

// tally counts what a plan does, for people.
type tally struct {
	mails                                 map[jobs.Kind]int
	planned, moved, voided, registrations int
}

// count adds what writing planned over have does for one registration. A
// message that stops and one that starts by the same rule are one that moved.
func (t *tally) count(have, planned []jobs.Message) {
	if len(planned) == 0 {
		return
	}
	t.registrations++
	type rule struct {
		kind jobs.Kind
		name string
	}
	stops := map[rule]int{}
	var starts []rule
	for _, m := range planned {
		var was jobs.Message
		if i := slices.IndexFunc(have, func(h jobs.Message) bool { return h.ID == m.ID }); m.ID != 0 && i >= 0 {
			was = have[i]
		}
		before, after := waits(was), waits(m)
		switch {
		case before && after && !was.DueAt.Equal(m.DueAt):
			t.moved++
		case before && !after:
			stops[rule{m.Kind, m.Name}]++
		case !before && after:
			starts = append(starts, rule{m.Kind, m.Name})
		}
	}
	for _, r := range starts {
		if stops[r] > 0 {
			stops[r]--
			t.moved++
			continue
		}
		t.planned++
		if r.kind == jobs.Confirmation || r.kind == jobs.Change || r.kind == jobs.Cancellation {
			if t.mails == nil {
				t.mails = map[jobs.Kind]int{}
			}
			t.mails[r.kind]++
		}
	}
	for _, n := range stops {
		t.voided += n
	}
}

// waits says whether a message will leave if nothing else happens.
func waits(m jobs.Message) bool {
	return m.State == jobs.Planned || m.State == jobs.Retry || m.State == jobs.Claimed || m.State == jobs.InDoubt && !m.NextAttemptAt.IsZero()
}

func (t *tally) add(o tally) {
	t.planned += o.planned
	t.moved += o.moved
	t.voided += o.voided
	t.registrations += o.registrations
	for k, n := range o.mails {
		if t.mails == nil {
			t.mails = map[jobs.Kind]int{}
		}
		t.mails[k] += n
	}
}
