package templates_test

import (
	"fmt"
	"testing"

	"heraut/jobs"
	"heraut/templates"
	"heraut/templates/pagetest"
)

// TestJudged shows a mail of every kind in both languages to axe, html-validate
// and caniemail.
func TestJudged(t *testing.T) {
	set := load(t)
	var pages []pagetest.Page
	for _, k := range append(jobs.Kinds(), jobs.CampaignMail) {
		for _, l := range []jobs.Lang{jobs.Dutch, jobs.English} {
			for i, in := range templates.Samples(k, l) {
				m, err := set.Render(in)
				if err != nil {
					t.Fatal(err)
				}
				pages = append(pages, pagetest.Page{Name: fmt.Sprintf("%s.%s.%d", k, l, i), HTML: m.HTML, Mail: true})
			}
		}
	}
	pagetest.Judge(t, pages...)
}
