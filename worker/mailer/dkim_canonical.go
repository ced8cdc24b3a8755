package mailer

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
)

// signedFields are the fields that mean something to a reader or to a mail
// system, in the order in which they are signed. All of a mail's are signed.
var signedFields = [...]string{
	"From", "To", "Reply-To", "Subject", "Date", "Message-ID",
	"MIME-Version", "Content-Type", "Content-Language", "Auto-Submitted",
	// RFC 8058 §4 asks for a signature over these.
	"List-Id", "List-Unsubscribe", "List-Unsubscribe-Post",
}

// splitMail cuts a mail at the empty line. The header keeps its last CRLF.
func splitMail(mail []byte) (header, body []byte, err error) {
	i := bytes.Index(mail, []byte("\r\n\r\n"))
	if i < 0 {
		return nil, nil, errors.New("the mail has no empty line after its header")
	}
	return mail[:i+2], mail[i+4:], nil
}

// canonicalHeader appends the list for h= to names, folded, and the fields in
// relaxed form to canonical. From is named once more than it occurs (RFC 6376
// §8.15): a second From added on the way then breaks the signature.
func canonicalHeader(names, canonical, header []byte) (h, signed []byte, err error) {
	var room [32][]byte
	fields := room[:0]
	for len(header) > 0 {
		var f []byte
		f, header = cutField(header)
		fields = append(fields, f)
	}
	h = append(names, "From"...)
	line := len("h=From")
	from := 0
	for _, name := range signedFields {
		// Of fields with one name the last comes first (RFC 6376 §5.4.2).
		for i := len(fields) - 1; i >= 0; i-- {
			if !isField(fields[i], name) {
				continue
			}
			if name == "From" {
				from++
			}
			h = append(h, ':')
			if line+len(name)+2 > foldAt {
				h = append(h, "\r\n "...)
				line = 0
			}
			h = append(h, name...)
			line += len(name) + 1
			canonical = appendRelaxedField(canonical, fields[i])
		}
	}
	if from != 1 {
		return nil, nil, fmt.Errorf("the mail has %d From fields, not one", from)
	}
	return h, canonical, nil
}

// cutField takes the first field, with its folded lines, off a header.
func cutField(header []byte) (field, rest []byte) {
	end := 0
	for {
		i := bytes.IndexByte(header[end:], '\n')
		if i < 0 {
			return header, nil
		}
		end += i + 1
		if end == len(header) || header[end] != ' ' && header[end] != '\t' {
			return header[:end], header[end:]
		}
	}
}

func isField(field []byte, name string) bool {
	return len(field) > len(name) && field[len(name)] == ':' && strings.EqualFold(string(field[:len(name)]), name)
}

// appendRelaxedField appends a field in relaxed form (RFC 6376 §3.4.2): name in
// lower case, unfolded, white space made one space and none at the ends.
func appendRelaxedField(dst, field []byte) []byte {
	name, value, _ := bytes.Cut(field, []byte(":"))
	for _, c := range bytes.TrimRight(name, " \t") {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
	dst = append(dst, ':')
	start := len(dst)
	space := false
	for _, c := range value {
		switch c {
		case ' ', '\t', '\r', '\n':
			space = true
		default:
			if space && len(dst) > start {
				dst = append(dst, ' ')
			}
			space = false
			dst = append(dst, c)
		}
	}
	return append(dst, '\r', '\n')
}

// relaxedBodyHash gives bh=: the hash of the body in relaxed form (RFC 6376
// §3.4.4): white space in a line made one space and none at its end, no empty
// lines at the end of the body. The body is in wire format; what a file adds to
// it is in relaxed form as it is, see newFile.
func relaxedBodyHash(body []byte, file *File) (sum [sha256.Size]byte) {
	rest := file.bytes()
	if file == nil {
		rest = []byte("\r\n")
		body = bytes.TrimRight(body, " \t\r\n")
		if len(body) == 0 {
			return sha256.Sum256(nil)
		}
	}
	hash := sha256.New()
	start := 0 // of what is not hashed yet
	for i := 0; i < len(body); i++ {
		if body[i] != ' ' && body[i] != '\t' {
			continue
		}
		space := i
		for body[i+1] == ' ' || body[i+1] == '\t' { // body does not end with one
			i++
		}
		switch {
		case body[i+1] == '\r':
			hash.Write(body[start:space])
			start = i + 1
		case i > space || body[space] == '\t':
			hash.Write(body[start:space])
			hash.Write([]byte{' '})
			start = i + 1
		}
	}
	hash.Write(body[start:])
	hash.Write(rest)
	hash.Sum(sum[:0])
	return sum
}
