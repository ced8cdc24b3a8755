package main

import (
	"fmt"
	"path/filepath"
	"slices"

	"heraut/jobs"
)

// shownHeld is how many held people the summary on the terminal lists; the
// page and the JSON list more of them.
const shownHeld = 20

// rehearsalJSON is a rehearsal for other programs.
type rehearsalJSON struct {
	Dir      string           `json:"dir"`
	Page     string           `json:"page"`
	Messages string           `json:"messages"` // file with every message, one a line
	From     *instant         `json:"from"`
	Until    *instant         `json:"until"`
	People   int              `json:"people"`
	Sent     int              `json:"sent"`
	NotSent  int              `json:"not_sent"`
	Refused  int              `json:"refused"` // rows of the files
	Counts   []rehearsalCount `json:"counts"`
	Held     []heldJSON       `json:"held"`
}

// heldJSON is a person who got nothing and waits for an organiser.
type heldJSON struct {
	Event        string `json:"event"`
	Email        string `json:"email"`
	Name         string `json:"name"`
	Organisation string `json:"organisation"`
	Reason       string `json:"reason"`
}

// finish writes the page and tells how the rehearsal ended.
func (a *app) finish(r *rehearsalResult, dir string) error {
	lang, _ := jobs.ParseLang(a.flags.Lang) // the page is Dutch unless --lang says otherwise
	if err := writeTimeline(dir, r, lang); err != nil {
		return err
	}
	if a.flags.JSON {
		if err := a.printJSON(viewRehearsal(r, dir)); err != nil {
			return err
		}
	}
	return a.summarise(r, dir)
}

func viewRehearsal(r *rehearsalResult, dir string) rehearsalJSON {
	view := rehearsalJSON{
		Dir: dir, Page: filepath.Join(dir, rehearsalPage), Messages: filepath.Join(dir, rehearsalMessages),
		From: at(r.From), Until: at(r.Until), People: r.persons(), Sent: len(r.sent()), NotSent: len(r.Messages) - len(r.sent()),
		Refused: r.RejectedAll, Counts: r.counts(), Held: []heldJSON{},
	}
	for _, p := range r.people("", jobs.Held) {
		view.Held = append(view.Held, heldJSON{p.EventID, p.Email.String(), p.Name, p.Organisation, p.Reason})
	}
	return view
}

// summarise prints a table of what became of the messages, who is held, and
// where the page is.
func (a *app) summarise(r *rehearsalResult, dir string) error {
	w := newTimelineWords(a.words.Lang, r.Programme.Zone)
	counts := r.counts()
	var states []jobs.State // the columns: those in which something is
	for _, state := range jobs.States() {
		if slices.ContainsFunc(counts, func(c rehearsalCount) bool { return c.By[state] > 0 }) {
			states = append(states, state)
		}
	}
	t := &table{head: []string{a.words.Event, a.words.Kind, a.words.Number}}
	for _, s := range states {
		t.head = append(t.head, a.words.state(s))
	}
	for _, c := range counts {
		row := []string{c.Event, a.words.kind(c.Kind), number(c.Owed)}
		for _, s := range states {
			row = append(row, number(c.By[s]))
		}
		t.add(row...)
	}
	if err := t.write(a.people()); err != nil {
		return fmt.Errorf("write the summary: %w", err)
	}
	a.printf("\n")
	if held := r.people("", jobs.Held); len(held) > 0 {
		a.printf(w.tr("Aangehouden; over dit evenement kregen zij niets (%d):\n", "Held; they got nothing about this event (%d):\n"), len(held))
		for _, p := range held[:min(len(held), shownHeld)] {
			a.printf("  %s: %s <%s>%s\n", p.EventID, p.Name, p.Email, a.words.because(p.Reason))
		}
		if more := len(held) - shownHeld; more > 0 {
			a.printf(w.tr("  en nog %d; de pagina noemt er meer\n", "  and %d more; the page lists more of them\n"), more)
		}
		a.printf("\n")
	}
	if r.RejectedAll > 0 {
		a.printf(w.tr("Geweigerde regels (%d):\n", "Refused rows (%d):\n"), r.RejectedAll)
		for _, line := range r.Rejected {
			a.printf("  %s\n", line)
		}
		a.printf("\n")
	}
	a.printf(w.tr("%s mails aan %s; er is niets echt verstuurd.\n", "%s mails to %s; nothing was really sent.\n"), w.thousands(len(r.sent())), w.people(r.persons()))
	a.printf(w.tr("De tijdlijn: %s\n", "The timeline: %s\n"), filepath.Join(dir, rehearsalPage))
	return nil
}
