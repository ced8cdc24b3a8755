package templates

import (
	"errors"
	"fmt"
	"html/template"
	"regexp"
	"strings"
)

// conditional is a comment that Outlook on Windows obeys and others skip, in
// the forms that MJML writes: a hidden block, and the two ends of a shown one.
var conditional = regexp.MustCompile(`(?s)<!--\[if [^\]]*\]>(?:<!-->|.*?<!\[endif\]-->)|<!--<!\[endif\]-->`)

// indentation is what MJML puts before each line for people who read its
// output; in a mail it is half of the bytes.
var indentation = regexp.MustCompile(`(?m)^[ \t]+`)

// parseHTML parses the HTML layout. html/template drops comments, and with
// them what keeps a mail 600 pixels wide in Outlook; so each conditional
// comment is taken out before, as {{mso N}}, and put back by that function.
// Lines keep their numbers, for the errors.
func parseHTML(name, source string) (*template.Template, error) {
	var comments []template.HTML
	source = conditional.ReplaceAllStringFunc(source, func(c string) string {
		comments = append(comments, template.HTML(indentation.ReplaceAllString(c, "")))
		return fmt.Sprintf("{{mso %d}}", len(comments)-1) + strings.Repeat("\n", strings.Count(c, "\n"))
	})
	for _, c := range comments {
		if i := strings.Index(string(c), "{{"); i >= 0 {
			return nil, errors.New("an action inside a conditional comment is not carried out; write it outside: " + firstLine(string(c)[i:]))
		}
	}
	mso := func(n int) (template.HTML, error) {
		if n < 0 || n >= len(comments) {
			return "", errors.New("mso is for use by Heraut: write the conditional comment itself")
		}
		return comments[n], nil
	}
	return template.New(name).Funcs(template.FuncMap{"mso": mso}).Parse(indentation.ReplaceAllString(source, ""))
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}
