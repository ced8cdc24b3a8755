package ledger

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"heraut/jobs"
)

// Row is one registration as a source gives it. Of Registration count EventID
// (in [DB.Register]), Email, Name, GivenName, Organisation, Lang, Tags, Source,
// Quiet and RegisteredAt; an empty one never wipes a value on record.
type Row struct {
	Registration jobs.Registration
	Line         int  // in the file, for who reads the results; the ledger does not look at it
	Cancelled    bool // the source says this person no longer comes
}

// Result is what became of a row. Stable strings: they appear in the JSON of
// `heraut import`.
type Result string

const (
	Added     Result = "added"     // new, and registered
	Updated   Result = "updated"   // known; a value changed
	Unchanged Result = "unchanged" // known; nothing to write
	Held      Result = "held"      // new; waits for a person's approval
	Refused   Result = "refused"   // new; kept out by the audience rule
	Cancelled Result = "cancelled" // known, and cancelled by this row
)

// ImportOptions change what [DB.Import] does.
type ImportOptions struct {
	DryRun bool       // say what would become of each row, and do nothing
	Queue  jobs.Queue // that confirmations travel through; empty is [jobs.Bulk]
}

// Import puts rows for one event on record in one transaction and gives the
// result of each, in their order. Rows are told apart by [jobs.Address.Key]:
//
//   - who is new is registered, held or refused by the audience rule, and gets
//     messages by [jobs.Plan];
//   - who is known is updated where name, given name, organisation, language
//     or tags differ, and gets no mail for it;
//   - who cancelled stays cancelled, unless the row says they signed up after
//     that: then it is a new registration with a new UID;
//   - a row marked Cancelled cancels a person who is registered, unless it
//     tells of an earlier sign-up than the one on record.
//
// Several processes may import the same rows at once: each person gets one
// registration and one set of messages. Some hundreds of rows a call are fast
// and hold no lock for long.
func (db *DB) Import(ctx context.Context, eventID string, rows []Row, now time.Time, opt ImportOptions) ([]Result, error) {
	var results []Result
	err := db.tx(ctx, func(tx *sql.Tx) (err error) {
		im := importer{db: db, tx: tx, now: now, queue: cmp.Or(opt.Queue, jobs.Bulk)}
		if results, err = im.run(ctx, eventID, rows); err == nil && opt.DryRun {
			err = errDryRun
		}
		return err
	})
	if err != nil && !errors.Is(err, errDryRun) {
		return nil, fmt.Errorf("import: %w", err)
	}
	return results, nil
}

// importer puts rows on record within one transaction.
type importer struct {
	db       *DB
	tx       *sql.Tx
	now      time.Time
	queue    jobs.Queue
	explicit bool // the person asks for it now: who cancelled comes back

	ev      jobs.Event
	results []Result
}

// person is one address of the chunk.
type person struct {
	key    string
	rows   []int // indexes of its rows
	onFile bool  // reg is on record
	reg    jobs.Registration
	wants  struct{ insert, update, cancel bool }
}

func (im *importer) run(ctx context.Context, eventID string, rows []Row) (_ []Result, err error) {
	if im.ev, err = im.db.event(ctx, im.tx, eventID); err != nil {
		return nil, err
	}
	im.results = make([]Result, len(rows))
	people := byKey(rows)
	// Whom another process registered between our look and our insert is
	// looked up again; that happens once, or twice when they cancel meanwhile.
	for range 5 {
		if people, err = im.chunk(ctx, rows, people); err != nil {
			return nil, err
		}
		if len(people) == 0 {
			return im.results, nil
		}
	}
	return nil, fmt.Errorf("%d rows are being changed by somebody else all the time: try again", len(people))
}

// byKey gathers the rows of each person, sorted by address: everybody who
// imports takes the locks in the same order.
func byKey(rows []Row) []*person {
	index := make(map[string]*person, len(rows))
	people := make([]*person, 0, len(rows))
	for i, row := range rows {
		key := row.Registration.Email.Key()
		p := index[key]
		if p == nil {
			p = &person{key: key}
			index[key] = p
			people = append(people, p)
		}
		p.rows = append(p.rows, i)
	}
	slices.SortFunc(people, func(a, b *person) int { return cmp.Compare(a.key, b.key) })
	return people
}

