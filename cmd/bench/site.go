package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// setup is how Heraut is run.
type setup struct {
	kind  kind
	redis bool // a real one; otherwise the embedded one
}

// setups are the three that the table compares.
func setups() []setup {
	return []setup{{sqlite, true}, {postgreSQL, true}, {sqlite, false}}
}

// String gives the name of the setup in the table.
func (s setup) String() string {
	if s.redis {
		return string(s.kind) + " + Redis"
	}
	return string(s.kind) + ", embedded Redis"
}

// site is one installation of Heraut: a folder with its configuration, and a
// database. Remove it.
type site struct {
	lab      *lab
	setup    setup
	dir      string
	database string // URL
}

// siteOptions say what is special about a site; zero is what measuring needs.
type siteOptions struct {
	template string // URL of a database to begin with a copy of
	relay    string // smtp.url, instead of the sink
}

// newSite makes a site with a database that is ready, and empties Redis.
func (l *lab) newSite(ctx context.Context, s setup, opt siteOptions) (_ *site, err error) {
	st := &site{lab: l, setup: s, dir: l.path(l.name("site"))}
	if err := os.Mkdir(st.dir, 0o700); err != nil {
		return nil, err
	}
	if err := l.client.FlushAll(ctx).Err(); err != nil {
		return nil, fmt.Errorf("empty redis: %w", err)
	}
	if st.database, err = l.newDatabase(ctx, s.kind, st.dir, opt.template); err != nil {
		return nil, err
	}
	redis := "embedded"
	if s.redis {
		redis = "redis://" + l.client.Options().Addr
	}
	relay := opt.relay
	if relay == "" {
		relay = "smtp://" + l.sinkAddr
	}
	config := fmt.Sprintf("data: data\ndatabase: %q\nredis: %q\nsmtp: {url: %q, tls: none, connections: %d}\nlog: {level: warn}\npublic_url: https://aanmelden.example.org\n",
		st.database, redis, relay, l.connections)
	if err := os.WriteFile(st.path("heraut.yaml"), []byte(config), 0o600); err != nil {
		return nil, err
	}
	words := filepath.Join(st.dir, "data", "templates")
	if err := os.MkdirAll(words, 0o700); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(words, "layout.html"), layout, 0o600); err != nil {
		return nil, err
	}
	if opt.template == "" {
		_, err = st.run(ctx, "migrate")
	}
	return st, err
}

// remove deletes the site and its database.
func (st *site) remove(ctx context.Context) error {
	return errors.Join(st.lab.dropDatabase(ctx, st.database), os.RemoveAll(st.dir))
}

// path gives a path in the folder of the site.
func (st *site) path(name string) string { return filepath.Join(st.dir, name) }

// used is what one command took.
type used struct {
	wall, cpu time.Duration
	peak      int64  // resident memory in bytes
	out       []byte // its output, JSON
}

// run runs one command of heraut to its end.
func (st *site) run(ctx context.Context, args ...string) (u used, err error) {
	var stdout, stderr bytes.Buffer
	cmd := st.command(ctx, args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return u, err
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	for looking := true; looking; {
		select {
		case err = <-done:
			looking = false
		case <-time.After(stepWait):
			// The peak only rises; what it grew by in its last moments is lost.
			if m, err := memoryOf(cmd.Process.Pid); err == nil {
				u.peak = m.peak
			}
		}
	}
	u.wall, u.out = time.Since(began), stdout.Bytes()
	u.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	if err != nil {
		return u, fmt.Errorf("heraut %s: %w\n%s%s", strings.Join(args, " "), err, stdout.Bytes(), stderr.Bytes())
	}
	return u, nil
}

// command prepares a command of heraut. It gets no environment: no variable of
// ours may change what is measured.
func (st *site) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, st.lab.binary, append([]string{"--config", "heraut.yaml", "--json"}, args...)...)
	cmd.Dir, cmd.Env = st.dir, []string{"TZ=UTC"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	return cmd
}

// serve starts a worker. Stop it with SIGTERM.
func (st *site) serve() (*daemon, error) {
	// Not bound to a context: a worker that is killed leaves doubt.
	return startDaemon("heraut serve", st.path("serve.log"), nil, st.command(context.Background(), "serve", "--only", "worker"))
}

// importPeople imports n people from a file that is written first, and says
// what the import alone took.
func (st *site) importPeople(ctx context.Context, n int, flags ...string) (used, error) {
	file := st.path("people.csv")
	if err := writePeople(file, n); err != nil {
		return used{}, err
	}
	u, err := st.run(ctx, append([]string{"import", file, "--event", eventID}, flags...)...)
	if err != nil {
		return u, err
	}
	var counts struct{ Added int }
	if err := json.Unmarshal(u.out, &counts); err != nil {
		return u, fmt.Errorf("heraut import said %q: %w", u.out, err)
	}
	if counts.Added != n {
		return u, fmt.Errorf("heraut import added %d of %d people", counts.Added, n)
	}
	return u, os.Remove(file)
}

// apply puts a programme in force.
func (st *site) apply(ctx context.Context, p programme) (used, error) {
	source, err := p.file()
	if err != nil {
		return used{}, err
	}
	if err := os.WriteFile(st.path("programme.yaml"), []byte(source), 0o600); err != nil {
		return used{}, err
	}
	return st.run(ctx, "programme", "apply", "programme.yaml", "--yes")
}
