package templates

import (
	htmltemplate "html/template"
	"io/fs"
	"reflect"
	"text/template"

	"github.com/yuin/goldmark"

	"heraut/jobs"
)

// Set is every template, parsed and tried. It is safe for concurrent use and
// never changes.
type Set struct {
	markdown     goldmark.Markdown
	text         *template.Template
	html         *htmltemplate.Template
	campaignText *template.Template
	campaignHTML *htmltemplate.Template
	words        map[jobs.Lang]*template.Template
	mails        map[string]*template.Template // by file name
	whole        map[string]string             // by file name: why it is rendered in full always, see vet
}

// Load parses the built-in templates, with the files in override instead of
// those of the same name; override may be nil, or a folder that is not there.
// Every file is checked and every kind of mail rendered in every language with
// sample data. What is wrong with the files comes as a *[jobs.ProblemsError],
// all of it at once where possible.
func Load(override fs.FS) (*Set, error) {
	files, err := readFiles(override)
	if err != nil {
		return nil, err
	}
	s := &Set{markdown: goldmark.New(), words: make(map[jobs.Lang]*template.Template), mails: make(map[string]*template.Template)}
	var bad []jobs.Problem
	sentences := func(name string, required []string) *template.Template {
		t, err := template.New(name).Parse(files[name])
		if err != nil {
			bad = append(bad, problem(name, err))
			return nil
		}
		for _, t := range t.Templates() { // itself, and what it defines
			bad = append(bad, unknownFields(t.Tree, reflect.TypeFor[view]())...)
		}
		bad = append(bad, checkHeaders(name, files[name], required)...)
		return t
	}
	for _, l := range languages() {
		s.words[l] = sentences(wordsName(l), wordsHeaders)
		for _, k := range jobs.Kinds() {
			s.mails[mailName(k, l)] = sentences(mailName(k, l), mailHeaders)
		}
		s.mails[mailName(jobs.CampaignMail, l)] = sentences(mailName(jobs.CampaignMail, l), campaignHeaders)
	}
	text := func(name string) *template.Template {
		t, err := template.New(name).Parse(files[name])
		if err != nil {
			bad = append(bad, problem(name, err))
			return nil
		}
		for _, t := range t.Templates() {
			bad = append(bad, unknownFields(t.Tree, reflect.TypeFor[page]())...)
		}
		return t
	}
	html := func(name string) *htmltemplate.Template {
		t, err := parseHTML(name, files[name])
		if err != nil {
			bad = append(bad, problem(name, err))
			return nil
		}
		for _, t := range t.Templates() {
			bad = append(bad, unknownFields(t.Tree, reflect.TypeFor[page]())...)
		}
		return t
	}
	s.text, s.campaignText = text(textLayout), text(campaignTextLayout)
	s.html, s.campaignHTML = html(htmlLayout), html(campaignHTMLLayout)
	if len(bad) == 0 {
		bad = s.try()
	}
	if len(bad) > 0 {
		return nil, &jobs.ProblemsError{Problems: bad}
	}
	s.whole = s.vetAll()
	return s, nil
}

// try renders the samples and gives what went wrong, once for each file.
func (s *Set) try() (bad []jobs.Problem) {
	seen := make(map[jobs.Problem]bool)
	for _, k := range append(jobs.Kinds(), jobs.CampaignMail) {
		for _, l := range languages() {
			for _, in := range samples(k, l) {
				if _, err := s.Render(in); err != nil {
					if p := problem(mailName(k, l), err); !seen[p] {
						seen[p] = true
						bad = append(bad, p)
					}
				}
			}
		}
	}
	return bad
}
