package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// pace says which pace a thread has that the runtime makes, and how nice it is.
func init() {
	programs["pace"] = func() {
		unhurry(os.Args[1:])
		runtime.LockOSThread() // what follows needs another thread
		said := make(chan string)
		go func() {
			a, err := unix.SchedGetAttr(0, 0)
			if err != nil {
				panic(err)
			}
			said <- fmt.Sprintln(os.Getpid(), os.Args, paceOf(), a.Nice)
		}()
		fmt.Print(<-said)
	}
}

// Serve goes on unhurried, as the same process and as nice as it was, unless
// somebody chose a policy for it; other commands go on as they are.
func TestUnhurry(t *testing.T) {
	for _, test := range []struct {
		command string
		policy  uint32 // that it is started with
		nice    int32
		want    pace
	}{
		{"serve", unix.SCHED_NORMAL, 0, pace{slack, unix.SCHED_BATCH}},
		{"serve", unix.SCHED_NORMAL, 5, pace{slack, unix.SCHED_BATCH}},
		{"serve", unix.SCHED_IDLE, 0, pace{slack, unix.SCHED_IDLE}},
		{"status", unix.SCHED_NORMAL, 0, pace{paceOf().slack, unix.SCHED_NORMAL}},
	} {
		var out strings.Builder
		cmd := exec.Command("/proc/self/exe")
		cmd.Args, cmd.Stdout = []string{"pace", "--json", test.command}, &out
		failed := make(chan error)
		go func() {
			runtime.LockOSThread() // and never unlocked: the thread ends with what is set here
			err := unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: test.policy, Nice: test.nice}, 0)
			if err == nil {
				err = cmd.Run()
			}
			failed <- err
		}()
		if err := <-failed; err != nil {
			t.Fatal(err)
		}
		if want := fmt.Sprintln(cmd.Process.Pid, cmd.Args, test.want, test.nice); out.String() != want {
			t.Errorf("got %q, want %q", out.String(), want)
		}
	}
}
