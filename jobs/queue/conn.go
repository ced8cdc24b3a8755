package queue

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// openWait bounds the first contact with Redis.
const openWait = 10 * time.Second

// ErrEvicts is the cause when Redis may throw keys away: a lost task is a late
// mail, and half a lost task confuses asynq.
var ErrEvicts = errors.New("redis may evict keys")

// Conn is a connection with Redis that everything in a process shares. Safe
// for concurrent use.
type Conn struct {
	redis    redis.UniversalClient
	client   *asynq.Client
	inspect  *asynq.Inspector
	embedded *embedded // nil for a real Redis
	log      *slog.Logger
}

// Open connects and looks whether Redis can be used. uri is one of
//
//	embedded                                          inside this process, nothing is kept
//	redis://[user:password@]host[:port][/db]          rediss:// for TLS
//	unix:///path/to/redis.sock[?db=1]
//	redis-sentinel://[user:password@]h1,h2[:port]/master[/db][?tls=true&sentinel_user=&sentinel_password=]
//	redis-cluster://[user:password@]h1,h2[:port][?tls=true]
//
// A URI that cannot be read, a Redis that does not answer within ten seconds
// and one whose maxmemory-policy is not noeviction ([ErrEvicts]) are errors.
// They never hold the password. A nil log is none.
func Open(ctx context.Context, uri string, log *slog.Logger) (*Conn, error) {
	log = cmp.Or(log, slog.New(slog.DiscardHandler))
	c := &Conn{log: log}
	opt := &redis.UniversalOptions{}
	if uri == Embedded {
		c.embedded = startEmbedded()
		opt.Addrs = []string{Embedded}
		opt.Dialer = func(context.Context, string, string) (net.Conn, error) { return c.embedded.server.Dial() }
	} else {
		var err error
		if opt, err = parseURI(uri); err != nil {
			return nil, err
		}
	}
	opt.ContextTimeoutEnabled = true
	opt.DisableIdentity = true
	opt.DialerRetries = 1 // every caller here tries again by itself
	opt.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	redis.SetLogger(driverLog{log}) // go-redis knows one for the whole process, by default stderr
	c.redis = redis.NewUniversalClient(opt)
	c.client = asynq.NewClientFromRedisClient(c.redis)
	c.inspect = asynq.NewInspectorFromRedisClient(c.redis)

	ctx, cancel := context.WithTimeout(ctx, openWait)
	defer cancel()
	err := c.Ping(ctx)
	if err == nil && c.embedded == nil {
		err = c.checkPolicy(ctx)
	}
	if err != nil {
		_ = c.Close() // the first error says what is wrong
		return nil, err
	}
	return c, nil
}

// Ping asks for a sign of life.
func (c *Conn) Ping(ctx context.Context) error {
	if err := c.redis.Ping(ctx).Err(); err != nil {
		return fmt.Errorf("redis does not answer: %w", err)
	}
	return nil
}

// IsEmbedded says whether this is the Redis inside the process.
func (c *Conn) IsEmbedded() bool { return c.embedded != nil }

// Redis is the client underneath, for asynq servers. It lives as long as c.
func (c *Conn) Redis() redis.UniversalClient { return c.redis }

// Close ends the connections. Servers that use them have to be stopped before.
func (c *Conn) Close() error {
	err := c.redis.Close()
	if c.embedded != nil {
		c.embedded.stop()
	}
	if err != nil {
		return fmt.Errorf("close redis: %w", err)
	}
	return nil
}

// checkPolicy refuses a Redis that evicts. INFO tells the policy and is
// allowed in more places than CONFIG; where both are closed nothing is known.
func (c *Conn) checkPolicy(ctx context.Context) error {
	policy, err := c.policy(ctx)
	switch {
	case err != nil:
		c.log.Warn("cannot read redis maxmemory-policy; make sure it is noeviction", "error", err)
		return nil
	case policy != "noeviction":
		return fmt.Errorf("%w: its maxmemory-policy is %s; set maxmemory-policy noeviction in redis.conf, or run CONFIG SET maxmemory-policy noeviction", ErrEvicts, policy)
	}
	return nil
}

func (c *Conn) policy(ctx context.Context) (string, error) {
	info, infoErr := c.redis.Info(ctx, "memory").Result()
	for line := range strings.Lines(info) {
		if policy, ok := strings.CutPrefix(strings.TrimSpace(line), "maxmemory_policy:"); ok {
			return policy, nil
		}
	}
	config, err := c.redis.ConfigGet(ctx, "maxmemory-policy").Result()
	if err != nil {
		return "", errors.Join(infoErr, err)
	}
	if policy, ok := config["maxmemory-policy"]; ok {
		return policy, nil
	}
	return "", errors.New("redis does not say")
}

// driverLog keeps go-redis from writing to stderr; what matters comes back as
// an error too.
type driverLog struct{ log *slog.Logger }

func (l driverLog) Printf(ctx context.Context, format string, args ...any) {
	if l.log.Enabled(ctx, slog.LevelDebug) {
		l.log.DebugContext(ctx, "redis driver", "message", fmt.Sprintf(format, args...))
	}
}

// embedded is the Redis inside this process.
type embedded struct {
	server *miniredis.Miniredis
	done   chan struct{}
	wg     sync.WaitGroup
}

// startEmbedded starts it together with its clock: miniredis lets no key
// expire by itself.
func startEmbedded() *embedded {
	e := &embedded{server: miniredis.NewMiniRedis(), done: make(chan struct{})}
	e.wg.Go(func() {
		ticker := time.NewTicker(time.Second)
		defer ticker.Stop()
		last := time.Now()
		for {
			select {
			case <-e.done:
				return
			case now := <-ticker.C:
				e.server.FastForward(now.Sub(last))
				last = now
			}
		}
	})
	return e
}

func (e *embedded) stop() {
	close(e.done)
	e.wg.Wait()
	e.server.Close()
}
