package main

import (
	"context"
	"errors"
	"fmt"
	"os/user"
	"strings"

	"heraut/jobs"
	"heraut/jobs/ledger"
	"heraut/templates"
)

// campaignCmd is mail that an organiser writes to many: written safely, sent
// once, stoppable, accounted for.
type campaignCmd struct {
	New     campaignNewCmd     `cmd:"" help:"Write a draft, or write one anew that was not sent yet."`
	Preview campaignPreviewCmd `cmd:"" help:"Who would get it, and what it looks like."`
	Test    campaignTestCmd    `cmd:"" help:"Send it to addresses of your own, to look at."`
	Send    campaignSendCmd    `cmd:"" help:"Send it to its audience, once."`
	Pause   campaignPauseCmd   `cmd:"" help:"Hold what has not left."`
	Resume  campaignResumeCmd  `cmd:"" help:"Let one that is paused go on."`
	Cancel  campaignCancelCmd  `cmd:"" help:"Take it back: what has not left never will."`
	Status  campaignStatusCmd  `cmd:"" help:"What became of it, and of whom."`
	List    campaignListCmd    `cmd:"" help:"List campaigns."`

	Unsubscribe campaignUnsubscribeCmd `cmd:"" help:"Send an address no campaigns any more, as the link in them does."`
	Resubscribe campaignResubscribeCmd `cmd:"" help:"Send it campaigns again."`
}

// campaignJSON is a campaign as other programs read it. Keys are stable.
type campaignJSON struct {
	Name     string             `json:"name"`
	Event    string             `json:"event"`
	Audience string             `json:"audience"`
	State    jobs.CampaignState `json:"state"`
	Reason   string             `json:"reason"`
	Count    int                `json:"count"` // of the frozen audience
	Subject  string             `json:"subject"`
	File     *attachmentJSON    `json:"attachment"` // null: none goes along
	// Invitation says that each mail carries the person's own invitation.
	Invitation bool     `json:"invitation"`
	DraftAt    *instant `json:"draft_at"`
	StartAt    *instant `json:"start_at"`
	By         string   `json:"by"`
}

// attachmentJSON is a file that goes along.
type attachmentJSON struct {
	Name   string `json:"name"`
	Bytes  int    `json:"bytes"`
	SHA256 string `json:"sha256"`
}

func viewAttachment(a jobs.Attachment) *attachmentJSON {
	if a.Name == "" {
		return nil
	}
	return &attachmentJSON{a.Name, a.Size, a.SHA256}
}

func viewCampaign(c jobs.Campaign) campaignJSON {
	return campaignJSON{Name: c.Name, Event: c.EventID, Audience: c.Audience.String(), State: c.State, Reason: c.Reason,
		Count: c.Count, Subject: c.Subject.NL, File: viewAttachment(c.Attachment), Invitation: c.Invitation, DraftAt: at(c.Draft), StartAt: at(c.StartAt), By: c.By}
}

// by is who does something with a campaign.
type by struct {
	By string `placeholder:"NAME" help:"Who does this, for the record; the user of this machine unless given."`
}

func (b by) name() string {
	if s := jobs.CleanName(b.By); s != "" {
		return s
	}
	if u, err := user.Current(); err == nil && u.Username != "" {
		return u.Username
	}
	return "somebody"
}

// campaign gives a campaign by its name.
func (r *record) campaign(ctx context.Context, name string) (jobs.Campaign, error) {
	c, err := r.Campaign(ctx, name)
	if errors.Is(err, ledger.ErrNotFound) {
		return c, noCampaign(name)
	}
	return c, err
}

func noCampaign(name string) error {
	return hint(usagef("there is no campaign %q", name), "`heraut campaign list` shows all, `heraut campaign new` writes one")
}

// checkCampaign says what is wrong with a campaign, and what may be. files names
// the files it came from, by "body.nl" and so on.
func (r *record) checkCampaign(ctx context.Context, a *app, c jobs.Campaign, files map[string]string) ([]templates.Warning, error) {
	ev, err := r.event(c.EventID)
	if err != nil {
		return nil, err
	}
	set, err := loadTemplates(r.config)
	if err != nil {
		return nil, err
	}
	warnings, err := set.CheckCampaign(c, ev, a.now())
	if p, ok := errors.AsType[*jobs.ProblemsError](err); ok {
		for i := range p.Problems {
			if f := files[p.Problems[i].File]; f != "" {
				p.Problems[i].File = f
			}
		}
		return nil, p
	}
	if err != nil {
		return nil, err
	}
	n, err := r.CountAudience(ctx, c)
	if err != nil {
		return nil, err
	}
	odd, err := r.oddAudience(ctx, c, n)
	return append(append(warnings, odd...), heavy(c, n)...), err
}

// heavyMails is how many bytes all mails of a campaign may have because of its
// attachment without a warning.
const heavyMails = 1e9

// heavy warns of an attachment that is much to send to n people.
func heavy(c jobs.Campaign, n int) []templates.Warning {
	all := float64(n) * float64(c.Attachment.Size) * 4 / 3 // base64
	if all < heavyMails {
		return nil
	}
	return []templates.Warning{{
		Code: "attachment_heavy",
		NL:   fmt.Sprintf("Door de bijlage gaat er %.1f GB aan mail weg. Een link naar een pagina is lichter.", all/1e9),
		EN:   fmt.Sprintf("The attachment makes this %.1f GB of mail. A link to a page is lighter.", all/1e9),
	}}
}

