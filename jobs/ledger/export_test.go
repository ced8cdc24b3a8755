package ledger

import "context"

// MigrateDown takes the last migration back.
func MigrateDown(ctx context.Context, url string) error {
	db, err := connect(ctx, url)
	if err != nil {
		return err
	}
	defer db.Close()
	p, err := db.migrations()
	if err != nil {
		return err
	}
	_, err = p.Down(ctx)
	return err
}

// MigrateTo goes up to one version.
func MigrateTo(ctx context.Context, url string, version int64) error {
	db, err := connect(ctx, url)
	if err != nil {
		return err
	}
	defer db.Close()
	p, err := db.migrations()
	if err != nil {
		return err
	}
	_, err = p.UpTo(ctx, version)
	return err
}

// Migrations is the embedded folder.
var Migrations = migrations
