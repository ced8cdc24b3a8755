package intake

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// record is what a source gives: the cells of one row, and what is wrong with
// the row as such. The cells are the reader's until the next one.
type record struct {
	line    int
	cells   []string
	problem string
}

// source is a file cut into records, the header first. Errors are io.EOF and
// [*FileError].
type source interface {
	next() (record, error)
	offset() (done, total int64)
	close() error
}

// textSource reads CSV.
type textSource struct {
	name  string
	split *splitter
	count *counter
	total int64
	enc   encoding
	cells []string
}

// encoding is what the octets of a text file mean.
//
// The first record with an octet outside ASCII decides: if it is valid UTF-8
// the file is, else it is windows-1252. Valid UTF-8 does not come about by
// chance (an accented letter followed by a plain one is none), and until that
// record there is nothing to decide. A later record that is not UTF-8 in a
// file that was is refused, not guessed at.
type encoding int

const (
	undecided encoding = iota
	isUTF8
	isWindows1252
)

// newTextSource looks at the begin of a stream and is ready to give the
// header. score says how well a header is understood; it chooses the
// separator.
func newTextSource(rd io.Reader, name string, total int64, score func(header []string) int) (*textSource, error) {
	t := &textSource{name: name, total: total, count: &counter{rd: rd}}
	decoded, enc := decode(t.count)
	t.enc = enc
	t.split = newSplitter(decoded, ',', '\n')
	head, err := t.split.peek()
	switch {
	case err != nil:
		return nil, t.readError(err)
	case len(head) == 0:
		return nil, &FileError{File: name, Text: "the file is empty", Hint: "export the list again; the first line must name the columns"}
	case bytes.HasPrefix(head, zipMagic), bytes.HasPrefix(head, ole2Magic):
		return nil, &FileError{File: name, Text: "a workbook cannot be read from a pipe", Hint: "give the name of the file"}
	case bytes.IndexByte(head, 0) >= 0 && bytes.IndexByte(firstLine(head), 0) >= 0:
		return nil, &FileError{File: name, Line: 1, Text: "this is no text file: its first line holds a NUL byte", Hint: "save the list as CSV UTF-8 or XLSX"}
	}
	t.split.eol = lineEnd(head)
	if sep, ok := sepLine(firstLine(head)); ok {
		t.split.sep = sep
		if _, err := t.split.next(); err != nil {
			return nil, t.readError(err)
		}
		return t, nil
	}
	best := -1
	for _, sep := range []byte{';', '\t', ','} {
		if n := t.try(head, sep, score); n > best {
			best, t.split.sep = n, sep
		}
	}
	return t, nil
}

// try scores the header of head as split by sep: a column that is understood
// weighs more than any number that are not.
func (t *textSource) try(head []byte, sep byte, score func([]string) int) int {
	probe := &textSource{name: t.name, enc: t.enc, split: newSplitter(bytes.NewReader(head), sep, t.split.eol)}
	for {
		rec, err := probe.next()
		if err != nil { // then the reader is to say so, with the separator it was written with
			return bytes.Count(firstLine(head), []byte{sep}) + 1
		}
		if !blank(rec.cells) {
			return score(rec.cells)*(maxColumns+1) + len(rec.cells)
		}
	}
}

func (t *textSource) next() (record, error) {
	line, err := t.split.next()
	rec := record{line: line}
	var quote *errQuote
	if errors.As(err, &quote) {
		rec.problem = quote.Error()
	} else if err != nil {
		return record{}, t.readError(err)
	}
	if rec.problem == "" && bytes.IndexByte(t.split.raw, 0) >= 0 {
		rec.problem = "the row holds a NUL byte"
	}
	rec.cells, err = t.text()
	if err != nil && rec.problem == "" {
		rec.problem = err.Error()
	}
	return rec, nil
}

var errMixed = errors.New("the row is not UTF-8, and rows before it are: save the file as CSV UTF-8")

