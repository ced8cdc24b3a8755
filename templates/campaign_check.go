package templates

import (
	"bytes"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/text"

	"heraut/jobs"
)

// Warning is something about a campaign that may be wrong; Code is for programs:
// "translation", "subject_long", "event_past", "link_text".
type Warning struct {
	Code   string
	NL, EN string
}

// maxSubject is how many characters of a subject most mailboxes show.
const maxSubject = 60

// CheckCampaign says what is wrong with the text of a campaign about an event,
// as a *[jobs.ProblemsError] whose files are "subject.nl", "body.nl" and so on,
// and what may be wrong at the instant now.
func (s *Set) CheckCampaign(c jobs.Campaign, ev jobs.Event, now time.Time) ([]Warning, error) {
	var bad []jobs.Problem
	for _, t := range []struct{ file, text string }{{"subject.nl", c.Subject.NL}, {"subject.en", c.Subject.EN}} {
		_, faults := slots(t.text)
		bad = append(bad, located(t.file, t.text, append(faults, plainFaults(t.text)...))...)
	}
	for _, t := range []struct{ file, text string }{{"body.nl", c.Body.NL}, {"body.en", c.Body.EN}} {
		bad = append(bad, located(t.file, t.text, s.bodyFaults(t.text))...)
	}
	if strings.TrimSpace(c.Body.NL) == "" {
		bad = append(bad, jobs.Problem{File: "body.nl", Text: "it is empty"})
	}
	if err := c.Check(); err != nil && len(bad) == 0 {
		bad = append(bad, jobs.Problem{File: c.Name, Text: err.Error()})
	}
	if why := uninviting(ev, now); c.Invitation && why != "" && len(bad) == 0 {
		bad = append(bad, jobs.Problem{File: c.Name, Text: why})
	}
	if len(bad) == 0 {
		bad = s.tryCampaign(c, ev, now)
	}
	if len(bad) > 0 {
		return nil, &jobs.ProblemsError{Problems: bad}
	}
	return warnings(c, ev, now), nil
}

// uninviting says why nobody can be invited to an event, "" when they can.
func uninviting(ev jobs.Event, now time.Time) string {
	switch {
	case ev.IsCancelled:
		return "it carries an invitation to an event that is cancelled: leave the invitation out"
	case !ev.Start.IsZero() && !ev.Start.After(now):
		return "it carries an invitation to an event that has started: leave the invitation out"
	}
	return ""
}

// located gives faults their lines.
func located(file, source string, faults []fault) (bad []jobs.Problem) {
	for _, f := range faults {
		line := 1 + strings.Count(source[:min(f.at, len(source))], "\n")
		bad = append(bad, jobs.Problem{File: file, Line: line, Text: f.what})
	}
	return bad
}

// plainFaults are those of a subject as well.
func plainFaults(source string) (faults []fault) {
	if !utf8.ValidString(source) {
		faults = append(faults, fault{0, "it is not UTF-8; save it with that encoding"})
	}
	if holdsMark(source) {
		faults = append(faults, fault{0, "something is still to be filled in: [in te vullen or [to fill in"})
	}
	return faults
}

// bodyFaults finds placeholders that are wrong, and Markdown that would not be
// in the mail as it was meant.
func (s *Set) bodyFaults(source string) []fault {
	_, faults := slots(source)
	faults = append(faults, plainFaults(source)...)
	if !utf8.ValidString(source) {
		return faults
	}
	root := s.markdown.Parser().Parse(text.NewReader([]byte(source)))
	add := func(n ast.Node, format string, args ...any) {
		faults = append(faults, fault{position0(n), fmt.Sprintf(format, args...)})
	}
	_ = ast.Walk(root, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.HTMLBlock, *ast.RawHTML:
			add(n, "HTML is not sent: write Markdown")
		case *ast.Image:
			add(n, "pictures are not sent: link to a page that shows it")
		case *ast.Link:
			checkLink(unescape(n.Destination), func(what string) { add(n, "%s", what) })
		case *ast.AutoLink:
			checkLink(string(autoLink(n, []byte(source))), func(what string) { add(n, "%s", what) })
		case *ast.CodeSpan:
			for c := n.FirstChild(); c != nil; c = c.NextSibling() {
				if t, ok := c.(*ast.Text); ok && bytes.Contains(t.Value([]byte(source)), []byte("{{")) {
					add(n, "a placeholder in code is not filled in")
					break
				}
			}
		case *ast.CodeBlock, *ast.FencedCodeBlock:
			if bytes.Contains(n.Lines().Value([]byte(source)), []byte("{{")) {
				add(n, "a placeholder in code is not filled in")
			}
		}
		return ast.WalkContinue, nil
	})
	return faults
}

