package jobs_test

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"heraut/jobs"
)

func sample(t *testing.T) (*jobs.Programme, string) {
	t.Helper()
	data, err := os.ReadFile("testdata/programme.yaml")
	if err != nil {
		t.Fatal(err)
	}
	p, err := jobs.ParseProgramme("programme.yaml", data)
	if err != nil {
		t.Fatal(err)
	}
	return p, string(data)
}

func TestParseProgramme(t *testing.T) {
	p, _ := sample(t)
	ev, ok := p.Event("workshop")
	if !ok {
		t.Fatal("no workshop")
	}
	if got, want := ev.Start, instant("2026-11-19T10:30:00Z"); !got.Equal(want) {
		t.Errorf("start %v, want %v", got, want)
	}
	if got, want := ev.End, instant("2026-11-19T11:30:00Z"); !got.Equal(want) {
		t.Errorf("end %v, want %v", got, want)
	}
	if got := ev.Title.In(jobs.English); got != "Government-wide policy on smart cities" {
		t.Errorf("title %q", got)
	}
	if len(ev.Rules) != 7 || len(ev.Blanks) != 0 {
		t.Errorf("%d rules, %d blanks", len(ev.Rules), len(ev.Blanks))
	}
	signing, _ := p.Event("signing")
	if len(signing.Blanks) != 1 || signing.Blanks[0].Field != "events.signing.location.name" || signing.Blanks[0].Line != 27 {
		t.Errorf("blanks %+v", signing.Blanks)
	}
	if got := signing.End.Sub(signing.Start); got != time.Hour {
		t.Errorf("an event without an end lasts %v, want 1h", got)
	}
	if got := signing.Title.In(jobs.English); got != "Ondertekening City Deal" {
		t.Errorf("a missing translation gives %q", got)
	}
}

func TestParseProgrammeBlankTime(t *testing.T) {
	_, src := sample(t)
	src = strings.Replace(src, "start: 2026-12-03T15:00", `start: "2026-12-03 [in te vullen: tijd]"`, 1)
	p, err := jobs.ParseProgramme("p", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	ev, _ := p.Event("signing")
	if ev.HasStartTime || len(ev.Blanks) != 2 || !ev.Start.Equal(instant("2026-12-02T23:00:00Z")) {
		t.Errorf("start %v, with time %v, blanks %v", ev.Start, ev.HasStartTime, ev.Blanks)
	}
}

// TestParseProgrammeProblems changes the good file in one place and expects
// one complaint, on that line.
func TestParseProgrammeProblems(t *testing.T) {
	_, good := sample(t)
	tests := []struct {
		name, old, new string
		line           int
		want           string
	}{
		{"weekday", "weekday: thursday", "weekday: friday", 7, "is a thursday, not a friday"},
		{"weekday unknown", "weekday: thursday", "weekday: thu", 7, "no day of the week"},
		{"end before start", "end: 2026-11-19T12:30", "end: 2026-11-19T11:00", 6, "not after the start"},
		{"end equal", "end: 2026-11-19T12:30", "end: 2026-11-19T11:30", 6, "not after the start"},
		{"no time", "start: 2026-11-19T11:30", "start: 19 november", 5, "is no time"},
		{"no such day", "start: 2026-11-19T11:30", "start: 2026-11-31T11:30", 5, "is no time"},
		{"zone", "timezone: Europe/Amsterdam", "timezone: Europe/Rijswijk", 2, "IANA"},
		{"duplicate id", "id: signing", "id: workshop", 23, "twice"},
		{"bad id", "id: signing", "id: Sign ing", 23, "1 to 64"},
		{"reminder after the start", `"-7d 09:00"`, `"+7d 09:00"`, 18, "not before the event starts"},
		{"reminder on the day, late", `"-7d 09:00"`, `"-0d 12:00"`, 18, "not before the event starts"},
		{"followup before the end", `"+1d 10:00"`, `"-1d 10:00"`, 21, "comes after"},
		{"offset", `"-7d 09:00"`, `"7 days"`, 18, "is no offset"},
		{"clock", `"-7d 09:00"`, `"-7d 25:00"`, 18, "no time of day"},
		{"unknown key", "speaker:", "speeker:", 11, `unknown key "speeker"`},
		{"unknown key in a rule", "late: skip", "lat: skip", 19, `unknown key "lat"`},
		{"late", "late: skip", "late: never", 19, "skip, now or fold"},
		{"kind", "kind: followup", "kind: followup2", 21, "confirmation, reminder or followup"},
		{"kind of ours", "kind: followup", "kind: change", 21, "needs no rule"},
		{"no kind", "name: thanks, kind: followup", "name: thanks", 21, "kind"},
		{"rule twice", "name: day-before", "name: week-before", 19, "twice"},
		{"domain", "minbzk.nl", "minbzk", 13, "audience.domains"},
		{"otherwise", "otherwise: hold", "otherwise: wait", 13, "accept, hold or refuse"},
		{"organizer", "email: aanmelding@example.nl}\n    audience", "email: aanmelding}\n    audience", 12, "organizer.email"},
		{"quiet", `from: "21:00"`, `from: "21"`, 22, "quiet_hours"},
		{"url", "https://vergadering.example/zaal-1", "javascript:alert(1)", 10, "no web address"},
		{"language", "nl: \"Vier", "fr: \"Vier", 9, "no language of ours"},
		{"list for a value", "speaker: Jan-Willem Wesselink", "speaker: [a, b]", 11, "single value"},
		{"syntax", "events:\n", "events\n", 3, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if strings.Count(good, tt.old) == 0 {
				t.Fatalf("%q is not in the good file", tt.old)
			}
			_, err := jobs.ParseProgramme("p.yaml", []byte(strings.Replace(good, tt.old, tt.new, 1)))
			pe, ok := errors.AsType[*jobs.ProblemsError](err)
			if !ok {
				t.Fatalf("error %v", err)
			}
			if len(pe.Problems) != 1 {
				t.Errorf("%d problems: %v", len(pe.Problems), err)
			}
			if got := pe.Problems[0]; got.Line != tt.line && tt.name != "syntax" || !strings.Contains(got.Text, tt.want) {
				t.Errorf("got %v\nwant line %d: …%s…", got, tt.line, tt.want)
			}
		})
	}
}

func TestParseProgrammeReportsAll(t *testing.T) {
	_, err := jobs.ParseProgramme("p.yaml", []byte("programme: X\ntimezone: Nowhere\nevents:\n  - id: a\n    start: x\n  - id: b\n    start: 2026-01-01T10:00\n"))
	pe, ok := errors.AsType[*jobs.ProblemsError](err)
	if !ok || len(pe.Problems) < 5 {
		t.Errorf("one run should name every problem: %v", err)
	}
}

func FuzzParseProgramme(f *testing.F) {
	data, err := os.ReadFile("testdata/programme.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte("events: [{id: a, start: 9999-12-31T23:59, messages: [{name: x, kind: reminder, at: \"-9999w\"}]}]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := jobs.ParseProgramme("f", data)
		if (p == nil) == (err == nil) {
			t.Fatalf("programme %v, error %v", p, err)
		}
	})
}

func instant(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return t
}
