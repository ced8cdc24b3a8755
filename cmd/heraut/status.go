package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"

	"heraut/jobs"
)

// statusCmd prints counts.
type statusCmd struct{}

// statusJSON is the ledger in numbers. Keys are stable.
type statusJSON struct {
	Registrations map[jobs.Status]int `json:"registrations"`
	Messages      map[jobs.State]int  `json:"messages"`
	// OldestDue is how long the message that waits longest has been due; 0
	// when none is.
	OldestDue int64 `json:"oldest_due_seconds"`
	InDoubt   int   `json:"in_doubt"`
	Workers   int   `json:"workers"` // that are alive
	// Troubles is why workers send nothing at present, each reason once; never
	// null. The command ends well all the same: it is the relay that fails.
	Troubles []string `json:"troubles"`
	// Campaigns are those that were sent and are not over; never null.
	Campaigns map[string]campaignCount `json:"campaigns"`
	// UnknownTasks wait for a later version of this program; never null.
	UnknownTasks []unknownTaskJSON `json:"unknown_tasks"`
}

type campaignCount struct {
	State  jobs.CampaignState `json:"state"`
	Reason string             `json:"reason"`
	Count  int                `json:"count"`
	Sent   int                `json:"sent"`
}

type unknownTaskJSON struct {
	ID      string   `json:"id"`
	Kind    string   `json:"kind"`
	Version int      `json:"version"`
	SeenAt  *instant `json:"seen_at"`
}

// addCampaigns adds what status says of campaigns and of tasks for them.
func (v *statusJSON) addCampaigns(ctx context.Context, r *record) error {
	v.Campaigns, v.UnknownTasks = map[string]campaignCount{}, []unknownTaskJSON{}
	list, err := r.Campaigns(ctx)
	if err != nil {
		return err
	}
	for _, c := range list {
		switch c.State {
		case jobs.CampaignScheduled, jobs.CampaignRunning, jobs.CampaignPaused:
			report, err := r.CampaignReport(ctx, c.Name)
			if err != nil {
				return err
			}
			v.Campaigns[c.Name] = campaignCount{c.State, c.Reason, c.Count, report.Messages[jobs.Sent]}
		}
	}
	tasks, err := r.UnknownTasks(ctx)
	for _, t := range tasks {
		v.UnknownTasks = append(v.UnknownTasks, unknownTaskJSON{t.ID, t.Kind, t.Version, at(t.SeenAt)})
	}
	return err
}

func (statusCmd) Run(ctx context.Context, a *app) error {
	r, err := a.openLedger(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	now := a.now()
	st, err := r.Status(ctx, now)
	if err != nil {
		return err
	}
	v := statusJSON{Registrations: map[jobs.Status]int{}, Messages: map[jobs.State]int{}, InDoubt: st.InDoubt, Workers: st.Workers, Troubles: append([]string{}, st.Troubles...)}
	for _, s := range jobs.Statuses() {
		v.Registrations[s] = st.Registrations[s]
	}
	for _, s := range jobs.States() {
		v.Messages[s] = st.Messages[s]
	}
	if !st.OldestDue.IsZero() {
		v.OldestDue = max(int64(now.Sub(st.OldestDue)/time.Second), 0)
	}
	if err := v.addCampaigns(ctx, r); err != nil {
		return err
	}
	if a.flags.JSON {
		return a.printJSON(v)
	}
	w := a.words
	for _, trouble := range v.Troubles {
		a.alarm(fmt.Sprintf(w.StatusTrouble, oneLine(trouble)))
	}
	for _, task := range v.UnknownTasks {
		a.alarm(fmt.Sprintf(w.StatusTask, oneLine(task.Kind), task.Version))
	}
	for _, name := range slices.Sorted(maps.Keys(v.Campaigns)) {
		c := v.Campaigns[name]
		a.printf(w.StatusCampaign+"\n", name, w.campaign(c.State)+w.because(c.Reason), c.Sent, c.Count)
	}
	t := &table{head: []string{w.StatusPeople, ""}}
	for _, s := range jobs.Statuses() {
		t.add("  "+w.status(s), number(v.Registrations[s]))
	}
	t.add(w.StatusMessages, "")
	for _, s := range jobs.States() {
		t.add("  "+w.state(s), number(v.Messages[s]))
	}
	t.add(w.StatusDue, number(v.OldestDue))
	t.add(w.StatusDoubt, number(v.InDoubt))
	t.add(w.StatusWorkers, number(v.Workers))
	return t.write(a.stdout)
}

// alarm writes a line that must be seen: red where somebody looks at it and
// has not asked for no colour (https://no-color.org).
func (a *app) alarm(line string) {
	if isTerminal(a.people()) && a.env["NO_COLOR"] == "" {
		line = "\x1b[31m" + line + "\x1b[0m"
	}
	a.printf("%s\n", line)
}

// oneLine makes text of a stranger, such as the answer of a mail server, safe
// to print on a line: a terminal acts on control characters.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.Cc, unicode.Cf) {
			return ' '
		}
		return r
	}, s)
	return strings.Join(strings.Fields(s), " ")
}
