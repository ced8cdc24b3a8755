package mailer

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"mime"
	"regexp"
	"strings"
)

// File is an attachment that many mails share. It is encoded once, stands in
// memory once, and is written to each connection from there; a mail's own bytes
// end where the file begins. It never changes and is safe for concurrent use.
type File struct {
	mixed boundary // of the multipart/mixed that the file is the last part of
	tail  []byte   // from its delimiter to the end of the mail: ASCII, in wire format
}

// NewFile encodes a file. The name is the one that recipients see; it may hold
// any letters (RFC 2231), and no line breaks, two spaces in a row or "=?".
// contentType is a media type without parameters, such as "application/pdf".
// Errors wrap [ErrCompose].
func NewFile(name, contentType string, content []byte) (*File, error) {
	f, err := newFile(name, contentType, content)
	if err != nil {
		return nil, fmt.Errorf("%w: attachment %q: %w", ErrCompose, name, err)
	}
	return f, nil
}

func newFile(name, contentType string, content []byte) (*File, error) {
	disposition := mime.FormatMediaType("attachment", map[string]string{"filename": name})
	typed := mime.FormatMediaType(contentType, map[string]string{"name": name})
	switch {
	case name == "" || cleanText(name) != name || strings.Contains(name, "=?"): // which many readers decode
		return nil, errors.New("the name is empty, or holds what no header field may")
	case disposition == "" || typed == "":
		return nil, fmt.Errorf("%q is no media type", contentType)
	case len(content) == 0:
		return nil, errors.New("it is empty")
	}
	// The same for the same content, so that a file that is encoded once more
	// completes the mails composed for the first.
	f := &File{mixed: boundary(fmt.Sprintf("=_%x", sha256.Sum256(content))[:34])}
	folded := strings.NewReplacer("; ", ";\r\n ")
	header := f.mixed.next() + "Content-Disposition: " + folded.Replace(disposition) +
		"\r\nContent-Transfer-Encoding: base64\r\nContent-Type: " + folded.Replace(typed) + "\r\n\r\n"
	lines := (len(content) + base64Line - 1) / base64Line
	f.tail = make([]byte, 0, len(header)+lines*(maxEncodedLine+2)+len(f.mixed.end())+2)
	f.tail = append(f.tail, header...)
	f.tail = appendBase64(f.tail, content)
	f.tail = append(f.tail, "\r\n"+f.mixed.end()...)
	if ascii, err := checkWire(f.tail); err != nil || !ascii {
		return nil, errors.Join(errNotASCII, err)
	}
	return f, nil
}

// Append completes a mail that was composed with the file: what it appends to
// dst is what [Session.Send] writes after [Transaction.Data].
func (f *File) Append(dst []byte) []byte { return append(dst, f.bytes()...) }

// outerBoundary finds the boundary of the whole mail as go-mail writes it.
var outerBoundary = regexp.MustCompile(`(?m)^Content-Type: multipart/mixed;\r\n boundary=([0-9a-f]{60})\r$`)

// cutBefore makes of a mail by go-mail, whose last part stands for the file, what
// comes before the file.
func (f *File) cutBefore(mail []byte) ([]byte, error) {
	found := outerBoundary.FindSubmatch(mail)
	if found == nil {
		return nil, errors.New("no boundary around the attachment")
	}
	was := string(found[1])
	mail = mail[:bytes.LastIndex(mail, []byte("--"+was+"\r\n"))]
	mail = bytes.Replace(mail, []byte("boundary="+was), []byte(`boundary="`+string(f.mixed)+`"`), 1)
	return bytes.ReplaceAll(mail, []byte("--"+was+"\r\n"), []byte(f.mixed.next())), nil
}

// bytes is what comes after a mail's own bytes; none without a file.
func (f *File) bytes() []byte {
	if f == nil {
		return nil
	}
	return f.tail
}
