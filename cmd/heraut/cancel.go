package main

import (
	"context"
	"errors"

	"heraut/jobs/ledger"
)

// cancelCmd cancels one registration. Who was invited gets a cancellation
// that takes the event out of the calendar.
type cancelCmd struct {
	Event  string `required:"" placeholder:"ID" help:"The event."`
	Email  string `required:"" placeholder:"ADDRESS" help:"The person's address."`
	Reason string `placeholder:"TEXT" help:"Why, for the record; the person does not read it."`
}

func (c *cancelCmd) Run(ctx context.Context, a *app) error {
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
	reg, err := r.Cancel(ctx, c.Event, addr, c.Reason, a.now())
	if errors.Is(err, ledger.ErrNotFound) {
		return notRegistered(err, c.Event)
	}
	if err != nil {
		return err
	}
	if a.flags.JSON {
		return a.printJSON(viewRegistration(reg))
	}
	a.printf("%s: %s%s\n", reg.Email, a.words.status(reg.Status), a.words.because(reg.Reason))
	return nil
}

// notRegistered adds where to look for a person who is not found.
func notRegistered(err error, event string) error {
	return hint(err, "`heraut registrations --event %s` lists who is", event)
}
