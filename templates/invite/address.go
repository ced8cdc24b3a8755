package invite

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"
)

// maxAddress is the longest address SMTP carries (RFC 5321 section 4.5.3.1.3).
const maxAddress = 254

// scheme is what a calendar address begins with (RFC 5545 section 3.3.3).
const scheme = "mailto:"

var errAddress = errors.New("not a plain address like name@example.org")

// mailto returns the calendar address of an addr-spec. Quoted local parts,
// domain literals and lists are refused: no two programs read them alike.
func mailto(addr string) (string, error) {
	if !plainAddress(addr) {
		return "", errAddress
	}
	return scheme + escapeMailto(addr), nil
}

// plainAddress says whether addr is an addr-spec that [mailto] takes.
func plainAddress(addr string) bool {
	if ordinary(addr) {
		return true
	}
	local, domain, ok := strings.Cut(addr, "@")
	return ok && local != "" && domain != "" && len(addr) <= maxAddress && utf8.ValidString(addr) &&
		!strings.ContainsAny(addr, " \t\"<>(),:;[]\\") && !strings.Contains(domain, "@") &&
		!strings.ContainsFunc(addr, invisible)
}

// ordinary says whether addr is an address as nearly all are: letters, digits
// and a few signs around one @, so nothing to refuse and nothing to encode.
func ordinary(addr string) bool {
	at := 0
	for i := range len(addr) {
		switch c := addr[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '.', c == '-', c == '_', c == '+':
		case c == '@' && at == 0:
			at = i
		default:
			return false
		}
	}
	return at > 0 && at < len(addr)-1 && len(addr) <= maxAddress
}

// escapeMailto percent-encodes what cannot stand in the path of a URI (RFC 3986
// section 3.3). RFC 6068 asks it of & and = too, but those are legal in a path,
// and programs compare the address with their own without decoding it.
func escapeMailto(addr string) string {
	if ordinary(addr) {
		return addr
	}
	var b strings.Builder
	for i := range len(addr) {
		c := addr[i]
		if c >= utf8.RuneSelf || strings.IndexByte(reserved, c) >= 0 {
			fmt.Fprintf(&b, "%%%02X", c)
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}

// reserved is what is percent-encoded in an address, besides all that is not
// ASCII.
const reserved = "%#?/^`{|}"

// parseMailto is the way back, for the lint.
func parseMailto(value string) (addr string, ok bool) {
	if len(value) <= len(scheme) || !strings.EqualFold(value[:len(scheme)], scheme) {
		return "", false
	}
	addr = value[len(scheme):]
	if ordinary(addr) {
		return addr, true
	}
	addr, err := url.PathUnescape(strings.Clone(addr)) // which keeps it; properties stay on the stack
	if err != nil {
		return "", false
	}
	return addr, plainAddress(addr)
}

// link checks an absolute web link and returns it in ASCII.
func link(s string) (string, error) {
	u, err := url.Parse(s)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" {
		return "", errors.New("url is not an absolute http or https link")
	}
	s = u.String()
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7F {
			return "", errors.New("url holds characters that must be percent-encoded")
		}
	}
	return s, nil
}
