package templates_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"heraut/jobs"
	"heraut/templates"
)

func TestNamesAreHarmless(t *testing.T) {
	set := load(t)
	plain, err := set.Render(input(t, jobs.Confirmation, jobs.Dutch))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range nasty {
		for _, k := range jobs.Kinds() {
			in := input(t, k, jobs.Dutch)
			in.Registration.Name, in.Registration.GivenName, in.Registration.Organisation = name, name, name
			m, err := set.Render(in)
			if err != nil {
				t.Errorf("%q stops a %s: %v", name, k, err)
				continue
			}
			for part, s := range map[string]string{"subject": m.Subject, "text": m.Text, "html": m.HTML, "invite": string(m.Invite)} {
				for _, bad := range []string{"\nBcc:", "\nSubject:", "s.devries@ministerie.example is aangemeld voor\n\n", "\u202e", "\u2066", "\u2028", "\x00", "[in te vullen", "\n- klik"} {
					if strings.Contains(s, bad) {
						t.Errorf("name %q: the %s of a %s holds %q", name, part, k, bad)
					}
				}
			}
			for _, bad := range []string{"<script", "<b>"} {
				if strings.Contains(m.HTML, bad) {
					t.Errorf("name %q: the HTML of a %s holds %q", name, k, bad)
				}
			}
			if k == jobs.Confirmation {
				if got, want := strings.Count(m.Text, "\n\n"), strings.Count(plain.Text, "\n\n"); got != want {
					t.Errorf("name %q makes %d paragraphs of %d", name, got, want)
				}
			}
		}
	}
	in := input(t, jobs.Confirmation, jobs.Dutch)
	in.Registration.GivenName = "{{.Email}}"
	m, err := set.Render(in)
	if err != nil || !strings.Contains(m.Text, "Beste {{.Email}},") {
		t.Errorf("a name was carried out as a template: %v", err)
	}
}

func TestInvitation(t *testing.T) {
	set := load(t)
	for k, method := range map[jobs.Kind]string{
		jobs.Confirmation: "REQUEST", jobs.Change: "REQUEST", jobs.Cancellation: "CANCEL", jobs.Reminder: "", jobs.Followup: "",
	} {
		in := input(t, k, jobs.Dutch)
		in.Message.Sequence = 4
		m, err := set.Render(in)
		if err != nil {
			t.Fatal(err)
		}
		if m.Method != method || (m.Invite != nil) != (method != "") {
			t.Errorf("%s: method %q", k, m.Method)
		}
		if got, want := m.Organizer.Email.String(), "aanmelding+k7f3q2hd5mz4w6xa@example.nl"; got != want {
			t.Errorf("%s: organizer %s, want %s", k, got, want)
		}
		if method == "" {
			continue
		}
		ics := strings.ReplaceAll(string(m.Invite), "\r\n ", "")
		for _, want := range []string{"METHOD:" + method + "\r\n", "SEQUENCE:4\r\n", "UID:0123456789abcdef0123456789abcdef@example.nl\r\n",
			"DTSTAMP:20261022T093000Z\r\n", "DTSTART;TZID=Europe/Amsterdam:20261119T113000\r\n",
			"mailto:aanmelding+k7f3q2hd5mz4w6xa@example.nl\r\n", "mailto:s.devries@ministerie.example\r\n"} {
			if !strings.Contains(ics, want) {
				t.Errorf("%s: the invitation lacks %q", k, want)
			}
		}
	}
}

func TestRefusals(t *testing.T) {
	set := load(t)
	for name, c := range map[string]struct {
		edit  func(*templates.Input)
		blank bool
		want  string
	}{
		"blank": {func(in *templates.Input) {
			in.Event.Blanks = []jobs.Blank{{Field: "events.workshop.location.name", Line: 9}}
		}, true, "location.name"},
		"no start time":   {func(in *templates.Input) { in.Event.HasStartTime = false }, true, "start"},
		"mark in title":   {func(in *templates.Input) { in.Event.Title.NL = "Iets [In te vullen: titel]" }, true, "fill"},
		"mark in summary": {func(in *templates.Input) { in.Event.Summary.NL = "Zie [to fill in]" }, true, "fill"},
		"no organizer":    {func(in *templates.Input) { in.Event.Organizer = jobs.Person{} }, false, "organizer"},
		"no zone":         {func(in *templates.Input) { in.Event.Zone = nil }, false, "zone"},
		"bad link":        {func(in *templates.Input) { in.Event.Location.URL = "javascript:alert(1)" }, false, "location.url"},
		"bad tag":         {func(in *templates.Input) { in.Tag = "a@b" }, false, "tag"},
		"long tag":        {func(in *templates.Input) { in.Tag = strings.Repeat("a", 60) }, false, "tag"},
		"unknown kind":    {func(in *templates.Input) { in.Message.Kind = "raffle" }, false, "no template"},
		"no uid":          {func(in *templates.Input) { in.Registration.UID = "" }, false, "uid"},
	} {
		in := input(t, jobs.Confirmation, jobs.Dutch)
		c.edit(&in)
		m, err := set.Render(in)
		if err == nil || errors.Is(err, templates.ErrBlank) != c.blank || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got error %v", name, err)
		}
		if m.Subject != "" || m.Invite != nil {
			t.Errorf("%s: half a mail came back", name)
		}
		if err != nil && strings.Contains(err.Error(), "devries") {
			t.Errorf("%s: the error repeats the address: %v", name, err)
		}
	}
}

