package main

import (
	"context"
	"time"

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
	v := statusJSON{Registrations: map[jobs.Status]int{}, Messages: map[jobs.State]int{}, InDoubt: st.InDoubt, Workers: st.Workers}
	for _, s := range jobs.Statuses() {
		v.Registrations[s] = st.Registrations[s]
	}
	for _, s := range jobs.States() {
		v.Messages[s] = st.Messages[s]
	}
	if !st.OldestDue.IsZero() {
		v.OldestDue = max(int64(now.Sub(st.OldestDue)/time.Second), 0)
	}
	if a.flags.JSON {
		return a.printJSON(v)
	}
	w := a.words
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