// chunk decides and writes; it gives back the people somebody else inserted
// in the meantime.
func (im *importer) chunk(ctx context.Context, rows []Row, people []*person) (lost []*person, err error) {
	for part := range slices.Chunk(people, chunk) {
		if err := im.lookUp(ctx, part); err != nil {
			return nil, err
		}
	}
	var insert, update []*person
	for _, p := range people {
		for _, i := range p.rows {
			im.results[i] = im.decide(p, rows[i])
		}
		switch {
		case p.wants.insert:
			insert = append(insert, p)
		case p.wants.update:
			update = append(update, p)
		}
	}
	for part := range slices.Chunk(insert, chunk) {
		late, err := im.insert(ctx, part)
		if err != nil {
			return nil, err
		}
		lost = append(lost, late...)
	}
	for part := range slices.Chunk(update, chunk) {
		if err := im.update(ctx, part); err != nil {
			return nil, err
		}
	}
	return lost, im.cancel(ctx, people, lost)
}

// lookUp finds who is on record.
func (im *importer) lookUp(ctx context.Context, people []*person) error {
	index := make(map[string]*person, len(people))
	keys := make([]string, len(people))
	for i, who := range people {
		*who = person{key: who.key, rows: who.rows}
		index[who.key], keys[i] = who, who.key
	}
	regs, err := registrations(ctx, im.tx, `WHERE r.event_id = $1 AND `+im.db.d.among("r.email_key", "$2", "TEXT"), im.ev.ID, im.db.d.texts(keys))
	if err != nil {
		return err
	}
	// Sorted here: asked to, PostgreSQL would walk the whole table in this order
	// if it was empty when the statement was prepared.
	slices.SortFunc(regs, func(a, b jobs.Registration) int { return cmp.Compare(a.ID, b.ID) })
	for _, r := range regs {
		who := index[r.Email.Key()]
		if who == nil || who.onFile && who.reg.Status != jobs.Cancelled {
			continue
		}
		who.reg, who.onFile = r, true
	}
	return nil
}

// sameSignUp is how far apart two tellings of one sign-up may be: a
// spreadsheet drops the seconds.
const sameSignUp = time.Minute

// decide says what one row makes of a person, and notes what to write.
func (im *importer) decide(p *person, row Row) Result {
	known := p.onFile || p.wants.insert
	active := known && p.reg.Status != jobs.Cancelled && !p.wants.cancel
	r := row.Registration
	switch {
	case row.Cancelled && !active:
		return Unchanged
	case row.Cancelled && !r.RegisteredAt.IsZero() && r.RegisteredAt.Add(sameSignUp).Before(p.reg.RegisteredAt):
		return Unchanged
	case row.Cancelled:
		p.wants.cancel = true
		return Cancelled
	case active:
		merged, changed := merge(p.reg, r)
		if !changed {
			return Unchanged
		}
		p.reg = merged
		p.wants.update = p.wants.update || !p.wants.insert
		return Updated
	case !known, im.explicit, p.onFile && p.reg.Status == jobs.Cancelled && r.RegisteredAt.After(p.reg.CancelledAt):
		p.reg, p.wants.insert = im.fresh(r), true
		switch p.reg.Status {
		case jobs.Held:
			return Held
		case jobs.Refused:
			return Refused
		}
		return Added
	}
	return Unchanged
}

// fresh gives a new registration.
func (im *importer) fresh(r jobs.Registration) jobs.Registration {
	status, reason := im.ev.Audience.Admit(r.Email)
	return jobs.Registration{
		EventID: im.ev.ID, Email: r.Email,
		Name: clean(r.Name), GivenName: clean(r.GivenName), Organisation: clean(r.Organisation), Lang: cmp.Or(r.Lang, jobs.Dutch),
		Status: status, Reason: reason, Tags: r.Tags, Answered: jobs.Unanswered,
		UID: newUID(im.ev), Source: clean(r.Source), Quiet: r.Quiet,
		RegisteredAt: stored(r.RegisteredAt), CreatedAt: stored(im.now), SinceAt: stored(im.now),
	}
}

// merge lays the values of a row over a registration.
func merge(have, row jobs.Registration) (_ jobs.Registration, changed bool) {
	lay := func(to *string, v string) {
		if v = clean(v); v != "" && v != *to {
			*to, changed = v, true
		}
	}
	lay(&have.Name, row.Name)
	lay(&have.GivenName, row.GivenName)
	lay(&have.Organisation, row.Organisation)
	lay((*string)(&have.Lang), string(row.Lang))
	if tags := storedTags(row.Tags); tags != "" && tags != storedTags(have.Tags) {
		have.Tags, changed = row.Tags, true
	}
	return have, changed
}

