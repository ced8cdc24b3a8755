package queue

import (
	"context"
	_ "embed"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// leadKey holds the name of the worker that fills the queues. Any way of
// losing the tasks loses it too: FLUSHALL, a restart without AOF, a new server.
const leadKey = "heraut:leader"

//go:embed lead.lua
var leadSource string

var leadScript = redis.NewScript(leadSource)

// Lead is the answer to who asks to fill the queues.
type Lead int

const (
	// Follow: somebody else fills the queues.
	Follow Lead = iota
	// Continue: it still does, and Redis has lost nothing since, as far as can
	// be seen.
	Continue
	// Begin: it does from now on, and is not to take anything for handed over:
	// there was nobody, or Redis lost everything.
	Begin
)

// Lead asks to be the one that fills the queues for some time; ask again before
// that ends. Of all workers one does so at a time, mostly: two only cost work,
// because a message that is in the queue twice is claimed once.
func (c *Conn) Lead(ctx context.Context, worker string, lasts time.Duration) (Lead, error) {
	n, err := leadScript.Run(ctx, c.redis, []string{leadKey}, worker, lasts.Milliseconds()).Int()
	if err != nil {
		return Follow, fmt.Errorf("ask redis who fills the queues: %w", err)
	}
	return Lead(n), nil
}

// Resign lets another worker fill the queues at once.
func (c *Conn) Resign(ctx context.Context, worker string) error {
	// In no time the key is as good as gone, and nobody else's is touched.
	if _, err := c.Lead(ctx, worker, time.Millisecond); err != nil {
		return fmt.Errorf("resign: %w", err)
	}
	return nil
}
