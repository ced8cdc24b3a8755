package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"heraut/jobs"
	"heraut/jobs/ledger"
	"heraut/templates"
)

// campaignPreviewCmd shows who would get a campaign, and what.
type campaignPreviewCmd struct {
	Name  string `arg:"" help:"The campaign."`
	Email string `placeholder:"ADDRESS" help:"Show the mail of this person; the first one unless given."`
	Out   string `placeholder:"FILE.html" help:"Write a page that shows the mail as on a desktop, on a phone and as text."`
}

type previewPerson struct {
	Registration int64     `json:"registration"`
	Email        string    `json:"email"`
	Name         string    `json:"name"`
	Lang         jobs.Lang `json:"lang"`
}

type previewLeftOut struct {
	Registration int64  `json:"registration"`
	Email        string `json:"email"`
	Reason       string `json:"reason"`
}

type warningJSON struct {
	Code string `json:"code"`
	Text string `json:"text"`
}

type previewJSON struct {
	Name     string             `json:"name"`
	State    jobs.CampaignState `json:"state"`
	Audience string             `json:"audience"`
	Count    int                `json:"count"`
	People   []previewPerson    `json:"people"`
	LeftOut  []previewLeftOut   `json:"left_out"`
	Warnings []warningJSON      `json:"warnings"`
	To       string             `json:"to"` // whose mail follows
	Subject  string             `json:"subject"`
	Text     string             `json:"text"`
	HTML     string             `json:"html"`
	File     *attachmentJSON    `json:"attachment"` // null: none goes along
	ICS      string             `json:"ics"`        // the invitation in the mail; "": none
}

func (c *campaignPreviewCmd) Run(ctx context.Context, a *app) error {
	r, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	campaign, err := r.campaign(ctx, c.Name)
	if err != nil {
		return err
	}
	warnings, err := r.checkCampaign(ctx, a, campaign, nil)
	if err != nil {
		return err
	}
	rows, err := collect(r.Audience(ctx, campaign))
	if err != nil {
		return err
	}
	v := viewPreview(campaign, rows, warnings, a.words.Lang)
	mail, to, err := r.sample(ctx, a, campaign, rows, c.Email)
	if err != nil {
		return err
	}
	v.To, v.Subject, v.Text, v.HTML, v.ICS = to, mail.Subject, mail.Text, mail.HTML, string(mail.Invite)
	if c.Out != "" {
		if err := a.writePreview(c.Out, v); err != nil {
			return err
		}
	}
	if a.flags.JSON {
		return a.printJSON(v)
	}
	return a.showPreview(c, v)
}

// showPreview prints it all for people.
func (a *app) showPreview(c *campaignPreviewCmd, v previewJSON) error {
	w := a.words
	t := &table{head: []string{w.Email, w.Name, w.Language, w.Reason}}
	for _, p := range v.People {
		t.add(p.Email, p.Name, string(p.Lang), "")
	}
	for _, p := range v.LeftOut {
		t.add(p.Email, "", "", w.reason(p.Reason))
	}
	if err := t.write(a.stdout); err != nil {
		return err
	}
	for _, warning := range v.Warnings {
		a.printf(w.CampaignWarning+"\n", warning.Text)
	}
	a.printf("\n"+w.CampaignMail+"\n\n%s\n\n%s\n", v.To, v.Subject, v.Text)
	if v.File != nil {
		a.printf(w.CampaignFile+"\n\n", v.File.Name, v.File.Bytes)
	}
	if v.ICS != "" {
		a.printf("%s\n\n", w.CampaignInvites)
	}
	a.printf(w.CampaignCount+"\n", v.Count, len(v.LeftOut))
	if c.Out != "" {
		a.printf(w.CampaignPage+"\n", c.Out)
	}
	if v.State == jobs.CampaignDraft || v.State == jobs.CampaignReady {
		a.printf(w.CampaignNext+"\n", v.Name, v.Count)
	}
	return nil
}

func viewPreview(c jobs.Campaign, rows []ledger.AudienceRow, warnings []templates.Warning, lang jobs.Lang) previewJSON {
	v := previewJSON{Name: c.Name, State: c.State, Audience: c.Audience.String(), File: viewAttachment(c.Attachment), People: []previewPerson{}, LeftOut: []previewLeftOut{}, Warnings: []warningJSON{}}
	for _, row := range rows {
		r := row.Registration
		if row.LeftOut != "" {
			v.LeftOut = append(v.LeftOut, previewLeftOut{r.ID, r.Email.String(), row.LeftOut})
			continue
		}
		v.People = append(v.People, previewPerson{r.ID, r.Email.String(), r.Name, r.Lang})
	}
	v.Count = len(v.People)
	for _, w := range warnings {
		text := w.EN
		if lang == jobs.Dutch {
			text = w.NL
		}
		v.Warnings = append(v.Warnings, warningJSON{w.Code, text})
	}
	return v
}

// sample renders the mail of one person of an audience: of an address, else the
// first, else of nobody in particular. Its link to unsubscribe does nothing.
func (r *record) sample(ctx context.Context, a *app, c jobs.Campaign, rows []ledger.AudienceRow, email string) (m templates.Mail, to string, err error) {
	in, err := r.sampleInput(a, c, rows, email)
	if err != nil {
		return m, "", err
	}
	set, err := loadTemplates(r.config)
	if err != nil {
		return m, "", err
	}
	m, err = set.Render(in)
	return m, in.Registration.Email.String(), err
}

func (r *record) sampleInput(a *app, c jobs.Campaign, rows []ledger.AudienceRow, email string) (in templates.Input, err error) {
	ev, err := r.event(c.EventID)
	if err != nil {
		return in, err
	}
	in = templates.Input{
		Programme: r.programme.Name, Event: ev, Now: a.now(), Campaign: &c,
		Message:     jobs.Message{EventID: ev.ID, Kind: jobs.CampaignMail, Name: c.Name, Sequence: c.Revision, Queue: jobs.Bulk},
		Unsubscribe: strings.TrimRight(r.config.PublicURL, "/") + "/u/proef",
	}
	in.Registration = jobs.Registration{EventID: ev.ID, Lang: jobs.Dutch, Status: jobs.Registered, UID: sampleUID(ev)}
	in.Registration.Email, err = jobs.ParseAddress("deelnemer@example.org")
	if email == "" {
		for _, row := range rows {
			if row.LeftOut == "" {
				in.Registration = row.Registration
				break
			}
		}
		return in, err
	}
	addr, err := address(email)
	if err != nil {
		return in, err
	}
	for _, row := range rows {
		if row.LeftOut == "" && row.Registration.Email.Key() == addr.Key() {
			in.Registration = row.Registration
			return in, nil
		}
	}
	return in, hint(usagef("%s is not in the audience", addr), "`heraut campaign preview %s` shows who is", c.Name)
}

// sampleUID gives the UID of an invitation that is of no registration.
func sampleUID(ev jobs.Event) string {
	return "test-" + rand.Text() + "@" + ev.Organizer.Email.Domain()
}

// writePreview writes the page.
func (a *app) writePreview(path string, v previewJSON) error {
	f, err := os.Create(filepath.Clean(path))
	if err != nil {
		return fmt.Errorf("write preview: %w", err)
	}
	if err := previewPage(f, a.words, v); err != nil {
		_ = f.Close()
		return fmt.Errorf("write preview: %w", err)
	}
	return f.Close()
}
