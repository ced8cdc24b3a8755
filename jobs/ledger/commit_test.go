package ledger_test

import (
	"fmt"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"heraut/jobs"
	"heraut/jobs/ledger"
	"heraut/jobs/ledger/ledgertest"
)

// soon is a rule whose moment comes while a late confirmation still waits.
const soon = `    messages:
      - {name: confirmation}
      - {name: soon, kind: reminder, at: "-45m"}
`

// pair is a person whose confirmation is late and whose reminder is due: both
// are claimed, at the same time.
type pair struct {
	reg                    jobs.Registration
	confirmation, reminder jobs.Claim
}

// pairs registers people and claims what they are owed at the moment of the
// reminder, which is given back.
func pairs(t *testing.T, db *ledger.DB, n int) (list []pair, at time.Time) {
	t.Helper()
	at = start.Add(-45 * time.Minute)
	apply(t, db, programme(start1130, soon), now)
	w := live(t, db, "w1", now)
	for i := range n {
		r := register(t, db, fmt.Sprintf("persoon%d@example.nl", i), at.Add(-35*time.Minute))
		list = append(list, pair{r, claim(t, db, w, message(t, db, r, "confirmation").ID, at), claim(t, db, w, message(t, db, r, "soon").ID, at)})
	}
	return list, at
}

func dot(c jobs.Claim) jobs.Dot {
	return jobs.Dot{ID: c.Message.ID, Fence: c.Fence, MessageID: fmt.Sprintf("<%d@example.nl>", c.Message.ID)}
}

func sentAt(c jobs.Claim, at time.Time) jobs.Outcome {
	return jobs.Outcome{ID: c.Message.ID, Fence: c.Fence, State: jobs.Sent, SentAt: at, SMTP: "250 ok"}
}

// commit commits, and says what was written as one text: a 1 or 0 for each dot
// and each outcome.
func commit(t *testing.T, db *ledger.DB, dots []jobs.Dot, outcomes []jobs.Outcome, at time.Time) string {
	t.Helper()
	dotsOK, outcomesOK, err := db.Commit(t.Context(), dots, outcomes, at)
	if err != nil {
		t.Fatal(err)
	}
	digits := map[bool]string{true: "1", false: "0"}
	var s string
	for _, ok := range dotsOK {
		s += digits[ok]
	}
	s += " "
	for _, ok := range outcomesOK {
		s += digits[ok]
	}
	return s
}

// TestCommitTogether writes what holds of a group and nothing else.
func TestCommitTogether(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, db *ledger.DB) {
		apply(t, db, programme(start1130, rules), now)
		w := live(t, db, "w1", now)
		var claims []jobs.Claim
		for _, name := range []string{"jan", "piet", "klaas", "kees"} {
			r := register(t, db, name+"@example.nl", now)
			claims = append(claims, claim(t, db, w, message(t, db, r, "confirmation").ID, now))
		}
		old := claims[3]
		old.Fence--
		equal(t, "dots", commit(t, db, []jobs.Dot{dot(claims[0]), dot(claims[1]), dot(old)}, nil, now), "110 ")
		got := commit(t, db, []jobs.Dot{dot(claims[2]), dot(old)}, []jobs.Outcome{sentAt(claims[0], now), sentAt(old, now), sentAt(claims[3], now), sentAt(claims[1], now)}, now)
		equal(t, "dots and outcomes", got, "10 1001")
		for i, state := range []jobs.State{jobs.Sent, jobs.Sent, jobs.FinalDot, jobs.Claimed} {
			m := messages(t, db, ledger.MessageFilter{ID: claims[i].Message.ID})[0]
			equal(t, "state", m.State, state)
			if id := fmt.Sprintf("<%d@example.nl>", m.ID); state != jobs.Claimed {
				equal(t, "Message-ID", m.MessageID, id)
			}
		}
	})
}

// TestCommitPlainlySent writes what most outcomes are, sent and no more, by the
// shorter statement and by the one for all outcomes, which a group that names
// a message twice takes. They leave the same behind.
func TestCommitPlainlySent(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, db *ledger.DB) {
		apply(t, db, programme(start1130, rules), now)
		w := live(t, db, "w1", now)
		var left []jobs.Message
		for i, group := range []int{1, 2} {
			r := register(t, db, fmt.Sprintf("persoon%d@example.nl", i), now)
			c := claim(t, db, w, message(t, db, r, "confirmation").ID, now)
			commit(t, db, []jobs.Dot{{ID: c.Message.ID, Fence: c.Fence, MessageID: "<een@example.nl>"}}, nil, now)
			outcomes := slices.Repeat([]jobs.Outcome{sentAt(c, now)}, group)
			equal(t, "written", commit(t, db, nil, outcomes, now)[:2], " 1")
			m := message(t, db, r, "confirmation")
			m.ID, m.RegistrationID = 0, 0
			left = append(left, m)
		}
		equal(t, "state", left[0].State, jobs.Sent)
		equal(t, "sent at", left[0].SentAt, now)
		equal(t, "answer", left[0].SMTP, "250 ok")
		if !reflect.DeepEqual(left[0], left[1]) {
			t.Errorf("the shorter statement left\n%+v\nthe other\n%+v", left[0], left[1])
		}
	})
}

