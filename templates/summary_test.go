package templates_test

import (
	"strings"
	"testing"

	"golang.org/x/net/html"

	"heraut/templates"
)

func TestSummary(t *testing.T) {
	for _, c := range []struct{ name, md, text string }{
		{"empty", "", ""},
		{"paragraphs", "een\ntwee\n\ndrie  \nvier", "een twee\n\ndrie\nvier"},
		{"emphasis", "*a* **b** `c<d`", "a b c<d"},
		{"escapes", `\*geen nadruk\* &amp; &euro;`, "*geen nadruk* & €"},
		{"list", "- een\n- twee\n  - diep\n- drie", "- een\n- twee\n  - diep\n- drie"},
		{"numbers", "3. een\n4. twee", "3. een\n4. twee"},
		{"loose list", "- een\n\n- twee", "- een\n\n- twee"},
		{"quote", "> een\n>\n> twee", "> een\n>\n> twee"},
		{"heading", "# Kop\ntekst", "Kop\n\ntekst"},
		{"code", "```\na  b\n```", "    a  b"},
		{"rule", "a\n\n---\n\nb", "a\n\n* * *\n\nb"},
		{"link", "[hier](https://example.nl/a)", "hier (https://example.nl/a)"},
		{"bare link", "<https://example.nl/a>", "https://example.nl/a"},
		{"link to itself", "[https://example.nl/a](https://example.nl/a)", "https://example.nl/a"},
		{"mail", "<info@example.nl> [ons](mailto:info@example.nl)", "info@example.nl ons (info@example.nl)"},
		{"javascript", "[klik](javascript:alert(1))", "klik"},
		{"javascript, upper case", "[klik](JaVaScRiPt:alert%281%29)", "klik"},
		{"javascript by reference", "[klik](&#106;avascript:alert(1))", "klik"},
		{"javascript, a tab in it", "[klik](java&#9;script:alert(1))", "klik"},
		{"javascript by definition", "[klik][1]\n\n[1]: javascript:alert(1)", "klik"},
		{"javascript between angles", "<javascript:alert(1)>", "javascript:alert(1)"},
		{"data", "[klik](data:text/html,x)", "klik"},
		{"http", "[klik](http://example.nl/)", "klik"},
		{"relative", "[klik](//example.nl/)", "klik"},
		{"picture", "![een foto](https://example.nl/p.png)", "een foto"},
		{"picture in a link", "[![foto](https://example.nl/p.png)](https://example.nl/)", "foto (https://example.nl/)"},
		{"html", "a <b onclick=x>b</b> <img src=x>\n\n<script>alert(1)</script>\n\nc", "a b \n\nc"},
		{"bidi by reference", "a&#x202e;b&#10;c", "ab c"},
		{"template", "{{.Email}}", "{{.Email}}"},
	} {
		h, text, err := templates.Summary(c.md)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if text != c.text {
			t.Errorf("%s: text\n got %q\nwant %q", c.name, text, c.text)
		}
		checkSummary(t, h)
	}
}

// checkSummary finds what a summary in a mail must not hold.
func checkSummary(t *testing.T, h string) {
	t.Helper()
	for _, n := range elements(t, h) {
		switch n.Data {
		case "html", "head", "body", "p", "a", "em", "strong", "code", "pre", "ul", "ol", "li", "blockquote", "hr", "br", "h3", "h4", "h5", "h6":
		default:
			t.Errorf("<%s> in %q", n.Data, h)
		}
		for _, a := range n.Attr {
			switch {
			case a.Key == "style", a.Key == "start", a.Key == "class" && strings.HasPrefix(a.Val, "language-"):
			case a.Key == "href" && (strings.HasPrefix(a.Val, "https://") || strings.HasPrefix(a.Val, "mailto:")):
			default:
				t.Errorf("<%s %s=%q> in %q", n.Data, a.Key, a.Val, h)
			}
		}
	}
	if strings.Contains(h, "<!--") {
		t.Errorf("a comment in %q", h)
	}
}

func FuzzSummary(f *testing.F) {
	for _, s := range []string{"a [b](https://example.nl/) ![c](d)", "<a@b.example> <javascript:x>", "- a\n  1. b\n> c", "[a]: javascript:x\n[a] [![b](c)](d)", "```x\" onload=y\nz\n```", "# a {onclick=b}"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, md string) {
		if len(md) > 10_000 {
			return
		}
		h, text, err := templates.Summary(md)
		if err != nil {
			t.Fatal(err)
		}
		checkSummary(t, h)
		if strings.ContainsAny(text, "\r\x00\u202e\u2028") {
			t.Errorf("text holds %q", text)
		}
		if _, err := html.Parse(strings.NewReader(h)); err != nil {
			t.Error(err)
		}
	})
}

func TestWrapText(t *testing.T) {
	w := strings.TrimSpace(strings.Repeat("woord ", 14)) // 83 characters
	long := strings.Repeat("x", 90)
	for _, c := range []struct{ in, want string }{
		{"a\n\n\n\nb \n", "a\n\nb\n"},
		{w, w[:77] + "\nwoord\n"},
		{"- " + w, "- " + w[:71] + "\n  woord woord\n"},
		{"  10. " + w, "  10. " + w[:71] + "\n      woord woord\n"},
		{"> " + w, "> " + w[:71] + "\n> woord woord\n"},
		{"    " + w, "    " + w[:71] + "\n    woord woord\n"},
		{"zie " + long + " daar", "zie\n" + long + "\ndaar\n"},
		{strings.Repeat("é", 40) + " " + strings.Repeat("é", 37), strings.Repeat("é", 40) + " " + strings.Repeat("é", 37) + "\n"},
	} {
		if got := templates.WrapText(c.in); got != c.want {
			t.Errorf("%q:\n got %q\nwant %q", c.in, got, c.want)
		}
	}
}
