package mailer

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"strings"
)

// maxReplyLines bounds a multi-line reply. RFC 5321 gives no limit; a server
// that talks without end must not fill our memory.
const maxReplyLines = 100

// errBadReply is the cause of a result when the server's answer is not SMTP.
var errBadReply = errors.New("server sent something that is not an SMTP reply")

// reply is a server's answer to one command.
type reply struct {
	code     int
	enhanced string
	text     string
}

// readReply reads one reply, of one or more lines (RFC 5321 §4.2.1). It reads
// not a byte more, so that replies to pipelined commands can be read in turn.
func readReply(r *bufio.Reader) (reply, error) {
	var out reply
	var text []byte // of a reply of several lines
	for n := range maxReplyLines {
		line, err := r.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			return reply{}, fmt.Errorf("%w: line too long", errBadReply)
		}
		if err != nil {
			return reply{}, err
		}
		code, more, rest, ok := splitReplyLine(bytes.TrimRight(line, "\r\n"))
		if !ok || (out.code != 0 && code != out.code) {
			return reply{}, errBadReply
		}
		out.code = code
		size := enhancedSize(code, rest)
		if out.enhanced == "" {
			out.enhanced = string(rest[:size])
		}
		rest = bytes.TrimPrefix(rest[size:], []byte{' '})
		if n == 0 && !more {
			out.text = oneLine(string(rest), maxReplyText)
			return out, nil
		}
		if len(text) <= maxReplyText {
			text = append(append(text, rest...), ' ')
		}
		if !more {
			out.text = oneLine(string(text), maxReplyText)
			return out, nil
		}
	}
	return reply{}, fmt.Errorf("%w: too many lines", errBadReply)
}

// splitReplyLine takes "250-text", "250 text" or "250" apart.
func splitReplyLine(line []byte) (code int, more bool, rest []byte, ok bool) {
	if len(line) < 3 {
		return 0, false, nil, false
	}
	for _, c := range line[:3] {
		if c < '0' || c > '9' {
			return 0, false, nil, false
		}
		code = code*10 + int(c-'0')
	}
	if code < 200 || code > 599 {
		return 0, false, nil, false
	}
	if len(line) == 3 {
		return code, false, nil, true
	}
	if line[3] != ' ' && line[3] != '-' {
		return 0, false, nil, false
	}
	return code, line[3] == '-', line[4:], true
}

// enhancedSize is the length of the enhanced status code at the begin of the
// text, 0 when there is none (RFC 2034: class.subject.detail, its class equal
// to the first digit of the reply code, each number of up to three digits).
func enhancedSize(code int, text []byte) int {
	if len(text) < 5 || text[0] != byte('0'+code/100) || text[1] != '.' {
		return 0
	}
	i := 1
	for range 2 {
		i++ // the dot
		first := i
		for i < len(text) && text[i] >= '0' && text[i] <= '9' {
			i++
		}
		if i == first || i > first+3 {
			return 0
		}
		if first == 2 && (i == len(text) || text[i] != '.') {
			return 0
		}
	}
	if i < len(text) && text[i] != ' ' {
		return 0
	}
	return i
}

// splitEnhanced takes a leading enhanced status code off the text.
func splitEnhanced(code int, text string) (enhanced, rest string) {
	size := enhancedSize(code, []byte(text))
	return text[:size], strings.TrimPrefix(text[size:], " ")
}

// congested reports a reply that asks for less at once, at any time: 421 and
// 432. A 421 4.4.2 does not; with it a server ends a connection that was idle.
func (r reply) congested() bool {
	return (r.code == 421 && r.enhanced != "4.4.2") || r.code == 432
}
