//go:build faults

package fault

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// action is what a fuse does.
type action string

const (
	kill   action = "kill"
	sleep  action = "sleep"
	fail   action = "error"
	panics action = "panic"
)

// fuse is one armed fault.
type fuse struct {
	point  Point
	id     int64 // 0 is any
	action action
	pause  time.Duration // of sleep
	nth    int64         // acts at this hit; 0 is at every one
	hits   atomic.Int64
}

// hit counts that a point was reached, and says whether the fuse acts now.
func (f *fuse) hit(point Point, id int64) bool {
	if point != f.point || f.id != 0 && id != f.id {
		return false
	}
	n := f.hits.Add(1)
	return f.nth == 0 || n == f.nth
}

// parse reads a specification; clock is the file of clock:FILE.
func parse(spec string) (fuses []*fuse, clock string, err error) {
	if spec == "" {
		return nil, "", nil
	}
	for part := range strings.SplitSeq(spec, ",") {
		if file, ok := strings.CutPrefix(strings.TrimSpace(part), "clock:"); ok && file != "" {
			clock = file
			continue
		}
		f, err := parseFuse(strings.TrimSpace(part))
		if err != nil {
			return nil, "", fmt.Errorf("fault: %q: %w; write point[=id]:kill|sleep:DURATION|error|panic[@n] or clock:FILE", part, err)
		}
		fuses = append(fuses, f)
	}
	return fuses, clock, nil
}

func parseFuse(s string) (*fuse, error) {
	where, what, ok := strings.Cut(s, ":")
	if !ok {
		return nil, fmt.Errorf("no action")
	}
	f := &fuse{nth: 1}
	name, id, ok := strings.Cut(where, "=")
	f.point = Point(name)
	if !slices.Contains(Points(), f.point) {
		return nil, fmt.Errorf("no point %q; the points are %v", name, Points())
	}
	var err error
	if ok {
		if f.id, err = strconv.ParseInt(id, 10, 64); err != nil || f.id < 1 {
			return nil, fmt.Errorf("the id %q is no number above 0", id)
		}
	}
	what, nth, ok := strings.Cut(what, "@")
	switch {
	case ok && nth == "*":
		f.nth = 0
	case ok:
		if f.nth, err = strconv.ParseInt(nth, 10, 64); err != nil || f.nth < 1 {
			return nil, fmt.Errorf("the count %q is neither * nor a number above 0", nth)
		}
	}
	what, pause, ok := strings.Cut(what, ":")
	switch f.action = action(what); {
	case f.action == sleep:
		if f.pause, err = time.ParseDuration(pause); err != nil || f.pause <= 0 {
			return nil, fmt.Errorf("%q is no duration such as 500ms", pause)
		}
	case ok || !slices.Contains([]action{kill, fail, panics}, f.action):
		return nil, fmt.Errorf("no action %q", what)
	}
	return f, nil
}
