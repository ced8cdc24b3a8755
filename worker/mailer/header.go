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
	if isClean(s) {
		return s
	}
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

// isClean reports the common case: text that cleanText leaves as it is.
func isClean(s string) bool {
	last := ' '
	for i, r := range s {
		switch {
		case r == ' ':
			if last == ' ' {
				return false
			}
		case r > ' ' && r < 0x7f:
		case unicode.IsSpace(r), hidden(r):
			return false
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], "\ufffd"): // invalid UTF-8
			return false
		}
		last = r
	}
	return s == "" || last != ' '
}

// encodedText writes clean text as RFC 2047 asks. Text that already looks like
// an encoded word is encoded once more, so that a reader shows what was typed
// and never decodes what a stranger made up.
func encodedText(s string) string {
	tooLong := func(word string) bool { return len(word) > maxLine/2 } // cannot be folded
	if strings.Contains(s, "=?") || tooLong(s) && slices.ContainsFunc(strings.Fields(s), tooLong) {
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
	path, _ := headerPath(a.Address)
	switch {
	case name == "":
		return "<" + path + ">"
	case strings.Contains(name, "=?"), strings.Contains(name, `\`) && !isASCII(name):
		// net/mail would leave the backslash as it is in an encoded word, which
		// RFC 2047 §5 does not allow in a name: some readers then lose the address.
		return encodedWords(name) + " <" + path + ">"
	}
	// net/mail quotes or encodes the name; the address is a stand-in because it
	// would quote an address that is quoted already.
	s := (&mail.Address{Name: name, Address: "a@b"}).String()
	return strings.TrimSuffix(s, "<a@b>") + "<" + path + ">"
}

// headerPath is [wirePath] for a header field, with a short cut for the plain
// addresses that nearly everybody has.
func headerPath(addr string) (string, error) {
	local, domain, _ := strings.Cut(addr, "@")
	if isDotAtom(local) && len(local) <= 64 && plainDomain(domain) && len(domain) <= 255 {
		return addr, nil
	}
	path, _, err := wirePath(addr)
	return path, err
}

// isDotAtom reports a local part that needs no quotes (RFC 5322 §3.2.3), of the
// characters in common use.
func isDotAtom(s string) bool {
	last := byte('.')
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_', c == '+':
		case c == '.' && last != '.':
		default:
			return false
		}
		last = c
	}
	return last != '.'
}

// check refuses names and values that would break the header, and fields that
// [Mail] sets itself.
func (h Header) check() error {
	const token = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	if h.Name == "" || strings.Trim(h.Name, token) != "" {
		return fmt.Errorf("header name %q: only letters, digits and hyphens", h.Name)
	}
	own := []string{"from", "to", "cc", "bcc", "sender", "reply-to", "subject", "date", "message-id", "auto-submitted", "mime-version"}
	isName := func(s string) bool { return strings.EqualFold(s, h.Name) }
	if slices.ContainsFunc(own, isName) || len(h.Name) >= 8 && strings.EqualFold(h.Name[:8], "content-") {
		return fmt.Errorf("header %s is set by the mail itself", h.Name)
	}
	if strings.ContainsFunc(h.Value, hidden) || !utf8.ValidString(h.Value) {
		return fmt.Errorf("header %s: line break, control character or invalid UTF-8 in its value", h.Name)
	}
	return nil
}

// checkHeaders checks each field and refuses a second one of the same name, also
// among the fields that went before.
func checkHeaders(headers, before []Header) error {
	for i, h := range headers {
		if err := h.check(); err != nil {
			return err
		}
		same := func(o Header) bool { return strings.EqualFold(o.Name, h.Name) }
		if slices.ContainsFunc(before, same) || slices.ContainsFunc(headers[:i], same) {
			return fmt.Errorf("header %s twice", h.Name)
		}
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
	special := func(r rune) bool {
		if 'a' <= r && r <= 'z' || '0' <= r && r <= '9' {
			return false // as nearly all are
		}
		return r <= ' ' || r >= 0x7f || strings.ContainsRune("<>@()[]\\,;:\"", r)
	}
	return !strings.ContainsFunc(left, special) && !strings.ContainsFunc(right, special)
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
