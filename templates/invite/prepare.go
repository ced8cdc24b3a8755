package invite

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// Recipient is what of an invitation belongs to one person: the fields of
// [Event] that differ where the event is the same.
type Recipient struct {
	UID       string
	Stamp     time.Time
	Organizer string // addr-spec; its name is that of the event
	Attendee  Person
}

// Prepared is an invitation with the lines of its recipient left open, for
// writing it to many. It never changes and is safe for concurrent use.
type Prepared struct {
	// Fixed is what all recipients get: between piece i and i+1 comes piece i
	// of [Prepared.Fill]. Every piece is whole lines, ended by CRLF.
	Fixed []string

	method    Method
	open      []string // the property of each piece to fill
	organizer string   // parameters of ORGANIZER, with their semicolons
	attendee  string   // parameters of ATTENDEE but for its CN
	size      int      // octets of Fixed
}

// Prepare writes e and keeps what does not depend on its [Recipient]. It fails
// as [Write] does.
func Prepare(e Event) (*Prepared, error) {
	whole, err := Write(e)
	if err != nil {
		return nil, err
	}
	p := &Prepared{method: e.Method}
	var fixed strings.Builder
	lines := physicalLines(string(whole))
	for i := 0; i < len(lines); {
		first := i
		for i++; i < len(lines) && isContinuation(lines[i].text); i++ {
		}
		line := join(lines[first:i])
		name, _ := cutName(line)
		switch name {
		case "UID", "DTSTAMP":
		case "ORGANIZER":
			p.organizer, err = middle(line, name, e.Organizer.Email)
		case "ATTENDEE":
			p.attendee, err = middle(line, name+string(appendCN(nil, e.Attendee.Name)), e.Attendee.Email)
		default:
			for _, l := range lines[first:i] {
				fixed.WriteString(l.text + "\r\n")
			}
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("invite: prepare: %w", err)
		}
		p.open = append(p.open, name)
		p.Fixed = append(p.Fixed, fixed.String())
		p.size += fixed.Len()
		fixed.Reset()
	}
	p.Fixed = append(p.Fixed, fixed.String())
	p.size += fixed.Len()
	return p, p.prove(e, whole)
}

// middle gives what stands between the beginning of a content line and the
// calendar address at its end.
func middle(line, begin, addr string) (string, error) {
	value, err := mailto(addr)
	if err != nil {
		return "", err
	}
	rest, hasBegin := strings.CutPrefix(line, begin)
	rest, hasEnd := strings.CutSuffix(rest, ":"+value)
	if !hasBegin || !hasEnd {
		return "", errors.New("a line is not of the form that was written")
	}
	return rest, nil
}

// prove fills p for the recipient it was made of: what it gives must be what
// [Write] gave. A change of the encoder ends here and not at a recipient's.
func (p *Prepared) prove(e Event, whole []byte) error {
	pieces, err := p.Fill(Recipient{UID: e.UID, Stamp: e.Stamp, Organizer: e.Organizer.Email, Attendee: e.Attendee})
	if err != nil {
		return err
	}
	if !bytes.Equal(p.Join(pieces), whole) {
		return errors.New("invite: prepare: filling in gives another invitation than writing it")
	}
	return nil
}

// Join puts the pieces of a [Prepared.Fill] between the fixed ones: the
// invitation as [Write] gives it.
func (p *Prepared) Join(pieces []string) []byte {
	var out []byte
	for i, fixed := range p.Fixed {
		out = append(out, fixed...)
		if i < len(pieces) {
			out = append(out, pieces[i]...)
		}
	}
	return out
}

// Fill gives the lines of one recipient, folded, each piece ended by CRLF. They
// are judged by the rules of [Lint] that concern them, so the whole is linted:
// the rest was when it was prepared. It fails as [Write] does.
func (p *Prepared) Fill(r Recipient) ([]string, error) {
	var space [1024]byte
	var places [4]int
	out, ends, err := p.appendOpen(space[:0], places[:0], r)
	if err != nil {
		return nil, fmt.Errorf("invite: %w", err)
	}
	all, from := string(out), 0
	pieces := make([]string, len(ends))
	for i, end := range ends {
		pieces[i], from = all[from:end], end
	}
	if err := p.lint(all, pieces, r); err != nil {
		return nil, fmt.Errorf("invite: %w", err)
	}
	return pieces, nil
}

