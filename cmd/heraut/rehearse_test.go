package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"heraut/jobs"
)

// rehearsalFolder makes what an organiser has: a configuration, a programme
// without blanks, and n people, of whom one in four is not in the audience.
func rehearsalFolder(t *testing.T, n int) (config, people string) {
	t.Helper()
	dir := t.TempDir()
	source, err := initFile("programme.yaml")
	if err != nil {
		t.Fatal(err)
	}
	d := demo{zone: time.UTC}
	filled := d.fill(string(source))
	if d.err != nil {
		t.Fatal(d.err)
	}
	var csv strings.Builder
	csv.WriteString("E-mailadres;Naam;Taal\n")
	for i := range n {
		domain := "ministerie.example"
		if i%4 == 3 {
			domain = "gemeente.example"
		}
		fmt.Fprintf(&csv, "persoon%d@%s;Persoon %d;nl\n", i+1, domain, i+1)
	}
	csv.WriteString("geen adres;Niemand;nl\n")
	for name, text := range map[string]string{"heraut.yaml": "programme: programme.yaml\n", "programme.yaml": filled, "people.csv": csv.String()} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "heraut.yaml"), filepath.Join(dir, "people.csv")
}

// A rehearsal of 2,000 people is all there in the folder, and its page stays
// one that a browser can show.
func TestRehearseLarge(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	config, people := rehearsalFolder(t, 2000)
	out := filepath.Join(t.TempDir(), "out")
	a, text := quietApp(t, globals{Config: config})
	cmd := &rehearseCmd{File: people, Event: "workshop", From: "2026-10-05T09:00", Out: out}
	if err := cmd.Run(ctx, a); !errors.Is(err, errPartly) {
		t.Fatalf("%v; a row was refused, so it is done in part", err)
	}
	files := map[string]int{}
	for _, name := range filesBelow(t, out) {
		files[filepath.Ext(name)]++
	}
	const mails = 1500 * 5
	if files[".eml"] != mails || files[".ics"] != mails {
		t.Errorf("%d .eml and %d .ics, want %d of each", files[".eml"], files[".ics"], mails)
	}
	if want := 5*timelineGroupMax + 1; files[".html"] != want {
		t.Errorf("%d .html, want %d: 5 groups and the page", files[".html"], want)
	}
	page, err := os.ReadFile(filepath.Join(out, rehearsalPage))
	if err != nil {
		t.Fatal(err)
	}
	if len(page) > 2<<20 {
		t.Errorf("the page is %d bytes", len(page))
	}
	for _, want := range []string{"Nog 1.475 mails van deze groep staan in de map", "Dit zijn de eerste 150 van 500", "people.csv:2002"} {
		if !strings.Contains(string(page), want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	checkPage(t, out, string(page))
	for _, want := range []string{"Held; they got nothing about this event (500)", "and 480 more", "7,500 mails to 2,000 people"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the summary does not say %q:\n%s", want, text)
		}
	}
	if _, err := os.Stat(filepath.Join(filepath.Dir(config), "heraut-data")); !os.IsNotExist(err) {
		t.Error("the rehearsal touched the data folder")
	}
}

// Where the file names a bad thing nothing is written, and an earlier
// rehearsal stays.
func TestRehearseRefuses(t *testing.T) {
	config, people := rehearsalFolder(t, 1)
	for name, c := range map[string]struct {
		cmd  rehearseCmd
		want string
	}{
		"event":     {rehearseCmd{File: people, Event: "other"}, `there is no event "other"`},
		"file":      {rehearseCmd{File: people + "x", Event: "workshop"}, "no such file"},
		"from":      {rehearseCmd{File: people, Event: "workshop", From: "yesterday"}, `--from "yesterday" is no time`},
		"until":     {rehearseCmd{File: people, Event: "workshop", From: "2026-10-05", Until: "2026-10-04"}, "is not after the start"},
		"no header": {rehearseCmd{File: config, Event: "workshop"}, "no column holds the e-mail address"},
	} {
		t.Run(name, func(t *testing.T) {
			c.cmd.Out = filepath.Join(t.TempDir(), "out")
			a, _ := quietApp(t, globals{Config: config})
			err := c.cmd.Run(t.Context(), a)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
			if code := exitCode(err); code != exitUsage {
				t.Errorf("exit code %d", code)
			}
			if _, err := os.Stat(c.cmd.Out); !os.IsNotExist(err) {
				t.Error("a folder was written")
			}
		})
	}
}

func TestRehearseUntil(t *testing.T) {
	config, people := rehearsalFolder(t, 4)
	out := filepath.Join(t.TempDir(), "out")
	a, _ := quietApp(t, globals{Config: config})
	cmd := &rehearseCmd{File: people, Event: "workshop", From: "2026-10-05T09:00", Until: "2026-11-12T09:00", Out: out}
	if err := cmd.Run(t.Context(), a); !errors.Is(err, errPartly) {
		t.Fatal(err)
	}
	mails, err := filepath.Glob(filepath.Join(out, "mail", "*.eml"))
	if err != nil || len(mails) != 6 { // 3 confirmations, 3 reminders
		t.Errorf("%d mails, %v", len(mails), err)
	}
}

// A programme with blanks sends nothing, and says why.
func TestRehearseBlanks(t *testing.T) {
	config, people := rehearsalFolder(t, 2)
	blank, err := initFile("programme.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(config), "programme.yaml"), blank, 0o600); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "out")
	a, _ := quietApp(t, globals{Config: config})
	cmd := &rehearseCmd{File: people, Event: "signing", From: "2026-10-05T09:00", Out: out}
	if err := cmd.Run(t.Context(), a); !errors.Is(err, errPartly) {
		t.Fatal(err)
	}
	if mails, _ := filepath.Glob(filepath.Join(out, "mail", "*.eml")); len(mails) != 0 {
		t.Errorf("%d mails left with a blank in them", len(mails))
	}
	page, err := os.ReadFile(filepath.Join(out, rehearsalPage))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), "events.signing.location.name") {
		t.Error("the page does not name the blank")
	}
}

