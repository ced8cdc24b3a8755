package worker_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/mail"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"heraut/jobs"
	"heraut/jobs/ledger"
	"heraut/jobs/ledger/ledgertest"
	"heraut/jobs/queue"
	"heraut/templates"
	"heraut/worker"
	"heraut/worker/mailer"
	"heraut/worker/mailer/smtptest"
)

func TestMain(m *testing.M) { ledgertest.Main(m) }

// monday is when the tests take place, two weeks and a half before the event.
var monday = time.Date(2026, 11, 2, 10, 0, 0, 0, time.UTC)

const programme = `programme: INNOvember
timezone: Europe/Amsterdam
events:
  - id: workshop
    start: 2026-11-19T11:30
    end:   2026-11-19T12:30
    title: {nl: "Rijksbreed beleid op smart city", en: "Smart city policy"}
    location: {url: "https://meet.example.nl/workshop"}
    organizer: {name: "Team Voorbeeld", email: aanmelding@example.nl}
    messages:
      - {name: confirmation}
      - {name: day-before, kind: reminder, at: "-1d 09:00"}
`

// setup is what a test of a worker may choose; zero fields take the simplest.
type setup struct {
	db        *ledger.DB                     // nil: SQLite in a file
	redis     string                         // "": embedded
	smtp      smtptest.Script                // zero: accepts everything
	templates fstest.MapFS                   // nil: built in
	real      bool                           // run on the machine's clock, by itself
	ledger    func(*ledger.DB) worker.Ledger // nil: the ledger itself
	change    func(*worker.Config)
}

// world is a worker with real parts around it: a ledger, a queue, a mail
// server.
type world struct {
	db    *ledger.DB
	smtp  *smtptest.Server
	clock *worker.FakeClock // nil on the machine's clock
	set   *templates.Set
	setup setup
	log   *safeBuffer
}

// safeBuffer is a log that may be written from everywhere.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func newWorld(t testing.TB, s setup) *world {
	t.Helper()
	w := &world{db: s.db, setup: s, log: &safeBuffer{}}
	if w.db == nil {
		w.db = ledgertest.Open(t, ledgertest.SQLite(t))
	}
	if !s.real {
		w.clock = worker.NewFakeClock(monday)
	}
	w.smtp = smtptest.Start(t, s.smtp)
	var err error
	if w.set, err = loadTemplates(s.templates); err != nil {
		t.Fatal(err)
	}
	w.apply(t, w.programme())
	t.Cleanup(func() {
		if strings.Contains(w.log.String(), "@example") {
			t.Error("an address got into the log")
		}
		if t.Failed() {
			t.Log(w.log.String())
		}
	})
	return w
}

func loadTemplates(files fstest.MapFS) (*templates.Set, error) {
	if files == nil {
		return templates.Load(nil)
	}
	return templates.Load(files)
}

// now is the time of this world.
func (w *world) now() time.Time {
	if w.clock == nil {
		return time.Now()
	}
	return w.clock.Now()
}

// programme gives the programme file; on the machine's clock the event is a
// month away.
func (w *world) programme() string {
	if w.clock != nil {
		return programme
	}
	day := time.Now().AddDate(0, 1, 0).Format("2006-01-02")
	return strings.ReplaceAll(programme, "2026-11-19", day)
}

func (w *world) apply(t testing.TB, source string) {
	t.Helper()
	if _, err := w.db.Apply(t.Context(), "programme.yaml", []byte(source), w.now(), ledger.ApplyOptions{}); err != nil {
		t.Fatal(err)
	}
}

