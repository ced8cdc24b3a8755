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
	var text []string
	kept := 0
	for range maxReplyLines {
		line, err := r.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			return reply{}, fmt.Errorf("%w: line too long", errBadReply)
		}
		if err != nil {
			return reply{}, err
		}
		line = bytes.TrimRight(line, "\r\n")
		code, more, rest, ok := splitReplyLine(line)
		if !ok || (out.code != 0 && code != out.code) {
			return reply{}, errBadReply
		}
		out.code = code
		enhanced, rest := splitEnhanced(code, rest)
		if out.enhanced == "" {
			out.enhanced = enhanced
		}
		if kept <= maxReplyText {
			text = append(text, rest)
			kept += len(rest)
		}
		if !more {
			out.text = oneLine(strings.Join(text, " "), maxReplyText)
			return out, nil
		}
	}
	return reply{}, fmt.Errorf("%w: too many lines", errBadReply)
}

// splitReplyLine takes "250-text", "250 text" or "250" apart.
func splitReplyLine(line []byte) (code int, more bool, rest string, ok bool) {
	if len(line) < 3 {
		return 0, false, "", false
	}
	for _, c := range line[:3] {
		if c < '0' || c > '9' {
			return 0, false, "", false
		}
		code = code*10 + int(c-'0')
	}
	if code < 200 || code > 599 {
		return 0, false, "", false
	}
	if len(line) == 3 {
		return code, false, "", true
	}
	if line[3] != ' ' && line[3] != '-' {
		return 0, false, "", false
	}
	return code, line[3] == '-', string(line[4:]), true
}

// splitEnhanced takes a leading enhanced status code (RFC 2034: class.subject.detail,
// its class equal to the first digit of the reply code) off the text.
func splitEnhanced(code int, text string) (enhanced, rest string) {
	word, rest, _ := strings.Cut(text, " ")
	parts := strings.Split(word, ".")
	if len(parts) != 3 || parts[0] != string(rune('0'+code/100)) {
		return "", text
	}
	for _, p := range parts {
		if len(p) == 0 || len(p) > 3 || strings.Trim(p, "0123456789") != "" {
			return "", text
		}
	}
	return word, rest
}
