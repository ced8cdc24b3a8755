package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/mail"
	"path/filepath"

	"heraut/jobs"
	"heraut/templates"
	"heraut/worker"
	"heraut/worker/mailer"
)

// campaignTestCmd sends a campaign's mail to addresses of the organiser's own.
// Nothing of it is on record as sent.
type campaignTestCmd struct {
	Name string   `arg:"" help:"The campaign."`
	To   []string `required:"" placeholder:"ADDRESS,..." help:"Where to."`
	As   string   `placeholder:"ADDRESS" help:"The mail of this person of the audience; the first one unless given."`
}

func (c *campaignTestCmd) Run(ctx context.Context, a *app) error {
	to, err := addresses(c.To)
	if err != nil {
		return err
	}
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
	a.warn(warnings)
	rows, err := collect(r.Audience(ctx, campaign))
	if err != nil {
		return err
	}
	in, err := r.sampleInput(a, campaign, rows, c.As)
	if err != nil {
		return err
	}
	set, err := loadTemplates(r.config)
	if err != nil {
		return err
	}
	rendered, err := set.Render(in)
	if err != nil {
		return err
	}
	var file *mailer.File
	if campaign.Attachment.Name != "" {
		stored, err := r.CampaignFile(ctx, c.Name)
		if err != nil {
			return err
		}
		if file, err = mailer.NewFile(stored.Name, jobs.FileType, stored.Data); err != nil {
			return err
		}
	}
	if err := r.sendTests(ctx, a, set, in, rendered, file, to); err != nil {
		return err
	}
	if a.flags.JSON {
		return a.printJSON(struct {
			Name string   `json:"name"`
			Sent []string `json:"sent"`
		}{c.Name, texts(to)})
	}
	a.printf(a.words.CampaignTested+"\n", c.Name, len(to))
	return nil
}

func texts(list []jobs.Address) (all []string) {
	for _, a := range list {
		all = append(all, a.String())
	}
	return all
}

// sendTests sends a mail to each address, over one session with the relay.
func (r *record) sendTests(ctx context.Context, a *app, set *templates.Set, in templates.Input, m templates.Mail, file *mailer.File, to []jobs.Address) error {
	cfg := r.config.mailer()
	if r.config.SMTP.URL == capture {
		server, err := mailer.StartCapture(mailer.CaptureConfig{Dir: filepath.Join(r.config.Data, "mail"), Log: a.logger(r.config)})
		if err != nil {
			return err
		}
		defer server.Close()
		cfg.URL, cfg.Password, cfg.TLS = server.URL(), "", mailer.TLSNone
	}
	dialer, err := mailer.NewDialer(cfg)
	if err != nil {
		return err
	}
	session, err := dialer.Dial(ctx)
	if err != nil {
		return fmt.Errorf("send test: %w", err)
	}
	defer session.Close()
	for _, addr := range to {
		calendar, err := testInvitation(set, in, addr)
		if err != nil {
			return err
		}
		data, err := mailer.Compose(mailer.Mail{
			From: r.config.from, To: mail.Address{Address: addr.String()},
			ReplyTo: mail.Address{Name: in.Event.Organizer.Name, Address: in.Event.Organizer.Email.String()},
			Subject: fmt.Sprintf(a.words.CampaignTestSubject, m.Subject), Text: m.Text, HTML: m.HTML, File: file, Calendar: calendar,
			Date: in.Now.In(in.Event.Zone), Language: string(in.Language()),
			MessageID: "<test-" + rand.Text() + "@" + mailer.Domain(r.config.from.Address) + ">",
		})
		if err != nil {
			return err
		}
		if r.config.signer != nil {
			if data, err = r.config.signer.Sign(nil, data, file); err != nil {
				return err
			}
		}
		result := session.Send(ctx, mailer.Transaction{Envelope: mailer.Envelope{From: r.config.from.Address, To: addr.String()}, Data: data, File: file})
		if result.Verdict != mailer.Accepted {
			return hint(fmt.Errorf("the test to %s was not taken: %s", addr, oneLine(testAnswer(result))), "nothing was sent to the audience")
		}
	}
	return nil
}

// testInvitation gives the invitation in a test, nil for a campaign without one. It
// is to whoever gets the test, as an entry of its own: an answer to it must not
// pass for that of the person whose mail it is.
func testInvitation(set *templates.Set, in templates.Input, to jobs.Address) (*mailer.Calendar, error) {
	if !in.Campaign.Invitation {
		return nil, nil
	}
	in.Registration.Email, in.Registration.UID, in.Tag = to, sampleUID(in.Event), ""
	m, err := set.Render(in)
	if err != nil {
		return nil, err
	}
	return &mailer.Calendar{Method: m.Method, ICS: m.Invite, FileName: worker.InviteFile(in.CalendarLanguage())}, nil
}

// testAnswer is what the relay said, or what went wrong.
func testAnswer(r mailer.Result) string {
	if r.Code != 0 {
		return fmt.Sprintf("%d %s %s", r.Code, r.Enhanced, r.Text)
	}
	if r.Err != nil {
		return r.Err.Error()
	}
	return string(r.Verdict)
}
