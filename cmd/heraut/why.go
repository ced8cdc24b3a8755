package main

import (
	"context"
	"fmt"
	"strings"

	"heraut/jobs"
	"heraut/jobs/ledger"
)

// whyCmd tells everything about one person: what was sent, what is planned,
// what will not go, and by which rule.
type whyCmd struct {
	Email string `arg:"" help:"The person's address."`
}

func (c *whyCmd) Run(ctx context.Context, a *app) error {
	addr, err := address(c.Email)
	if err != nil {
		return err
	}
	r, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	regs, err := collect(r.Registrations(ctx, ledger.RegistrationFilter{Email: addr}))
	if err != nil {
		return err
	}
	messages, err := collect(r.Messages(ctx, ledger.MessageFilter{Email: addr}))
	if err != nil {
		return err
	}
	if a.flags.JSON {
		return a.printJSON(viewWhy(regs, messages))
	}
	if len(regs) == 0 {
		a.printf(a.words.WhyNobody+"\n", addr)
		return nil
	}
	for i, reg := range regs {
		if i > 0 {
			a.printf("\n")
		}
		a.printf("%s", a.words.why(r.programme, reg, messages))
	}
	return nil
}

type whyJSON struct {
	Registrations []registrationJSON `json:"registrations"`
	Messages      []messageJSON      `json:"messages"`
}

func viewWhy(regs []jobs.Registration, messages []ledger.MessageRow) whyJSON {
	v := whyJSON{[]registrationJSON{}, []messageJSON{}}
	for _, r := range regs {
		v.Registrations = append(v.Registrations, viewRegistration(r))
	}
	for _, m := range messages {
		v.Messages = append(v.Messages, viewMessage(m))
	}
	return v
}

// why tells about one registration and its messages.
func (w words) why(p *jobs.Programme, reg jobs.Registration, messages []ledger.MessageRow) string {
	ev := eventOf(p, reg.EventID)
	var b strings.Builder
	fmt.Fprintf(&b, "%s (%s), %s\n", ev.Title.In(w.Lang), ev.ID, w.start(ev))
	fmt.Fprintf(&b, w.WhyRegistered+"\n", name(reg), reg.Email, w.moment(reg.CreatedAt, ev.Zone), reg.Source, w.status(reg.Status)+w.because(reg.Reason))
	for _, m := range messages {
		if m.RegistrationID != reg.ID {
			continue
		}
		fmt.Fprintf(&b, "- %s: %s\n", w.ruleOf(ev, m.Message), w.whyMessage(ev, m.Message))
	}
	return b.String()
}

// ruleOf names the rule behind a message, with its moment as the programme
// file writes it.
func (w words) ruleOf(ev jobs.Event, m jobs.Message) string {
	if m.Kind == jobs.CampaignMail {
		return fmt.Sprintf("%s %q", w.kind(m.Kind), m.Name)
	}
	for _, r := range ev.Rules {
		if r.Name == m.Name && r.Kind == m.Kind && r.Kind != jobs.Confirmation {
			return fmt.Sprintf("%s %q (%s)", w.kind(m.Kind), m.Name, r.At)
		}
	}
	return w.kind(m.Kind)
}

// whyMessage says in one sentence where a message stands.
func (w words) whyMessage(ev jobs.Event, m jobs.Message) string {
	var s string
	switch m.State {
	case jobs.Sent:
		s = fmt.Sprintf(w.WhySent, w.moment(m.SentAt, ev.Zone))
	case jobs.Planned:
		s = fmt.Sprintf(w.WhyPlanned, w.moment(m.DueAt, ev.Zone))
	case jobs.Retry:
		s = fmt.Sprintf(w.WhyRetry, m.Attempts, w.moment(m.NextAttemptAt, ev.Zone))
	default:
		s = fmt.Sprintf(w.WhyOther, w.state(m.State), w.moment(m.DueAt, ev.Zone))
	}
	s += w.because(m.Reason)
	if m.SMTP != "" {
		s += fmt.Sprintf(w.WhySMTP, m.SMTP)
	}
	if m.Kind == jobs.Confirmation || m.Kind == jobs.Change || m.Kind == jobs.Cancellation {
		s += fmt.Sprintf(w.WhyCalendar, m.Sequence)
	}
	return s
}

// name gives a person's name, or the address where there is none.
func name(r jobs.Registration) string {
	if r.Name != "" {
		return r.Name
	}
	return r.Email.String()
}
