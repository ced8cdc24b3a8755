package worker_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"heraut/jobs"
	"heraut/jobs/ledger"
	"heraut/jobs/ledger/ledgertest"
	"heraut/jobs/queue"
	"heraut/jobs/queue/queuetest"
	"heraut/worker"
)

// otherProgram is a program that knows nothing of Heraut but the documentation
// of package queue: it writes its payloads by hand.
type otherProgram struct {
	client  *asynq.Client
	inspect *asynq.Inspector
}

func newOtherProgram(t testing.TB, r *queuetest.Redis) otherProgram {
	t.Helper()
	var client redis.UniversalClient = r.Client(t)
	return otherProgram{asynq.NewClientFromRedisClient(client), asynq.NewInspectorFromRedisClient(client)}
}

func (p otherProgram) enqueue(t testing.TB, q jobs.Queue, kind, payload string, opts ...asynq.Option) *asynq.TaskInfo {
	t.Helper()
	info, err := p.client.EnqueueContext(t.Context(), asynq.NewTask(kind, []byte(payload)), append(opts, asynq.Queue(string(q)))...)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

// await waits until asynq has a task in a state; "" is none.
func (p otherProgram) await(t testing.TB, task *asynq.TaskInfo, want string) *asynq.TaskInfo {
	t.Helper()
	limit := time.Now().Add(time.Minute)
	for {
		is := ""
		info, err := p.inspect.GetTaskInfo(task.Queue, task.ID)
		if err == nil {
			is = info.State.String()
		}
		if is == want {
			return info
		}
		if time.Now().After(limit) {
			t.Fatalf("task %s is %q (%v), want %q", task.Type, is, err, want)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// A campaign that another program sends behaves as one from the command line.
func TestSendTask(t *testing.T) {
	for _, q := range jobs.Queues() {
		t.Run(string(q), func(t *testing.T) {
			redis := queuetest.Start(t)
			w := newWorld(t, withPages(setup{db: ledgertest.Open(t, ledgertest.Postgres(t)), redis: redis.URI}))
			other := newOtherProgram(t, redis)
			w.audience(t, 30)
			w.draft(t, "najaar", "event=workshop")
			r := w.start(t)

			wrong := other.enqueue(t, q, "campaign:send", `{"v":1,"name":"najaar","count":31,"by":"intranet"}`)
			other.await(t, wrong, "archived")
			if c := w.campaign(t, "najaar"); c.State != jobs.CampaignDraft {
				t.Fatalf("with a wrong count the campaign is %s", c.State)
			}
			nobody := other.enqueue(t, q, "campaign:send", `{"v":1,"name":"voorjaar","count":30}`)
			other.await(t, nobody, "archived")

			right := other.enqueue(t, q, "campaign:send", `{"v":1,"name":"najaar","count":30,"by":"intranet"}`, asynq.MaxRetry(1))
			other.await(t, right, "")
			c := w.campaign(t, "najaar")
			if c.State != jobs.CampaignScheduled || c.By != "intranet" || c.Count != 30 || c.StartAt.Before(w.now().Add(jobs.CampaignUndo)) {
				t.Fatalf("sent by a task: %+v", c)
			}
			again := other.enqueue(t, q, "campaign:send", `{"v":1,"name":"najaar","count":30,"by":"intranet"}`)
			if info := other.await(t, again, "archived"); strings.Contains(info.LastErr, "najaar") {
				t.Errorf("asynq keeps %q", info.LastErr)
			}
			for _, d := range []time.Duration{0, jobs.CampaignUndo, jobs.CanaryWait} {
				w.clock.Advance(d)
				w.settle(t, r)
			}
			w.expectOnce(t, 30)
			if !strings.Contains(w.log.String(), "task refused") {
				t.Error("the log tells nothing of what was refused")
			}
		})
	}
}

// Sent for later, and by nobody in particular.
func TestSendTaskDefaults(t *testing.T) {
	redis := queuetest.Start(t)
	w := newWorld(t, withPages(setup{redis: redis.URI}))
	other := newOtherProgram(t, redis)
	w.audience(t, 2)
	w.draft(t, "najaar", "everyone")
	w.start(t)
	at := w.now().Add(3 * time.Hour)
	other.await(t, other.enqueue(t, jobs.Bulk, "campaign:send", fmt.Sprintf(`{"v":1,"name":"najaar","count":2,"at":%q}`, at.Format(time.RFC3339))), "")
	if c := w.campaign(t, "najaar"); c.By != "task" || !c.StartAt.Equal(at) {
		t.Errorf("by %q at %v", c.By, c.StartAt)
	}
}

// A person whom another program registers.
func TestReceivedTask(t *testing.T) {
	redis := queuetest.Start(t)
	w := newWorld(t, withPages(setup{redis: redis.URI}))
	other := newOtherProgram(t, redis)
	r := w.start(t)
	const payload = `{"v":1,"event":"workshop","email":"zoe@example.org","name":"Zoë\u0000  de Vries","given_name":"Zoë","organisation":"Gemeente","lang":"en","tags":["VIP","Eerste rij"]}`
	for range 3 {
		other.await(t, other.enqueue(t, jobs.Critical, "registration:received", payload), "")
	}
	w.settle(t, r)
	w.expect(t, "zoe@example.org", jobs.Sent)
	reg := w.registration(t, "zoe@example.org")
	if reg.Name != "Zoë de Vries" || reg.GivenName != "Zoë" || reg.Lang != jobs.English || !slices.Equal(reg.Tags, []string{"eerste-rij", "vip"}) || reg.Source != "task" {
		t.Errorf("%+v", reg)
	}
	if n := len(w.smtp.Received()); n != 1 {
		t.Errorf("%d mails, want 1", n)
	}
	for _, bad := range []string{
		`{"v":1,"event":"workshop","email":"zoe@example.org, jan@example.org"}`,
		`{"v":1,"event":"workshop","email":"zoe"}`,
		`{"v":1,"event":"nergens","email":"jan@example.org"}`,
		`{"v":1,"event":"workshop","e-mail":"jan@example.org"}`,
		`{"event":"workshop","email":"jan@example.org"}`,
	} {
		other.await(t, other.enqueue(t, jobs.Reminders, "registration:received", bad), "") // gone, with the address in it
	}
	if strings.Contains(w.log.String(), "@example.org") {
		t.Error("an address is in the log")
	}
	if n := strings.Count(w.log.String(), "refused") + strings.Count(w.log.String(), "cannot be read"); n < 5 {
		t.Errorf("%d lines in the log about 5 tasks that were refused", n)
	}
}

// away is a ledger that takes no registrations for a while.
type away struct {
	*ledger.DB
	calls atomic.Int64 // so many do not get there
}

func (a *away) ReceiveTask(ctx context.Context, r jobs.Registration, now time.Time) error {
	if a.calls.Add(-1) >= 0 {
		return errAway
	}
	return a.DB.ReceiveTask(ctx, r, now)
}

// While the database is away a registration waits, whatever the sender said of
// retries.
func TestReceivedWhileAway(t *testing.T) {
	redis := queuetest.Start(t)
	a := &away{}
	a.calls.Store(2)
	w := newWorld(t, setup{redis: redis.URI, ledger: func(db *ledger.DB) worker.Ledger {
		a.DB = db
		return a
	}})
	other := newOtherProgram(t, redis)
	w.start(t)
	task := other.enqueue(t, jobs.Critical, "registration:received", `{"v":1,"event":"workshop","email":"zoe@example.org"}`, asynq.MaxRetry(1))
	for range 2 {
		info := other.await(t, task, "retry")
		if info.Retried != 0 {
			t.Fatalf("%d tries counted", info.Retried)
		}
		if err := other.inspect.RunTask(task.Queue, task.ID); err != nil { // not wait for it
			t.Fatal(err)
		}
	}
	other.await(t, task, "")
	w.registration(t, "zoe@example.org")
}

// A task of a later version stays due and is noted, until a program comes that
// knows it. The worker goes on meanwhile.
func TestLaterVersion(t *testing.T) {
	redis := queuetest.Start(t)
	w := newWorld(t, withPages(setup{db: ledgertest.Open(t, ledgertest.Postgres(t)), redis: redis.URI}))
	other := newOtherProgram(t, redis)
	r := w.start(t)
	var tasks []*asynq.TaskInfo
	for kind, payload := range map[string]string{
		"campaign:send":         `{"v":2,"name":"najaar","people":{"at_least":3}}`,
		"campaign:expand":       `{"v":3,"names":["najaar"]}`,
		"registration:received": `{"v":2,"registration":{"event":"workshop","email":"zoe@example.org"}}`,
		"message:deliver":       `{"v":2,"ranges":[[1,900]]}`,
	} {
		tasks = append(tasks, other.enqueue(t, jobs.Bulk, kind, payload, asynq.TaskID("intranet:"+kind), asynq.MaxRetry(1)))
	}
	for _, task := range tasks {
		info := other.await(t, task, "retry")
		if info.Retried != 0 {
			t.Errorf("%s: %d tries counted", info.Type, info.Retried)
		}
		if wait := info.NextProcessAt.Sub(info.LastFailedAt); wait < 25*time.Second {
			t.Errorf("%s comes again after %v", info.Type, wait)
		}
	}
	noted, err := w.db.UnknownTasks(t.Context())
	if err != nil || len(noted) != len(tasks) {
		t.Fatalf("%v noted, %v", noted, err)
	}
	for _, n := range noted {
		want := 2
		if n.Kind == queue.KindExpand {
			want = 3
		}
		if n.ID != "intranet:"+n.Kind || n.Version != want || !n.SeenAt.Equal(monday) {
			t.Errorf("noted %+v", n)
		}
	}
	w.register(t, "jan@example.org")
	w.settle(t, r) // ends, though tasks wait
	w.expect(t, "jan@example.org", jobs.Sent)

	// Another worker of that version runs; here it is the payload that changes.
	later := tasks[slices.IndexFunc(tasks, func(i *asynq.TaskInfo) bool { return i.Type == "registration:received" })]
	if err := other.inspect.DeleteTask(later.Queue, later.ID); err != nil {
		t.Fatal(err)
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	r = w.start(t)
	other.await(t, other.enqueue(t, jobs.Bulk, later.Type, `{"v":1,"event":"workshop","email":"zoe@example.org"}`, asynq.TaskID(later.ID)), "")
	w.registration(t, "zoe@example.org")
	noted, err = w.db.UnknownTasks(t.Context())
	if err != nil || len(noted) != len(tasks)-1 || slices.ContainsFunc(noted, func(n jobs.UnknownTask) bool { return n.ID == later.ID }) {
		t.Errorf("%v noted, %v", noted, err)
	}

	// Redis loses the rest.
	redis.FlushAll(t)
	w.clock.Advance(time.Hour)
	w.settle(t, r)
	if noted, err := w.db.UnknownTasks(t.Context()); err != nil || len(noted) != 0 {
		t.Errorf("%v noted of tasks that are no more, %v", noted, err)
	}
}

// The documented payloads do what the documentation says when they are written
// with encoding/json as well.
func TestDocumentedPayload(t *testing.T) {
	at := time.Date(2026, 11, 10, 8, 0, 0, 0, time.UTC)
	hand, err := json.Marshal(map[string]any{"v": 1, "name": "najaar", "count": 3, "by": "intranet", "at": at})
	if err != nil {
		t.Fatal(err)
	}
	s, err := queue.DecodeSend(hand)
	if err != nil || s != (queue.Send{Name: "najaar", Count: 3, By: "intranet", At: at}) {
		t.Errorf("%+v, %v", s, err)
	}
}
