package ledger

import (
	"context"
	"database/sql"
	"encoding/binary"
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
	w, t := db.plan(ev, regs, have, now, opt)
	return t, w.write(ctx, tx)
}

// plan plans registrations of one event anew, over the messages they have on
// record, and gives what is to be written.
func (db *DB) plan(ev jobs.Event, regs []jobs.Registration, have map[int64][]jobs.Message, now time.Time, opt jobs.Options) (*planWriter, tally) {
	var t tally
	w := newPlanWriter(db.d)
	for _, r := range regs {
		planned := jobs.Plan(ev, r, have[r.ID], now, opt)
		t.count(have[r.ID], planned)
		w.add(r.ID, planned)
	}
	return w, t
}

// onRecord reads, and on PostgreSQL locks, the messages of registrations as
// [jobs.Plan] is to see them: of campaigns only those with an invitation.
func (db *DB) onRecord(ctx context.Context, tx *sql.Tx, regs []jobs.Registration) (map[int64][]jobs.Message, error) {
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
	}, `SELECT `+messageColumns+` FROM messages m WHERE `+db.d.among("m.registration_id", "$1", "BIGINT")+` AND `+ofTheEvent+`
		ORDER BY m.registration_id, m.id`+db.d.forUpdate, db.d.numbers(list))
	return have, err
}

// ofTheEvent is the condition that message m goes by the event: it is of no
// campaign, or of one that invites.
const ofTheEvent = `(m.kind <> 'campaign' OR EXISTS (SELECT 1 FROM campaigns c WHERE c.name = m.name AND c.invitation))`

// planWriter gathers what [jobs.Plan] gave for many registrations, and writes
// it. People of one import are owed the same things at the same moments: what
// is new is sent to the database once for all of them.
type planWriter struct {
	d       dialect
	numbers map[jobs.Message]int // a new message without its registration → its number
	content []jobs.Message       // by number
	groups  map[string]*planGroup
	changed *rows
	changes int
}

func newPlanWriter(d dialect) *planWriter {
	return &planWriter{d: d, changed: d.rows("vid BIGINT", "vsequence BIGINT", "vqueue TEXT", "vstate TEXT", "vreason TEXT",
		"vrule BIGINT", "vdue BIGINT", "vexpires BIGINT", "vwake BIGINT")}
}

// planGroup is who is owed the same new messages.
type planGroup struct {
	owed []int // numbers of messages
	regs []int64
}

// add takes the plan of one registration.
func (w *planWriter) add(reg int64, planned []jobs.Message) {
	var room [16]int
	owed := room[:0]
	for _, m := range planned {
		if m.ID != 0 {
			w.changes++
			w.changed.add(m.ID, m.Sequence, string(m.Queue), string(m.State), clean(m.Reason),
				micros(m.RuleAt), micros(m.DueAt), micros(m.ExpiresAt), micros(wake(m)))
			continue
		}
		m.RegistrationID = 0
		n, ok := w.numbers[m]
		if !ok {
			if w.numbers == nil {
				w.numbers, w.groups = map[jobs.Message]int{}, map[string]*planGroup{}
			}
			n = len(w.content)
			w.numbers[m] = n
			w.content = append(w.content, m)
		}
		owed = append(owed, n)
	}
	if len(owed) == 0 {
		return
	}
	var name []byte
	for _, n := range owed {
		name = binary.AppendUvarint(name, uint64(n))
	}
	g := w.groups[string(name)]
	if g == nil {
		g = &planGroup{owed: slices.Clone(owed)}
		w.groups[string(name)] = g
	}
	g.regs = append(g.regs, reg)
}

// write writes all that was added.
func (w *planWriter) write(ctx context.Context, tx *sql.Tx) error {
	for _, g := range w.groups {
		if err := w.insert(ctx, tx, g); err != nil {
			return err
		}
	}
	if w.changes == 0 {
		return nil
	}
	return w.update(ctx, tx)
}

// insert gives a group its new messages: each registration's together, as the
// index that keeps them unique has them.
func (w *planWriter) insert(ctx context.Context, tx *sql.Tx, g *planGroup) error {
	v := w.d.rows("event_id TEXT", "kind TEXT", "name TEXT", "revision BIGINT", "sequence BIGINT", "queue TEXT", "state TEXT", "reason TEXT",
		"rule_at BIGINT", "due_at BIGINT", "expires_at BIGINT", "wake_at BIGINT")
	for _, n := range g.owed {
		m := w.content[n]
		v.add(m.EventID, string(m.Kind), m.Name, m.Revision, m.Sequence, string(m.Queue), string(m.State), clean(m.Reason),
			micros(m.RuleAt), micros(m.DueAt), micros(m.ExpiresAt), micros(wake(m)))
	}
	columns := `event_id, kind, name, revision, sequence, queue, state, reason, rule_at, due_at, expires_at, wake_at`
	_, err := tx.ExecContext(ctx, `WITH r(registration_id) AS (`+w.d.each("$1", "BIGINT")+`), v AS MATERIALIZED (`+v.query(2)+`)
		INSERT INTO messages (registration_id, `+columns+`) SELECT registration_id, `+columns+` FROM r CROSS JOIN v`,
		v.args(w.d.numbers(g.regs))...)
	return err
}

// update writes messages that were planned anew. It raises the fence, so that
// whoever holds a claim on one can neither send nor record it.
func (w *planWriter) update(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, `WITH v AS (`+w.changed.query(1)+`)
		UPDATE messages SET sequence = vsequence, queue = vqueue, state = vstate, reason = vreason,
			rule_at = vrule, due_at = vdue, expires_at = vexpires, wake_at = vwake,
			owner = '', fence = fence + 1
		FROM v WHERE id = vid`, w.changed.args()...)
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
