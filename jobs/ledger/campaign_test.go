package ledger_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"heraut/jobs"
	"heraut/jobs/ledger"
	"heraut/jobs/ledger/ledgertest"
)

// news is a campaign of a name for an audience.
func news(t testing.TB, name, audience string) jobs.Campaign {
	t.Helper()
	expr, err := jobs.ParseAudience(audience)
	if err != nil {
		t.Fatal(err)
	}
	return jobs.Campaign{Name: name, EventID: "workshop", Audience: expr,
		Subject: jobs.Text{NL: "Nieuws"}, Body: jobs.Text{NL: "Er is nieuws."}}
}

func save(t testing.TB, db *ledger.DB, c jobs.Campaign, at time.Time) {
	t.Helper()
	if err := db.SaveCampaign(t.Context(), c, nil, "een", at); err != nil {
		t.Fatal(err)
	}
}

// chosen gives who counts in an audience, by address, and who is left out, with
// the reason.
func chosen(t testing.TB, db *ledger.DB, name string) (people []string, out map[string]string) {
	t.Helper()
	c := campaignOf(t, db, name)
	out = map[string]string{}
	for row, err := range db.Audience(t.Context(), c) {
		if err != nil {
			t.Fatal(err)
		}
		if email := row.Registration.Email.String(); row.LeftOut == "" {
			people = append(people, email)
		} else {
			out[fmt.Sprintf("%s %s", email, row.Registration.EventID)] = row.LeftOut
		}
	}
	n, err := db.CountAudience(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "count of the audience", n, len(people))
	return people, out
}

