package templates

import (
	"strings"
	"time"

	"heraut/jobs"
	"heraut/templates/invite"
)

const (
	// alarmBefore is when the recipient's own calendar speaks up: in time to
	// find the link or the room, and short enough to act upon at once. What is
	// to be known earlier is said by the programme's reminders.
	alarmBefore = 30 * time.Minute
	// maxDescription is how much of the summary goes into the calendar, in
	// characters; the mail has all of it.
	maxDescription = 1500
)

// method gives the method of the invitation that goes with a kind of mail, ""
// for one that has none: a reminder, a follow-up, most campaigns. c is nil for a
// mail that is of no campaign.
func method(k jobs.Kind, c *jobs.Campaign) invite.Method {
	switch k {
	case jobs.Confirmation, jobs.Change:
		return invite.MethodRequest
	case jobs.Cancellation:
		return invite.MethodCancel
	case jobs.CampaignMail:
		if c != nil && c.Invitation {
			return invite.MethodRequest
		}
	}
	return ""
}

// calendar gives the invitation that goes with a mail that has one. summary is
// the event's summary as plain text.
func calendar(in Input, p page, organizer jobs.Person, summary string) (invite.Event, error) {
	ev, reg := in.Event, in.Registration
	link, err := webLink(ev.Location.URL)
	if err != nil {
		return invite.Event{}, err
	}
	return invite.Event{
		Method:      method(in.Message.Kind, in.Campaign),
		UID:         reg.UID,
		Sequence:    in.Message.Sequence,
		Stamp:       in.Now,
		Start:       ev.Start,
		End:         ev.End,
		Zone:        ev.Zone,
		Summary:     p.Title,
		Description: description(p, summary),
		Location:    jobs.Location{Name: jobs.CleanName(ev.Location.Name), URL: link}.String(),
		URL:         link,
		Organizer:   invite.Person{Name: organizer.Name, Email: organizer.Email.String()},
		Attendee:    invite.Person{Name: strangersName(reg.Name), Email: reg.Email.String()},
		Alarms:      []invite.Alarm{{Before: alarmBefore, Text: p.alarm}},
		Language:    string(p.Lang),
	}, nil
}

// description is what a calendar shows below the title. Link and place are in
// it, because some programs show nothing else.
func description(p page, summary string) string {
	if p.Off {
		return p.Lead
	}
	var b strings.Builder
	for _, l := range [][2]string{{p.LinkLabel, p.Link}, {p.WhereLabel, p.Place}, {p.SpeakerLabel, p.Speaker}} {
		if l[1] != "" {
			b.WriteString(l[0] + ": " + l[1] + "\n")
		}
	}
	b.WriteString("\n" + shorten(summary, maxDescription))
	return strings.TrimSpace(b.String())
}

// shorten cuts s to n characters, between words.
func shorten(s string, n int) string {
	runes := []rune(s)
	if len(runes) <= n {
		return s
	}
	s = string(runes[:n-1])
	if i := strings.LastIndexAny(s, " \n"); i > 0 {
		s = s[:i]
	}
	return strings.TrimSpace(s) + "…"
}
