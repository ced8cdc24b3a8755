package main

import (
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"heraut/jobs"
	"heraut/jobs/intake"
)

// Heraut has to take every programme that is measured with as it stands: one
// with a blank would send nothing.
func TestProgrammes(t *testing.T) {
	for name, messages := range map[string][]string{
		"none": nil, "confirmation": {confirmation}, "reminders": reminders(),
		"all": append([]string{confirmation}, reminders()...),
	} {
		p := programme{inTwoMonths(), messages}
		source, err := p.file()
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := jobs.ParseProgramme(name, []byte(source))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		ev, ok := parsed.Event(eventID)
		if !ok || len(ev.Rules) != len(messages) || len(ev.Blanks) > 0 || !ev.Start.Equal(p.start) {
			t.Errorf("%s: %+v", name, ev)
		}
		if until := time.Until(ev.Start); until < 8*24*time.Hour {
			t.Errorf("%s: the event is %v from now, its reminders are due too soon", name, until)
		}
	}
}

func TestPeople(t *testing.T) {
	file := filepath.Join(t.TempDir(), "people.csv")
	if err := writePeople(file, 100); err != nil {
		t.Fatal(err)
	}
	in, err := intake.Open(file, intake.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	seen, english := map[string]bool{}, 0
	for {
		row, err := in.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		seen[row.Email.Key()] = true
		if row.Lang == jobs.English {
			english++
		}
	}
	if len(seen) != 100 || english != 10 {
		t.Errorf("%d different people, %d of them English", len(seen), english)
	}
}

func TestMeanMail(t *testing.T) {
	mail := func(n int) []byte { return []byte(strings.Repeat("x", n-5) + "\r\n") } // with the dot n bytes
	mean, typical, err := meanMail([][]byte{mail(900), mail(1010), mail(1090)})
	if err != nil || mean != 1000 || onWire(typical) != 1010 {
		t.Errorf("mean %v, typical %d, %v", mean, onWire(typical), err)
	}
	if n := onWire([]byte("a\r\n.\r\n..b\r\n")); n != 11+2+3 {
		t.Errorf("dots are doubled: %d bytes", n)
	}
	for name, mails := range map[string][][]byte{"none": nil, "unlike": {mail(100), mail(1000)}} {
		if _, _, err := meanMail(mails); err == nil {
			t.Errorf("%s: has a typical mail", name)
		}
	}
}
