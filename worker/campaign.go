package worker

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"sync"

	"heraut/jobs"
	"heraut/worker/mailer"
)

// maxCampaigns bounds the campaigns whose text is kept; one may have 256 kB.
const maxCampaigns = 20

// maxFiles bounds the files that are kept; one may have 7 MB, encoded.
const maxFiles = 4

// campaigns keeps the texts and files of campaigns. Those of one that was sent
// are the same for ever, and only of those there are messages.
type campaigns struct {
	ledger Ledger

	mu    sync.Mutex
	texts map[string]*jobs.Campaign
	files map[string]*mailer.File
}

// text gives a campaign for its text and audience; where it stands may be of
// some time ago.
func (c *campaigns) text(ctx context.Context, name string) (*jobs.Campaign, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t := c.texts[name]; t != nil {
		return t, nil
	}
	t, err := c.ledger.Campaign(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("read campaign %s: %w", name, err)
	}
	if c.texts == nil || len(c.texts) >= maxCampaigns {
		c.texts = map[string]*jobs.Campaign{}
	}
	c.texts[name] = &t
	return &t, nil
}

// file gives the file that goes along with a campaign, encoded; nil where none
// does, and for a mail that is of no campaign. One that cannot be encoded is an
// [*unsendable].
func (c *campaigns) file(ctx context.Context, of *jobs.Campaign) (*mailer.File, error) {
	if of == nil || of.Attachment.Name == "" {
		return nil, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if f := c.files[of.Name]; f != nil {
		return f, nil
	}
	stored, err := c.ledger.CampaignFile(ctx, of.Name)
	if err != nil {
		return nil, fmt.Errorf("read file of campaign %s: %w", of.Name, err)
	}
	f, err := mailer.NewFile(stored.Name, jobs.FileType, stored.Data)
	if err != nil {
		return nil, parked(err)
	}
	if c.files == nil || len(c.files) >= maxFiles {
		c.files = map[string]*mailer.File{}
	}
	c.files[of.Name] = f
	return f, nil
}

// may says whether a registration still gets a campaign. Who cancelled,
// unsubscribed or is suppressed was found out by the ledger before.
func (w *Worker) may(c *jobs.Campaign, ev jobs.Event, reg jobs.Registration) error {
	switch {
	case c.Invitation && !ev.May(reg):
		return &unsendable{jobs.CancelledState, jobs.ReasonIneligible}
	case w.cfg.PublicURL == "":
		return &unsendable{jobs.HeldState, reasonNoPublicURL}
	case !c.Audience.Chooses(reg):
		return &unsendable{jobs.CancelledState, jobs.ReasonNotInAudience}
	}
	return nil
}

// reasonNoPublicURL is why campaigns wait on a system whose pages nobody can
// reach: nobody could unsubscribe.
const reasonNoPublicURL = "nobody could unsubscribe: set public_url in the configuration, then pause and resume the campaign"

// unsubscribeURL gives the page where a person unsubscribes from campaigns.
func (w *Worker) unsubscribeURL(reg jobs.Registration) string {
	return strings.TrimSuffix(w.cfg.PublicURL, "/") + "/u/" + jobs.UnsubscribeToken(w.cfg.TagKey, reg.ID)
}

// listHeaders are the header fields of a campaign that all its mails share: the
// list they are of (RFC 2919), and that a POST to the page unsubscribes
// (RFC 8058).
func (w *Worker) listHeaders(c *jobs.Campaign) []mailer.Header {
	if c == nil {
		return nil
	}
	return []mailer.Header{
		{Name: "List-Id", Value: "<" + c.Name + "." + mailer.Domain(w.cfg.From.Address) + ">"},
		{Name: "List-Unsubscribe-Post", Value: "List-Unsubscribe=One-Click"},
	}
}

// ownHeaders are the header fields of one person's mail.
func ownHeaders(unsubscribe string) []mailer.Header {
	if unsubscribe == "" {
		return nil
	}
	return []mailer.Header{{Name: "List-Unsubscribe", Value: "<" + unsubscribe + ">"}} // RFC 2369 §3.2
}

// checkPublicURL says what is wrong with where the pages are.
func checkPublicURL(s string) error {
	if s == "" {
		return nil
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.ContainsAny(s, "<>\"'`, ") {
		return fmt.Errorf("worker: public url %q: it has to be as in https://heraut.example.nl", s)
	}
	return nil
}
