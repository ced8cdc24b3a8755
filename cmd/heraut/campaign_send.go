package main

import (
	"context"
	"net/url"
	"strings"
	"time"

	"heraut/jobs"
	"heraut/jobs/ledger"
)

// campaignSendCmd sends a campaign to its audience, whose size has to be typed.
type campaignSendCmd struct {
	Name         string `arg:"" help:"The campaign."`
	Count        int    `required:"" placeholder:"N" help:"How many people get it, as the preview says."`
	At           string `placeholder:"TIME" help:"When it begins: 2026-12-01T09:00 on the programme's clock, or RFC 3339."`
	Untranslated bool   `help:"People who read English get the Dutch text, as there is no English one."`
	AtOnce       bool   `help:"Leave out the minute in which it can be taken back, and the first twenty who get it before all others."`
	by
}

func (c *campaignSendCmd) Run(ctx context.Context, a *app) error {
	r, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	campaign, err := r.campaign(ctx, c.Name)
	if err != nil {
		return err
	}
	if err := r.config.reachable(); err != nil {
		return err
	}
	opt := ledger.SendOptions{Count: c.Count, By: c.name(), AtOnce: c.AtOnce, Untranslated: c.Untranslated}
	if opt.At, err = moment(c.At, r.programme.Zone); err != nil {
		return err
	}
	warnings, err := r.checkCampaign(ctx, a, campaign, nil)
	if err != nil {
		return err
	}
	a.warn(warnings)
	campaign, err = r.SendCampaign(ctx, c.Name, opt, a.now())
	if err != nil {
		return refused(c.Name, err)
	}
	if a.flags.JSON {
		return a.printJSON(viewCampaign(campaign))
	}
	if campaign.State == jobs.CampaignReady {
		a.printf(a.words.CampaignSecond+"\n", jobs.ApproveAbove, c.Name, c.Count)
		return nil
	}
	a.printf(a.words.CampaignSent+"\n", campaign.Name, campaign.Count, a.words.moment(campaign.StartAt, r.programme.Zone), campaign.Name)
	return nil
}

// reachable says whether people can reach the page on which they unsubscribe.
func (c *config) reachable() error {
	u, err := url.Parse(c.PublicURL)
	if err != nil || u.Host == "" {
		return hint(usagef("nobody could unsubscribe: public_url is not set"), "set public_url in %s to where people reach the web side", or(c.file, defaultConfigFile))
	}
	if c.SMTP.URL != capture && u.Scheme != "https" {
		return hint(usagef("nobody could unsubscribe: public_url is %s, which mail programs do not use", c.PublicURL), "one-click unsubscribing takes https (RFC 8058)")
	}
	return nil
}

// moment reads a moment that a person typed; "" is the zero time.
func moment(s string, zone *time.Location) (time.Time, error) {
	if strings.TrimSpace(s) == "" {
		return time.Time{}, nil
	}
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t, nil
	}
	for _, layout := range []string{"2006-01-02T15:04", "2006-01-02 15:04"} {
		if t, err := time.ParseInLocation(layout, s, zone); err == nil {
			return t, nil
		}
	}
	return time.Time{}, hint(usagef("--at %q is no moment", s), "write it as in 2026-12-01T09:00")
}
