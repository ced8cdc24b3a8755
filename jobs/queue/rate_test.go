package queue_test

import (
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"heraut/jobs/queue"
	"heraut/jobs/queue/queuetest"
)

const (
	hour      = time.Hour
	relayName = "relay"
)

// take is one call of a limiter and what it must say.
type take struct {
	n      int
	max    time.Duration
	limits []queue.Limit
	wait   time.Duration
	ok     bool
}

// check makes the calls one after another. Time goes on meanwhile, so a wait
// may be shorter by what has passed since the first.
func check(t *testing.T, c *queue.Conn, takes []take) {
	t.Helper()
	start := time.Now()
	for i, k := range takes {
		wait, ok, err := c.Take(t.Context(), k.n, k.max, k.limits...)
		if err != nil {
			t.Fatal(err)
		}
		if passed := time.Since(start); ok != k.ok || wait > k.wait || wait < k.wait-passed-time.Millisecond {
			t.Errorf("call %d: %v, %v, want %v, %v", i, wait, ok, k.wait, k.ok)
		}
	}
}

func TestTake(t *testing.T) {
	relay := func(rate float64, burst time.Duration) queue.Limit {
		return queue.Limit{Key: relayName, Rate: rate, Burst: burst}
	}
	domain := func(name string, rate float64) queue.Limit {
		return queue.Limit{Key: name, Rate: rate}
	}
	all := func(limits ...queue.Limit) []queue.Limit { return limits }
	for _, tt := range []struct {
		name  string
		takes []take
	}{
		{"one by one", []take{
			{1, hour, all(relay(0.5, 0)), 0, true},
			{1, hour, all(relay(0.5, 0)), 2 * time.Second, true},
			{1, hour, all(relay(0.5, 0)), 4 * time.Second, true},
		}},
		{"many at once", []take{
			{10, hour, all(relay(1, 0)), 0, true},
			{5, hour, all(relay(1, 0)), 10 * time.Second, true},
			{1, hour, all(relay(1, 0)), 15 * time.Second, true},
		}},
		{"nothing is taken when the wait is too long", []take{
			{10, 0, all(relay(1, 0)), 0, true},
			{1, 4 * time.Second, all(relay(1, 0)), 6 * time.Second, false},
			{1, 0, all(relay(1, 0)), 10 * time.Second, false},
			{1, 10 * time.Second, all(relay(1, 0)), 10 * time.Second, true},
		}},
		{"critical overdraws and bulk waits that out", []take{
			{5, hour, all(relay(1, 0)), 0, true},
			{2, hour, all(relay(1, 6*time.Second)), 0, true},
			{1, hour, all(relay(1, 6*time.Second)), time.Second, true}, // its burst is spent too
			{1, hour, all(relay(1, 0)), 8 * time.Second, true},
		}},
		{"a domain of its own", []take{
			{1, hour, all(relay(10, 0), domain("a.example", 0.1)), 0, true},
			{1, hour, all(relay(10, 0), domain("b.example", 0.1)), 100 * time.Millisecond, true},
			{1, hour, all(relay(10, 0), domain("a.example", 0.1)), 10 * time.Second, true},
			{1, hour, all(relay(10, 0)), 300 * time.Millisecond, true},
		}},
		{"all limits or none", []take{
			{1, 0, all(relay(1, 0), domain("a.example", 0.1)), 0, true},
			{1, 5 * time.Second, all(relay(1, 0), domain("a.example", 0.1)), 5 * time.Second, false},
			{1, hour, all(relay(1, 0)), time.Second, true}, // the refused call took nothing here
		}},
		{"nothing to take", []take{
			{5, 0, nil, 0, true},
			{5, 0, all(relay(0, 0)), 0, true},
			{0, 0, all(relay(1, 0)), 0, true},
			{1, 0, all(relay(1, 0), domain("a.example", 0)), 0, true},
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			each(t, func(t *testing.T, c *queue.Conn) { check(t, c, tt.takes) })
		})
	}
}

