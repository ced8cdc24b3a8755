package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/emersion/go-ical"
	"github.com/emersion/go-message"
	"github.com/emersion/go-message/mail"

	"heraut/templates/invite"
)

// mailParts is a mail taken apart as a recipient's program would.
type mailParts struct {
	From, To, Subject string // decoded, for people
	MessageID         string // with its brackets
	Text, HTML        string
	Method            string // the method parameter of the calendar part
	Calendar          []byte // nil: the mail carries no invitation
}

// readMail takes one captured mail apart. Its mail is our own; an error means
// that a recipient could not read it either.
func readMail(data []byte) (mailParts, error) {
	root, err := message.Read(bytes.NewReader(data))
	if err != nil {
		return mailParts{}, fmt.Errorf("read mail: %w", err)
	}
	h := mail.Header{Header: root.Header}
	parts := mailParts{MessageID: h.Get("Message-ID")}
	if parts.Subject, err = h.Subject(); err != nil {
		return mailParts{}, fmt.Errorf("read mail: subject: %w", err)
	}
	for _, f := range []struct {
		name string
		to   *string
	}{{"From", &parts.From}, {"To", &parts.To}} {
		list, err := h.AddressList(f.name)
		if err != nil || len(list) != 1 {
			return mailParts{}, fmt.Errorf("read mail: %s: not one address: %w", f.name, err)
		}
		*f.to = strings.TrimSpace(list[0].Name + " <" + list[0].Address + ">")
	}
	err = root.Walk(func(_ []int, e *message.Entity, err error) error {
		if err != nil {
			return err
		}
		return parts.take(e)
	})
	if err != nil {
		return mailParts{}, fmt.Errorf("read mail: %w", err)
	}
	return parts, nil
}

// take keeps one part of a mail, where it is one of the three we look for.
func (p *mailParts) take(e *message.Entity) error {
	kind, params, err := e.Header.ContentType()
	if err != nil || strings.HasPrefix(kind, "multipart/") {
		return err
	}
	body, err := io.ReadAll(e.Body)
	if err != nil {
		return err
	}
	switch kind {
	case "text/plain":
		p.Text = strings.ReplaceAll(string(body), "\r\n", "\n")
	case "text/html":
		p.HTML = string(body)
	case "text/calendar":
		p.Calendar, p.Method = body, params["method"]
	}
	return nil
}

// calendarEntry is an invitation as people read it.
type calendarEntry struct {
	Method, UID         string
	Sequence            int
	Start, End          time.Time // UTC
	Summary, Location   string
	Organizer, Attendee string // "Name <address>"
	Alarms              []string
}

// readCalendar reads an invitation of ours. It is linted first: go-ical's
// reader may not be given what could come from elsewhere.
func readCalendar(ics []byte) (calendarEntry, error) {
	if err := invite.Lint(ics, invite.Expect{}); err != nil {
		return calendarEntry{}, fmt.Errorf("read invitation: %w", err)
	}
	entry, err := decodeCalendar(ics)
	if err != nil {
		return calendarEntry{}, fmt.Errorf("read invitation: %w", err)
	}
	return entry, nil
}

func decodeCalendar(ics []byte) (e calendarEntry, err error) {
	cal, err := ical.NewDecoder(bytes.NewReader(ics)).Decode()
	if err != nil {
		return e, err
	}
	events := cal.Events()
	if len(events) != 1 {
		return e, errors.New("not one event")
	}
	ev := events[0]
	for _, f := range []struct {
		props ical.Props
		name  string
		to    *string
	}{
		{cal.Props, ical.PropMethod, &e.Method},
		{ev.Props, ical.PropUID, &e.UID},
		{ev.Props, ical.PropSummary, &e.Summary},
		{ev.Props, ical.PropLocation, &e.Location},
	} {
		if *f.to, err = f.props.Text(f.name); err != nil {
			return e, err
		}
	}
	if p := ev.Props.Get(ical.PropSequence); p != nil {
		if e.Sequence, err = strconv.Atoi(p.Value); err != nil {
			return e, err
		}
	}
	if e.Start, err = ev.DateTimeStart(time.UTC); err != nil {
		return e, err
	}
	if e.End, err = ev.DateTimeEnd(time.UTC); err != nil {
		return e, err
	}
	e.Start, e.End = e.Start.UTC(), e.End.UTC()
	e.Organizer, e.Attendee = calendarPerson(ev.Props.Get(ical.PropOrganizer)), calendarPerson(ev.Props.Get(ical.PropAttendee))
	for _, child := range ev.Children {
		if p := child.Props.Get(ical.PropTrigger); child.Name == ical.CompAlarm && p != nil {
			e.Alarms = append(e.Alarms, p.Value)
		}
	}
	return e, nil
}

// calendarPerson gives "Name <address>".
func calendarPerson(p *ical.Prop) string {
	if p == nil {
		return ""
	}
	addr := p.Value
	if len(addr) > 7 && strings.EqualFold(addr[:7], "mailto:") {
		addr = addr[7:]
	}
	if cn := p.Params.Get(ical.ParamCommonName); cn != "" {
		return cn + " <" + addr + ">"
	}
	return addr
}
