package jobs_test

import (
	"testing"
	"time"

	"heraut/jobs"
)

func TestCrashed(t *testing.T) {
	for _, c := range []struct {
		name   string
		deaths string // b: held together with others, a: held alone
		waits  []time.Duration
		parked int // after how many deaths; 0 is never
	}{
		{"alone", "aaa", []time.Duration{0, 2 * time.Second, 2 * time.Second}, 3},
		{"batch, then alone", "baa", []time.Duration{0, 2 * time.Second, 2 * time.Second}, 3},
		{"always in the company of others", "bbbbbb", make([]time.Duration, 6), 0},
		{"in company again once it was suspected", "abab", []time.Duration{0, 0, 2 * time.Second, 0}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			crashes := 0
			for i, how := range c.deaths {
				var wait time.Duration
				crashes, wait = jobs.Crashed(crashes, how == 'a')
				if wait != c.waits[i] {
					t.Errorf("after death %d it waits %v, want %v", i+1, wait, c.waits[i])
				}
				if parked := crashes >= jobs.MaxCrashes; parked != (c.parked > 0 && i+1 >= c.parked) {
					t.Errorf("after death %d parked: %v", i+1, parked)
				}
			}
		})
	}
}
