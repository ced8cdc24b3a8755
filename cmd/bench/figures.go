package main

import (
	"fmt"
	"math"
	"slices"
)

// figure is one thing that was measured, each run's value.
type figure struct {
	part, setup, name string
	unit              unit
	runs              []float64
	wanted            limit
}

// unit says how a figure is written.
type unit string

const (
	perSecond    unit = "/s"
	microseconds unit = "µs"
	milliseconds unit = "ms"
	seconds      unit = "s"
	megabytes    unit = "MB" // 1024·1024 bytes
	bytesUnit    unit = "bytes"
	ratio        unit = ""
	count        unit = "#"
)

// limit is what the project promises about a figure; zero is nothing.
type limit struct {
	sign  string // ≥ or ≤
	value float64
}

func atLeast(v float64) limit { return limit{"≥", v} }
func atMost(v float64) limit  { return limit{"≤", v} }

// verdict says whether a value keeps the promise, "" where there is none.
func (l limit) verdict(v float64) string {
	switch {
	case l == limit{}:
		return ""
	case l.sign == "≥" && v >= l.value, l.sign == "≤" && v <= l.value:
		return "met"
	}
	return "**not met**"
}

// figures are all that was measured, in the order it was first.
type figures []*figure

// add notes one run's value.
func (f *figures) add(part, setup, name string, u unit, value float64) {
	f.get(part, setup, name, u).runs = append(f.get(part, setup, name, u).runs, value)
}

// promise notes a value that has a limit. The median of the runs has to keep it.
func (f *figures) promise(part, setup, name string, u unit, value float64, wanted limit) {
	f.add(part, setup, name, u, value)
	f.get(part, setup, name, u).wanted = wanted
}

func (f *figures) get(part, setup, name string, u unit) *figure {
	i := slices.IndexFunc(*f, func(x *figure) bool { return x.part == part && x.setup == setup && x.name == name })
	if i >= 0 {
		return (*f)[i]
	}
	*f = append(*f, &figure{part: part, setup: setup, name: name, unit: u})
	return (*f)[len(*f)-1]
}

// median gives the median of a figure that was measured, 0 where it was not.
func (f *figures) median(part, setup, name string) float64 {
	for _, x := range *f {
		if x.part == part && x.setup == setup && x.name == name {
			return percentile(x.runs, 50)
		}
	}
	return 0
}

// percentile gives the smallest value that p percent of the values do not
// exceed (nearest rank); of an even number the median is the mean of the two
// in the middle. Of no values it is 0.
func percentile(values []float64, p float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	if n := len(sorted); p == 50 && n%2 == 0 {
		return (sorted[n/2-1] + sorted[n/2]) / 2
	}
	rank := int(math.Ceil(float64(len(sorted)) * p / 100))
	return sorted[max(rank, 1)-1]
}

// write gives a value as the table has it.
func (u unit) write(v float64) string {
	switch u {
	case ratio:
		return fmt.Sprintf("%.2f", v)
	case count, bytesUnit, perSecond:
		return fmt.Sprintf("%.0f", v)
	case seconds:
		return fmt.Sprintf("%.2f", v)
	}
	return fmt.Sprintf("%.1f", v)
}

// of gives the figures of a part, those of each setup together.
func (f figures) of(part string) (list []*figure) {
	var setups []string
	for _, x := range f {
		if x.part == part && !slices.Contains(setups, x.setup) {
			setups = append(setups, x.setup)
		}
	}
	for _, s := range setups {
		for _, x := range f {
			if x.part == part && x.setup == s {
				list = append(list, x)
			}
		}
	}
	return list
}