func campaignOf(t testing.TB, db *ledger.DB, name string) jobs.Campaign {
	t.Helper()
	c, err := db.Campaign(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// sendNow sends a campaign to as many as it has, without a wait.
func sendNow(t testing.TB, db *ledger.DB, name string, at time.Time) jobs.Campaign {
	t.Helper()
	people, _ := chosen(t, db, name)
	c, err := db.SendCampaign(t.Context(), name, ledger.SendOptions{Count: len(people), By: "een", AtOnce: true, Untranslated: true}, at)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// step has all rows follow, so many people at a time.
func step(t testing.TB, db *ledger.DB, name string, limit int, at time.Time) {
	t.Helper()
	for {
		more, err := db.StepCampaign(t.Context(), name, limit, at)
		if err != nil {
			t.Fatal(err)
		}
		if !more {
			return
		}
	}
}

// rowsOf gives the messages of a campaign.
func rowsOf(t testing.TB, db *ledger.DB, name string) (list []ledger.MessageRow) {
	t.Helper()
	for _, m := range messages(t, db, ledger.MessageFilter{}) {
		if m.Kind == jobs.CampaignMail && m.Message.Name == name {
			list = append(list, m)
		}
	}
	return list
}

func move(t testing.TB, f func() (jobs.Campaign, error), want jobs.CampaignState) {
	t.Helper()
	c, err := f()
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "state", c.State, want)
}

// TestCampaignLife follows a campaign from its draft to its end.
func TestCampaignLife(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, db *ledger.DB) {
		ctx := t.Context()
		apply(t, db, programme(start1130, rules), now)
		for _, name := range []string{"jan", "piet", "klaas"} {
			register(t, db, name+"@example.nl", now)
		}
		save(t, db, news(t, "nieuws", "event=workshop"), now)
		equal(t, "draft", campaignOf(t, db, "nieuws").State, jobs.CampaignDraft)

		var count *ledger.CountError
		_, err := db.SendCampaign(ctx, "nieuws", ledger.SendOptions{Count: 4, By: "een"}, now)
		if !errors.As(err, &count) || count.Have != 3 || count.Want != 4 {
			t.Errorf("a wrong count: %v", err)
		}
		equal(t, "after a wrong count", campaignOf(t, db, "nieuws").State, jobs.CampaignDraft)
		save(t, db, news(t, "nieuws", "event=workshop"), now) // it may be written anew still

		c, err := db.SendCampaign(ctx, "nieuws", ledger.SendOptions{Count: 3, By: "een"}, now)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "sent", c.State, jobs.CampaignScheduled)
		equal(t, "begins", c.StartAt, now.Add(jobs.CampaignUndo))
		equal(t, "as stored", campaignOf(t, db, "nieuws").StartAt, c.StartAt)

		var no *ledger.CampaignError
		if _, err := db.SendCampaign(ctx, "nieuws", ledger.SendOptions{Count: 3, By: "twee"}, now); !errors.As(err, &no) {
			t.Errorf("sent twice: %v", err)
		}
		if err := db.SaveCampaign(ctx, news(t, "nieuws", "everyone"), nil, "een", now); !errors.As(err, &no) {
			t.Errorf("written anew after it was sent: %v", err)
		}
		register(t, db, "later@example.nl", now) // not in the frozen audience

		step(t, db, "nieuws", 2, now)
		equal(t, "before its moment", len(rowsOf(t, db, "nieuws")), 0)
		at := c.StartAt
		names, err := db.CampaignsToStep(ctx, at)
		if err != nil || !slices.Equal(names, []string{"nieuws"}) {
			t.Errorf("to step: %v, %v", names, err)
		}
		step(t, db, "nieuws", 2, at)
		equal(t, "running", campaignOf(t, db, "nieuws").State, jobs.CampaignRunning)
		names, _ = db.CampaignsToStep(ctx, at)
		equal(t, "still to step", len(names), 0)
		list := rowsOf(t, db, "nieuws")
		equal(t, "messages", len(list), 3)
		w := live(t, db, "w1", at)
		for _, m := range list {
			send(t, db, w, m.ID, at)
		}
		kept, err := db.KeepCampaigns(ctx, at)
		if err != nil || !slices.Equal(kept.Done, []string{"nieuws"}) {
			t.Errorf("kept: %+v, %v", kept, err)
		}
		equal(t, "at its end", campaignOf(t, db, "nieuws").State, jobs.CampaignDone)
		r, err := db.CampaignReport(ctx, "nieuws")
		if err != nil || r.Messages[jobs.Sent] != 3 || r.Unwritten != 0 || len(r.LeftOut) != 0 {
			t.Errorf("report %+v, %v", r, err)
		}
		history, err := db.CampaignHistory(ctx, "nieuws")
		var steps []string
		for _, e := range history {
			steps = append(steps, string(e.State)+" by "+e.By)
		}
		if want := "draft by een, draft by een, scheduled by een, running by heraut, done by heraut"; err != nil || strings.Join(steps, ", ") != want {
			t.Errorf("history %v, %v; want %s", steps, err, want)
		}
	})
}

// TestCampaignUntranslated: who reads English needs a text in it, unless it was
// said that they do not; who gets the mail as a Dutch registration does not.
func TestCampaignUntranslated(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, db *ledger.DB) {
		ctx := t.Context()
		apply(t, db, twoEvents(), now)
		register(t, db, "jan@example.org", now)
		for _, r := range []jobs.Registration{{EventID: "signing", Email: address(t, "jan@example.org")}, {EventID: "workshop", Email: address(t, "jane@example.org")}} {
			r.Lang = jobs.English
			if _, _, err := db.Register(ctx, r, now); err != nil {
				t.Fatal(err)
			}
		}
		save(t, db, news(t, "jane", "everyone"), now)
		_, err := db.SendCampaign(ctx, "jane", ledger.SendOptions{Count: 2, By: "een"}, now)
		if !errors.Is(err, ledger.ErrUntranslated) || !strings.Contains(err.Error(), "of its audience 1 read English") {
			t.Errorf("no text for who reads English: %v", err)
		}
		if _, err := db.SendCampaign(ctx, "jane", ledger.SendOptions{Count: 2, By: "een", Untranslated: true}, now); err != nil {
			t.Errorf("the Dutch text for who reads English: %v", err)
		}
		save(t, db, news(t, "jan", "email=jan@example.org"), now)
		if _, err := db.SendCampaign(ctx, "jan", ledger.SendOptions{Count: 1, By: "een"}, now); err != nil {
			t.Errorf("the registration that gets it is a Dutch one: %v", err)
		}
	})
}

