package templates_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"heraut/jobs"
	"heraut/templates"
)

var update = flag.Bool("update", false, "write the goldens anew")

// cases names every mail that has goldens: testdata/NAME.txt, NAME.html and,
// with an invitation, NAME.ics.
var cases = []struct {
	name string
	kind jobs.Kind
	lang jobs.Lang
	edit func(*templates.Input)
}{
	{"confirmation.nl", jobs.Confirmation, jobs.Dutch, nil},
	{"confirmation.en", jobs.Confirmation, jobs.English, nil},
	{"confirmation-folded.nl", jobs.Confirmation, jobs.Dutch, func(in *templates.Input) {
		in.Now = in.Event.Start.Add(-20 * time.Hour)
		in.Folded = []string{"week-before", "day-before"}
	}},
	{"confirmation-today.en", jobs.Confirmation, jobs.English, func(in *templates.Input) {
		in.Now = in.Event.Start.Add(-2 * time.Hour)
		in.Registration.GivenName, in.Registration.Name = "", ""
	}},
	{"confirmation-nasty.nl", jobs.Confirmation, jobs.Dutch, func(in *templates.Input) {
		in.Registration.GivenName, in.Registration.Name = "", nasty[0]
		in.Registration.Organisation = nasty[1]
	}},
	{"reminder.nl", jobs.Reminder, jobs.Dutch, func(in *templates.Input) { in.Now = in.Event.Start.Add(-26*time.Hour - 30*time.Minute) }},
	{"reminder.en", jobs.Reminder, jobs.English, func(in *templates.Input) { in.Now = in.Event.Start.Add(-time.Hour + 3*time.Second) }},
	{"reminder-online.nl", jobs.Reminder, jobs.Dutch, func(in *templates.Input) {
		in.Now = in.Event.Start.AddDate(0, 0, -7)
		in.Event.Location.Name = ""
	}},
	{"followup.nl", jobs.Followup, jobs.Dutch, func(in *templates.Input) { in.Now = in.Event.End.Add(21 * time.Hour) }},
	{"followup.en", jobs.Followup, jobs.English, func(in *templates.Input) { in.Now = in.Event.End.Add(21 * time.Hour) }},
	{"change.nl", jobs.Change, jobs.Dutch, moved},
	{"change.en", jobs.Change, jobs.English, moved},
	{"change-unknown.nl", jobs.Change, jobs.Dutch, func(in *templates.Input) { in.Message.Sequence = 2 }},
	{"cancellation.nl", jobs.Cancellation, jobs.Dutch, func(in *templates.Input) { in.Event.IsCancelled, in.Message.Sequence = true, 3 }},
	{"cancellation.en", jobs.Cancellation, jobs.English, func(in *templates.Input) { in.Event.IsCancelled, in.Message.Sequence = true, 3 }},
	{"cancellation-person.nl", jobs.Cancellation, jobs.Dutch, withdrawn},
	{"cancellation-person.en", jobs.Cancellation, jobs.English, withdrawn},
	{"campaign.nl", jobs.CampaignMail, jobs.Dutch, campaign},
	{"campaign.en", jobs.CampaignMail, jobs.English, campaign},
	{"campaign-nasty.nl", jobs.CampaignMail, jobs.Dutch, func(in *templates.Input) {
		campaign(in)
		in.Registration.GivenName, in.Registration.Name, in.Registration.Organisation = nasty[0], nasty[3], ""
	}},
	{"campaign-untranslated.en", jobs.CampaignMail, jobs.English, func(in *templates.Input) {
		campaign(in)
		in.Campaign.Subject.EN, in.Campaign.Body.EN = "", ""
	}},
}

// campaign gives a mail the text of one.
func campaign(in *templates.Input) {
	in.Campaign = &jobs.Campaign{
		Name: "terugblik", EventID: "workshop",
		Subject: jobs.Text{NL: "{{voornaam|Deelnemer}}, er is nog plek op 3 december", EN: "{{first_name|Participant}}, there is still room on 3 December"},
		Body: jobs.Text{
			NL: "Beste {{voornaam|deelnemer}},\n\nDank dat je je hebt aangemeld voor **{{event.titel}}** op {{event.datum}}. We zien je graag, {{naam|deelnemer}} van {{organisatie|jouw organisatie}}.\n\n" +
				"## Wat kun je nu doen?\n\n- Lees [het programma](https://www.example.nl/programma?a=1&b=2).\n- Neem een collega mee.\n- Mail naar <team@example.nl>.\n\n> “Samen aan een slimme stad.”\n\n1. Eerst dit\n2. Dan dat\n\nGroet,  \nhet team van {{organisator}}\n",
			EN: "Dear {{first_name|participant}},\n\nThank you for registering for **{{event.title}}**, {{event.when}}.\n\n[The programme](https://www.example.nl/programme)\n",
		},
	}
	in.Unsubscribe = "https://aanmelden.example.nl/u/2s-k7f3q2hd5mz4w6xak7f3q2hd"
}

