package main

import (
	"strings"

	"heraut/jobs"
)

// programmeJSON is a programme as other programs read it. Keys are those of
// the file, but instants are UTC and defaults are filled in.
type programmeJSON struct {
	Programme string      `json:"programme"`
	Timezone  string      `json:"timezone"`
	Version   int64       `json:"version,omitempty"` // absent for a file
	Events    []eventJSON `json:"events"`
}

type eventJSON struct {
	ID         string        `json:"id"`
	Start      *instant      `json:"start"`
	End        *instant      `json:"end"`
	Timezone   string        `json:"timezone"`
	Title      textJSON      `json:"title"`
	Summary    textJSON      `json:"summary"`
	Location   locationJSON  `json:"location"`
	Speaker    string        `json:"speaker"`
	Organizer  personJSON    `json:"organizer"`
	Audience   *audienceJSON `json:"audience"` // null: everybody
	Messages   []ruleJSON    `json:"messages"`
	QuietHours *quietJSON    `json:"quiet_hours"`
	Cancelled  bool          `json:"cancelled"`
	Revision   int           `json:"revision"`
	Blanks     []blankJSON   `json:"blanks"`
}

type (
	textJSON struct {
		NL string `json:"nl"`
		EN string `json:"en"`
	}
	locationJSON struct {
		Name string `json:"name"`
		URL  string `json:"url"`
	}
	personJSON struct {
		Name  string `json:"name"`
		Email string `json:"email"`
	}
	audienceJSON struct {
		Domains   []string       `json:"domains"`
		Otherwise jobs.Otherwise `json:"otherwise"`
	}
	ruleJSON struct {
		Name       string         `json:"name"`
		Kind       jobs.Kind      `json:"kind"`
		At         string         `json:"at,omitempty"`
		Late       jobs.Late      `json:"late"`
		MaxLate    string         `json:"max_late,omitempty"`
		QuietHours jobs.QuietRule `json:"quiet_hours"`
	}
	quietJSON struct {
		From     string `json:"from"`
		To       string `json:"to"`
		Weekends bool   `json:"weekends"`
	}
)

func viewEvent(ev jobs.Event) eventJSON {
	v := eventJSON{
		ID: ev.ID, Start: at(ev.Start), End: at(ev.End), Timezone: ev.Zone.String(),
		Title: textJSON(ev.Title), Summary: textJSON(ev.Summary), Location: locationJSON(ev.Location), Speaker: ev.Speaker,
		Organizer: personJSON{ev.Organizer.Name, ev.Organizer.Email.String()},
		Messages:  []ruleJSON{}, Cancelled: ev.IsCancelled, Revision: ev.Revision, Blanks: []blankJSON{},
	}
	if len(ev.Audience.Domains) > 0 {
		v.Audience = &audienceJSON{ev.Audience.Domains, ev.Audience.Otherwise}
	}
	if q := ev.Quiet; q != nil {
		v.QuietHours = &quietJSON{q.From.String(), q.To.String(), q.Weekends}
	}
	for _, r := range ev.Rules {
		rule := ruleJSON{Name: r.Name, Kind: r.Kind, Late: r.Late, QuietHours: r.Quiet}
		if r.Kind != jobs.Confirmation {
			rule.At = r.At.String()
		}
		if r.MaxLate > 0 {
			rule.MaxLate = r.MaxLate.String()
		}
		v.Messages = append(v.Messages, rule)
	}
	for _, b := range ev.Blanks {
		v.Blanks = append(v.Blanks, blankJSON(b))
	}
	return v
}

// showProgramme prints a programme; version is 0 for a file.
func (a *app) showProgramme(p *jobs.Programme, version int64) error {
	if a.flags.JSON {
		v := programmeJSON{Programme: p.Name, Timezone: p.Zone.String(), Version: version, Events: []eventJSON{}}
		for _, ev := range p.Events {
			v.Events = append(v.Events, viewEvent(ev))
		}
		return a.printJSON(v)
	}
	w := a.words
	a.printf("%s (%s)\n", p.Name, p.Zone)
	for _, ev := range p.Events {
		a.printf("\n%s: %s\n", ev.ID, ev.Title.In(w.Lang))
		t := &table{head: []string{"  " + w.When, w.start(ev)}}
		t.add("  "+w.Where, or(ev.Location.String(), "–"))
		t.add("  "+w.Speaker, or(ev.Speaker, "–"))
		t.add("  "+w.Organizer, or(strings.TrimSpace(ev.Organizer.Name+" "+ev.Organizer.Email.String()), "–"))
		t.add("  "+w.Audience, ev.Audience.String())
		for _, r := range ev.Rules {
			at := "–"
			if r.Kind != jobs.Confirmation {
				at = w.moment(r.At.From(ev), ev.Zone)
			}
			t.add("  "+r.Name, strings.Join([]string{at, r.String()}, "  "))
		}
		for _, b := range ev.Blanks {
			t.add("  "+w.ToFillIn, b.Field)
		}
		if err := t.write(a.stdout); err != nil {
			return err
		}
	}
	return nil
}