// insert registers people and plans their messages; it gives back who was on
// record all the same.
func (im *importer) insert(ctx context.Context, people []*person) (lost []*person, err error) {
	v := im.db.d.rows("email TEXT", "email_key TEXT", "name TEXT", "given_name TEXT", "organisation TEXT", "lang TEXT", "status TEXT",
		"reason TEXT", "tags TEXT", "uid TEXT", "source TEXT", "quiet BOOLEAN", "registered_at BIGINT")
	index := make(map[string]*person, len(people))
	for _, who := range people {
		r := who.reg
		v.add(r.Email.String(), who.key, r.Name, r.GivenName, r.Organisation, string(r.Lang), string(r.Status), r.Reason,
			storedTags(r.Tags), r.UID, r.Source, r.Quiet, micros(r.RegisteredAt))
		index[who.key] = who
	}
	const columns = `email, email_key, name, given_name, organisation, lang, status, reason, tags, uid, source, quiet, registered_at`
	query := `WITH v AS (` + v.query(3) + `)
		INSERT INTO registrations (event_id, answered, approved, created_at, since_at, ` + columns + `)
		SELECT CAST($1 AS TEXT), 'no', FALSE, CAST($2 AS BIGINT), CAST($2 AS BIGINT), ` + columns + ` FROM v WHERE TRUE
		ON CONFLICT (event_id, email_key) WHERE status <> 'cancelled' DO NOTHING
		RETURNING id, email_key`
	err = lines(ctx, im.tx, func(rows *sql.Rows) error {
		var id int64
		var key string
		err := rows.Scan(&id, &key)
		if who := index[key]; who != nil {
			who.reg.ID = id
		}
		return err
	}, query, v.args(im.ev.ID, im.now.UnixMicro())...)
	if err != nil {
		return nil, err
	}
	w := newPlanWriter(im.db.d)
	for _, who := range people {
		if who.reg.ID == 0 {
			lost = append(lost, who)
			continue
		}
		planned := jobs.Plan(im.ev, who.reg, nil, im.now, jobs.Options{})
		for i := range planned {
			if planned[i].Kind == jobs.Confirmation {
				planned[i].Queue = im.queue
			}
		}
		w.add(who.reg.ID, planned)
	}
	return lost, w.write(ctx, im.tx)
}

// update writes the values a row may change.
func (im *importer) update(ctx context.Context, people []*person) error {
	v := im.db.d.rows("vid BIGINT", "vname TEXT", "vgiven TEXT", "vorganisation TEXT", "vlang TEXT", "vtags TEXT")
	for _, who := range people {
		r := who.reg
		v.add(r.ID, r.Name, r.GivenName, r.Organisation, string(r.Lang), storedTags(r.Tags))
	}
	_, err := im.tx.ExecContext(ctx, `WITH v AS (`+v.query(1)+`)
		UPDATE registrations SET name = vname, given_name = vgiven, organisation = vorganisation, lang = vlang, tags = vtags
		FROM v WHERE id = vid`, v.args()...)
	return err
}

// cancel ends the registrations that a row says are over.
func (im *importer) cancel(ctx context.Context, people, lost []*person) error {
	var list []int64
	for _, who := range people {
		if who.wants.cancel && !slices.Contains(lost, who) {
			list = append(list, who.reg.ID)
		}
	}
	for part := range slices.Chunk(list, chunk) {
		regs, err := registrations(ctx, im.tx, `WHERE r.status <> 'cancelled' AND `+im.db.d.among("r.id", "$1", "BIGINT")+` ORDER BY r.id`+im.db.d.forUpdate, im.db.d.numbers(part))
		if err != nil || len(regs) == 0 {
			return err
		}
		for i := range regs {
			regs[i].Status, regs[i].Reason, regs[i].CancelledAt = jobs.Cancelled, reasonSource, im.now
		}
		if err := im.db.writeStandings(ctx, im.tx, regs); err != nil {
			return err
		}
		if _, err := im.db.replan(ctx, im.tx, im.ev, regs, im.now, jobs.Options{}); err != nil {
			return err
		}
	}
	return nil
}

// reasonSource is why an import cancelled somebody.
const reasonSource = "cancelled at the source of the import"
