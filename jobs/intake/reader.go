package intake

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"heraut/jobs"
)

// Options say how to read a file. The zero value is right for most.
type Options struct {
	Name  string            // the file's name in errors; its base name where empty
	Map   map[string]string // [Field] → header, or "#3" for the third column, or "" to leave the field unread
	Zone  *time.Location    // the zone of dates that name none; UTC where nil
	Sheet string            // XLSX: the sheet to read, hidden or not; where empty the only visible one with addresses
}

// Reader gives the rows of one file in order. It is not safe for concurrent
// use.
type Reader struct {
	name   string
	zone   *time.Location
	src    source
	file   io.Closer // nil for a stream
	layout *layout
	at     places
	isXLSX bool
	err    error // what ended it
}

// Open opens a CSV or XLSX file, told apart by content, and reads its header.
// The error is a [*FileError], or that of [os.Open].
func Open(path string, o Options) (*Reader, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open registrations: %w", err)
	}
	if o.Name == "" {
		o.Name = filepath.Base(path)
	}
	r, err := openFile(f, o)
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	r.file = f
	return r, nil
}

func openFile(f *os.File, o Options) (*Reader, error) {
	st, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("open registrations: %w", err)
	}
	if st.IsDir() {
		return nil, &FileError{File: o.Name, Text: "this is a folder", Hint: "give the name of a CSV or XLSX file"}
	}
	if !st.Mode().IsRegular() {
		return NewReader(f, -1, o)
	}
	magic := make([]byte, len(ole2Magic))
	n, _ := f.ReadAt(magic, 0) // a short file is no workbook; an error comes back below
	switch magic = magic[:n]; {
	case bytes.HasPrefix(magic, ole2Magic):
		return nil, ole2Error(f, st.Size(), o.Name)
	case bytes.HasPrefix(magic, zipMagic):
		src, err := openWorkbook(f, st.Size(), o)
		if err != nil {
			return nil, err
		}
		r, err := newReader(src, o)
		if err != nil {
			_ = src.close()
			return nil, err
		}
		r.isXLSX = true
		return r, nil
	}
	return NewReader(f, st.Size(), o)
}

// NewReader reads CSV from a stream of size octets, -1 where that is unknown.
// The error is a [*FileError].
func NewReader(rd io.Reader, size int64, o Options) (*Reader, error) {
	src, err := newTextSource(rd, o.Name, size, func(h []string) int { return score(h, o.Map) })
	if err != nil {
		return nil, endError(err, o.Name)
	}
	return newReader(src, o)
}

// newReader reads the header: the first row that is not blank.
func newReader(src source, o Options) (*Reader, error) {
	r := &Reader{name: o.Name, zone: o.Zone, src: src}
	if r.zone == nil {
		r.zone = time.UTC
	}
	for {
		rec, err := src.next()
		if err != nil {
			return nil, endError(err, o.Name)
		}
		if rec.problem != "" {
			return nil, &FileError{File: o.Name, Line: rec.line, Text: "header: " + rec.problem}
		}
		if blank(rec.cells) {
			continue
		}
		r.layout, err = arrange(rec.cells, o.Map)
		var bad *headerError
		if errors.As(err, &bad) {
			return nil, &FileError{File: o.Name, Line: rec.line, Text: bad.text, Hint: bad.hint}
		}
		if err != nil {
			return nil, err
		}
		r.at = r.layout.places()
		return r, nil
	}
}

// endError makes an end where there should be a header an error.
func endError(err error, name string) error {
	if err == io.EOF {
		return &FileError{File: name, Text: "the file holds no header", Hint: "the first line must name the columns"}
	}
	return err
}

// Header gives the headers as they stand in the file, without trailing empty
// ones.
func (r *Reader) Header() []string { return r.layout.headers() }

// Columns says what each column of the file is read as, in file order.
func (r *Reader) Columns() []Column { return slices.Clone(r.layout.columns) }

// Offset says how far the reader is, in octets of the file. total is -1 where
// the size is unknown. A workbook is taken in as a whole: done is total.
func (r *Reader) Offset() (done, total int64) { return r.src.offset() }

// Close gives back what the reader holds.
func (r *Reader) Close() error {
	err := r.src.close()
	if r.file != nil {
		err = errors.Join(err, r.file.Close())
	}
	return err
}

