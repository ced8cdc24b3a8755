package ledger_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"heraut/jobs"
	"heraut/jobs/ledger"
	"heraut/jobs/ledger/ledgertest"
)

// oneReminder is the rule of an event that invites nobody by itself.
const oneReminder = `    messages:
      - {name: day-before, kind: reminder, at: "-1d 09:00"}
`

// inviting is a campaign that carries the invitation.
func inviting(t testing.TB, name, audience string) jobs.Campaign {
	c := news(t, name, audience)
	c.Invitation = true
	return c
}

// agenda registers two people, and has a campaign invite them.
func agenda(t testing.TB, db *ledger.DB, one, other string) (a, b jobs.Registration) {
	t.Helper()
	apply(t, db, programme(start1130, oneReminder), now)
	a, b = register(t, db, one, now), register(t, db, other, now)
	save(t, db, inviting(t, "agenda", "everyone"), now)
	sendNow(t, db, "agenda", now)
	step(t, db, "agenda", 10, now)
	return a, b
}

// TestCampaignInvites: an invitation goes to who is registered for its event,
// and what puts it right later goes to who has it, and to nobody else.
func TestCampaignInvites(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, db *ledger.DB) {
		ctx, moved := t.Context(), programme("2026-11-20T11:30", oneReminder)
		apply(t, db, programme(start1130, oneReminder), now)
		first, second := register(t, db, "een@example.nl", now), register(t, db, "twee@example.nl", now)
		refused, third := register(t, db, "drie@example.nl", now), register(t, db, "vier@example.nl", now)
		save(t, db, inviting(t, "agenda", "everyone"), now)
		equal(t, "saved", campaignOf(t, db, "agenda").Invitation, true)
		sendNow(t, db, "agenda", now)
		// One is not written yet when the event moves.
		if _, err := db.StepCampaign(ctx, "agenda", 3, now); err != nil {
			t.Fatal(err)
		}
		m := message(t, db, first, "agenda")
		equal(t, "end", m.ExpiresAt, now.Add(jobs.CampaignLasts))
		equal(t, "sequence", m.Sequence, 0)
		w := live(t, db, "w1", now)
		send(t, db, w, m.ID, now)
		failed := claim(t, db, w, message(t, db, refused, "agenda").ID, now)
		equal(t, "failure", record(t, db, jobs.Outcome{ID: failed.Message.ID, Fence: failed.Fence, State: jobs.Failed}, now), true)
		held := claim(t, db, w, message(t, db, second, "agenda").ID, now)
		done := apply(t, db, moved, now)
		equal(t, "mails that moving causes", fmt.Sprint(done.Mails), "map[change:1]")
		equal(t, "dot after the move", finalDot(t, db, held, now), false)
		if err := db.RetryMessage(ctx, failed.Message.ID, now); err == nil {
			t.Error("an invitation of the old date is sent once more")
		}
		step(t, db, "agenda", 3, now)
		same(t, "who has it", states(t, db, first), []string{"agenda/0=sent", "change/1=planned", "day-before/0=cancelled", "day-before/1=planned"})
		for _, r := range []jobs.Registration{second, third} {
			same(t, "who has none", states(t, db, r), []string{"agenda/0=cancelled", "day-before/0=cancelled", "day-before/1=planned"})
			equal(t, "reason", message(t, db, r, "agenda").Reason, jobs.ReasonMoved)
		}
		report, err := db.CampaignReport(ctx, "agenda")
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "report", fmt.Sprint(report.Messages, report.LeftOut, report.Unwritten), fmt.Sprintf("map[cancelled:2 failed:1 sent:1] map[%s:2] 0", jobs.ReasonMoved))

		// The next one is of the new date, and is taken back like any other.
		later := now.Add(time.Hour)
		save(t, db, inviting(t, "agenda-2", "everyone"), later)
		sendNow(t, db, "agenda-2", later)
		step(t, db, "agenda-2", 10, later)
		m = message(t, db, second, "agenda-2")
		equal(t, "sequence", m.Sequence, 1)
		send(t, db, w, m.ID, later)
		for _, r := range []jobs.Registration{second, third} {
			if _, err := db.Cancel(ctx, "workshop", r.Email, "", later); err != nil {
				t.Fatal(err)
			}
		}
		equal(t, "sequence of the cancellation", message(t, db, second, "cancellation").Sequence, 2)
		same(t, "who was not invited", states(t, db, third), []string{"agenda-2/0=cancelled", "agenda/0=cancelled", "day-before/0=cancelled", "day-before/1=cancelled"})
		equal(t, "reason", message(t, db, third, "agenda-2").Reason, jobs.ReasonPersonOff)
	})
}

// TestCampaignInvitesTwice: a worker has the second copies of invitations in doubt
// when one person cancels and the event moves for the other. They may have the first.
func TestCampaignInvitesTwice(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, db *ledger.DB) {
		ctx := t.Context()
		goes, stays := agenda(t, db, "een@example.nl", "twee@example.nl")
		w := live(t, db, "w1", now)
		for _, r := range []jobs.Registration{goes, stays} {
			m := message(t, db, r, "agenda")
			c := claim(t, db, w, m.ID, now)
			equal(t, "final dot", finalDot(t, db, c, now), true)
			equal(t, "in doubt", record(t, db, jobs.Outcome{ID: m.ID, Fence: c.Fence, State: jobs.InDoubt}, now), true)
			if err := db.ResolveMessage(ctx, m.ID, jobs.Planned, now); err != nil {
				t.Fatal(err)
			}
			claim(t, db, w, m.ID, now)
		}
		if _, err := db.Cancel(ctx, "workshop", goes.Email, "", now); err != nil {
			t.Fatal(err)
		}
		apply(t, db, programme("2026-11-20T11:30", oneReminder), now)
		send(t, db, w, message(t, db, goes, "cancellation").ID, now)
		send(t, db, w, message(t, db, stays, "change").ID, now)
	})
}

