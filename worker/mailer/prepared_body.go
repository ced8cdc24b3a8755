package mailer

import (
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
)

// hole says what comes after a fixed stretch of a body.
type hole string

const (
	holeNone     hole = ""     // nothing: the end
	holeText     hole = "text" // a variable piece, quoted-printable
	holeHTML     hole = "html"
	holeCalendar hole = "calendar"
	holeFile     hole = "file" // all that base64 does not allow to encode in pieces
)

// step is a fixed stretch, encoded and in wire format, and the hole after it.
type step struct {
	fixed []byte
	then  hole
	piece int // which variable piece fills the hole
}

// body is everything from the Content-Type of a mail on, as steps. Fixed
// stretches begin and end at the start of a line.
type body struct {
	steps []step
	holes struct{ text, html, calendar int }
	// file holds the fixed pieces of the attachment from where base64 depends on
	// the person; the full lines before that are in a step.
	file []string
}

// newBody encodes the parts of a checked frame.
func newBody(f Frame) body {
	var b body
	b.holes.text, b.holes.html = max(0, len(f.Text)-1), max(0, len(f.HTML)-1)
	hasHTML := strings.Join(f.HTML, "") != ""

	var mixed, alternative boundary
	if f.Calendar != nil {
		b.holes.calendar = len(f.Calendar.ICS) - 1
	}
	switch {
	case f.File != nil:
		mixed = f.File.mixed
	case f.Calendar != nil:
		mixed = newBoundary()
	}
	if mixed != "" {
		b.add("Content-Type: multipart/mixed;\r\n boundary=\"" + string(mixed) + "\"\r\n\r\n" + mixed.next())
	}
	if hasHTML || f.Calendar != nil {
		alternative = newBoundary()
		b.add("Content-Type: multipart/alternative;\r\n boundary=\"" + string(alternative) + "\"\r\n\r\n" + alternative.next())
	}
	b.quoted("text/plain", holeText, f.Text)
	if hasHTML {
		b.add("\r\n" + alternative.next())
		b.quoted("text/html", holeHTML, f.HTML)
	}
	if c := f.Calendar; c != nil {
		b.add("\r\n" + alternative.next())
		b.quoted("text/calendar; method="+c.Method, holeCalendar, c.ICS)
	}
	if alternative != "" {
		b.add("\r\n" + alternative.end())
	}
	if f.Calendar != nil {
		b.add("\r\n" + mixed.next())
		b.attach(f.Calendar)
	}
	switch {
	case f.File != nil:
		b.add("\r\n") // the file brings its delimiter
	case mixed != "":
		b.add("\r\n" + mixed.end())
	}
	b.open(holeNone, 0)
	return b
}

// boundary is a line that occurs in no part, whatever people write: neither
// quoted-printable nor base64 can hold "=_" (RFC 2045 §6.7). It need not be
// unguessable for that; it is random so that a forwarded mail nests well.
type boundary string

func newBoundary() boundary     { return boundary("=_" + rand.Text()) }
func (b boundary) next() string { return "--" + string(b) + "\r\n" }
func (b boundary) end() string  { return "--" + string(b) + "--\r\n" }

// last gives the step being written.
func (b *body) last() *step {
	if len(b.steps) == 0 || b.steps[len(b.steps)-1].then != holeNone {
		b.steps = append(b.steps, step{})
	}
	return &b.steps[len(b.steps)-1]
}

func (b *body) add(s string) {
	l := b.last()
	l.fixed = append(l.fixed, s...)
}

func (b *body) open(h hole, piece int) {
	l := b.last()
	l.then, l.piece, l.fixed = h, piece, slices.Clip(l.fixed)
}

func (b *body) quoted(contentType string, h hole, pieces []string) {
	b.add("Content-Transfer-Encoding: quoted-printable\r\nContent-Type: " + contentType + "; charset=UTF-8\r\n\r\n")
	for i, piece := range pieces {
		l := b.last()
		l.fixed = appendQuoted(l.fixed, piece)
		if i < len(pieces)-1 {
			b.open(h, i)
		}
	}
}

func (b *body) attach(c *FrameCalendar) {
	b.add(fmt.Sprintf("Content-Disposition: attachment; filename=%q\r\nContent-Transfer-Encoding: base64\r\nContent-Type: application/ics; name=%q\r\n\r\n", c.FileName, c.FileName))
	first := c.ICS[0]
	ready := len(first) - len(first)%base64Line
	if len(c.ICS) == 1 {
		ready = len(first)
	}
	l := b.last()
	l.fixed = appendBase64(l.fixed, []byte(first[:ready]))
	if len(c.ICS) > 1 {
		b.file = slices.Clone(c.ICS)
		b.file[0] = first[ready:]
		b.open(holeFile, 0)
	}
}

// check refuses pieces that do not fit the holes.
func (b *body) check(f Fill) error {
	for _, part := range [...]struct {
		name   string
		pieces []string
		holes  int
	}{{"text", f.Text, b.holes.text}, {"html", f.HTML, b.holes.html}, {"calendar", f.ICS, b.holes.calendar}} {
		if len(part.pieces) != part.holes {
			return fmt.Errorf("%s: %d variable pieces for %d holes", part.name, len(part.pieces), part.holes)
		}
		for i, piece := range part.pieces {
			if !wholeLines(piece) {
				return fmt.Errorf("%s: variable piece %d does not end with a line feed", part.name, i)
			}
		}
	}
	return nil
}

// append writes the body with the pieces of a checked fill.
func (b *body) append(dst []byte, f Fill) []byte {
	for _, s := range b.steps {
		dst = append(dst, s.fixed...)
		switch s.then {
		case holeText:
			dst = appendQuoted(dst, f.Text[s.piece])
		case holeHTML:
			dst = appendQuoted(dst, f.HTML[s.piece])
		case holeCalendar:
			dst = appendQuoted(dst, f.ICS[s.piece])
		case holeFile:
			dst = b.appendFile(dst, f.ICS)
		}
	}
	return dst
}

func (b *body) appendFile(dst []byte, variable []string) []byte {
	var space [2 << 10]byte // more than most invitations have
	file := space[:0]
	for i, fixed := range b.file {
		file = append(file, fixed...)
		if i < len(variable) {
			file = append(file, variable[i]...)
		}
	}
	return appendBase64(dst, file)
}
