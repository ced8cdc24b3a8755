package templates_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"heraut/jobs"
	"heraut/templates"
)

// same fails unless filling in gives what rendering gives. It reports whether
// the mail could be prepared and filled in.
func same(t *testing.T, set *templates.Set, p *templates.Prepared, in templates.Input) bool {
	t.Helper()
	f, err := p.Fill(in)
	if errors.Is(err, templates.ErrNotPrepared) {
		return false
	}
	if err != nil {
		t.Fatalf("%q: %v", in.Registration.Name, err)
	}
	want, err := set.Render(in)
	if err != nil {
		t.Fatalf("%q: filled in, but rendering it fails: %v", in.Registration.Name, err)
	}
	got := p.Mail(f)
	for part, s := range map[string][2]string{
		"subject": {got.Subject, want.Subject}, "text": {got.Text, want.Text}, "html": {got.HTML, want.HTML},
		"invite": {string(got.Invite), string(want.Invite)}, "method": {got.Method, want.Method},
	} {
		if s[0] != s[1] {
			t.Fatalf("%s to %q: the %s differs\n%s", in.Message.Kind, in.Registration.Name, part, firstDifference(s[1], s[0]))
		}
	}
	if got.Organizer != want.Organizer {
		t.Fatalf("%s: organizer %v, want %v", in.Message.Kind, got.Organizer, want.Organizer)
	}
	pieces(t, p.Text, f.Text, "\n")
	pieces(t, p.HTML, f.HTML, "\n")
	pieces(t, p.Invite, f.Invite, "\r\n")
	return true
}

// pieces checks what a composer of mails relies on: whole lines.
func pieces(t *testing.T, fixed, open []string, end string) {
	t.Helper()
	if len(fixed) != len(open)+1 && len(fixed)+len(open) > 0 {
		t.Fatalf("%d fixed pieces and %d open ones", len(fixed), len(open))
	}
	for i, s := range open {
		for _, s := range []string{s, fixed[i]} {
			if s != "" && !strings.HasSuffix(s, end) {
				t.Fatalf("piece %d is no whole lines: %q", i, s)
			}
		}
	}
}

// people are facts of recipients, beside those in nasty.
var people = append([]string{
	"", "", "Sanne", "Sanne de Vries", "Jan", "José Ñandú", "Μαρία Παπαδοπούλου", "محمد علي", "דניאל", "👩‍👩‍👧 Jansen", "e\u0301le\u0300ve", "李小龍",
	"O'Brien", "A & B + C", "- klik hier", "1. Eerste", "> aangehaald", "* ster", "  -  veel   spaties ", "a, b; c: d", `\n\,\;`, "^caret^", "100%", "x=y", "`tik`",
	"[in te vullen", "in te vullen: naam]", "[to fill in]", "no value>", "[", "<", "&lt;no value&gt;", "\u200d", "\u00a0", "\ufeff", "\ue000\ue001", "\xff\xfe",
	strings.Repeat("Naam ", 60), strings.Repeat("é", 250), strings.Repeat("x", 300), strings.Repeat("- ", 90), strings.Repeat("\u0300", 210),
}, nasty...)

var emails = []string{
	"s.devries@ministerie.example", "a@b.example", "o'brien+x=y&z@example.org", "x%y#z?/^`{|}@example.org", "jörg@bücher.example", "-@example.nl",
	strings.Repeat("l", 64) + "@" + strings.Repeat("d", 60) + ".example",
}

