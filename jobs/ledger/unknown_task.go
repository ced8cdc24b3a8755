package ledger

import (
	"context"
	"database/sql"
	"fmt"

	"heraut/jobs"
)

// NoteTask puts on record that a worker found a task of a later version than it
// knows, or that it is there still.
func (db *DB) NoteTask(ctx context.Context, t jobs.UnknownTask) error {
	err := db.again(ctx, func() error {
		_, err := db.write.ExecContext(ctx, `INSERT INTO unknown_tasks (id, kind, version, seen_at) VALUES ($1, $2, $3, $4)
			ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at`, clean(t.ID), clean(t.Kind), t.Version, t.SeenAt.UnixMicro())
		return err
	})
	if err != nil {
		return fmt.Errorf("note task: %w", err)
	}
	return nil
}

// ForgetTask takes a task off the record; none of that id is no error.
func (db *DB) ForgetTask(ctx context.Context, id string) error {
	err := db.again(ctx, func() error {
		_, err := db.write.ExecContext(ctx, `DELETE FROM unknown_tasks WHERE id = $1`, clean(id))
		return err
	})
	if err != nil {
		return fmt.Errorf("forget task: %w", err)
	}
	return nil
}

// UnknownTasks gives the tasks that wait for a later version, by id.
func (db *DB) UnknownTasks(ctx context.Context) (list []jobs.UnknownTask, err error) {
	err = lines(ctx, db.read, func(rows *sql.Rows) error {
		var t jobs.UnknownTask
		err := rows.Scan(&t.ID, &t.Kind, &t.Version, into{&t.SeenAt})
		list = append(list, t)
		return err
	}, `SELECT id, kind, version, seen_at FROM unknown_tasks ORDER BY id`)
	if err != nil {
		return nil, fmt.Errorf("read tasks of later versions: %w", err)
	}
	return list, nil
}
