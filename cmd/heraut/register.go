package main

import (
	"context"
	"strings"

	"heraut/jobs"
)

// registerCmd registers one person. Somebody who cancelled before comes back
// as a new registration. The global --lang is the language of the mail here,
// Dutch unless given.
type registerCmd struct {
	Event        string   `required:"" placeholder:"ID" help:"The event."`
	Email        string   `required:"" placeholder:"ADDRESS" help:"The person's address."`
	Name         string   `placeholder:"NAME" help:"The person's full name."`
	GivenName    string   `placeholder:"NAME" help:"The name to greet the person by."`
	Organisation string   `placeholder:"NAME" help:"Where the person works."`
	Tag          []string `placeholder:"TAG" help:"A tag; may be given more than once."`
}

func (c *registerCmd) Run(ctx context.Context, a *app) error {
	addr, err := address(c.Email)
	if err != nil {
		return err
	}
	lang, _ := jobs.ParseLang(a.flags.Lang) // checked with the other global flags
	r, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	if _, err := r.event(c.Event); err != nil {
		return err
	}
	var tags []string
	for _, t := range c.Tag {
		if t = strings.ReplaceAll(strings.ToLower(jobs.CleanName(t)), " ", "-"); t != "" {
			tags = append(tags, t)
		}
	}
	reg, result, err := r.Register(ctx, jobs.Registration{
		EventID: c.Event, Email: addr, Name: jobs.CleanName(c.Name), GivenName: jobs.CleanName(c.GivenName),
		Organisation: jobs.CleanName(c.Organisation), Lang: lang, Tags: tags, Source: "cli",
	}, a.now())
	if err != nil {
		return err
	}
	if a.flags.JSON {
		return a.printJSON(viewRegistration(reg))
	}
	a.printf("%s: %s, %s%s\n", reg.Email, a.words.result(result), a.words.status(reg.Status), a.words.because(reg.Reason))
	return nil
}