// stranger puts the facts of somebody else into in.
func stranger(t testing.TB, in *templates.Input, r *rand.Rand) {
	pick := func(list []string) string { return list[r.IntN(len(list))] }
	reg := &in.Registration
	reg.GivenName, reg.Name, reg.Organisation = pick(people), pick(people), pick(people)
	reg.Email = address(t, pick(emails))
	reg.UID = pick([]string{"1@example.nl", "a,b;c\\d@example.nl", strings.Repeat("u", 200) + "@example.nl"})
	if in.Campaign != nil {
		c := *in.Campaign
		c.Invitation, reg.Lang = r.IntN(2) == 0, jobs.Lang(pick([]string{"nl", "en", "fr"}))
		in.Campaign = &c
		in.Unsubscribe = pick([]string{"https://www.example.nl/u/1-abc", "http://127.0.0.1:8025/u/zz-" + strings.Repeat("q", 100), "https://www.example.nl/u/x?a=1&b='\"<>+"})
	}
	in.Tag = pick([]string{"", "k7f3q2hd5mz4w6xa", "abc-123"})
	in.Now = in.Now.Add(time.Duration(r.IntN(3)) * time.Second)
}

// someMail gives a mail as the worker may have to write it.
func someMail(t testing.TB, r *rand.Rand) templates.Input {
	kinds := append(jobs.Kinds(), jobs.CampaignMail)
	in := input(t, kinds[r.IntN(len(kinds))], []jobs.Lang{jobs.Dutch, jobs.English, "fr"}[r.IntN(3)])
	before := []time.Duration{60 * 24 * time.Hour, 8 * 24 * time.Hour, 7 * 24 * time.Hour, 25 * time.Hour, 2 * time.Hour, time.Hour, time.Minute, -time.Minute, -24 * time.Hour}
	in.Now = in.Event.Start.Add(-before[r.IntN(len(before))])
	if r.IntN(2) == 0 {
		in.Folded = []string{"day-before"}
	}
	if in.Message.Kind == jobs.CampaignMail {
		campaign(&in)
		in.Campaign.Invitation = r.IntN(2) == 0
		if r.IntN(3) == 0 {
			in.Campaign.Subject.EN, in.Campaign.Body.EN = "", ""
		}
		in.Campaign.Body.NL += strings.Repeat("\n\n- {{organisatie|geen}}, {{email}} en **{{naam|niemand}}**", r.IntN(3))
	}
	if r.IntN(2) == 0 {
		moved(&in)
	}
	if r.IntN(3) == 0 {
		withdrawn(&in)
	}
	if r.IntN(4) == 0 {
		in.Programme, in.Event.Location, in.Event.Speaker, in.Event.Organizer.Name, in.Event.Summary = "", jobs.Location{}, "", "", jobs.Text{}
	}
	if r.IntN(4) == 0 {
		in.Event.Organizer.Name = `Team "Noord", Zuid; & <co>`
	}
	return in
}

// overrides show facts in every way that can be prepared.
var overrides = map[string]fstest.MapFS{
	"built-in": nil,
	"sentences": {
		"reminder.nl.txt": file("Subject: {{with .Name}}{{.}}, tot straks{{else}}Tot straks{{end}} [{{.Email}}]\nHeading: {{.Organisation}} en {{.Name}}\nLead: {{if and .Name (not .Organisation)}}{{.Name}}{{else if or .Organisation .Near}}{{$.Organisation}}{{end}}.\n\n" +
			"{{.Name}}\n\n- {{.Name}} - {{.Organisation}} is iets met een lange regel, zo lang dat die wordt afgebroken na {{.Email}} of daarna.\n\n[{{.Name}} <{{.Email}}>\n"),
		"confirmation.nl.txt": file("Subject: x {{.Name}}\nHeading: y\nLead: z {{- /* x */ -}} {{.Organisation}} {{.Soon}}\nGreeting: {{.Name}}{{.Name}}{{.Organisation}}\nButton: {{.Email}}\nWhen: {{.Name}} wanneer\n\nDag.\n"),
		"words.en.txt":        file("Greeting: {{.Name}}\n of {{.Organisation}}\nWhen: When\nWhere: Where\nLink: Online\nSpeaker: By\nAbout: About {{.Name}}\nButton: Join\nAlarm: Soon\nFooter: {{.Email}} {{.Email}}\nContact: Ask\n"),
	},
	"layouts": {
		"layout.txt":  file("{{.Name}}\n\n\n{{.Email}}\n> {{.Organisation}} x\n{{range .Paragraphs}}* {{.}}\n\n{{else}}niets{{end}}\n{{with .Organisation}}  {{.}}\n{{end}}   1. {{.Lead}}\n{{.SummaryText}}\n{{.Footer}}"),
		"layout.html": file("<html lang=\"{{.Lang}}\"><title>{{.Name}}{{.Subject}}</title>\n<p title='{{.Organisation}}' class=\"a {{.Name}} b\">{{.Greeting}}</p>{{if .Organisation}}\n{{end}}<textarea>{{.Name}}</textarea>\n{{range .Paragraphs}}<p>{{.}}\n{{end}}{{.SummaryHTML}}<a href=\"mailto:{{.OrganizerEmail}}\">{{.Email}}</a>\n</html>\n"),
	},
}

