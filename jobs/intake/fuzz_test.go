package intake_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"heraut/jobs"
	"heraut/jobs/intake"
)

// FuzzCSV: whatever the octets, reading ends; every row has an address that
// parses to itself and a name on one line; and a stream that comes in single
// octets gives what the same stream in one piece gives.
func FuzzCSV(f *testing.F) {
	for _, name := range []string{"gravity-forms.csv", "pretix.csv", "excel-nl.csv"} {
		b, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte("sep=|\nemail|naam\n\"a@example.nl\"|\"x\"\"\ny\"\n"))
	f.Add([]byte(utf16File("email\r\na@example.nl\r\n", false, true)))
	f.Fuzz(func(t *testing.T, file []byte) {
		whole := drain(t, bytes.NewReader(file), len(file))
		if len(file) < 4096 {
			if pieces := drain(t, iotest.OneByteReader(bytes.NewReader(file)), len(file)); pieces != whole {
				t.Errorf("in pieces %+v, whole %+v", pieces, whole)
			}
		}
	})
}

// FuzzWorkbook: no panic of the XLSX library gets out.
func FuzzWorkbook(f *testing.F) {
	b, err := os.ReadFile(filepath.Join("testdata", "microsoft-forms.xlsx"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte("<sheetData><row><c t=\"s\"><v>-1</v></c></row></sheetData>"), []byte("<sst/>"), []byte("<workbook/>"))
	f.Add(cellsXML(""), []byte("<sst><si><t>email</t></si></sst>"), []byte(nil))
	f.Fuzz(func(t *testing.T, sheet, shared, workbook []byte) {
		parts := map[string][]byte{sheetXML: sheet, "xl/sharedStrings.xml": shared}
		if len(workbook) > 0 {
			parts["xl/workbook.xml"] = workbook
		}
		path := filepath.Join(t.TempDir(), "list.xlsx")
		if err := os.WriteFile(path, edit(t, b, parts), 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := intake.Open(path, intake.Options{})
		if err != nil {
			if _, ok := errors.AsType[*intake.FileError](err); !ok {
				t.Fatalf("not a FileError: %v", err)
			}
			return
		}
		defer r.Close()
		drainReader(t, r, 1<<20)
	})
}

// counts is what a file came to.
type counts struct {
	rows, refused, lastLine int
	err                     string
}

func drain(t *testing.T, rd io.Reader, size int) counts {
	r, err := intake.NewReader(rd, int64(size), intake.Options{Name: "fuzz.csv"})
	if err != nil {
		return counts{err: err.Error()}
	}
	return drainReader(t, r, size)
}

func drainReader(t *testing.T, r *intake.Reader, size int) (c counts) {
	for {
		row, err := r.Next()
		if refusal, ok := errors.AsType[*intake.Refusal](err); ok {
			c.refused++
			if refusal.Reason == "" || refusal.Line <= c.lastLine {
				t.Fatalf("refusal %+v after line %d", refusal, c.lastLine)
			}
			c.lastLine = refusal.Line
			continue
		}
		if err == io.EOF {
			return c
		}
		if err != nil {
			c.err = err.Error()
			return c
		}
		c.rows++
		if row.Line <= c.lastLine || row.Line > size+1 {
			t.Fatalf("line %d after line %d of %d octets", row.Line, c.lastLine, size)
		}
		c.lastLine = row.Line
		again, err := jobs.ParseAddress(row.Email.String())
		if err != nil || again != row.Email {
			t.Fatalf("address %q does not parse to itself: %v", row.Email, err)
		}
		for _, s := range []string{row.Name, row.GivenName, row.Organisation} {
			if jobs.CleanName(s) != s || !utf8.ValidString(s) {
				t.Fatalf("name %q is not clean", s)
			}
		}
	}
}
