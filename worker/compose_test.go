package worker

import (
	"bytes"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"strings"
	"testing"
	"time"

	"heraut/jobs"
	"heraut/templates"
)

// TestPreparedIsWritten compares a mail that was prepared and filled in with
// the same mail written in full, as a reader decodes them.
func TestPreparedIsWritten(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Amsterdam")
	if err != nil {
		t.Fatal(err)
	}
	set, err := templates.Load(nil)
	if err != nil {
		t.Fatal(err)
	}
	team, err := jobs.ParseAddress("aanmelding@example.nl")
	if err != nil {
		t.Fatal(err)
	}
	ev := jobs.Event{
		ID: "workshop", Zone: zone, HasStartTime: true,
		Start: time.Date(2026, 11, 19, 10, 30, 0, 0, time.UTC), End: time.Date(2026, 11, 19, 11, 30, 0, 0, time.UTC),
		Title:     jobs.Text{NL: "Rijksbreed beleid op smart city", EN: "Smart city policy"},
		Location:  jobs.Location{URL: "https://meet.example.nl/workshop"},
		Organizer: jobs.Person{Name: "Team Voorbeeld", Email: team},
	}
	from := mail.Address{Name: "City Deal", Address: "noreply@example.nl"}
	w := &Worker{cfg: Config{Templates: set, From: from, TagKey: []byte("0123456789abcdef"), PublicURL: "https://heraut.example.nl/"}, stationery: &stationery{set: set}}
	prepared := 0
	audience, err := jobs.ParseAudience("everyone")
	if err != nil {
		t.Fatal(err)
	}
	campaign := &jobs.Campaign{
		Name: "najaar", EventID: ev.ID, Audience: audience, Subject: jobs.Text{NL: "Nieuws over {{event.titel}}", EN: "News"},
		Body: jobs.Text{NL: "Beste {{voornaam|deelnemer}},\n\nKom op {{event.datum}}.\n", EN: "Hello,\n\nCome.\n"},
	}
	for _, kind := range append(jobs.Kinds(), jobs.CampaignMail) {
		for _, l := range []jobs.Lang{jobs.Dutch, jobs.English} {
			for i, name := range []string{"Jan Jansen", "Zoë \"Z\" d'Hondt <x@example.org>", "", strings.Repeat("Wijs-Neus ", 15), "R.\r\nBcc: a@example.org"} {
				to, err := jobs.ParseAddress([]string{"jan@example.org", "o'zoe+x@example.org", "a@example.org", "lang@sub.example.org", "b@example.org"}[i])
				if err != nil {
					t.Fatal(err)
				}
				reg := jobs.Registration{EventID: ev.ID, Email: to, Name: name, Lang: l, Status: jobs.Registered, ID: int64(i + 1), UID: strings.Repeat("u", i+1) + "@example.nl"}
				in := templates.Input{
					Programme: "INNOvember", Event: ev, Registration: reg, Message: jobs.Message{ID: 7, Kind: kind, Name: string(kind)},
					Now: ev.Start.Add(-40 * time.Hour), Tag: jobs.Tag(w.cfg.TagKey, reg.UID),
				}
				if kind == jobs.CampaignMail {
					in.Message.Name, in.Campaign, in.Unsubscribe = campaign.Name, campaign, w.unsubscribeURL(reg)
				}
				filled, err := w.fill(in, 1, &letter{messageID: "<a@example.nl>"}, nil)
				if err != nil {
					t.Fatalf("%s in %s for %q: %v", kind, l, name, err)
				}
				prepared++
				written, err := w.write(in, &letter{messageID: "<a@example.nl>"})
				if err != nil {
					t.Fatal(err)
				}
				if got, want := decode(t, filled), decode(t, written); got != want {
					t.Fatalf("%s in %s for %q: filled in\n%s\nwritten in full\n%s", kind, l, name, got, want)
				}
			}
		}
	}
	if n := len(w.stationery.sheets); n >= prepared {
		t.Errorf("%d sheets for %d mails: nothing is shared", n, prepared)
	}
}

// decode gives a mail as a reader sees it, without its boundaries.
func decode(t *testing.T, data []byte) string {
	t.Helper()
	m, err := mail.ReadMessage(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for _, field := range []string{"From", "To", "Reply-To", "Subject", "Date", "Message-ID", "Auto-Submitted", "Content-Language", "List-Id", "List-Unsubscribe", "List-Unsubscribe-Post", "MIME-Version"} {
		words := new(mime.WordDecoder)
		text, err := words.DecodeHeader(m.Header.Get(field))
		if err != nil {
			t.Fatal(err)
		}
		out.WriteString(field + ": " + text + "\n")
	}
	decodePart(t, &out, m.Header.Get("Content-Type"), m.Body)
	return out.String()
}

func decodePart(t *testing.T, out *strings.Builder, contentType string, body io.Reader) {
	t.Helper()
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		t.Fatal(err)
	}
	out.WriteString("== " + kind + " " + params["method"] + " " + params["charset"] + " " + params["name"] + "\n")
	if params["boundary"] == "" {
		text, err := io.ReadAll(body)
		if err != nil {
			t.Fatal(err)
		}
		out.Write(text)
		return
	}
	for r := multipart.NewReader(body, params["boundary"]); ; {
		p, err := r.NextPart() // decodes quoted-printable
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		out.WriteString(p.Header.Get("Content-Disposition") + "\n")
		decodePart(t, out, p.Header.Get("Content-Type"), p)
	}
}
