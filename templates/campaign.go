package templates

import (
	"errors"
	"fmt"
	"html/template"
	"strings"
	texttemplate "text/template"

	"heraut/jobs"
	"heraut/templates/invite"
)

// Language gives the language of the mail: the recipient's, or Dutch where
// there is no text in that one.
func (in *Input) Language() jobs.Lang {
	l := language(in.Registration.Lang)
	if in.Campaign != nil && l == jobs.English && in.Campaign.Body.EN == "" {
		return jobs.Dutch
	}
	return l
}

// CalendarLanguage gives the language of the invitation: the recipient's, also
// where the mail is in Dutch for want of another text.
func (in *Input) CalendarLanguage() jobs.Lang { return language(in.Registration.Lang) }

// campaignDraft writes the mail of a campaign: an organiser's own subject and
// Markdown, in the layout of all mails.
func (s *Set) campaignDraft(in Input, who person, organizer jobs.Person) (draft, error) {
	c := in.Campaign
	switch {
	case c == nil:
		return draft{}, errors.New("there is no text of the campaign")
	case in.Unsubscribe == "":
		return draft{}, errors.New("nobody could unsubscribe: there is no address of a page for that")
	}
	l := in.Language()
	v, err := newView(in, l, who)
	if err != nil {
		return draft{}, err
	}
	p, err := s.campaignPage(v, c, who)
	if err != nil {
		return draft{}, err
	}
	d := draft{subject: p.Subject}
	var out strings.Builder
	if err := s.campaignText.Execute(&out, p); err != nil {
		return draft{}, err
	}
	d.text = out.String()
	out.Reset()
	out.Grow(roomHTML)
	if err := s.campaignHTML.Execute(&out, p); err != nil {
		return draft{}, err
	}
	d.html = out.String()
	// A layout of the organiser's own may have left it out.
	if !strings.Contains(d.text, who[factUnsubscribe]) || !strings.Contains(d.html, escapeHTML.Replace(who[factUnsubscribe])) {
		return draft{}, fmt.Errorf("%s and %s have to show where to unsubscribe", campaignTextLayout, campaignHTMLLayout)
	}
	if method(in.Message.Kind, c) != "" {
		d.calendar, err = s.ownInvitation(in, who, organizer)
	}
	return d, err
}

// ownInvitation gives the invitation that goes with a confirmation.
func (s *Set) ownInvitation(in Input, who person, organizer jobs.Person) (invite.Event, error) {
	l := in.CalendarLanguage()
	v, err := newView(in, l, who)
	if err != nil {
		return invite.Event{}, err
	}
	p, err := s.newPage(v, jobs.Confirmation)
	if err != nil {
		return invite.Event{}, err
	}
	return calendar(in, p, organizer, parseSummary(s.markdown, in.Event.Summary.In(l)).text())
}

func (s *Set) campaignPage(v view, c *jobs.Campaign, who person) (page, error) {
	words, own := s.words[v.Lang], s.mails[mailName(jobs.CampaignMail, v.Lang)]
	say := map[string]string{}
	for _, t := range []*texttemplate.Template{words, own} {
		var out strings.Builder
		if err := t.Execute(&out, v); err != nil {
			return page{}, err
		}
		part, err := parseContent(t.Name(), out.String())
		if err != nil {
			return page{}, err
		}
		for key, value := range part.headers {
			say[key] = value
		}
	}
	source, list := tokens(withoutPrivate(c.Body.In(v.Lang)))
	body := parseBody(s.markdown, source)
	html, err := body.html()
	if err != nil {
		return page{}, err
	}
	asIs := func(s string) string { return s }
	subject := expand(withoutPrivate(c.Subject.In(v.Lang)), v, &who)
	p := page{
		view: v, Subject: subject, Heading: subject, Footer: say["Footer"], Contact: say["Contact"],
		Unsubscribe: who[factUnsubscribe], UnsubscribeLabel: say["Unsubscribe"],
		BodyText: untoken(body.text(), list, v, &who, asIs),
		BodyHTML: template.HTML(untoken(string(html), list, v, &who, escapeHTML.Replace)),
	}
	// By hand: html/template would encode what stands in a link, and a mark of
	// Prepare with it. The address is ours, of letters that mean nothing in HTML.
	p.UnsubscribeLink = template.HTML(`<a href="` + escapeHTML.Replace(p.Unsubscribe) + `" style="color: #0b5f5c">` + escapeHTML.Replace(p.UnsubscribeLabel) + `</a>`)
	if strings.TrimSpace(p.Subject) == "" || strings.TrimSpace(p.BodyText) == "" {
		return page{}, errors.New("the campaign has no subject or no text")
	}
	return p, nil
}

// withoutPrivate drops the characters that stand for placeholders.
func withoutPrivate(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '\ue000' && r <= '\ue003' {
			return -1
		}
		return r
	}, s)
}
