//go:build faults

package fault_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"heraut/worker/fault"
)

func arm(t *testing.T, spec string) {
	t.Helper()
	if err := fault.Arm(spec); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = fault.Arm("") })
}

// hits says at which of n visits to a point it gives the error.
func hits(point fault.Point, id int64, n int) (at []int) {
	for i := range n {
		if errors.Is(fault.At(point, id), fault.ErrInjected) {
			at = append(at, i+1)
		}
	}
	return at
}

func TestWhen(t *testing.T) {
	for _, c := range []struct {
		spec   string
		id     int64
		wanted string
	}{
		{"rendering:error", 4, "1"},
		{"rendering:error@3", 4, "3"},
		{"rendering:error@*", 4, "1234"},
		{"rendering=4:error@2", 4, "2"},
		{"rendering=5:error@*", 4, ""},
		{"claimed:error@*", 4, ""},
		{"claimed:error@*, rendering:error@2,rendering:error@4", 4, "24"},
		{"", 4, ""},
	} {
		arm(t, c.spec)
		var got strings.Builder
		for _, n := range hits(fault.Rendering, c.id, 4) {
			got.WriteByte(byte('0' + n))
		}
		if got.String() != c.wanted {
			t.Errorf("%q acted at %q, want %q", c.spec, got.String(), c.wanted)
		}
	}
}

func TestRefusedSpecs(t *testing.T) {
	arm(t, "rendering:error@*")
	for _, spec := range []string{
		"rendering", "renderign:kill", "rendering:", "rendering:kil", "rendering=x:kill", "rendering=0:kill", "rendering:kill@0",
		"rendering:kill@x", "rendering:sleep", "rendering:sleep:soon", "rendering:sleep:-1s", "rendering:kill:1s", "rendering:kill,", ":kill", "clock:", "clock",
	} {
		if err := fault.Arm(spec); err == nil {
			t.Errorf("%q was armed", spec)
		}
	}
	if len(hits(fault.Rendering, 1, 1)) != 1 {
		t.Error("a refused specification took the place of the armed one")
	}
}

func TestSleep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		arm(t, "answered:sleep:3m")
		began := time.Now()
		if err := fault.At(fault.Answered, 1); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took != 3*time.Minute {
			t.Errorf("slept %v", took)
		}
	})
}

func TestSkew(t *testing.T) {
	file := filepath.Join(t.TempDir(), "clock")
	arm(t, "clock:"+file+",rendering:error@*")
	for _, c := range []struct {
		text string
		want time.Duration
	}{{"", 0}, {"720h\n", 720 * time.Hour}, {"-5m", -5 * time.Minute}} {
		if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Millisecond)
		if got := fault.Skew(); got != c.want {
			t.Errorf("%q: %v", c.text, got)
		}
	}
	if len(hits(fault.Rendering, 1, 1)) != 1 {
		t.Error("the rest of the specification does nothing")
	}
	arm(t, "")
	if got := fault.Skew(); got != 0 {
		t.Errorf("disarmed: %v", got)
	}
}

func TestPanic(t *testing.T) {
	arm(t, "recorded:panic")
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	_ = fault.At(fault.Recorded, 0)
}

// TestKill runs itself as the process that dies.
func TestKill(t *testing.T) {
	if len(os.Args) > 1 && os.Args[len(os.Args)-1] == "die" {
		arm(t, "claimed:kill")
		_ = fault.At(fault.Claimed, 0)
		os.Exit(0)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKill$", "--", "die")
	_ = cmd.Run()
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || !status.Signaled() || status.Signal() != syscall.SIGKILL {
		t.Errorf("the process ended by %v, want SIGKILL", cmd.ProcessState)
	}
}
