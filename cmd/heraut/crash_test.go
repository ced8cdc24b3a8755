package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"heraut/jobs"
	"heraut/jobs/ledger"
	"heraut/jobs/ledger/ledgertest"
	"heraut/jobs/queue/queuetest"
	"heraut/worker/mailer/smtptest"
)

// TestKilledServe kills `serve` with SIGKILL fifty times while a thousand
// confirmations go to a slow SMTP server (issue 2; promises 1 and 2). Nobody
// may be forgotten, and only a message that was in doubt may arrive twice.
func TestKilledServe(t *testing.T) {
	const people, kills = 1000, 50
	t.Run("sqlite and embedded redis", func(t *testing.T) {
		t.Parallel()
		newCrash(t, "", "embedded", people).run(kills)
	})
	t.Run("postgres and redis", func(t *testing.T) {
		t.Parallel()
		newCrash(t, ledgertest.Postgres(t), queuetest.Start(t).URI, people).run(kills)
	})
}

// crash is one run of the test: a ledger, an SMTP server, and a process to
// kill. It looks at nothing else than the ledger and what the server took.
type crash struct {
	t       *testing.T
	db      *ledger.DB
	smtp    *smtptest.Server
	dir     string
	program string
	people  int
	doubted map[int64]bool
}

// newCrash sets the run up on a PostgreSQL, or with "" on SQLite.
func newCrash(t *testing.T, postgres, redis string, people int) *crash {
	t.Helper()
	c := &crash{t: t, dir: t.TempDir(), people: people, doubted: map[int64]bool{}}
	url := postgres
	if url == "" {
		url = "sqlite:" + filepath.Join(c.dir, "heraut.db")
		if _, _, err := ledger.Migrate(t.Context(), url); err != nil {
			t.Fatal(err)
		}
	}
	c.db = ledgertest.Open(t, url)
	// The delay makes the thousand last for all fifty kills, and makes it
	// likely that one falls between the final dot and the answer.
	c.smtp = smtptest.Start(t, smtptest.Script{Rules: []smtptest.Rule{{At: smtptest.Dot, Do: smtptest.Action{Delay: 100 * time.Millisecond}}}})

	test, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c.program = filepath.Join(c.dir, "heraut")
	if err := os.Symlink(test, c.program); err != nil {
		t.Fatal(err)
	}
	start := time.Now().AddDate(0, 1, 0).Format("2006-01-02")
	programme := fmt.Sprintf(`programme: Proef
timezone: Europe/Amsterdam
events:
  - id: workshop
    start: %sT11:30
    title: Workshop
    location: {name: Zaal 1}
    organizer: {name: Team, email: team@example.nl}
    messages: [{name: confirmation}]
`, start)
	c.write("heraut.yaml", fmt.Sprintf("data: .\nredis: %q\nfrom: Proef <noreply@example.nl>\nsmtp: {url: %q, tls: none}\nlog: {level: warn}\n", redis, c.smtp.URL()))
	if postgres != "" {
		c.append("heraut.yaml", fmt.Sprintf("database: %q\n", postgres))
	}
	now := time.Now()
	if _, err := c.db.Apply(t.Context(), "programme.yaml", []byte(programme), now, ledger.ApplyOptions{}); err != nil {
		t.Fatal(err)
	}
	rows := make([]ledger.Row, people)
	for i := range rows {
		addr, err := jobs.ParseAddress(fmt.Sprintf("p%04d@example.org", i))
		if err != nil {
			t.Fatal(err)
		}
		rows[i].Line = i + 2
		rows[i].Registration = jobs.Registration{EventID: "workshop", Email: addr, Name: fmt.Sprintf("Persoon %d", i), Lang: jobs.Dutch}
	}
	if _, err := c.db.Import(t.Context(), "workshop", rows, now, ledger.ImportOptions{Queue: jobs.Bulk}); err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *crash) run(kills int) {
	t := c.t
	for range kills {
		stop := c.serve()
		// Starting takes a while; past it any moment will do.
		time.Sleep(300*time.Millisecond + rand.N(900*time.Millisecond))
		stop()
		c.noteDoubts()
	}
	if left := c.count(jobs.Planned) + c.count(jobs.Claimed); left == 0 {
		t.Errorf("all was sent before the last kill: the test proves less than it says")
	}

	stop := c.serve()
	defer stop()
	c.await(func() bool { return c.waiting() == 0 })
	c.noteDoubts()
	t.Logf("in doubt after %d kills: %d", kills, len(c.doubted))
	// Nobody waits a quarter of an hour here: a person decides at once.
	for id := range c.doubted {
		if err := c.db.ResolveMessage(t.Context(), id, jobs.Planned, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	c.await(func() bool { return c.count(jobs.Sent) == c.people })
	c.check()
}

// serve starts the program; stop kills it and reaps it.
func (c *crash) serve() (stop func()) {
	c.t.Helper()
	cmd := exec.Command(c.program, "--config", filepath.Join(c.dir, "heraut.yaml"), "serve", "--only", "worker")
	cmd.Dir = c.dir
	cmd.Env = []string{"HOME=" + c.dir}
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	return func() {
		_ = cmd.Process.Kill()
		if err := cmd.Wait(); err == nil || cmd.ProcessState.Exited() {
			c.t.Fatalf("serve ended by itself: %v\n%s", err, log.Bytes())
		}
	}
}

// noteDoubts remembers every message that ever was in doubt.
func (c *crash) noteDoubts() {
	for m, err := range c.db.Messages(c.t.Context(), ledger.MessageFilter{State: jobs.InDoubt}) {
		if err != nil {
			c.t.Fatal(err)
		}
		c.doubted[m.Message.ID] = true
	}
}

func (c *crash) count(s jobs.State) int {
	status, err := c.db.Status(c.t.Context(), time.Now())
	if err != nil {
		c.t.Fatal(err)
	}
	return status.Messages[s]
}

// waiting counts the messages that something still has to happen to.
func (c *crash) waiting() (n int) {
	for _, s := range []jobs.State{jobs.Planned, jobs.Retry, jobs.Claimed, jobs.FinalDot} {
		n += c.count(s)
	}
	return n
}

func (c *crash) await(done func() bool) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), 4*time.Minute)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			status, _ := c.db.Status(c.t.Context(), time.Now())
			c.t.Fatalf("not all was sent in time: %+v", status.Messages)
		}
	}
}

