package main

import (
	"context"
	"errors"
	"fmt"

	"heraut/jobs"
	"heraut/jobs/ledger"
)

// campaignUnsubscribeCmd does by hand what the link in a campaign does, for who
// asks in another way.
type campaignUnsubscribeCmd struct {
	Email     string `arg:"" help:"The address."`
	Complaint bool   `help:"They called it spam, to you or to their provider: a campaign of which too many people say so is paused."`
}

func (c *campaignUnsubscribeCmd) Run(ctx context.Context, a *app) error {
	var paused []jobs.Campaign
	addr, err := a.about(ctx, c.Email, func(r *record, addr jobs.Address) (err error) {
		if !c.Complaint {
			return r.Unsubscribe(ctx, addr, "by hand", a.now())
		}
		paused, err = r.Complain(ctx, addr, a.now())
		return err
	})
	if err != nil {
		return err
	}
	return a.showSubscription(a.words.CampaignUnsubscribed, addr, true, paused)
}

type campaignResubscribeCmd struct {
	Email string `arg:"" help:"The address."`
}

func (c *campaignResubscribeCmd) Run(ctx context.Context, a *app) error {
	addr, err := a.about(ctx, c.Email, func(r *record, addr jobs.Address) error {
		err := r.Resubscribe(ctx, addr)
		if errors.Is(err, ledger.ErrNotFound) {
			return hint(fmt.Errorf("%s did not unsubscribe", addr), "`heraut why %s` tells what it gets and why not", addr)
		}
		return err
	})
	if err != nil {
		return err
	}
	return a.showSubscription(a.words.CampaignResubscribed, addr, false, nil)
}

type subscriptionJSON struct {
	Email        string   `json:"email"`
	Unsubscribed bool     `json:"unsubscribed"`
	Paused       []string `json:"paused"` // campaigns
}

// showSubscription says whether an address gets campaigns now, and which of them
// that paused.
func (a *app) showSubscription(said string, addr jobs.Address, off bool, paused []jobs.Campaign) error {
	v := subscriptionJSON{Email: addr.String(), Unsubscribed: off, Paused: []string{}}
	for _, c := range paused {
		v.Paused = append(v.Paused, c.Name)
	}
	if a.flags.JSON {
		return a.printJSON(v)
	}
	a.printf(said+"\n", addr)
	for _, c := range paused {
		a.printf(a.words.CampaignIs+"\n", c.Name, a.words.campaign(c.State)+a.words.because(c.Reason))
	}
	return nil
}
