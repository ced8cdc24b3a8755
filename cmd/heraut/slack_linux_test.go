package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
)

// slack says how much slack a thread has that the runtime makes.
func init() {
	programs["slack"] = func() {
		slacken(os.Args[1:])
		runtime.LockOSThread() // what follows needs another thread
		of := make(chan any)
		go func() { of <- given() }()
		fmt.Println(os.Getpid(), os.Args, <-of)
	}
}

// Serve goes on with slack, as the same process; other commands go on as they are.
func TestSlack(t *testing.T) {
	for command, want := range map[string]any{"serve": slack, "status": given()} {
		var out strings.Builder
		cmd := exec.Command("/proc/self/exe")
		cmd.Args, cmd.Stdout = []string{"slack", "--json", command}, &out
		if err := cmd.Run(); err != nil {
			t.Fatal(err)
		}
		if want := fmt.Sprintln(cmd.Process.Pid, cmd.Args, want); out.String() != want {
			t.Errorf("got %q, want %q", out.String(), want)
		}
	}
}
