package worker_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"heraut/jobs"
	"heraut/jobs/ledger"
	"heraut/jobs/ledger/ledgertest"
	"heraut/jobs/queue"
	"heraut/jobs/queue/queuetest"
	"heraut/worker"
	"heraut/worker/mailer"
	"heraut/worker/mailer/smtptest"
)

var errAway = errors.New("database is away")

// flaky is the ledger behind a connection that breaks: a call does not get
// there, or gets there and its answer is lost.
type flaky struct {
	*ledger.DB
	heartbeat    atomic.Bool  // does not get there
	claimAnswers atomic.Int64 // so many answers to come are lost
	claimPanics  atomic.Int64 // so many claims to come end in a panic
	dotAnswers   atomic.Int64
	recordCalls  atomic.Int64 // so many calls do not get there
}

func (f *flaky) Heartbeat(ctx context.Context, worker string, now time.Time, lease time.Duration, trouble string) error {
	if f.heartbeat.Load() {
		return errAway
	}
	return f.DB.Heartbeat(ctx, worker, now, lease, trouble)
}

func (f *flaky) Claim(ctx context.Context, worker string, ids []int64, now time.Time) ([]jobs.Claim, error) {
	claims, err := f.DB.Claim(ctx, worker, ids, now)
	if len(claims) > 0 && f.claimPanics.Add(-1) >= 0 {
		panic("over this message")
	}
	if f.claimAnswers.Add(-1) >= 0 {
		return nil, errAway
	}
	return claims, err
}

func (f *flaky) Commit(ctx context.Context, dots []jobs.Dot, outcomes []jobs.Outcome, now time.Time) (dotsOK, outcomesOK []bool, err error) {
	if len(outcomes) > 0 && f.recordCalls.Add(-1) >= 0 {
		return nil, nil, errAway
	}
	dotsOK, outcomesOK, err = f.DB.Commit(ctx, dots, outcomes, now)
	if len(dots) > 0 && f.dotAnswers.Add(-1) >= 0 {
		return nil, nil, errAway
	}
	return dotsOK, outcomesOK, err
}

// withFlaky gives a setup on the flaky ledger.
func withFlaky(s setup) (setup, *flaky) {
	f := &flaky{}
	s.ledger = func(db *ledger.DB) worker.Ledger {
		f.DB = db
		return f
	}
	return s, f
}

// While it cannot prove that it lives, a worker takes nothing and finishes
// nothing: what was on its way is cut off before the dot.
func TestHeartbeatLost(t *testing.T) {
	s, f := withFlaky(setup{real: true, smtp: smtptest.Script{Rules: []smtptest.Rule{
		{At: smtptest.Data, Times: 1, Do: smtptest.Action{Delay: 3 * time.Second}},
	}}})
	s.change = func(c *worker.Config) {
		c.Lease, c.Stale, c.SweepEvery = time.Second, time.Second, 200*time.Millisecond
	}
	w := newWorld(t, s)
	w.start(t)
	w.register(t, "jan@example.org")
	if !w.smtp.WaitFor(10*time.Second, func() bool { return strings.Contains(strings.Join(w.smtp.Commands(), " "), "DATA") }) {
		t.Fatal("no mail began")
	}
	f.heartbeat.Store(true)
	// The server sees the end of the connection when it is done waiting.
	if !w.smtp.WaitFor(10*time.Second, func() bool { return w.smtp.Open() == 0 }) {
		t.Fatal("the connection stands after the lease has ended")
	}
	for _, body := range w.smtp.Unfinished() {
		if len(body) > 0 {
			t.Fatal("the mail went on after the lease had ended")
		}
	}
	w.register(t, "piet@example.org")
	if w.smtp.WaitFor(1500*time.Millisecond, func() bool { return len(w.smtp.Received()) > 0 }) {
		t.Fatal("mail without a lease")
	}
	f.heartbeat.Store(false)
	w.awaitSent(t, 2)
	if got := w.mails(); got["jan@example.org"] != 1 || got["piet@example.org"] != 1 {
		t.Errorf("%v", got)
	}
}

// The answer to a claim is lost: nobody knows that this worker holds the
// messages, until it says goodbye to the name they were claimed under.
func TestClaimAnswerLost(t *testing.T) {
	s, f := withFlaky(setup{real: true})
	s.change = func(c *worker.Config) { c.Lease, c.SweepEvery = 2*time.Second, 200*time.Millisecond }
	f.claimAnswers.Store(1)
	w := newWorld(t, s)
	w.importPeople(t, 50)
	w.start(t)
	w.awaitSent(t, 50)
	w.expectOnce(t, 50)
}