// TestCommitInOrder has dots that the outcomes of their own group forbid.
func TestCommitInOrder(t *testing.T) {
	refused := func(c jobs.Claim) jobs.Outcome {
		return jobs.Outcome{ID: c.Message.ID, Fence: c.Fence, State: jobs.Failed, SMTP: "550 5.1.1 no such user", Suppress: true}
	}
	ledgertest.Each(t, func(t *testing.T, db *ledger.DB) {
		list, at := pairs(t, db, 4)
		equal(t, "final dots of confirmations", commit(t, db, []jobs.Dot{dot(list[0].confirmation), dot(list[2].confirmation)}, nil, at), "11 ")
		equal(t, "a reminder beside the confirmation",
			commit(t, db, []jobs.Dot{dot(list[0].reminder), dot(list[1].reminder)}, []jobs.Outcome{sentAt(list[0].confirmation, at)}, at), "01 1")
		equal(t, "the reminder waits", message(t, db, list[0].reg, "soon").NextAttemptAt, at.Add(jobs.Distance))
		equal(t, "an address that was just refused",
			commit(t, db, []jobs.Dot{dot(list[2].reminder), dot(list[3].reminder)}, []jobs.Outcome{refused(list[2].confirmation)}, at), "01 1")
		equal(t, "given back and sent in one group",
			commit(t, db, []jobs.Dot{dot(list[3].confirmation)}, []jobs.Outcome{{ID: list[3].confirmation.Message.ID, Fence: list[3].confirmation.Fence, State: jobs.Planned}}, at), "0 1")
	})
}

// TestCommitRace has two workers commit at once, each the outcomes of people
// whose reminders the other is about to send: a reminder leaves, or it is put
// off by the confirmation, and never both.
func TestCommitRace(t *testing.T) {
	ledgertest.EachURL(t, func(t *testing.T, url string) {
		db, other := ledgertest.Open(t, url), ledgertest.Open(t, url)
		const rounds, half = 4, 8 // PostgreSQL takes a second to see a deadlock
		list, at := pairs(t, db, 2*half*rounds)
		left := 0
		for round := range slices.Chunk(list, 2*half) {
			var dots []jobs.Dot
			for _, p := range round {
				dots = append(dots, dot(p.confirmation))
			}
			if _, err := db.FinalDot(t.Context(), dots, at); err != nil {
				t.Fatal(err)
			}
			passed := make([]bool, len(round))
			var both sync.WaitGroup
			begin := make(chan struct{})
			for n, handle := range []*ledger.DB{db, other} {
				mine, theirs := round[n*half:(n+1)*half], round[(1-n)*half:(2-n)*half]
				both.Go(func() {
					var dots []jobs.Dot
					var outcomes []jobs.Outcome
					for i := range half {
						outcomes = append(outcomes, sentAt(mine[i].confirmation, at))
						dots = append(dots, dot(theirs[half-1-i].reminder))
					}
					<-begin
					dotsOK, outcomesOK, err := handle.Commit(t.Context(), dots, outcomes, at)
					if err != nil {
						t.Error(err)
						return
					}
					if slices.Contains(outcomesOK, false) {
						t.Error("an outcome was not written")
					}
					for i, ok := range dotsOK {
						passed[(1-n)*half+half-1-i] = ok
					}
				})
			}
			close(begin)
			both.Wait()
			for i, p := range round {
				m := message(t, db, p.reg, "soon")
				switch {
				case passed[i] && m.State == jobs.FinalDot:
					left++
				case passed[i] || m.State != jobs.Planned || !m.NextAttemptAt.Equal(at.Add(jobs.Distance)):
					t.Errorf("dot allowed: %v, and the reminder is %s until %v", passed[i], m.State, m.NextAttemptAt)
				}
			}
		}
		t.Logf("%d of %d reminders were first", left, len(list))
	})
}

// TestFinalDotLooksAgain changes what stands behind a claim without the fence,
// which all ways through the ledger raise: the last look does not rely on them.
func TestFinalDotLooksAgain(t *testing.T) {
	for name, statement := range map[string]string{
		"registration": `UPDATE registrations SET status = 'cancelled'`,
		"event":        `UPDATE events SET revision = revision + 1`,
		"suppression":  `INSERT INTO suppressions (email_key, reason, created_at) VALUES ('jan@example.nl', '', 0)`,
	} {
		t.Run(name, func(t *testing.T) {
			ledgertest.EachURL(t, func(t *testing.T, url string) {
				db := ledgertest.Open(t, url)
				_, m := confirmed(t, db)
				c := claim(t, db, live(t, db, "w1", now), m.ID, now)
				if _, err := ledgertest.SQL(t, url).ExecContext(t.Context(), statement); err != nil {
					t.Fatal(err)
				}
				if finalDot(t, db, c, now) {
					t.Error("final dot allowed")
				}
			})
		})
	}
}