func TestLanguageFallsBack(t *testing.T) {
	in := input(t, jobs.Reminder, "fr")
	m, err := load(t).Render(in)
	if err != nil || !strings.Contains(m.HTML, `<html lang="nl"`) {
		t.Errorf("an unknown language is not Dutch: %v", err)
	}
}

func TestInternationalLink(t *testing.T) {
	in := input(t, jobs.Confirmation, jobs.Dutch)
	in.Event.Location.URL = "https://café.example:8443/zaal é"
	m, err := load(t).Render(in)
	if err != nil {
		t.Fatal(err)
	}
	if want := "https://xn--caf-dma.example:8443/zaal%20%C3%A9"; !strings.Contains(m.Text, want) || !strings.Contains(m.HTML, `href="`+want) {
		t.Errorf("no %s in\n%s", want, m.Text)
	}
}

func TestNearAndFolded(t *testing.T) {
	set := load(t)
	for _, c := range []struct {
		before time.Duration
		folded []string
		want   string
		not    string
	}{
		{8 * 24 * time.Hour, nil, "", "Let op"},
		{7 * 24 * time.Hour, nil, "Let op: het is al over 7 dagen.", "herinnering"},
		{2 * 24 * time.Hour, nil, "Let op: het is al over 2 dagen.", "herinnering"},
		{24 * time.Hour, []string{"day-before"}, "Let op: het is al morgen. Deze mail is meteen ook je herinnering.", ""},
		{10 * 24 * time.Hour, []string{"month-before"}, "Deze mail is meteen ook je herinnering.", "Let op"},
	} {
		in := input(t, jobs.Confirmation, jobs.Dutch)
		in.Now, in.Folded = in.Event.Start.Add(-c.before), c.folded
		m, err := set.Render(in)
		if err != nil {
			t.Fatal(err)
		}
		text := strings.Join(strings.Fields(m.Text), " ")
		if !strings.Contains(text, c.want) || c.not != "" && strings.Contains(text, c.not) {
			t.Errorf("%v before, folded %v: want %q, not %q in\n%s", c.before, c.folded, c.want, c.not, m.Text)
		}
	}
}

func TestLongSummaryIsCutInTheCalendar(t *testing.T) {
	in := input(t, jobs.Confirmation, jobs.Dutch)
	in.Event.Summary.NL = strings.Repeat("woorden en ", 400) + "slot"
	m, err := load(t).Render(in)
	if err != nil {
		t.Fatal(err)
	}
	ics := strings.ReplaceAll(string(m.Invite), "\r\n ", "")
	if strings.Contains(ics, "slot") || !strings.Contains(ics, "…") || !strings.Contains(m.Text, "slot") {
		t.Error("the calendar should hold the beginning, the mail all of it")
	}
}

func TestRenderConcurrently(t *testing.T) {
	set := load(t)
	in := input(t, jobs.Confirmation, jobs.Dutch)
	want, err := set.Render(in)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan bool)
	for range 8 {
		go func() {
			m, err := set.Render(in)
			done <- err == nil && m.HTML == want.HTML && m.Text == want.Text && string(m.Invite) == string(want.Invite)
		}()
	}
	for range 8 {
		if !<-done {
			t.Error("equal input gave another mail")
		}
	}
}

func BenchmarkRender(b *testing.B) {
	set := load(b)
	for _, k := range []jobs.Kind{jobs.Confirmation, jobs.Reminder} {
		b.Run(string(k), func(b *testing.B) {
			in := input(b, k, jobs.Dutch)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := set.Render(in); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