// TestCampaignRefusals: nobody, a second organiser, and drafts that are too old.
func TestCampaignRefusals(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, db *ledger.DB) {
		ctx := t.Context()
		apply(t, db, programme(start1130, rules), now)
		save(t, db, news(t, "niemand", "everyone"), now)
		var count *ledger.CountError
		if _, err := db.SendCampaign(ctx, "niemand", ledger.SendOptions{By: "een"}, now); !errors.As(err, &count) || count.Have != 0 {
			t.Errorf("an empty audience: %v", err)
		}
		if _, err := db.SendCampaign(ctx, "onbekend", ledger.SendOptions{Count: 1, By: "een"}, now); !errors.Is(err, ledger.ErrNotFound) {
			t.Errorf("no campaign of that name: %v", err)
		}
		if err := db.SaveCampaign(ctx, jobs.Campaign{Name: "x", EventID: "nergens", Audience: news(t, "x", "everyone").Audience}, nil, "een", now); !errors.Is(err, ledger.ErrNoEvent) {
			t.Errorf("an unknown event: %v", err)
		}

		const many = jobs.ApproveAbove + 1
		fill(t, db, many)
		save(t, db, news(t, "groot", "event=workshop"), now)
		if _, err := db.SendCampaign(ctx, "groot", ledger.SendOptions{Count: many - 1, By: "een"}, now); !errors.As(err, &count) {
			t.Errorf("the first organiser has it wrong: %v", err)
		}
		by := func(who string) (jobs.Campaign, error) {
			return db.SendCampaign(ctx, "groot", ledger.SendOptions{Count: many, By: who}, now)
		}
		move(t, func() (jobs.Campaign, error) { return by("een") }, jobs.CampaignReady)
		var no *ledger.CampaignError
		if _, err := by("een"); !errors.As(err, &no) {
			t.Errorf("the same organiser twice: %v", err)
		}
		save(t, db, news(t, "groot", "event=workshop !tag=x"), now) // written anew: both have to want it again
		move(t, func() (jobs.Campaign, error) { return by("twee") }, jobs.CampaignReady)
		move(t, func() (jobs.Campaign, error) { return by("een") }, jobs.CampaignScheduled)

		save(t, db, news(t, "oud", "event=workshop"), now)
		if _, err := db.SendCampaign(ctx, "oud", ledger.SendOptions{Count: many, By: "een"}, now.Add(jobs.DraftLasts+time.Second)); !errors.Is(err, ledger.ErrStale) {
			t.Errorf("an old draft: %v", err)
		}
		apply(t, db, programme("2026-11-20T11:30", rules), now)
		if _, err := db.SendCampaign(ctx, "oud", ledger.SendOptions{Count: many, By: "een"}, now); !errors.Is(err, ledger.ErrStale) {
			t.Errorf("the event moved: %v", err)
		}
	})
}