// oddAudience warns of an audience that is much smaller or larger than that of
// the last campaign about the event; n is how many people it has.
func (r *record) oddAudience(ctx context.Context, c jobs.Campaign, n int) ([]templates.Warning, error) {
	list, err := r.Campaigns(ctx)
	if err != nil {
		return nil, err
	}
	last := jobs.Campaign{}
	for _, other := range list {
		if other.EventID == c.EventID && other.Name != c.Name && other.Count > 0 {
			last = other
		}
	}
	if last.Count == 0 || n <= 2*last.Count && last.Count <= 2*n {
		return nil, err
	}
	return []templates.Warning{{
		Code: "audience_differs",
		NL:   fmt.Sprintf("Klopt de doelgroep? Het zijn nu %d mensen; %s ging naar %d.", n, last.Name, last.Count),
		EN:   fmt.Sprintf("Is this the right audience? It is %d people now; %s went to %d.", n, last.Name, last.Count),
	}}, nil
}

// warn shows warnings.
func (a *app) warn(list []templates.Warning) {
	for _, w := range list {
		text := w.EN
		if a.words.Lang == jobs.Dutch {
			text = w.NL
		}
		a.sayf(a.words.CampaignWarning, text)
	}
}

// refused explains what the ledger would not do with a campaign.
func refused(name string, err error) error {
	if count, ok := errors.AsType[*ledger.CountError](err); ok {
		if count.Have == 0 {
			return hint(&usageError{count}, "`heraut campaign preview %s` shows why", name)
		}
		return hint(&usageError{count}, "look at `heraut campaign preview %s` before you send it; somebody may have registered or left", name)
	}
	if c, ok := errors.AsType[*ledger.CampaignError](err); ok && errors.Is(c, ledger.ErrUntranslated) {
		return hint(&usageError{c}, "write it again with --subject-en and --body-en, or send it with --untranslated: then they get the Dutch text")
	}
	if c, ok := errors.AsType[*ledger.CampaignError](err); ok {
		return hint(&usageError{c}, "`heraut campaign status %s` tells how it stands", name)
	}
	if errors.Is(err, ledger.ErrNotFound) {
		return noCampaign(name)
	}
	return err
}

type campaignPauseCmd struct {
	Name   string `arg:"" help:"The campaign."`
	Reason string `placeholder:"TEXT" help:"Why, for the record."`
	by
}

func (c *campaignPauseCmd) Run(ctx context.Context, a *app) error {
	return a.moveCampaign(ctx, c.Name, func(r *record) (jobs.Campaign, error) {
		return r.PauseCampaign(ctx, c.Name, c.Reason, c.name(), a.now())
	})
}

type campaignResumeCmd struct {
	Name string `arg:"" help:"The campaign."`
	by
}

func (c *campaignResumeCmd) Run(ctx context.Context, a *app) error {
	return a.moveCampaign(ctx, c.Name, func(r *record) (jobs.Campaign, error) {
		return r.ResumeCampaign(ctx, c.Name, c.name(), a.now())
	})
}

type campaignCancelCmd struct {
	Name string `arg:"" help:"The campaign."`
	by
}

func (c *campaignCancelCmd) Run(ctx context.Context, a *app) error {
	return a.moveCampaign(ctx, c.Name, func(r *record) (jobs.Campaign, error) {
		return r.CancelCampaign(ctx, c.Name, c.name(), a.now())
	})
}

// moveCampaign carries out a decision and says where the campaign stands.
func (a *app) moveCampaign(ctx context.Context, name string, decision func(*record) (jobs.Campaign, error)) error {
	r, err := a.openLedger(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	c, err := decision(r)
	if err != nil {
		return refused(name, err)
	}
	if a.flags.JSON {
		return a.printJSON(viewCampaign(c))
	}
	a.printf(a.words.CampaignIs+"\n", c.Name, a.words.campaign(c.State)+a.words.because(c.Reason))
	return nil
}

type campaignListCmd struct{}

func (campaignListCmd) Run(ctx context.Context, a *app) error {
	r, err := a.openLedger(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	list, err := r.Campaigns(ctx)
	if err != nil {
		return err
	}
	w := a.words
	t := &table{head: []string{w.Name, w.Event, w.State, w.Number, w.When, w.Audience, w.Reason}}
	for _, c := range list {
		if a.flags.JSON {
			if err := a.printJSON(viewCampaign(c)); err != nil {
				return err
			}
			continue
		}
		t.add(c.Name, c.EventID, w.campaign(c.State), number(c.Count), utc(c.StartAt), short(c.Audience.String()), w.reason(c.Reason))
	}
	if a.flags.JSON {
		return nil
	}
	return t.write(a.stdout)
}

// addresses reads addresses that stand behind commas.
func addresses(list []string) (all []jobs.Address, err error) {
	for _, s := range list {
		for part := range strings.SplitSeq(s, ",") {
			addr, err := address(part)
			if err != nil {
				return nil, err
			}
			all = append(all, addr)
		}
	}
	return all, nil
}
