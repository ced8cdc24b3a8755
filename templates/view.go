package templates

import (
	"errors"
	"fmt"
	"html/template"
	"net/url"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"heraut/jobs"
)

// view is what the sentences of a mail may use. Every string is one line; the
// package comment describes the fields to those who write templates.
type view struct {
	Lang                      jobs.Lang
	Programme, Title          string
	When, Date, Time          string // on the clock of the event's zone
	Place, Link               string // empty where the event has none, or where it is of no use any more
	Speaker                   string
	Name, Organisation, Email string // of the recipient
	Organizer, OrganizerEmail string
	Soon                      string
	Near, Folded              bool
	EventOff                  bool // the whole event is cancelled
	Off                       bool // the event, or this registration, is cancelled
	WasWhen, WasPlace         string
}

// page is what the layouts may use: the view, and what the sentences came to.
type page struct {
	view
	Subject, Heading, Lead            string
	Paragraphs                        []string
	Greeting, Button, Footer, Contact string
	WhenLabel, WhereLabel, LinkLabel  string
	SpeakerLabel, AboutLabel          string
	SummaryText                       string        // may have several lines
	SummaryHTML                       template.HTML // for layout.html only
	Unsubscribe, UnsubscribeLabel     string        // of a campaign: the recipient's page for that
	BodyText                          string        // of a campaign; may have several lines
	BodyHTML, UnsubscribeLink         template.HTML // of a campaign, for campaign.html only
	alarm                             string        // for the calendar
}

// newView gathers the facts of one mail, those of its recipient from who. It
// refuses an event that would show as a lie: blanks, no organizer, a link that
// is none.
func newView(in Input, l jobs.Lang, who person) (view, error) {
	ev := in.Event
	switch {
	case len(ev.Blanks) > 0:
		return view{}, fmt.Errorf("%w: %s", ErrBlank, ev.Blanks[0].Field)
	case !ev.HasStartTime:
		return view{}, fmt.Errorf("%w: events.%s.start", ErrBlank, ev.ID)
	case ev.Organizer.Email == jobs.Address{}:
		return view{}, errors.New("the event has no organizer.email")
	case ev.Zone == nil:
		return view{}, errors.New("the event has no time zone")
	}
	link, err := webLink(ev.Location.URL)
	if err != nil {
		return view{}, err
	}
	start := ev.Start.In(ev.Zone)
	v := view{
		Lang:           l,
		Programme:      jobs.CleanName(in.Programme),
		Title:          jobs.CleanName(ev.Title.In(l)),
		When:           formatWhen(ev.Start, ev.End, ev.Zone, l),
		Date:           formatDate(start, l),
		Time:           formatTime(start, l),
		Place:          jobs.CleanName(ev.Location.Name),
		Link:           link,
		Speaker:        jobs.CleanName(ev.Speaker),
		Name:           who[factName],
		Organisation:   who[factOrganisation],
		Email:          who[factEmail],
		Organizer:      jobs.CleanName(ev.Organizer.Name),
		OrganizerEmail: ev.Organizer.Email.String(),
		Soon:           spanUntil(in.Now, start).in(l),
		Near:           near(in.Now, start),
		Folded:         len(in.Folded) > 0,
	}
	switch in.Message.Kind {
	case jobs.Cancellation:
		v.Off, v.EventOff = true, eventOff(in.Message.Kind, in.Registration.Status)
		v.Place, v.Link, v.Speaker = "", "", ""
	case jobs.Followup:
		v.Link = ""
	case jobs.Change:
		v.was(in, l)
	}
	return v, nil
}

// was says what held before a change, where that is known and different.
func (v *view) was(in Input, l jobs.Lang) {
	if in.Was == nil || !in.Was.HasStartTime || in.Was.Zone == nil {
		return
	}
	if when := formatWhen(in.Was.Start, in.Was.End, in.Was.Zone, l); when != v.When {
		v.WasWhen = when
	}
	was := in.Was.Location
	if was.Name == in.Event.Location.Name {
		was.Name = ""
	}
	if was.URL == in.Event.Location.URL {
		was.URL = ""
	}
	if was := jobs.CleanName(was.String()); !holdsMark(was) {
		v.WasPlace = was
	}
}

// strangersName gives a name that somebody typed into a form. One that reads
// like the mark of a blank is left out: it would stop the mail.
func strangersName(s string) string {
	if !tidy(s) {
		s = jobs.CleanName(s)
	}
	if holdsMark(s) {
		return ""
	}
	return s
}

// tidy says whether s is a name as most are, one that [jobs.CleanName] would
// give back as it is.
func tidy(s string) bool { return len(s) <= jobs.MaxName && (s == "" || spaced([]byte(s))) }

// spaced says whether s is characters that people see, with single ASCII spaces
// inside and none around.
func spaced(s []byte) bool {
	space := true // none at the beginning
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == ' ' && !space:
			space = true
		case c > ' ' && c <= '~':
			space = false
		case c >= utf8.RuneSelf:
			r, size := utf8.DecodeRune(s[i:])
			if r == utf8.RuneError || !unicode.IsPrint(r) {
				return false
			}
			i += size - 1
			space = false
		default:
			return false
		}
	}
	return !space
}

// near says whether the event begins within 7 days, on the clock of start.
func near(now, start time.Time) bool { return daysBetween(now, start) <= 7 }

// eventOff says whether a cancellation is that of the whole event.
func eventOff(k jobs.Kind, s jobs.Status) bool {
	return k == jobs.Cancellation && s != jobs.Cancelled
}

// webLink gives a web address in ASCII, "" for none.
func webLink(s string) (string, error) {
	if s == "" {
		return "", nil
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return "", errors.New("location.url is no web address")
	}
	if strings.ContainsFunc(u.Host, func(r rune) bool { return r > unicode.MaxASCII }) {
		host, err := jobs.ParseDomain(u.Hostname()) // as A-label: a calendar takes ASCII only
		if err != nil {
			return "", fmt.Errorf("location.url: %w", err)
		}
		u.Host = strings.Replace(u.Host, u.Hostname(), host, 1)
	}
	return u.String(), nil
}

// holdsMark says whether s still has the mark of something to fill in, or what
// text/template writes for a value that is not there.
func holdsMark(s string) bool {
	if strings.Contains(s, "<no value>") || strings.Contains(s, "&lt;no value&gt;") {
		return true
	}
	for {
		i := strings.IndexByte(s, '[')
		if i < 0 {
			return false
		}
		s = s[i+1:]
		for _, mark := range []string{"in te vullen", "to fill in"} {
			if len(s) >= len(mark) && strings.EqualFold(s[:len(mark)], mark) {
				return true
			}
		}
	}
}