// TestCampaignStops pauses, resumes and cancels, with workers that stop at any
// chunk and two at once: nobody is forgotten, nobody is written to twice.
func TestCampaignStops(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, db *ledger.DB) {
		ctx := t.Context()
		apply(t, db, programme(start1130, rules), now)
		const people = 100
		fill(t, db, people)
		random := rand.New(rand.NewPCG(1, 2))
		save(t, db, news(t, "nieuws", "event=workshop"), now)
		sendNow(t, db, "nieuws", now)
		at := now
		if _, err := db.StepCampaign(ctx, "nieuws", 7, at); err != nil {
			t.Fatal(err)
		}
		some := func() { // a worker, or two, that is killed after some chunks
			var both sync.WaitGroup
			for range 1 + random.IntN(2) {
				chunks := random.IntN(6)
				both.Go(func() {
					for range chunks {
						if _, err := db.StepCampaign(ctx, "nieuws", 7, at); err != nil {
							t.Error(err)
						}
					}
				})
			}
			both.Wait()
		}
		for range 10 {
			some()
			move(t, func() (jobs.Campaign, error) { return db.PauseCampaign(ctx, "nieuws", "even niet", "een", at) }, jobs.CampaignPaused)
			w := live(t, db, "w1", at)
			if list := due(t, db, jobs.Bulk, at); len(list) > 0 {
				if claims, err := db.Claim(ctx, w, []int64{list[len(list)-1].ID}, at); err != nil || len(claims) > 0 && claims[0].Message.Kind == jobs.CampaignMail {
					t.Fatalf("claimed while the campaign is paused: %v, %v", claims, err)
				}
			}
			some()
			move(t, func() (jobs.Campaign, error) { return db.ResumeCampaign(ctx, "nieuws", "een", at) }, jobs.CampaignRunning)
		}
		step(t, db, "nieuws", 7, at)
		seen := map[int64]bool{}
		for _, m := range rowsOf(t, db, "nieuws") {
			if m.State != jobs.Planned || seen[m.RegistrationID] {
				t.Errorf("message %d of registration %d is %s, seen: %v", m.ID, m.RegistrationID, m.State, seen[m.RegistrationID])
			}
			seen[m.RegistrationID] = true
		}
		equal(t, "people with a message", len(seen), people)

		move(t, func() (jobs.Campaign, error) { return db.CancelCampaign(ctx, "nieuws", "een", at) }, jobs.CampaignCancelled)
		step(t, db, "nieuws", 7, at)
		for _, m := range rowsOf(t, db, "nieuws") {
			equal(t, "state after the cancellation", m.State, jobs.CancelledState)
		}
		var no *ledger.CampaignError
		if _, err := db.ResumeCampaign(ctx, "nieuws", "een", at); !errors.As(err, &no) {
			t.Errorf("resumed after it was cancelled: %v", err)
		}
	})
}

// TestCampaignGoesNoMore: what a person or an organiser decides between the
// claim and the final dot wins, and between the queue and the claim as well.
func TestCampaignGoesNoMore(t *testing.T) {
	for name, c := range map[string]struct {
		state  jobs.State
		reason string
		do     func(t *testing.T, db *ledger.DB, r jobs.Registration) error
	}{
		"paused": {jobs.HeldState, jobs.ReasonCampaignHeld, func(t *testing.T, db *ledger.DB, _ jobs.Registration) error {
			_, err := db.PauseCampaign(t.Context(), "nieuws", "", "een", now)
			return err
		}},
		"cancelled": {jobs.CancelledState, jobs.ReasonCampaignOff, func(t *testing.T, db *ledger.DB, _ jobs.Registration) error {
			_, err := db.CancelCampaign(t.Context(), "nieuws", "een", now)
			return err
		}},
		"unsubscribed": {jobs.Suppressed, jobs.ReasonUnsubscribed, func(t *testing.T, db *ledger.DB, r jobs.Registration) error {
			return db.UnsubscribeRegistration(t.Context(), r.ID, "proef", now)
		}},
		"registration cancelled": {jobs.CancelledState, jobs.ReasonPersonOff, func(t *testing.T, db *ledger.DB, r jobs.Registration) error {
			_, err := db.Cancel(t.Context(), "workshop", r.Email, "", now)
			return err
		}},
		"suppressed": {jobs.Suppressed, jobs.ReasonOnSuppression, func(t *testing.T, db *ledger.DB, r jobs.Registration) error {
			return db.Suppress(t.Context(), r.Email, "proef", now)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			ledgertest.Each(t, func(t *testing.T, db *ledger.DB) {
				apply(t, db, programme(start1130, rules), now)
				held, queued := register(t, db, "jan@example.nl", now), register(t, db, "piet@example.nl", now)
				confirmation := claim(t, db, live(t, db, "w1", now), message(t, db, held, "confirmation").ID, now)
				save(t, db, news(t, "nieuws", "event=workshop"), now)
				sendNow(t, db, "nieuws", now)
				step(t, db, "nieuws", 100, now)
				w := live(t, db, "w1", now)
				in := claim(t, db, w, message(t, db, held, "nieuws").ID, now)
				for _, r := range []jobs.Registration{held, queued} {
					if err := c.do(t, db, r); err != nil && r.ID == held.ID {
						t.Fatal(err)
					}
				}
				if finalDot(t, db, in, now) {
					t.Error("the final dot was allowed")
				}
				// As a worker gives it back, if it may.
				record(t, db, jobs.Outcome{ID: in.Message.ID, Fence: in.Fence, State: jobs.Retry, NextAttemptAt: now}, now)
				for _, r := range []jobs.Registration{held, queued} {
					id := message(t, db, r, "nieuws").ID
					if claims, err := db.Claim(t.Context(), w, []int64{id}, now); err != nil || len(claims) > 0 {
						t.Errorf("claimed: %v, %v", claims, err)
					}
					m := message(t, db, r, "nieuws")
					equal(t, "state", m.State, c.state)
					equal(t, "reason", m.Reason, c.reason)
				}
				if want := name != "registration cancelled" && name != "suppressed"; finalDot(t, db, confirmation, now) != want {
					t.Errorf("the confirmation may leave: %v, want %v", !want, want)
				}
			})
		})
	}
}

