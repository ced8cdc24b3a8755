package templates

import (
	"fmt"
	"html/template"
	"net/url"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// summary is an event's summary: CommonMark that an organiser wrote, parsed
// once and made harmless. Raw HTML is gone, a picture is its description, and
// a link leads to https or mailto or is plain text.
type summary struct {
	md     goldmark.Markdown
	source []byte
	root   ast.Node
	lower  int // by how much headings become lower
}

func parseSummary(md goldmark.Markdown, source string) summary {
	return parseMarkdown(md, source, func(int) int { return 2 }) // below the mail's own h1 and h2
}

// parseBody reads the body of a campaign. Its headings begin right below the
// mail's own h1, whichever level their author began with.
func parseBody(md goldmark.Markdown, source string) summary {
	return parseMarkdown(md, source, func(highest int) int { return 2 - highest })
}

// parseMarkdown reads CommonMark; lower says by how much headings become lower
// when the highest has a level.
func parseMarkdown(md goldmark.Markdown, source string, lower func(highest int) int) summary {
	s := summary{md: md, source: []byte(strings.ToValidUTF8(source, "\uFFFD"))}
	s.root = md.Parser().Parse(text.NewReader(s.source))
	highest := 6
	_ = ast.Walk(s.root, func(n ast.Node, _ bool) (ast.WalkStatus, error) {
		if h, ok := n.(*ast.Heading); ok {
			highest = min(highest, h.Level)
		}
		return ast.WalkContinue, nil
	})
	s.lower = lower(highest)
	s.tame(s.root)
	return s
}

// Styles of the parts of a summary; mail programs want them in the tag.
const (
	paragraphStyle = "margin: 0 0 16px"
	listStyle      = "margin: 0 0 16px; padding: 0 0 0 24px"
	itemStyle      = "margin: 0 0 8px"
	headingStyle   = "margin: 8px 0 8px; font-size: 17px; line-height: 1.3"
	quoteStyle     = "margin: 0 0 16px; padding: 0 0 0 16px"
	linkStyle      = "color: #0b5f5c; overflow-wrap: anywhere"
)

// tame makes n and what is below it harmless, and gives it its style.
func (s summary) tame(n ast.Node) {
	for c := n.FirstChild(); c != nil; {
		next := c.NextSibling()
		s.tame(c)
		switch c := c.(type) {
		case *ast.RawHTML, *ast.HTMLBlock:
			n.RemoveChild(n, c)
		case *ast.Image:
			unwrap(n, c)
		case *ast.Link:
			if to, ok := safeLink(unescape(c.Destination)); ok {
				c.Destination, c.Title = []byte(to), nil
				style(c, linkStyle)
			} else {
				unwrap(n, c)
			}
		case *ast.AutoLink:
			if _, ok := safeLink(string(autoLink(c, s.source))); ok {
				style(c, linkStyle)
			} else {
				n.ReplaceChild(n, c, ast.NewString(c.Label(s.source)))
			}
		case *ast.Heading:
			c.Level = min(c.Level+s.lower, 6)
			style(c, headingStyle)
		case *ast.Paragraph:
			style(c, paragraphStyle)
		case *ast.List:
			style(c, listStyle)
		case *ast.ListItem:
			style(c, itemStyle)
		case *ast.Blockquote:
			style(c, quoteStyle)
		}
		c = next
	}
}

func style(n ast.Node, css string) { n.SetAttributeString("style", []byte(css)) }

// unwrap puts the children of c in its place.
func unwrap(parent, c ast.Node) {
	for g := c.FirstChild(); g != nil; {
		next := g.NextSibling()
		parent.InsertBefore(parent, c, g)
		g = next
	}
	parent.RemoveChild(parent, c)
}

// safeLink gives a link that may stand in a mail.
func safeLink(s string) (string, bool) {
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return "", false
	case u.Scheme == "https" && u.Host != "", u.Scheme == "mailto" && strings.Contains(u.Opaque, "@"):
		return u.String(), true
	}
	return "", false
}

func autoLink(n *ast.AutoLink, source []byte) []byte {
	to := n.URL(source)
	if n.AutoLinkType == ast.AutoLinkEmail && !strings.HasPrefix(strings.ToLower(string(to)), "mailto:") {
		return append([]byte("mailto:"), to...)
	}
	return to
}

// html gives the summary as HTML, "" when it is empty.
func (s summary) html() (template.HTML, error) {
	var b strings.Builder
	if err := s.md.Renderer().Render(&b, s.source, s.root); err != nil {
		return "", fmt.Errorf("summary: %w", err)
	}
	return template.HTML(strings.TrimSpace(b.String())), nil
}

// unescape resolves entities and backslashes as goldmark's HTML writer does.
func unescape(b []byte) string {
	return string(util.UnescapePunctuations(util.ResolveEntityNames(util.ResolveNumericReferences(b))))
}
