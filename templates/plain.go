package templates

import (
	"strconv"
	"strings"
	"unicode"

	"github.com/yuin/goldmark/ast"
)

// text gives the summary as plain text: the same tree as html, with an empty
// line between blocks. Long lines are not broken.
func (s summary) text() string {
	return strings.Join(s.blocks(s.root), "\n")
}

// blocks gives the lines of the blocks in n.
func (s summary) blocks(n ast.Node) (lines []string) {
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		part := s.block(c)
		_, inItem := n.(*ast.ListItem)
		_, isList := c.(*ast.List)
		if len(lines) > 0 && len(part) > 0 && !(inItem && isList) {
			lines = append(lines, "")
		}
		lines = append(lines, part...)
	}
	return lines
}

func (s summary) block(n ast.Node) (lines []string) {
	switch n := n.(type) {
	case *ast.List:
		return s.list(n)
	case *ast.Blockquote:
		for _, l := range s.blocks(n) {
			lines = append(lines, strings.TrimRight("> "+l, " "))
		}
		return lines
	case *ast.CodeBlock, *ast.FencedCodeBlock:
		for i := range n.Lines().Len() {
			at := n.Lines().At(i)
			lines = append(lines, "    "+printable(strings.TrimRight(string(at.Value(s.source)), "\r\n")))
		}
		return lines
	case *ast.ThematicBreak:
		return []string{"* * *"}
	}
	if n.Type() == ast.TypeBlock && n.FirstChild() != nil && n.FirstChild().Type() == ast.TypeBlock {
		return s.blocks(n)
	}
	var b strings.Builder
	s.inline(&b, n)
	if b.Len() == 0 {
		return nil
	}
	return strings.Split(b.String(), "\n")
}

func (s summary) list(n *ast.List) (lines []string) {
	number := n.Start
	for item := n.FirstChild(); item != nil; item = item.NextSibling() {
		mark := "- "
		if n.IsOrdered() {
			mark = strconv.Itoa(number) + ". "
			number++
		}
		for _, l := range s.blocks(item) {
			if l != "" {
				l = mark + l
			}
			lines = append(lines, l)
			mark = strings.Repeat(" ", len(mark))
		}
		if !n.IsTight && item.NextSibling() != nil {
			lines = append(lines, "")
		}
	}
	return lines
}

// inline writes the text in n; only a hard line break gives a new line.
func (s summary) inline(b *strings.Builder, n ast.Node) {
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		switch c := c.(type) {
		case *ast.Text:
			value := c.Segment.Value(s.source)
			if c.IsRaw() {
				b.WriteString(printable(string(value)))
			} else {
				b.WriteString(printable(unescape(value)))
			}
			switch {
			case c.HardLineBreak():
				b.WriteByte('\n')
			case c.SoftLineBreak():
				b.WriteByte(' ')
			}
		case *ast.String:
			b.WriteString(printable(string(c.Value)))
		case *ast.CodeSpan:
			for t := c.FirstChild(); t != nil; t = t.NextSibling() {
				if t, ok := t.(*ast.Text); ok {
					b.WriteString(printable(string(t.Segment.Value(s.source))))
				}
			}
		case *ast.AutoLink:
			b.WriteString(printable(string(c.Label(s.source))))
		case *ast.Link:
			before := b.Len()
			s.inline(b, c)
			to := strings.TrimPrefix(string(c.Destination), "mailto:")
			if label := b.String()[before:]; label != to && label != string(c.Destination) {
				b.WriteString(" (" + to + ")")
			}
		default:
			s.inline(b, c)
		}
	}
}

// printable drops what can break or turn around a line of text; a reference
// such as &#10; or &#x202e; may have brought it in.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == '\n' || r == '\u2028' || r == '\u2029':
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r):
			return -1
		}
		return r
	}, s)
}
