package main

import (
	"context"
	"slices"

	"heraut/jobs"
	"heraut/jobs/ledger"
)

// registrationsCmd lists registrations, by id.
type registrationsCmd struct {
	Event  string `placeholder:"ID" help:"Only of this event."`
	Status string `placeholder:"STATUS" help:"Only with this status: registered, held, cancelled or refused."`
	Email  string `placeholder:"ADDRESS" help:"Only of this person."`
}

func (c *registrationsCmd) Run(ctx context.Context, a *app) error {
	filter := ledger.RegistrationFilter{Event: c.Event, Status: jobs.Status(c.Status)}
	if c.Status != "" && !slices.Contains(jobs.Statuses(), filter.Status) {
		return usagef("status %q; write registered, held, cancelled or refused", c.Status)
	}
	if c.Email != "" {
		var err error
		if filter.Email, err = address(c.Email); err != nil {
			return err
		}
	}
	r, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	if c.Event != "" {
		if _, err := r.event(c.Event); err != nil {
			return err
		}
	}
	w := a.words
	t := &table{head: []string{w.ID, w.Event, w.Email, w.Name, w.Organisation, w.Language, w.Status, w.Reason}}
	for reg, err := range r.Registrations(ctx, filter) {
		if err != nil {
			return err
		}
		if a.flags.JSON {
			if err := a.printJSON(viewRegistration(reg)); err != nil {
				return err
			}
			continue
		}
		t.add(number(reg.ID), reg.EventID, reg.Email.String(), reg.Name, reg.Organisation, string(reg.Lang), w.status(reg.Status), w.reason(reg.Reason))
	}
	if a.flags.JSON {
		return nil
	}
	return t.write(a.stdout)
}
