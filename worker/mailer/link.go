package mailer

import (
	"net"
	"sync"
	"time"
)

// link is a TCP connection, below any TLS, that knows how much of what was
// written the kernel took, and whose deadlines can be shortened from another
// goroutine while a phase of the session runs.
type link struct {
	net.Conn
	written int64 // bytes the kernel took; of the goroutine that writes

	mu              sync.Mutex
	readBy, writeBy time.Time
	late            bool      // readBy is not set on the connection yet
	phase           uint64    // counts begins and ends
	ceiling         time.Time // no deadline of this phase is later; zero for none
}

// Read reads. The deadline is set only here: replies that came with an earlier
// one need none.
func (l *link) Read(p []byte) (int, error) {
	l.mu.Lock()
	if l.late {
		l.late = false
		l.Conn.SetReadDeadline(l.atMost(l.readBy))
	}
	l.mu.Unlock()
	return l.Conn.Read(p)
}

// Write writes and counts. When it fails, the bytes counted are those that may
// reach the server all the same.
func (l *link) Write(p []byte) (int, error) {
	n, err := l.Conn.Write(p)
	l.written += int64(n)
	return n, err
}

// readWithin bounds the reads that follow.
func (l *link) readWithin(limit time.Duration) {
	l.mu.Lock()
	l.readBy, l.late = time.Now().Add(limit), true
	l.mu.Unlock()
}

// writeWithin bounds the writes that follow.
func (l *link) writeWithin(limit time.Duration) {
	l.mu.Lock()
	l.writeBy = time.Now().Add(limit)
	l.Conn.SetWriteDeadline(l.atMost(l.writeBy))
	l.mu.Unlock()
}

// begin starts a phase that can be hurried.
func (l *link) begin() (phase uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.phase++
	return l.phase
}

// hurry bounds all that is left of a phase; nothing when the phase is over.
func (l *link) hurry(phase uint64, limit time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.phase != phase {
		return
	}
	l.ceiling = time.Now().Add(limit)
	l.Conn.SetReadDeadline(l.atMost(l.readBy))
	l.Conn.SetWriteDeadline(l.atMost(l.writeBy))
}

// end ends a phase. Its ceiling weighs on no later deadline.
func (l *link) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.phase++
	l.ceiling = time.Time{}
}

// atMost gives the deadline, or the ceiling when that is earlier. Called with
// mu held.
func (l *link) atMost(deadline time.Time) time.Time {
	if !l.ceiling.IsZero() && l.ceiling.Before(deadline) {
		return l.ceiling
	}
	return deadline
}
