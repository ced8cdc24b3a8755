package mailer

import (
	"errors"
	"fmt"
	"net/mail"
	"strings"

	"golang.org/x/net/idna"
)

// Envelope holds the two addresses the SMTP server acts on. They may differ
// from those in the header.
type Envelope struct {
	// From is the reverse-path, an addr-spec; "" is the null path <> that asks
	// for no bounces.
	From string
	// To is the forward-path: one recipient, an addr-spec. A domain in Unicode
	// is sent as A-labels.
	To string
}

// ErrAddress is the cause of a result when an address is no addr-spec that may
// be put in an SMTP command.
var ErrAddress = errors.New("not a usable mail address")

// ErrNeedsSMTPUTF8 is the cause of a result when an address has characters
// outside ASCII before the @ and the relay does not offer SMTPUTF8 (RFC 6531).
var ErrNeedsSMTPUTF8 = errors.New("address needs SMTPUTF8, which the relay does not offer")

// Domain gives the part of an address after the last @, lower-cased, or "" when
// there is no @; it is what logs and limits per domain may use.
func Domain(addr string) string {
	at := strings.LastIndexByte(addr, '@')
	if at < 0 {
		return ""
	}
	return strings.ToLower(addr[at+1:])
}

// wirePath writes an addr-spec as it goes between < and > in a command: the
// domain as A-labels (IDNA, lookup profile), the local part quoted where RFC
// 5321 §4.1.2 asks for it. utf8 says that the local part is not ASCII.
func wirePath(addr string) (path string, utf8 bool, err error) {
	at := strings.LastIndexByte(addr, '@')
	if at <= 0 || at == len(addr)-1 {
		return "", false, fmt.Errorf("%w: no local part or no domain", ErrAddress)
	}
	local, domain := addr[:at], addr[at+1:]
	if !plainDomain(domain) {
		if domain, err = idna.Lookup.ToASCII(domain); err != nil {
			// The cause would repeat the domain; the reason is enough.
			return "", false, fmt.Errorf("%w: domain is not valid (IDNA)", ErrAddress)
		}
	}
	if len(local) > 64 || len(domain) > 255 { // RFC 5321 §4.5.3.1
		return "", false, fmt.Errorf("%w: too long", ErrAddress)
	}
	if plainLocal(local) {
		if domain == addr[at+1:] {
			return addr, false, nil
		}
		return local + "@" + domain, false, nil
	}
	for _, r := range local {
		if hidden(r) || r == '\ufffd' {
			return "", false, fmt.Errorf("%w: control character", ErrAddress)
		}
		utf8 = utf8 || r > 0x7e
	}
	if local[0] != '"' || local[len(local)-1] != '"' {
		// net/mail knows when a local part needs quotes.
		s := (&mail.Address{Address: local + "@x"}).String()
		local = strings.TrimSuffix(strings.TrimPrefix(s, "<"), "@x>")
	} else if len(local) < 2 || strings.ContainsAny(local[1:len(local)-1], "\"\\") {
		return "", false, fmt.Errorf("%w: bad quoting", ErrAddress)
	}
	return local + "@" + domain, utf8, nil
}

// plainDomain reports the common case that needs no IDNA: lower-case letters,
// digits, dots and hyphens in proper places, and no A-label to check.
func plainDomain(s string) bool {
	last := byte('.')
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
		case c == '.' && last != '.' && last != '-':
		case c == '-' && last != '.' && last != '-':
		default:
			return false
		}
		last = c
	}
	return last != '.' && last != '-' && strings.IndexByte(s, '.') > 0
}

// plainLocal reports the common case of a local part that needs neither quotes
// nor SMTPUTF8: letters, digits and +-_= with single dots between.
func plainLocal(s string) bool {
	last := byte('.')
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		case c == '+', c == '-', c == '_', c == '=':
		case c == '.' && last != '.':
		default:
			return false
		}
		last = c
	}
	return last != '.'
}
