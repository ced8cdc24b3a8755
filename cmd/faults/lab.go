package main

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	_ "heraut/jobs/ledger" // registers the drivers "pgx" and "sqlite"
	"heraut/jobs/ledger/ledgertest"
	"heraut/worker/mailer/smtptest"
)

// lab is the world of one scenario: a database, a Redis, an SMTP server that
// records, a folder with heraut.yaml, programme.yaml and people, and the
// processes that run on it.
//
// Its first failure stays: the context ends, and every later call does nothing.
// So a scenario reads as the story it is, and is told what went wrong by the
// runner.
type lab struct {
	ctx    context.Context // ends when the lab fails, or the whole run
	cancel context.CancelCauseFunc
	world  *world
	combo  combo
	seed   uint64
	random *rand.Rand
	dir    string // of heraut.yaml; the working folder of every process

	env       []string // more of the environment of every process
	database  string   // its URL; what a scenario's before puts here is used
	db        *sql.DB
	redis     *redisServer // nil when Redis is embedded
	program   string       // the heraut that the lab calls and serves with
	smtp      *smtptest.Server
	recorder  *smtptest.Recorder
	gate      *gate              // before the answers of the SMTP server
	relay     string             // where the mail goes: the SMTP server, or a proxy before it
	proxy     *proxy             // nil unless the scenario has one
	board     *switchboard       // nil unless the scenario has one
	postgres  *ledgertest.Server // of this lab alone, nil unless the scenario has one
	better    *smtptest.Server   // what the board is switched to, if anything
	cleanups  []func()
	after     []func()   // what the checker still needs is cleaned up by these
	processes []*process // running
	mayPanic  bool       // the scenario makes the program panic

	starts  int // of serve
	kills   int
	orphans []orphan // of the killed, before their final dot
	doubted []orphan // of the killed, at it
	spared  []int64  // messages that the lab itself kept back
	figures []string // for the table
}

// newLab sets a scenario up, without people. It is closed by [lab.close].
func newLab(ctx context.Context, w *world, s scenario, c combo, seed uint64) *lab {
	l := &lab{world: w, combo: c, seed: seed, random: rand.New(rand.NewPCG(seed, uint64(s.row))), gate: newGate()}
	l.ctx, l.cancel = context.WithCancelCause(ctx)
	if err := l.setUp(s); err != nil {
		l.fail("set up: %w", err)
	}
	return l
}

func (l *lab) setUp(s scenario) (err error) {
	l.program = l.world.heraut
	if s.upgrade {
		if l.program, err = l.world.previous(l.ctx); err != nil {
			return err
		}
	}
	if l.dir, err = os.MkdirTemp(l.world.dir, fmt.Sprintf("row%02d-", s.row)); err != nil {
		return err
	}
	if l.recorder, err = smtptest.NewRecorder(l.record()); err != nil {
		return err
	}
	script := s.script
	script.OnMail = l.took
	if l.smtp, err = smtptest.Listen(script); err != nil {
		return err
	}
	l.cleanup(l.smtp.Close)
	l.relay = l.smtp.Addr()
	if s.before != nil {
		s.before(l)
	}
	redis := "embedded"
	if l.combo.redis == realRedis {
		if l.redis, err = startRedis(); err != nil {
			return err
		}
		l.cleanup(func() { _ = l.redis.remove() })
		redis = l.redis.uri()
	}
	if l.database != "" {
		// The scenario brought one of its own.
	} else if l.combo.database == postgres {
		if l.database, err = l.world.postgres.Create(l.ctx, ""); err != nil {
			return err
		}
	} else {
		l.database = "sqlite:" + filepath.Join(l.dir, "heraut.db")
	}
	l.write("heraut.yaml", fmt.Sprintf("data: .\ndatabase: %q\nredis: %q\nfrom: Proef <noreply@example.nl>\nsmtp: {url: %q, tls: none}\n%s",
		l.database, redis, "smtp://"+l.relay, s.config))
	l.write("programme.yaml", cmp.Or(s.programme, programme(time.Now().AddDate(0, 1, 0), "")))
	l.heraut("migrate")
	l.db, err = openSQL(l.database)
	if err != nil {
		return err
	}
	l.cleanup(func() { _ = l.db.Close() })
	if s.people > 0 {
		l.people(0, s.people)
	}
	return nil
}

// programme is a programme file with one event on a day, at 11:30 in Amsterdam;
// more is added to its messages, each line indented by six.
func programme(day time.Time, more string) string {
	return fmt.Sprintf(`programme: Proef
timezone: Europe/Amsterdam
events:
  - id: workshop
    start: %sT11:30
    title: Workshop
    location: {name: Zaal 1}
    organizer: {name: Team, email: team@example.nl}
    messages:
      - {name: confirmation}
%s`, day.Format("2006-01-02"), more)
}

