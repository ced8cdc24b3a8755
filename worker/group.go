package worker

import (
	"context"
	"errors"
	"sync"
	"time"
)

// groupSize is how many items are enough for a commit at once.
const groupSize = 400

// errGroupClosed is the answer to an item that came too late.
var errGroupClosed = errors.New("worker has stopped")

// group commits items of many goroutines together: one commit for 8 costs the
// same as one for 1. Items that come while a commit is under way make up the
// next one; nobody waits to hand one in.
type group[T, R any] struct {
	// patience is how long an item may wait for others; the least patient of
	// those gathered counts.
	patience func(T) time.Duration
	// commit handles the items of one flush and replies to each, at once or later.
	commit func([]groupItem[T, R])

	wake chan struct{} // there is something new to look at

	mu     sync.Mutex
	items  []groupItem[T, R]
	due    time.Time // of the least patient item
	closed bool
}

type groupItem[T, R any] struct {
	item   T
	answer chan<- groupAnswer[R]
}

// reply gives the answer; once.
func (it groupItem[T, R]) reply(result R, err error) {
	it.answer <- groupAnswer[R]{result, err}
}

// groupAnswer is what became of one item.
type groupAnswer[R any] struct {
	result R
	err    error
}

func newGroup[T, R any](patience func(T) time.Duration, commit func([]groupItem[T, R])) *group[T, R] {
	return &group[T, R]{patience: patience, commit: commit, wake: make(chan struct{}, 1)}
}

// add hands in an item. Its answer comes on the channel, always exactly one.
func (g *group[T, R]) add(item T) <-chan groupAnswer[R] {
	answer := make(chan groupAnswer[R], 1)
	due := time.Now().Add(g.patience(item))
	g.mu.Lock()
	if g.closed {
		g.mu.Unlock()
		answer <- groupAnswer[R]{err: errGroupClosed}
		return answer
	}
	g.items = append(g.items, groupItem[T, R]{item, answer})
	news := len(g.items) == 1 || len(g.items) == groupSize || due.Before(g.due)
	if len(g.items) == 1 || due.Before(g.due) {
		g.due = due
	}
	g.mu.Unlock()
	if news {
		g.look()
	}
	return answer
}

// hurry has what was handed in so far committed within a time.
func (g *group[T, R]) hurry(within time.Duration) {
	due := time.Now().Add(within)
	g.mu.Lock()
	news := len(g.items) > 0 && due.Before(g.due)
	if news {
		g.due = due
	}
	g.mu.Unlock()
	if news {
		g.look()
	}
}

// look has run look at what there is.
func (g *group[T, R]) look() {
	select {
	case g.wake <- struct{}{}:
	default: // it will look anyway
	}
}

// run commits until ctx is done. What was handed in by then is still
// committed.
func (g *group[T, R]) run(ctx context.Context) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		items, wait := g.take()
		if len(items) > 0 {
			g.commit(items)
			continue
		}
		timer.Reset(wait)
		select {
		case <-timer.C:
		case <-g.wake:
		case <-ctx.Done():
			if items := g.end(); len(items) > 0 {
				g.commit(items)
			}
			return
		}
	}
}

// take gives what is to be committed now, or how long nothing is.
func (g *group[T, R]) take() (items []groupItem[T, R], wait time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.items) == 0 {
		return nil, time.Hour
	}
	if wait = time.Until(g.due); wait > 0 && len(g.items) < groupSize {
		return nil, wait
	}
	items, g.items = g.items, nil
	return items, 0
}

// end closes the group and gives what is left.
func (g *group[T, R]) end() []groupItem[T, R] {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
	items := g.items
	g.items = nil
	return items
}