// The answer to the dots is lost: not one of them was sent, so all go again.
func TestDotAnswerLost(t *testing.T) {
	s, f := withFlaky(setup{})
	f.dotAnswers.Store(1)
	w := newWorld(t, s)
	w.register(t, "jan@example.org")
	r := w.start(t)
	w.settle(t, r)
	w.expect(t, "jan@example.org", jobs.Retry)
	if n := len(w.smtp.Received()); n != 0 {
		t.Fatalf("%d mails", n)
	}
	w.clock.Advance(time.Minute)
	w.settle(t, r)
	w.expect(t, "jan@example.org", jobs.Sent)
	if n := len(w.smtp.Received()); n != 1 {
		t.Fatalf("%d mails", n)
	}
}

// The database goes away after the server took the mails: the worker keeps
// what it knows until it can be recorded.
func TestRecordDelayed(t *testing.T) {
	s, f := withFlaky(setup{})
	f.recordCalls.Store(5)
	w := newWorld(t, s)
	w.importPeople(t, 20)
	r := w.start(t)
	w.settle(t, r)
	if got := w.states(t); got[jobs.Sent] != 20 {
		t.Errorf("%v", got)
	}
	w.expectOnce(t, 20)
}

// A task got lost and Redis does not know it, as after a failover to a replica
// that was behind: the message is put in the queue once more.
func TestTaskLost(t *testing.T) {
	w := newWorld(t, setup{})
	r := w.start(t)
	w.settle(t, r)
	w.register(t, "jan@example.org")
	inspect := asynq.NewInspectorFromRedisClient(r.queue.Redis())
	if err := inspect.PauseQueue(string(jobs.Critical)); err != nil {
		t.Fatal(err)
	}
	if err := r.Tick(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n, err := inspect.DeleteAllPendingTasks(string(jobs.Critical)); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	if err := inspect.UnpauseQueue(string(jobs.Critical)); err != nil {
		t.Fatal(err)
	}
	w.settle(t, r) // it is taken for handed over
	if n := len(w.smtp.Received()); n != 0 {
		t.Fatalf("%d mails", n)
	}
	w.clock.Advance(time.Minute)
	w.settle(t, r)
	w.expect(t, "jan@example.org", jobs.Sent)
}

// Another worker fills the queues and dies: this one takes over.
func TestLeaderDies(t *testing.T) {
	w := newWorld(t, setup{})
	r := w.start(t)
	if lead, err := r.queue.Lead(t.Context(), "another", time.Minute); lead != queue.Begin || err != nil {
		t.Fatal(lead, err)
	}
	w.register(t, "jan@example.org")
	w.settle(t, r)
	if n := len(w.smtp.Received()); n != 0 {
		t.Fatalf("%d mails while another worker fills the queues", n)
	}
	if err := r.queue.Redis().FlushAll(t.Context()).Err(); err != nil { // its time is over
		t.Fatal(err)
	}
	w.settle(t, r)
	w.expect(t, "jan@example.org", jobs.Sent)
}

// Redis is away when the worker is told to stop.
func TestStopWithoutRedis(t *testing.T) {
	redis := queuetest.Start(t)
	w := newWorld(t, setup{real: true, redis: redis.URI})
	w.register(t, "jan@example.org")
	r := w.start(t)
	w.awaitSent(t, 1)
	redis.Stop(t)
	began := time.Now()
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("took %v to stop", took)
	}
}

