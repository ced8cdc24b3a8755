package main

import (
	"context"
	"errors"
	"fmt"

	"heraut/jobs"
	"heraut/jobs/ledger"
)

// suppressCmd keeps the list of addresses that are written to no more.
type suppressCmd struct {
	Add    suppressAddCmd    `cmd:"" help:"Write to this address no more, about any event."`
	Remove suppressRemoveCmd `cmd:"" help:"Write to this address again."`
	List   suppressListCmd   `cmd:"" help:"List the addresses."`
}

type suppressAddCmd struct {
	Email  string `arg:"" help:"The address."`
	Reason string `default:"by hand" placeholder:"TEXT" help:"Why, for the record."`
}

func (c *suppressAddCmd) Run(ctx context.Context, a *app) error {
	return a.suppress(ctx, c.Email, a.words.SuppressAdded, true, func(r *record, addr jobs.Address) error {
		return r.Suppress(ctx, addr, c.Reason, a.now())
	})
}

type suppressRemoveCmd struct {
	Email string `arg:"" help:"The address."`
}

func (c *suppressRemoveCmd) Run(ctx context.Context, a *app) error {
	return a.suppress(ctx, c.Email, a.words.SuppressRemoved, false, func(r *record, addr jobs.Address) error {
		err := r.Unsuppress(ctx, addr)
		if errors.Is(err, ledger.ErrNotFound) {
			return hint(fmt.Errorf("%s is not on the list", addr), "`heraut suppress list` shows who is")
		}
		return err
	})
}

// suppress changes the list and says what it says about the address now.
func (a *app) suppress(ctx context.Context, email, said string, on bool, change func(*record, jobs.Address) error) error {
	addr, err := a.about(ctx, email, change)
	if err != nil {
		return err
	}
	if a.flags.JSON {
		return a.printJSON(struct {
			Email      string `json:"email"`
			Suppressed bool   `json:"suppressed"`
		}{addr.String(), on})
	}
	a.printf(said+"\n", addr)
	return nil
}

// about does something about an address, with the ledger.
func (a *app) about(ctx context.Context, email string, do func(*record, jobs.Address) error) (jobs.Address, error) {
	addr, err := address(email)
	if err != nil {
		return addr, err
	}
	r, err := a.openLedger(ctx)
	if err != nil {
		return addr, err
	}
	defer r.Close()
	return addr, do(r, addr)
}

type suppressListCmd struct{}

type suppressionJSON struct {
	Email  string   `json:"email"`
	Reason string   `json:"reason"`
	Since  *instant `json:"since"`
}

func (suppressListCmd) Run(ctx context.Context, a *app) error {
	r, err := a.openLedger(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	list, err := r.Suppressions(ctx)
	if err != nil {
		return err
	}
	t := &table{head: []string{a.words.Email, a.words.Since, a.words.Reason}}
	for _, s := range list {
		if a.flags.JSON {
			if err := a.printJSON(suppressionJSON{s.Email.String(), s.Reason, at(s.CreatedAt)}); err != nil {
				return err
			}
			continue
		}
		t.add(s.Email.String(), utc(s.CreatedAt), s.Reason)
	}
	if a.flags.JSON {
		return nil
	}
	return t.write(a.stdout)
}