// TestCampaignCanary: twenty go first, and the rest waits.
func TestCampaignCanary(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, db *ledger.DB) {
		apply(t, db, programme(start1130, rules), now)
		fill(t, db, 50)
		save(t, db, news(t, "nieuws", "event=workshop"), now)
		c, err := db.SendCampaign(t.Context(), "nieuws", ledger.SendOptions{Count: 50, By: "een"}, now)
		if err != nil {
			t.Fatal(err)
		}
		step(t, db, "nieuws", 7, c.StartAt)
		step(t, db, "nieuws", 100, c.StartAt)
		first := len(rowsOf(t, db, "nieuws"))
		if first == 0 || first > jobs.CanarySize {
			t.Errorf("%d went first", first)
		}
		if kept, err := db.KeepCampaigns(t.Context(), c.StartAt); err != nil || len(kept.Done) > 0 {
			t.Errorf("done before the rest: %+v, %v", kept, err)
		}
		step(t, db, "nieuws", 100, c.StartAt.Add(jobs.CanaryWait))
		equal(t, "all", len(rowsOf(t, db, "nieuws")), 50)
	})
}

// TestCampaignStoodStill: a ledger of yesterday asks a person first, about a
// campaign that runs in it and about one that was to begin.
func TestCampaignStoodStill(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, db *ledger.DB) {
		ctx := t.Context()
		apply(t, db, programme(start1130, rules), now)
		fill(t, db, 3)
		save(t, db, news(t, "loopt", "event=workshop"), now)
		sendNow(t, db, "loopt", now)
		step(t, db, "loopt", 100, now)
		save(t, db, news(t, "gepland", "event=workshop"), now)
		if _, err := db.SendCampaign(ctx, "gepland", ledger.SendOptions{Count: 3, By: "een"}, now); err != nil {
			t.Fatal(err)
		}
		next := now.Add(time.Hour)
		if kept, err := db.KeepCampaigns(ctx, next); err != nil || len(kept.Paused) > 0 {
			t.Fatalf("after an hour: %+v, %v", kept, err)
		}
		later := next.Add(jobs.CampaignMaxLate + time.Second)
		w := live(t, db, "w1", later)
		for _, m := range rowsOf(t, db, "loopt") {
			if claims, err := db.Claim(ctx, w, []int64{m.ID}, later); err != nil || len(claims) > 0 {
				t.Errorf("claimed before anybody looked: %v, %v", claims, err)
			}
		}
		step(t, db, "gepland", 100, later)
		equal(t, "rows of the one that was to begin", len(rowsOf(t, db, "gepland")), 0)
		kept, err := db.KeepCampaigns(ctx, later)
		slices.Sort(kept.Paused)
		if err != nil || !slices.Equal(kept.Paused, []string{"gepland", "loopt"}) {
			t.Errorf("kept %+v, %v", kept, err)
		}
		move(t, func() (jobs.Campaign, error) { return db.ResumeCampaign(ctx, "loopt", "een", later) }, jobs.CampaignRunning)
		step(t, db, "loopt", 100, later)
		claim(t, db, w, rowsOf(t, db, "loopt")[0].ID, later)
		move(t, func() (jobs.Campaign, error) { return db.ResumeCampaign(ctx, "gepland", "een", later) }, jobs.CampaignScheduled)
		step(t, db, "gepland", 100, later)
		equal(t, "rows of the other, now that somebody said so", len(rowsOf(t, db, "gepland")), 3)
	})
}