func TestRehearsalDirIsOurs(t *testing.T) {
	foreign := t.TempDir()
	if err := os.WriteFile(filepath.Join(foreign, "thesis.txt"), []byte("years of work"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := prepareRehearsalDir(foreign); err == nil {
		t.Error("a folder with somebody's files was taken")
	}
	if got := filesBelow(t, foreign); len(got) != 1 {
		t.Errorf("files in it now: %v", got)
	}
	ours := filepath.Join(t.TempDir(), "new")
	for range 2 {
		if err := prepareRehearsalDir(ours); err != nil {
			t.Fatal(err)
		}
		// What somebody put beside our files stays.
		for _, name := range []string{"mail/0001.eml", "notes.txt"} {
			if err := os.WriteFile(filepath.Join(ours, name), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := prepareRehearsalDir(ours); err != nil {
		t.Fatal(err)
	}
	if got := filesBelow(t, ours); len(got) != 3 || got[2] != "notes.txt" {
		t.Errorf("after the third time: %v, want the marker, mail and notes.txt", got)
	}
}

func TestRehearsalStart(t *testing.T) {
	offset, err := jobs.ParseOffset("-7d 09:00")
	if err != nil {
		t.Fatal(err)
	}
	ev := jobs.Event{Start: time.Date(2026, 11, 19, 10, 30, 0, 0, time.UTC), Zone: time.UTC,
		Rules: []jobs.Rule{{Kind: jobs.Confirmation}, {Kind: jobs.Reminder, At: offset}}}
	for now, want := range map[string]string{
		"2026-10-01T08:00:00Z": "2026-10-01T08:00:00Z",
		"2026-11-18T08:00:00Z": "2026-11-18T08:00:00Z", // who is late now sees that
		"2027-01-01T08:00:00Z": "2026-11-11T09:00:00Z",
	} {
		at, err := time.Parse(time.RFC3339, now)
		if err != nil {
			t.Fatal(err)
		}
		if got := rehearsalStart(ev, at).Format(time.RFC3339); got != want {
			t.Errorf("at %s the clock starts at %s, want %s", now, got, want)
		}
	}
}

func TestFileWord(t *testing.T) {
	for in, want := range map[string]string{
		"anna.devries": "anna.devries", "Anna+tag": "anna_tag", "../../etc": "_.._etc", "": "_", "..": "_",
		"zoë": "zo_", strings.Repeat("a", 64): strings.Repeat("a", 32), "con/aux\\x": "con_aux_x",
	} {
		if got := fileWord(in); got != want {
			t.Errorf("fileWord(%q) = %q, want %q", in, got, want)
		}
	}
}
