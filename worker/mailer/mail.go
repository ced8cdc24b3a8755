package mailer

import (
	"bytes"
	"errors"
	"fmt"
	"net/mail"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"
)

// ErrCompose is wrapped by every error of [Compose].
var ErrCompose = errors.New("cannot compose mail")

// Mail is one rendered message to one recipient, before MIME.
type Mail struct {
	// From and To are required. Names may hold anything: they are cleaned of
	// control characters, cut at 200 characters and encoded.
	From, To mail.Address
	// ReplyTo is left out when its Address is "".
	ReplyTo mail.Address
	// Subject is required; cleaned and encoded like a name, but not cut.
	Subject string
	// Text is required, UTF-8; any line ending will do. HTML may be "".
	Text, HTML string
	// Date is written in its own location. Required.
	Date time.Time
	// MessageID is <left@right>. Required: it must stay the same when a message
	// is sent again, so that a mail system can recognise the copy.
	MessageID string
	// Language is the Content-Language (RFC 3282), such as "nl"; "" leaves it out.
	Language string
	// Headers are further fields, such as List-Unsubscribe. Fields that follow
	// from the rest of Mail are refused here. They are written in alphabetical order.
	Headers []Header
	// Calendar adds an invitation; nil for none.
	Calendar *Calendar
	// File adds an attachment; nil for none.
	File *File
}

// Header is one further header field. Value may hold no control characters.
type Header struct{ Name, Value string }

// Calendar is an iCalendar object that goes along twice: as the last
// alternative, which is what mail clients show with buttons, and as a file.
type Calendar struct {
	// Method is the iTIP method (RFC 5546), such as "REQUEST". It must equal
	// METHOD in ICS: Exchange refuses a mail in which they differ (RFC 6047 §2.4).
	Method string
	// ICS is the object, UTF-8, with CRLF line ends.
	ICS []byte
	// FileName is the name of the attachment, ASCII, such as "uitnodiging.ics".
	FileName string
}

// Compose writes a mail as the bytes to send: CRLF line ends, at most 998
// octets a line, ASCII only unless an address itself is not. The structure is
//
//	multipart/mixed
//	  multipart/alternative
//	    text/plain
//	    text/html
//	    text/calendar; method=REQUEST; charset=UTF-8
//	  application/ics
//	  application/pdf
//
// without calendar and file just the alternative, without HTML just the text.
// A [Mail.File] itself is not among the bytes: they end where it begins, and
// [Transaction.File] or [File.Append] completes them.
// Auto-Submitted: auto-generated (RFC 3834) is always there. On an error,
// which wraps [ErrCompose], no bytes are returned.
func Compose(m Mail) ([]byte, error) {
	data, err := compose(m)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCompose, err)
	}
	return data, nil
}

func compose(m Mail) ([]byte, error) {
	if err := m.check(); err != nil {
		return nil, err
	}
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent(), gomail.WithCharset(gomail.CharsetUTF8), gomail.WithEncoding(gomail.EncodingQP))
	// Address fields are set as finished text: go-mail would write a name with
	// "=?" in it as a quoted string, which many readers decode all the same.
	setAddress(msg, "From", m.From)
	setAddress(msg, "To", m.To)
	if m.ReplyTo.Address != "" {
		setAddress(msg, "Reply-To", m.ReplyTo)
	}
	msg.SetGenHeader("Subject", encodedText(cleanText(m.Subject)))
	msg.SetGenHeader("Date", m.Date.Format(time.RFC1123Z))
	msg.SetGenHeader("Message-ID", m.MessageID)
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	if m.Language != "" {
		msg.SetGenHeader("Content-Language", m.Language)
	}
	for _, h := range m.Headers {
		msg.SetGenHeader(gomail.Header(h.Name), h.Value)
	}

	msg.SetBodyString(gomail.TypeTextPlain, lineFeeds(m.Text))
	if m.HTML != "" {
		msg.AddAlternativeString(gomail.TypeTextHTML, lineFeeds(m.HTML))
	}
	if c := m.Calendar; c != nil {
		msg.AddAlternativeString(gomail.ContentType("text/calendar; method="+c.Method), lineFeeds(string(c.ICS)))
		err := msg.AttachReader(c.FileName, bytes.NewReader(c.ICS), gomail.WithFileContentType("application/ics"))
		if err != nil {
			return nil, err
		}
	}
	if m.File != nil {
		// go-mail makes the place for it; see cutBefore.
		if err := msg.AttachReader("file", strings.NewReader("")); err != nil {
			return nil, err
		}
	}

	var out bytes.Buffer
	out.Grow(4096 + 2*len(m.Text) + len(m.HTML)*5/4)
	if _, err := msg.WriteTo(&out); err != nil {
		return nil, err
	}
	data := out.Bytes()
	if m.File != nil {
		var err error
		if data, err = m.File.cutBefore(data); err != nil {
			return nil, err
		}
	}
	ascii, err := checkWire(data)
	if err != nil {
		return nil, err
	}
	if !ascii && isASCII(m.From.Address+m.To.Address+m.ReplyTo.Address) {
		return nil, errNotASCII
	}
	return data, nil
}

