package main

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"heraut/jobs"
	"heraut/templates/invite"
	"heraut/worker/mailer"
)

const nastyName = "=?utf-8?q?x?= \"A\"; <b>Bcc: x@example.org</b><script>alert(1)</script>"

// sampleResult gives a small rehearsal as if it had been run, with its files
// under dir: n people, one of them held and one with a nasty name.
func sampleResult(t *testing.T, dir string, n int) *rehearsalResult {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Amsterdam")
	if err != nil {
		t.Fatal(err)
	}
	organizer, err := jobs.ParseAddress("aanmelding@example.nl")
	if err != nil {
		t.Fatal(err)
	}
	ev := jobs.Event{
		ID: "workshop", Zone: zone, HasStartTime: true,
		Start: time.Date(2026, 11, 19, 10, 30, 0, 0, time.UTC), End: time.Date(2026, 11, 19, 11, 30, 0, 0, time.UTC),
		Title:     jobs.Text{NL: "Rijksbreed beleid op smart city", EN: "Government-wide policy on smart cities"},
		Location:  jobs.Location{Name: "[voorbeeld] Zaal 3, Den Haag", URL: "https://example.nl/meedoen"},
		Organizer: jobs.Person{Name: "Bureau Voorbeeld", Email: organizer},
	}
	r := &rehearsalResult{
		Programme: &jobs.Programme{Name: "INNOvember", Zone: zone, Events: []jobs.Event{ev}},
		From:      time.Date(2026, 10, 5, 7, 0, 0, 0, time.UTC),
		Until:     time.Date(2026, 11, 19, 9, 30, 0, 0, time.UTC),
		Steps: []rehearsalDone{{
			At: time.Date(2026, 10, 5, 7, 0, 0, 0, time.UTC), Who: rehearsalOrganiser,
			What:  jobs.Text{NL: "De organisator leest aanmeldingen.csv in.", EN: "The organiser imports aanmeldingen.csv."},
			Notes: jobs.Text{NL: "8 toegevoegd, 1 aangehouden", EN: "8 added, 1 held"},
		}},
	}
	for i := range n {
		p := jobs.Registration{ID: int64(i + 1), EventID: ev.ID, Name: fmt.Sprintf("Persoon %d van Voorbeeld", i+1), Organisation: "Ministerie van Voorbeelden", Lang: jobs.Dutch, Status: jobs.Registered}
		if p.Email, err = jobs.ParseAddress(fmt.Sprintf("persoon%d@ministerie.example", i+1)); err != nil {
			t.Fatal(err)
		}
		switch i {
		case 1:
			p.Lang, p.Name = jobs.English, nastyName
		case 2:
			p.Status, p.Reason = jobs.Held, "the domain ministerie.example is not in the audience of this event"
		}
		r.People = append(r.People, p)
		for k, at := range []time.Time{r.From, time.Date(2026, 11, 12, 8, 0, 0, 0, time.UTC), r.Until} {
			m := jobs.Message{ID: int64(10*i + k + 1), RegistrationID: p.ID, EventID: ev.ID, Kind: jobs.Reminder, Name: []string{"confirmation", "week-before", "hour-before"}[k], State: jobs.Sent, RuleAt: at, DueAt: at, SentAt: at}
			if k == 0 {
				m.Kind = jobs.Confirmation
			}
			if i == 2 {
				m.State, m.Reason, m.SentAt = jobs.HeldState, p.Reason, time.Time{}
			} else if i == 3 && k == 1 {
				m.State, m.Reason, m.SentAt = jobs.Expired, jobs.ReasonLateSkip, time.Time{}
			}
			r.Messages = append(r.Messages, rehearsalMessage{Message: m, Person: i})
		}
	}
	r.number()
	if err := os.MkdirAll(filepath.Join(dir, timelineMailDir), 0o700); err != nil {
		t.Fatal(err)
	}
	for i, m := range r.sent() {
		writeSampleMail(t, dir, ev, r.People[m.Person], m)
		r.Messages[i].Invited, r.Messages[i].Borrowed = true, m.Kind == jobs.Reminder
	}
	return r
}

