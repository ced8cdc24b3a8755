package queue

import (
	"context"
	"fmt"
)

// epochKey marks a Redis that holds what the ledger believes it holds. Any
// way of losing the tasks loses it too: FLUSHALL, a restart without AOF, a
// new server.
const epochKey = "heraut:epoch"

// Lost says whether the queues have lost their tasks since [Conn.Mark], or
// never had any. The worker then forgets in the ledger what was enqueued and
// calls Mark. Several workers may do so at once: a message that is enqueued
// twice is sent once, because the claim decides.
func (c *Conn) Lost(ctx context.Context) (bool, error) {
	n, err := c.redis.Exists(ctx, epochKey).Result()
	if err != nil {
		return false, fmt.Errorf("look for the mark in redis: %w", err)
	}
	return n == 0, nil
}

// Mark says that what the ledger takes for enqueued is enqueued.
func (c *Conn) Mark(ctx context.Context) error {
	if err := c.redis.SetNX(ctx, epochKey, "1", 0).Err(); err != nil {
		return fmt.Errorf("mark redis: %w", err)
	}
	return nil
}
