package templates

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"heraut/jobs"
	"heraut/templates/invite"
)

// ErrNotPrepared says that a mail cannot be written once and filled in per
// person, because a template does more with a recipient's facts than to show
// them, or that one person does not fit. Neither is a fault: [Set.Render] gives
// the mail, or says what is wrong with it.
var ErrNotPrepared = errors.New("the mail has to be rendered in full")

// Prepared is all the mails of a [Class] but for the facts of their
// recipients. It never changes and is safe for concurrent use.
//
// Text, HTML and Invite are what is the same for all: between piece i and i+1
// comes piece i of [Filled]. Every piece, here and there, is empty or ends with
// a line end, except the last here. Line ends are those of [Mail].
type Prepared struct {
	Text, HTML []string
	Invite     []string // nil for a mail without an invitation
	Method     string   // of Invite, as in [Mail]

	class   Class
	subject form
	text    [][]form // lines before they are wrapped
	html    []form
	invite  *invite.Prepared // nil without one
	room    int              // octets of what is filled in, without the facts
}

// Filled is what one recipient gets in the places that a [Prepared] leaves
// open, and the rest of their [Mail].
type Filled struct {
	Subject            string
	Text, HTML, Invite []string
	Organizer          jobs.Person
}

// Prepare gives the mails of the class of in. It takes about as long as two
// mails. It fails with [ErrNotPrepared] for a class that cannot be prepared;
// any other error is the one that [Set.Render] has for in, and says nothing
// about others of its class.
func (s *Set) Prepare(in Input) (*Prepared, error) {
	want, err := s.Render(in)
	if err != nil {
		return nil, err
	}
	if why := s.vetted(in); why != "" {
		return nil, fmt.Errorf("%w: %s", ErrNotPrepared, why)
	}
	p, err := s.prepare(in)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotPrepared, err)
	}
	f, err := p.Fill(in)
	if err != nil {
		return nil, err
	}
	if !p.Mail(f).equal(want) {
		return nil, fmt.Errorf("%w: filled in it is not the same", ErrNotPrepared)
	}
	return p, nil
}

// prepare renders in with marks for the facts of its recipient, and cuts them
// out.
func (s *Set) prepare(in Input) (*Prepared, error) {
	organizer, err := tagged(in.Event.Organizer, in.Tag)
	if err != nil {
		return nil, err
	}
	m, class := newMarks(), s.Class(in)
	d, err := s.draft(in, m.person(class.known), organizer)
	if err != nil {
		return nil, err
	}
	p := &Prepared{class: class}
	if p.subject, err = m.cut(d.subject); err != nil {
		return nil, err
	}
	if p.Text, p.text, err = m.cutText(d.text); err != nil {
		return nil, err
	}
	if p.HTML, p.html, err = m.cutHTML(d.html); err != nil {
		return nil, err
	}
	p.room = p.size()
	if d.calendar.Method == "" {
		return p, nil
	}
	if m.in(d.calendar.Description) || m.in(d.calendar.Alarms[0].Text) {
		return nil, errors.New("a text in the calendar shows a fact of the recipient")
	}
	if p.invite, err = invite.Prepare(d.calendar); err != nil {
		return nil, err
	}
	p.Invite, p.Method = p.invite.Fixed, string(d.calendar.Method)
	return p, nil
}

// size gives the octets of what is filled in, without the facts.
func (p *Prepared) size() int {
	n := p.subject.size()
	for _, lines := range p.text {
		for _, l := range lines {
			n += l.size()
		}
	}
	for _, f := range p.html {
		n += f.size()
	}
	return n
}

// Fill gives what the recipient of in gets. It fails with [ErrNotPrepared] when
// in is of another class, or when its facts make a mail that [Set.Render] may
// refuse; the error repeats no name or address.
func (p *Prepared) Fill(in Input) (Filled, error) {
	who := personOf(in)
	if classOf(&in, who) != p.class {
		return Filled{}, fmt.Errorf("%w: it is of another class", ErrNotPrepared)
	}
	f, err := p.fill(&in, &who)
	if err != nil {
		return Filled{}, fmt.Errorf("%w: %w", ErrNotPrepared, err)
	}
	return f, nil
}

func (p *Prepared) fill(in *Input, who *person) (f Filled, err error) {
	if f.Organizer, err = tagged(in.Event.Organizer, in.Tag); err != nil {
		return Filled{}, err
	}
	f.Subject, f.Text, f.HTML = p.words(who)
	if holdsMark(f.Subject) || slices.ContainsFunc(f.Text, holdsMark) || slices.ContainsFunc(f.HTML, holdsMark) {
		return Filled{}, ErrBlank // pieces are whole lines, and so is a mark
	}
	if p.invite == nil {
		return f, nil
	}
	name := who[factName]
	if in.Registration.Salutation() != in.Registration.Name {
		name = strangersName(in.Registration.Name)
	}
	f.Invite, err = p.invite.Fill(invite.Recipient{
		UID: in.Registration.UID, Stamp: in.Now, Organizer: f.Organizer.Email.String(),
		Attendee: invite.Person{Name: name, Email: who[factEmail]},
	})
	return f, err
}

// words fills in all but the invitation. The pieces are parts of one string, and
// of one list.
func (p *Prepared) words(who *person) (subject string, text, html []string) {
	escaped := *who
	for i, s := range escaped {
		escaped[i] = escapeHTML.Replace(s)
	}
	var b strings.Builder
	b.Grow(p.room + 4*(len(who[factName])+len(who[factOrganisation])+len(who[factEmail])+len(who[factUnsubscribe])) + 64)
	var places [16]int
	ends := places[:0]
	p.subject.writeTo(&b, who)
	begin := b.Len()
	var space [512]byte
	line := space[:0]
	for _, lines := range p.text {
		for _, l := range lines {
			if line = l.appendTo(line[:0], who); fits(line) {
				b.Write(line)
				b.WriteByte('\n')
				continue
			}
			wrapLine(&b, strings.TrimRight(string(line), " \t"))
		}
		ends = append(ends, b.Len())
	}
	for _, h := range p.html {
		h.writeTo(&b, &escaped)
		ends = append(ends, b.Len())
	}
	all := b.String()
	list, from := make([]string, len(ends)), begin
	for i, end := range ends {
		list[i], from = all[from:end], end
	}
	n := len(p.text)
	return all[:begin], list[:n:n], list[n:]
}

// Mail puts the pieces together: the mail as [Set.Render] gives it.
func (p *Prepared) Mail(f Filled) Mail {
	m := Mail{Subject: f.Subject, Text: weave(p.Text, f.Text), HTML: weave(p.HTML, f.HTML), Method: p.Method, Organizer: f.Organizer}
	if p.invite != nil {
		m.Invite = p.invite.Join(f.Invite)
	}
	return m
}

// weave puts open pieces between fixed ones.
func weave(fixed, open []string) string {
	var b strings.Builder
	for i, s := range fixed {
		b.WriteString(s)
		if i < len(open) {
			b.WriteString(open[i])
		}
	}
	return b.String()
}

func (m Mail) equal(o Mail) bool {
	return m.Subject == o.Subject && m.Text == o.Text && m.HTML == o.HTML &&
		string(m.Invite) == string(o.Invite) && m.Method == o.Method && m.Organizer == o.Organizer
}
