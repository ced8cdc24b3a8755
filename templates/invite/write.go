package invite

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/emersion/go-ical"
)

const (
	productID = "-//Heraut//Heraut invitations//EN"
	maxUID    = 255 // octets, RFC 7986 section 5.3

	layoutLocal = "20060102T150405"
	layoutUTC   = "20060102T150405Z"
)

var languageTag = regexp.MustCompile(`^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$`)

// Write returns e as an iCalendar object: CRLF line ends, folded at 75 octets,
// UTF-8, equal for equal input. Texts and names are made harmless, not refused.
// An event that is not valid gives an error that says which field; output that
// [Lint] refuses, in practice only by its size, gives a *[LintError].
func Write(e Event) ([]byte, error) {
	cal, err := build(e)
	if err != nil {
		return nil, fmt.Errorf("invite: %w", err)
	}
	var buf bytes.Buffer
	if err := ical.NewEncoder(&buf).Encode(cal); err != nil {
		return nil, fmt.Errorf("invite: encode: %w", err)
	}
	out := fold(buf.Bytes())
	want := Expect{
		Method: e.Method, UID: e.UID, Sequence: e.Sequence,
		Attendee: e.Attendee.Email, Organizer: e.Organizer.Email,
	}
	if err := Lint(out, want); err != nil {
		return nil, fmt.Errorf("invite: %w", err)
	}
	return out, nil
}

// build checks e and makes its calendar object.
func build(e Event) (*ical.Calendar, error) {
	if err := check(e); err != nil {
		return nil, err
	}
	vevent, err := buildEvent(e)
	if err != nil {
		return nil, err
	}
	cal := ical.NewCalendar()
	setRaw(cal.Component, ical.PropProductID, productID)
	setRaw(cal.Component, ical.PropVersion, "2.0")
	setRaw(cal.Component, ical.PropCalendarScale, "GREGORIAN")
	setRaw(cal.Component, ical.PropMethod, string(e.Method))
	if rules, ok := rulesFor(e.Zone, e.Start, e.End); ok {
		cal.Children = append(cal.Children, rules.component())
		setLocal(vevent, ical.PropDateTimeStart, e.Start, e.Zone)
		setLocal(vevent, ical.PropDateTimeEnd, e.End, e.Zone)
	} else {
		setRaw(vevent, ical.PropDateTimeStart, e.Start.UTC().Format(layoutUTC))
		setRaw(vevent, ical.PropDateTimeEnd, e.End.UTC().Format(layoutUTC))
	}
	cal.Children = append(cal.Children, vevent)
	return cal, nil
}

// check refuses what would not become a correct invitation. The errors name the
// field and never its content.
func check(e Event) error {
	switch {
	case e.Method != MethodRequest && e.Method != MethodCancel:
		return errors.New("method is neither REQUEST nor CANCEL")
	case e.Sequence < 0 || e.Sequence > math.MaxInt32:
		return errors.New("sequence is negative or does not fit in 32 bits")
	case !writable(e.Start) || !writable(e.End):
		return errors.New("start or end is not set or outside the years 1970 to 9000")
	case e.End.Unix() <= e.Start.Unix():
		return errors.New("end is not after the start")
	case strings.TrimSpace(cleanText(e.Summary)) == "":
		return errors.New("summary is empty")
	case e.Language != "" && !languageTag.MatchString(e.Language):
		return errors.New("language is not a tag like nl or en-GB")
	}
	if err := checkUID(e.UID); err != nil {
		return err
	}
	return checkStamp(e.Stamp)
}

func checkUID(uid string) error {
	switch {
	case uid == "":
		return errors.New("uid is empty")
	case len(uid) > maxUID:
		return fmt.Errorf("uid is longer than %d octets", maxUID)
	case !utf8.ValidString(uid) || cleanText(uid) != uid || strings.Contains(uid, "\n"):
		return errors.New("uid holds control characters or is not UTF-8")
	}
	return nil
}

func checkStamp(t time.Time) error {
	if !writable(t) {
		return errors.New("stamp is not set or outside the years 1970 to 9000")
	}
	return nil
}

// writable reports whether t has a four-digit year with room for any zone.
func writable(t time.Time) bool {
	year := t.UTC().Year()
	return 1970 <= year && year <= 9000
}