// TestCampaignAndPlan: what the planner does leaves campaigns alone.
func TestCampaignAndPlan(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, db *ledger.DB) {
		apply(t, db, programme(start1130, rules), now)
		r := register(t, db, "jan@example.nl", now)
		save(t, db, news(t, "nieuws", "event=workshop"), now)
		sendNow(t, db, "nieuws", now)
		step(t, db, "nieuws", 100, now)
		before := message(t, db, r, "nieuws")
		apply(t, db, programme("2026-11-20T11:30", rules), now)
		importRows(t, db, now, ledger.Row{Registration: person(t, "jan@example.nl")})
		equal(t, "after a move and an import", message(t, db, r, "nieuws"), before)
		w := live(t, db, "w1", now)
		send(t, db, w, before.ID, now)
		equal(t, "sent", message(t, db, r, "nieuws").State, jobs.Sent)
	})
}

// twoEvents is a programme with the workshop and a signing.
func twoEvents() []byte {
	return []byte(strings.Replace(string(programme(start1130, rules)), "events:\n", `events:
  - id: signing
    start: 2026-12-03T15:00
    title: Ondertekening
    location: {name: Zaal 2}
    organizer: {name: Team, email: team@example.nl}
    messages: [{name: confirmation}]
`, 1))
}

// TestAudienceIsOneQuery holds the SQL of an audience against jobs, over random
// people and expressions, and the frozen audience against what was shown.
func TestAudienceIsOneQuery(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, db *ledger.DB) {
		ctx := t.Context()
		apply(t, db, twoEvents(), now)
		random := rand.New(rand.NewPCG(3, 4))
		pick := func(list ...string) string { return list[random.IntN(len(list))] }
		for i := range 120 {
			r := jobs.Registration{
				EventID: pick("workshop", "signing"), Name: pick("Jan", "jan", "ÉÉN", "O'Brien %_", "", "Anna \"x\""),
				Organisation: pick("Gemeente Delft", "gemeente delft", "", "100%"), Lang: jobs.Lang(pick("nl", "en")), Source: "proef",
				Email: address(t, fmt.Sprintf("p%d@%s", i*2/3, pick("minbzk.nl", "sub.minbzk.nl", "notminbzk.nl", "a.nl", "example.org"))),
				Tags:  strings.Fields(pick("", "vip", "vip staff", "vipx", "staff")),
			}
			reg, _, err := db.Register(ctx, r, now)
			if err != nil {
				t.Fatal(err)
			}
			switch random.IntN(12) {
			case 0:
				_, err = db.Cancel(ctx, reg.EventID, reg.Email, "", now)
			case 1:
				err = db.Suppress(ctx, reg.Email, "proef", now)
			case 2:
				err = db.UnsubscribeRegistration(ctx, reg.ID, "proef", now)
			case 3:
				_, err = db.Approve(ctx, reg.EventID, reg.Email, now)
			}
			if err != nil && !errors.Is(err, ledger.ErrNotFound) {
				t.Fatal(err)
			}
		}
		everybody := all(t, db, ledger.RegistrationFilter{})
		conditions := []string{"everyone", "event=workshop", "event=signing,workshop", "!event=signing", "lang=en", "!lang=nl,en", "domain=minbzk.nl", "!domain=minbzk.nl",
			"tag=vip", "tag=vip,staff", "!tag=vip", "answered=no", "answered=yes", "organisation=\"Gemeente DELFT\"", "organisation=100%", "name=jan", "name=één",
			"name=ÉÉN", "name=\"o'brien %_\"", "approved=yes", "approved=no", "status=held", "status=registered,held,refused", "email=p0@minbzk.nl,p1@a.nl", "event=nergens"}
		for n := range 80 {
			var parts []string
			for range 1 + random.IntN(3) {
				parts = append(parts, conditions[random.IntN(len(conditions))])
			}
			if n < len(conditions) {
				parts = conditions[n : n+1]
			}
			name, text := fmt.Sprintf("c%d", n), strings.Join(parts, " ")
			c := news(t, name, text)
			c.Invitation = random.IntN(3) == 0
			save(t, db, c, now)
			people, out := chosen(t, db, name)
			// What jobs makes of it: everybody chosen is either counted or left out.
			want, got := map[string]bool{}, map[string]bool{}
			for _, r := range everybody {
				if c.Audience.Chooses(r) {
					want[r.Email.String()] = true
				}
			}
			for _, p := range people {
				if got[p] {
					t.Errorf("%s: %s counts twice", text, p)
				}
				got[p] = true
			}
			for key, why := range out {
				email, _, _ := strings.Cut(key, " ")
				if counts := slices.Contains(people, email); counts != (why == jobs.ReasonSameAddress) && !(c.Invitation && why == jobs.ReasonNotInvited) {
					t.Errorf("%s: %s is left out because %q, and counts: %v", text, email, why, counts)
				}
				got[email] = true
			}
			if !maps.Equal(got, want) {
				t.Errorf("%s: SQL chooses %d addresses and jobs %d", text, len(got), len(want))
			}
			for _, r := range everybody {
				if c.Invitation && slices.Contains(people, r.Email.String()) && !slices.ContainsFunc(everybody, func(o jobs.Registration) bool {
					return o.Email == r.Email && o.EventID == "workshop" && o.Status == jobs.Registered
				}) {
					t.Errorf("%s: %s is not registered for the workshop and is invited to it", text, r.Email)
				}
			}
			if len(people) == 0 {
				continue
			}
			sendNow(t, db, name, now)
			frozen, outThen := chosen(t, db, name)
			if !slices.Equal(frozen, people) || !maps.Equal(outThen, out) {
				t.Errorf("%s: shown %v and frozen %v", text, people, frozen)
			}
			step(t, db, name, 10, now)
			var written []string
			for _, m := range rowsOf(t, db, name) {
				written = append(written, m.Email.String())
			}
			slices.Sort(written)
			slices.Sort(people)
			if !slices.Equal(written, people) {
				t.Errorf("%s: shown %v and written %v", text, people, written)
			}
		}
	})
}