// appendOpen writes the open lines one after another, and where each ends.
func (p *Prepared) appendOpen(out []byte, ends []int, r Recipient) ([]byte, []int, error) {
	if err := checkUID(r.UID); err != nil {
		return nil, nil, err
	}
	if err := checkStamp(r.Stamp); err != nil {
		return nil, nil, err
	}
	if !plainAddress(r.Organizer) {
		return nil, nil, fmt.Errorf("organizer: %w", errAddress)
	}
	if !plainAddress(r.Attendee.Email) {
		return nil, nil, fmt.Errorf("attendee: %w", errAddress)
	}
	var space [512]byte
	line := space[:0]
	for _, property := range p.open {
		line = append(line[:0], property...)
		switch property {
		case "UID":
			line = appendText(append(line, ':'), r.UID)
		case "DTSTAMP":
			line = r.Stamp.UTC().AppendFormat(append(line, ':'), layoutUTC)
		case "ORGANIZER":
			line = append(line, p.organizer...)
			line = appendMailto(append(line, ':'), r.Organizer)
		case "ATTENDEE":
			line = appendCN(line, r.Attendee.Name)
			line = append(line, p.attendee...)
			line = appendMailto(append(line, ':'), r.Attendee.Email)
		}
		out = appendFolded(out, line)
		ends = append(ends, len(out))
	}
	return out, ends, nil
}

// appendMailto appends what [mailto] gives.
func appendMailto(line []byte, addr string) []byte {
	return append(append(line, scheme...), escapeMailto(addr)...)
}

// appendCN appends the CN parameter with its semicolon, nothing for no name. A
// value with a colon, semicolon or comma is quoted (RFC 5545 section 3.2); there
// is no double quote in it any more.
func appendCN(line []byte, name string) []byte {
	name = cleanParam(name)
	if name == "" {
		return line
	}
	line = append(line, ";CN="...)
	if strings.ContainsAny(name, ";:,") {
		return append(append(append(line, '"'), name...), '"')
	}
	return append(line, name...)
}

// appendText appends a TEXT of one line with its escapes (RFC 5545 section
// 3.3.11).
func appendText(line []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c == '\\' || c == ';' || c == ',' {
			line = append(line, '\\')
		}
		line = append(line, s[i])
	}
	return line
}

// lint judges the lines of one recipient; all is the pieces together. Lines
// are counted from the first of them.
func (p *Prepared) lint(all string, pieces []string, r Recipient) error {
	l := &linter{want: Expect{UID: r.UID, Organizer: r.Organizer, Attendee: r.Attendee.Email}}
	switch {
	case p.size+len(all) > MaxBytes:
		l.report(0, RuleSize, fmt.Sprintf("longer than %d octets", MaxBytes))
	case !utf8.ValidString(all):
		l.report(0, RuleUTF8, "not valid UTF-8")
	default:
		number := 1
		for i, piece := range pieces {
			number = l.piece(piece, number, p.open[i], p.method)
		}
	}
	if len(l.problems) > 0 {
		return &LintError{Problems: l.problems}
	}
	return nil
}

// piece judges one property of a recipient, and gives the number of the line
// after it.
func (l *linter) piece(piece string, number int, name string, method Method) int {
	var space [16]physicalLine // 1,200 octets: enough for any name there is
	lines := appendLines(space[:0], piece)
	for i := range lines {
		lines[i].number += number - 1
		l.physical(lines[i])
		if i > 0 && !isContinuation(lines[i].text) {
			l.report(lines[i].number, RuleSyntax, "two lines where one is expected")
		}
	}
	next := number + len(lines)
	if len(lines) == 0 {
		l.report(0, RuleSyntax, name+" is missing")
		return next
	}
	var params [8]param // an ATTENDEE has five
	property, problem := parseProperty(contentLine{number: number, text: join(lines)}, params[:])
	switch {
	case problem != "":
		l.report(number, RuleSyntax, problem)
	case property.name != name:
		l.report(number, RuleSyntax, "another property than "+name)
	case name == "UID":
		l.text(property)
		l.uid(property)
	case name == "DTSTAMP":
		l.stamp(property)
	case name == "ORGANIZER":
		l.organizer(property)
	case name == "ATTENDEE":
		l.attendee(property, method)
	}
	return next
}
