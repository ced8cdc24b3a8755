package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"

	"heraut/jobs/ledger/ledgertest"
)

// world is what all labs of a run share: the programs and a PostgreSQL.
type world struct {
	log      *slog.Logger
	dir      string // of everything; deleted at the end
	heraut   string // the program, with fault points
	before   previously
	checker  string
	postgres *ledgertest.Server
	keep     bool
}

// newWorld builds the programs and starts the servers.
func newWorld(ctx context.Context, o options, log *slog.Logger) (w *world, err error) {
	dir, err := os.MkdirTemp("", "heraut-faults-")
	if err != nil {
		return nil, err
	}
	w = &world{log: log, dir: dir, keep: o.keep, heraut: filepath.Join(dir, "heraut"), checker: filepath.Join(dir, "checker")}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.close())
		}
	}()
	flags := []string{"-tags", "faults"}
	if o.race {
		flags = append(flags, "-race")
	}
	log.Info("building", "flags", flags)
	if err := build(ctx, w.heraut, "heraut/cmd/heraut", flags...); err != nil {
		return w, err
	}
	if err := build(ctx, w.checker, "heraut/cmd/checker"); err != nil {
		return w, err
	}
	// It writes through to the disk, as it is for people who depend on it.
	if w.postgres, err = ledgertest.StartServer(true); err != nil {
		return w, fmt.Errorf("start postgres: %w", err)
	}
	return w, nil
}

func build(ctx context.Context, to, what string, flags ...string) error {
	args := append([]string{"build", "-o", to}, flags...)
	cmd := exec.CommandContext(ctx, "go", append(args, what)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", what, err, out)
	}
	return nil
}

// close stops the servers, and deletes all but what is to be kept.
func (w *world) close() error {
	var err error
	if w.postgres != nil {
		err = w.postgres.Remove()
	}
	for _, built := range []string{w.heraut, w.checker, filepath.Join(w.dir, "previous")} {
		_ = os.RemoveAll(built)
	}
	if w.keep {
		_ = os.Remove(w.dir) // it stays when a lab is left in it
		return err
	}
	return errors.Join(err, os.RemoveAll(w.dir))
}
