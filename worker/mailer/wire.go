package mailer

import (
	"bytes"
	"errors"
	"fmt"
)

// maxLine is the most octets a line may have, without its CRLF (RFC 5322 §2.1.1).
const maxLine = 998

// ErrNotWireFormat is the cause when mail data is not fit for DATA: a CR or LF
// that is not part of a CRLF, a NUL, or a line over 998 octets. Servers differ
// on what a bare line feed ends, which is how mail gets smuggled, so it is
// refused and not repaired here.
var ErrNotWireFormat = errors.New("data is not in wire format")

// checkWire verifies lines and reports whether all octets are ASCII.
func checkWire(data []byte) (ascii bool, err error) {
	ascii = true
	for n, start := 1, 0; start < len(data); n++ {
		line := data[start:]
		if end := bytes.IndexByte(line, '\n'); end >= 0 {
			line = line[:end+1]
			if end == 0 || line[end-1] != '\r' {
				return false, fmt.Errorf("%w: bare LF in line %d", ErrNotWireFormat, n)
			}
			line = line[:end-1]
			start += 2
		}
		start += len(line)
		if len(line) > maxLine {
			return false, fmt.Errorf("%w: line %d has %d octets, at most %d are allowed", ErrNotWireFormat, n, len(line), maxLine)
		}
		for _, c := range line {
			switch {
			case c >= 0x80:
				ascii = false
			case c == '\r' || c == 0:
				return false, fmt.Errorf("%w: bare CR or NUL in line %d", ErrNotWireFormat, n)
			}
		}
	}
	return ascii, nil
}

// dotStuffed doubles each dot that begins a line and ends the last line (RFC
// 5321 §4.5.2). Mail seldom has such a line, so the common case copies nothing.
func dotStuffed(data []byte) []byte {
	if !bytes.HasPrefix(data, []byte(".")) && !bytes.Contains(data, []byte("\n.")) && bytes.HasSuffix(data, []byte("\r\n")) {
		return data
	}
	out := make([]byte, 0, len(data)+len(data)/64+8)
	if bytes.HasPrefix(data, []byte(".")) {
		out = append(out, '.')
	}
	for {
		i := bytes.Index(data, []byte("\n."))
		if i < 0 {
			break
		}
		out = append(append(out, data[:i+2]...), '.')
		data = data[i+2:]
	}
	out = append(out, data...)
	if !bytes.HasSuffix(out, []byte("\r\n")) {
		out = append(out, '\r', '\n')
	}
	return out
}
