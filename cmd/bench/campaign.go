package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"time"
)

// news is the campaign that is stopped.
const news = "nieuws"

// measureCampaign pauses, resumes and cancels a campaign while it leaves as fast
// as it can.
func measureCampaign(ctx context.Context, l *lab) error {
	people := l.size(l.people, 20_000)
	for range l.runs {
		for _, s := range setups() {
			if err := l.stopCampaign(ctx, s, people); err != nil {
				return fmt.Errorf("%v: %w", s, err)
			}
		}
	}
	return nil
}

// stopCampaign does so once.
func (l *lab) stopCampaign(ctx context.Context, s setup, people int) (err error) {
	st, err := l.newSite(ctx, s, siteOptions{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.remove(ctx)) }()
	if err := st.announce(ctx, people); err != nil {
		return err
	}
	if err := settle(ctx, st.database); err != nil {
		return err
	}
	db, err := openDatabase(ctx, st.database)
	if err != nil {
		return err
	}
	defer db.Close()
	worker, err := st.serve()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, worker.stop(syscall.SIGTERM)) }()
	run := campaignRun{st, db, worker}
	f, name := &l.figures, s.String()

	if err := run.sent(ctx, int64(people)/5, 0); err != nil {
		return err
	}
	paused, rate, left, err := run.stop(ctx, "pause", "paused")
	if err != nil {
		return err
	}
	f.add("p", name, "mails in the second before the pause", perSecond, rate)
	f.promise("p", name, "from pause to the last mail", milliseconds, paused, atMost(2000))

	resumed, err := run.move(ctx, "resume", "running")
	if err != nil {
		return err
	}
	if err := run.sent(ctx, min(int64(people)/5, left/2), resumed); err != nil {
		return err
	}
	next, err := number(ctx, db, `SELECT MIN(sent_at) FROM messages WHERE kind = 'campaign' AND sent_at > $1`, resumed)
	if err != nil {
		return err
	}
	f.promise("p", name, "from resume to the next mail", milliseconds, float64(next-resumed)/1000, atMost(2000))

	cancelled, rate, _, err := run.stop(ctx, "cancel", "cancelled")
	if err != nil {
		return err
	}
	f.add("p", name, "mails in the second before the cancellation", perSecond, rate)
	f.promise("p", name, "from cancel to the last mail", milliseconds, cancelled, atMost(2000))
	l.say("%s: paused in %.0f ms, cancelled in %.0f ms at %.0f/s", name, paused, cancelled, rate)
	return nil
}

// announce has people on record who are owed nothing yet, and a campaign for
// them that two organisers agreed to.
func (st *site) announce(ctx context.Context, people int) error {
	if _, err := st.apply(ctx, programme{inTwoMonths(), reminders()[:1]}); err != nil {
		return err
	}
	if _, err := st.importPeople(ctx, people); err != nil {
		return err
	}
	const body = "Beste {{voornaam|deelnemer}},\n\nEr is **nieuws** over {{event.titel}}. Lees het [op onze site](https://www.example.nl/nieuws).\n"
	if err := os.WriteFile(st.path("nieuws.md"), []byte(body), 0o600); err != nil {
		return err
	}
	_, err := st.run(ctx, "campaign", "new", "--name", news, "--event", eventID, "--subject", "Nieuws", "--body", "nieuws.md", "--audience", "event="+eventID)
	for _, by := range []string{"een", "twee"} {
		if err == nil {
			_, err = st.run(ctx, "campaign", "send", news, "--count", strconv.Itoa(people), "--at-once", "--untranslated", "--by", by)
		}
	}
	return err
}

// campaignRun is a campaign that leaves.
type campaignRun struct {
	site   *site
	db     *sql.DB
	worker *daemon
}

const sentNews = `SELECT COUNT(*) FROM messages WHERE kind = 'campaign' AND state = 'sent'`

// sent waits until n mails left after an instant, in Unix time in microseconds.
// Where they do not, the error says how the campaign stands.
func (c campaignRun) sent(ctx context.Context, n, after int64) error {
	have := int64(0)
	err := until(ctx, 2*time.Minute, 5*stepWait, "for the campaign to leave", func() (bool, error) {
		var err error
		have, err = number(ctx, c.db, sentNews+` AND sent_at > $1`, after)
		return have >= n, errors.Join(err, c.worker.alive())
	})
	if err != nil {
		stands, err1 := c.site.run(ctx, "campaign", "status", news, "--json")
		err = errors.Join(fmt.Errorf("%w: %d of %d left; it stands so: %s\nthe worker says: %s", err, have, n, stands.out, tail(c.worker.log)), err1)
	}
	return err
}

// move runs a command about the campaign and gives the moment the ledger has for it.
func (c campaignRun) move(ctx context.Context, command, state string) (at int64, err error) {
	if _, err := c.site.run(ctx, "campaign", command, news); err != nil {
		return 0, err
	}
	return number(ctx, c.db, `SELECT MAX(at) FROM campaign_log WHERE name = $1 AND state = $2`, news, state)
}

// stop runs a command that stops the campaign, and waits until nothing of it has
// left for three seconds. It gives the milliseconds from the command's commit to
// the last 250, how many mails left in the second before, and how many have yet to.
func (c campaignRun) stop(ctx context.Context, command, state string) (ms, rate float64, left int64, err error) {
	at, err := c.move(ctx, command, state)
	if err != nil {
		return 0, 0, 0, err
	}
	was, since := int64(-1), time.Now()
	err = until(ctx, time.Minute, 5*stepWait, "for the campaign to stop", func() (bool, error) {
		have, err := number(ctx, c.db, sentNews)
		if have != was {
			was, since = have, time.Now()
		}
		return time.Since(since) > 3*time.Second, errors.Join(err, c.worker.alive())
	})
	if err != nil {
		return 0, 0, 0, err
	}
	all, err := number(ctx, c.db, `SELECT COUNT(*) FROM campaign_people WHERE name = $1 AND left_out = ''`, news)
	if left = all - was; err == nil && left <= 0 {
		err = fmt.Errorf("all %d mails had left before the %s: use more -people", was, command)
	}
	if err != nil {
		return 0, 0, 0, err
	}
	last, err1 := number(ctx, c.db, `SELECT MAX(sent_at) FROM messages WHERE kind = 'campaign'`)
	before, err2 := number(ctx, c.db, `SELECT COUNT(*) FROM messages WHERE kind = 'campaign' AND sent_at > $1 AND sent_at <= $2`, at-1_000_000, at)
	return float64(max(last-at, 0)) / 1000, float64(before), left, errors.Join(err1, err2)
}