// Workers share a rate: what they may send within three seconds together is
// three seconds' worth. They take five at a time, so that a busy machine asks
// often enough not to lose slots.
func TestTakeShared(t *testing.T) {
	const rate, span, n = 200.0, 3 * time.Second, 5
	share := func(t *testing.T, conns ...*queue.Conn) {
		var sent atomic.Int64
		var all sync.WaitGroup
		start := time.Now()
		for i := range 4 {
			all.Go(func() {
				for {
					wait, ok, err := conns[i%len(conns)].Take(t.Context(), n, span, queue.Limit{Key: relayName, Rate: rate})
					if err != nil {
						t.Error(err)
						return
					}
					if !ok || time.Since(start)+wait >= span {
						return
					}
					sent.Add(n)
				}
			})
		}
		all.Wait()
		if got, want := float64(sent.Load()), rate*span.Seconds(); math.Abs(got-want) > 0.03*want {
			t.Errorf("%v messages in %v, want %v", got, span, want)
		}
	}
	t.Run("embedded", func(t *testing.T) { share(t, open(t, queue.Embedded)) })
	t.Run("redis", func(t *testing.T) {
		uri := queuetest.Start(t).URI
		share(t, open(t, uri), open(t, uri))
	})
}

// A minute of a campaign that takes all it can get, and people who register at
// random moments: together they use the rate and stay within it, and nobody
// who registers waits longer than a message takes.
func TestTakeFairly(t *testing.T) {
	const rate, span = 20.0, time.Minute
	c := open(t, queue.Embedded)
	chance := rand.New(rand.NewPCG(1, 2))
	bulk := queue.Limit{Key: relayName, Rate: rate}
	critical := queue.Limit{Key: relayName, Rate: rate, Burst: 2*time.Second + 100*time.Millisecond}
	bulkAt, criticalAt := time.Duration(0), time.Second
	sentBulk, sentCritical := 0, 0
	for range 100_000 { // many times what it takes
		now := min(bulkAt, criticalAt)
		if now >= span {
			break
		}
		c.SetTime(noon.Add(now))
		limit, max := bulk, time.Duration(0)
		if now == criticalAt {
			limit, max = critical, hour
		}
		wait, ok, err := c.Take(t.Context(), 1, max, limit)
		switch {
		case err != nil:
			t.Fatal(err)
		case now == criticalAt:
			if sentCritical++; wait > 0 {
				t.Errorf("at %v a person waits %v", now, wait)
			}
			criticalAt += time.Duration(chance.ExpFloat64() * float64(time.Second)) // one a second: a twentieth
		case ok:
			sentBulk++
		default:
			bulkAt += wait
		}
	}
	most := rate*span.Seconds() + rate*critical.Burst.Seconds() + 1
	if sent := float64(sentBulk + sentCritical); sent > most || sent < rate*span.Seconds()*0.99 {
		t.Errorf("%v messages in %v, want %v, and at most %v", sent, span, rate*span.Seconds(), most)
	}
	if sentCritical < 30 || sentBulk < 30 {
		t.Errorf("%d of the campaign, %d to people: the test is not what it says", sentBulk, sentCritical)
	}
}

func TestTakeWhenTheClockIsSetBack(t *testing.T) {
	c := open(t, queue.Embedded)
	limit := queue.Limit{Key: relayName, Rate: 1}
	for _, tt := range []struct {
		at   time.Time
		wait time.Duration
	}{
		{noon, 0},
		{noon, time.Second},
		{noon.Add(-hour), 2 * time.Second}, // and not an hour
		{noon.Add(-hour + time.Second), 2 * time.Second},
		{noon.Add(hour), 0},
	} {
		c.SetTime(tt.at)
		if wait, ok, err := c.Take(t.Context(), 1, 2*hour, limit); wait != tt.wait || !ok || err != nil {
			t.Errorf("at %v: %v, %v, %v, want %v", tt.at, wait, ok, err, tt.wait)
		}
	}
}

func TestTakeAfterLoss(t *testing.T) {
	server := queuetest.Start(t)
	c := open(t, server.URI)
	limit := queue.Limit{Key: relayName, Rate: 1}
	full := []take{{100, hour, []queue.Limit{limit}, 0, true}, {1, 0, []queue.Limit{limit}, 100 * time.Second, false}}
	check(t, c, full)
	server.FlushAll(t)
	check(t, c, full)
	server.Stop(t)
	if _, ok, err := c.Take(t.Context(), 1, 0, limit); ok || err == nil {
		t.Error("without Redis:", ok, err)
	}
	if wait, ok, err := c.Take(t.Context(), 1, 0, queue.Limit{Key: relayName}); wait != 0 || !ok || err != nil {
		t.Error("no limit needs no Redis:", wait, ok, err)
	}
	server.Resume(t) // without the script
	check(t, c, full)
}

