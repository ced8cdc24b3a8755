package main

import (
	"strings"
	"testing"
	"time"
)

// Runs of one scenario on one combination are one line, whatever the order in
// which they ended.
func TestTable(t *testing.T) {
	seconds := func(from, to int) (waits []time.Duration) {
		for s := from; s <= to; s++ {
			waits = append(waits, time.Duration(s)*time.Second)
		}
		return waits
	}
	run := func(row int, c combo, seed uint64, held bool) result {
		return result{Row: row, Name: "cut", Combo: c.String(), Seed: seed, Held: held, Kills: 2, Took: time.Second}
	}
	first, second := run(8, sqliteEmbedded, 1, true), run(8, sqliteEmbedded, 2, false)
	first.Redelivered, second.Redelivered = seconds(51, 100), seconds(1, 50)
	first.Figures = []string{"k = 1", "2 people"}
	first.Verdict = verdict{Messages: 40, Doubted: 3, Flagged: 2, Parked: 1}
	second.Verdict.Counts = map[string]int{"lost": 1, "duplicated": 2, "truncated": 3, "stale": 4, "late": 5}
	second.Verdict.Findings = make([]finding, 1+2+3+4+5)
	page := table{about: []string{"seed: 1"}, results: []result{second, run(8, postgresRedis, 1, true), run(2, postgresRedis, 1, true), first}}
	_, said, _ := strings.Cut(page.markdown(), head)
	want := `| 2 | cut | postgres + redis | 1 | 2 | 0 | 0 | 0 | 0 | 0 | 0 | 0 | 0 | 0 |  | 1 | yes |  |
| 8 | cut | postgres + redis | 1 | 2 | 0 | 0 | 0 | 0 | 0 | 0 | 0 | 0 | 0 |  | 1 | yes |  |
| 8 | cut | sqlite + embedded | 2 | 4 | 40 | 1 | 2 | 3 | 4 | 5 | 3 | 2 | 1 | 99.0 s | 2 | **no** (1) | k = 1, 2 people |
`
	if said != want {
		t.Errorf("the table says\n%s\nwant\n%s", said, want)
	}
}

func TestPercentile(t *testing.T) {
	for _, c := range []struct {
		values  []int
		p, want int
	}{
		{nil, 99, 0},
		{[]int{7}, 99, 7},
		{[]int{4, 1, 3, 2}, 50, 2},
		{[]int{4, 1, 3, 2}, 99, 4},
		{[]int{4, 1, 3, 2}, 100, 4},
	} {
		if got := percentile(c.values, c.p); got != c.want {
			t.Errorf("percentile %d of %v: %d, want %d", c.p, c.values, got, c.want)
		}
	}
}
