package main

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"net/mail"
	"strings"
	"time"

	"heraut/jobs"
	"heraut/jobs/intake"
	"heraut/templates"
)

// demoFiles are people who do not exist, in two of the shapes organisers have.
//
//go:embed demo-workshop.csv demo-signing.csv
var demoFiles embed.FS

// demoCmd rehearses the programme of `heraut init` with sample people. It needs
// nothing but a folder to write to.
type demoCmd struct {
	Out   string `default:"heraut-demo" placeholder:"DIR" help:"Where mails and timeline go; a folder of an earlier demo is written over."`
	Serve bool   `help:"Show the result in a browser, until interrupted."`
}

func (c *demoCmd) Run(ctx context.Context, a *app) error {
	r, err := newDemo(a, c.Out)
	if err != nil {
		return err
	}
	if _, err := a.rehearse(ctx, r); err != nil {
		return err
	}
	if c.Serve {
		return a.serveRehearsal(ctx, c.Out)
	}
	return nil
}

// newDemo prepares the demo: Monday 5 October 2026, nine o'clock in Amsterdam,
// with the programme as `heraut init` writes it.
func newDemo(a *app, dir string) (*rehearsal, error) {
	source, err := initFile("programme.yaml")
	if err != nil {
		return nil, fmt.Errorf("demo: %w", err)
	}
	prog, err := jobs.ParseProgramme("programme.yaml", source)
	if err != nil {
		return nil, fmt.Errorf("demo: %w", err)
	}
	set, err := templates.Load(nil)
	if err != nil {
		return nil, fmt.Errorf("demo: %w", err)
	}
	d := demo{zone: prog.Zone}
	r := &rehearsal{
		File: "programme.yaml", Source: source, Dir: dir, From: d.at(time.October, 5, 9, 0),
		Steps: d.steps(string(source)),
		Mail:  mail.Address{Name: "City Deal Een slimme stad", Address: "noreply@example.nl"}, Templates: set, App: a, Log: a.rehearsalLog(),
	}
	return r, d.err
}

// demo writes the story; err is the first thing that went wrong.
type demo struct {
	zone *time.Location
	err  error
}

// steps tell the story. Between them the programme does its work.
func (d *demo) steps(blank string) []rehearsalStep {
	filled := d.fill(blank)
	moved := d.move(filled)
	return []rehearsalStep{
		applyStep(d.at(time.October, 5, 9, 0), jobs.Text{
			NL: "De organisator vult in wat in het programma nog open stond. Wat hier met [voorbeeld] begint, en de tijd van de ondertekening, heeft de demo verzonnen.",
			EN: "The organiser fills in what the programme left blank. What begins with [voorbeeld] (example), and the time of the signing, was made up by the demo.",
		}, "programme.yaml", []byte(filled)),
		d.importFile(d.at(time.October, 5, 9, 10), "workshop", "demo-workshop.csv", jobs.Text{
			NL: "De organisator leest de aanmeldingen voor de workshop in, uit het formulier op de website.",
			EN: "The organiser imports the registrations for the workshop, from the form on the website.",
		}),
		d.importFile(d.at(time.October, 6, 11, 15), "signing", "demo-signing.csv", jobs.Text{
			NL: "De organisator leest de aanmeldingen voor de ondertekening in, uit een lijst van Excel.",
			EN: "The organiser imports the registrations for the signing, from a list made in Excel.",
		}),
		d.importFile(d.at(time.October, 7, 10, 0), "workshop", "registrations.csv", jobs.Text{
			NL: "De organisator leest nog een lijst voor de workshop in.",
			EN: "The organiser imports another list for the workshop.",
		}),
		d.importFile(d.at(time.October, 7, 10, 5), "workshop", "registrations.csv", jobs.Text{
			NL: "De organisator leest dezelfde lijst per ongeluk nog eens in: niemand krijgt iets.",
			EN: "The organiser imports the same list again by accident: nobody gets anything.",
		}),
		approveStep(d.at(time.October, 8, 14, 20), jobs.Text{
			NL: "De organisator laat Youssef el Amrani toe: hij is gedetacheerd bij een ministerie.",
			EN: "The organiser lets Youssef el Amrani in: he is on secondment to a ministry.",
		}, "workshop", d.address("youssef.elamrani@provincie.example")),
		registerStep(d.at(time.October, 21, 16, 45), jobs.Text{
			NL: "Emma Clarke meldt zich zelf aan voor de workshop, in het Engels.",
			EN: "Emma Clarke registers for the workshop herself, in English.",
		}, d.person("workshop", "emma.clarke@agentschap.example", "Emma", "Clarke", "Agentschap Voorbeeld", jobs.English)),
		applyStep(d.at(time.November, 3, 10, 30), jobs.Text{
			NL: "De organisator verplaatst de ondertekening naar een andere tijd en plaats.",
			EN: "The organiser moves the signing to another time and place.",
		}, "programme.yaml", []byte(moved)),
		cancelStep(d.at(time.November, 5, 13, 0), jobs.Text{
			NL: "Nadia Haddad meldt zich af voor de workshop.",
			EN: "Nadia Haddad cancels her registration for the workshop.",
		}, "workshop", d.address("nadia.haddad@ministerie.example")),
		cancelStep(d.at(time.November, 9, 15, 30), jobs.Text{
			NL: "Oliver Grant meldt zich af voor de workshop.",
			EN: "Oliver Grant cancels his registration for the workshop.",
		}, "workshop", d.address("oliver.grant@agentschap.example")),
		registerStep(d.at(time.November, 13, 11, 0), jobs.Text{
			NL: "Nadia Haddad meldt zich toch weer aan. De herinnering van een week vooraf is al geweest; die staat nu in haar bevestiging.",
			EN: "Nadia Haddad registers again after all. The reminder of a week before has gone already; her confirmation speaks for it.",
		}, d.person("workshop", "nadia.haddad@ministerie.example", "Nadia", "Haddad", "Ministerie van Voorbeelden", jobs.Dutch)),
		registerStep(d.at(time.November, 19, 10, 5), jobs.Text{
			NL: "Ruben Mulder meldt zich aan, 85 minuten voor het begin. Binnen een half uur na zijn bevestiging gaat er niets anders naar hem toe.",
			EN: "Ruben Mulder registers, 85 minutes before the start. Within half an hour of his confirmation nothing else goes to him.",
		}, d.person("workshop", "ruben.mulder@rijk.example", "Ruben", "Mulder", "Rijksdienst Voorbeeld", jobs.Dutch)),
	}
}

