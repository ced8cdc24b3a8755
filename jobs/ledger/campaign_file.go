package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"heraut/jobs"
)

// CampaignFile gives the file that goes along with a campaign; [ErrNotFound]
// where none does.
func (db *DB) CampaignFile(ctx context.Context, name string) (f jobs.File, err error) {
	err = db.read.QueryRowContext(ctx, `SELECT c.file_name, f.content FROM campaigns c JOIN campaign_files f ON f.name = c.name WHERE c.name = $1`, name).
		Scan(&f.Name, &f.Data)
	if errors.Is(err, sql.ErrNoRows) {
		err = fmt.Errorf("campaign %q has no file: %w", name, ErrNotFound)
	}
	if err != nil {
		return jobs.File{}, fmt.Errorf("read file of campaign: %w", err)
	}
	return f, nil
}

// saveFile makes a file the one of a campaign; nil for none.
func saveFile(ctx context.Context, tx *sql.Tx, name string, f *jobs.File) error {
	if f == nil {
		_, err := tx.ExecContext(ctx, `DELETE FROM campaign_files WHERE name = $1`, name)
		return err
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO campaign_files (name, content) VALUES ($1, $2)
		ON CONFLICT (name) DO UPDATE SET content = excluded.content`, name, f.Data)
	return err
}
