package jobs_test

import (
	"testing"

	"heraut/jobs"
)

func TestTooManyComplaints(t *testing.T) {
	for _, c := range []struct {
		complaints, sent int
		want             bool
	}{{2, 2, false}, {3, 3, true}, {3, 999, true}, {3, 1000, false}, {4, 1000, true}, {60, 20_000, false}, {61, 20_000, true}} {
		if got := jobs.TooManyComplaints(c.complaints, c.sent); got != c.want {
			t.Errorf("%d of %d: %v", c.complaints, c.sent, got)
		}
	}
}