// text gives the cells of the splitter's record as UTF-8. Where the record is
// no UTF-8 it gives them as they are, with an error.
func (t *textSource) text() (cells []string, err error) {
	raw := t.split.raw
	if t.enc == undecided && !isASCII(raw) {
		t.enc = isUTF8
		if !utf8.Valid(raw) {
			t.enc = isWindows1252
		}
	}
	t.cells = t.cells[:0]
	if t.enc == isWindows1252 && !isASCII(raw) {
		for _, c := range t.split.cells {
			t.cells = append(t.cells, fromWindows1252(raw[c.from:c.to]))
		}
		return t.cells, nil
	}
	if t.enc == isUTF8 && !utf8.Valid(raw) {
		err = errMixed
	}
	s := string(raw)
	for _, c := range t.split.cells {
		t.cells = append(t.cells, s[c.from:c.to])
	}
	return t.cells, err
}

func (t *textSource) readError(err error) error {
	var split *splitError
	switch {
	case err == io.EOF:
		return err
	case errors.As(err, &split):
		return &FileError{File: t.name, Line: split.line, Text: split.text, Hint: split.hint}
	}
	return &FileError{File: t.name, Line: t.split.line, Text: "read", Err: err}
}

func (t *textSource) offset() (done, total int64) { return t.count.n, t.total }

func (t *textSource) close() error { return nil }

// decode takes a byte order mark off and turns UTF-16 into UTF-8. UTF-16
// without a mark is known by its NUL bytes: the first letter of a header is
// ASCII in every language we read.
func decode(rd io.Reader) (io.Reader, encoding) {
	br := bufio.NewReader(rd)
	head, _ := br.Peek(4) // an error comes back with the next read
	at := func(i int) int {
		if i < len(head) {
			return int(head[i])
		}
		return -1
	}
	utf16 := func(e unicode.Endianness) (io.Reader, encoding) {
		return transform.NewReader(br, unicode.UTF16(e, unicode.UseBOM).NewDecoder()), isUTF8
	}
	switch {
	case bytes.HasPrefix(head, []byte("\xef\xbb\xbf")):
		_, _ = br.Discard(3)
		return br, isUTF8
	case at(0) == 0xff && at(1) == 0xfe, at(0) > 0 && at(1) == 0 && at(2) > 0 && at(3) == 0:
		return utf16(unicode.LittleEndian)
	case at(0) == 0xfe && at(1) == 0xff, at(0) == 0 && at(1) > 0 && at(2) == 0 && at(3) > 0:
		return utf16(unicode.BigEndian)
	}
	return br, undecided
}

// lineEnd is LF, also where CR stands before it, unless the first line ends
// in CR alone, as Excel for Mac writes it.
func lineEnd(head []byte) byte {
	cr := bytes.IndexByte(head, '\r')
	lf := bytes.IndexByte(head, '\n')
	if cr >= 0 && (lf < 0 || cr+1 < lf) && cr+1 < len(head) {
		return '\r'
	}
	return '\n'
}

// sepLine reads the line "sep=;" that Excel writes and obeys.
func sepLine(line []byte) (sep byte, ok bool) {
	s := strings.Trim(string(line), `" `)
	if len(s) == 5 && strings.EqualFold(s[:4], "sep=") && s[4] < utf8.RuneSelf && normal(s[4:]) == "" {
		return s[4], true
	}
	return 0, false
}

func firstLine(b []byte) []byte {
	if i := bytes.IndexAny(b, "\r\n"); i >= 0 {
		return b[:i]
	}
	return b
}

func isASCII(b []byte) bool {
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func fromWindows1252(b []byte) string {
	var s strings.Builder
	s.Grow(len(b) + len(b)/8)
	for _, c := range b {
		s.WriteRune(charmap.Windows1252.DecodeByte(c))
	}
	return s.String()
}

func blank(cells []string) bool {
	for _, c := range cells {
		if strings.TrimSpace(c) != "" {
			return false
		}
	}
	return true
}

// counter counts what was read, for a progress bar.
type counter struct {
	rd io.Reader
	n  int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.rd.Read(p)
	c.n += int64(n)
	return n, err
}
