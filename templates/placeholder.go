package templates

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"heraut/jobs"
)

// placeholder is one thing that the text of a campaign may leave open. What
// stands there is put in by us after everything else is done, so it can become
// neither Markdown nor HTML nor a template.
type placeholder struct {
	names []string          // Dutch, then English; both may be used in either language
	fact  fact              // of the recipient; facts for what all recipients share
	value func(view) string // of the event; nil for a fact
}

var placeholders = []placeholder{
	{[]string{"voornaam", "first_name"}, factGiven, nil},
	{[]string{"naam", "name"}, factFull, nil},
	{[]string{"organisatie", "organisation"}, factOrganisation, nil},
	{[]string{"email"}, factEmail, nil},
	{[]string{"event.titel", "event.title"}, facts, func(v view) string { return v.Title }},
	{[]string{"event.wanneer", "event.when"}, facts, func(v view) string { return v.When }},
	{[]string{"event.datum", "event.date"}, facts, func(v view) string { return v.Date }},
	{[]string{"event.tijd", "event.time"}, facts, func(v view) string { return v.Time }},
	{[]string{"event.plaats", "event.place"}, facts, func(v view) string { return v.Place }},
	{[]string{"event.link"}, facts, func(v view) string { return v.Link }},
	{[]string{"event.spreker", "event.speaker"}, facts, func(v view) string { return v.Speaker }},
	{[]string{"programma", "programme"}, facts, func(v view) string { return v.Programme }},
	{[]string{"organisator", "organizer"}, facts, func(v view) string { return v.Organizer }},
}

// mayLack says whether there are recipients without it.
func (p placeholder) mayLack() bool {
	return p.fact == factGiven || p.fact == factFull || p.fact == factOrganisation
}

func (p placeholder) get(v view, who *person) string {
	if p.value != nil {
		return p.value(v)
	}
	return who[p.fact]
}

// slot is a placeholder as it stands in a text: {{voornaam|deelnemer}}.
type slot struct {
	placeholder
	name, fallback string
	at             int // in the text, in bytes
}

func (s slot) fill(v view, who *person) string {
	if value := s.get(v, who); value != "" {
		return value
	}
	return s.fallback
}

var slotPattern = regexp.MustCompile(`\{\{([^{}]*)\}\}`)

// slots finds the placeholders of a text, in their order. Each of bad is what is
// wrong at a place.
func slots(text string) (list []slot, bad []fault) {
	for _, m := range slotPattern.FindAllStringSubmatchIndex(text, -1) {
		name, fallback, _ := strings.Cut(text[m[2]:m[3]], "|")
		s := slot{name: strings.ToLower(strings.TrimSpace(name)), fallback: jobs.CleanName(fallback), at: m[0]}
		i := slices.IndexFunc(placeholders, func(p placeholder) bool { return slices.Contains(p.names, s.name) })
		if i < 0 {
			bad = append(bad, fault{m[0], fmt.Sprintf("there is no placeholder {{%s}}; there are %s", s.name, placeholderNames())})
			continue
		}
		s.placeholder = placeholders[i]
		if s.mayLack() && s.fallback == "" {
			bad = append(bad, fault{m[0], fmt.Sprintf("not everybody has a {{%s}}: say what stands there otherwise, as in {{%s|deelnemer}}", s.name, s.name)})
		}
		list = append(list, s)
	}
	rest := slotPattern.ReplaceAllStringFunc(text, func(s string) string { return strings.Repeat(" ", len(s)) })
	for _, brace := range []string{"{{", "}}"} {
		if i := strings.Index(rest, brace); i >= 0 {
			bad = append(bad, fault{i, brace + " has no other half: a placeholder is written as in {{voornaam|deelnemer}}"})
		}
	}
	return list, bad
}

// fault is what is wrong at a place in a text, in bytes.
type fault struct {
	at   int
	what string
}

func placeholderNames() string {
	var all []string
	for _, p := range placeholders {
		all = append(all, p.names...)
	}
	return strings.Join(all, ", ")
}

// expand fills in a text that is not Markdown.
func expand(text string, v view, who *person) string {
	list, _ := slots(text)
	i := 0
	return slotPattern.ReplaceAllStringFunc(text, func(string) string {
		if i >= len(list) { // not reached for a text that was checked
			return ""
		}
		i++
		return list[i-1].fill(v, who)
	})
}

// Tokens stand for placeholders while Markdown becomes HTML and text: characters
// of Unicode's private use, which mean nothing in either.
const (
	tokenBegin = "\ue002"
	tokenEnd   = "\ue003"
)

func token(i int) string { return tokenBegin + strconv.Itoa(i) + tokenEnd }

// tokens puts a token in the place of each placeholder.
func tokens(text string) (string, []slot) {
	list, _ := slots(text)
	i := 0
	return slotPattern.ReplaceAllStringFunc(text, func(string) string {
		if i >= len(list) {
			return ""
		}
		i++
		return token(i - 1)
	}), list
}

// untoken puts what belongs there in the place of each token; escape makes it
// fit for the format.
func untoken(text string, list []slot, v view, who *person, escape func(string) string) string {
	pairs := make([]string, 0, 2*len(list))
	for i, s := range list {
		pairs = append(pairs, token(i), escape(s.fill(v, who)))
	}
	return strings.NewReplacer(pairs...).Replace(text)
}
