package queue_test

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"heraut/jobs"
	"heraut/jobs/queue"
	"heraut/jobs/queue/queuetest"
)

var noon = time.Date(2026, 11, 12, 12, 0, 0, 0, time.UTC)

// each runs a test on the Redis inside the process and on a real one.
func each(t *testing.T, test func(t *testing.T, c *queue.Conn)) {
	t.Run("embedded", func(t *testing.T) { test(t, open(t, queue.Embedded)) })
	t.Run("redis", func(t *testing.T) { test(t, open(t, queuetest.Start(t).URI)) })
}

func open(t *testing.T, uri string) *queue.Conn {
	t.Helper()
	c, err := queue.Open(t.Context(), uri, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// tickets gives n tickets with ids from first on.
func tickets(first int64, n int, q jobs.Queue, at time.Time) (out []jobs.Ticket) {
	for i := range n {
		out = append(out, jobs.Ticket{ID: first + int64(i), Queue: q, Generation: 1, At: at})
	}
	return out
}

// tasks lists what asynq holds in a queue, as "state n-ids taskid".
func tasks(t *testing.T, c *queue.Conn, q jobs.Queue) (out []string) {
	t.Helper()
	inspect := asynq.NewInspectorFromRedisClient(c.Redis())
	pending, err := inspect.ListPendingTasks(string(q))
	if err != nil {
		t.Fatal(err)
	}
	scheduled, err := inspect.ListScheduledTasks(string(q))
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range slices.Concat(pending, scheduled) {
		d, err := queue.DecodeDeliver(task.Payload)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, fmt.Sprintf("%s %d %s", task.State, len(d.IDs), task.ID))
	}
	return out
}

func TestEnqueueBatches(t *testing.T) {
	each(t, func(t *testing.T, c *queue.Conn) {
		all := slices.Concat(
			tickets(1, 250, jobs.Bulk, noon.Add(-time.Hour)),
			tickets(251, 1, jobs.Bulk, noon), // due now: goes with the late ones
			tickets(301, 1, jobs.Critical, noon),
			tickets(401, 2, jobs.Reminders, noon.Add(60*time.Second)),
			tickets(403, 1, jobs.Reminders, noon.Add(59*time.Second+1)), // same second, rounded up
			tickets(404, 1, jobs.Reminders, noon.Add(61*time.Second)),
		)
		if failed, err := c.Enqueue(t.Context(), all, noon); err != nil || failed != nil {
			t.Fatal(failed, err)
		}
		for _, tt := range []struct {
			queue          jobs.Queue
			want           []string
			waiting, later int
		}{
			{jobs.Bulk, []string{"pending 100 msg:1:g1", "pending 100 msg:101:g1", "pending 51 msg:201:g1"}, 3, 0},
			{jobs.Critical, []string{"pending 1 msg:301:g1"}, 1, 0},
			{jobs.Reminders, []string{"scheduled 3 msg:401:g1", "scheduled 1 msg:404:g1"}, 0, 2},
		} {
			if got := tasks(t, c, tt.queue); !slices.Equal(got, tt.want) {
				t.Errorf("%s: %q, want %q", tt.queue, got, tt.want)
			}
			waiting, later, err := c.Backlog(t.Context(), tt.queue)
			if err != nil || waiting != tt.waiting || later != tt.later {
				t.Errorf("%s: backlog %d, %d, %v", tt.queue, waiting, later, err)
			}
		}
	})
}

// A message that may be what kills workers has a task to itself, and those
// around it go on together.
func TestEnqueueAlone(t *testing.T) {
	each(t, func(t *testing.T, c *queue.Conn) {
		all := tickets(1, 6, jobs.Bulk, noon)
		all[0].Alone, all[2].Alone, all[3].Alone = true, true, true
		later := tickets(7, 2, jobs.Bulk, noon.Add(time.Minute))
		later[1].Alone = true
		if failed, err := c.Enqueue(t.Context(), slices.Concat(all, later), noon); err != nil || failed != nil {
			t.Fatal(failed, err)
		}
		want := []string{"pending 1 msg:1:g1", "pending 3 msg:2:g1", "pending 1 msg:3:g1", "pending 1 msg:4:g1", "scheduled 1 msg:7:g1", "scheduled 1 msg:8:g1"}
		if got := tasks(t, c, jobs.Bulk); !slices.Equal(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	})
}

// A task must not start early: asynq cuts ProcessAt to whole seconds.
func TestEnqueueRoundsUp(t *testing.T) {
	c := open(t, queue.Embedded)
	now := time.Now()
	at := now.Truncate(time.Second).Add(30*time.Second + 300*time.Millisecond)
	if _, err := c.Enqueue(t.Context(), tickets(1, 1, jobs.Critical, at), now); err != nil {
		t.Fatal(err)
	}
	inspect := asynq.NewInspectorFromRedisClient(c.Redis())
	scheduled, err := inspect.ListScheduledTasks(string(jobs.Critical))
	if err != nil || len(scheduled) != 1 {
		t.Fatal(scheduled, err)
	}
	if late := scheduled[0].NextProcessAt.Sub(at); late < 0 || late >= time.Second {
		t.Errorf("starts %v after its moment", late)
	}
}

// In a rehearsal the caller's clock is far from the machine's; what counts is
// the distance.
func TestEnqueueOnAnotherClock(t *testing.T) {
	c := open(t, queue.Embedded)
	if _, err := c.Enqueue(t.Context(), tickets(1, 1, jobs.Critical, noon.Add(90*time.Second)), noon); err != nil {
		t.Fatal(err)
	}
	inspect := asynq.NewInspectorFromRedisClient(c.Redis())
	scheduled, err := inspect.ListScheduledTasks(string(jobs.Critical))
	if err != nil || len(scheduled) != 1 {
		t.Fatal(scheduled, err)
	}
	if wait := time.Until(scheduled[0].NextProcessAt); wait < 80*time.Second || wait > 91*time.Second {
		t.Errorf("starts in %v, want 90 s", wait)
	}
}

func TestEnqueueTwice(t *testing.T) {
	each(t, func(t *testing.T, c *queue.Conn) {
		some := tickets(7, 2, jobs.Critical, noon)
		for range 2 {
			if failed, err := c.Enqueue(t.Context(), some, noon); err != nil || failed != nil {
				t.Fatal(failed, err)
			}
		}
		some[0].Generation++ // handed out anew
		if _, err := c.Enqueue(t.Context(), some, noon); err != nil {
			t.Fatal(err)
		}
		want := []string{"pending 2 msg:7:g1", "pending 2 msg:7:g2"}
		if got := tasks(t, c, jobs.Critical); !slices.Equal(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	})
}

func TestEnqueueWithoutRedis(t *testing.T) {
	server := queuetest.Start(t)
	c := open(t, server.URI)
	server.Stop(t)
	all := slices.Concat(tickets(1, 150, jobs.Bulk, noon), tickets(201, 1, jobs.Critical, noon))
	failed, err := c.Enqueue(t.Context(), all, noon)
	if err == nil || len(failed) != len(all) {
		t.Fatalf("%d failed, want %d: %v", len(failed), len(all), err)
	}
	if _, _, err := c.Backlog(t.Context(), jobs.Bulk); err == nil {
		t.Error("backlog without Redis")
	}
	if _, err := c.Lead(t.Context(), "w1", time.Second); err == nil {
		t.Error("Lead without Redis")
	}
	server.Resume(t)
	if failed, err := c.Enqueue(t.Context(), all, noon); err != nil || failed != nil {
		t.Error("after its return:", failed, err)
	}
}

// TestLead: one worker fills the queues, until it says so no more or Redis
// loses everything.
func TestLead(t *testing.T) {
	server := queuetest.Start(t)
	c := open(t, server.URI)
	ask := func(worker string, lasts time.Duration, want queue.Lead) {
		t.Helper()
		if got, err := c.Lead(t.Context(), worker, lasts); got != want || err != nil {
			t.Fatalf("%s: %v, %v, want %v", worker, got, err, want)
		}
	}
	ask("w1", time.Minute, queue.Begin)
	ask("w1", time.Minute, queue.Continue)
	ask("w2", time.Minute, queue.Follow)
	if err := c.Resign(t.Context(), "w2"); err != nil {
		t.Fatal(err)
	}
	ask("w1", time.Minute, queue.Continue) // w2 did not lead
	server.FlushAll(t)
	ask("w1", time.Minute, queue.Begin)
	server.Stop(t)
	server.Resume(t)
	ask("w2", time.Minute, queue.Begin)
	ask("w1", time.Minute, queue.Follow)
	if err := c.Resign(t.Context(), "w2"); err != nil {
		t.Fatal(err)
	}
	lead := queue.Follow
	for lead == queue.Follow { // Redis says when a millisecond is over
		var err error
		if lead, err = c.Lead(t.Context(), "w1", time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	if lead != queue.Begin {
		t.Errorf("after the other resigned: %v", lead)
	}
}

func TestOpenRefuses(t *testing.T) {
	ctx, log := t.Context(), slog.New(slog.DiscardHandler)
	_, err := queue.Open(ctx, queuetest.Start(t, "--maxmemory-policy", "allkeys-lru").URI, log)
	if !errors.Is(err, queue.ErrEvicts) || !strings.Contains(err.Error(), "CONFIG SET maxmemory-policy noeviction") {
		t.Error("evicting:", err)
	}
	if _, err := queue.Open(ctx, "unix:///nowhere/redis.sock", log); err == nil {
		t.Error("no server")
	}
	if _, err := queue.Open(ctx, "redis://localhost?x=1", log); err == nil {
		t.Error("bad uri")
	}
}

// A Redis that tells nobody its policy is used all the same, with a warning;
// the ACL user of the URI is the one that logs in.
func TestOpenAsACLUser(t *testing.T) {
	server := queuetest.Start(t)
	admin := server.Client(t)
	if err := admin.Do(t.Context(), "ACL", "SETUSER", "heraut", "on", ">ge@heim", "~*", "&*", "+@all", "-config", "-info").Err(); err != nil {
		t.Fatal(err)
	}
	var logged strings.Builder
	socket := strings.TrimPrefix(server.URI, "unix://")
	c, err := queue.Open(t.Context(), "unix://heraut:ge%40heim@"+socket, slog.New(slog.NewTextHandler(&logged, nil)))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if got, err := c.Redis().Do(t.Context(), "ACL", "WHOAMI").Text(); got != "heraut" || err != nil {
		t.Error(got, err)
	}
	if !strings.Contains(logged.String(), "noeviction") {
		t.Errorf("no warning in %q", logged.String())
	}
	if _, err := queue.Open(t.Context(), "unix://heraut:wrong@"+socket, slog.New(slog.DiscardHandler)); err == nil || strings.Contains(err.Error(), "wrong@") {
		t.Error("wrong password:", err)
	}
}
