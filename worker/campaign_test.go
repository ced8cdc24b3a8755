package worker_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	gomessage "github.com/emersion/go-message/mail"

	"heraut/jobs"
	"heraut/jobs/ledger"
	"heraut/jobs/ledger/ledgertest"
	"heraut/jobs/queue/queuetest"
	"heraut/worker"
	"heraut/worker/mailer"
	"heraut/worker/mailer/smtptest"
)

const publicURL = "https://heraut.example.nl"

// withPages lets campaigns leave.
func withPages(s setup) setup {
	change := s.change
	s.change = func(c *worker.Config) {
		c.PublicURL = publicURL
		if change != nil {
			change(c)
		}
	}
	return s
}

// apart are the two ways to run; the function makes a fresh one.
func apart(t *testing.T, test func(t *testing.T, s setup)) {
	t.Run("sqlite, embedded", func(t *testing.T) { test(t, withPages(setup{})) })
	t.Run("postgres, redis", func(t *testing.T) {
		test(t, withPages(setup{db: ledgertest.Open(t, ledgertest.Postgres(t)), redis: queuetest.Start(t).URI}))
	})
}

// audience puts n people on record who are owed nothing by the programme yet.
func (w *world) audience(t testing.TB, n int) {
	t.Helper()
	var rows []ledger.Row
	for i := range n {
		rows = append(rows, ledger.Row{Registration: jobs.Registration{Email: address(t, person(i)), Name: "Deelnemer", Lang: jobs.Dutch, Quiet: true}})
	}
	for part := range slices.Chunk(rows, 500) {
		if _, err := w.db.Import(t.Context(), "workshop", part, w.now(), ledger.ImportOptions{}); err != nil {
			t.Fatal(err)
		}
	}
}

// news is a campaign about the workshop.
func news(t testing.TB, name, audience string) jobs.Campaign {
	t.Helper()
	expr, err := jobs.ParseAudience(audience)
	if err != nil {
		t.Fatal(err)
	}
	return jobs.Campaign{
		Name: name, EventID: "workshop", Audience: expr,
		Subject: jobs.Text{NL: "Nieuws over de workshop"}, Body: jobs.Text{NL: "Beste {{voornaam|deelnemer}},\n\nEr is nieuws.\n"},
	}
}

// draft writes a campaign.
func (w *world) draft(t testing.TB, name, audience string) {
	t.Helper()
	w.save(t, news(t, name, audience), nil)
}

// save writes one that a file may go along with.
func (w *world) save(t testing.TB, c jobs.Campaign, file *jobs.File) {
	t.Helper()
	if err := w.db.SaveCampaign(t.Context(), c, file, "jan", w.now()); err != nil {
		t.Fatal(err)
	}
}

// send writes a campaign and sends it; above [jobs.ApproveAbove] a second person
// does so too.
func (w *world) send(t testing.TB, name, audience string, n int, atOnce bool) {
	t.Helper()
	w.draft(t, name, audience)
	c, err := w.db.SendCampaign(t.Context(), name, ledger.SendOptions{Count: n, By: "jan", AtOnce: atOnce}, w.now())
	if err == nil && c.State == jobs.CampaignReady {
		c, err = w.db.SendCampaign(t.Context(), name, ledger.SendOptions{Count: n, By: "piet", AtOnce: atOnce}, w.now())
	}
	if err != nil || c.State != jobs.CampaignScheduled {
		t.Fatal(c.State, err)
	}
}

// sendThis is send at once, of a campaign that a file may go along with.
func (w *world) sendThis(t testing.TB, c jobs.Campaign, n int, file *jobs.File) {
	t.Helper()
	w.save(t, c, file)
	opt := ledger.SendOptions{Count: n, By: "jan", AtOnce: true, Untranslated: true}
	if _, err := w.db.SendCampaign(t.Context(), c.Name, opt, w.now()); err != nil {
		t.Fatal(err)
	}
}

