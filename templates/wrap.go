package templates

import (
	"iter"
	"regexp"
	"strings"
	"unicode/utf8"
)

// lineWidth is the longest line of a text part, in characters (RFC 5322
// §2.1.1), unless one word is longer.
const lineWidth = 78

// hang is what a line begins with: its indentation, and the mark of a list's
// item or a quotation.
var hang = regexp.MustCompile(`^ *(?:[-*] |\d+\. |(?:> )+)*`)

// wrapText breaks long lines between words. What follows is indented like the
// beginning of the line, or quoted like it. Trailing spaces go, and of several
// empty lines one stays.
func wrapText(s string) string {
	var b strings.Builder
	b.Grow(len(s) + len(s)/16)
	for line := range textLines(s) {
		wrapLine(&b, line)
	}
	return b.String()
}

// textLines gives the lines of a text as they are to be wrapped: without
// trailing spaces, and with one empty line where there are several, none at
// the beginning and none at the end.
func textLines(s string) iter.Seq[string] {
	return func(yield func(string) bool) {
		begun, empty := false, false
		for line := range strings.SplitSeq(s, "\n") {
			line = strings.TrimRight(line, " \t")
			if line == "" {
				empty = true
				continue
			}
			if empty && begun && !yield("") {
				return
			}
			begun, empty = true, false
			if !yield(line) {
				return
			}
		}
	}
}

// fits says whether wrapLine would write a line as it is; it knows most.
func fits(line []byte) bool { return len(line) <= lineWidth && spaced(line) }

// wrapLine writes one line, broken where it must be.
func wrapLine(b *strings.Builder, line string) {
	if line == "" {
		b.WriteByte('\n')
		return
	}
	first, next := "", ""
	if strings.IndexByte(" -*>0123456789", line[0]) >= 0 { // else nothing hangs
		first = hang.FindString(line)
		next = strings.Map(func(r rune) rune {
			if r == '>' {
				return r
			}
			return ' '
		}, first)
	}
	b.WriteString(first)
	width := utf8.RuneCountInString(first)
	begin := true
	for word := range strings.FieldsSeq(line[len(first):]) {
		n := utf8.RuneCountInString(word)
		switch {
		case begin:
		case width+1+n > lineWidth:
			b.WriteString("\n" + next)
			width = len(next)
		default:
			b.WriteByte(' ')
			width++
		}
		b.WriteString(word)
		width += n
		begin = false
	}
	b.WriteByte('\n')
}
