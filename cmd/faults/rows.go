package main

import (
	"fmt"
	"strconv"
	"strings"
)

// rowSet is a set of rows of the list of faults; the empty one is all of them.
type rowSet struct{ ranges [][2]int }

// Set reads "1-9,34".
func (s *rowSet) Set(text string) error {
	s.ranges = nil
	for part := range strings.SplitSeq(text, ",") {
		first, last, isRange := strings.Cut(part, "-")
		from, err := strconv.Atoi(strings.TrimSpace(first))
		to := from
		if err == nil && isRange {
			to, err = strconv.Atoi(strings.TrimSpace(last))
		}
		if err != nil || from < 1 || to < from {
			return fmt.Errorf("%q is no row and no range of rows", part)
		}
		s.ranges = append(s.ranges, [2]int{from, to})
	}
	return nil
}

// String writes what Set reads.
func (s *rowSet) String() string {
	var parts []string
	for _, r := range s.ranges {
		if r[0] == r[1] {
			parts = append(parts, strconv.Itoa(r[0]))
		} else {
			parts = append(parts, fmt.Sprintf("%d-%d", r[0], r[1]))
		}
	}
	return strings.Join(parts, ",")
}

func (s *rowSet) has(row int) bool {
	for _, r := range s.ranges {
		if r[0] <= row && row <= r[1] {
			return true
		}
	}
	return len(s.ranges) == 0
}