// lineFeeds makes every line ending a line feed; the encoder writes CRLF. Left to
// itself mime/quotedprintable (Go 1.26) drops a line feed when a bare CR came
// before it with only encoded octets in between, as in "a\rü\nb".
func lineFeeds(s string) string {
	if strings.IndexByte(s, '\r') < 0 {
		return s
	}
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
}

// setAddress sets an address field. go-mail folds it, unless the address itself
// is not ASCII (RFC 6532): go-mail would encode that, so it is folded here.
func setAddress(msg *gomail.Msg, field gomail.Header, a mail.Address) {
	text := addressText(a)
	if isASCII(text) {
		msg.SetGenHeader(field, text)
		return
	}
	msg.SetGenHeaderPreformatted(field, strings.ReplaceAll(text, "?= ", "?=\r\n "))
}

// check finds what would make a broken or ambiguous mail.
func (m Mail) check() error {
	if err := checkAddress("From", m.From); err != nil {
		return err
	}
	if err := checkRecipient(m.To, m.ReplyTo); err != nil {
		return err
	}
	if err := checkStamp(m.Subject, m.Date, m.MessageID); err != nil {
		return err
	}
	if strings.TrimSpace(m.Text) == "" {
		return errNoText
	}
	if err := checkLanguage(m.Language); err != nil {
		return err
	}
	if err := checkHeaders(m.Headers, nil); err != nil {
		return err
	}
	return m.Calendar.check()
}

var (
	errNoText   = errors.New("no text part: the mail must be readable without HTML")
	errNotASCII = errors.New("octets outside ASCII in the result")
)

// checkRecipient checks the addresses that differ per mail; replyTo may be "".
func checkRecipient(to, replyTo mail.Address) error {
	if err := checkAddress("To", to); err != nil || replyTo.Address == "" {
		return err
	}
	return checkAddress("Reply-To", replyTo)
}

// checkAddress refuses an address that no command could hold.
func checkAddress(field string, a mail.Address) error {
	if _, err := headerPath(a.Address); err != nil {
		return fmt.Errorf("%s: %w", field, err)
	}
	return nil
}

// checkStamp checks what tells one mail from another.
func checkStamp(subject string, date time.Time, messageID string) error {
	switch {
	case cleanText(subject) == "":
		return errors.New("no subject")
	case date.IsZero():
		return errors.New("no date")
	case !validMessageID(messageID):
		return fmt.Errorf("message id %q is not of the form <left@right>", messageID)
	}
	return nil
}

func checkLanguage(language string) error {
	if strings.Trim(language, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return fmt.Errorf("language %q is no language tag", language)
	}
	return nil
}

// check finds an invitation that mail clients would not show as one.
func (c *Calendar) check() error {
	if c == nil {
		return nil
	}
	if c.Method == "" || strings.Trim(c.Method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
		return fmt.Errorf("calendar method %q is not an iTIP method in capitals", c.Method)
	}
	if !bytes.Contains(c.ICS, []byte("\nMETHOD:"+c.Method+"\r\n")) {
		return fmt.Errorf("calendar has no line METHOD:%s", c.Method)
	}
	for _, r := range c.FileName {
		if r <= ' ' || r >= 0x7f || strings.ContainsRune(`"/:<>?\|`, r) {
			return fmt.Errorf("calendar file name %q: only plain ASCII without spaces", c.FileName)
		}
	}
	if c.FileName == "" {
		return errors.New("calendar has no file name")
	}
	return nil
}
