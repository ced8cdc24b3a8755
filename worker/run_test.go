package worker_test

import (
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"heraut/jobs"
	"heraut/jobs/ledger"
	"heraut/jobs/ledger/ledgertest"
	"heraut/jobs/queue/queuetest"
	"heraut/worker"
	"heraut/worker/mailer/smtptest"
)

// The two ways to run: everything embedded, and everything apart.
func TestCrowd(t *testing.T) {
	t.Run("embedded", func(t *testing.T) { crowd(t, setup{real: true}) })
	t.Run("apart", func(t *testing.T) {
		crowd(t, setup{real: true, db: ledgertest.Open(t, ledgertest.Postgres(t)), redis: queuetest.Start(t).URI})
	})
}

// crowd sends 300 imported people their confirmations, and one person who
// registers meanwhile theirs, without waiting for the crowd.
func crowd(t *testing.T, s setup) {
	var w *world
	var once sync.Once
	var behind atomic.Int64
	s.smtp.OnMail = func(m smtptest.Received) {
		once.Do(func() { w.register(t, "laat@example.org") })
		if m.To[0] == "laat@example.org" {
			behind.Store(int64(len(w.smtp.Received())))
		}
	}
	s.smtp.Rules = []smtptest.Rule{{At: smtptest.Rcpt, Do: smtptest.Action{Delay: 20 * time.Millisecond}}}
	w = newWorld(t, s)
	w.importPeople(t, 300)
	r := w.start(t)
	w.awaitSent(t, 301)
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	if got := w.mails(); got["laat@example.org"] != 1 {
		t.Errorf("%d mails for who came late", got["laat@example.org"])
	}
	if n := behind.Load(); n > 250 {
		t.Errorf("who registered during the import came after %d others", n)
	}
	if len(w.mails()) != 301 || len(w.smtp.Received()) != 301 {
		t.Errorf("%d mails to %d people, want 301", len(w.smtp.Received()), len(w.mails()))
	}
}

// A relay that takes its time gets a crowd over all connections it may have: no
// sender holds mails that another could be sending.
func TestCrowdIsShared(t *testing.T) {
	const connections = 16 // of 32, for bulk mail
	slow := smtptest.Rule{At: smtptest.Dot, Do: smtptest.Action{Delay: 100 * time.Millisecond}}
	w := newWorld(t, setup{real: true, smtp: smtptest.Script{Rules: []smtptest.Rule{slow}}, change: func(c *worker.Config) { c.Connections = 32 }})
	w.importPeople(t, 3*connections)
	w.start(t)
	w.awaitSent(t, 3*connections)
	sent := map[int]int{} // by connection
	for _, m := range w.smtp.Received() {
		sent[m.Connection]++
	}
	if busiest := slices.Max(slices.Collect(maps.Values(sent))); busiest > 9 { // three each, and some patience with a busy machine
		t.Errorf("of %d mails over %d connections one took %d: %v", 3*connections, connections, busiest, sent)
	}
}

// Redis is emptied, or dies and comes back empty, in the middle: everything
// leaves, once.
func TestRedisLosesEverything(t *testing.T) {
	const n = 600
	tests := map[string]func(*testing.T, *queuetest.Redis){
		"FLUSHALL": func(t *testing.T, r *queuetest.Redis) { r.FlushAll(t) },
		"restart": func(t *testing.T, r *queuetest.Redis) {
			r.Stop(t)
			r.Resume(t)
		},
	}
	for name, do := range tests {
		t.Run(name, func(t *testing.T) {
			redis := queuetest.Start(t)
			var w *world
			half := make(chan struct{})
			var seen atomic.Int64
			w = newWorld(t, setup{real: true, redis: redis.URI, smtp: smtptest.Script{OnMail: func(smtptest.Received) {
				if seen.Add(1) == 50 {
					close(half)
				}
			}}})
			w.importPeople(t, n)
			w.start(t)
			<-half
			do(t, redis)
			w.awaitSent(t, n)
			w.expectOnce(t, n)
		})
	}
}

func TestTwoWorkers(t *testing.T) {
	const n = 600
	w := newWorld(t, setup{real: true, db: ledgertest.Open(t, ledgertest.Postgres(t)), redis: queuetest.Start(t).URI})
	first, second := w.start(t), w.start(t)
	w.importPeople(t, n)
	w.awaitSent(t, n)
	for _, r := range []running{first, second} {
		if err := r.stop(); err != nil {
			t.Error(err)
		}
	}
	w.expectOnce(t, n)
	if strings.Count(w.log.String(), `msg="worker started"`) != 2 {
		t.Error("not two workers")
	}
}

// Told to stop in the middle of a batch, a worker leaves nothing claimed and
// nothing in doubt, and the next one sends the rest.
func TestStopMidBatch(t *testing.T) {
	const n = 300
	half := make(chan struct{})
	var seen atomic.Int64
	w := newWorld(t, setup{real: true, smtp: smtptest.Script{
		Rules: []smtptest.Rule{{At: smtptest.Dot, Do: smtptest.Action{Delay: 5 * time.Millisecond}}},
		OnMail: func(smtptest.Received) {
			if seen.Add(1) == 50 {
				close(half)
			}
		},
	}})
	w.importPeople(t, n)
	r := w.start(t)
	<-half
	began := time.Now()
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("took %v to stop", took)
	}
	got := w.states(t)
	if got[jobs.Planned]+got[jobs.Sent]+got[jobs.Retry] != n || got[jobs.Planned] == 0 {
		t.Errorf("left behind: %v", got)
	}
	status, err := w.db.Status(t.Context(), w.now())
	if err != nil || status.Workers != 0 {
		t.Errorf("%d workers on record: %v", status.Workers, err)
	}
	w.start(t)
	w.awaitSent(t, n)
	w.expectOnce(t, n)
}

// A worker that has stopped leaves no goroutine behind.
func TestNothingLeftRunning(t *testing.T) {
	w := newWorld(t, setup{real: true})
	w.importPeople(t, 20)
	before := goroutines()
	r := w.start(t)
	w.awaitSent(t, 20)
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	w.smtp.CutAll()
	limit := time.Now().Add(5 * time.Second)
	for {
		left := goroutines()
		if len(left) <= len(before) {
			return
		}
		if time.Now().After(limit) {
			t.Fatalf("%d goroutines, %d before:\n%s", len(left), len(before), strings.Join(left, "\n\n"))
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// goroutines gives the stacks of those that are about this module or what it
// starts.
func goroutines() (stacks []string) {
	buf := make([]byte, 1<<20)
	buf = buf[:runtime.Stack(buf, true)]
	for _, s := range strings.Split(string(buf), "\n\n") {
		for _, what := range []string{"heraut/worker.", "heraut/worker/mailer.", "heraut/jobs/queue.", "asynq.", "go-redis", "miniredis"} {
			if strings.Contains(s, what) {
				stacks = append(stacks, s)
				break
			}
		}
	}
	return stacks
}

func TestNewRefuses(t *testing.T) {
	w := newWorld(t, setup{})
	for name, change := range map[string]func(*worker.Config){
		"no ledger":       func(c *worker.Config) { c.Ledger = nil },
		"no from":         func(c *worker.Config) { c.From.Address = "" },
		"short key":       func(c *worker.Config) { c.TagKey = []byte("short") },
		"two connections": func(c *worker.Config) { c.Connections = 2 },
		"negative tick":   func(c *worker.Config) { c.Tick = -1 },
	} {
		cfg := w.config(t)
		defer cfg.Queue.Close()
		change(&cfg)
		if _, err := worker.New(cfg); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

var _ worker.Ledger = (*ledger.DB)(nil)