func loadWith(t testing.TB, files fstest.MapFS) *templates.Set {
	t.Helper()
	if files == nil {
		return load(t)
	}
	set, err := templates.Load(files)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// Filling in a mail that was prepared for somebody else of the same class gives
// the bytes of a full rendering, whoever the recipient is.
func TestFillIsRender(t *testing.T) {
	for name, files := range overrides {
		t.Run(name, func(t *testing.T) {
			set := loadWith(t, files)
			r := rand.New(rand.NewPCG(1, 2))
			prepared := make(map[templates.Class]*templates.Prepared)
			filled, other := 0, 0
			base := templates.Input{}
			for i := range 1200 {
				if i%25 == 0 {
					base = someMail(t, r)
				}
				in := base
				stranger(t, &in, r)
				p := prepared[set.Class(in)]
				if p == nil {
					var err error
					if p, err = set.Prepare(in); err != nil {
						// Only a recipient who cannot be prepared for may stop it.
						if _, plain := set.Render(in); plain == nil && !errors.Is(err, templates.ErrNotPrepared) {
							t.Fatalf("%q: %v, but it can be rendered", in.Registration.Name, err)
						}
						other++
						continue
					}
					prepared[set.Class(in)] = p
				}
				if same(t, set, p, in) {
					filled++
				} else {
					other++
				}
			}
			t.Logf("%d filled in, %d for a full rendering, %d classes", filled, other, len(prepared))
			if filled < 20*other || filled < 4*len(prepared) {
				t.Errorf("%d filled in from %d classes, %d left to a full rendering: that proves too little", filled, len(prepared), other)
			}
		})
	}
}

// A mail of another class is refused and not filled in wrongly.
func TestFillKnowsItsClass(t *testing.T) {
	set := load(t)
	base := input(t, jobs.Change, jobs.Dutch)
	moved(&base)
	p, err := set.Prepare(base)
	if err != nil {
		t.Fatal(err)
	}
	for name, edit := range map[string]func(*templates.Input){
		"kind":           func(in *templates.Input) { in.Message.Kind = jobs.Confirmation },
		"language":       func(in *templates.Input) { in.Registration.Lang = jobs.English },
		"sequence":       func(in *templates.Input) { in.Message.Sequence = 7 },
		"programme":      func(in *templates.Input) { in.Programme = "Ander" },
		"title":          func(in *templates.Input) { in.Event.Title.NL = "Anders" },
		"summary":        func(in *templates.Input) { in.Event.Summary.NL += "." },
		"place":          func(in *templates.Input) { in.Event.Location.Name = "Elders" },
		"link":           func(in *templates.Input) { in.Event.Location.URL = "" },
		"speaker":        func(in *templates.Input) { in.Event.Speaker = "A" },
		"organizer":      func(in *templates.Input) { in.Event.Organizer.Name = "A" },
		"start":          func(in *templates.Input) { in.Event.Start = in.Event.Start.Add(time.Minute) },
		"end":            func(in *templates.Input) { in.Event.End = in.Event.End.Add(time.Minute) },
		"zone":           func(in *templates.Input) { in.Event.Zone = time.UTC },
		"no zone":        func(in *templates.Input) { in.Event.Zone = nil },
		"no start":       func(in *templates.Input) { in.Event.HasStartTime = false },
		"blank":          func(in *templates.Input) { in.Event.Blanks = []jobs.Blank{{Field: "x"}} },
		"folded":         func(in *templates.Input) { in.Folded = []string{"x"} },
		"soon":           func(in *templates.Input) { in.Now = in.Now.Add(24 * time.Hour) },
		"was":            func(in *templates.Input) { in.Was = nil },
		"was elsewhere":  func(in *templates.Input) { w := *in.Was; w.Location.Name = "A"; in.Was = &w },
		"no name":        func(in *templates.Input) { in.Registration.Name, in.Registration.GivenName = "", "\u200d" },
		"no name, mark":  func(in *templates.Input) { in.Registration.GivenName = "[in te vullen]" },
		"no address":     func(in *templates.Input) { in.Registration.Email = jobs.Address{} },
		"no organistion": func(in *templates.Input) { in.Registration.Organisation = " " },
	} {
		in := base
		edit(&in)
		if set.Class(in) == set.Class(base) {
			t.Errorf("%s: the class is the same", name)
		}
		if _, err := p.Fill(in); !errors.Is(err, templates.ErrNotPrepared) {
			t.Errorf("%s: got error %v", name, err)
		}
	}
	in := base
	in.Registration.Name, in.Registration.GivenName, in.Registration.Email = "Piet", "Piet", address(t, "p@example.org")
	in.Now, in.Tag, in.Registration.UID = in.Now.Add(time.Second), "x", "y"
	if set.Class(in) != set.Class(base) {
		t.Error("somebody else is of another class")
	}
}

// A recipient for whom Render refuses the mail is not filled in, and the error
// tells nobody who it is.
func TestFillRefuses(t *testing.T) {
	set := loadWith(t, fstest.MapFS{
		"confirmation.nl.txt": file("Subject: a [{{.Organisation}}]\nHeading: b\nLead: c\n\nHallo [{{.Name}}]\n"),
		"layout.html":         file("<html lang=\"nl\">\n{{range .Paragraphs}}{{.}}\n{{end}}{{.SummaryHTML}}</html>\n"),
	})
	base := input(t, jobs.Confirmation, jobs.Dutch)
	p, err := set.Prepare(base)
	if err != nil {
		t.Fatal(err)
	}
	for name, edit := range map[string]func(*templates.Input){
		"name makes a mark":  func(in *templates.Input) { in.Registration.GivenName = "to fill in devries" },
		"in the subject":     func(in *templates.Input) { in.Registration.Organisation = "in te vullen: devries" },
		"no uid":             func(in *templates.Input) { in.Registration.UID = "" },
		"uid with a control": func(in *templates.Input) { in.Registration.UID = "devries\x00" },
		"long uid":           func(in *templates.Input) { in.Registration.UID = strings.Repeat("u", 256) },
		"bad tag":            func(in *templates.Input) { in.Tag = "a@devries" },
		"long tag":           func(in *templates.Input) { in.Tag = strings.Repeat("a", 60) },
		"no moment":          func(in *templates.Input) { in.Now = time.Time{} },
	} {
		in := base
		edit(&in)
		if _, err := set.Render(in); err == nil {
			t.Errorf("%s: it can be rendered", name)
		}
		_, err := p.Fill(in)
		if !errors.Is(err, templates.ErrNotPrepared) || strings.Contains(err.Error(), "devries") {
			t.Errorf("%s: got error %v", name, err)
		}
		if _, err := set.Prepare(in); err == nil || errors.Is(err, templates.ErrNotPrepared) {
			t.Errorf("%s: Prepare gives %v, not the error of Render", name, err)
		}
	}
}

// What a template does with a fact beyond showing it cannot be known from one
// rendering, so it is refused, with the place.
func TestNotPrepared(t *testing.T) {
	const layout = "<html lang=\"nl\"><title>t</title>\n%s\n{{.SummaryHTML}}</html>\n"
	for _, c := range []struct{ file, action string }{
		{"reminder.nl.txt", `{{if eq .Name "Jan"}}Ha, Jan{{end}}`},
		{"reminder.nl.txt", `{{len .Email}}`},
		{"reminder.nl.txt", `{{printf "%.1s" .Name}}`},
		{"reminder.nl.txt", `{{.Name | printf "%.1s"}}`},
		{"reminder.nl.txt", `{{with printf "%.1s" .Name}}{{.}}{{end}}`},
		{"reminder.nl.txt", `{{with (printf "%.1s" .Name)}}{{.}}{{end}}`},
		{"reminder.nl.txt", `{{with .Name}}{{len .}}{{end}}`},
		{"reminder.nl.txt", `{{with .Name}}{{if eq . "Jan"}}x{{end}}{{end}}`},
		{"reminder.nl.txt", `{{with .Soon}}{{len $.Name}}{{end}}`},
		{"reminder.nl.txt", `{{with $n := .Name}}{{len $n}}{{end}}`},
		{"reminder.nl.txt", `{{$n := .Name}}{{len $n}}`},
		{"reminder.nl.txt", `{{$n := ""}}{{$n = .Name}}{{len $n}}`},
		{"reminder.nl.txt", `{{if and .Near (gt (len .Name) 3)}}x{{end}}`},
		{"reminder.nl.txt", `{{if (eq .Name "Jan")}}x{{end}}`},
		{"reminder.nl.txt", `{{if not (eq "Jan" .Name)}}x{{end}}`},
		{"reminder.nl.txt", `{{if $n := .Name}}{{len $n}}{{end}}`},
		{"reminder.nl.txt", `{{.}}`},
		{"reminder.nl.txt", `{{with $}}{{.}}{{end}}`},
		{"reminder.nl.txt", `{{html .Name}}`},
		{"reminder.nl.txt", `{{define "x"}}{{len .}}{{end}}{{template "x" .Name}}`},
		{"layout.txt", `{{len .Greeting}}`},
		{"layout.txt", `{{range $i, $p := .Paragraphs}}{{len $p}}{{end}}`},
		{"layout.txt", `{{range .Paragraphs}}{{len .}}{{end}}`},
		{"layout.txt", `{{slice .Footer 0 3}}`},
		{"layout.html", `<a href="https://example.nl/?n={{.Name}}">x</a>`},
		{"layout.html", `<a href="{{.Name}}">x</a>`},
		{"layout.html", `<a href="mailto:{{.Email}}">x</a>`},
		{"layout.html", `<p {{.Name}}>x</p>`},
		{"layout.html", `<p title={{.Name}}>x</p>`},
		{"layout.html", `<p style="color: {{.Name}}">x</p>`},
		{"layout.html", `<p onclick="f({{.Name}})">x</p>`},
		{"layout.html", `<script>var x = {{.Name}}</script>`},
		{"layout.html", `<!-- {{.Name}} -->`},
		{"layout.html", `<p>{{.Name | html}}</p>`},
		{"layout.html", `<p>{{len .Lead}}</p>`},
	} {
		content := c.action
		switch c.file {
		case "reminder.nl.txt":
			content = goodReminder + "\n" + c.action + "\n"
		case "layout.html":
			content = fmt.Sprintf(layout, c.action)
		}
		set := loadWith(t, fstest.MapFS{c.file: file(content)})
		_, err := set.Prepare(input(t, jobs.Reminder, jobs.Dutch))
		if !errors.Is(err, templates.ErrNotPrepared) || !strings.Contains(err.Error(), c.file+":") {
			t.Errorf("%s in %s: got error %v", c.action, c.file, err)
		}
	}
	// A fact in the invitation's texts is found when it is prepared.
	set := loadWith(t, fstest.MapFS{"cancellation.nl.txt": file("Subject: a\nHeading: b\nLead: Helaas, {{.Name}}\n\nDag\n")})
	in := input(t, jobs.Cancellation, jobs.Dutch)
	if _, err := set.Prepare(in); !errors.Is(err, templates.ErrNotPrepared) {
		t.Errorf("a name in the calendar's description: got error %v", err)
	}
	if _, err := set.Prepare(input(t, jobs.Reminder, jobs.Dutch)); err != nil {
		t.Errorf("another kind: %v", err)
	}
}

func FuzzFill(f *testing.F) {
	set := load(f)
	mails := make(map[templates.Class]*templates.Prepared)
	f.Add("Sanne", "Sanne de Vries", "BZK", "s@example.org", "1@example.nl", byte(0))
	for i, s := range people {
		f.Add(s, people[(i+7)%len(people)], people[(i+11)%len(people)], emails[i%len(emails)], "u", byte(i))
	}
	f.Fuzz(func(t *testing.T, given, name, organisation, email, uid string, which byte) {
		kinds := jobs.Kinds()
		in := input(t, kinds[int(which)%len(kinds)], []jobs.Lang{jobs.Dutch, jobs.English}[which/128])
		in.Registration.GivenName, in.Registration.Name, in.Registration.Organisation, in.Registration.UID = given, name, organisation, uid
		if a, err := jobs.ParseAddress(email); err == nil {
			in.Registration.Email = a
		}
		class := set.Class(in)
		if mails[class] == nil {
			p, err := set.Prepare(in)
			if _, plain := set.Render(in); (plain == nil) != (err == nil) {
				t.Fatalf("Prepare: %v, Render: %v", err, plain)
			}
			if err != nil {
				return
			}
			mails[class] = p
		}
		if !same(t, set, mails[class], in) {
			if _, err := set.Render(in); err == nil {
				t.Errorf("it can be rendered and not filled in: %q", []string{given, name, organisation, email, uid})
			}
		}
	})
}

// The short way for plain names gives what the long way gives.
func FuzzStrangersName(f *testing.F) {
	for _, s := range people {
		f.Add(s)
	}
	f.Add("a  b")
	f.Add(" a")
	f.Add("a ")
	f.Add(strings.Repeat("a", jobs.MaxName) + "b")
	f.Fuzz(func(t *testing.T, s string) {
		if got, want := templates.StrangersName(s), jobs.CleanName(s); got != want && (got != "" || !strings.ContainsAny(want, "[<&")) {
			t.Errorf("%q: got %q, want %q", s, got, want)
		}
	})
}

func BenchmarkFill(b *testing.B) {
	set := load(b)
	for _, c := range []struct {
		kind jobs.Kind
		name string
	}{{jobs.Confirmation, "Sanne de Vries"}, {jobs.Reminder, "Sanne de Vries"}, {jobs.Confirmation, "Zoë Çelik-Şahin"}} {
		in := input(b, c.kind, jobs.Dutch)
		in.Registration.Name, in.Registration.GivenName = c.name, ""
		p, err := set.Prepare(in)
		if err != nil {
			b.Fatal(err)
		}
		b.Run("fill/"+string(c.kind)+"/"+c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := p.Fill(in); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("class/"+string(c.kind)+"/"+c.name, func(b *testing.B) {
			b.ReportAllocs()
			known := map[templates.Class]bool{set.Class(in): true}
			for b.Loop() {
				if !known[set.Class(in)] {
					b.Fatal("another class")
				}
			}
		})
	}
	b.Run("prepare", func(b *testing.B) {
		in := input(b, jobs.Confirmation, jobs.Dutch)
		for b.Loop() {
			if _, err := set.Prepare(in); err != nil {
				b.Fatal(err)
			}
		}
	})
}