// What stands in Redis names nobody, goes by itself, and is in one place of a
// cluster.
func TestTakeKeys(t *testing.T) {
	server := queuetest.Start(t)
	c := open(t, server.URI)
	limits := []queue.Limit{{Key: relayName, Rate: 10}, {Key: "jan-jansen.example", Rate: 1}}
	if _, _, err := c.Take(t.Context(), 5, 0, limits...); err != nil {
		t.Fatal(err)
	}
	client := server.Client(t)
	keys, err := client.Keys(t.Context(), "*").Result()
	if err != nil || len(keys) != 2 {
		t.Fatal(keys, err)
	}
	for _, key := range keys {
		if strings.Contains(key, "jansen") || !strings.HasPrefix(key, "heraut:rate:{limits}:") {
			t.Errorf("key %s", key)
		}
		value, err := client.Get(t.Context(), key).Result()
		if err != nil || strings.Trim(value, "0123456789 ") != "" {
			t.Errorf("%s is %q, %v", key, value, err)
		}
		if ttl, err := client.PTTL(t.Context(), key).Result(); err != nil || ttl <= 0 || ttl > 6*time.Second {
			t.Errorf("%s goes in %v, %v", key, ttl, err)
		}
	}
}

func TestTakeRefuses(t *testing.T) {
	c := open(t, queue.Embedded)
	for name, k := range map[string]take{
		"negative number": {-1, 0, nil, 0, false},
		"negative wait":   {1, -1, nil, 0, false},
		"no key":          {1, 0, []queue.Limit{{Rate: 1}}, 0, false},
		"negative rate":   {1, 0, []queue.Limit{{Key: relayName, Rate: -1}}, 0, false},
		"no number":       {1, 0, []queue.Limit{{Key: relayName, Rate: math.NaN()}}, 0, false},
		"infinite":        {1, 0, []queue.Limit{{Key: relayName, Rate: math.Inf(1)}}, 0, false},
		"negative burst":  {1, 0, []queue.Limit{{Key: relayName, Rate: 1, Burst: -1}}, 0, false},
		"centuries":       {1, 0, []queue.Limit{{Key: relayName, Rate: 1e-300}}, 0, false},
	} {
		if _, ok, err := c.Take(t.Context(), k.n, k.max, k.limits...); ok || err == nil {
			t.Errorf("%s: %v, %v", name, ok, err)
		}
	}
}

// A value that is not ours is left as it is.
func TestTakeFromForeignKey(t *testing.T) {
	each(t, func(t *testing.T, c *queue.Conn) {
		limit := queue.Limit{Key: relayName, Rate: 1}
		check(t, c, []take{{1, 0, []queue.Limit{limit}, 0, true}})
		keys, err := c.Redis().Keys(t.Context(), "*").Result()
		if err != nil || len(keys) != 1 {
			t.Fatal(keys, err)
		}
		if err := c.Redis().Set(t.Context(), keys[0], "soon", 0).Err(); err != nil {
			t.Fatal(err)
		}
		if _, ok, err := c.Take(t.Context(), 1, 0, limit); ok || err == nil {
			t.Errorf("%v, %v", ok, err)
		}
		if got, err := c.Redis().Get(t.Context(), keys[0]).Result(); got != "soon" || err != nil {
			t.Errorf("it became %q, %v", got, err)
		}
	})
}

func BenchmarkTake(b *testing.B) {
	for _, bb := range []struct{ name, uri string }{{"embedded", queue.Embedded}, {"redis", queuetest.Start(b).URI}} {
		b.Run(bb.name, func(b *testing.B) {
			c, err := queue.Open(b.Context(), bb.uri, nil)
			if err != nil {
				b.Fatal(err)
			}
			defer c.Close()
			limits := []queue.Limit{{Key: relayName, Rate: 1e6}, {Key: "a.example", Rate: 1e6}}
			for b.Loop() {
				if _, _, err := c.Take(b.Context(), 1, hour, limits...); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
