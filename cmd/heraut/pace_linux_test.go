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

// pace says which pace a thread has that the runtime makes.
func init() {
	programs["pace"] = func() {
		unhurry(os.Args[1:])
		runtime.LockOSThread() // what follows needs another thread
		of := make(chan pace)
		go func() { of <- paceOf() }()
		fmt.Println(os.Getpid(), os.Args, <-of)
	}
}

// Serve goes on unhurried, as the same process; other commands go on as they are.
func TestUnhurry(t *testing.T) {
	for command, want := range map[string]pace{"serve": {slack, unix.SCHED_BATCH}, "status": paceOf()} {
		var out strings.Builder
		cmd := exec.Command("/proc/self/exe")
		cmd.Args, cmd.Stdout = []string{"pace", "--json", command}, &out
		if err := cmd.Run(); err != nil {
			t.Fatal(err)
		}
		if want := fmt.Sprintln(cmd.Process.Pid, cmd.Args, want); out.String() != want {
			t.Errorf("got %q, want %q", out.String(), want)
		}
	}
}
