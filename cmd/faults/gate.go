package main

import (
	"fmt"
	"sync"
	"time"

	"heraut/worker/mailer/smtptest"
)

// gate is where the lab's SMTP server waits before it answers a mail that it
// took. It stands open, unless a scenario wants mail to be under way for as long
// as it takes to break something: then the machine may be as slow as it likes.
type gate struct {
	mu     sync.Mutex
	turn   *sync.Cond
	closed bool
	places int // answers that may still be given while it is closed
}

func newGate() *gate {
	g := &gate{}
	g.turn = sync.NewCond(&g.mu)
	return g
}

// let closes the gate behind so many more answers.
func (g *gate) let(n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
	g.places += n
	g.turn.Broadcast()
}

// open lets all pass, from now on.
func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed, g.places = false, 0
	g.turn.Broadcast()
}

// pass waits for a place.
func (g *gate) pass() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for g.closed && g.places == 0 {
		g.turn.Wait()
	}
	if g.closed {
		g.places--
	}
}

// took is what an SMTP server of the lab does with a mail: it is on record
// before anybody waits for anything.
func (l *lab) took(m smtptest.Received) {
	l.recorder.Mail(m)
	l.gate.pass()
}

// underWay starts a worker and waits until so many of its mails were answered,
// and the answer to another is kept back. So mail is in its hands, and stays
// there until the gate opens.
func (l *lab) underWay(answered int) *process {
	l.gate.let(answered)
	p := l.serve("")
	l.await(time.Minute, fmt.Sprintf("a mail after the first %d", answered), func() bool { return l.recorder.Count() > answered })
	return p
}
