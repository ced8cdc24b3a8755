package main

import (
	"regexp"
	"testing"
	"time"

	"heraut/jobs"
)

// The facts of the announcement, and nothing that it does not give.
func TestInitProgramme(t *testing.T) {
	source, err := initFile("programme.yaml")
	if err != nil {
		t.Fatal(err)
	}
	p, err := jobs.ParseProgramme("programme.yaml", source)
	if err != nil {
		t.Fatal(err)
	}
	workshop, ok := p.Event("workshop")
	if !ok {
		t.Fatal("no workshop")
	}
	if start, end := time.Date(2026, 11, 19, 10, 30, 0, 0, time.UTC), time.Date(2026, 11, 19, 11, 30, 0, 0, time.UTC); !workshop.Start.Equal(start) || !workshop.End.Equal(end) {
		t.Errorf("workshop from %v to %v, want %v to %v", workshop.Start, workshop.End, start, end)
	}
	if workshop.Audience.Otherwise != jobs.OtherwiseHold || len(workshop.Audience.Domains) == 0 {
		t.Errorf("workshop for %v; it is for national civil servants", workshop.Audience)
	}
	signing, ok := p.Event("signing")
	if !ok {
		t.Fatal("no signing")
	}
	if signing.HasStartTime || len(signing.Audience.Domains) != 0 {
		t.Errorf("signing: time of day known %t, for %v; want an unknown time, for everybody", signing.HasStartTime, signing.Audience)
	}
	for _, ev := range p.Events {
		if day := ev.Start.In(ev.Zone).Weekday(); day != time.Thursday {
			t.Errorf("%s is on a %v", ev.ID, day)
		}
		if ev.Title.EN == "" || ev.Summary.EN == "" {
			t.Errorf("%s has no English", ev.ID)
		}
		if ev.Location.String() != "" && len(ev.Blanks) == 0 {
			t.Errorf("%s has a place nobody announced: %s", ev.ID, ev.Location)
		}
	}
	// The demo replaces each mark by a sample value: each is another text.
	seen := map[string]bool{}
	for _, mark := range regexp.MustCompile(`\[in te vullen[^\]]*\]`).FindAllString(string(source), -1) {
		if seen[mark] {
			t.Errorf("the mark %s stands there twice", mark)
		}
		seen[mark] = true
	}
	if blanks := len(blanks(p)); blanks != len(seen) || blanks != 5 {
		t.Errorf("%d marks, %d blanks, want 5", len(seen), blanks)
	}
}
