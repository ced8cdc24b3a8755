package jobs

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"unicode"
)

// MaxFile is the size of the largest file that goes along with a campaign, in
// bytes. On the wire it is a third more.
const MaxFile = 5 << 20

// FileType is the media type of a [File] (RFC 8118).
const FileType = "application/pdf"

// maxFileName is how many bytes the name of a file may have.
const maxFileName = 100

// File is a PDF document that goes along with a campaign. [NewFile] makes one.
type File struct {
	Name string // as recipients see it
	Data []byte
}

// Attachment says which file goes along with a campaign; the zero value is none.
type Attachment struct {
	Name   string
	Size   int    // bytes
	SHA256 string // of the content, in hexadecimal
}

// NewFile checks a document: its name, its size, and by its content that it is a
// PDF (ISO 32000), whatever the name says. Errors are for people.
func NewFile(name string, data []byte) (File, error) {
	name = strings.Join(strings.Fields(name), " ")
	if err := checkFileName(name); err != nil {
		return File{}, fmt.Errorf("file name %q: %w", name, err)
	}
	if err := checkPDF(data); err != nil {
		return File{}, fmt.Errorf("%s: %w", name, err)
	}
	return File{name, data}, nil
}

// Attachment describes the file.
func (f File) Attachment() Attachment {
	sum := sha256.Sum256(f.Data)
	return Attachment{Name: f.Name, Size: len(f.Data), SHA256: hex.EncodeToString(sum[:])}
}

// checkFileName refuses what some mail program or file system would change, and
// what makes a name look like another.
func checkFileName(name string) error {
	switch {
	case len(name) > maxFileName:
		return fmt.Errorf("it is longer than %d bytes; give the file a shorter name", maxFileName)
	case !strings.HasSuffix(strings.ToLower(name), ".pdf"):
		return errors.New("only PDF files go along, and their names end in .pdf")
	case strings.HasPrefix(name, "."):
		return errors.New("it begins with a dot, which hides the file on many machines; give it another name")
	}
	for _, r := range name {
		if !unicode.In(r, unicode.L, unicode.M, unicode.Nd, unicode.Pd) && !strings.ContainsRune(" ._()+,&'", r) {
			return fmt.Errorf("%q may not stand in it; use letters, digits, spaces and hyphens", r)
		}
	}
	return nil
}

// CheckFileSize says whether a file of so many bytes can go along, before it is
// read.
func CheckFileSize(n int64) error {
	switch {
	case n == 0:
		return errors.New("the file is empty; save or export it once more")
	case n > MaxFile:
		return fmt.Errorf("the file has %d bytes; at most %d go along. Put it on a page and link to that", n, MaxFile)
	}
	return nil
}

func checkPDF(data []byte) error {
	if err := CheckFileSize(int64(len(data))); err != nil {
		return err
	}
	if !bytes.HasPrefix(data, []byte("%PDF-")) {
		return errors.New("by its content it is no PDF; save or export it as one")
	}
	// Readers look for it in the last 1024 bytes.
	if !bytes.Contains(data[max(0, len(data)-1024):], []byte("%%EOF")) {
		return errors.New("the PDF has no end, as after a download that was cut off; get the file once more")
	}
	return nil
}
