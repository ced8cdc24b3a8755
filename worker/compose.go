package worker

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/mail"
	"strconv"

	"heraut/jobs"
	"heraut/templates"
	"heraut/worker/mailer"
)

// letter is a message in the form in which it goes over the wire.
type letter struct {
	event     jobs.Event
	envelope  mailer.Envelope
	messageID string
	data      []byte
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

// letter renders a claim. The error is an [*unsendable] when trying again
// would not help.
func (w *Worker) letter(ctx context.Context, c jobs.Claim) (l letter, err error) {
	defer func() {
		if x := recover(); x != nil {
			// asynq would put the panic in Redis and try the whole batch again.
			l, err = letter{}, parked(fmt.Errorf("rendering panicked: %v", x))
		}
	}()
	programme, err := w.programmes.at(ctx, c.Version)
	if err != nil {
		return letter{}, err
	}
	m, reg := c.Message, c.Registration
	ev, ok := programme.Event(m.EventID)
	switch {
	case !ok:
		return letter{}, &unsendable{jobs.HeldState, "the event is not in the programme"}
	case !ev.May(reg):
		return letter{}, &unsendable{jobs.HeldState, jobs.ReasonIneligible}
	}
	now := w.cfg.Clock.Now()
	in := templates.Input{
		Programme:    programme.Name,
		Event:        ev,
		Registration: reg,
		Message:      m,
		Now:          now,
		Tag:          jobs.Tag(w.cfg.TagKey, reg.UID),
	}
	if m.Kind == jobs.Confirmation {
		in.Folded = jobs.Folded(ev, reg)
	}
	rendered, err := w.cfg.Templates.Render(in)
	switch {
	case errors.Is(err, templates.ErrBlank):
		return letter{}, &unsendable{jobs.HeldState, "the programme has a blank to fill in"}
	case err != nil:
		return letter{}, parked(err)
	}
	l = letter{
		event:     ev,
		envelope:  mailer.Envelope{From: w.cfg.From.Address, To: reg.Email.String()},
		messageID: m.MessageID,
	}
	if l.messageID == "" {
		l.messageID = messageID(w.cfg.TagKey, m.ID, w.cfg.From.Address)
	}
	out := mailer.Mail{
		From:      w.cfg.From,
		To:        mail.Address{Name: reg.Name, Address: reg.Email.String()},
		ReplyTo:   mail.Address{Name: rendered.Organizer.Name, Address: rendered.Organizer.Email.String()},
		Subject:   rendered.Subject,
		Text:      rendered.Text,
		HTML:      rendered.HTML,
		Date:      now.In(ev.Zone),
		MessageID: l.messageID,
		Language:  string(reg.Lang),
	}
	if rendered.Invite != nil {
		out.Calendar = &mailer.Calendar{Method: rendered.Method, ICS: rendered.Invite, FileName: inviteFile(reg.Lang)}
	}
	if l.data, err = mailer.Compose(out); err != nil {
		return letter{}, parked(err)
	}
	return l, nil
}

// inviteFile is the name of the attachment, as the recipient sees it.
func inviteFile(l jobs.Lang) string {
	if l == jobs.English {
		return "invitation.ics"
	}
	return "uitnodiging.ics"
}

// messageID gives the Message-ID of a message (RFC 5322 §3.6.4): the same for
// every copy, and telling an outsider nothing, not even how many were sent.
func messageID(key []byte, id int64, from string) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("message-id:" + strconv.FormatInt(id, 10)))
	return "<" + hex.EncodeToString(mac.Sum(nil)[:16]) + "@" + mailer.Domain(from) + ">"
}
