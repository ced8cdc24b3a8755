package jobs

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// Address is one mailbox: the addr-spec of RFC 5322 §3.4.1 without quoted
// strings, comments, domain literals or lists. The zero value is no address.
type Address struct {
	spec string // the domain as A-label, lower case
	at   int    // where the @ stands in it
}

// Limits of RFC 5321 §4.5.3.1, in octets.
const (
	maxLocal   = 64
	maxAddress = 254
	maxLabel   = 63 // RFC 1035 §2.3.4
)

// ParseAddress reads what a person typed as an address. White space around it
// is dropped and an international domain becomes its A-label (RFC 5891). It
// refuses all else than a single addr-spec; the error says what is wrong with
// it without repeating the address, so that it may be logged.
func ParseAddress(s string) (Address, error) {
	s = strings.TrimSpace(s)
	if at, plain := plainAddress(s); plain {
		return Address{s, at}, nil
	}
	switch {
	case s == "":
		return Address{}, errors.New("no address")
	case !utf8.ValidString(s), strings.ContainsRune(s, utf8.RuneError):
		return Address{}, errors.New("address is not valid UTF-8") // U+FFFD is what a wrong encoding leaves behind
	case strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) || r > unicode.MaxASCII && unicode.Is(unicode.Cf, r) }):
		return Address{}, errors.New("address holds a control character")
	case strings.ContainsAny(s, ",;") && strings.Count(s, "@") > 1:
		return Address{}, errors.New("more than one address: give each person a row of their own")
	case strings.ContainsAny(s, ",;"):
		return Address{}, errors.New("address holds a comma or semicolon; is a dot meant?")
	case strings.ContainsAny(s, "<>()[]\"\\ \t") || strings.ContainsFunc(s, unicode.IsSpace):
		return Address{}, errors.New("only the bare address is read, as in name@example.nl: no name, spaces, quotes, brackets or comments")
	}
	at := strings.LastIndexByte(s, '@')
	if at < 0 {
		return Address{}, errors.New("address has no @")
	}
	local, domain := s[:at], s[at+1:]
	switch {
	case local == "":
		return Address{}, errors.New("nothing stands before the @")
	case strings.ContainsRune(local, '@') || strings.ContainsRune(local, ':'):
		return Address{}, errors.New("address has more than one @ or a colon before it")
	case local[0] == '.' || local[len(local)-1] == '.' || strings.Contains(local, ".."):
		return Address{}, errors.New("misplaced dot before the @")
	}
	domain, err := ParseDomain(domain)
	if err != nil {
		return Address{}, err
	}
	return join(local, domain)
}

// join puts the two parts of an address together.
func join(local, domain string) (Address, error) {
	switch {
	case len(local) > maxLocal:
		return Address{}, fmt.Errorf("the part before the @ is longer than %d octets", maxLocal)
	case len(local)+1+len(domain) > maxAddress:
		return Address{}, fmt.Errorf("address is longer than %d octets", maxAddress)
	}
	return Address{local + "@" + domain, len(local)}, nil
}

// plainAddress says whether s is an address as nearly all are, that may be
// taken as it stands, and where its @ is. Every mail parses one; the long way
// costs ten times as much.
func plainAddress(s string) (at int, plain bool) {
	at = strings.IndexByte(s, '@')
	return at, at > 0 && at <= maxLocal && len(s) <= maxAddress && plainLocal(s[:at]) && plainDomain(s[at+1:])
}

// plainLocal says whether s is letters, digits and a few signs, with single
// dots between.
func plainLocal(s string) bool {
	last := byte('.')
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_', c == '+':
		case c == '.' && last != '.':
		default:
			return false
		}
		last = s[i]
	}
	return last != '.'
}

// plainDomain says whether s is a domain that IDNA leaves as it is: labels of
// small letters and digits with single hyphens inside, a letter at the very end.
// Two hyphens may be those of an A-label, which has to be checked.
func plainDomain(s string) bool {
	last, label := byte('.'), 0
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
			label++
		case c == '-' && last != '-' && last != '.':
			label++
		case c == '.' && last != '-' && last != '.' && label <= maxLabel:
			label = 0
		default:
			return false
		}
		last = s[i]
	}
	return 'a' <= last && last <= 'z' && label < len(s) && label <= maxLabel
}

// ParseDomain reads a mail domain and gives it as A-label in lower case. It
// refuses single labels, addresses in brackets and what IDNA refuses.
func ParseDomain(s string) (string, error) {
	if !strings.ContainsAny(s, ".。．｡") {
		return "", errors.New("domain has no dot")
	}
	d, err := mailDomain.ToASCII(s)
	if err != nil {
		return "", errors.New("domain is not valid")
	}
	last := d[strings.LastIndexByte(d, '.')+1:]
	if last == "" || strings.HasPrefix(d, ".") || strings.Contains(d, "..") || strings.Trim(last, "0123456789") == "" {
		return "", errors.New("domain is not valid")
	}
	return strings.ToLower(d), nil
}

// mailDomain is IDNA2008 lookup processing, with the host name rules (letters,
// digits, hyphen) and the length limits of the DNS.
var mailDomain = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.StrictDomainName(true),
	idna.VerifyDNSLength(true), idna.Transitional(false))

// Sub gives the sub-address of a mailbox (RFC 5233): name+tag@domain. A tag is
// small letters, digits and hyphens.
func (a Address) Sub(tag string) (Address, error) {
	switch {
	case a == Address{}:
		return Address{}, errors.New("no address")
	case tag == "" || strings.Trim(tag, "abcdefghijklmnopqrstuvwxyz0123456789-") != "":
		return Address{}, errors.New("the tag holds more than a-z, 0-9 and -")
	}
	return join(a.Local()+"+"+tag, a.Domain())
}

// Local gives the part before the @, as it was written.
func (a Address) Local() string { return a.spec[:a.at] }

// Domain gives the part after the @: lower case, A-labels.
func (a Address) Domain() string { return strings.TrimPrefix(a.spec[a.at:], "@") }

// String gives the addr-spec to send to, "" for the zero value.
func (a Address) String() string { return a.spec }

// Key gives what two spellings of one mailbox share. RFC 5321 lets a server
// tell upper from lower case before the @; none that people register with
// does, and treating Jan@ and jan@ as two people would mail one of them twice.
func (a Address) Key() string { return strings.ToLower(a.spec) }

// MarshalText gives the addr-spec.
func (a Address) MarshalText() ([]byte, error) { return []byte(a.spec), nil }

// UnmarshalText reads an addr-spec as [ParseAddress] does.
func (a *Address) UnmarshalText(b []byte) (err error) {
	*a, err = ParseAddress(string(b))
	return err
}
