package jobs

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Lang is a language mail can be written in, as a BCP 47 tag.
type Lang string

const (
	Dutch   Lang = "nl" // the default
	English Lang = "en"
)

// ParseLang reads a language as people write it in forms ("nl", "en-GB",
// "Nederlands", "English"). Anything else is Dutch, the language of the
// programmes Heraut was made for; ok is false then, unless s is empty.
func ParseLang(s string) (l Lang, ok bool) {
	s = strings.ToLower(strings.TrimSpace(s))
	switch {
	case s == "", strings.HasPrefix(s, "nl"), strings.HasPrefix(s, "ned"), s == "dutch":
		return Dutch, true
	case s == "en", strings.HasPrefix(s, "en-"), strings.HasPrefix(s, "en_"), strings.HasPrefix(s, "eng"):
		return English, true
	}
	return Dutch, false
}

// Text is one text in the languages of the programme. NL must be present; an
// empty EN falls back to it.
type Text struct {
	NL, EN string
}

// In gives the text in language l, or the Dutch one where l is missing.
func (t Text) In(l Lang) string {
	if l == English && t.EN != "" {
		return t.EN
	}
	return t.NL
}

// MaxName is how many characters of a name are kept, counted as runes.
const MaxName = 200

// CleanName makes a name written by a stranger safe to show: control and
// format characters (among them the bidi overrides that can turn a line of
// text around) are dropped, white space is folded, and no more than [MaxName]
// characters are kept. It does not escape: what HTML, a header or a calendar
// needs is the business of who writes that format.
func CleanName(s string) string {
	var b strings.Builder
	b.Grow(min(len(s), utf8.UTFMax*MaxName))
	n, space := 0, false
	for _, r := range s {
		if unicode.IsSpace(r) {
			space = true
			continue
		}
		if unicode.IsControl(r) || r > unicode.MaxASCII && (unicode.Is(unicode.Cf, r) && r != zeroWidthJoiner || r == utf8.RuneError) {
			continue
		}
		if r == zeroWidthJoiner && (space || b.Len() == 0) {
			continue // it joins nothing, and alone would be a name nobody sees
		}
		if space && b.Len() > 0 {
			if n++; n >= MaxName {
				break
			}
			b.WriteByte(' ')
		}
		space = false
		if n++; n > MaxName {
			break
		}
		b.WriteRune(r)
	}
	return b.String()
}

// zeroWidthJoiner is a format character that emoji and Indic names need, and
// that cannot reorder text.
const zeroWidthJoiner = '\u200d'
