package mailer

import (
	"bufio"
	"net"
	"time"
)

// ReadReply and CheckWire open the parsers of foreign input to fuzzing.
func ReadReply(r *bufio.Reader) (code int, enhanced, text string, err error) {
	got, err := readReply(r)
	return got.code, got.enhanced, got.text, err
}

var CheckWire = checkWire

// DotStuffed appends data as it goes over the wire, without the final dot.
func DotStuffed(dst, data []byte) ([]byte, error) {
	found, err := inspect(data)
	if err != nil {
		return nil, err
	}
	return appendStuffed(dst, data, found.dotted), nil
}

// AgeKept makes the sessions a pool keeps look unused for longer.
func AgeKept(p *Pool, by time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, k := range p.kept {
		k.since = k.since.Add(-by)
	}
}

// AgeSession makes the session's last mail look longer ago.
func AgeSession(s *Session, by time.Duration) { s.rested = s.rested.Add(-by) }

// Through puts something between the session and its TCP connection.
func Through(s *Session, wrap func(net.Conn) net.Conn) { s.link.Conn = wrap(s.link.Conn) }

// Quicken sets the quiet while after which a pool's limit rises, and forgets
// when it was last halved.
func Quicken(p *Pool, quiet time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.limit.quiet, p.limit.eased = quiet, time.Time{}
}

// Waiting counts the callers of Get that wait.
func Waiting(p *Pool) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.limit.waiting)
}
