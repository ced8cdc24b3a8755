package intake

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// Limits of a text file. encoding/csv knows neither: it reads a line of any
// length into memory, and reports an unclosed quote on the last line of the
// file rather than where somebody has to look. Hence a splitter of our own.
const (
	maxRecord  = 1 << 20 // octets a record may take
	maxColumns = 2000
	bufferSize = 64 << 10 // octets read at a time; the header must end within
)

// splitter cuts text into records of cells as RFC 4180 §2 has it, with what
// Excel and others do besides: any separator, any line end, white space
// around a quoted cell, a quote inside an unquoted one. It works on octets:
// all separators are ASCII, in UTF-8 as in windows-1252.
type splitter struct {
	src      io.Reader
	sep, eol byte

	buf     []byte
	r, w    int // unread octets are buf[r:w]
	line    int // of buf[r], from 1
	readErr error

	// The last record. raw may point into buf: it is valid until the next.
	raw   []byte
	cells []span
	quote []byte // backs raw for a record with quotes
}

// span is where a cell stands in splitter.raw.
type span struct{ from, to int }

// splitError says where a record cannot be read, to the end of the file.
type splitError struct {
	line int
	text string
	hint string
}

func (e *splitError) Error() string { return e.text }

// errQuote is a record that can be told apart and cannot be trusted.
type errQuote struct{ opened int }

func (e *errQuote) Error() string {
	return fmt.Sprintf("the quote opened on line %d is followed by text after it closes", e.opened)
}

// errMore asks for more input before a record can be split.
var errMore = errors.New("more input needed")

func newSplitter(src io.Reader, sep, eol byte) *splitter {
	return &splitter{src: src, sep: sep, eol: eol, line: 1, buf: make([]byte, bufferSize)}
}

// peek gives the first octets, at most bufferSize, without reading past them.
func (s *splitter) peek() ([]byte, error) {
	if s.r == s.w && s.readErr == nil {
		s.fill()
	}
	if s.r == s.w && s.readErr != io.EOF {
		return nil, s.readErr
	}
	return s.buf[s.r:s.w], nil
}

// fill makes room and reads until the buffer is full, so that a record is
// looked at again at most once for each time the buffer doubled.
func (s *splitter) fill() {
	if s.r > 0 {
		s.w = copy(s.buf, s.buf[s.r:s.w])
		s.r = 0
	}
	if s.w == len(s.buf) {
		s.buf = append(s.buf, make([]byte, len(s.buf))...)
	}
	n, err := io.ReadFull(s.src, s.buf[s.w:])
	s.w += n
	if err == io.ErrUnexpectedEOF {
		err = io.EOF
	}
	s.readErr = err
}

// next reads a record and gives its first line. The errors are io.EOF,
// [*errQuote] (the record can be read past), [*splitError] and what the
// source said.
func (s *splitter) next() (line int, err error) {
	for scanned := 0; ; {
		data := s.buf[s.r:s.w]
		line = s.line
		if i := bytes.IndexByte(data[scanned:], s.eol); i >= 0 || len(data) > 0 && s.readErr == io.EOF {
			end, n := scanned+i, scanned+i+1
			if i < 0 {
				end, n = len(data), len(data)
			}
			if bytes.IndexByte(data[:end], '"') < 0 {
				s.plain(data[:end])
				s.advance(n)
				return line, s.capped(line)
			}
			n, err = s.quoted(data, s.readErr == io.EOF)
			if err != errMore {
				s.advance(n)
				if err == nil {
					err = s.capped(line)
				}
				return line, err
			}
			scanned = end
		} else {
			scanned = len(data)
		}
		switch {
		case len(data) > maxRecord:
			return line, s.tooLong(data)
		case s.readErr == io.EOF:
			return line, io.EOF
		case s.readErr != nil:
			return line, s.readErr
		}
		s.fill()
	}
}

func (s *splitter) capped(line int) error {
	if len(s.raw) > maxRecord || len(s.cells) > maxColumns {
		return &splitError{line, fmt.Sprintf("the row is longer than 1 MiB or has more than %d cells", maxColumns),
			"is this a list with one person a row?"}
	}
	return nil
}