// A worker that is killed sends nothing more; another one sends what it held,
// each once, and what was at its dot comes in doubt.
func TestKilledWorker(t *testing.T) {
	w := newWorld(t, setup{})
	w.importPeople(t, 3)
	ctx := t.Context()
	if err := w.db.Heartbeat(ctx, "killed", w.now(), 20*time.Second, ""); err != nil {
		t.Fatal(err)
	}
	tickets, err := w.db.Due(ctx, jobs.Bulk, jobs.Ticket{}, w.now(), 2)
	if err != nil {
		t.Fatal(err)
	}
	claims, err := w.db.Claim(ctx, "killed", []int64{tickets[0].ID, tickets[1].ID}, w.now())
	if err != nil || len(claims) != 2 {
		t.Fatal(claims, err)
	}
	if ok, err := w.db.FinalDot(ctx, []jobs.Dot{{ID: claims[0].Message.ID, Fence: claims[0].Fence, MessageID: "<a@example.nl>"}}, w.now()); err != nil || !ok[0] {
		t.Fatal(ok, err)
	}
	r := w.start(t)
	w.settle(t, r)
	if n := len(w.smtp.Received()); n != 1 {
		t.Fatalf("%d mails while the lease holds, want the one that was free", n)
	}
	w.clock.Advance(21 * time.Second)
	w.settle(t, r)
	got := w.states(t)
	if got[jobs.Sent] != 2 || got[jobs.InDoubt] != 1 || len(w.smtp.Received()) != 2 {
		t.Fatalf("%v, %d mails", got, len(w.smtp.Received()))
	}
	w.clock.Advance(15 * time.Minute)
	w.settle(t, r)
	last := w.smtp.Received()[2]
	if id := header(t, last, "Message-ID"); id != "<a@example.nl>" {
		t.Errorf("the copy has Message-ID %s", id)
	}
	w.expectOnce(t, 3)
}

// Stopped while the database is away, a worker does not wait for ever; what it
// could not record comes in doubt.
func TestStopWithoutDatabase(t *testing.T) {
	s, f := withFlaky(setup{real: true})
	s.change = func(c *worker.Config) { c.StopWithin = time.Second }
	f.recordCalls.Store(1 << 40)
	w := newWorld(t, s)
	w.register(t, "jan@example.org")
	r := w.start(t)
	if !w.smtp.WaitFor(10*time.Second, func() bool { return len(w.smtp.Received()) == 1 }) {
		t.Fatal("no mail")
	}
	began := time.Now()
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("took %v to stop", took)
	}
	if _, err := w.db.Sweep(t.Context(), w.now()); err != nil {
		t.Fatal(err)
	}
	w.expect(t, "jan@example.org", jobs.InDoubt)
}

// The code panics over a message that is on its way: what it held is swept up
// and tried again, and what does it every time is parked.
func TestPanicInFlight(t *testing.T) {
	s, f := withFlaky(setup{})
	w := newWorld(t, s)
	w.register(t, "jan@example.org")
	r := w.start(t)
	f.claimPanics.Store(jobs.MaxCrashes)
	for range jobs.MaxCrashes { // the second and the third time it has to wait
		w.settle(t, r)
		w.clock.Advance(jobs.Backoff(jobs.MaxCrashes))
	}
	if m := w.expect(t, "jan@example.org", jobs.Failed); !strings.HasPrefix(m.Reason, "parked") {
		t.Errorf("reason %q", m.Reason)
	}
	w.register(t, "piet@example.org")
	w.settle(t, r)
	w.expect(t, "piet@example.org", jobs.Sent)
}

// Dots are on record ahead of their turn. When that comes late, because the server
// says nothing for a while, who cancelled meanwhile gets no confirmation. They hear
// nothing of having cancelled either: there is nothing to take back.
func TestGoneBeforeItsTurn(t *testing.T) {
	aheadOfTurn(t, func(t *testing.T, w *world, ahead []string, release func()) {
		for _, who := range ahead {
			if _, err := w.db.Cancel(t.Context(), "workshop", address(t, who), "by the person", w.now()); err != nil {
				t.Fatal(err)
			}
		}
		release()
		w.awaitConfirmations(t, map[jobs.State]int{jobs.Sent: throng - len(ahead), jobs.CancelledState: len(ahead)})
		deadline := time.Now().Add(time.Minute)
		for _, who := range ahead {
			for !w.message(t, who, jobs.Cancellation).State.Final() && time.Now().Before(deadline) {
				time.Sleep(20 * time.Millisecond)
			}
			if m := w.message(t, who, jobs.Cancellation); m.State != jobs.CancelledState || m.Reason != jobs.ReasonNeverLeft || w.mails()[who] != 0 {
				t.Errorf("the cancellation is %s (%s), and %d mails came, want cancelled and none", m.State, m.Reason, w.mails()[who])
			}
		}
	})
}

