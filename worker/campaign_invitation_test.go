package worker_test

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	gomessage "github.com/emersion/go-message/mail"

	"heraut/jobs"
	"heraut/worker/mailer/smtptest"
)

// uninviting is the programme without a confirmation: nobody is invited but by a
// campaign.
var uninviting = strings.Replace(programme, "      - {name: confirmation}\n", "", 1)

// TestCampaignInvites: what a campaign puts in calendars is each person's own
// entry, and a move and a cancellation put right what it put there.
func TestCampaignInvites(t *testing.T) {
	apart(t, func(t *testing.T, s setup) {
		w := newWorld(t, s)
		w.apply(t, uninviting)
		w.register(t, "jan@example.org")
		w.register(t, "piet@example.org")
		english := jobs.Registration{EventID: "workshop", Email: address(t, "ann@example.org"), Lang: jobs.English}
		if _, _, err := w.db.Register(t.Context(), english, w.now()); err != nil {
			t.Fatal(err)
		}
		r := w.start(t)
		w.settle(t, r)
		if n := len(w.smtp.Received()); n != 0 {
			t.Fatalf("%d mails before the campaign", n)
		}
		f, err := jobs.NewFile("programma.pdf", []byte("%PDF-1.7\nx\n%%EOF\n"))
		if err != nil {
			t.Fatal(err)
		}
		c := news(t, "agenda", "everyone")
		c.Invitation = true
		w.sendThis(t, c, 3, &f)
		w.settle(t, r)
		uids := map[string]string{}
		expect := func(n int, email, method, sequence, start string) {
			t.Helper()
			m := last(t, w, email)
			ics, parts := invitation(t, m)
			if uid := field(t, ics, "UID"); uids[email] == "" {
				uids[email] = uid
			} else if uid != uids[email] {
				t.Errorf("%s: another UID", email)
			}
			if got := fmt.Sprint(len(w.smtp.Received()), field(t, ics, "METHOD"), field(t, ics, "SEQUENCE"), field(t, ics, "DTSTART")); got != fmt.Sprint(n, method, sequence, start) {
				t.Errorf("%s: %s, want %d %s %s %s", email, got, n, method, sequence, start)
			}
			if !strings.HasSuffix(field(t, ics, "ATTENDEE"), "mailto:"+email) {
				t.Errorf("%s is invited as %s", email, field(t, ics, "ATTENDEE"))
			}
			if campaign := header(t, m, "List-Id") != ""; campaign != slices.Contains(parts, "programma.pdf") || !slices.Contains(parts, "text/calendar") {
				t.Errorf("%s: of a campaign %v, parts %v", email, campaign, parts)
			}
		}
		expect(3, "jan@example.org", "REQUEST", "0", "20261119T113000")
		expect(3, "piet@example.org", "REQUEST", "0", "20261119T113000")
		expect(3, "ann@example.org", "REQUEST", "0", "20261119T113000")
		ics, parts := invitation(t, last(t, w, "ann@example.org"))
		if title := field(t, ics, "SUMMARY"); title != "Smart city policy" || !slices.Contains(parts, "invitation.ics") {
			t.Errorf("who reads English has %q in the calendar, of %v", title, parts)
		}
		if uids["jan@example.org"] == uids["piet@example.org"] {
			t.Error("two people with one UID")
		}

		w.clock.Advance(time.Hour)
		w.apply(t, strings.ReplaceAll(uninviting, "2026-11-19", "2026-11-20"))
		w.settle(t, r)
		expect(6, "jan@example.org", "REQUEST", "1", "20261120T113000")
		w.clock.Advance(time.Hour)
		if _, err := w.db.Cancel(t.Context(), "workshop", address(t, "jan@example.org"), "", w.now()); err != nil {
			t.Fatal(err)
		}
		w.settle(t, r)
		expect(7, "jan@example.org", "CANCEL", "2", "20261120T113000")
		c.Name = "agenda-2"
		w.sendThis(t, c, 2, &f)
		w.settle(t, r)
		expect(9, "piet@example.org", "REQUEST", "1", "20261120T113000")
	})
}

// TestCampaignInvitesWhoMay: who the programme lets in when the mail leaves.
func TestCampaignInvitesWhoMay(t *testing.T) {
	w := newWorld(t, withPages(setup{}))
	w.apply(t, uninviting)
	w.register(t, "jan@example.org")
	w.register(t, "piet@example.nl")
	c := news(t, "agenda", "everyone")
	c.Invitation = true
	w.sendThis(t, c, 2, nil)
	r := w.start(t)
	w.apply(t, strings.Replace(uninviting, "    messages:", "    audience: {domains: [example.nl], otherwise: hold}\n    messages:", 1))
	w.settle(t, r)
	if got := fmt.Sprint(w.mails()); got != "map[piet@example.nl:1]" {
		t.Errorf("mails %s", got)
	}
	if m := w.message(t, "jan@example.org", jobs.CampaignMail); m.State != jobs.CancelledState || m.Reason == "" {
		t.Errorf("who is held: %s, %s", m.State, m.Reason)
	}
}

// last gives the last mail to a person.
func last(t testing.TB, w *world, email string) (m smtptest.Received) {
	t.Helper()
	for _, r := range w.smtp.Received() {
		if r.To[0] == email {
			m = r
		}
	}
	if m.Data == nil {
		t.Fatalf("no mail to %s", email)
	}
	return m
}

// invitation gives the calendar of a mail, unfolded, and what its parts are: the
// type of those that are shown, the name of those that are attached.
func invitation(t testing.TB, m smtptest.Received) (ics string, parts []string) {
	t.Helper()
	r, err := gomessage.CreateReader(bytes.NewReader(m.Data))
	if err != nil {
		t.Fatal(err)
	}
	for {
		p, err := r.NextPart()
		if err == io.EOF {
			return strings.ReplaceAll(ics, "\r\n ", ""), parts
		}
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(p.Body)
		if err != nil {
			t.Fatal(err)
		}
		switch h := p.Header.(type) {
		case *gomessage.InlineHeader:
			kind, _, _ := h.ContentType()
			parts = append(parts, kind)
			if kind == "text/calendar" {
				ics = string(body)
			}
		case *gomessage.AttachmentHeader:
			name, _ := h.Filename()
			parts = append(parts, name)
		}
	}
}

// field gives the value of a property of an invitation.
func field(t testing.TB, ics, name string) string {
	t.Helper()
	event := regexp.MustCompile(`(?m)^` + name + `(;.*?)?:(.*?)\r?$`)
	all := event.FindAllStringSubmatch(ics, -1)
	if len(all) == 0 {
		t.Fatalf("no %s in\n%s", name, ics)
	}
	return all[len(all)-1][2]
}
