package templates

import (
	"strings"
	"time"

	"heraut/jobs"
)

// samples gives mails of one kind and language with which Load tries the
// templates: all there can be, as little as there can be, and what strangers
// type. Each truth of the view is true in one and false in another.
func samples(k jobs.Kind, l jobs.Lang) []Input {
	zone, err := time.LoadLocation("Europe/Amsterdam") // jobs embeds the zones
	if err != nil {
		zone = time.UTC
	}
	start := time.Date(2026, 11, 19, 11, 30, 0, 0, zone).UTC()
	full := Input{
		Programme: "INNOvember",
		Event: jobs.Event{
			ID: "sample", Start: start, End: start.Add(time.Hour), Zone: zone, HasStartTime: true,
			Title:     jobs.Text{NL: strings.TrimSpace(strings.Repeat("Lange titel ", 16)), EN: strings.TrimSpace(strings.Repeat("Long title ", 16))},
			Summary:   jobs.Text{NL: "Tekst met een [link](https://www.example.nl/) en\n\n- een\n- lijst", EN: "Text with a [link](https://www.example.nl/) and\n\n- a\n- list"},
			Location:  jobs.Location{Name: "Zaal 1, Voorbeeldstraat 1, Den Haag", URL: "https://meet.example.nl/sample?a=1&b=2"},
			Speaker:   "A. Spreker",
			Organizer: jobs.Person{Name: "Team Voorbeeld", Email: address("aanmelding@example.nl")},
		},
		Registration: jobs.Registration{
			EventID: "sample", Email: address("deelnemer@example.org"), Name: strings.Repeat("Naam ", 40), GivenName: "Naam",
			Organisation: "Gemeente Voorbeeld", Lang: l, Status: jobs.Registered, UID: "sample@example.nl",
		},
		Message: jobs.Message{Kind: k, Sequence: 1},
		Now:     start.Add(-24 * time.Hour),
		Folded:  []string{"day-before"},
		Tag:     "sample",
	}
	if k == jobs.CampaignMail {
		full.Campaign = sampleCampaign()
		full.Unsubscribe = "https://www.example.nl/u/1-abcdefghijklmnopqrstuvwx"
	}
	was := full.Event
	was.Start, was.End = start.Add(-48*time.Hour), start.Add(-47*time.Hour)
	was.Location = jobs.Location{Name: "Zaal 2"}
	full.Was = &was

	bare := full
	bare.Programme, bare.Folded, bare.Was, bare.Tag = "", nil, nil, ""
	bare.Event.Title, bare.Event.Summary = jobs.Text{NL: "T"}, jobs.Text{}
	bare.Event.Location, bare.Event.Speaker, bare.Event.Organizer.Name = jobs.Location{}, "", ""
	bare.Registration.Name, bare.Registration.GivenName, bare.Registration.Organisation = "", "", ""
	bare.Registration.Status = jobs.Cancelled // the other wording of a cancellation
	bare.Now = start.Add(-60 * 24 * time.Hour)

	over := full
	over.Now = over.Event.End.Add(time.Hour)
	over.Registration.Name, over.Registration.GivenName = "=?utf-8?q?x?= \"A\"; <b>{{.Email}}\r\nBcc: x@example.org", ""
	return []Input{full, bare, over}
}

// sampleCampaign uses all that a campaign can.
func sampleCampaign() *jobs.Campaign {
	body := "Beste {{voornaam|deelnemer}},\n\nOp **{{event.datum}}** is er *nieuws* over {{event.titel}}: [lees het](https://www.example.nl/nieuws).\n\n" +
		"## Wat je krijgt\n\n1. Koffie\n2. Thee\n\n- {{naam|jij}} van {{organisatie|je organisatie}}\n- mail naar {{email}}\n\n> Tot ziens\n\n---\n\n`code`\n"
	return &jobs.Campaign{
		Name: "sample", EventID: "sample",
		Subject: jobs.Text{NL: "Nieuws voor {{naam|jou}}", EN: "News for {{name|you}}"},
		Body:    jobs.Text{NL: body, EN: strings.Replace(body, "Beste {{voornaam|deelnemer}}", "Dear {{first_name|participant}}", 1)},
	}
}

// address gives an address that is known to be one.
func address(s string) jobs.Address {
	a, err := jobs.ParseAddress(s)
	if err != nil {
		return jobs.Address{} // not reached; Render would refuse it
	}
	return a
}
