// Package fault holds the named points at which a test build can be made to
// die, stall or fail. It owns the names and the little language that says what
// happens at them.
//
// In an ordinary build [At] is an empty function that the compiler removes, and
// [Arm] refuses every specification, so that nobody believes that a fault was
// injected. With the build tag faults, Arm takes
//
//	point[=id]:action[@n][,...]
//
// where point is one of [Points], id the number the point is reached with (a
// message, mostly; any, when left out), and n the time it is reached at which
// it acts, counted from 1 (the first, when left out; * is every time). Actions:
//
//	kill            SIGKILL to this process, as the kernel's OOM killer sends it
//	sleep:DURATION  stand still, as a virtual machine that is moved does
//	error           At gives [ErrInjected]
//	panic           At panics
//
// One part may be clock:FILE: the machine's clock seems off by the duration in the
// file, which may be written while the program runs ([Skew]).
//
// For example: HERAUT_FAULT=dot_committed:kill@20,rendering=7:error@* dies at
// the twentieth final dot, and fails each rendering of message 7 until then.
//
// A specification that cannot be read is refused as a whole.
package fault

import "errors"

// Point names a moment in the life of a message. Stable strings: they stand in
// scripts and in the table of results.
type Point string

// The points, in the order in which a message passes them. Those of a whole
// batch are reached with the number 0.
const (
	// Expanded: a chunk of a campaign's messages is on record, in line with its
	// state.
	Expanded Point = "expanded"
	// DueFound: the ledger named messages that are due, and they are not in the
	// queue yet.
	DueFound Point = "due_found"
	// Enqueued: a task for them is in the queue.
	Enqueued Point = "enqueued"
	// Claimed: a worker holds a batch, and has done nothing for it.
	Claimed Point = "claimed"
	// Rendering: before the message with this number is rendered.
	Rendering Point = "rendering"
	// DotCommitted: the final dot of this message is on record, and not on the
	// wire.
	DotCommitted Point = "dot_committed"
	// Answered: the server's answer to the dot was read, and is not recorded.
	Answered Point = "answered"
	// Recorded: the outcomes of a batch are committed, and asynq does not know
	// that its task is done.
	Recorded Point = "recorded"
)

// Points gives every point.
func Points() []Point {
	return []Point{Expanded, DueFound, Enqueued, Claimed, Rendering, DotCommitted, Answered, Recorded}
}

// ErrInjected is what [At] gives where the specification says error.
var ErrInjected = errors.New("fault: injected error")
