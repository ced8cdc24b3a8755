package mailer

import (
	"encoding/base64"
	"fmt"
	"mime"
	"net/mail"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxName is how many characters of a display name are written.
const maxName = 200

// cleanText makes text of strangers fit for one header field: line breaks and
// other white space become one space, control and bidirectional characters go.
func cleanText(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case hidden(r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\ufffd"))
	return strings.Join(strings.Fields(s), " ")
}

// encodedText writes clean text as RFC 2047 asks. Text that already looks like
// an encoded word is encoded once more, so that a reader shows what was typed
// and never decodes what a stranger made up.
func encodedText(s string) string {
	tooLong := func(word string) bool { return len(word) > maxLine/2 } // cannot be folded
	if strings.Contains(s, "=?") || slices.ContainsFunc(strings.Fields(s), tooLong) {
		return encodedWords(s)
	}
	return mime.QEncoding.Encode("utf-8", s)
}

// encodedWords writes all of s as encoded words of at most 75 characters, each
// with whole characters in it (RFC 2047 §5.3).
func encodedWords(s string) string {
	const chunk = 45 // octets: 60 in base64, 72 with "=?utf-8?b?" and "?="
	var words []string
	for len(s) > 0 {
		n := min(chunk, len(s))
		for n < len(s) && !utf8.RuneStart(s[n]) {
			n--
		}
		words = append(words, "=?utf-8?b?"+base64.StdEncoding.EncodeToString([]byte(s[:n]))+"?=")
		s = s[n:]
	}
	return strings.Join(words, " ")
}

// addressText writes a mailbox for a header field. The address has passed wirePath.
func addressText(a mail.Address) string {
	name := cleanText(a.Name)
	if r := []rune(name); len(r) > maxName {
		name = strings.TrimSpace(string(r[:maxName]))
	}
	path, _, _ := wirePath(a.Address)
	switch {
	case name == "":
		return "<" + path + ">"
	case strings.Contains(name, "=?"):
		return encodedWords(name) + " <" + path + ">"
	}
	// net/mail quotes or encodes the name; the address is a stand-in because it
	// would quote an address that is quoted already.
	s := (&mail.Address{Name: name, Address: "a@b"}).String()
	return strings.TrimSuffix(s, "<a@b>") + "<" + path + ">"
}

// check refuses names and values that would break the header, and fields that
// [Mail] sets itself.
func (h Header) check() error {
	const token = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	if h.Name == "" || strings.Trim(h.Name, token) != "" {
		return fmt.Errorf("header name %q: only letters, digits and hyphens", h.Name)
	}
	name := strings.ToLower(h.Name)
	own := []string{"from", "to", "cc", "bcc", "sender", "reply-to", "subject", "date", "message-id", "auto-submitted", "mime-version"}
	if slices.Contains(own, name) || strings.HasPrefix(name, "content-") {
		return fmt.Errorf("header %s is set by the mail itself", h.Name)
	}
	if strings.ContainsFunc(h.Value, hidden) || !utf8.ValidString(h.Value) {
		return fmt.Errorf("header %s: line break, control character or invalid UTF-8 in its value", h.Name)
	}
	return nil
}

// validMessageID reports <left@right> in ASCII, short enough for one line.
func validMessageID(id string) bool {
	inner, ok := strings.CutPrefix(id, "<")
	inner, ok2 := strings.CutSuffix(inner, ">")
	left, right, ok3 := strings.Cut(inner, "@")
	if !ok || !ok2 || !ok3 || left == "" || right == "" || len(id) > 250 {
		return false
	}
	return !strings.ContainsFunc(left+right, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune("<>@()[]\\,;:\"", r)
	})
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf })
}