// checkLink says what is wrong with the target of a link.
func checkLink(to string, bad func(string)) {
	_, safe := safeLink(to)
	switch {
	case strings.Contains(to, "{{"):
		bad("a placeholder cannot stand in a link")
	case safe:
	case strings.HasPrefix(strings.ToLower(to), "http:"):
		bad("the link begins with http: write https, which nobody can change on the way")
	default:
		bad(fmt.Sprintf("the link %q is none that may stand in a mail: https:// or mailto: are", shorten(jobs.CleanName(to), 80)))
	}
}

// position0 gives where a node begins, or the block it is in.
func position0(n ast.Node) int {
	for ; n != nil; n = n.Parent() {
		if r, ok := n.(*ast.RawHTML); ok && r.Segments.Len() > 0 {
			return r.Segments.At(0).Start
		}
		if n.Type() == ast.TypeBlock && n.Lines().Len() > 0 {
			return n.Lines().At(0).Start
		}
	}
	return 0
}

// tryCampaign renders it for somebody of whom all is known, and for somebody of
// whom nothing is.
func (s *Set) tryCampaign(c jobs.Campaign, ev jobs.Event, now time.Time) []jobs.Problem {
	for _, l := range languages() {
		for _, name := range []string{"", "Naam"} {
			in := Input{
				Programme: "Programma", Event: ev, Now: now, Campaign: &c, Unsubscribe: "https://www.example.nl/u/x",
				Message: jobs.Message{Kind: jobs.CampaignMail, Name: c.Name},
				Registration: jobs.Registration{EventID: ev.ID, Email: address("deelnemer@example.org"), Name: name, GivenName: name,
					Organisation: name, Lang: l, Status: jobs.Registered, UID: "x@example.nl"},
			}
			if _, err := s.Render(in); err != nil {
				return []jobs.Problem{{File: "body." + string(in.Language()), Text: err.Error()}}
			}
		}
	}
	return nil
}

// warnings gives what may be wrong with a campaign that can be sent.
func warnings(c jobs.Campaign, ev jobs.Event, now time.Time) (list []Warning) {
	if c.Body.EN == "" {
		list = append(list, Warning{"translation", "Er is geen Engelse tekst: wie Engels koos, krijgt de Nederlandse.", "There is no English text: who chose English gets the Dutch one."})
	}
	for _, subject := range []string{c.Subject.NL, c.Subject.EN} {
		if n := utf8.RuneCountInString(expand(subject, view{}, &person{})); n > maxSubject {
			list = append(list, Warning{"subject_long",
				fmt.Sprintf("Het onderwerp heeft %d tekens; veel mailprogramma's tonen er %d.", n, maxSubject),
				fmt.Sprintf("The subject has %d characters; many mail programs show %d.", n, maxSubject)})
			break
		}
	}
	if ev.IsCancelled {
		list = append(list, Warning{"event_cancelled", "Dit evenement gaat niet door.", "This event is cancelled."})
	} else if !ev.End.IsZero() && ev.End.Before(now) {
		list = append(list, Warning{"event_past", "Dit evenement is al geweest.", "This event is over."})
	}
	return list
}
