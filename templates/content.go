package templates

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"heraut/jobs"
)

// content is what the sentences of one mail came to: header lines and
// paragraphs.
type content struct {
	headers    map[string]string
	paragraphs []string
}

var (
	mailHeaders     = []string{"Subject", "Heading", "Lead"}
	campaignHeaders = []string{"Footer", "Unsubscribe"}
	wordsHeaders    = []string{"Greeting", "When", "Where", "Link", "Speaker", "About", "Button", "Alarm", "Footer", "Contact"}
)

// parseContent reads executed sentences. It cannot be misled by what a
// stranger typed: every value in it is one line (see newView), so none can
// begin a header line or a paragraph.
func parseContent(name, s string) (content, error) {
	c := content{headers: make(map[string]string)}
	head, body, _ := strings.Cut(strings.TrimLeft(s, "\n"), "\n\n")
	last := ""
	for line := range strings.SplitSeq(head, "\n") {
		if strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t") { // folded, RFC 5322 §2.2.3
			c.headers[last] += " " + strings.TrimSpace(line)
			continue
		}
		key, value, ok := strings.Cut(line, ":")
		if line == "" {
			continue
		}
		if !ok || !knownHeader(key) {
			return content{}, fmt.Errorf("%s: the lines before the first empty line are headers such as Subject: …", name)
		}
		c.headers[key], last = strings.TrimSpace(value), key
	}
	for p := range strings.SplitSeq(body, "\n\n") {
		if p = strings.Join(strings.Fields(p), " "); p != "" {
			c.paragraphs = append(c.paragraphs, p)
		}
	}
	return c, nil
}

// comment is a comment of text/template.
var comment = regexp.MustCompile(`(?s)\{\{(?:- )?/\*.*?\*/(?: -)?\}\}`)

func knownHeader(key string) bool {
	return slices.Contains(mailHeaders, key) || slices.Contains(wordsHeaders, key) || slices.Contains(campaignHeaders, key)
}

// checkHeaders reads the header lines of a source: those it must have are
// there once, and there are no others.
func checkHeaders(name, source string, required []string) (bad []jobs.Problem) {
	seen := make(map[string]bool)
	add := func(line int, format string, args ...any) {
		bad = append(bad, jobs.Problem{File: name, Line: line, Text: fmt.Sprintf(format, args...)})
	}
	started := false
	source = comment.ReplaceAllStringFunc(source, func(c string) string { return strings.Repeat("\n", strings.Count(c, "\n")) })
	for i, line := range strings.Split(source, "\n") {
		if strings.TrimSpace(line) == "" {
			if started {
				break
			}
			continue
		}
		key, value, ok := strings.Cut(line, ":")
		switch {
		case started && (line[0] == ' ' || line[0] == '\t'):
			continue
		case !ok || !knownHeader(key):
			add(i+1, "%q is no header line; before the first empty line come %s", line, strings.Join(slices.Concat(mailHeaders, wordsHeaders), ", "))
		case seen[key]:
			add(i+1, "%s stands here twice", key)
		case strings.TrimSpace(value) == "":
			add(i+1, "%s is empty", key)
		}
		started, seen[key] = true, true
	}
	for _, key := range required {
		if !seen[key] {
			add(1, "there is no line %s: …", key)
		}
	}
	return bad
}
