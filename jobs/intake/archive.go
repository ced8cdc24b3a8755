package intake

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Limits of a workbook, checked on the zip directory before anything is
// unpacked. archive/zip gives no more octets of an entry than the directory
// names, so a directory that lies about sizes gains nothing.
const (
	maxUnzipped = 128 << 20 // octets, all entries together
	maxRatio    = 100       // unpacked : packed
	maxEntries  = 5000
	// smallEntry is what an entry may unpack to whatever its ratio: an empty
	// sheet of repeated styles packs very well, and harms nobody.
	smallEntry = 1 << 20
)

// File signatures: zip (APPNOTE.TXT 4.3.7), and the compound file of [MS-CFB]
// 2.2 that holds old .xls and encrypted .xlsx files.
var (
	zipMagic  = []byte("PK\x03\x04")
	ole2Magic = []byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
)

const saveAsXLSX = "open the list in Excel and save it as Excel workbook (.xlsx) or CSV UTF-8"

// checkArchive refuses what is no workbook or would unpack to too much. Then
// it reads every XML part once: excelize takes the first XML error in a sheet
// for the end of the sheet, and rows would be lost without a word.
func checkArchive(rd io.ReaderAt, size int64, name string) error {
	fail := func(err error, hint, format string, args ...any) error {
		return &FileError{File: name, Text: fmt.Sprintf(format, args...), Hint: hint, Err: err}
	}
	z, err := zip.NewReader(rd, size)
	if err != nil {
		return fail(err, "export the list again: the file may have been cut off", "the workbook is damaged")
	}
	if len(z.File) > maxEntries {
		return fail(nil, saveAsXLSX, "the workbook has more than %d parts", maxEntries)
	}
	var total, packed uint64
	for _, f := range z.File {
		n, p := f.UncompressedSize64, f.CompressedSize64
		// Added up entry by entry, and each held to the limit: no overflow.
		if n > maxUnzipped || total+n > maxUnzipped {
			return fail(nil, saveAsXLSX, "the workbook unpacks to more than %d MiB", maxUnzipped>>20)
		}
		total, packed = total+n, packed+min(p, uint64(size))
		if n > smallEntry && n/maxRatio > p {
			return fail(nil, saveAsXLSX, "a part of the workbook unpacks to more than %d times its size", maxRatio)
		}
	}
	if total > smallEntry && total/maxRatio > packed {
		return fail(nil, saveAsXLSX, "the workbook unpacks to more than %d times its size", maxRatio)
	}
	has := func(part string) bool {
		return slices.ContainsFunc(z.File, func(f *zip.File) bool { return strings.EqualFold(f.Name, part) })
	}
	if !has("[Content_Types].xml") || !has("xl/workbook.xml") {
		return fail(nil, saveAsXLSX, "this is a zip file, but no Excel workbook (.xlsx)")
	}
	for _, f := range z.File {
		if lower := strings.ToLower(f.Name); !strings.HasSuffix(lower, ".xml") && !strings.HasSuffix(lower, ".rels") {
			continue
		}
		if err := checkXML(f); err != nil {
			return fail(err, saveAsXLSX, "the workbook is damaged: %s", strings.ToValidUTF8(f.Name, "?"))
		}
	}
	return nil
}

var errDoctype = errors.New("it declares XML entities, which no spreadsheet program writes")

// checkXML reads an XML part to its end. A document type is refused: only an
// entity bomb needs one.
func checkXML(f *zip.File) error {
	rd, err := f.Open()
	if err != nil {
		return err
	}
	defer rd.Close()
	d := xml.NewDecoder(rd)
	d.CharsetReader = func(charset string, in io.Reader) (io.Reader, error) {
		if strings.EqualFold(charset, "us-ascii") {
			return in, nil
		}
		return nil, fmt.Errorf("its encoding is %q, not UTF-8", charset)
	}
	for {
		t, err := d.Token()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if directive, ok := t.(xml.Directive); ok && bytes.HasPrefix(bytes.ToUpper(directive), []byte("DOCTYPE")) {
			return errDoctype
		}
	}
}

// ole2Error tells a workbook with a password from an old one: the first holds
// a stream called EncryptedPackage ([MS-OFFCRYPTO] 2.3.4), written in UTF-16.
func ole2Error(rd io.ReaderAt, size int64, name string) error {
	var mark []byte
	for _, c := range []byte("EncryptedPackage") {
		mark = append(mark, c, 0)
	}
	buf := make([]byte, 64<<10)
	for at := int64(0); at < min(size, maxUnzipped); at += int64(len(buf) - len(mark)) {
		n, err := rd.ReadAt(buf, at)
		if bytes.Contains(buf[:n], mark) {
			return &FileError{File: name, Text: "the workbook is protected with a password", Hint: "open it in Excel and save it without (File, Info, Protect Workbook)"}
		}
		if err != nil {
			break
		}
	}
	return &FileError{File: name, Text: "this is an old Excel file (.xls)", Hint: saveAsXLSX}
}