func writeSampleMail(t *testing.T, dir string, ev jobs.Event, p jobs.Registration, m rehearsalMessage) {
	t.Helper()
	ics, err := invite.Write(invite.Event{
		Method: invite.MethodRequest, UID: fmt.Sprintf("uid-%d@example.nl", p.ID), Stamp: m.SentAt, Start: ev.Start, End: ev.End, Zone: ev.Zone,
		Summary: ev.Title.In(p.Lang), Location: ev.Location.String(), Language: string(p.Lang),
		Organizer: invite.Person{Name: ev.Organizer.Name, Email: ev.Organizer.Email.String()},
		Attendee:  invite.Person{Name: p.Name, Email: p.Email.String()},
	})
	if err != nil {
		t.Fatal(err)
	}
	mm := mailer.Mail{
		From: mail.Address{Name: "City Deal", Address: "noreply@example.nl"}, To: mail.Address{Name: p.Name, Address: p.Email.String()},
		Subject: "Je bent aangemeld: " + ev.Title.In(p.Lang), Text: "Dag " + p.Name + ",\n\nJe bent aangemeld.\n", HTML: "<!doctype html><html lang=nl><title>x</title><p>Je bent aangemeld voor de workshop.</p></html>",
		Date: m.SentAt, MessageID: fmt.Sprintf("<m%d@example.nl>", m.ID), Language: string(p.Lang),
	}
	if m.Kind == jobs.Confirmation {
		mm.Calendar = &mailer.Calendar{Method: "REQUEST", ICS: ics, FileName: "uitnodiging.ics"}
	}
	data, err := mailer.Compose(mm)
	if err != nil {
		t.Fatal(err)
	}
	for ext, content := range map[string][]byte{".eml": data, ".ics": ics} {
		if err := os.WriteFile(filepath.Join(dir, timelineMailDir, m.Base+ext), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func renderSample(t *testing.T, n int, lang jobs.Lang) (dir, page string) {
	t.Helper()
	dir = t.TempDir()
	if err := writeTimeline(dir, sampleResult(t, dir, n), lang); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(dir, "index.html"))
	if err != nil {
		t.Fatal(err)
	}
	return dir, string(data)
}

func TestTimelineNastyNameIsText(t *testing.T) {
	_, page := renderSample(t, 9, jobs.Dutch)
	if strings.Contains(page, "<script") || strings.Contains(page, "<b>Bcc") {
		t.Error("a name got into the page as markup")
	}
	if !strings.Contains(page, "&lt;script&gt;alert(1)") {
		t.Error("the name is not on the page as text")
	}
}

// The page is what it says it is: static, from this folder only, and made of
// elements that a screen reader can follow.
func TestTimelinePage(t *testing.T) {
	for _, lang := range []jobs.Lang{jobs.Dutch, jobs.English} {
		t.Run(string(lang), func(t *testing.T) {
			dir, page := renderSample(t, 9, lang)
			checkPage(t, dir, page)
			if !strings.Contains(page, `<html lang="`+string(lang)+`">`) {
				t.Error("the page does not say its language")
			}
		})
	}
}

func TestTimelineCapsGroups(t *testing.T) {
	dir, page := renderSample(t, timelineGroupMax+40, jobs.English)
	checkPage(t, dir, page)
	if n := strings.Count(page, `class="mail" id="m`); n != 3*timelineGroupMax {
		t.Errorf("%d mails can be opened, want %d in each of 3 groups", n, timelineGroupMax)
	}
	if !strings.Contains(page, "Another 39 mails of this group are in the folder") { // one of them is held
		t.Error("the page does not say that it leaves mails out")
	}
}

// checkPage parses a timeline page and checks every element of it.
func checkPage(t *testing.T, dir, page string) {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	c := pageCheck{t: t, dir: dir, ids: map[string]bool{}, count: map[string]int{}}
	for n := range doc.Descendants() {
		if n.Type == html.ElementNode {
			c.element(n)
		}
	}
	for _, id := range c.wanted {
		if !c.ids[id] {
			t.Errorf("a link points at #%s, which is not there", id)
		}
	}
	for _, name := range []string{"h1", "main", "header", "footer", "nav", "title"} {
		if c.count[name] != 1 {
			t.Errorf("%d × <%s>", c.count[name], name)
		}
	}
	if !c.policy {
		t.Error("no content security policy")
	}
}

type pageCheck struct {
	t      *testing.T
	dir    string
	ids    map[string]bool
	wanted []string
	count  map[string]int
	policy bool
}

func (c *pageCheck) element(n *html.Node) {
	c.count[n.Data]++
	attr := map[string]string{}
	for _, a := range n.Attr {
		attr[a.Key] = a.Val
	}
	if id, ok := attr["id"]; ok {
		if c.ids[id] {
			c.t.Errorf("id %s stands on the page twice", id)
		}
		c.ids[id] = true
	}
	for _, key := range []string{"src", "href", "srcset", "poster", "data", "action"} {
		if v, ok := attr[key]; ok {
			c.link(n.Data, v)
		}
	}
	_, styled := attr["style"]
	_, sandboxed := attr["sandbox"]
	switch {
	case n.Data == "script" || n.Data == "link" || n.Data == "img" || n.Data == "base" || styled:
		c.t.Errorf("<%s> or its style does not belong on the page", n.Data)
	case n.Data == "iframe" && (!sandboxed || attr["sandbox"] != "" || attr["title"] == "" || attr["loading"] != "lazy"):
		c.t.Errorf("iframe %v", attr)
	case n.Data == "th" && attr["scope"] == "":
		c.t.Error("a table header without scope")
	case n.Data == "style" && (strings.Contains(n.FirstChild.Data, "url(") || strings.Contains(n.FirstChild.Data, "@import")):
		c.t.Error("the style fetches something")
	case n.Data == "style":
		sum := sha256.Sum256([]byte(n.FirstChild.Data))
		c.ids["style "+base64.StdEncoding.EncodeToString(sum[:])] = true
	case attr["http-equiv"] == "Content-Security-Policy":
		c.policy = strings.HasPrefix(attr["content"], "default-src 'none'; style-src 'sha256-")
		c.wanted = append(c.wanted, "style "+strings.Split(strings.TrimPrefix(attr["content"], "default-src 'none'; style-src 'sha256-"), "'")[0])
	}
}

// link checks that a link stays in the folder and leads somewhere.
func (c *pageCheck) link(element, v string) {
	if id, ok := strings.CutPrefix(v, "#"); ok {
		c.wanted = append(c.wanted, id)
		return
	}
	if strings.HasPrefix(v, "/") || strings.Contains(v, ":") || strings.Contains(v, "..") {
		c.t.Errorf("<%s> leads outside: %s", element, v)
		return
	}
	if _, err := os.Stat(filepath.Join(c.dir, filepath.FromSlash(v))); err != nil && v != rehearsalMessages {
		c.t.Errorf("<%s>: %v", element, err)
	}
}
