package main

import (
	"os"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// slack is how much later than asked the kernel may wake a thread of serve.
const slack = time.Millisecond

// slacken starts the process over with slack if args are those of serve. It
// returns when there is enough, or when there is none to be had.
//
// While threads stay in system calls, Go's runtime looks for those every 20 µs,
// and nothing sets that (golang/go#18236). On a busy machine the kernel takes the
// processor from threads in the middle of one, so that it never stops looking:
// four thousand times a second, for an eighth of the processor time of a worker
// on PostgreSQL. With slack it looks a thousand times. The thread that does so is
// there before main is; it has its slack from the one that made it, and that has
// it from before execve (prctl(2), PR_SET_TIMERSLACK).
func slacken(args []string) {
	runtime.LockOSThread() // slack is of a thread
	defer runtime.UnlockOSThread()
	if !slices.Contains(args, "serve") || given() >= slack {
		return // an argument of another command may be called so; no matter
	}
	path, err := os.Executable()
	if err != nil {
		return
	}
	err = unix.Prctl(unix.PR_SET_TIMERSLACK, uintptr(slack), 0, 0, 0)
	if err != nil || given() != slack {
		return // with real-time scheduling there is none
	}
	_ = unix.Exec(path, os.Args, os.Environ()) // comes back only when it fails
}

// given is the slack of this thread.
func given() time.Duration {
	ns, err := unix.PrctlRetInt(unix.PR_GET_TIMERSLACK, 0, 0, 0, 0)
	if err != nil {
		return 0
	}
	return time.Duration(ns)
}
