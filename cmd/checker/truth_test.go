package main

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"heraut/jobs/ledger/ledgertest"
	"heraut/worker/mailer/smtptest"
)

// truth is a small run of the real program: five people are confirmed, one of
// them twice because the server did not answer, one cancels, the others get a
// campaign with an invitation, and the event moves. Its record and its ledger are what the lies are made from.
type truth struct {
	dir, program, config string
	record, database     string
	db                   *sql.DB
}

const people = 5

// programme is the event at a start.
func programme(start time.Time) string {
	return fmt.Sprintf(`programme: Proef
timezone: Europe/Amsterdam
events:
  - id: workshop
    start: %s
    title: Workshop
    location: {name: Zaal 1}
    organizer: {name: Team, email: team@example.nl}
    messages:
      - {name: confirmation}
      - {name: week-before, kind: reminder, at: "-7d 09:00"}
`, start.Format("2006-01-02T15:04"))
}

// newTruth runs it on an empty database.
func newTruth(t *testing.T, program, database string) *truth {
	t.Helper()
	dir := t.TempDir()
	r := &truth{dir: dir, program: program, config: filepath.Join(dir, "heraut.yaml"), record: filepath.Join(dir, "record.jsonl"), database: database}
	rec, err := smtptest.NewRecorder(r.record)
	if err != nil {
		t.Fatal(err)
	}
	server := smtptest.Start(t, smtptest.Script{
		Rules:  []smtptest.Rule{{At: smtptest.Dot, Transaction: 3, Do: smtptest.Action{Cut: true}}},
		OnMail: rec.Mail,
	})
	r.write(t, "heraut.yaml", fmt.Sprintf("data: .\ndatabase: %q\nfrom: Proef <noreply@example.nl>\npublic_url: https://aanmelden.example.org\nsmtp: {url: %q, tls: none}\n", database, server.URL()))
	start := time.Now().AddDate(0, 2, 0)
	r.write(t, "programme.yaml", programme(start))
	csv := "email,name\n"
	for i := range people {
		csv += fmt.Sprintf("p%d@example.org,Persoon %d\n", i, i)
	}
	r.write(t, "people.csv", csv)
	r.heraut(t, "migrate")
	r.heraut(t, "import", "people.csv", "--event", "workshop")

	r.db = ledgertest.SQL(t, database)
	stop := r.serve(t)
	r.await(t, people-1, `SELECT COUNT(*) FROM messages WHERE state = 'sent'`)
	r.await(t, 1, `SELECT COUNT(*) FROM messages WHERE state = 'in_doubt'`)
	// A quarter of an hour goes by.
	r.exec(t, `UPDATE messages SET wake_at = $1 WHERE state = 'in_doubt'`, time.Now().UnixMicro())
	r.await(t, people, `SELECT COUNT(*) FROM messages WHERE state = 'sent'`)
	r.heraut(t, "cancel", "--event", "workshop", "--email", "p0@example.org")
	r.await(t, 1, `SELECT COUNT(*) FROM messages WHERE state = 'sent' AND kind = 'cancellation'`)
	r.write(t, "nieuws.md", "Beste {{voornaam|deelnemer}},\n\nEr is nieuws.\n")
	r.heraut(t, "campaign", "new", "--event", "workshop", "--name", "nieuws", "--subject", "Nieuws", "--body", "nieuws.md", "--audience", "event=workshop", "--invitation")
	r.heraut(t, "campaign", "send", "nieuws", "--count", strconv.Itoa(people-1), "--at-once")
	r.await(t, people-1, `SELECT COUNT(*) FROM messages WHERE state = 'sent' AND kind = 'campaign'`)
	r.await(t, 1, `SELECT COUNT(*) FROM campaigns WHERE state = 'done'`)
	r.write(t, "programme.yaml", programme(start.AddDate(0, 0, 1)))
	r.heraut(t, "programme", "apply", "programme.yaml", "--yes")
	r.await(t, people-1, `SELECT COUNT(*) FROM messages WHERE state = 'sent' AND kind = 'change'`)
	stop()
	if err := rec.Close(); err != nil {
		t.Fatal(err)
	}
	if err := r.db.Close(); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *truth) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(r.dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (r *truth) command(args ...string) *exec.Cmd {
	cmd := exec.Command(r.program, append([]string{"--config", r.config}, args...)...)
	cmd.Dir = r.dir
	return cmd
}

func (r *truth) heraut(t *testing.T, args ...string) {
	t.Helper()
	if out, err := r.command(args...).CombinedOutput(); err != nil {
		t.Fatalf("heraut %v: %v\n%s", args, err, out)
	}
}

func (r *truth) serve(t *testing.T) (stop func()) {
	t.Helper()
	cmd := r.command("serve", "--only", "worker")
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	return func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			t.Fatalf("serve: %v\n%s", err, log.Bytes())
		}
	}
}

func (r *truth) exec(t *testing.T, query string, args ...any) {
	t.Helper()
	if _, err := r.db.ExecContext(t.Context(), query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

func (r *truth) await(t *testing.T, want int, query string) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	over := time.After(time.Minute)
	for {
		var got int
		if err := r.db.QueryRowContext(t.Context(), query).Scan(&got); err != nil {
			t.Fatal(err)
		}
		if got == want {
			return
		}
		select {
		case <-tick.C:
		case <-over:
			t.Fatalf("%s: %d, want %d", query, got, want)
		}
	}
}

// writeRecord writes records as a file of their own.
func writeRecord(t *testing.T, records []smtptest.Record) string {
	t.Helper()
	var b bytes.Buffer
	for _, r := range records {
		if err := json.NewEncoder(&b).Encode(r); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(t.TempDir(), "record.jsonl")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// build makes the program.
func build(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "heraut")
	if out, err := exec.Command("go", "build", "-o", path, "heraut/cmd/heraut").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return path
}