// The same when the event moves: theirs is one mail, a confirmation of how it now
// is, and no change of what they were never told.
func TestMovedBeforeItsTurn(t *testing.T) {
	aheadOfTurn(t, func(t *testing.T, w *world, ahead []string, release func()) {
		w.apply(t, strings.ReplaceAll(w.programme(), "T12:30", "T13:00"))
		release()
		sent := func(who string) (kinds string) {
			for m, err := range w.db.Messages(t.Context(), ledger.MessageFilter{Email: address(t, who), State: jobs.Sent}) {
				if err != nil {
					t.Fatal(err)
				}
				kinds += fmt.Sprintf("%s/%d ", m.Kind, m.Revision)
			}
			return kinds
		}
		deadline := time.Now().Add(time.Minute)
		for i := range throng {
			want := []string{"confirmation/1 ", "confirmation/0 change/1 "}
			if slices.Contains(ahead, person(i)) {
				want = want[:1]
			}
			for !slices.Contains(want, sent(person(i))) && time.Now().Before(deadline) {
				time.Sleep(20 * time.Millisecond)
			}
			got := sent(person(i))
			if mails := w.mails()[person(i)]; !slices.Contains(want, got) || mails != strings.Count(got, "/") {
				t.Errorf("person %d was sent %q in %d mails, want one of %q", i, got, mails, want)
			}
		}
	})
}

// throng is how many people aheadOfTurn imports.
const throng = 200

// aheadOfTurn has a server fall silent while it takes mails to many people, until
// release is called. The dots for the people ahead are on record by then, and
// none of them has a mail.
func aheadOfTurn(t *testing.T, then func(t *testing.T, w *world, ahead []string, release func())) {
	apart(t, func(t *testing.T, s setup) {
		const answered = 60
		hold := make(chan struct{})
		release := sync.OnceFunc(func() { close(hold) })
		defer release()
		var came atomic.Int32
		s.real = true
		s.smtp.OnMail = func(smtptest.Received) {
			if came.Add(1) > answered {
				<-hold
			}
		}
		w := newWorld(t, s)
		w.importPeople(t, throng)
		w.start(t)
		if !w.smtp.WaitFor(time.Minute, func() bool { return came.Load() > answered }) {
			t.Fatal("the mails do not come")
		}
		time.Sleep(1500 * time.Millisecond) // all connections stand still by then
		mails := w.mails()
		var ahead []string
		for m, err := range w.db.Messages(t.Context(), ledger.MessageFilter{State: jobs.FinalDot}) {
			if err != nil {
				t.Fatal(err)
			}
			if who := m.Email.String(); mails[who] == 0 {
				ahead = append(ahead, who)
			}
		}
		if len(ahead) == 0 {
			t.Fatal("no dot was asked for ahead")
		}
		then(t, w, ahead, release)
	})
}

// A worker that cannot send leaves the tasks to another, which handed them over
// and does not do so again.
func TestOneOfTwoCannotSend(t *testing.T) {
	const n = 12
	s := setup{real: true, db: ledgertest.Open(t, ledgertest.Postgres(t)), redis: queuetest.Start(t).URI}
	w := newWorld(t, s)
	w.setup.change = func(c *worker.Config) { c.Stale = time.Hour }
	w.start(t)
	w.setup.change = func(c *worker.Config) {
		c.Stale = time.Hour
		nobody, err := mailer.NewDialer(mailer.Config{URL: "smtp://127.0.0.1:1", TLS: mailer.TLSNone})
		if err != nil {
			t.Fatal(err)
		}
		c.Dialer = nobody
	}
	w.start(t)
	for i := range n { // each is a task, and half of them come to either
		w.register(t, person(i))
		w.awaitSent(t, i+1)
	}
	w.expectOnce(t, n)
}

// A server that says nothing to one connection does not keep the mails behind
// it waiting: other connections take them.
func TestHeldUp(t *testing.T) {
	const n = 200
	w := newWorld(t, setup{real: true, smtp: smtptest.Script{
		Rules: []smtptest.Rule{{At: smtptest.Dot, Transaction: 60, Do: smtptest.Action{Hang: true}}},
	}})
	w.importPeople(t, n)
	w.start(t)
	if !w.smtp.WaitFor(time.Minute, func() bool { return len(w.smtp.Received()) == n }) {
		t.Fatalf("%d of %d mails came", len(w.smtp.Received()), n)
	}
	for to, mails := range w.mails() {
		if mails != 1 {
			t.Errorf("%d mails to %s", mails, to)
		}
	}
}
