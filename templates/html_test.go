package templates_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/net/html"

	"heraut/jobs"
	"heraut/templates"
)

// every calls f with each mail of the goldens and of the samples.
func every(t *testing.T, f func(t *testing.T, in templates.Input, m templates.Mail)) {
	t.Helper()
	set := load(t)
	run := func(name string, in templates.Input) {
		t.Run(name, func(t *testing.T) {
			m, err := set.Render(in)
			if err != nil {
				t.Fatal(err)
			}
			f(t, in, m)
		})
	}
	for _, c := range cases {
		in := input(t, c.kind, c.lang)
		if c.edit != nil {
			c.edit(&in)
		}
		run(c.name, in)
	}
	for _, k := range append(jobs.Kinds(), jobs.CampaignMail) {
		for _, l := range []jobs.Lang{jobs.Dutch, jobs.English} {
			for _, in := range templates.Samples(k, l) {
				run("sample."+string(k)+"."+string(l), in)
			}
		}
	}
}

// elements gives every element of a page, in its order.
func elements(t *testing.T, page string) (nodes []*html.Node) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	for n := range root.Descendants() {
		if n.Type == html.ElementNode {
			nodes = append(nodes, n)
		}
	}
	return nodes
}

func attr(n *html.Node, key string) (string, bool) {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val, true
		}
	}
	return "", false
}

func TestHTML(t *testing.T) {
	every(t, func(t *testing.T, in templates.Input, m templates.Mail) {
		for _, s := range []string{"url(", "@import", "ZgotmplZ", "{{"} {
			if strings.Contains(strings.ReplaceAll(m.HTML, "{{.Email}}", "") /* a sample name */, s) {
				t.Errorf("holds %q", s)
			}
		}
		if !strings.Contains(m.HTML, "<!--[if mso | IE]><table") || !strings.Contains(m.HTML, "<!--[if !mso]><!-->") {
			t.Error("the conditional comments for Outlook are gone")
		}
		if n := len(m.HTML); n > 100_000 {
			t.Errorf("%d bytes; Gmail cuts mails off at 102 kB", n)
		}
		headings := 0
		for _, n := range elements(t, m.HTML) {
			switch n.Data {
			case "html":
				if v, _ := attr(n, "lang"); v != string(in.Language()) {
					t.Errorf("lang is %q", v)
				}
			case "h1":
				headings++
			case "img":
				if _, ok := attr(n, "alt"); !ok {
					t.Error("a picture without alt")
				}
			case "script", "link", "iframe", "object", "form", "base":
				t.Errorf("a mail has no <%s>", n.Data)
			case "table":
				if v, _ := attr(n, "role"); v != "presentation" {
					t.Error("a table that screen readers would read as one")
				}
			}
			for _, key := range []string{"src", "srcset", "background", "poster"} {
				if v, ok := attr(n, key); ok {
					t.Errorf("<%s %s=%q> loads something", n.Data, key, v)
				}
			}
			for _, a := range n.Attr {
				if strings.HasPrefix(a.Key, "on") {
					t.Errorf("<%s %s>", n.Data, a.Key)
				}
			}
			if v, ok := attr(n, "href"); ok && !strings.HasPrefix(v, "https://") && !strings.HasPrefix(v, "mailto:") {
				t.Errorf("<%s href=%q> is neither https nor mailto", n.Data, v)
			}
		}
		if headings != 1 {
			t.Errorf("%d h1", headings)
		}
	})
}

func TestText(t *testing.T) {
	every(t, func(t *testing.T, in templates.Input, m templates.Mail) {
		for line := range strings.SplitSeq(m.Text, "\n") {
			words := strings.Fields(line)
			if utf8.RuneCountInString(line) > 78 && len(words) > 1 {
				t.Errorf("longer than 78: %q", line)
			}
			if strings.TrimRight(line, " ") != line {
				t.Errorf("ends in a space: %q", line)
			}
		}
		if strings.Contains(m.Text, "\n\n\n") || strings.ContainsAny(m.Text, "\r\t") || strings.ContainsAny(m.Subject, "\r\n") {
			t.Error("odd line breaks")
		}
		for _, s := range []string{in.Event.Speaker, in.Event.Location.Name, in.Event.Location.URL} {
			if s != "" && !strings.Contains(m.Text, s) && in.Campaign == nil && in.Message.Kind != jobs.Cancellation && (in.Message.Kind != jobs.Followup || s != in.Event.Location.URL) {
				t.Errorf("the text does not hold %q", s)
			}
		}
	})
}

// Text and HTML say the same: each word of the one is in the other.
func TestTextAndHTMLAgree(t *testing.T) {
	every(t, func(t *testing.T, in templates.Input, m templates.Mail) {
		var shown strings.Builder
		for _, n := range elements(t, m.HTML) {
			if n.Data == "style" || n.Data == "head" || n.Data == "title" {
				continue
			}
			for c := n.FirstChild; c != nil; c = c.NextSibling {
				if c.Type == html.TextNode {
					shown.WriteString(c.Data + " ")
				}
			}
			if v, ok := attr(n, "href"); ok {
				shown.WriteString(v + " ")
			}
		}
		text := strings.Join(strings.Fields(shown.String()), " ")
		for word := range strings.FieldsSeq(m.Text) {
			if strings.Trim(word, "0123456789") == "." {
				continue // the number of a list's item, which HTML counts by itself
			}
			if word = strings.Trim(word, "().,:->*"); !strings.Contains(text, word) {
				t.Errorf("%q is in the text only", word)
			}
		}
	})
}