// buildEvent makes the VEVENT, all but its start and end.
func buildEvent(e Event) (*ical.Component, error) {
	c := ical.NewComponent(ical.CompEvent)
	c.Props.SetText(ical.PropUID, e.UID)
	setRaw(c, ical.PropSequence, strconv.Itoa(e.Sequence))
	setRaw(c, ical.PropDateTimeStamp, e.Stamp.UTC().Format(layoutUTC))
	setRaw(c, ical.PropTransparency, "OPAQUE")
	if e.Method == MethodCancel {
		setRaw(c, ical.PropStatus, "CANCELLED")
	} else {
		setRaw(c, ical.PropStatus, "CONFIRMED")
	}
	setText(c, ical.PropSummary, e.Summary, e.Language)
	setText(c, ical.PropDescription, e.Description, e.Language)
	setText(c, ical.PropLocation, e.Location, e.Language)
	if e.URL != "" {
		u, err := link(e.URL)
		if err != nil {
			return nil, err
		}
		setRaw(c, ical.PropURL, u)
	}
	if err := setPerson(c, ical.PropOrganizer, e.Organizer, nil); err != nil {
		return nil, fmt.Errorf("organizer: %w", err)
	}
	if err := setPerson(c, ical.PropAttendee, e.Attendee, attendeeParams(e.Method)); err != nil {
		return nil, fmt.Errorf("attendee: %w", err)
	}
	if e.Method == MethodCancel {
		return c, nil
	}
	for i, a := range e.Alarms {
		alarm, err := buildAlarm(a, e)
		if err != nil {
			return nil, fmt.Errorf("alarm %d: %w", i+1, err)
		}
		c.Children = append(c.Children, alarm)
	}
	return c, nil
}

// attendeeParams says who the recipient is and, in a REQUEST, that an answer is
// wanted: without RSVP=TRUE programs show no buttons.
func attendeeParams(m Method) ical.Params {
	p := ical.Params{
		ical.ParamCalendarUserType: {"INDIVIDUAL"},
		ical.ParamRole:             {"REQ-PARTICIPANT"},
	}
	if m == MethodRequest {
		p.Set(ical.ParamParticipationStatus, "NEEDS-ACTION")
		p.Set(ical.ParamRSVP, "TRUE")
	}
	return p
}

func buildAlarm(a Alarm, e Event) (*ical.Component, error) {
	if a.Before < 0 {
		return nil, errors.New("it is after the start")
	}
	text := a.Text
	if strings.TrimSpace(cleanText(text)) == "" {
		text = e.Summary
	}
	c := ical.NewComponent(ical.CompAlarm)
	setRaw(c, ical.PropAction, "DISPLAY")
	setRaw(c, ical.PropTrigger, trigger(a.Before))
	setText(c, ical.PropDescription, text, e.Language)
	return c, nil
}

// trigger writes a time before the start as a DURATION (RFC 5545 section
// 3.3.6). go-ical's SetDuration would write a day as PT86400S, which programs
// show as it stands.
func trigger(before time.Duration) string {
	const day = 24 * time.Hour
	secs := int64(before / time.Second)
	switch h, m, s := secs/3600, secs/60%60, secs%60; {
	case secs == 0:
		return "PT0S"
	case secs%int64(day/time.Second) == 0:
		return fmt.Sprintf("-P%dD", secs/int64(day/time.Second))
	case s != 0 && h != 0:
		return fmt.Sprintf("-PT%dH%dM%dS", h, m, s)
	case s != 0 && m != 0:
		return fmt.Sprintf("-PT%dM%dS", m, s)
	case s != 0:
		return fmt.Sprintf("-PT%dS", s)
	case h != 0 && m != 0:
		return fmt.Sprintf("-PT%dH%dM", h, m)
	case h != 0:
		return fmt.Sprintf("-PT%dH", h)
	default:
		return fmt.Sprintf("-PT%dM", m)
	}
}

// setRaw sets a property whose value we made ourselves and which needs no
// escaping.
func setRaw(c *ical.Component, name, value string) {
	p := ical.NewProp(name)
	p.Value = value
	c.Props.Set(p)
}

// setText sets a TEXT property written by others; empty text leaves it out.
func setText(c *ical.Component, name, text, language string) {
	if text = cleanText(text); text == "" {
		return
	}
	p := ical.NewProp(name)
	p.SetText(text)
	if language != "" {
		p.Params.Set(ical.ParamLanguage, language)
	}
	c.Props.Set(p)
}

// setPerson sets ORGANIZER or ATTENDEE.
func setPerson(c *ical.Component, name string, who Person, params ical.Params) error {
	addr, err := mailto(who.Email)
	if err != nil {
		return err
	}
	p := ical.NewProp(name)
	for k, v := range params {
		p.Params[k] = v
	}
	if cn := cleanParam(who.Name); cn != "" {
		p.Params.Set(ical.ParamCommonName, cn)
	}
	p.Value = addr
	c.Props.Set(p)
	return nil
}

// setLocal sets a date-time in the wall clock of zone.
func setLocal(c *ical.Component, name string, t time.Time, zone *time.Location) {
	p := ical.NewProp(name)
	p.Params.Set(ical.ParamTimezoneID, zone.String())
	p.Value = t.In(zone).Format(layoutLocal)
	c.Props.Set(p)
}
