package templates_test

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"heraut/jobs"
	"heraut/templates"
)

// check gives what CheckCampaign says of a Dutch body, and of a subject unless
// that is "".
func check(t *testing.T, subject, body string) ([]templates.Warning, error) {
	t.Helper()
	in := input(t, jobs.CampaignMail, jobs.Dutch)
	campaign(&in)
	c := *in.Campaign
	c.Audience, _ = jobs.ParseAudience("everyone")
	c.Body.NL = body
	if subject != "" {
		c.Subject.NL = subject
	}
	return load(t).CheckCampaign(c, in.Event, in.Now)
}

func TestCheckCampaign(t *testing.T) {
	for name, c := range map[string]struct{ subject, body, want string }{
		"unknown placeholder":    {"", "Hallo,\n\nje {{bsn}} is", "body.nl:3: there is no placeholder {{bsn}}; there are voornaam, first_name"},
		"unknown in the subject": {"{{.Email}}", "Hallo", "subject.nl:1: there is no placeholder {{.email}}"},
		"no fallback":            {"", "Beste {{voornaam}},", "body.nl:1: not everybody has a {{voornaam}}"},
		"empty fallback":         {"", "Beste {{ voornaam | }},", "not everybody has a {{voornaam}}"},
		"not closed":             {"", "a\nBeste {{voornaam|jij}, dag", "body.nl:2: {{ has no other half"},
		"not opened":             {"", "Beste voornaam}}", "}} has no other half"},
		"javascript":             {"", "a\n\n[klik](javascript:alert(1))", `body.nl:3: the link "javascript:alert(1)" is none that may stand in a mail`},
		"javascript, encoded":    {"", "[klik](javascript&#58;alert&#40;1))", "is none that may stand in a mail"},
		"javascript, automatic":  {"", "<javascript:alert(1)>", "is none that may stand in a mail"},
		"javascript, reference":  {"", "[klik][x]\n\n[x]: JAVASCRIPT:alert(1)", "is none that may stand in a mail"},
		"data":                   {"", "[klik](data:text/html;base64,x)", "is none that may stand in a mail"},
		"a local file":           {"", "[klik](bijlage.pdf)", "is none that may stand in a mail"},
		"http":                   {"", "[klik](http://www.example.nl/)", "write https"},
		"placeholder in a link":  {"", "[klik](https://www.example.nl/{{email}})", "a placeholder cannot stand in a link"},
		"placeholder in code":    {"", "`{{email}}`", "a placeholder in code is not filled in"},
		"placeholder in a block": {"", "    {{email}}", "a placeholder in code is not filled in"},
		"html":                   {"", "Hallo\n\n<b>vet</b>", "body.nl:3: HTML is not sent"},
		"a block of html":        {"", "<table>\n</table>", "HTML is not sent"},
		"a picture":              {"", "![logo](https://www.example.nl/a.png)", "pictures are not sent"},
		"a blank":                {"", "Op [in te vullen: datum]", "still to be filled in"},
		"empty":                  {"", " \n", "body.nl: it is empty"},
		"not UTF-8":              {"", "Caf\xe9", "not UTF-8"},
		"too long":               {"", strings.Repeat("woord ", jobs.MaxCampaignBody/5), "at most 65536 are sent"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := check(t, c.subject, c.body)
			if _, ok := errors.AsType[*jobs.ProblemsError](err); !ok || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v; want %q", err, c.want)
			}
		})
	}
	for _, body := range []string{
		"Beste {{ voornaam | deelnemer }}, **{{event.titel}}**\n\n[x](https://www.example.nl/?a={b}) <mailto:a@example.nl> {enkel}",
		"# Kop\n\n* {{naam|jij}}\n\n| geen | tabel |\n",
	} {
		if _, err := check(t, "", body); err != nil {
			t.Errorf("%q: %v", body, err)
		}
	}
}

