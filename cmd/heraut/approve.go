package main

import (
	"context"
	"errors"

	"heraut/jobs/ledger"
)

// approveCmd lets in a person whom the audience rule held or refused.
type approveCmd struct {
	Event string `required:"" placeholder:"ID" help:"The event."`
	Email string `required:"" placeholder:"ADDRESS" help:"The person's address."`
}

func (c *approveCmd) Run(ctx context.Context, a *app) error {
	addr, err := address(c.Email)
	if err != nil {
		return err
	}
	r, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	if _, err := r.event(c.Event); err != nil {
		return err
	}
	reg, err := r.Approve(ctx, c.Event, addr, a.now())
	if errors.Is(err, ledger.ErrNotFound) {
		return notRegistered(err, c.Event)
	}
	if err != nil {
		return err
	}
	if a.flags.JSON {
		return a.printJSON(viewRegistration(reg))
	}
	a.printf("%s: %s\n", reg.Email, a.words.status(reg.Status))
	return nil
}
