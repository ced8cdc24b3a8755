package queue

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/redis/go-redis/v9"
)

// rateKey begins the keys of the limits. The braces keep those of one call on
// one node of a cluster.
const rateKey = "heraut:rate:{limits}:"

// Limit is how fast messages may leave, all workers together.
type Limit struct {
	// Key names what is limited: a relay, a recipient's domain. Callers that
	// give the same key share its slots. Redis gets a hash of it, because some
	// domains are of one person.
	Key string
	// Rate is in messages a second; 0 is no limit.
	Rate float64
	// Burst is how far ahead of schedule this caller may go. With 0 it waits for
	// a free slot. With more it overdraws, and those with less wait that out:
	// urgent mail gets its share by a larger Burst on the same key, while the
	// average stays at Rate.
	Burst time.Duration
}

//go:embed take.lua
var takeSource string

var takeScript = redis.NewScript(takeSource)

// Take reserves n messages under every limit, all or nothing, and says how
// long to wait before the first of them may be sent. When that is longer than
// max it reserves nothing, ok is false, and wait says when it makes sense to
// ask again; somebody else may have been first then.
//
// What is taken is spent, sent or not. Over any time t no more than
// Rate·t + Rate·Burst + n messages are let through: n sent in one go are a
// burst of their own, so take as many as one transaction of the relay can
// have. A slot that nobody asks for is lost, it is not saved up. Under limits
// that differ, the looser one is spent now and used after the wait: keep max
// at a few seconds.
//
// Time is that of Redis, since clocks of workers differ; when it is set back
// the wait does not grow. After a FLUSHALL everybody starts afresh, which may
// let one burst more through.
//
// An error means that Redis could not be reached or gave an odd answer, or
// that an argument makes no sense. Slots may have been taken by then.
func (c *Conn) Take(ctx context.Context, n int, max time.Duration, limits ...Limit) (wait time.Duration, ok bool, err error) {
	keys, args, err := takeArguments(n, max, limits)
	if err != nil {
		return 0, false, fmt.Errorf("take %d messages: %w", n, err)
	}
	if len(keys) == 0 {
		return 0, true, nil
	}
	answer, err := takeScript.Run(ctx, c.redis, keys, args...).Int64Slice()
	if err == nil && len(answer) != 2 {
		err = fmt.Errorf("redis answers with %d numbers", len(answer))
	}
	if err != nil {
		return 0, false, fmt.Errorf("take %d messages: %w", n, err)
	}
	return time.Duration(answer[1]) * time.Microsecond, answer[0] == 1, nil
}

// maxCost bounds what one call may reserve, in microseconds: about a year. The
// script counts in floating point, which is exact up to 2⁵³.
const maxCost = 365 * 24 * 3600 * 1e6

// takeArguments gives the keys and arguments of the script; no keys when
// nothing is limited.
func takeArguments(n int, max time.Duration, limits []Limit) (keys []string, args []any, err error) {
	if n < 0 || max < 0 {
		return nil, nil, errors.New("a negative number or wait")
	}
	args = append(args, max.Microseconds())
	for _, l := range limits {
		if !(l.Rate >= 0) || math.IsInf(l.Rate, 1) || l.Burst < 0 || l.Key == "" {
			return nil, nil, fmt.Errorf("limit %q: rate %v, burst %v", l.Key, l.Rate, l.Burst)
		}
		if l.Rate == 0 || n == 0 {
			continue
		}
		cost := math.Ceil(float64(n) / l.Rate * 1e6) // up: the average never exceeds the rate
		if cost > maxCost {
			return nil, nil, fmt.Errorf("limit %q: %d messages at %v a second take more than a year", l.Key, n, l.Rate)
		}
		keys = append(keys, redisKey(l.Key))
		args = append(args, int64(cost), l.Burst.Microseconds())
	}
	return keys, args, nil
}

func redisKey(key string) string {
	sum := sha256.Sum256([]byte(key))
	return rateKey + hex.EncodeToString(sum[:8])
}