func TestCampaignWarnings(t *testing.T) {
	in := input(t, jobs.CampaignMail, jobs.Dutch)
	campaign(&in)
	c := *in.Campaign
	c.Audience, _ = jobs.ParseAudience("everyone")
	codes := func(c jobs.Campaign, ev jobs.Event, now time.Time) string {
		list, err := load(t).CheckCampaign(c, ev, now)
		if err != nil {
			t.Fatal(err)
		}
		var codes []string
		for _, w := range list {
			if w.NL == "" || w.EN == "" {
				t.Errorf("%s says nothing", w.Code)
			}
			codes = append(codes, w.Code)
		}
		return strings.Join(codes, " ")
	}
	if got := codes(c, in.Event, in.Now); got != "" {
		t.Errorf("warned of nothing: %s", got)
	}
	c.Subject.EN, c.Body.EN = "", ""
	c.Subject.NL = strings.Repeat("lang ", 20)
	if got := codes(c, in.Event, in.Event.End.Add(time.Minute)); got != "translation subject_long event_past" {
		t.Errorf("warned of %s", got)
	}
}

// A campaign that invites says the same as one that does not, and carries the
// invitation that a confirmation would, in the language of its recipient.
func TestCampaignInvites(t *testing.T) {
	// The organiser's own words of a confirmation stand in its invitation too.
	set, err := templates.Load(fstest.MapFS{"confirmation.nl.txt": file("Subject: x\nHeading: y\nLead: z\nLink: Kijk hier\n\nDag.\n")})
	if err != nil {
		t.Fatal(err)
	}
	render := func(in templates.Input) templates.Mail {
		t.Helper()
		m, err := set.Render(in)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	for _, l := range []jobs.Lang{jobs.Dutch, jobs.English} {
		for _, translated := range []bool{true, false} {
			in := input(t, jobs.CampaignMail, l)
			campaign(&in)
			in.Message.Sequence = 2
			if !translated {
				in.Campaign.Subject.EN, in.Campaign.Body.EN = "", ""
			}
			plain := render(in)
			in.Campaign.Invitation = true
			inviting := render(in)
			confirmation := in
			confirmation.Campaign, confirmation.Message.Kind = nil, jobs.Confirmation
			want := render(confirmation)
			if inviting.Subject != plain.Subject || inviting.Text != plain.Text || inviting.HTML != plain.HTML {
				t.Errorf("%s: the words differ with the invitation", l)
			}
			if string(inviting.Invite) != string(want.Invite) || inviting.Method != want.Method || plain.Method != "" || plain.Invite != nil {
				t.Errorf("%s: %s\n%s", l, inviting.Method, firstDifference(string(want.Invite), string(inviting.Invite)))
			}
		}
	}
}

// A campaign that invites, to what nobody can come to any more, is refused.
func TestCampaignInvitesTooLate(t *testing.T) {
	in := input(t, jobs.CampaignMail, jobs.Dutch)
	campaign(&in)
	in.Campaign.Invitation = true
	c := *in.Campaign
	c.Audience, _ = jobs.ParseAudience("everyone")
	off := in.Event
	off.IsCancelled = true
	for _, x := range []struct {
		ev   jobs.Event
		now  time.Time
		want string
	}{{in.Event, in.Now, ""}, {in.Event, in.Event.Start, "has started"}, {off, in.Now, "is cancelled"}} {
		_, err := load(t).CheckCampaign(c, x.ev, x.now)
		if (err == nil) != (x.want == "") || err != nil && !strings.Contains(err.Error(), x.want) {
			t.Errorf("%v, want %q", err, x.want)
		}
	}
}

// A campaign of which nobody could unsubscribe is not rendered, also where the
// organiser's own layout leaves that out.
func TestCampaignUnsubscribe(t *testing.T) {
	in := input(t, jobs.CampaignMail, jobs.Dutch)
	campaign(&in)
	in.Unsubscribe = ""
	if _, err := load(t).Render(in); err == nil {
		t.Error("rendered without an address to unsubscribe at")
	}
	if _, err := templates.Load(fstest.MapFS{"campaign.txt": file("{{.BodyText}}\n")}); err == nil || !strings.Contains(err.Error(), "where to unsubscribe") {
		t.Errorf("a layout without: %v", err)
	}
}

func BenchmarkFillCampaign(b *testing.B) {
	set, in := load(b), input(b, jobs.CampaignMail, jobs.Dutch)
	campaign(&in)
	p, err := set.Prepare(in)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Fill(in); err != nil {
			b.Fatal(err)
		}
	}
}