// fill gives the programme with sample values for its blanks, and with the
// sample people's domains in the audience.
func (d *demo) fill(source string) string {
	return d.replace(source,
		"[in te vullen: plaats van de workshop]", "[voorbeeld] Vergaderzaal 3, Den Haag",
		"[in te vullen: mailbox voor de workshop]", "aanmelding@example.nl",
		"[in te vullen: tijd van de ondertekening]", "15:00",
		"[in te vullen: plaats van de ondertekening]", "[voorbeeld] Stadhuis, Utrecht",
		"[in te vullen: mailbox voor de ondertekening]", "aanmelding@example.nl",
		"      domains:\n", "      domains:\n        - ministerie.example\n        - rijk.example\n        - agentschap.example\n",
		`kind: reminder, at: "-7d 09:00"}`, `kind: reminder, at: "-7d 09:00", late: fold}`,
	)
}

// move gives the programme with the signing at another time and place.
func (d *demo) move(source string) string {
	return d.replace(source,
		"2026-12-03 15:00", "2026-12-03 16:00",
		"[voorbeeld] Stadhuis, Utrecht", "[voorbeeld] Provinciehuis, Utrecht",
	)
}

// replace replaces texts that have to be there.
func (d *demo) replace(s string, pairs ...string) string {
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(s, pairs[i]) {
			d.fail(fmt.Errorf("demo: the programme of init holds no %q", pairs[i]))
		}
		s = strings.ReplaceAll(s, pairs[i], pairs[i+1])
	}
	return s
}

func (d *demo) importFile(at time.Time, event, name string, what jobs.Text) rehearsalStep {
	data, err := demoFiles.ReadFile(name)
	if err != nil {
		if data, err = initFile(name); err != nil {
			d.fail(fmt.Errorf("demo: %w", err))
		}
	}
	return importStep(at, event, what, importCmd{File: name}, func(ev jobs.Event) (*intake.Reader, error) {
		return intake.NewReader(bytes.NewReader(data), int64(len(data)), intake.Options{Name: name, Zone: ev.Zone})
	})
}

func (d *demo) person(event, email, given, family, organisation string, lang jobs.Lang) jobs.Registration {
	return jobs.Registration{
		EventID: event, Email: d.address(email), Name: given + " " + family, GivenName: given, Organisation: organisation, Lang: lang, Source: "demo",
	}
}

func (d *demo) address(s string) jobs.Address {
	addr, err := jobs.ParseAddress(s)
	d.fail(err)
	return addr
}

// at gives an instant of 2026 on the clock of the programme.
func (d *demo) at(month time.Month, day, hour, minute int) time.Time {
	return time.Date(2026, month, day, hour, minute, 0, 0, d.zone).UTC()
}

func (d *demo) fail(err error) { d.err = errors.Join(d.err, err) }
