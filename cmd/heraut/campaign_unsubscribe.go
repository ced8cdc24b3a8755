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
	return a.subscription(ctx, c.Email, a.words.CampaignUnsubscribed, true, func(r *record, addr jobs.Address) ([]jobs.Campaign, error) {
		if c.Complaint {
			return r.Complain(ctx, addr, a.now())
		}
		return nil, r.Unsubscribe(ctx, addr, "by hand", a.now())
	})
}

type campaignResubscribeCmd struct {
	Email string `arg:"" help:"The address."`
}

func (c *campaignResubscribeCmd) Run(ctx context.Context, a *app) error {
	return a.subscription(ctx, c.Email, a.words.CampaignResubscribed, false, func(r *record, addr jobs.Address) ([]jobs.Campaign, error) {
		err := r.Resubscribe(ctx, addr)
		if errors.Is(err, ledger.ErrNotFound) {
			err = fmt.Errorf("%s did not unsubscribe", addr)
		}
		return nil, err
	})
}

type subscriptionJSON struct {
	Email        string   `json:"email"`
	Unsubscribed bool     `json:"unsubscribed"`
	Paused       []string `json:"paused"` // campaigns
}

// subscription changes whether an address gets campaigns, and says what that
// stopped.
func (a *app) subscription(ctx context.Context, email, said string, off bool, change func(*record, jobs.Address) ([]jobs.Campaign, error)) error {
	addr, err := address(email)
	if err != nil {
		return err
	}
	r, err := a.openLedger(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	paused, err := change(r, addr)
	if err != nil {
		return err
	}
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
