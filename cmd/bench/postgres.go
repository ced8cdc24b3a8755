package main

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
)

// postgres is a PostgreSQL server of our own.
type postgres struct {
	*daemon
	addr string
}

// postgresSettings differ from what Debian ships only in room: 128 MB of
// buffers and 1 GB of log would be measured instead of Heraut. The first two
// are the defaults, and the promise of this program.
var postgresSettings = []string{
	"fsync=on", "synchronous_commit=on", "max_connections=200", "shared_buffers=512MB", "max_wal_size=8GB", "checkpoint_timeout=30min",
}

// server gives the PostgreSQL, started when it is first needed.
func (l *lab) server(ctx context.Context) (*postgres, error) {
	if l.postgres != nil {
		return l.postgres, nil
	}
	bin, err := findPostgres()
	if err != nil {
		return nil, err
	}
	cred, err := unprivileged("postgres")
	if err != nil {
		return nil, err
	}
	folder := l.path("postgres")
	if err := os.Mkdir(folder, 0o700); err != nil {
		return nil, err
	}
	if cred != nil {
		if err := os.Chown(folder, int(cred.Uid), int(cred.Gid)); err != nil {
			return nil, err
		}
	}
	data := filepath.Join(folder, "data")
	initdb := exec.CommandContext(ctx, filepath.Join(bin, "initdb"), "-D", data, "-U", "heraut", "-A", "trust", "--no-locale", "-E", "UTF8")
	initdb.Dir, initdb.SysProcAttr = folder, &syscall.SysProcAttr{Credential: cred, Pdeathsig: syscall.SIGKILL}
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w\n%s", err, out)
	}
	p := &postgres{}
	if p.addr, err = freeAddr(); err != nil {
		return nil, err
	}
	host, port, err := net.SplitHostPort(p.addr)
	if err != nil {
		return nil, err
	}
	args := []string{"-D", data, "-k", folder, "-h", host, "-p", port}
	for _, setting := range postgresSettings {
		args = append(args, "-c", setting)
	}
	cmd := exec.Command(filepath.Join(bin, "postgres"), args...)
	cmd.Dir = folder
	if p.daemon, err = startDaemon("postgres", l.path("postgres.log"), cred, cmd); err != nil {
		return nil, err
	}
	l.postgres = p
	return p, until(ctx, startWait, stepWait, "for postgres to answer", func() (bool, error) {
		db, err := openDatabase(ctx, p.url("postgres"))
		if err != nil {
			return false, p.alive()
		}
		return true, db.Close()
	})
}

// url gives the URL of a database on this server.
func (p *postgres) url(database string) string {
	return fmt.Sprintf("postgres://heraut@%s/%s", p.addr, database)
}

// exec runs one statement beside all databases.
func (p *postgres) exec(ctx context.Context, statement string) error {
	db, err := openDatabase(ctx, p.url("postgres"))
	if err != nil {
		return err
	}
	defer db.Close()
	if _, err := db.ExecContext(ctx, statement); err != nil {
		return fmt.Errorf("%s: %w", statement, err)
	}
	return nil
}

// findPostgres gives the folder of the newest PostgreSQL that Debian has
// installed, or of the one in PATH.
func findPostgres() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if err != nil {
		return "", err
	}
	if len(found) > 0 {
		return filepath.Dir(slices.MaxFunc(found, func(a, b string) int { return cmp.Compare(release(a), release(b)) })), nil
	}
	path, err := lookPath("postgres", "postgresql")
	if err != nil {
		return "", err
	}
	if path, err = filepath.EvalSymlinks(path); err != nil {
		return "", err
	}
	return filepath.Dir(path), nil
}

// release gives the 15 of /usr/lib/postgresql/15/bin/postgres.
func release(path string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path)))) // 0 is the oldest
	return n
}
