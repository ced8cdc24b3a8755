package ledger

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migrations
var migrations embed.FS

// SchemaError says that the database was written by a newer program. Running
// an older one on it would lose what it does not know about.
type SchemaError struct {
	Found int64 // version of the schema in the database
	Known int64 // newest version this program knows
}

// Error names both versions and what to do.
func (e *SchemaError) Error() string {
	return fmt.Sprintf("the database has schema %d, this program knows up to %d: use the newer heraut", e.Found, e.Known)
}

// Migrate brings the schema of a database up to date, and creates the file of
// a SQLite one; several may do so at once. It gives the versions before and
// after. A newer schema is a *[SchemaError].
func Migrate(ctx context.Context, url string) (from, to int64, err error) {
	db, err := connect(ctx, url)
	if err != nil {
		return 0, 0, fmt.Errorf("migrate: %w", err)
	}
	defer db.Close()
	p, err := db.migrations()
	if err != nil {
		return 0, 0, fmt.Errorf("migrate: %w", err)
	}
	if from, to, err = db.up(ctx, p); err != nil {
		return 0, 0, fmt.Errorf("migrate: %w", err)
	}
	return from, to, nil
}

// up applies what waits. On SQLite nothing but the file's own lock keeps two
// programs apart, so the one that comes second looks again.
func (db *DB) up(ctx context.Context, p *goose.Provider) (from, to int64, err error) {
	for n := range 10 {
		if n > 0 {
			select {
			case <-ctx.Done():
				return 0, 0, ctx.Err()
			case <-time.After(100 * time.Millisecond):
			}
		}
		var current, target int64
		if current, target, err = p.GetVersions(ctx); err != nil {
			continue
		}
		if n == 0 || from == 0 {
			from = current
		}
		if current > target {
			return 0, 0, &SchemaError{Found: current, Known: target}
		}
		if _, err = p.Up(ctx); err == nil {
			return from, target, nil
		}
	}
	return 0, 0, err
}

// migrations gives the provider of this dialect's migrations.
func (db *DB) migrations() (*goose.Provider, error) {
	folder, err := fs.Sub(migrations, "migrations/"+db.d.folder)
	if err != nil {
		return nil, err
	}
	options := []goose.ProviderOption{goose.WithDisableGlobalRegistry(true)}
	if db.d.goose == goose.DialectPostgres {
		locker, err := lock.NewPostgresSessionLocker()
		if err != nil {
			return nil, err
		}
		options = append(options, goose.WithSessionLocker(locker))
	}
	return goose.NewProvider(db.d.goose, db.write, folder, options...)
}

// checkSchema says whether the schema is the one this program was built for.
// It writes nothing, so that it also works for a user who may not create.
func (db *DB) checkSchema(ctx context.Context) error {
	p, err := db.migrations()
	if err != nil {
		return err
	}
	sources := p.ListSources()
	known := sources[len(sources)-1].Version
	found, err := db.version(ctx)
	switch {
	case err != nil:
		return err
	case found > known:
		return &SchemaError{Found: found, Known: known}
	case found < known:
		return fmt.Errorf("schema %d, this program needs %d: %w", found, known, ErrPending)
	}
	return nil
}

// version gives the version of the schema, 0 for an empty database.
func (db *DB) version(ctx context.Context) (v int64, err error) {
	exists := `SELECT COUNT(*) FROM sqlite_master WHERE name = 'goose_db_version'`
	if db.d.goose == goose.DialectPostgres {
		exists = `SELECT COUNT(to_regclass('goose_db_version'))`
	}
	var n int
	if err := db.read.QueryRowContext(ctx, exists).Scan(&n); err != nil || n == 0 {
		return 0, err
	}
	err = db.read.QueryRowContext(ctx, `SELECT COALESCE(MAX(version_id), 0) FROM goose_db_version`).Scan(&v)
	return v, err
}

// createPrivate creates a database file that only its owner may read: it will
// hold names and addresses. SQLite gives its side files the same mode.
func createPrivate(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return f.Close()
}
