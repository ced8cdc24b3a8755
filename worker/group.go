package worker

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// groupSize is how many items a group commits at once, at most.
const groupSize = 200

// errGroupClosed is the answer to an item that came too late.
var errGroupClosed = errors.New("worker has stopped")

// group commits items of many goroutines together: one commit for 8 costs the
// same as one for 1. Items that come while a commit is under way make up the
// next one.
type group[T, R any] struct {
	// linger is how long the first item waits for others; 0 for not at all.
	linger time.Duration
	// commit handles the items of one flush and gives a result for each, in order.
	commit func([]T) ([]R, error)

	in     chan groupItem[T, R]
	closed chan struct{}
}

type groupItem[T, R any] struct {
	item   T
	answer chan<- groupAnswer[R]
}

// groupAnswer is what became of one item.
type groupAnswer[R any] struct {
	result R
	err    error
}

func newGroup[T, R any](linger time.Duration, commit func([]T) ([]R, error)) *group[T, R] {
	return &group[T, R]{
		linger: linger,
		commit: commit,
		in:     make(chan groupItem[T, R]), // without room: what is sent is taken by run
		closed: make(chan struct{}),
	}
}

// add hands in an item. Its answer comes on the channel, always exactly one.
func (g *group[T, R]) add(item T) <-chan groupAnswer[R] {
	answer := make(chan groupAnswer[R], 1)
	select {
	case g.in <- groupItem[T, R]{item, answer}:
	case <-g.closed:
		answer <- groupAnswer[R]{err: errGroupClosed}
	}
	return answer
}

// run commits until ctx is done. Items taken by then are still committed.
func (g *group[T, R]) run(ctx context.Context) {
	defer close(g.closed)
	for {
		select {
		case first := <-g.in:
			g.flush(g.collect(first))
		case <-ctx.Done():
			return
		}
	}
}

// collect gathers what is there, and what comes within linger.
func (g *group[T, R]) collect(first groupItem[T, R]) []groupItem[T, R] {
	items := []groupItem[T, R]{first}
	if g.linger <= 0 {
		for len(items) < groupSize {
			select {
			case it := <-g.in:
				items = append(items, it)
			default:
				return items
			}
		}
		return items
	}
	over := time.NewTimer(g.linger)
	defer over.Stop()
	for len(items) < groupSize {
		select {
		case it := <-g.in:
			items = append(items, it)
		case <-over.C:
			return items
		}
	}
	return items
}

func (g *group[T, R]) flush(items []groupItem[T, R]) {
	batch := make([]T, len(items))
	for i, it := range items {
		batch[i] = it.item
	}
	results, err := g.commit(batch)
	if err == nil && len(results) != len(items) {
		err = fmt.Errorf("%d answers to %d items", len(results), len(items))
	}
	for i, it := range items {
		a := groupAnswer[R]{err: err}
		if err == nil {
			a.result = results[i]
		}
		it.answer <- a
	}
}