// check compares what the server took with the ledger.
func (c *crash) check() {
	copies := map[string]int{}
	for _, r := range c.smtp.Received() {
		for _, to := range r.To {
			copies[to]++
		}
	}
	lost, twice, flagged := 0, 0, 0
	for m, err := range c.db.Messages(c.t.Context(), ledger.MessageFilter{}) {
		if err != nil {
			c.t.Fatal(err)
		}
		switch n := copies[m.Email.String()]; {
		case n == 0:
			lost++
		case n > 1 && c.doubted[m.Message.ID]:
			flagged++
			if n > 2 {
				c.t.Errorf("message %d arrived %d times", m.Message.ID, n)
			}
		case n > 1:
			twice++
		}
	}
	if lost != 0 || twice != 0 || len(copies) != c.people {
		c.t.Errorf("lost %d, arrived twice without having been in doubt %d, people reached %d of %d", lost, twice, len(copies), c.people)
	}
	c.t.Logf("lost 0, copies of messages in doubt %d", flagged)
}

func (c *crash) write(name, text string) {
	if err := os.WriteFile(filepath.Join(c.dir, name), []byte(text), 0o600); err != nil {
		c.t.Fatal(err)
	}
}

func (c *crash) append(name, text string) {
	was, err := os.ReadFile(filepath.Join(c.dir, name))
	if err != nil {
		c.t.Fatal(err)
	}
	c.write(name, string(was)+text)
}
