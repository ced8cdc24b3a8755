package worker

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/mail"
	"strconv"
	"time"

	"heraut/jobs"
	"heraut/templates"
	"heraut/worker/fault"
	"heraut/worker/mailer"
)

// letter is a message in the form in which it goes over the wire.
type letter struct {
	batch     *batch
	claim     *jobs.Claim
	start     time.Time // of the event
	envelope  mailer.Envelope
	messageID string
	data      []byte
	file      *mailer.File             // goes along; nil for none
	permit    <-chan groupAnswer[bool] // for the final dot; nil: not asked for
	asked     time.Time                // when it last was, on the machine's clock
}

// unsendable is why a claim ends without a mail.
type unsendable struct {
	state  jobs.State
	reason string
}

func (u *unsendable) Error() string { return u.reason }

// parked is the answer to a message that is itself the trouble. The reason is
// for the ledger; it may hold what a template made of a name.
func parked(err error) *unsendable {
	return &unsendable{jobs.Failed, "parked: " + err.Error()}
}

// letter renders a claim into buf, which may be nil. The error is an
// [*unsendable] when trying again would not help.
func (w *Worker) letter(ctx context.Context, c *jobs.Claim, buf []byte) (l letter, err error) {
	defer func() {
		if x := recover(); x != nil {
			// asynq would put the panic in Redis and try the whole batch again.
			l, err = letter{}, parked(fmt.Errorf("rendering panicked: %v", x))
		}
	}()
	if err := fault.At(fault.Rendering, c.Message.ID); err != nil {
		return letter{}, parked(err)
	}
	in, version, err := w.input(ctx, c)
	if err != nil {
		return letter{}, err
	}
	l = letter{
		claim:     c,
		start:     in.Event.Start,
		envelope:  mailer.Envelope{From: w.cfg.From.Address, To: c.Registration.Email.String()},
		messageID: c.Message.MessageID,
	}
	if l.messageID == "" {
		l.messageID = messageID(w.cfg.TagKey, c.Message.ID, w.cfg.From.Address)
	}
	if l.file, err = w.campaigns.file(ctx, in.Campaign); err != nil {
		return letter{}, err
	}
	data, err := w.fill(in, version, &l, buf)
	if err != nil {
		data, err = w.write(in, &l)
	}
	switch {
	case errors.Is(err, templates.ErrBlank):
		return letter{}, &unsendable{jobs.HeldState, "the programme has a blank to fill in"}
	case err != nil:
		return letter{}, parked(err)
	}
	if w.cfg.Signer != nil {
		if data, err = w.cfg.Signer.Sign(nil, data, l.file); err != nil {
			return letter{}, fmt.Errorf("sign: %w", err)
		}
	}
	l.data = data
	return l, nil
}

// input gathers what is to be known about a mail, and the version of the
// programme that was.
func (w *Worker) input(ctx context.Context, c *jobs.Claim) (in templates.Input, version int64, err error) {
	programme, version, err := w.programmes.at(ctx, c.Version)
	if err != nil {
		return in, 0, err
	}
	m, reg := c.Message, c.Registration
	ev, ok := programme.Event(m.EventID)
	switch {
	case !ok:
		return in, 0, &unsendable{jobs.HeldState, "the event is not in the programme"}
	case m.Kind != jobs.CampaignMail && !ev.May(reg):
		return in, 0, &unsendable{jobs.HeldState, jobs.ReasonIneligible}
	}
	in = templates.Input{
		Programme:    programme.Name,
		Event:        ev,
		Registration: reg,
		Message:      m,
		Now:          w.cfg.Clock.Now(),
		Tag:          jobs.Tag(w.cfg.TagKey, reg.UID),
	}
	switch m.Kind {
	case jobs.Confirmation:
		in.Folded = jobs.Folded(ev, reg)
	case jobs.Change:
		in.Was, err = w.programmes.before(ctx, m.EventID, m.Revision)
	case jobs.CampaignMail:
		if in.Campaign, err = w.campaigns.text(ctx, m.Name); err == nil {
			in.Unsubscribe, err = w.unsubscribeURL(reg), w.may(in.Campaign, ev, reg)
		}
	}
	return in, version, err
}