// TestCampaignWithAFile: everybody gets the file, whole and after their own text,
// and more campaigns with files than are kept do not get each other's.
func TestCampaignWithAFile(t *testing.T) {
	apart(t, func(t *testing.T, s setup) {
		const people, all = 12, 6 // more campaigns than files are kept
		w := newWorld(t, s)
		w.audience(t, people)
		r := w.start(t)
		w.settle(t, r)
		content := func(n int) []byte {
			return slices.Concat([]byte("%PDF-1.7\n"), bytes.Repeat([]byte{byte(n), 0xff, '\n'}, 100_000), []byte("%%EOF\n"))
		}
		for n := range all {
			f, err := jobs.NewFile(fmt.Sprintf("programma %d.pdf", n), content(n))
			if err != nil {
				t.Fatal(err)
			}
			w.sendThis(t, news(t, fmt.Sprintf("c%d", n), "event=workshop"), people, &f)
		}
		w.settle(t, r)
		got := map[string]int{}
		for _, m := range w.smtp.Received() {
			name, data := attachment(t, m.Data)
			var n int
			if _, err := fmt.Sscanf(name, "programma %d.pdf", &n); err != nil || !bytes.Equal(data, content(n)) {
				t.Fatalf("%q has %d bytes of another file, %v", name, len(data), err)
			}
			if id := fmt.Sprintf("List-Id: <c%d.", n); !bytes.Contains(m.Data, []byte(id)) {
				t.Errorf("%s went with another campaign", name)
			}
			got[m.To[0]+name]++
		}
		for who, n := range got {
			if n != 1 {
				t.Errorf("%s: %d times", who, n)
			}
		}
		if len(got) != people*all {
			t.Errorf("%d mails, want %d", len(got), people*all)
		}
	})
}

// attachment reads the file of a mail.
func attachment(t testing.TB, mail []byte) (name string, content []byte) {
	t.Helper()
	r, err := gomessage.CreateReader(bytes.NewReader(mail))
	if err != nil {
		t.Fatal(err)
	}
	for {
		p, err := r.NextPart()
		if err != nil {
			t.Fatalf("no attachment: %v", err)
		}
		h, ok := p.Header.(*gomessage.AttachmentHeader)
		if !ok {
			continue
		}
		name, err1 := h.Filename()
		content, err2 := io.ReadAll(p.Body)
		if err := errors.Join(err1, err2); err != nil {
			t.Fatal(err)
		}
		return name, content
	}
}

// campaignStates counts the messages of campaigns by state.
func (w *world) campaignStates(t testing.TB) map[jobs.State]int {
	t.Helper()
	n := map[jobs.State]int{}
	for m, err := range w.db.Messages(t.Context(), ledger.MessageFilter{}) {
		if err != nil {
			t.Fatal(err)
		}
		if m.Kind == jobs.CampaignMail {
			n[m.State]++
		}
	}
	return n
}

