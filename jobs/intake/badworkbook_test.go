package intake_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/xuri/excelize/v2"

	"heraut/jobs/intake"
)

// sheet is one sheet of a workbook to make.
type sheet struct {
	name   string
	hidden bool
	rows   [][]any
}

func workbookOf(t testing.TB, sheets ...sheet) []byte {
	t.Helper()
	f := excelize.NewFile()
	defer f.Close()
	for i, s := range sheets {
		if i == 0 {
			if err := f.SetSheetName("Sheet1", s.name); err != nil {
				t.Fatal(err)
			}
		} else if _, err := f.NewSheet(s.name); err != nil {
			t.Fatal(err)
		}
		for n, row := range s.rows {
			if err := f.SetSheetRow(s.name, fmt.Sprintf("A%d", n+1), &row); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i, s := range sheets {
		if !s.hidden {
			f.SetActiveSheet(i)
		}
	}
	for _, s := range sheets {
		if err := f.SetSheetVisible(s.name, !s.hidden); err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	if err := f.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// edit changes the parts of a workbook: a part that is nil is left out.
func edit(t testing.TB, workbook []byte, parts map[string][]byte) []byte {
	t.Helper()
	in, err := zip.NewReader(bytes.NewReader(workbook), int64(len(workbook)))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]byte{}
	for _, f := range in.File {
		rd, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if all[f.Name], err = io.ReadAll(rd); err != nil {
			t.Fatal(err)
		}
	}
	maps.Copy(all, parts)
	return zipOf(t, all)
}

func zipOf(t testing.TB, parts map[string][]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	out := zip.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		if parts[name] == nil {
			continue
		}
		h := zip.FileHeader{Name: name, Method: zip.Deflate}
		if strings.HasSuffix(name, ".stored") {
			h.Method = zip.Store
		}
		w, err := out.CreateHeader(&h)
		if err == nil {
			_, err = w.Write(parts[name])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// lyingZip is a workbook whose directory says that a part of 20 MiB holds
// 100 octets.
func lyingZip(t testing.TB, parts map[string][]byte) []byte {
	t.Helper()
	var b, packed bytes.Buffer
	out := zip.NewWriter(&b)
	w, err := out.Create("[Content_Types].xml")
	if err == nil {
		_, err = w.Write(parts["[Content_Types].xml"])
	}
	if err != nil {
		t.Fatal(err)
	}
	inner := zip.NewWriter(&packed)
	zeros, err := inner.Create("x")
	if err != nil {
		t.Fatal(err)
	}
	crc := crc32.NewIEEE()
	for range 20 {
		block := bytes.Repeat([]byte(" "), 1<<20)
		_, _ = crc.Write(block)
		if _, err := zeros.Write(block); err != nil {
			t.Fatal(err)
		}
	}
	if err := inner.Close(); err != nil {
		t.Fatal(err)
	}
	rd, err := zip.NewReader(bytes.NewReader(packed.Bytes()), int64(packed.Len()))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := rd.File[0].OpenRaw()
	if err != nil {
		t.Fatal(err)
	}
	w, err = out.CreateRaw(&zip.FileHeader{Name: "xl/workbook.xml", Method: zip.Deflate, CRC32: crc.Sum32(),
		CompressedSize64: rd.File[0].CompressedSize64, UncompressedSize64: 100})
	if err == nil {
		_, err = io.Copy(w, raw)
	}
	if err == nil {
		err = out.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

const sheetXML = "xl/worksheets/sheet1.xml"

// cellsXML writes a sheet with rows as given, as text within the cells.
func cellsXML(rows string) []byte {
	return []byte(`<?xml version="1.0" encoding="UTF-8"?><worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>` +
		`<row r="1"><c r="A1" t="inlineStr"><is><t>email</t></is></c></row>` + rows + `</sheetData></worksheet>`)
}

// TestBadWorkbooks is the XLSX half of "Bad input": one line a case.
func TestBadWorkbooks(t *testing.T) {
	list := [][]any{{"email", "naam"}, {"jan@example.nl", "Jan"}}
	other := [][]any{{"email", "naam"}, {"piet@example.nl", "Piet"}}
	notes := [][]any{{"Uitleg"}, {"Vul het tweede blad in"}}
	one := workbookOf(t, sheet{name: "Blad1", rows: list})
	two := workbookOf(t, sheet{name: "Ma", rows: list}, sheet{name: "Di", rows: other})
	hidden := workbookOf(t, sheet{name: "Leeg"}, sheet{name: "Oud", hidden: true, rows: list})
	kept := "2 jan@example.nl Jan||"
	row := func(n int, text string) string {
		return fmt.Sprintf(`<row r="%d"><c r="A%d" t="inlineStr"><is><t>%s</t></is></c></row>`, n, n, text)
	}
	bomb := `<?xml version="1.0"?><!DOCTYPE w [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>`
	big := map[string][]byte{}
	for i := range 13 {
		big[fmt.Sprintf("xl/media/%d.stored", i)] = make([]byte, 10<<20)
	}
	many := map[string][]byte{}
	for i := range 5001 {
		many[fmt.Sprintf("xl/media/%d", i)] = []byte{}
	}
	for _, c := range []struct {
		name string
		file []byte
		opt  intake.Options
		want string
	}{
		{"one sheet", one, intake.Options{}, kept},
		{"notes before the list", workbookOf(t, sheet{name: "Uitleg", rows: notes}, sheet{name: "Lijst", rows: list}), intake.Options{}, kept},
		{"empty sheet before the list", workbookOf(t, sheet{name: "Leeg"}, sheet{name: "Lijst", rows: list}), intake.Options{}, kept},
		{"hidden sheet before the list", workbookOf(t, sheet{name: "Oud", hidden: true, rows: other}, sheet{name: "Lijst", rows: list}), intake.Options{}, kept},
		{"two lists", two, intake.Options{}, `||several sheets may hold the registrations: "Ma", "Di"`},
		{"two lists, one named", two, intake.Options{Sheet: "di"}, "2 piet@example.nl Piet||"},
		{"two sheets, no list", workbookOf(t, sheet{name: "A", rows: notes}, sheet{name: "B", rows: notes}), intake.Options{}, `||several sheets may hold the registrations: "A", "B"`},
		{"no such sheet", one, intake.Options{Sheet: "Wo"}, `||no sheet is called "Wo"; the sheets are "Blad1"`},
		{"only a hidden sheet filled", hidden, intake.Options{}, `||only hidden sheets hold anything: "Oud"`},
		{"hidden sheet, named", hidden, intake.Options{Sheet: "Oud"}, kept},
		{"empty workbook", workbookOf(t, sheet{name: "Blad1"}), intake.Options{}, "||the workbook is empty"},
		{"header only", workbookOf(t, sheet{name: "Blad1", rows: list[:1]}), intake.Options{}, "||"},
		{"no e-mail column", workbookOf(t, sheet{name: "Blad1", rows: notes}), intake.Options{}, `||1 no column holds the e-mail address; the columns are "Uitleg"`},
		{"short and blank rows", edit(t, one, map[string][]byte{sheetXML: cellsXML(row(4, "a@example.nl") + row(9, "b@example.nl"))}), intake.Options{}, "4 a@example.nl, 9 b@example.nl||"},
		{"bad address", workbookOf(t, sheet{name: "Blad1", rows: append(list, []any{"piet"})}), intake.Options{}, "2 jan@example.nl Jan|3 e-mail: address has no @|"},
		{"cells past the header", workbookOf(t, sheet{name: "Blad1", rows: append(list, []any{"a@example.nl", "A", "", "x"})}), intake.Options{}, "2 jan@example.nl Jan|3 has 4 cells, header has 2|"},
		{"formula without its value", edit(t, one, map[string][]byte{sheetXML: cellsXML(`<row r="2"><c r="A2"><f>B1</f></c></row>`)}), intake.Options{}, "||"},
		{"escaped NUL in a cell", edit(t, one, map[string][]byte{sheetXML: cellsXML(row(2, "a_x0000_@example.nl"))}), intake.Options{}, "|2 the row holds a NUL byte|"},
		{"row number past the last", edit(t, one, map[string][]byte{sheetXML: cellsXML(row(1<<20+1, "a@example.nl"))}), intake.Options{}, "||the workbook is damaged"},
		{"row of 16,384 cells", edit(t, one, map[string][]byte{sheetXML: cellsXML(`<row r="2"><c r="XFD2"><v>1</v></c></row>`)}), intake.Options{}, "||2 the row has more than 2000 cells"},
		{"cell reference that is none", edit(t, one, map[string][]byte{sheetXML: cellsXML(`<row r="2"><c r="ZZZZZZ2"><v>1</v></c></row>`)}), intake.Options{}, "||2 the workbook is damaged"},
		{"sheet cut off", edit(t, one, map[string][]byte{sheetXML: cellsXML(row(2, "a@example.nl"))[:300]}), intake.Options{}, "||the workbook is damaged: " + sheetXML},
		{"sheet missing", edit(t, one, map[string][]byte{sheetXML: nil}), intake.Options{}, "||the workbook is empty"},
		{"entity bomb", edit(t, one, map[string][]byte{sheetXML: []byte(bomb + `<w>&b;</w>`)}), intake.Options{}, "||the workbook is damaged: " + sheetXML},
		{"entity bomb in the strings", edit(t, one, map[string][]byte{"xl/sharedStrings.xml": []byte(bomb + `<sst><si><t>&b;</t></si></sst>`)}), intake.Options{}, "||the workbook is damaged: xl/sharedStrings.xml"},
		{"zip bomb, one part", edit(t, one, map[string][]byte{"xl/media/a": make([]byte, 20<<20)}), intake.Options{}, "||a part of the workbook unpacks to more than 100 times its size"},
		{"zip bomb, many parts", edit(t, one, smallBombs()), intake.Options{}, "||the workbook unpacks to more than 100 times its size"},
		{"130 MiB that do not pack", edit(t, one, big), intake.Options{}, "||the workbook unpacks to more than 128 MiB"},
		{"directory that lies", lyingZip(t, map[string][]byte{"[Content_Types].xml": []byte("<Types/>")}), intake.Options{}, "||the workbook is damaged: xl/workbook.xml"},
		{"5,001 parts", edit(t, one, many), intake.Options{}, "||the workbook has more than 5000 parts"},
		{"zip that is no workbook", zipOf(t, map[string][]byte{"mimetype": []byte("application/vnd.oasis.opendocument.spreadsheet")}), intake.Options{}, "||this is a zip file, but no Excel workbook (.xlsx)"},
		{"workbook cut off", one[:len(one)/2], intake.Options{}, "||the workbook is damaged"},
		{"password", ole2("EncryptedPackage"), intake.Options{}, "||the workbook is protected with a password"},
		{"old .xls", ole2("Workbook"), intake.Options{}, "||this is an old Excel file (.xls)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := outcome(t, "list.xlsx", c.file, c.opt); got != c.want {
				t.Errorf("got  %.300s\nwant %.300s", got, c.want)
			}
		})
	}
}

func TestWorkbookThroughPipe(t *testing.T) {
	_, err := intake.NewReader(bytes.NewReader(workbookOf(t, sheet{name: "A"})), -1, intake.Options{Name: "stdin"})
	if got := ended(t, err); got != "a workbook cannot be read from a pipe" {
		t.Errorf("got %q", got)
	}
}

// TestPanicsStayInside: no workbook is known that makes the library panic, so
// the step here does it itself.
func TestPanicsStayInside(t *testing.T) {
	err := intake.Guarded(func() error { var none []int; return fmt.Errorf("%d", none[len(none)]) })
	if got := ended(t, err); got != "the workbook is damaged" {
		t.Errorf("got %q", got)
	}
}

// smallBombs are parts that each stay under the size below which the ratio of
// one part does not count.
func smallBombs() map[string][]byte {
	parts := map[string][]byte{}
	for i := range 40 {
		parts[fmt.Sprintf("xl/media/%d", i)] = make([]byte, 1<<20)
	}
	return parts
}

// ole2 is the begin of a compound file, far from its directory.
func ole2(stream string) []byte {
	b := append([]byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), make([]byte, 65536-17)...)
	for _, u := range utf16.Encode([]rune(stream)) {
		b = append(b, byte(u), byte(u>>8))
	}
	return append(b, strings.Repeat("\x00", 512)...)
}