// TestCampaignFile: a file is of the text it was saved with, and stays as it was
// once that was sent.
func TestCampaignFile(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, db *ledger.DB) {
		apply(t, db, programme(start1130, rules), now)
		register(t, db, "jan@example.nl", now)
		register(t, db, "piet@example.nl", now)
		ctx := t.Context()
		file := func(text string) *jobs.File {
			f, err := jobs.NewFile("Één dag.pdf", []byte("%PDF-1.7\n\x00\xff"+text+"\n%%EOF\n"))
			if err != nil {
				t.Fatal(err)
			}
			return &f
		}
		saved := func(f *jobs.File) {
			t.Helper()
			if err := db.SaveCampaign(ctx, news(t, "nieuws", "everyone"), f, "een", now); err != nil {
				t.Fatal(err)
			}
		}
		is := func(want *jobs.File) {
			t.Helper()
			got, err := db.CampaignFile(ctx, "nieuws")
			c := campaignOf(t, db, "nieuws")
			if want == nil {
				if !errors.Is(err, ledger.ErrNotFound) || c.Attachment != (jobs.Attachment{}) {
					t.Errorf("%v, %+v, want no file", err, c.Attachment)
				}
				return
			}
			if err != nil || got.Name != want.Name || !bytes.Equal(got.Data, want.Data) || c.Attachment != want.Attachment() {
				t.Errorf("%v, %q with %q, %+v", err, got.Name, got.Data, c.Attachment)
			}
		}
		saved(file("een"))
		is(file("een"))
		saved(file("twee"))
		is(file("twee"))
		saved(nil)
		is(nil)
		saved(file("drie"))
		if _, err := db.SendCampaign(ctx, "nieuws", ledger.SendOptions{Count: 2, By: "een"}, now); err != nil {
			t.Fatal(err)
		}
		if err := db.SaveCampaign(ctx, news(t, "nieuws", "everyone"), file("vier"), "een", now); err == nil {
			t.Error("a campaign that was sent got another file")
		}
		is(file("drie"))
	})
}