// Next gives the next row. A [*Refusal] is about that row only; after any
// other error there are no more rows: io.EOF at the end of the file, or a
// [*FileError]. Rows without any text are passed over.
func (r *Reader) Next() (Row, error) {
	for r.err == nil {
		rec, err := r.src.next()
		if err != nil {
			r.err = err
			break
		}
		if rec.problem == "" && blank(rec.cells) {
			continue
		}
		row, err := r.row(rec)
		if err != nil {
			return Row{}, &Refusal{File: r.name, Line: rec.line, Reason: err.Error(), Cells: slices.Clone(rec.cells)}
		}
		return row, nil
	}
	return Row{}, r.err
}

// row makes a row of a record; the error is the reason to refuse it.
func (r *Reader) row(rec record) (row Row, err error) {
	if rec.problem != "" {
		return row, errors.New(rec.problem)
	}
	switch n, width := len(rec.cells), r.layout.width; {
	case n > width && !blank(rec.cells[width:]), n < width && !r.isXLSX:
		return row, fmt.Errorf("has %d cells, header has %d", n, width)
	}
	row.Line = rec.line
	if row.Email, err = r.email(rec.cells); err != nil {
		return row, fmt.Errorf("e-mail: %w", err)
	}
	if row.Cancelled, err = cancelled(cell(rec.cells, r.at.status)); err != nil {
		return row, err
	}
	row.GivenName = jobs.CleanName(cell(rec.cells, r.at.given))
	row.Name = r.fullName(rec.cells)
	row.Organisation = jobs.CleanName(cell(rec.cells, r.at.organisation))
	if lang := strings.TrimSpace(cell(rec.cells, r.at.lang)); lang != "" {
		row.Lang, _ = jobs.ParseLang(lang) // any other language is answered in Dutch
	}
	row.Tags = tags(cell(rec.cells, r.at.tags))
	row.RegisteredAt = r.registeredAt(rec.cells)
	return row, nil
}

// cell gives what stands in a column, "" where there is none.
func cell(cells []string, i int) string {
	if i < 0 || i >= len(cells) {
		return ""
	}
	return cells[i]
}

func (r *Reader) email(cells []string) (jobs.Address, error) {
	anonymous := false
	for _, i := range r.layout.email {
		if i >= len(cells) {
			continue
		}
		switch s := strings.TrimSpace(cells[i]); {
		case s == "":
		case strings.EqualFold(s, "anonymous"), strings.EqualFold(s, "anoniem"):
			anonymous = true
		default:
			// Cloned, so that a row keeps no more of its record than it needs.
			return jobs.ParseAddress(strings.Clone(s))
		}
	}
	if anonymous {
		return jobs.Address{}, errors.New("answered anonymously: ask for the address in a question of the form")
	}
	return jobs.Address{}, errors.New("no address")
}

// fullName joins the parts of a name, or gives the full name where there are none.
func (r *Reader) fullName(cells []string) string {
	given, infix, family := cell(cells, r.at.given), cell(cells, r.at.infix), cell(cells, r.at.family)
	if full := cell(cells, r.at.name); full != "" && strings.TrimSpace(family) == "" {
		return jobs.CleanName(full)
	}
	if infix == "" && family == "" {
		return jobs.CleanName(given)
	}
	return jobs.CleanName(given + " " + infix + " " + family)
}

func (r *Reader) registeredAt(cells []string) time.Time {
	s, clock := cell(cells, r.at.date), cell(cells, r.at.clock)
	if s == "" {
		return time.Time{}
	}
	if clock != "" {
		if t, ok := parseDate(s+" "+clock, r.zone); ok {
			return t
		}
	}
	t, _ := parseDate(s, r.zone)
	return t
}

// tags splits a cell of tags.
func tags(s string) (out []string) {
	if s == "" {
		return nil
	}
	for t := range strings.FieldsFuncSeq(s, func(r rune) bool { return r == ',' || r == ';' || r == '|' || r == '\n' }) {
		t = strings.ReplaceAll(strings.ToLower(jobs.CleanName(t)), " ", "-")
		if t != "" && !slices.Contains(out, t) {
			out = append(out, t)
		}
	}
	return out
}
