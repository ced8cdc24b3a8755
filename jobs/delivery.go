package jobs

import "time"

// The words between the ledger, which records, and the worker, which does.

// Ticket is a message that waits and is due soon, to be handed to its queue.
type Ticket struct {
	ID    int64
	Queue Queue
	// Fence tells one wait of the message from the next: claiming it, giving it
	// back and planning it anew each raise it.
	Fence int64
	At    time.Time // when it may leave
	Alone bool      // a worker died while it held this message: it travels by itself, so that the next death tells whether it is the cause
	// Generation is another one each time the message is handed to the queue,
	// greater than those before, so that no trace of an earlier task is in its
	// way. Who hands it over sets it.
	Generation int64
}

// Claim is a message that one worker holds: nobody else may send it while the
// worker's lease lasts, and each later write has to name the fence.
type Claim struct {
	Message      Message
	Registration Registration
	Fence        int64
	Version      int64 // of the programme on record at the claim
}

// Dot announces that the final dot of a claimed message is about to be sent.
type Dot struct {
	ID        int64
	Fence     int64
	MessageID string // the Message-ID in the mail, kept for every later copy
}

// Outcome is how one try ended. State is Sent, Retry, Failed, InDoubt,
// Suppressed, CancelledState, Expired, HeldState or Planned (given back untried).
type Outcome struct {
	ID            int64
	Fence         int64
	State         State
	Reason        string
	SMTP          string    // the server's answer, "" when there was none
	SentAt        time.Time // for Sent
	NextAttemptAt time.Time // for Retry, for an InDoubt that is resent, and for Planned (not before); else zero
	Suppress      bool      // the server says there is no such mailbox: write to it no more
}

// Swept says what a sweep found.
type Swept struct {
	Released int // claimed by a worker that died: due again
	Parked   int // its workers died MaxCrashes times: failed
	InDoubt  int // its worker died after the final dot
	Expired  int // its moment passed
	Workers  int // workers whose lease had ended
}

// Sum is how many messages a sweep moved.
func (s Swept) Sum() int { return s.Released + s.Parked + s.InDoubt + s.Expired }
