package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"heraut/jobs"
)

// Programme gives the programme on record, with the revision of each event,
// and its version, which rises by one at each [DB.Apply]. It fails with
// [ErrNoProgramme] before the first.
func (db *DB) Programme(ctx context.Context) (*jobs.Programme, int64, error) {
	prog, version, err := db.programme(ctx, db.read)
	if err != nil {
		return nil, 0, fmt.Errorf("read programme: %w", err)
	}
	return prog, version, nil
}

// programme reads the programme as q sees it. One statement reads version and
// revisions, so that they belong together.
func (db *DB) programme(ctx context.Context, q querier) (*jobs.Programme, int64, error) {
	var version int64
	revisions := map[string]int{}
	err := lines(ctx, q, func(rows *sql.Rows) error {
		var id sql.NullString
		var revision sql.NullInt64
		err := rows.Scan(&version, &id, &revision)
		revisions[id.String] = int(revision.Int64)
		return err
	}, `SELECT p.version, e.id, e.revision
		FROM programmes p LEFT JOIN events e ON TRUE
		WHERE p.version = (SELECT MAX(version) FROM programmes)`)
	if err != nil {
		return nil, 0, err
	}
	if version == 0 {
		return nil, 0, ErrNoProgramme
	}
	parsed, err := db.parse(ctx, q, version)
	if err != nil {
		return nil, 0, err
	}
	// A copy: what is kept is shared by everybody.
	prog := *parsed
	prog.Events = slices.Clone(parsed.Events)
	for i := range prog.Events {
		prog.Events[i].Revision = revisions[prog.Events[i].ID]
	}
	return &prog, version, nil
}

// EventBefore gives an event as it was before it got a revision, from the
// programme file that said so, with the revision it had then. ok is false when
// nothing is known of it: revision is the first one, or one from before the
// ledger kept them, or the event is not in the programme.
func (db *DB) EventBefore(ctx context.Context, eventID string, revision int) (ev jobs.Event, ok bool, err error) {
	ev, ok, err = db.eventBefore(ctx, eventID, revision)
	if err != nil {
		return jobs.Event{}, false, fmt.Errorf("read event %q before revision %d: %w", eventID, revision, err)
	}
	return ev, ok, nil
}

func (db *DB) eventBefore(ctx context.Context, eventID string, revision int) (ev jobs.Event, ok bool, err error) {
	if revision < 1 {
		return ev, false, nil
	}
	// The last file before the one that raised the revision: what it says of
	// the event is what was true until then.
	var file string
	var source []byte
	err = db.read.QueryRowContext(ctx, `SELECT p.file, p.source FROM programmes p JOIN event_revisions r ON p.version = r.version - 1
		WHERE r.event_id = $1 AND r.revision = $2`, eventID, revision).Scan(&file, &source)
	if errors.Is(err, sql.ErrNoRows) {
		return ev, false, nil
	}
	if err != nil {
		return ev, false, err
	}
	prog, err := jobs.ParseProgramme(file, source)
	if err != nil {
		return ev, false, err
	}
	ev, ok = prog.Event(eventID)
	ev.Revision = revision - 1
	return ev, ok, nil
}

// parse gives one version of the programme as its source says it. The source
// of a version never changes, so the last one is kept.
func (db *DB) parse(ctx context.Context, q querier, version int64) (*jobs.Programme, error) {
	db.mu.Lock()
	last := db.parsed
	db.mu.Unlock()
	if last.version == version {
		return last.prog, nil
	}
	var file string
	var source []byte
	if err := q.QueryRowContext(ctx, `SELECT file, source FROM programmes WHERE version = $1`, version).Scan(&file, &source); err != nil {
		return nil, err
	}
	prog, err := jobs.ParseProgramme(file, source)
	if err != nil {
		return nil, fmt.Errorf("programme on record, version %d: %w", version, err)
	}
	db.mu.Lock()
	db.parsed = parsedProgramme{version, prog}
	db.mu.Unlock()
	return prog, nil
}

// event gives an event as a planner may rely on it: until the transaction
// ends nobody changes it.
func (db *DB) event(ctx context.Context, tx *sql.Tx, id string) (jobs.Event, error) {
	var revision int
	err := tx.QueryRowContext(ctx, `SELECT revision FROM events WHERE id = $1`+db.d.forShare, id).Scan(&revision)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return jobs.Event{}, err
	}
	prog, _, progErr := db.programme(ctx, tx)
	if progErr != nil {
		return jobs.Event{}, progErr
	}
	ev, ok := prog.Event(id)
	if !ok || err != nil {
		return jobs.Event{}, fmt.Errorf("event %q: %w", id, ErrNoEvent)
	}
	return ev, nil
}
