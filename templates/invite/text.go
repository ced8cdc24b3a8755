package invite

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxName is how many characters of a name are kept. Longer ones are no names.
const maxName = 200

// lineBreaks turns every way to end a line into \n. U+2028 and U+2029 end a line
// in programs that read Unicode closely, so they may not pass as plain text.
var lineBreaks = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\v", "\n", "\f", "\n",
	"\u0085", "\n", "\u2028", "\n", "\u2029", "\n")

// cleanText makes s safe as a TEXT value: valid UTF-8, lines ended by \n, no
// other control characters and nothing that changes the direction of writing.
// Escaping is the encoder's work.
func cleanText(s string) string {
	if printableASCII(s) || !strings.ContainsFunc(s, unsafe) {
		return s
	}
	s = lineBreaks.Replace(strings.ToValidUTF8(s, "\uFFFD"))
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return r
		case r == '\t':
			return ' '
		case invisible(r):
			return -1
		}
		return r
	}, s)
}

// printableASCII says whether s is nothing but printable ASCII, as most texts
// and names are: there is nothing to make safe then.
func printableASCII(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// unsafe says whether r is anything that cleanText changes.
func unsafe(r rune) bool {
	return r == utf8.RuneError || r == '\u2028' || r == '\u2029' || invisible(r)
}

// cleanParam makes s safe as a parameter value: one line, without the
// characters RFC 5545 section 3.1 has no way to write there. The double quote
// cannot be written at all, and a caret starts an escape for readers that know
// RFC 6868 only, so both become a look-alike that reads the same everywhere.
func cleanParam(s string) string {
	if len(s) <= maxName && !strings.ContainsFunc(s, suspect) {
		return strings.TrimSpace(s)
	}
	s = strings.Map(func(r rune) rune {
		switch r {
		case '\n':
			return ' '
		case '"':
			return '\''
		case '^':
			return '\u02C6'
		}
		return r
	}, cleanText(s))
	if utf8.RuneCountInString(s) > maxName {
		s = string([]rune(s)[:maxName])
	}
	return strings.TrimSpace(s)
}

// suspect says whether r is anything but a letter or harmless ASCII, as are all
// in most names: cleanParam may change it.
func suspect(r rune) bool {
	if r < utf8.RuneSelf {
		return r < ' ' || r > '~' || r == '"' || r == '^'
	}
	return !unicode.IsLetter(r)
}

// invisible reports whether r is a control character, a bidirectional control
// or a byte order mark: what can hide or reorder the text around it. Joiners
// stay, emoji and several scripts need them.
func invisible(r rune) bool {
	switch {
	case unicode.IsControl(r),
		r == '\u200E', r == '\u200F', r == '\u061C',
		'\u202A' <= r && r <= '\u202E',
		'\u2066' <= r && r <= '\u2069',
		r == '\uFEFF':
		return true
	}
	return false
}
