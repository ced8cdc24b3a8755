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

// pace is how a thread stands with the kernel's scheduler.
type pace struct {
	slack  time.Duration
	policy uint32 // SCHED_NORMAL, SCHED_BATCH and so on
}

// unhurry starts the process over with slack and under SCHED_BATCH if args are
// those of serve. It returns when the process has them, or when they are not to
// be had.
//
// While threads stay in system calls, Go's runtime looks for those every 20 µs,
// and nothing sets that (golang/go#18236). On a busy machine the kernel takes the
// processor from threads in the middle of one, so that it never stops looking:
// four thousand times a second, for an eighth of the processor time of a worker
// on PostgreSQL. With slack it looks a thousand times (prctl(2), PR_SET_TIMERSLACK).
//
// A thread that wakes up, as one does for every other reply of the mail server, may
// take the processor from whoever has it: from the database in the middle of a
// commit, from a mail server next door, from another thread that writes a mail. Each
// throws what the other needs out of the cache. Under SCHED_BATCH (sched(7)) it
// waits for its turn, with the same share of the processor as before. A worker on
// PostgreSQL then needs an eighth less processor time for a mail, PostgreSQL beside
// it a fifteenth, and a tenth more leaves in the same time (go run ./cmd/bench -only=b,
// in turns, on two processors). Who registers meanwhile waits as long as before.
//
// Threads have both from the one that made them, and some are there before main
// is; these have it from before execve.
func unhurry(args []string) {
	runtime.LockOSThread() // both are of a thread
	defer runtime.UnlockOSThread()
	if !slices.Contains(args, "serve") {
		return // an argument of another command may be called so; no matter
	}
	path, err := os.Executable()
	if err != nil {
		return
	}
	before := paceOf()
	if before.slack < slack {
		_ = unix.Prctl(unix.PR_SET_TIMERSLACK, uintptr(slack), 0, 0, 0) // with real-time scheduling there is none
	}
	if before.policy == unix.SCHED_NORMAL { // another one is somebody's choice
		batch()
	}
	if paceOf() != before {
		_ = unix.Exec(path, os.Args, os.Environ()) // comes back only when it fails
	}
}

// batch puts this thread under SCHED_BATCH, as nice as it is, if it may.
func batch() {
	if now, err := unix.SchedGetAttr(0, 0); err == nil {
		_ = unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_BATCH, Nice: now.Nice}, 0)
	}
}

// paceOf gives the pace of this thread.
func paceOf() (p pace) {
	if ns, err := unix.PrctlRetInt(unix.PR_GET_TIMERSLACK, 0, 0, 0, 0); err == nil {
		p.slack = time.Duration(ns)
	}
	if a, err := unix.SchedGetAttr(0, 0); err == nil {
		p.policy = a.Policy
	}
	return p
}
