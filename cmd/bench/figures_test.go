package main

import (
	"strings"
	"testing"
)

func TestPercentile(t *testing.T) {
	hundred := make([]float64, 100)
	for i := range hundred {
		hundred[i] = float64(100 - i)
	}
	for _, c := range []struct {
		values []float64
		p      float64
		want   float64
	}{
		{nil, 50, 0},
		{[]float64{7}, 99, 7},
		{[]float64{3, 1, 2}, 50, 2},
		{[]float64{4, 1, 2, 3}, 50, 2.5},
		{[]float64{4, 1, 2, 3}, 0, 1},
		{[]float64{4, 1, 2, 3}, 100, 4},
		{hundred, 99, 99},
		{hundred, 1, 1},
		{hundred[:50], 99, 100}, // 51 to 100: the 50th of them
	} {
		if got := percentile(c.values, c.p); got != c.want {
			t.Errorf("percentile(%v, %v) = %v, want %v", c.values, c.p, got, c.want)
		}
	}
}

func TestVerdict(t *testing.T) {
	for _, c := range []struct {
		limit limit
		value float64
		want  string
	}{
		{limit{}, 5, ""},
		{atLeast(0), 0, "met"}, // a limit of zero is a limit
		{atLeast(0), -1, "**not met**"},
		{atLeast(0.85), 0.85, "met"},
		{atMost(150), 150, "met"},
		{atMost(150), 150.1, "**not met**"},
	} {
		if got := c.limit.verdict(c.value); got != c.want {
			t.Errorf("%+v, value %v: %q, want %q", c.limit, c.value, got, c.want)
		}
	}
}

// Figures of one setup stand together, whenever they were added, and the
// median of the runs is judged, not the best of them.
func TestTable(t *testing.T) {
	var f figures
	f.promise("b", "one", "speed", perSecond, 900, atLeast(1000))
	f.promise("b", "two", "speed", perSecond, 1200, atLeast(1000))
	f.promise("b", "one", "speed", perSecond, 2000, atLeast(1000))
	f.promise("b", "one", "speed", perSecond, 800, atLeast(1000))
	f.add("b", "one", "memory", megabytes, 12.34)
	f.add("c", "one", "p99", milliseconds, 5)
	var b strings.Builder
	writeTable(&b, f.of("b"))
	want := `
| | | median | lowest | highest | wanted | |
|---|---|---:|---:|---:|---|---|
| one | speed | 900 | 800 | 2000 | ≥ 1000 | **not met** |
|  | memory (MB) | 12.3 |  |  |  |  |
| two | speed | 1200 |  |  | ≥ 1000 | met |
`
	if b.String() != want {
		t.Errorf("the table is\n%s\nwant\n%s", b.String(), want)
	}
	if m := f.median("b", "one", "speed"); m != 900 {
		t.Errorf("the median is %v", m)
	}
}
