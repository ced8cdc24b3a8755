package main

import (
	"os"
	"testing"
	"time"
)

func TestParseStat(t *testing.T) {
	// A name may look like the end of the name.
	stat := "4242 (a ) b) S 1 4242 4242 0 -1 4194560 9000 8000 0 0 150 50 30 20 20 0 9 0 100 0 0"
	got, err := parseStat([]byte(stat))
	if want := 2500 * time.Millisecond; err != nil || got != want {
		t.Errorf("got %v, %v; want %v", got, err, want)
	}
	for _, bad := range []string{"", "4242", "4242 (x) S 1 2 3", "4242 (x) S 1 1 1 0 -1 0 0 0 0 0 x 0 0 0 0"} {
		if got, err := parseStat([]byte(bad)); err == nil {
			t.Errorf("%q gives %v", bad, got)
		}
	}
}

func TestParseStatus(t *testing.T) {
	got, err := parseStatus("Name:\tx\nVmPeak:\t 900 kB\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\nThreads:\t3\n")
	if want := (memory{resident: 1 << 20, peak: 2 << 20}); err != nil || got != want {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	// A process that ended and was not waited for has no memory.
	if got, err := parseStatus("Name:\tx\nState:\tZ (zombie)\n"); err == nil {
		t.Errorf("a zombie has %+v", got)
	}
}

// What is read of ourselves has to be plausible: the fields are the right ones.
func TestOurselves(t *testing.T) {
	before, err := cpuTime(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	for began := time.Now(); time.Since(began) < 5*time.Second; {
		after, err := cpuTime(os.Getpid())
		if err != nil {
			t.Fatal(err)
		}
		if after >= before+10*tick {
			m, err := memoryOf(os.Getpid())
			if err != nil || m.resident < 1<<20 || m.peak < m.resident {
				t.Errorf("memory: %+v, %v", m, err)
			}
			return
		}
	}
	t.Errorf("five busy seconds cost less than %v of CPU", 10*tick)
}
