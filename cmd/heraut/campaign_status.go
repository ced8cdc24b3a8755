package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"heraut/jobs"
	"heraut/jobs/ledger"
)

// campaignStatusCmd tells what became of a campaign.
type campaignStatusCmd struct {
	Name   string `arg:"" help:"The campaign."`
	Watch  bool   `help:"Go on looking until it is done, paused or cancelled."`
	People bool   `help:"Name the people who get none, and why."`
}

type campaignEventJSON struct {
	At    *instant           `json:"at"`
	By    string             `json:"by"`
	State jobs.CampaignState `json:"state"`
	Note  string             `json:"note"`
}

type campaignStatusJSON struct {
	campaignJSON
	Messages  map[jobs.State]int  `json:"messages"`  // of those who count
	Unwritten int                 `json:"unwritten"` // of those who count, without a message yet
	LeftOut   map[string]int      `json:"left_out"`  // by reason
	People    []previewLeftOut    `json:"people,omitempty"`
	History   []campaignEventJSON `json:"history"`
}

func (c *campaignStatusCmd) Run(ctx context.Context, a *app) error {
	r, err := a.openLedger(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	report, err := r.CampaignReport(ctx, c.Name)
	if errors.Is(err, ledger.ErrNotFound) {
		return noCampaign(c.Name)
	}
	if err != nil {
		return err
	}
	if c.Watch {
		if report, err = a.watchCampaign(ctx, r, report); err != nil {
			return err
		}
	}
	v, err := r.viewStatus(ctx, report, c.People || a.flags.JSON)
	if err != nil {
		return err
	}
	if a.flags.JSON {
		return a.printJSON(v)
	}
	return a.showCampaign(v, c.People)
}

func (r *record) viewStatus(ctx context.Context, report ledger.CampaignReport, people bool) (campaignStatusJSON, error) {
	v := campaignStatusJSON{campaignJSON: viewCampaign(report.Campaign), Messages: report.Messages, Unwritten: report.Unwritten, LeftOut: report.LeftOut, History: []campaignEventJSON{}}
	history, err := r.CampaignHistory(ctx, report.Campaign.Name)
	if err != nil {
		return v, err
	}
	for _, e := range history {
		v.History = append(v.History, campaignEventJSON{at(e.At), e.By, e.State, e.Note})
	}
	if !people {
		return v, nil
	}
	for row, err := range r.Audience(ctx, report.Campaign) {
		if err != nil {
			return v, err
		}
		why := row.LeftOut
		if m := row.Message; why == "" && m.State.Final() && m.State != jobs.Sent {
			why = m.Reason
		}
		if why != "" {
			v.People = append(v.People, previewLeftOut{row.Registration.ID, row.Registration.Email.String(), why})
		}
	}
	return v, nil
}

// showCampaign prints a report for people.
func (a *app) showCampaign(v campaignStatusJSON, people bool) error {
	w := a.words
	a.printf(w.CampaignIs+"\n", v.Name, w.campaign(v.State)+w.because(v.Reason))
	t := &table{head: []string{w.Audience, number(v.Count)}}
	for _, s := range jobs.States() {
		if n := v.Messages[s]; n > 0 {
			t.add("  "+w.state(s), number(n))
		}
	}
	if v.Unwritten > 0 {
		t.add("  "+w.CampaignUnwritten, number(v.Unwritten))
	}
	if len(v.LeftOut) > 0 {
		t.add(w.CampaignLeftOut, "")
	}
	for _, why := range slices.Sorted(maps.Keys(v.LeftOut)) {
		t.add("  "+w.reason(why), number(v.LeftOut[why]))
	}
	if err := t.write(a.stdout); err != nil {
		return err
	}
	if people {
		t := &table{head: []string{w.Email, w.Reason}}
		for _, p := range v.People {
			t.add(p.Email, w.reason(p.Reason))
		}
		if err := t.write(a.stdout); err != nil {
			return err
		}
	}
	h := &table{head: []string{w.When, w.Name, w.State, w.Reason}}
	for _, e := range v.History {
		h.add(utc(time.Time(*e.At)), e.By, w.campaign(e.State), w.reason(e.Note))
	}
	return h.write(a.stdout)
}

// watchEvery is the time between two looks.
const watchEvery = 500 * time.Millisecond

// watchCampaign draws how far it is, and how fast it goes, until it stands still.
func (a *app) watchCampaign(ctx context.Context, r *record, report ledger.CampaignReport) (ledger.CampaignReport, error) {
	bar := a.newProgress(report.Campaign.Name)
	defer bar.clear()
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	last, since, rate := ended(report), time.Now(), 0.0
	for {
		switch report.Campaign.State {
		case jobs.CampaignScheduled, jobs.CampaignRunning:
		default:
			return report, nil
		}
		if n, took := ended(report), time.Since(since); took >= time.Second {
			rate, last, since = float64(n-last)/took.Seconds(), n, time.Now()
		}
		bar.set(int64(ended(report)), int64(report.Campaign.Count), fmt.Sprintf(a.words.CampaignRate, ended(report), report.Campaign.Count, rate))
		select {
		case <-ctx.Done():
			return report, ctx.Err()
		case <-tick.C:
		}
		var err error
		if report, err = r.CampaignReport(ctx, report.Campaign.Name); err != nil {
			return report, err
		}
	}
}

// ended counts the messages that wait for nothing any more.
func ended(r ledger.CampaignReport) (n int) {
	for s, count := range r.Messages {
		if s.Final() || s == jobs.InDoubt {
			n += count
		}
	}
	return n
}
