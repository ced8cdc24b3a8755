package mailer

import (
	"bufio"
	"time"
)

// ReadReply, CheckWire and DotStuffed open the parsers of foreign input to fuzzing.
func ReadReply(r *bufio.Reader) (code int, enhanced, text string, err error) {
	got, err := readReply(r)
	return got.code, got.enhanced, got.text, err
}

var (
	CheckWire  = checkWire
	DotStuffed = dotStuffed
)

// AgeKept makes the sessions a pool keeps look unused for longer.
func AgeKept(p *Pool, by time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, k := range p.kept {
		k.since = k.since.Add(-by)
	}
}
