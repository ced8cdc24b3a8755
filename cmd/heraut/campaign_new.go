package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"unicode/utf8"

	"heraut/jobs"
)

// campaignNewCmd writes a draft.
type campaignNewCmd struct {
	Name       string `required:"" placeholder:"NAME" help:"Its name, for good: small letters, digits and hyphens."`
	Event      string `required:"" placeholder:"ID" help:"The event it is about."`
	Subject    string `required:"" placeholder:"TEXT" help:"The subject, in Dutch; placeholders as in the body."`
	Body       string `required:"" placeholder:"FILE.md" help:"The text, in Dutch: Markdown with placeholders such as {{voornaam|deelnemer}}."`
	SubjectEn  string `name:"subject-en" placeholder:"TEXT" help:"The subject in English."`
	BodyEn     string `name:"body-en" placeholder:"FILE.md" help:"The text in English. Without it everybody gets the Dutch one."`
	Attach     string `placeholder:"FILE.pdf" help:"A PDF that goes along, of at most 5 MB."`
	Invitation bool   `help:"Each mail carries the person's own invitation to the event, as a confirmation does. Only who is registered for it gets one."`
	Audience   string `required:"" placeholder:"EXPR" help:"Who gets it, as in 'event=workshop lang=nl !tag=vip'; everyone for all who are registered."`
	by
}

func (c *campaignNewCmd) Run(ctx context.Context, a *app) error {
	campaign := jobs.Campaign{Name: c.Name, EventID: c.Event, Subject: jobs.Text{NL: c.Subject, EN: c.SubjectEn}, Invitation: c.Invitation}
	if err := jobs.CheckCampaignName(c.Name); err != nil {
		return &usageError{err}
	}
	var err error
	if campaign.Audience, err = jobs.ParseAudience(c.Audience); err != nil {
		return &usageError{err}
	}
	if (c.SubjectEn == "") != (c.BodyEn == "") {
		return hint(usagef("half of the English text is missing"), "give both --subject-en and --body-en, or neither")
	}
	if campaign.Body.NL, err = readBody(c.Body); err != nil {
		return err
	}
	if c.BodyEn != "" {
		if campaign.Body.EN, err = readBody(c.BodyEn); err != nil {
			return err
		}
	}
	file, err := readAttachment(c.Attach)
	if err != nil {
		return err
	}
	if file != nil {
		campaign.Attachment = file.Attachment()
	}
	r, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	warnings, err := r.checkCampaign(ctx, a, campaign, map[string]string{
		"subject.nl": "--subject", "subject.en": "--subject-en", "body.nl": c.Body, "body.en": c.BodyEn,
	})
	if err != nil {
		return err
	}
	if err := r.SaveCampaign(ctx, campaign, file, c.name(), a.now()); err != nil {
		return refused(c.Name, err)
	}
	if campaign, err = r.Campaign(ctx, c.Name); err != nil {
		return err
	}
	n, err := r.CountAudience(ctx, campaign)
	if err != nil {
		return err
	}
	a.warn(warnings)
	if a.flags.JSON {
		v := viewCampaign(campaign)
		v.Count = n
		return a.printJSON(v)
	}
	a.printf(a.words.CampaignSaved+"\n", c.Name, n, c.Name)
	return nil
}

// readAttachment reads a file that is to go along, nil where there is none. One
// that is too large is not read at all.
func readAttachment(path string) (*jobs.File, error) {
	if path == "" {
		return nil, nil
	}
	data, err := readSized("attachment", path, func(size int64) error {
		if err := jobs.CheckFileSize(size); err != nil {
			return usagef("%s: %w", path, err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	f, err := jobs.NewFile(filepath.Base(path), data)
	if err != nil {
		return nil, &usageError{fmt.Errorf("attachment: %w", err)}
	}
	return &f, nil
}

// readBody reads a text that a person wrote. One that is far too long is not
// read at all.
func readBody(path string) (string, error) {
	data, err := readSized("body", path, func(size int64) error {
		if size > jobs.MaxCampaignBody {
			return hint(usagef("%s has %d bytes; at most %d are sent, as mail programs cut off what is longer", path, size, jobs.MaxCampaignBody),
				"link to a page that has it all")
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	if !utf8.Valid(data) {
		return "", usagef("%s is not UTF-8; save it with that encoding", path)
	}
	return string(data), nil
}

// readSized reads a file that a person named for what it is to be, unless its
// size will not do.
func readSized(what, path string, check func(size int64) error) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, &usageError{fmt.Errorf("%s: %w", what, err)}
	}
	if err := check(info.Size()); err != nil {
		return nil, err
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, &usageError{fmt.Errorf("%s: %w", what, err)}
	}
	return data, nil
}