func address(t testing.TB, s string) jobs.Address {
	t.Helper()
	a, err := jobs.ParseAddress(s)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func (w *world) register(t testing.TB, email string) {
	t.Helper()
	r := jobs.Registration{EventID: "workshop", Email: address(t, email), Name: "Deelnemer", Lang: jobs.Dutch}
	if _, _, err := w.db.Register(t.Context(), r, w.now()); err != nil {
		t.Fatal(err)
	}
}

// importPeople puts n people on record as a file does, p0 to p(n-1).
func (w *world) importPeople(t testing.TB, n int) {
	t.Helper()
	var rows []ledger.Row
	for i := range n {
		rows = append(rows, ledger.Row{Registration: jobs.Registration{Email: address(t, person(i)), Name: "Deelnemer", Lang: jobs.Dutch}})
	}
	for part := range slices.Chunk(rows, 500) {
		if _, err := w.db.Import(t.Context(), "workshop", part, w.now(), ledger.ImportOptions{}); err != nil {
			t.Fatal(err)
		}
	}
}

func person(i int) string { return fmt.Sprintf("p%d@example.org", i) }

// running is a worker that runs.
type running struct {
	*worker.Worker
	queue *queue.Conn
	stop  func() error // tells it to stop and waits
}

// config gives what a worker in this world is made of. Its queue is closed by
// who runs the worker.
func (w *world) config(t testing.TB) worker.Config {
	t.Helper()
	uri := w.setup.redis
	if uri == "" {
		uri = queue.Embedded
	}
	log := slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	q, err := queue.Open(t.Context(), uri, log)
	if err != nil {
		t.Fatal(err)
	}
	dialer, err := mailer.NewDialer(mailer.Config{URL: w.smtp.URL(), TLS: mailer.TLSNone, DotGrace: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	cfg := worker.Config{
		Ledger:    w.db,
		Queue:     q,
		Templates: w.set,
		Dialer:    dialer,
		From:      mail.Address{Name: "City Deal", Address: "noreply@example.nl"},
		TagKey:    []byte("0123456789abcdef"),
		Log:       log,
	}
	if w.clock != nil {
		cfg.Clock, cfg.Manual = w.clock, true
	}
	if w.setup.ledger != nil {
		cfg.Ledger = w.setup.ledger(w.db)
	}
	if w.setup.change != nil {
		w.setup.change(&cfg)
	}
	return cfg
}

// start runs a worker until the test ends or stop is called.
func (w *world) start(t testing.TB) running {
	t.Helper()
	cfg := w.config(t)
	wk, err := worker.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	var runErr error
	go func() {
		defer close(done)
		runErr = wk.Run(ctx)
	}()
	stop := sync.OnceValue(func() error {
		cancel()
		<-done
		if err := cfg.Queue.Close(); err != nil {
			return err
		}
		return runErr
	})
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Errorf("worker: %v", err)
		}
	})
	return running{wk, cfg.Queue, stop}
}

// settle lets the worker do all there is to do now.
func (w *world) settle(t testing.TB, r running) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := r.Settle(ctx); err != nil {
		t.Fatal(err)
	}
}

// message gives the one message of a kind for a person.
func (w *world) message(t testing.TB, email string, k jobs.Kind) jobs.Message {
	t.Helper()
	var found []jobs.Message
	for m, err := range w.db.Messages(t.Context(), ledger.MessageFilter{Email: address(t, email)}) {
		if err != nil {
			t.Fatal(err)
		}
		if m.Kind == k {
			found = append(found, m.Message)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d messages of kind %s, want 1", len(found), k)
	}
	return found[0]
}

// expect compares the state of a person's confirmation.
func (w *world) expect(t testing.TB, email string, want jobs.State) jobs.Message {
	t.Helper()
	m := w.message(t, email, jobs.Confirmation)
	if m.State != want {
		t.Fatalf("confirmation is %s (%s; %s), want %s", m.State, m.Reason, m.SMTP, want)
	}
	return m
}

// mails counts the mails each address got.
func (w *world) mails() map[string]int {
	n := map[string]int{}
	for _, m := range w.smtp.Received() {
		n[m.To[0]]++
	}
	return n
}

// expectOnce checks that people 0 to n-1 got one mail each, and nobody more.
func (w *world) expectOnce(t testing.TB, n int) {
	t.Helper()
	got := w.mails()
	for i := range n {
		if got[person(i)] != 1 {
			t.Errorf("%d mails for person %d, want 1", got[person(i)], i)
		}
	}
	if len(got) != n {
		t.Errorf("%d people got mail, want %d", len(got), n)
	}
}

// states counts confirmations by state.
func (w *world) states(t testing.TB) map[jobs.State]int {
	t.Helper()
	n := map[jobs.State]int{}
	for m, err := range w.db.Messages(t.Context(), ledger.MessageFilter{}) {
		if err != nil {
			t.Fatal(err)
		}
		if m.Kind == jobs.Confirmation {
			n[m.State]++
		}
	}
	return n
}

// awaitSent waits until n confirmations are on record as sent.
func (w *world) awaitSent(t testing.TB, n int) {
	t.Helper()
	w.awaitConfirmations(t, map[jobs.State]int{jobs.Sent: n})
}

// awaitConfirmations waits until as many confirmations as wanted are in each of
// some states.
func (w *world) awaitConfirmations(t testing.TB, want map[jobs.State]int) {
	t.Helper()
	limit := time.Now().Add(60 * time.Second)
	for {
		got := w.states(t)
		missing := maps.Clone(want)
		maps.DeleteFunc(missing, func(s jobs.State, n int) bool { return got[s] == n })
		if len(missing) == 0 {
			return
		}
		if time.Now().After(limit) {
			t.Fatalf("after a minute: %v, want %v", got, want)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// header gives a header field of a mail.
func header(t testing.TB, m smtptest.Received, field string) string {
	t.Helper()
	msg, err := mail.ReadMessage(bytes.NewReader(m.Data))
	if err != nil {
		t.Fatal(err)
	}
	return msg.Header.Get(field)
}
