package worker

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// double is a commit that remembers its calls and takes a while.
type double struct {
	takes time.Duration
	err   error

	mu    sync.Mutex
	sizes []int
}

func (d *double) commit(items []groupItem[int, int]) {
	d.mu.Lock()
	d.sizes = append(d.sizes, len(items))
	d.mu.Unlock()
	time.Sleep(d.takes)
	for _, it := range items {
		it.reply(2*it.item, d.err)
	}
}

// runGroup runs a group for the time of a test.
func runGroup(t *testing.T, linger time.Duration, commit func([]groupItem[int, int])) *group[int, int] {
	g := newGroup(func(int) time.Duration { return linger }, commit)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { g.run(ctx) })
	t.Cleanup(func() { cancel(); wg.Wait() })
	return g
}

func TestGroupGivesEachItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &double{takes: time.Millisecond}
		g := runGroup(t, 3*time.Millisecond, d.commit)
		var wg sync.WaitGroup
		for n := range 500 {
			wg.Go(func() {
				if a := <-g.add(n); a.err != nil || a.result != 2*n {
					t.Errorf("%d: %+v", n, a)
				}
			})
		}
		wg.Wait()
		if len(d.sizes) != 2 || d.sizes[0] < 400 || d.sizes[0]+d.sizes[1] != 500 {
			t.Errorf("flushes of %v, want at least 400 and the rest", d.sizes)
		}
	})
}

// The first item waits for others as long as linger and no longer.
func TestGroupLingers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &double{}
		g := runGroup(t, 3*time.Millisecond, d.commit)
		start := time.Now()
		first := g.add(1)
		time.Sleep(2 * time.Millisecond)
		second := g.add(2)
		<-first
		<-second
		if took := time.Since(start); took != 3*time.Millisecond || !slices.Equal(d.sizes, []int{2}) {
			t.Errorf("took %v, flushes %v", took, d.sizes)
		}
	})
}

// One item in a hurry takes the patient ones along.
func TestGroupHurries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &double{}
		g := newGroup(func(n int) time.Duration { return time.Duration(n) * time.Millisecond }, d.commit)
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { g.run(ctx) })
		start := time.Now()
		patient := g.add(100)
		time.Sleep(5 * time.Millisecond)
		<-g.add(1)
		<-patient
		if took := time.Since(start); took != 6*time.Millisecond || !slices.Equal(d.sizes, []int{2}) {
			t.Errorf("took %v, flushes %v", took, d.sizes)
		}
		cancel()
		wg.Wait()
	})
}

// Without linger an item goes at once, and those that come during a commit go
// together in the next.
func TestGroupWithoutLinger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &double{takes: 10 * time.Millisecond}
		g := runGroup(t, 0, d.commit)
		start := time.Now()
		var wg sync.WaitGroup
		for n := range 5 {
			wg.Go(func() { <-g.add(n) })
			synctest.Wait()
		}
		wg.Wait()
		if took := time.Since(start); took != 20*time.Millisecond || !slices.Equal(d.sizes, []int{1, 4}) {
			t.Errorf("took %v, flushes %v", took, d.sizes)
		}
	})
}

func TestGroupErrorGoesToAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &double{err: errors.New("no database")}
		g := runGroup(t, time.Millisecond, d.commit)
		first, second := g.add(1), g.add(2)
		for _, a := range []groupAnswer[int]{<-first, <-second} {
			if !errors.Is(a.err, d.err) {
				t.Errorf("%+v", a)
			}
		}
	})
}

// What was taken before the end is committed, what comes later refused; nobody
// waits for ever.
func TestGroupEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &double{takes: 10 * time.Millisecond}
		g := newGroup(func(int) time.Duration { return 0 }, d.commit)
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { g.run(ctx) })
		taken := g.add(1)
		cancel()
		if a := <-taken; a.err != nil || a.result != 2 {
			t.Errorf("taken: %+v", a)
		}
		wg.Wait()
		if a := <-g.add(2); !errors.Is(a.err, errGroupClosed) {
			t.Errorf("late: %+v", a)
		}
	})
}