// TestCampaignResumedWhileClaimed lets a campaign go on while a worker's claim is
// putting its messages aside, because it was paused: none may stay held. Only
// PostgreSQL can be in the middle of both.
func TestCampaignResumedWhileClaimed(t *testing.T) {
	url := ledgertest.Postgres(t)
	db, other, raw := ledgertest.Open(t, url), ledgertest.Open(t, url), ledgertest.SQL(t, url)
	apply(t, db, programme(start1130, rules), now)
	r := register(t, db, "jan@example.nl", now)
	for _, name := range []string{"eerst", "nieuws"} {
		save(t, db, news(t, name, "everyone"), now)
		sendNow(t, db, name, now)
		step(t, db, name, 10, now)
		move(t, func() (jobs.Campaign, error) { return db.PauseCampaign(t.Context(), name, "", "een", now) }, jobs.CampaignPaused)
	}
	w := live(t, db, "w1", now)
	first, second := message(t, db, r, "eerst"), message(t, db, r, "nieuws")

	// The claim gets stuck at the first message, with the second before it.
	tx, err := raw.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	if _, err := tx.ExecContext(t.Context(), `SELECT 1 FROM messages WHERE id = $1 FOR UPDATE`, first.ID); err != nil {
		t.Fatal(err)
	}
	var both sync.WaitGroup
	both.Go(func() {
		if claims, err := other.Claim(t.Context(), w, []int64{first.ID, second.ID}, now); err != nil || len(claims) != 0 {
			t.Errorf("%d claims, %v", len(claims), err)
		}
	})
	waiting := func(n int) bool {
		var have int
		if err := raw.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`).Scan(&have); err != nil {
			t.Fatal(err)
		}
		return have >= n
	}
	until := func(ok func() bool) {
		t.Helper()
		for limit := time.Now().Add(time.Minute); !ok(); time.Sleep(5 * time.Millisecond) {
			if time.Now().After(limit) {
				t.Fatal("it does not come so far")
			}
		}
	}
	until(func() bool { return waiting(1) })
	var resumed atomic.Bool
	both.Go(func() {
		defer resumed.Store(true)
		if _, err := db.ResumeCampaign(t.Context(), "nieuws", "een", now); err != nil {
			t.Error(err)
		}
		if _, err := db.StepCampaign(t.Context(), "nieuws", 10, now); err != nil {
			t.Error(err)
		}
	})
	until(func() bool { return resumed.Load() || waiting(2) })
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	both.Wait()
	equal(t, "that of the one that is paused", message(t, db, r, "eerst").State, jobs.HeldState)
	equal(t, "that of the one that goes on", message(t, db, r, "nieuws").State, jobs.Planned)
}