// awaitStates waits until the messages of campaigns are as asked.
func (w *world) awaitStates(t testing.TB, what string, ok func(n map[jobs.State]int) bool) {
	t.Helper()
	limit := time.Now().Add(60 * time.Second)
	for {
		got := w.campaignStates(t)
		if ok(got) {
			return
		}
		if time.Now().After(limit) {
			t.Fatalf("after a minute: %v, want %s", got, what)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// await waits for a channel to be closed.
func await(t testing.TB, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(time.Minute):
		t.Fatal("the mails do not come")
	}
}

// campaign gives a campaign as it stands.
func (w *world) campaign(t testing.TB, name string) jobs.Campaign {
	t.Helper()
	c, err := w.db.Campaign(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A campaign from send to done: the minute to take it back, the canary, all
// others, each once.
func TestCampaign(t *testing.T) {
	apart(t, func(t *testing.T, s setup) {
		w := newWorld(t, s)
		w.audience(t, 70)
		r := w.start(t)
		w.settle(t, r)
		w.send(t, "najaar", "event=workshop", 70, false)
		w.settle(t, r)
		if n := len(w.smtp.Received()); n != 0 {
			t.Fatalf("%d mails within the minute", n)
		}
		w.clock.Advance(jobs.CampaignUndo)
		w.settle(t, r)
		if n := len(w.smtp.Received()); n != jobs.CanarySize {
			t.Fatalf("%d mails, want those of the canary", n)
		}
		w.clock.Advance(jobs.CanaryWait - time.Second)
		w.settle(t, r)
		if n := len(w.smtp.Received()); n != jobs.CanarySize {
			t.Fatalf("%d mails while the canary waits", n)
		}
		w.clock.Advance(time.Second)
		w.settle(t, r)
		w.expectOnce(t, 70)
		w.settle(t, r)
		if c := w.campaign(t, "najaar"); c.State != jobs.CampaignDone {
			t.Errorf("the campaign is %s (%s)", c.State, c.Reason)
		}
		tokens := map[string]bool{}
		for _, m := range w.smtp.Received() {
			if id := header(t, m, "List-Id"); id != "<najaar.example.nl>" {
				t.Errorf("List-Id %s", id)
			}
			if post := header(t, m, "List-Unsubscribe-Post"); post != "List-Unsubscribe=One-Click" {
				t.Errorf("List-Unsubscribe-Post %s", post)
			}
			link := strings.Trim(header(t, m, "List-Unsubscribe"), "<>")
			token, ok := strings.CutPrefix(link, publicURL+"/u/")
			id, valid := jobs.ParseUnsubscribeToken([]byte("0123456789abcdef"), token)
			if !ok || !valid || tokens[token] {
				t.Errorf("List-Unsubscribe %s", link)
			}
			tokens[token] = true
			if _, on, err := w.db.Unsubscribed(t.Context(), id); err != nil || on {
				t.Errorf("registration %d of the token: %v, %v", id, on, err)
			}
			if strings.Contains(string(m.Data), "text/calendar") {
				t.Error("a campaign with an invitation")
			}
		}
	})
}

// Ordinary mail carries no fields of a list.
func TestNoListHeaders(t *testing.T) {
	w := newWorld(t, withPages(setup{}))
	w.register(t, "jan@example.org")
	r := w.start(t)
	w.settle(t, r)
	if m := w.smtp.Received()[0]; header(t, m, "List-Id")+header(t, m, "List-Unsubscribe")+header(t, m, "List-Unsubscribe-Post") != "" {
		t.Error("a confirmation of a list")
	}
}

// The fields by which people unsubscribe are inside the signature.
func TestListHeadersSigned(t *testing.T) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := mailer.NewSigner(mailer.DKIMConfig{Domain: "example.nl", Selector: "heraut", Key: key})
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, withPages(setup{change: func(c *worker.Config) { c.Signer = signer }}))
	w.audience(t, 1)
	r := w.start(t)
	w.send(t, "najaar", "everyone", 1, true)
	w.settle(t, r)
	fields := strings.ToLower(strings.Join(strings.Fields(header(t, w.smtp.Received()[0], "DKIM-Signature")), ""))
	for _, f := range []string{"list-id", "list-unsubscribe", "list-unsubscribe-post"} {
		if !strings.Contains(fields, f+":") && !strings.Contains(fields, ":"+f+";") {
			t.Errorf("%s is not signed: %s", f, fields)
		}
	}
}

// Paused while its mails leave, a campaign stands still; resumed, it goes on
// with those who got none.
func TestCampaignPaused(t *testing.T) {
	const n = 1500
	apart(t, func(t *testing.T, s setup) {
		s.real = true
		half := make(chan struct{})
		var seen atomic.Int64
		s.smtp = smtptest.Script{OnMail: func(smtptest.Received) {
			if seen.Add(1) == 100 {
				close(half)
			}
		}}
		w := newWorld(t, s)
		w.audience(t, n)
		w.start(t)
		w.send(t, "najaar", "everyone", n, true)
		await(t, half)
		if _, err := w.db.PauseCampaign(t.Context(), "najaar", "a wrong link", "jan", w.now()); err != nil {
			t.Fatal(err)
		}
		w.awaitStates(t, "all sent or held", func(n map[jobs.State]int) bool {
			return n[jobs.Planned]+n[jobs.Claimed]+n[jobs.FinalDot]+n[jobs.Retry] == 0
		})
		if got := w.campaignStates(t); got[jobs.Sent] != len(w.smtp.Received()) || got[jobs.Sent] == n {
			t.Errorf("%v and %d mails", got, len(w.smtp.Received()))
		}
		if _, err := w.db.ResumeCampaign(t.Context(), "najaar", "jan", w.now()); err != nil {
			t.Fatal(err)
		}
		w.awaitStates(t, "all sent", func(got map[jobs.State]int) bool { return got[jobs.Sent] == n })
		w.expectOnce(t, n)
	})
}

// Who unsubscribes or is taken off while the mail is queued gets none; who is no
// longer in the audience neither.
func TestCampaignLeftOut(t *testing.T) {
	const n = 400
	apart(t, func(t *testing.T, s setup) {
		var w *world
		var once sync.Once
		s.smtp = smtptest.Script{OnMail: func(smtptest.Received) {
			once.Do(func() {
				ctx := context.Background()
				id := w.registration(t, person(n-1)).ID
				if err := w.db.UnsubscribeRegistration(ctx, id, "one click", w.now()); err != nil {
					t.Error(err)
				}
				if _, err := w.db.Cancel(ctx, "workshop", address(t, person(n-2)), "by the person", w.now()); err != nil {
					t.Error(err)
				}
			})
		}}
		w = newWorld(t, s)
		w.audience(t, n)
		w.send(t, "najaar", "lang=nl", n, true)
		english := jobs.Registration{EventID: "workshop", Email: address(t, person(n-3)), Lang: jobs.English}
		if _, _, err := w.db.Register(t.Context(), english, w.now()); err != nil {
			t.Fatal(err)
		}
		r := w.start(t)
		w.settle(t, r)
		w.clock.Advance(time.Minute) // what was stopped at its dot comes up again
		w.settle(t, r)
		if got := w.campaignStates(t); got[jobs.Sent] != n-3 {
			t.Errorf("%v, want %d sent", got, n-3)
		}
		for i, want := range []string{jobs.ReasonUnsubscribed, "", jobs.ReasonNotInAudience} {
			m := w.message(t, person(n-1-i), jobs.CampaignMail)
			if m.State == jobs.Sent || want != "" && m.Reason != want {
				t.Errorf("message of person %d is %s: %s, want %s", n-1-i, m.State, m.Reason, want)
			}
		}
		w.settle(t, r)
		if c := w.campaign(t, "najaar"); c.State != jobs.CampaignDone {
			t.Errorf("the campaign is %s (%s)", c.State, c.Reason)
		}
	})
}

// registration gives the registration of a person.
func (w *world) registration(t testing.TB, email string) jobs.Registration {
	t.Helper()
	for r, err := range w.db.Registrations(context.Background(), ledger.RegistrationFilter{Email: address(t, email)}) {
		if err != nil {
			t.Error(err)
		}
		return r
	}
	t.Errorf("nobody is registered under that address")
	return jobs.Registration{}
}

// Where nobody could unsubscribe no campaign leaves.
func TestCampaignWithoutPages(t *testing.T) {
	w := newWorld(t, setup{})
	w.audience(t, 3)
	r := w.start(t)
	w.send(t, "najaar", "everyone", 3, true)
	w.settle(t, r)
	if m := w.message(t, person(0), jobs.CampaignMail); m.State != jobs.HeldState || !strings.Contains(m.Reason, "public_url") || len(w.smtp.Received()) != 0 {
		t.Errorf("%s: %s, %d mails", m.State, m.Reason, len(w.smtp.Received()))
	}
}

// A relay that refuses the people of a campaign: it is paused before many were
// tried, the others go on, and a person may let it go on too.
func TestCampaignBrake(t *testing.T) {
	const n = 400
	apart(t, func(t *testing.T, s setup) {
		s.real = true
		s.smtp = smtptest.Script{Rules: []smtptest.Rule{{At: smtptest.Dot, Times: 5, Do: smtptest.Action{Reply: "554 5.7.1 <p0@example.org>: looks like spam"}}}}

		w := newWorld(t, s)
		w.audience(t, n)
		w.start(t)
		w.send(t, "najaar", "everyone", n, true)
		limit := time.Now().Add(time.Minute)
		for w.campaign(t, "najaar").State != jobs.CampaignPaused {
			if time.Now().After(limit) {
				t.Fatalf("not paused: %v", w.campaignStates(t))
			}
			time.Sleep(20 * time.Millisecond)
		}
		w.awaitStates(t, "nothing in flight", func(n map[jobs.State]int) bool {
			return n[jobs.Planned]+n[jobs.Claimed]+n[jobs.FinalDot]+n[jobs.Retry] == 0
		})
		got := w.campaignStates(t)
		if tried := got[jobs.Failed] + got[jobs.Sent]; got[jobs.Failed] != 5 || tried > 50 {
			t.Errorf("%v: paused after %d mails", got, tried)
		}
		c := w.campaign(t, "najaar")
		if c.By != "heraut" || !strings.Contains(c.Reason, "554 5.7.1") || strings.Contains(c.Reason, "@") {
			t.Errorf("by %s: %s", c.By, c.Reason)
		}
		w.register(t, "jan@example.org")
		w.awaitSent(t, 1)
		if _, err := w.db.ResumeCampaign(t.Context(), "najaar", "jan", w.now()); err != nil {
			t.Fatal(err)
		}
		w.awaitStates(t, "the rest sent", func(got map[jobs.State]int) bool { return got[jobs.Sent] == n-5 })
	})
}

// Redis is emptied while a campaign is written out and sent: each gets one.
func TestCampaignRedisLosesEverything(t *testing.T) {
	const n = 3000
	redis := queuetest.Start(t)
	var seen atomic.Int64
	at := map[int64]chan struct{}{20: make(chan struct{}), 400: make(chan struct{}), 1200: make(chan struct{})}
	w := newWorld(t, withPages(setup{real: true, redis: redis.URI, smtp: smtptest.Script{OnMail: func(smtptest.Received) {
		if c := at[seen.Add(1)]; c != nil {
			close(c)
		}
	}}}))
	w.audience(t, n)
	w.start(t)
	w.send(t, "najaar", "everyone", n, true)
	for _, k := range []int64{20, 400, 1200} {
		await(t, at[k])
		redis.FlushAll(t)
	}
	w.awaitStates(t, "all sent", func(got map[jobs.State]int) bool { return got[jobs.Sent] == n })
	w.expectOnce(t, n)
}

// Two workers, one of which goes away in the middle of the expansion: nobody is
// forgotten and nobody gets two.
func TestCampaignWorkerStops(t *testing.T) {
	const n = 4000
	w := newWorld(t, withPages(setup{real: true, db: ledgertest.Open(t, ledgertest.Postgres(t)), redis: queuetest.Start(t).URI}))
	w.audience(t, n)
	first := w.start(t)
	w.send(t, "najaar", "everyone", n, true)
	w.awaitStates(t, "some", func(got map[jobs.State]int) bool { return len(got) > 0 })
	w.start(t)
	if err := first.stop(); err != nil {
		t.Fatal(err)
	}
	w.awaitStates(t, "all sent", func(got map[jobs.State]int) bool { return got[jobs.Sent] == n })
	w.expectOnce(t, n)
}

func TestPublicURL(t *testing.T) {
	w := newWorld(t, setup{})
	for _, u := range []string{"heraut.example.nl", "ftp://heraut.example.nl", "https://", "https://a b", "https://heraut.example.nl/?x=1", "https://u@heraut.example.nl", "https://heraut.example.nl/>"} {
		cfg := w.config(t)
		defer cfg.Queue.Close()
		cfg.PublicURL = u
		if _, err := worker.New(cfg); err == nil {
			t.Errorf("%s: no error", u)
		}
	}
}