// fill completes a prepared mail for a letter. On any error the mail is to be
// written in full.
func (w *Worker) fill(in templates.Input, version int64, l *letter, buf []byte) ([]byte, error) {
	sh := w.stationery.sheet(version, in, w.frame(in.Language(), in.CalendarLanguage(), in.Campaign, l.file))
	if sh == nil {
		return nil, templates.ErrNotPrepared
	}
	words, err := sh.words.Fill(in)
	if err != nil {
		return nil, err
	}
	return sh.mail.Compose(buf, mailer.Fill{
		To:        mail.Address{Name: in.Registration.Name, Address: in.Registration.Email.String()},
		ReplyTo:   mail.Address{Name: words.Organizer.Name, Address: words.Organizer.Email.String()},
		Subject:   words.Subject,
		Date:      in.Now.In(in.Event.Zone),
		MessageID: l.messageID,
		Headers:   ownHeaders(in.Unsubscribe),
		Text:      words.Text,
		HTML:      words.HTML,
		ICS:       words.Invite,
	})
}

// frame gives what all mails of one class share around the words, in a language
// and with an invitation in perhaps another. c is nil for a mail that is of no
// campaign, file for one that has none.
func (w *Worker) frame(l, calendar jobs.Lang, c *jobs.Campaign, file *mailer.File) func(*templates.Prepared) mailer.Frame {
	return func(p *templates.Prepared) mailer.Frame {
		f := mailer.Frame{From: w.cfg.From, Language: string(l), Headers: w.listHeaders(c), Text: p.Text, HTML: p.HTML, File: file}
		if p.Invite != nil {
			f.Calendar = &mailer.FrameCalendar{Method: p.Method, FileName: InviteFile(calendar), ICS: p.Invite}
		}
		return f
	}
}

// write renders and composes a mail in full for a letter.
func (w *Worker) write(in templates.Input, l *letter) ([]byte, error) {
	rendered, err := w.cfg.Templates.Render(in)
	if err != nil {
		return nil, err
	}
	reg := in.Registration
	out := mailer.Mail{
		From:      w.cfg.From,
		To:        mail.Address{Name: reg.Name, Address: reg.Email.String()},
		ReplyTo:   mail.Address{Name: rendered.Organizer.Name, Address: rendered.Organizer.Email.String()},
		Subject:   rendered.Subject,
		Text:      rendered.Text,
		HTML:      rendered.HTML,
		Date:      in.Now.In(in.Event.Zone),
		MessageID: l.messageID,
		Language:  string(in.Language()),
		Headers:   append(w.listHeaders(in.Campaign), ownHeaders(in.Unsubscribe)...),
		File:      l.file,
	}
	if rendered.Invite != nil {
		out.Calendar = &mailer.Calendar{Method: rendered.Method, ICS: rendered.Invite, FileName: InviteFile(in.CalendarLanguage())}
	}
	return mailer.Compose(out)
}

// InviteFile is the name of an attached invitation, as the recipient sees it.
func InviteFile(l jobs.Lang) string {
	if l == jobs.English {
		return "invitation.ics"
	}
	return "uitnodiging.ics"
}

// messageID gives the Message-ID of a message (RFC 5322 §3.6.4): the same for
// every copy, and telling an outsider nothing, not even how many were sent.
func messageID(key []byte, id int64, from string) string {
	mac := jobs.MAC(key, "message-id:", strconv.FormatInt(id, 10))
	var space [128]byte
	out := hex.AppendEncode(append(space[:0], '<'), mac[:16])
	return string(append(append(append(out, '@'), mailer.Domain(from)...), '>'))
}
