package ledger_test

import (
	"fmt"
	"testing"
	"time"

	"heraut/jobs"
	"heraut/jobs/ledger"
	"heraut/jobs/ledger/ledgertest"
)

// TestComplain: a campaign stops at the third who calls it spam, of those who
// have it, and counts anew once a person let it go on.
func TestComplain(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, db *ledger.DB) {
		ctx := t.Context()
		apply(t, db, programme(start1130, rules), now)
		people := make([]jobs.Registration, 20)
		for i := range people {
			people[i] = register(t, db, fmt.Sprintf("p%d@example.org", i), now)
		}
		for _, name := range []string{"nieuws", "later"} {
			save(t, db, news(t, name, "event=workshop"), now)
			sendNow(t, db, name, now)
			step(t, db, name, 100, now)
		}
		w := live(t, db, "w1", now)
		for _, r := range people[:10] {
			send(t, db, w, message(t, db, r, "nieuws").ID, now)
		}
		complain := func(i int, at time.Time, want string) {
			t.Helper()
			paused, err := db.Complain(ctx, people[i].Email, at)
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			for _, c := range paused {
				got += fmt.Sprintf("%s %s %q", c.Name, c.State, c.Reason)
			}
			equal(t, fmt.Sprintf("paused by person %d", i), got, want)
		}
		complain(0, now, "")
		complain(0, now, "") // says so twice, and counts once
		complain(15, now, "")
		complain(16, now, "") // these two have none of it
		if err := db.UnsubscribeRegistration(ctx, people[1].ID, "link", now); err != nil {
			t.Fatal(err)
		}
		complain(1, now, "") // used the link before
		equal(t, "nieuws", campaignOf(t, db, "nieuws").State, jobs.CampaignRunning)
		complain(2, now, `nieuws paused "called spam by 3/10"`)
		complain(3, now, "") // it is paused already
		equal(t, "later, which nobody has", campaignOf(t, db, "later").State, jobs.CampaignRunning)
		equal(t, "who complained gets no other", message(t, db, people[2], "later").State, jobs.Suppressed)
		equal(t, "their own mail", message(t, db, people[2], "confirmation").State, jobs.Planned)
		_, out := chosen(t, db, "later")
		equal(t, "left out when frozen", len(out), 0)

		hour := now.Add(time.Hour)
		move(t, func() (jobs.Campaign, error) { return db.ResumeCampaign(ctx, "nieuws", "een", hour) }, jobs.CampaignRunning)
		complain(4, hour, "")
		complain(5, hour, "")
		complain(6, hour, `nieuws paused "called spam by 3/10"`)
		move(t, func() (jobs.Campaign, error) { return db.ResumeCampaign(ctx, "nieuws", "een", hour) }, jobs.CampaignRunning)
		complain(17, hour, "") // is about another one
		if err := db.Unsubscribe(ctx, address(t, "niemand@example.org"), "by hand", hour); err != nil {
			t.Error(err) // may register later
		}
	})
}
