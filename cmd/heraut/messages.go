package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"heraut/jobs"
	"heraut/jobs/ledger"
)

// messagesCmd is the ledger of messages, and what a person may decide about
// one of them.
type messagesCmd struct {
	List    messagesListCmd    `cmd:"" default:"withargs" help:"List messages, by due time."`
	Show    messagesShowCmd    `cmd:"" help:"Everything on record about one message."`
	Retry   messagesRetryCmd   `cmd:"" help:"Send a message that failed, or is in doubt, once more."`
	Resolve messagesResolveCmd `cmd:"" help:"Say how a message that is in doubt, or failed, ended."`
}

type messagesListCmd struct {
	State string `placeholder:"STATE" help:"Only in this state."`
	Event string `placeholder:"ID" help:"Only of this event."`
	Email string `placeholder:"ADDRESS" help:"Only to this person."`
}

func (c *messagesListCmd) Run(ctx context.Context, a *app) error {
	filter := ledger.MessageFilter{Event: c.Event, State: jobs.State(c.State)}
	if c.State != "" && !slices.Contains(jobs.States(), filter.State) {
		return hint(usagef("state %q is not known", c.State), "the states are: %s", joined(jobs.States()))
	}
	if c.Email != "" {
		var err error
		if filter.Email, err = address(c.Email); err != nil {
			return err
		}
	}
	r, err := a.openLedger(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	if a.flags.JSON {
		return a.printMessages(r.Messages(ctx, filter))
	}
	w := a.words
	t := &table{head: []string{w.ID, "due_at", w.Event, w.Email, w.Rule, w.Kind, w.State, w.Attempts, w.Reason}}
	for m, err := range r.Messages(ctx, filter) {
		if err != nil {
			return err
		}
		// States as they are stored: they are what --state takes.
		t.add(number(m.ID), utc(m.DueAt), m.EventID, m.Email.String(), m.Message.Name, string(m.Kind), string(m.State), number(m.Attempts), w.reason(m.Reason))
	}
	return t.write(a.stdout)
}

type messagesShowCmd struct {
	ID int64 `arg:"" help:"The message's number."`
}

func (c *messagesShowCmd) Run(ctx context.Context, a *app) error {
	r, err := a.openLedger(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	m, err := r.message(ctx, c.ID)
	if err != nil {
		return err
	}
	return a.showMessage(m)
}

type messagesRetryCmd struct {
	ID int64 `arg:"" help:"The message's number."`
}

func (c *messagesRetryCmd) Run(ctx context.Context, a *app) error {
	return a.decide(ctx, c.ID, func(r *record) error { return r.RetryMessage(ctx, c.ID, a.now()) })
}

type messagesResolveCmd struct {
	ID int64  `arg:"" help:"The message's number."`
	As string `required:"" enum:"sent,failed,planned" placeholder:"sent|failed|planned" help:"sent: it arrived; failed: it did not, and need not; planned: send it once more."`
}

func (c *messagesResolveCmd) Run(ctx context.Context, a *app) error {
	return a.decide(ctx, c.ID, func(r *record) error { return r.ResolveMessage(ctx, c.ID, jobs.State(c.As), a.now()) })
}

// decide carries out a person's decision and shows what the message became.
func (a *app) decide(ctx context.Context, id int64, decision func(*record) error) error {
	r, err := a.openLedger(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	if err := decision(r); err != nil {
		if errors.Is(err, ledger.ErrNotFound) {
			return noMessage(id)
		}
		return hint(err, "`heraut messages show %d` tells where it stands", id)
	}
	m, err := r.message(ctx, id)
	if err != nil {
		return err
	}
	return a.showMessage(m)
}

// message gives one message.
func (r *record) message(ctx context.Context, id int64) (ledger.MessageRow, error) {
	for m, err := range r.Messages(ctx, ledger.MessageFilter{ID: id}) {
		return m, err
	}
	return ledger.MessageRow{}, noMessage(id)
}

func noMessage(id int64) error {
	return hint(fmt.Errorf("there is no message %d", id), "`heraut messages` lists them")
}

// showMessage prints one message, a line a fact.
func (a *app) showMessage(m ledger.MessageRow) error {
	v := viewMessage(m)
	if a.flags.JSON {
		return a.printJSON(v)
	}
	t := &table{head: []string{"id", number(m.ID)}}
	for _, f := range [][2]string{
		{"event", v.Event}, {"registration", number(v.Registration)}, {"email", v.Email}, {"name", v.Name}, {"kind", string(v.Kind)},
		{"state", string(v.State)}, {"reason", a.words.reason(v.Reason)}, {"due_at", utc(m.DueAt)}, {"next_attempt_at", utc(m.NextAttemptAt)},
		{"expires_at", utc(m.ExpiresAt)}, {"sent_at", utc(m.SentAt)}, {"attempts", number(v.Attempts)}, {"smtp", v.SMTP},
		{"message_id", v.MessageID}, {"sequence", number(v.Sequence)},
	} {
		if f[1] != "" {
			t.add(f[0], f[1])
		}
	}
	return t.write(a.stdout)
}

// joined lists words for a hint.
func joined[T ~string](list []T) string {
	s := make([]string, len(list))
	for i, v := range list {
		s[i] = string(v)
	}
	return strings.Join(s, ", ")
}
