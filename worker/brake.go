package worker

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"time"

	"heraut/jobs"
)

const (
	// brakeAt is how many mails of a campaign have to fail for good before it is
	// paused, and brakePercent above what part of those that came to an end. One
	// dead address in a small campaign is no trouble, and among the first twenty
	// people five are.
	brakeAt      = 5
	brakePercent = 5
	// brakeAgain is the time between two attempts to pause one.
	brakeAgain = 5 * time.Second
)

// brake pauses a campaign whose mails fail, before it has cost the good name of
// who sends it: mail servers judge by the part of the mail that goes nowhere.
//
// It counts in memory, of the mails of this worker only. Several workers each
// have people of all of the audience, so each sees the trouble by itself; after
// a restart it counts anew, which lets at most some mails more fail. A table of
// counts would cost a write for each mail. When a person lets the campaign go on
// it counts anew as well: they know.
type brake struct {
	mu        sync.Mutex
	campaigns map[string]*tally
}

// tally is how the mails of one campaign ended since it began or was paused.
type tally struct {
	ended, failed int
	why           string    // the last one failed
	on            bool      // nothing more of it leaves here
	asked         time.Time // when it was last tried to pause it
}

// count counts how a try ended, and says whether the campaign is now to be
// paused, and why.
func (b *brake) count(m *jobs.Message, out jobs.Outcome) (reason string, pause bool) {
	if m.Kind != jobs.CampaignMail || out.State != jobs.Sent && out.State != jobs.Failed && out.State != jobs.InDoubt {
		return "", false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	t := b.campaigns[m.Name]
	if t == nil {
		t = &tally{}
		if b.campaigns == nil {
			b.campaigns = map[string]*tally{}
		}
		b.campaigns[m.Name] = t
	}
	t.ended++
	if out.State == jobs.Failed {
		t.failed++
		t.why = blame(out)
	}
	if !t.on && t.failed >= brakeAt && t.failed*100 > brakePercent*t.ended {
		t.on = true
	}
	return t.ask()
}

// holds says whether a message is of a campaign that is to be paused, and whether
// this is the moment to try so again.
func (b *brake) holds(m *jobs.Message) (on bool, reason string, pause bool) {
	if m.Kind != jobs.CampaignMail {
		return false, "", false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	t := b.campaigns[m.Name]
	if t == nil || !t.on {
		return false, "", false
	}
	reason, pause = t.ask()
	return true, reason, pause
}

// ask says whether somebody has to pause the campaign now. Called with the lock
// held.
func (t *tally) ask() (reason string, pause bool) {
	now := time.Now()
	if !t.on || now.Sub(t.asked) < brakeAgain {
		return "", false
	}
	t.asked = now
	return fmt.Sprintf("%d of %d mails failed, the last one because %s", t.failed, t.ended, t.why), true
}

// enhancedCode is one of RFC 3463.
var enhancedCode = regexp.MustCompile(`^[245]\.[0-9]{1,3}\.[0-9]{1,3}$`)

// blame says why a mail failed, for people, the log and the history of a
// campaign. What the server or a template said may hold an address or a name.
func blame(out jobs.Outcome) string {
	words := strings.Fields(out.SMTP)
	if len(words) == 0 {
		return "it could not be made"
	}
	said := words[0]
	if len(words) > 1 && enhancedCode.MatchString(words[1]) {
		said += " " + words[1]
	}
	return "the mail server said " + said
}

// release forgets a campaign that is paused now: the ledger holds it.
func (b *brake) release(name string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.campaigns, name)
}

// pauseCampaign pauses a campaign whose mails fail. Where that does not work
// the campaign stands still in this worker, and it is tried again.
func (w *Worker) pauseCampaign(ctx context.Context, name, reason string) {
	ctx, cancel := w.telling(ctx)
	defer cancel()
	_, err := w.cfg.Ledger.PauseCampaign(ctx, name, reason, "heraut", w.cfg.Clock.Now())
	if err != nil {
		// Perhaps somebody was first.
		c, readErr := w.cfg.Ledger.Campaign(ctx, name)
		if readErr != nil || c.State == jobs.CampaignRunning || c.State == jobs.CampaignScheduled {
			w.log.Warn("cannot pause a campaign whose mails fail; trying on", "campaign", name, "error", err)
			return
		}
	} else {
		w.log.Error("campaign paused: its mails fail", "campaign", name, "reason", reason)
	}
	w.brake.release(name)
}
