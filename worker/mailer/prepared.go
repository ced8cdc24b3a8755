package mailer

import (
	"errors"
	"fmt"
	"mime"
	"net/mail"
	"slices"
	"strings"
	"time"
)

// Frame is what a crowd of mails has in common: one [Mail] with holes. Each part
// is given as its fixed pieces; between piece i and i+1 comes variable piece i
// of a [Fill]. So n+1 fixed pieces leave n holes, and no pieces leave out the
// part.
//
// A hole is whole lines: every piece, fixed or variable, ends with a line feed
// or is "". Only the last fixed piece is free.
type Frame struct {
	// From, Language and Headers are as in [Mail].
	From     mail.Address
	Language string
	Headers  []Header
	// Text is required, HTML may be nil. Not all pieces of HTML may be "":
	// whether there is an HTML part is the same for all.
	Text, HTML []string
	// Calendar adds an invitation; nil for none.
	Calendar *FrameCalendar
	// File adds an attachment, the same to all; nil for none.
	File *File
}

// FrameCalendar is the [Calendar] of a [Frame]. The METHOD of ICS stands in a
// fixed piece.
type FrameCalendar struct {
	Method, FileName string
	ICS              []string
}

// Fill is one person's share of a mail. Fields mean what they mean in [Mail];
// Headers come beside those of the frame. Text, HTML and ICS are the variable
// pieces, exactly as many as the frame leaves holes.
type Fill struct {
	To, ReplyTo     mail.Address
	Subject         string
	Date            time.Time
	MessageID       string
	Headers         []Header
	Text, HTML, ICS []string
}

// Prepared is a frame that has been encoded once, so that a mail costs little
// more than its own lines. Safe for concurrent use; it never changes.
type Prepared struct {
	from    mail.Address
	headers []Header
	fields  []byte // the header fields that are the same for all
	body    body
	hasText bool // the fixed pieces alone make a readable text
}

// Prepare checks and encodes a frame. Its errors wrap [ErrCompose].
func Prepare(f Frame) (*Prepared, error) {
	p, err := prepare(f)
	if err != nil {
		return nil, fmt.Errorf("%w: frame: %w", ErrCompose, err)
	}
	return p, nil
}

func prepare(f Frame) (*Prepared, error) {
	if err := f.check(); err != nil {
		return nil, err
	}
	p := &Prepared{from: f.From, headers: slices.Clone(f.Headers), body: newBody(f)}
	p.hasText = strings.TrimSpace(strings.Join(f.Text, "")) != ""
	p.fields = appendField(p.fields, "Auto-Submitted", "auto-generated")
	if f.Language != "" {
		p.fields = appendField(p.fields, "Content-Language", f.Language)
	}
	p.fields = appendMailbox(p.fields, "From", f.From)
	p.fields = appendField(p.fields, "MIME-Version", "1.0")
	p.fields = appendHeaders(p.fields, f.Headers)
	for _, s := range p.body.steps {
		if _, err := checkWire(s.fixed); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// check finds what would make every mail of the frame a bad one.
func (f Frame) check() error {
	if err := checkAddress("From", f.From); err != nil {
		return err
	}
	if err := checkLanguage(f.Language); err != nil {
		return err
	}
	if err := checkHeaders(f.Headers, nil); err != nil {
		return err
	}
	if len(f.Text) == 0 {
		return errNoText
	}
	if len(f.HTML) > 1 && strings.Join(f.HTML, "") == "" {
		return errors.New("html has holes only: it must be there for all or for nobody")
	}
	var ics []string
	if c := f.Calendar; c != nil {
		whole := &Calendar{Method: c.Method, FileName: c.FileName, ICS: []byte(strings.Join(c.ICS, ""))}
		if err := whole.check(); err != nil {
			return err
		}
		ics = c.ICS
	}
	for _, part := range []struct {
		name   string
		pieces []string
	}{{"text", f.Text}, {"html", f.HTML}, {"calendar", ics}} {
		for i, piece := range part.pieces[:max(0, len(part.pieces)-1)] {
			if !wholeLines(piece) {
				return fmt.Errorf("%s: fixed piece %d does not end with a line feed", part.name, i)
			}
		}
	}
	return nil
}

// Compose appends the mail of one person to dst. It is the mail that [Compose]
// makes of the pieces put together: the same fields in the header (in another
// order), the same parts, the same octets in each, and what one refuses the
// other refuses. Like that one, with a file it ends where the file begins. On an error, which wraps [ErrCompose], it returns dst as it was.
func (p *Prepared) Compose(dst []byte, f Fill) ([]byte, error) {
	out, err := p.compose(dst, f)
	if err != nil {
		return dst, fmt.Errorf("%w: %w", ErrCompose, err)
	}
	return out, nil
}

func (p *Prepared) compose(dst []byte, f Fill) ([]byte, error) {
	if err := p.check(f); err != nil {
		return nil, err
	}
	start := len(dst)
	dst = append(dst, p.fields...)
	dst = appendHeaders(dst, f.Headers)
	var date [len(time.RFC1123Z)]byte
	dst = appendField(dst, "Date", f.Date.AppendFormat(date[:0], time.RFC1123Z))
	dst = appendField(dst, "Message-ID", f.MessageID)
	if f.ReplyTo.Address != "" {
		dst = appendMailbox(dst, "Reply-To", f.ReplyTo)
	}
	dst = appendText(dst, "Subject", f.Subject)
	dst = appendMailbox(dst, "To", f.To)

	// The body is encoded, and its fixed lines were checked: only the header can
	// still be unfit.
	ascii, err := checkWire(dst[start:])
	if err != nil {
		return nil, err
	}
	if !ascii && isASCII(p.from.Address) && isASCII(f.To.Address) && isASCII(f.ReplyTo.Address) {
		return nil, errNotASCII
	}
	return p.body.append(dst, f), nil
}

// check is [Mail.check] for what a person adds to the frame.
func (p *Prepared) check(f Fill) error {
	if err := checkRecipient(f.To, f.ReplyTo); err != nil {
		return err
	}
	if err := checkStamp(f.Subject, f.Date, f.MessageID); err != nil {
		return err
	}
	if err := checkHeaders(f.Headers, p.headers); err != nil {
		return err
	}
	if err := p.body.check(f); err != nil {
		return err
	}
	if p.hasText {
		return nil
	}
	for _, piece := range f.Text {
		if strings.TrimSpace(piece) != "" {
			return nil
		}
	}
	return errNoText
}

// appendHeaders appends further fields the way go-mail writes them for [Compose].
func appendHeaders(dst []byte, headers []Header) []byte {
	for _, h := range headers {
		dst = appendField(dst, h.Name, mime.QEncoding.Encode("UTF-8", h.Value))
	}
	return dst
}

// wholeLines reports a piece that something may follow.
func wholeLines(piece string) bool { return piece == "" || piece[len(piece)-1] == '\n' }