// tooLong says what keeps a record from ending: a quote, if one is open.
func (s *splitter) tooLong(data []byte) error {
	_, err := s.quoted(data, true)
	if bad, ok := err.(*splitError); ok {
		return bad
	}
	return &splitError{s.line, "the row is longer than 1 MiB", "is this a list with one person a row?"}
}

func (s *splitter) advance(n int) {
	s.line += bytes.Count(s.buf[s.r:s.r+n], []byte{s.eol})
	s.r += n
}

// plain splits a record without quotes.
func (s *splitter) plain(rec []byte) {
	s.raw, s.cells = bytes.TrimSuffix(rec, []byte{'\r'}), s.cells[:0]
	from := 0
	for {
		i := bytes.IndexByte(s.raw[from:], s.sep)
		if i < 0 || len(s.cells) > maxColumns {
			break
		}
		s.cells = append(s.cells, span{from, from + i})
		from += i + 1
	}
	s.cells = append(s.cells, span{from, len(s.raw)})
}

// quoted splits the record at the begin of data, and says how long it is.
func (s *splitter) quoted(data []byte, atEOF bool) (n int, err error) {
	s.cells, s.quote = s.cells[:0], s.quote[:0]
	var bad error
	for {
		from := len(s.quote)
		if q := skipBlanks(data[n:], s.sep); n+q < len(data) && data[n+q] == '"' {
			opened := n + q
			if n, err = s.inQuotes(data, opened+1, atEOF); err == errMore {
				return 0, err
			} else if err != nil {
				return len(data), &splitError{s.lineAt(data, opened), "the quote opened on this line is not closed",
					`close it, or write a quote that is part of the text twice (""), in quotes`}
			}
			n += skipBlanks(data[n:], s.sep)
			if bad == nil && !s.endsCell(data[n:]) {
				bad = &errQuote{s.lineAt(data, opened)}
			}
		}
		// The rest of the cell: all of an unquoted one, nothing or a line end
		// after a quoted one.
		rest := n
		for n < len(data) && data[n] != s.sep && data[n] != s.eol {
			n++
		}
		s.quote = append(s.quote, data[rest:n]...)
		if n == len(data) && !atEOF {
			return 0, errMore
		}
		last := n == len(data) || data[n] == s.eol
		if last && len(s.quote) > from && s.quote[len(s.quote)-1] == '\r' {
			s.quote = s.quote[:len(s.quote)-1]
		}
		s.cells = append(s.cells, span{from, len(s.quote)})
		if last || len(s.cells) > maxColumns {
			s.raw = s.quote
			return min(n+1, len(data)), bad
		}
		n++
	}
}

// inQuotes copies a quoted cell from after its opening quote and gives the
// place after the closing one.
func (s *splitter) inQuotes(data []byte, n int, atEOF bool) (int, error) {
	for {
		i := bytes.IndexByte(data[n:], '"')
		if i < 0 || n+i+1 == len(data) && !atEOF {
			if atEOF {
				return n, io.ErrUnexpectedEOF
			}
			return n, errMore
		}
		s.quote = append(s.quote, data[n:n+i]...)
		n += i + 1
		if n == len(data) || data[n] != '"' {
			return n, nil
		}
		s.quote = append(s.quote, '"')
		n++
	}
}

// lineAt gives the line of an octet of the unread data.
func (s *splitter) lineAt(data []byte, n int) int {
	return s.line + bytes.Count(data[:n], []byte{s.eol})
}

// endsCell says whether what follows a closing quote ends the cell.
func (s *splitter) endsCell(rest []byte) bool {
	if len(rest) > 0 && rest[0] == '\r' {
		rest = rest[1:]
		return len(rest) == 0 || rest[0] == s.eol
	}
	return len(rest) == 0 || rest[0] == s.sep || rest[0] == s.eol
}

// skipBlanks counts the spaces and tabs that data begins with.
func skipBlanks(data []byte, sep byte) (n int) {
	for n < len(data) && (data[n] == ' ' || data[n] == '\t') && data[n] != sep {
		n++
	}
	return n
}