// unconfirmed is a programme file whose event has a reminder and no confirmation.
func unconfirmed(day time.Time) string {
	const reminder = "      - {name: hour-before, kind: reminder, at: \"-1h\"}\n"
	return strings.Replace(programme(day, reminder), "      - {name: confirmation}\n", "", 1)
}

// openSQL opens the ledger for questions of the lab's own.
func openSQL(database string) (*sql.DB, error) {
	driver, dsn := "pgx", database
	if path, ok := strings.CutPrefix(database, "sqlite:"); ok {
		driver, dsn = "sqlite", "file:"+path+"?_pragma=busy_timeout(10000)&_pragma=synchronous(FULL)&_txlock=immediate"
	}
	return sql.Open(driver, dsn)
}

// record is the file of what the SMTP server took.
func (l *lab) record() string { return filepath.Join(l.dir, "record.jsonl") }

// cleanup has something done when the lab closes, the last first.
func (l *lab) cleanup(do func()) { l.cleanups = append(l.cleanups, do) }

// afterCheck has something done when the checker has had its say.
func (l *lab) afterCheck(do func()) { l.after = append(l.after, do) }

// fail ends the scenario; the first failure is the one that is told.
func (l *lab) fail(format string, args ...any) { l.cancel(fmt.Errorf(format, args...)) }

func (l *lab) failed() bool { return l.ctx.Err() != nil }

// err is why the lab failed, nil when it did not.
func (l *lab) err() error {
	if !l.failed() {
		return nil
	}
	return context.Cause(l.ctx)
}

// require fails the lab when something does not hold.
func (l *lab) require(holds bool, format string, args ...any) {
	if !holds {
		l.fail(format, args...)
	}
}

// figure puts a number in the table.
func (l *lab) figure(format string, args ...any) {
	if !l.failed() {
		l.figures = append(l.figures, fmt.Sprintf(format, args...))
	}
}

// write writes a file in the lab's folder.
func (l *lab) write(name, text string) {
	if err := os.WriteFile(filepath.Join(l.dir, name), []byte(text), 0o600); err != nil {
		l.fail("write %s: %w", name, err)
	}
}

// command prepares a call of the program in the lab's folder.
func (l *lab) command(args ...string) *exec.Cmd {
	cmd := exec.CommandContext(l.ctx, l.program, append([]string{"--config", filepath.Join(l.dir, "heraut.yaml")}, args...)...)
	cmd.Dir = l.dir
	// With the race detector every program would sleep for a second at its end.
	cmd.Env = append([]string{"HOME=" + l.dir, "GORACE=halt_on_error=1 atexit_sleep_ms=0"}, l.env...)
	return cmd
}

// heraut runs a command of the program to its end and gives what it printed.
// Any other exit code than 0 fails the lab.
func (l *lab) heraut(args ...string) string {
	out, err := l.tryHeraut(args...)
	if err != nil {
		l.fail("%w", err)
	}
	return out
}

// tryHeraut is [lab.heraut] for a command that may fail.
func (l *lab) tryHeraut(args ...string) (string, error) {
	if l.failed() {
		return "", l.err()
	}
	cmd := l.command(args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("heraut %s: %w\n%s", strings.Join(args, " "), err, errs.Bytes())
	}
	return out.String(), nil
}

// people imports persons numbered from, until but not including to.
func (l *lab) people(from, to int) {
	var csv strings.Builder
	csv.WriteString("email,name\n")
	for i := from; i < to; i++ {
		fmt.Fprintf(&csv, "p%06d@example.org,Persoon %d\n", i, i)
	}
	l.write("people.csv", csv.String())
	l.heraut("import", "people.csv", "--event", "workshop")
}

// close ends every process in good order, if the lab still holds, and all
// servers.
func (l *lab) close() {
	l.gate.open() // or neither workers nor the SMTP server would end
	for _, p := range slices.Clone(l.processes) {
		if !l.failed() {
			p.term()
		}
	}
	for _, p := range l.processes {
		_ = p.cmd.Process.Kill()
		<-p.exited
	}
	for _, do := range slices.Backward(l.cleanups) {
		do()
	}
	if l.recorder != nil {
		if err := l.recorder.Close(); err != nil {
			l.fail("%w", err)
		}
	}
}

// forget deletes the lab's folder.
func (l *lab) forget() error {
	if l.dir == "" {
		return errors.New("the lab has no folder")
	}
	return os.RemoveAll(l.dir)
}
