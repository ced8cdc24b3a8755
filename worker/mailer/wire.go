package mailer

import (
	"bytes"
	"encoding/binary"
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

// shape is what sending has to know of data in wire format.
type shape struct {
	ascii  bool // no octet outside ASCII
	dotted bool // a line begins with a dot
}

// checkWire verifies lines and reports whether all octets are ASCII.
func checkWire(data []byte) (ascii bool, err error) {
	found, err := inspect(data)
	return found.ascii, err
}

// inspect verifies lines. Every mail passes here, so it leans on the routines
// that look at many octets at once, and leaves it to faultyLine to say what is
// wrong.
func inspect(data []byte) (shape, error) {
	dotted, sound := soundLines(data)
	if !sound {
		return shape{}, faultyLine(data)
	}
	return shape{ascii: allASCII(data), dotted: dotted}, nil
}

func soundLines(data []byte) (dotted, sound bool) {
	lines := 0
	for rest := data; len(rest) > 0; lines++ {
		dotted = dotted || rest[0] == '.'
		end := bytes.IndexByte(rest, '\n')
		if end < 0 {
			if len(rest) > maxLine {
				return false, false
			}
			break
		}
		if end == 0 || end > maxLine+1 || rest[end-1] != '\r' {
			return false, false
		}
		rest = rest[end+1:]
	}
	// Each line feed has its CR; as many CRs as lines means none is elsewhere.
	return dotted, bytes.Count(data, []byte{'\r'}) == lines && bytes.IndexByte(data, 0) < 0
}

// faultyLine gives the error for the first line that is not in wire format.
func faultyLine(data []byte) error {
	for n := 1; ; n++ {
		line, rest, ended := bytes.Cut(data, []byte{'\n'})
		if ended {
			if !bytes.HasSuffix(line, []byte{'\r'}) {
				return fmt.Errorf("%w: bare LF in line %d", ErrNotWireFormat, n)
			}
			line = line[:len(line)-1]
		}
		if len(line) > maxLine {
			return fmt.Errorf("%w: line %d has %d octets, at most %d are allowed", ErrNotWireFormat, n, len(line), maxLine)
		}
		if !ended || bytes.IndexByte(line, '\r') >= 0 || bytes.IndexByte(line, 0) >= 0 {
			return fmt.Errorf("%w: bare CR or NUL in line %d", ErrNotWireFormat, n)
		}
		data = rest
	}
}

// allASCII looks at eight octets at a time.
func allASCII(data []byte) bool {
	const high = 0x8080808080808080
	for ; len(data) >= 32; data = data[32:] {
		if (binary.LittleEndian.Uint64(data)|binary.LittleEndian.Uint64(data[8:])|
			binary.LittleEndian.Uint64(data[16:])|binary.LittleEndian.Uint64(data[24:]))&high != 0 {
			return false
		}
	}
	for _, c := range data {
		if c >= 0x80 {
			return false
		}
	}
	return true
}

// appendStuffed appends data with its last line ended and, where any line begins
// with a dot, each such dot doubled (RFC 5321 §4.5.2). data begins with a line.
func appendStuffed(dst, data []byte, dotted bool) []byte {
	rest := data
	if dotted && rest[0] == '.' {
		dst = append(dst, '.')
	}
	for dotted {
		i := bytes.Index(rest, []byte("\n."))
		if i < 0 {
			break
		}
		dst = append(append(dst, rest[:i+2]...), '.')
		rest = rest[i+2:]
	}
	dst = append(dst, rest...)
	if !bytes.HasSuffix(data, []byte("\r\n")) {
		dst = append(dst, '\r', '\n')
	}
	return dst
}

// cutBlock splits data after the last line that ends within size octets, which
// must be more than a line has.
func cutBlock(data []byte, size int) (head, rest []byte) {
	if len(data) <= size {
		return data, nil
	}
	end := bytes.LastIndexByte(data[:size], '\n') + 1
	return data[:end], data[end:]
}
