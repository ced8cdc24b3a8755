package intake

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/xuri/excelize/v2"
)

// workbook reads one sheet of an XLSX file, row by row.
type workbook struct {
	name   string
	file   *excelize.File
	rows   *excelize.Rows
	size   int64
	line   int
	is1904 bool
	dates  map[int]bool // columns whose numbers are dates; known once the header is read
}

// openWorkbook chooses the sheet: the one asked for, else of the visible
// sheets the only one that names an e-mail column, else the only one with
// anything in it. Where that leaves several, somebody must choose: to read
// the first would lose the people on the second.
func openWorkbook(rd interface {
	io.Reader
	io.ReaderAt
}, size int64, o Options) (w *workbook, err error) {
	if err := checkArchive(rd, size, o.Name); err != nil {
		return nil, err
	}
	w = &workbook{name: o.Name, size: size}
	err = w.guard(func() (err error) {
		w.file, err = excelize.OpenReader(io.NewSectionReader(rd, 0, size), excelize.Options{
			UnzipSizeLimit: maxUnzipped, UnzipXMLSizeLimit: 16 << 20, RawCellValue: true,
		})
		if err != nil {
			return w.failed(err)
		}
		props, err := w.file.GetWorkbookProps()
		if err != nil {
			return w.failed(err)
		}
		w.is1904 = props.Date1904 != nil && *props.Date1904
		sheet, err := w.choose(o)
		if err != nil {
			return err
		}
		header, err := w.header(sheet)
		if err != nil {
			return err
		}
		w.dates = dateColumns(header, o.Map)
		w.rows, err = w.file.Rows(sheet)
		w.line = 0
		return w.failed(err)
	})
	if err != nil {
		_ = w.close()
		return nil, err
	}
	return w, nil
}

// choose gives the name of the sheet to read.
func (w *workbook) choose(o Options) (string, error) {
	sheets := w.file.GetSheetList()
	if o.Sheet != "" {
		for _, s := range sheets {
			if strings.EqualFold(s, o.Sheet) {
				return s, nil
			}
		}
		return "", &FileError{File: w.name, Text: fmt.Sprintf("no sheet is called %q; the sheets are %s", o.Sheet, quotedNames(sheets))}
	}
	var filled, hidden, withEmail []string
	for _, s := range sheets {
		header, err := w.header(s)
		if err != nil {
			return "", err
		}
		if header == nil {
			continue
		}
		if visible, err := w.file.GetSheetVisible(s); err != nil {
			return "", w.failed(err)
		} else if !visible {
			hidden = append(hidden, s)
			continue
		}
		filled = append(filled, s)
		if l, err := arrange(header, o.Map); err == nil && len(l.email) > 0 {
			withEmail = append(withEmail, s)
		}
	}
	switch {
	case len(withEmail) == 1:
		return withEmail[0], nil
	case len(filled) == 1:
		return filled[0], nil
	case len(filled) == 0 && len(hidden) > 0:
		return "", &FileError{File: w.name, Text: "only hidden sheets hold anything: " + quotedNames(hidden),
			Hint: "make the sheet visible in Excel, or name it: --sheet " + strconv.Quote(hidden[0])}
	case len(filled) == 0:
		return "", &FileError{File: w.name, Text: "the workbook is empty", Hint: "export the list again; the first row must name the columns"}
	case len(withEmail) > 0:
		filled = withEmail
	}
	return "", &FileError{File: w.name, Text: "several sheets may hold the registrations: " + quotedNames(filled),
		Hint: "name one: --sheet " + strconv.Quote(filled[0])}
}

// header gives the first row of a sheet that is not blank, nil where there is
// none or the sheet is a chart.
func (w *workbook) header(sheet string) ([]string, error) {
	rows, err := w.file.Rows(sheet)
	var notRows excelize.ErrSheetNotExist
	if errors.As(err, &notRows) || err != nil && strings.Contains(err.Error(), "not a worksheet") {
		return nil, nil
	}
	if err != nil {
		return nil, w.failed(err)
	}
	defer rows.Close()
	for rows.Next() {
		cells, err := rows.Columns()
		if err != nil {
			return nil, w.failed(err)
		}
		if !blank(cells) {
			return cells, nil
		}
	}
	return nil, w.failed(rows.Error())
}

func (w *workbook) next() (rec record, err error) {
	err = w.guard(func() error {
		if !w.rows.Next() {
			if err := w.rows.Error(); err != nil {
				return w.failed(err)
			}
			return io.EOF
		}
		w.line++
		cells, err := w.rows.Columns()
		if err != nil {
			return w.failed(err)
		}
		if len(cells) > maxColumns {
			return &FileError{File: w.name, Line: w.line, Text: fmt.Sprintf("the row has more than %d cells", maxColumns), Hint: "is this a list with one person a row?"}
		}
		rec = record{line: w.line, cells: cells}
		size := 0
		for i, c := range cells {
			if size += len(c); strings.IndexByte(c, 0) >= 0 {
				rec.problem = "the row holds a NUL byte"
			}
			if w.dates[i] {
				cells[i] = w.date(c)
			}
		}
		if size > maxRecord {
			return &FileError{File: w.name, Line: w.line, Text: "the row is longer than 1 MiB", Hint: "is this a list with one person a row?"}
		}
		return nil
	})
	return rec, err
}

// date writes the number Excel keeps for a date as a date, and leaves all
// else as it is. A number below 1 is a time of day.
func (w *workbook) date(s string) string {
	n, err := strconv.ParseFloat(s, 64)
	if err != nil || !(n >= 0 && n <= 100_000) {
		return s
	}
	t, err := excelize.ExcelDateToTime(n, w.is1904)
	if err != nil {
		return s
	}
	t = t.Round(time.Second) // the number is a binary fraction of a day
	if n < 1 {
		return t.Format("15:04:05")
	}
	return t.Format("2006-01-02 15:04:05")
}

// dateColumns gives the columns that hold a date or a time.
func dateColumns(header []string, chosen map[string]string) map[int]bool {
	l, err := arrange(header, chosen)
	if err != nil {
		return nil // the reader meets the same error, and says so
	}
	dates := map[int]bool{}
	for _, f := range []Field{RegisteredAt, TimeOfDay} {
		if i, ok := l.at[f]; ok {
			dates[i] = true
		}
	}
	return dates
}

func (w *workbook) offset() (done, total int64) { return w.size, w.size }

func (w *workbook) close() error {
	var err error
	if w.rows != nil {
		err = w.rows.Close()
	}
	if w.file != nil {
		err = errors.Join(err, w.file.Close())
	}
	return err
}

// failed makes an error of excelize ours.
func (w *workbook) failed(err error) error {
	if err == nil {
		return nil
	}
	return &FileError{File: w.name, Line: w.line, Text: "the workbook is damaged", Hint: saveAsXLSX, Err: err}
}

// guard runs a step of excelize. It trusts the parts of a workbook to fit
// together and panics where they do not; a file from a stranger must not stop
// a server.
func (w *workbook) guard(step func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = w.failed(fmt.Errorf("it cannot be read: %v", p))
		}
	}()
	return step()
}

func quotedNames(names []string) string {
	q := make([]string, len(names))
	for i, n := range names {
		q[i] = strconv.Quote(n)
	}
	return strings.Join(q, ", ")
}