func moved(in *templates.Input) {
	was := in.Event
	was.Start, was.End = was.Start.AddDate(0, 0, -7), was.End.AddDate(0, 0, -7)
	was.Location.Name = "Zaal Noord, Voorbeeldplein 1, Den Haag"
	in.Was, in.Message.Sequence = &was, 1
}

func withdrawn(in *templates.Input) {
	in.Registration.Status, in.Message.Sequence = jobs.Cancelled, 1
}

// input gives the workshop and one registrant, four weeks before.
func input(t testing.TB, k jobs.Kind, l jobs.Lang) templates.Input {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Amsterdam")
	if err != nil {
		t.Fatal(err)
	}
	start := time.Date(2026, 11, 19, 10, 30, 0, 0, time.UTC)
	return templates.Input{
		Programme: "INNOvember",
		Event: jobs.Event{
			ID: "workshop", Start: start, End: start.Add(time.Hour), Zone: zone, HasStartTime: true,
			Title: jobs.Text{NL: "Rijksbreed beleid op smart city", EN: "Government-wide policy on smart cities"},
			Summary: jobs.Text{
				NL: "Digitalisering en technologie veranderen **regio's, steden en dorpen**. In deze workshop zoeken we samen antwoord op vier vragen:\n\n1. Waar gaat *smart city* over, en waarom is het dringend?\n2. Welke knelpunten vallen tussen wal en schip?\n3. Wat zijn onze ambities?\n4. Hoe verankeren we dit bij het Rijk, en hoe doe je mee?\n\nMeer weten? Kijk op [de site van het programma](https://www.example.nl/innovember?a=1&b=2).",
				EN: "Digitalisation and technology change **regions, cities and villages**. In this workshop we look for answers to four questions:\n\n1. What is *smart city* about, and why is it urgent?\n2. Which bottlenecks fall between two stools?\n3. What are our aspirations?\n4. How do we anchor this in central government, and how do you take part?\n\nMore? See [the programme's site](https://www.example.nl/innovember?a=1&b=2).",
			},
			Location:  jobs.Location{Name: "Zaal Zuid, Voorbeeldstraat 12, Den Haag", URL: "https://meet.example.nl/workshop?room=3&lang=nl"},
			Speaker:   "Jan-Willem Wesselink",
			Organizer: jobs.Person{Name: "Team INNOvember", Email: address(t, "aanmelding@example.nl")},
			Audience:  jobs.Audience{Domains: []string{"minbzk.nl"}},
		},
		Registration: jobs.Registration{
			ID: 7, EventID: "workshop", Email: address(t, "s.devries@ministerie.example"), Name: "Sanne de Vries", GivenName: "Sanne",
			Organisation: "Ministerie van Voorbeelden", Lang: l, Status: jobs.Registered, UID: "0123456789abcdef0123456789abcdef@example.nl",
		},
		Message: jobs.Message{Kind: k},
		Now:     time.Date(2026, 10, 22, 9, 30, 0, 0, time.UTC),
		Tag:     "k7f3q2hd5mz4w6xa",
	}
}

func address(t testing.TB, s string) jobs.Address {
	t.Helper()
	a, err := jobs.ParseAddress(s)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func load(t testing.TB) *templates.Set {
	t.Helper()
	s, err := templates.Load(nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestGoldens(t *testing.T) {
	set := load(t)
	listed := make(map[string]bool)
	for _, c := range cases {
		listed[string(c.kind)+"."+string(c.lang)] = true
		t.Run(c.name, func(t *testing.T) {
			in := input(t, c.kind, c.lang)
			if c.edit != nil {
				c.edit(&in)
			}
			m, err := set.Render(in)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, c.name+".txt", "Subject: "+m.Subject+"\nReply-To: "+m.Organizer.Name+" <"+m.Organizer.Email.String()+">\nMethod: "+m.Method+"\n\n"+m.Text)
			golden(t, c.name+".html", m.HTML)
			if m.Invite != nil {
				golden(t, c.name+".ics", string(m.Invite))
			}
			if (m.Invite != nil) != (m.Method != "") {
				t.Errorf("method %q with an invitation of %d bytes", m.Method, len(m.Invite))
			}
		})
	}
	for _, k := range jobs.Kinds() {
		for _, l := range []jobs.Lang{jobs.Dutch, jobs.English} {
			if name := string(k) + "." + string(l); !listed[name] {
				t.Errorf("no golden for %s: add it to cases", name)
			}
		}
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v\nwrite it with: go test ./templates -update", err)
	}
	if got != string(want) {
		t.Errorf("%s differs; if that is meant: go test ./templates -update\n%s", name, firstDifference(string(want), got))
	}
}

func firstDifference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range min(len(w), len(g)) {
		if w[i] != g[i] {
			return "-" + w[i] + "\n+" + g[i]
		}
	}
	return "one is longer"
}