// TestCampaignInvitesNobodyElse: who may not come, and an event that has begun,
// are not in time for an invitation.
func TestCampaignInvitesNobodyElse(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, db *ledger.DB) {
		ctx := t.Context()
		jan, piet := agenda(t, db, "jan@minbzk.nl", "piet@example.nl")
		apply(t, db, programme(start1130, fmt.Sprintf(civilServants, "hold")+oneReminder), now)
		w := live(t, db, "w1", now)
		for _, r := range []jobs.Registration{jan, piet} {
			if _, err := db.Claim(ctx, w, []int64{message(t, db, r, "agenda").ID}, now); err != nil {
				t.Fatal(err)
			}
		}
		equal(t, "a civil servant's", message(t, db, jan, "agenda").State, jobs.Claimed)
		equal(t, "one of who is held", message(t, db, piet, "agenda").State, jobs.CancelledState)
		equal(t, "reason", message(t, db, piet, "agenda").Reason, jobs.ReasonOvertaken)
		save(t, db, inviting(t, "agenda-2", "status=registered,held"), now)
		people, out := chosen(t, db, "agenda-2")
		equal(t, "audience", fmt.Sprint(people, out), fmt.Sprintf("[jan@minbzk.nl] map[piet@example.nl workshop:%s]", jobs.ReasonNotInvited))

		// One that begins when the event does invites nobody; one that is on its way
		// then goes no further.
		_, err := db.SendCampaign(ctx, "agenda-2", ledger.SendOptions{Count: 1, By: "een", At: start}, now)
		if err == nil || !strings.Contains(err.Error(), "started") {
			t.Errorf("sent at the start of the event: %v", err)
		}
		soon := start.Add(-time.Hour)
		save(t, db, inviting(t, "agenda-3", "everyone"), soon)
		sendNow(t, db, "agenda-3", soon)
		step(t, db, "agenda-3", 10, soon)
		equal(t, "end", message(t, db, jan, "agenda-3").ExpiresAt, start)
		if _, err := db.Sweep(ctx, start); err != nil {
			t.Fatal(err)
		}
		equal(t, "reason", message(t, db, jan, "agenda-3").Reason, jobs.ReasonStarted)
	})
}

// TestCampaignInvitesWhileCancelled has people cancel while a campaign invites
// them: who got the dot of an invitation is owed a cancellation, who got none is
// owed none.
func TestCampaignInvitesWhileCancelled(t *testing.T) {
	const people, chunk = 600, 20
	ledgertest.EachURL(t, func(t *testing.T, url string) {
		db, other := ledgertest.Open(t, url), ledgertest.Open(t, url)
		apply(t, db, programme(start1130, oneReminder), now)
		fill(t, db, people)
		save(t, db, inviting(t, "agenda", "everyone"), now)
		for _, by := range []string{"een", "twee"} {
			if _, err := db.SendCampaign(t.Context(), "agenda", ledger.SendOptions{Count: people, By: by, AtOnce: true}, now); err != nil {
				t.Fatal(err)
			}
		}
		w := live(t, db, "w1", now)
		everybody := all(t, db, ledger.RegistrationFilter{})
		for i, those := range slices.Collect(slices.Chunk(everybody, chunk)) {
			var both sync.WaitGroup
			written, half := make(chan struct{}), make(chan struct{})
			both.Go(func() {
				switch i % 4 {
				case 0:
					<-half // of the dots are on record
				case 2:
					<-written // all rows are there
				}
				for _, r := range those {
					if r.ID%2 == 0 {
						if _, err := other.Cancel(t.Context(), "workshop", r.Email, "", now); err != nil {
							t.Error(err)
						}
					}
				}
			})
			both.Go(func() {
				reached := sync.OnceFunc(func() { close(half) })
				defer reached() // or an error would have the others wait for ever
				if _, err := db.StepCampaign(t.Context(), "agenda", chunk, now); err != nil {
					t.Error(err)
				}
				close(written)
				dots := 0
				for tickets := due(t, db, jobs.Bulk, now); len(tickets) > 0; tickets = due(t, db, jobs.Bulk, now) {
					for _, ticket := range tickets {
						claims, err := db.Claim(t.Context(), w, []int64{ticket.ID}, now)
						if err != nil {
							t.Error(err)
						}
						for _, c := range claims {
							finalDot(t, db, c, now)
							if dots++; dots == chunk/2 {
								reached()
							}
						}
					}
				}
			})
			both.Wait()
		}
		left := 0
		for _, r := range everybody {
			list := messages(t, db, ledger.MessageFilter{Registration: r.ID})
			invited := slices.ContainsFunc(list, func(m ledger.MessageRow) bool { return m.Kind == jobs.CampaignMail && m.State.Left() })
			owed := slices.ContainsFunc(list, func(m ledger.MessageRow) bool { return m.Kind == jobs.Cancellation })
			if owed != (invited && r.ID%2 == 0) {
				t.Fatalf("registration %d: invited %v, cancellation owed %v", r.ID, invited, owed)
			}
			if invited && r.ID%2 == 0 {
				left++
			}
		}
		if left == 0 || left == people/2 {
			t.Errorf("%d of %d invitations came before the cancellation: this was no race", left, people/2)
		}
		t.Logf("%d of %d invitations came before the cancellation", left, people/2)
	})
}
