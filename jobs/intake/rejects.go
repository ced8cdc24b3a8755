package intake

import (
	"encoding/csv"
	"io"
	"strconv"
	"strings"
)

// RejectsWriter writes refused rows as a CSV file that a Dutch Excel opens as
// it is: UTF-8 with a byte order mark, semicolons, CRLF. The columns are line,
// reason and those of the file, so that the rows can be mended there and read
// again.
//
// Cells come from strangers. One that a spreadsheet would take for a formula
// gets an apostrophe before it (see [guardCell]).
type RejectsWriter struct {
	w      io.Writer
	csv    *csv.Writer
	header []string
	begun  bool
}

// WriteRejects makes a writer for the refused rows of a file with this header
// (see [Reader.Header]). Nothing is written before the first row: no refused
// rows leave an empty file.
func WriteRejects(w io.Writer, header []string) *RejectsWriter {
	c := csv.NewWriter(w)
	c.Comma, c.UseCRLF = ';', true
	return &RejectsWriter{w: w, csv: c, header: header}
}

// Write adds a row.
func (rw *RejectsWriter) Write(r *Refusal) error {
	if !rw.begun {
		rw.begun = true
		if _, err := io.WriteString(rw.w, "\ufeff"); err != nil {
			return err
		}
		if err := rw.line("line", "reason", rw.header); err != nil {
			return err
		}
	}
	return rw.line(strconv.Itoa(r.Line), r.Reason, r.Cells)
}

func (rw *RejectsWriter) line(line, reason string, cells []string) error {
	out := make([]string, 0, len(cells)+2)
	out = append(out, line, guardCell(reason))
	for _, c := range cells {
		out = append(out, guardCell(c))
	}
	return rw.csv.Write(out)
}

// Flush writes what is still held and gives the first error there was.
func (rw *RejectsWriter) Flush() error {
	rw.csv.Flush()
	return rw.csv.Error()
}

// guardCell makes a cell safe to open in a spreadsheet: one that begins with
// = + - @, a tab or a line end gets an apostrophe before it, which
// spreadsheets read as "this is text" (CWE-1236). NUL and octets that are no
// UTF-8 become U+FFFD.
func guardCell(s string) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\ufffd"), "\x00", "\ufffd")
	if s != "" && strings.IndexByte("=+-@\t\r\n", s[0]) >= 0 {
		return "'" + s
	}
	return s
}
