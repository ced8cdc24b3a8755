package templates

import (
	"crypto/rand"
	"errors"
	"strconv"
	"strings"
)

// marks stand for the facts of a recipient while a mail is prepared: two
// characters that no program gives a meaning (Unicode's private use), around
// letters that nobody can have typed before, because they are drawn each time.
type marks struct{ begin string }

const (
	markBegin = "\ue000"
	markEnd   = "\ue001"
)

func newMarks() marks { return marks{markBegin + rand.Text()} }

// person gives a mark for each fact that is known.
func (m marks) person(known [facts]bool) (p person) {
	for i := range p {
		if known[i] {
			p[i] = m.begin + strconv.Itoa(i) + markEnd
		}
	}
	return p
}

// in says whether s holds a mark, or what is left of one.
func (m marks) in(s string) bool {
	return strings.Contains(s, strings.TrimPrefix(m.begin, markBegin))
}

// form is text with facts left open: fixed[0], facts[0], fixed[1] …
type form struct {
	fixed []string
	facts []fact
}

// errMangled says that a template did more with a fact than to show it.
var errMangled = errors.New("a fact of the recipient is not shown as it is")

// cut makes a form of text that holds marks.
func (m marks) cut(s string) (f form, err error) {
	for {
		before, rest, found := strings.Cut(s, m.begin)
		if m.in(before) {
			return form{}, errMangled
		}
		f.fixed = append(f.fixed, before)
		if !found {
			return f, nil
		}
		number, rest, found := strings.Cut(rest, markEnd)
		n, err := strconv.Atoi(number)
		if !found || err != nil || n < 0 || n >= int(facts) {
			return form{}, errMangled
		}
		f.facts = append(f.facts, fact(n))
		s = rest
	}
}

// appendTo appends the form, filled in.
func (f form) appendTo(b []byte, who *person) []byte {
	for i, fixed := range f.fixed {
		b = append(b, fixed...)
		if i < len(f.facts) {
			b = append(b, who[f.facts[i]]...)
		}
	}
	return b
}

// writeTo writes the form, filled in.
func (f form) writeTo(b *strings.Builder, who *person) {
	for i, fixed := range f.fixed {
		b.WriteString(fixed)
		if i < len(f.facts) {
			b.WriteString(who[f.facts[i]])
		}
	}
}

// size gives the octets of the fixed parts.
func (f form) size() (n int) {
	for _, s := range f.fixed {
		n += len(s)
	}
	return n
}

// cutText splits a text that is not wrapped yet: pieces that are the same for
// all, wrapped, and between two of them the lines to fill in and wrap.
func (m marks) cutText(s string) (fixed []string, open [][]form, err error) {
	var b strings.Builder
	inOpen := false
	for line := range textLines(s) {
		if !m.in(line) {
			wrapLine(&b, line)
			inOpen = false
			continue
		}
		f, err := m.cut(line)
		if err != nil {
			return nil, nil, err
		}
		if !inOpen {
			fixed, open = append(fixed, b.String()), append(open, nil)
			b.Reset()
			inOpen = true
		}
		open[len(open)-1] = append(open[len(open)-1], f)
	}
	return append(fixed, b.String()), open, nil
}

// cutHTML splits HTML in the same way; its lines are filled in as they stand.
func (m marks) cutHTML(s string) (fixed []string, open []form, err error) {
	same, lines := "", ""
	for line := range strings.SplitAfterSeq(s, "\n") {
		if m.in(line) {
			lines += line
			continue
		}
		if lines != "" {
			f, err := m.cut(lines)
			if err != nil {
				return nil, nil, err
			}
			fixed, open = append(fixed, same), append(open, f)
			same, lines = "", ""
		}
		same += line
	}
	if lines != "" { // SplitAfterSeq gives "" after a last line end
		return nil, nil, errors.New("the last line shows a fact of the recipient and does not end")
	}
	return append(fixed, same), open, nil
}

// escapeHTML escapes as html/template does between tags, in RCDATA and in
// quoted attributes.
var escapeHTML = strings.NewReplacer(`"`, "&#34;", "&", "&amp;", "'", "&#39;", "+", "&#43;", "<", "&lt;", ">", "&gt;")
