package templates

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"heraut/jobs"
	"heraut/templates/invite"
)

// ErrBlank says that the event, or the finished mail, still has something to
// fill in. A mail with a blank in it is never sent.
var ErrBlank = errors.New("something is still to be filled in")

// Input is all there is to know about one mail. Names in it may come from
// strangers; nothing in it is ever taken for a template.
type Input struct {
	Programme    string // the name of the programme, above the mail; may be empty
	Event        jobs.Event
	Registration jobs.Registration
	Message      jobs.Message
	Now          time.Time      // for DTSTAMP (RFC 5545 §3.8.7.2) and words such as "tomorrow"
	Folded       []string       // the rules whose reminder a confirmation speaks for, see [jobs.Folded]
	Was          *jobs.Event    // for a change: the event as it was; nil leaves out what was
	Campaign     *jobs.Campaign // for a mail of a campaign: its text
	Unsubscribe  string         // for a mail of a campaign: where this person can unsubscribe, an https address; required there
	Tag          string         // sub-address for the organizer's mailbox, see [jobs.Tag]; empty: none
}

// Mail is one mail as its recipient gets it. Text and HTML are UTF-8 with \n
// line ends; text lines are at most 78 characters where words allow (RFC 5322
// §2.1.1).
type Mail struct {
	Subject   string // one line, not encoded
	Text      string
	HTML      string
	Invite    []byte      // iCalendar object with CRLF line ends; nil for a reminder or follow-up
	Method    string      // of Invite (RFC 5546 §1.4): "REQUEST", "CANCEL", or "" without one
	Organizer jobs.Person // the organizer with the tagged address: ORGANIZER of Invite, and Reply-To of the mail
}

// Render gives the mail for in.Message. It fails with [ErrBlank] for an event
// that has blanks, and with a plain error for facts that make no right mail.
// The error repeats no name or address of the recipient.
func (s *Set) Render(in Input) (Mail, error) {
	m, err := s.render(in)
	if err != nil {
		return Mail{}, fmt.Errorf("render %s of event %s: %w", in.Message.Kind, in.Event.ID, err)
	}
	return m, nil
}

func (s *Set) render(in Input) (Mail, error) {
	organizer, err := tagged(in.Event.Organizer, in.Tag)
	if err != nil {
		return Mail{}, err
	}
	d, err := s.draft(in, personOf(in), organizer)
	if err != nil {
		return Mail{}, err
	}
	m := Mail{Subject: d.subject, Text: wrapText(d.text), HTML: d.html, Organizer: organizer}
	if holdsMark(m.Subject) || holdsMark(m.Text) || holdsMark(m.HTML) {
		return Mail{}, fmt.Errorf("%w: the mail holds [in te vullen, [to fill in or <no value>", ErrBlank)
	}
	if d.calendar.Method != "" {
		if m.Invite, err = invite.Write(d.calendar); err != nil {
			return Mail{}, err
		}
		m.Method = string(d.calendar.Method)
	}
	return m, nil
}

// draft is a mail before its text is broken into lines and its invitation is
// written.
type draft struct {
	subject, text, html string
	calendar            invite.Event // without a method: there is none
}

// draft carries out the templates for a recipient whose facts are who.
func (s *Set) draft(in Input, who person, organizer jobs.Person) (draft, error) {
	if in.Message.Kind == jobs.CampaignMail {
		return s.campaignDraft(in, who, organizer)
	}
	v, err := newView(in, language(in.Registration.Lang), who)
	if err != nil {
		return draft{}, err
	}
	p, err := s.newPage(v, in.Message.Kind)
	if err != nil {
		return draft{}, err
	}
	sum := parseSummary(s.markdown, in.Event.Summary.In(v.Lang))
	summary := sum.text()
	if !v.Off {
		p.SummaryText = summary
		if p.SummaryHTML, err = sum.html(); err != nil {
			return draft{}, err
		}
	}
	d := draft{subject: p.Subject}
	var out strings.Builder
	if err := s.text.Execute(&out, p); err != nil {
		return draft{}, err
	}
	d.text = out.String()
	out.Reset()
	out.Grow(roomHTML)
	if err := s.html.Execute(&out, p); err != nil {
		return draft{}, err
	}
	d.html = out.String()
	if method(in.Message.Kind, in.Campaign) != "" {
		d.calendar, err = calendar(in, p, organizer, summary)
	}
	return d, err
}

// language gives the language of the mail to who reads l: Dutch where there are
// no templates in it.
func language(l jobs.Lang) jobs.Lang {
	if slices.Contains(languages(), l) {
		return l
	}
	return jobs.Dutch
}

// roomHTML is about what the HTML of a mail takes, in bytes.
const roomHTML = 16 << 10

// newPage carries out the sentences of a mail.
func (s *Set) newPage(v view, k jobs.Kind) (page, error) {
	mail, words := s.mails[mailName(k, v.Lang)], s.words[v.Lang]
	if mail == nil {
		return page{}, errors.New("there is no template for this kind of mail")
	}
	var out strings.Builder
	if err := words.Execute(&out, v); err != nil {
		return page{}, err
	}
	common, err := parseContent(words.Name(), out.String())
	if err != nil {
		return page{}, err
	}
	out.Reset()
	if err := mail.Execute(&out, v); err != nil {
		return page{}, err
	}
	own, err := parseContent(mail.Name(), out.String())
	if err != nil {
		return page{}, err
	}
	say := func(key string) string {
		if s, ok := own.headers[key]; ok {
			return s
		}
		return common.headers[key]
	}
	p := page{
		view:         v,
		Subject:      say("Subject"),
		Heading:      say("Heading"),
		Lead:         say("Lead"),
		Paragraphs:   own.paragraphs,
		Greeting:     say("Greeting"),
		Button:       say("Button"),
		Footer:       say("Footer"),
		Contact:      say("Contact"),
		WhenLabel:    say("When"),
		WhereLabel:   say("Where"),
		LinkLabel:    say("Link"),
		SpeakerLabel: say("Speaker"),
		AboutLabel:   say("About"),
		alarm:        say("Alarm"),
	}
	if p.Subject == "" {
		return page{}, fmt.Errorf("%s: the subject is empty", mail.Name())
	}
	return p, nil
}

// tagged gives the organizer with tag as sub-address (RFC 5233).
func tagged(who jobs.Person, tag string) (jobs.Person, error) {
	if tag == "" {
		return who, nil
	}
	addr, err := who.Email.Sub(tag)
	if err != nil {
		return jobs.Person{}, fmt.Errorf("organizer.email with its tag: %w", err)
	}
	return jobs.Person{Name: who.Name, Email: addr}, nil
}
