package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/mail"
	"sync"
	"time"

	"heraut/jobs"
	"heraut/jobs/ledger"
	"heraut/jobs/queue"
	"heraut/templates"
	"heraut/worker"
	"heraut/worker/mailer"
	"heraut/worker/mailer/smtptest"
)

// duelScenarios have ten thousand cancels and moves race with the mails that
// they make void, on each database.
func duelScenarios() []scenario {
	duel := func(n int, combos, quick []combo) scenario {
		return scenario{row: 38, name: fmt.Sprintf("%d races of cancel or move against send", n), combos: combos, quick: quick, long: true,
			run: func(l *lab) { fightDuels(l, n) }}
	}
	return []scenario{duel(1000, []combo{}, extremes), duel(10_000, extremes, nil)}
}

// arena is a real worker, ledger, queue and SMTP server in this process, so that
// a cancel can come within microseconds of a dot.
type arena struct {
	lab  *lab
	db   *ledger.DB
	smtp *smtptest.Server
	stop func() // ends the worker

	mu   sync.Mutex
	came map[string][]smtptest.RecordedObject // invitations by recipient, in order
}

func openArena(l *lab) (a *arena, err error) {
	a = &arena{lab: l, came: map[string][]smtptest.RecordedObject{}, stop: func() {}}
	if a.db, err = ledger.Open(l.ctx, l.database); err != nil {
		return nil, err
	}
	l.cleanup(func() { _ = a.db.Close() })
	script := slow(time.Millisecond)
	script.OnMail = a.mail
	if a.smtp, err = smtptest.Listen(script); err != nil {
		return nil, err
	}
	l.cleanup(a.smtp.Close)
	set, err := templates.Load(nil)
	if err != nil {
		return nil, err
	}
	dialer, err := mailer.NewDialer(mailer.Config{URL: a.smtp.URL(), TLS: mailer.TLSNone})
	if err != nil {
		return nil, err
	}
	redis := queue.Embedded
	if l.redis != nil {
		redis = l.redis.uri()
	}
	log := slog.New(slog.DiscardHandler)
	q, err := queue.Open(l.ctx, redis, log)
	if err != nil {
		return nil, err
	}
	w, err := worker.New(worker.Config{Ledger: a.db, Queue: q, Templates: set, Dialer: dialer, Log: log,
		From: mail.Address{Name: "Proef", Address: "noreply@example.nl"}, TagKey: []byte("0123456789abcdef"), Tick: 20 * time.Millisecond})
	if err != nil {
		return nil, errors.Join(err, q.Close())
	}
	ctx, cancel := context.WithCancel(l.ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := errors.Join(w.Run(ctx), q.Close()); err != nil {
			l.fail("worker: %w", err)
		}
	}()
	a.stop = func() {
		cancel()
		<-ended
	}
	return a, nil
}

// mail notes what the SMTP server took.
func (a *arena) mail(m smtptest.Received) {
	a.lab.recorder.Mail(m)
	if o := smtptest.Describe(m).Calendar; o != nil {
		a.mu.Lock()
		a.came[m.To[0]] = append(a.came[m.To[0]], *o)
		a.mu.Unlock()
	}
}

// invitations gives what came to somebody: the number of invitations with a
// SEQUENCE, and of cancellations.
func (a *arena) invitations(email string, sequence int) (requests, cancels int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, o := range a.came[email] {
		switch {
		case o.Method == "CANCEL":
			cancels++
		case o.Sequence == sequence:
			requests++
		}
	}
	return requests, cancels
}

// crowd is how many people a round has: two tasks of the queue.
const crowd = 2 * queue.MaxBatch

// round is one event, with its people.
type round struct {
	*arena
	event  string
	people [crowd]jobs.Address
}

// fightDuels fights in rounds, of cancels and of moves in turn, until there were
// n races. The ledger says at each what had left; what the server took later is
// compared with that.
func fightDuels(l *lab, n int) {
	a, err := openArena(l)
	if err != nil {
		l.fail("open arena: %w", err)
		return
	}
	defer a.stop()
	days := map[string]int{} // event → days that it was moved
	var order []string
	fought, spared, stale := 0, 0, 0
	for i := 0; fought < n && !l.failed(); i++ {
		r := &round{arena: a, event: fmt.Sprintf("e%04d", i)}
		order, days[r.event] = append(order, r.event), 0
		a.apply(order, days)
		r.arrive(i)
		var left map[int]bool // by person, for those who were raced for
		if i%2 == 0 {
			left = r.cancels()
		} else {
			days[r.event] = 1
			left = r.move(func() { a.apply(order, days) })
		}
		r.settled()
		came := r.hadLeft(ledger.MessageFilter{Event: r.event})
		for person, gone := range left {
			fought++
			if !gone {
				spared++
			}
			if !r.fair(person, gone, came[person], i%2 == 0) {
				stale++
			}
		}
	}
	l.figure("%d races, in %d the cancel or move came first, %d stale", fought, spared, stale)
	l.require(l.failed() || stale == 0, "%d of %d mails were stale", stale, fought)
	l.require(l.failed() || spared > fought/20 && spared < fought*19/20, "%d of %d came first: this was no race", spared, fought)
}

// apply puts a programme in force with these events, each on its day.
func (a *arena) apply(events []string, days map[string]int) {
	source := "programme: Proef\ntimezone: Europe/Amsterdam\nevents:\n"
	for _, id := range events {
		source += fmt.Sprintf("  - id: %s\n    start: %sT11:30\n    title: Workshop\n    location: {name: Zaal 1}\n"+
			"    organizer: {name: Team, email: team@example.nl}\n    messages:\n      - {name: confirmation}\n",
			id, time.Now().AddDate(0, 1, days[id]).Format(time.DateOnly))
	}
	if _, err := a.db.Apply(a.lab.ctx, "programme.yaml", []byte(source), time.Now(), ledger.ApplyOptions{}); err != nil {
		a.lab.fail("%w", err)
	}
}

// arrive imports the people of the n-th round.
func (r *round) arrive(n int) {
	rows := make([]ledger.Row, crowd)
	for i := range rows {
		addr, err := jobs.ParseAddress(fmt.Sprintf("r%04d-%03d@example.org", n, i))
		if err != nil {
			r.lab.fail("%w", err)
		}
		r.people[i] = addr
		rows[i] = ledger.Row{Registration: jobs.Registration{Email: addr, Name: fmt.Sprintf("Persoon %d", i), Lang: jobs.Dutch}}
	}
	if _, err := r.db.Import(r.lab.ctx, r.event, rows, time.Now(), ledger.ImportOptions{}); err != nil {
		r.lab.fail("%w", err)
	}
}

// progress is how many people of this round have mail.
func (r *round) progress() (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.people {
		if len(r.came[p.String()]) > 0 {
			n++
		}
	}
	return n
}

// window is how close to the last one who got mail somebody is cancelled.
const window = 6

// cancels cancels people whose mail is about to leave, has just left, or is
// under way. The two tasks of a round go along side by side, each in its order,
// so somebody is looked for close to the last one who got mail.
func (r *round) cancels() map[int]bool {
	left := map[int]bool{}
	var mu sync.Mutex
	taken := map[int]bool{}
	var rivals sync.WaitGroup
	for rival := range 4 {
		random := rand.New(rand.NewPCG(r.lab.seed, uint64(rival)))
		begin, end := rival%2*queue.MaxBatch, (rival%2+1)*queue.MaxBatch
		rivals.Go(func() {
			for idle := 0; !r.lab.failed(); {
				near := r.reached(begin, end) - 1
				if near+window >= end || idle > 500 {
					return
				}
				person := max(begin, near+random.IntN(window))
				mu.Lock()
				again := taken[person]
				taken[person] = true
				mu.Unlock()
				r.lab.pause(time.Duration(random.IntN(2000)) * time.Microsecond)
				if again {
					idle++
					continue
				}
				idle = 0
				gone := r.cancel(person)
				mu.Lock()
				left[person] = gone
				mu.Unlock()
			}
		})
	}
	rivals.Wait()
	return left
}

// reached gives the last of some people who got mail, begin when none did.
func (r *round) reached(begin, end int) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := end - 1; i > begin; i-- {
		if len(r.came[r.people[i].String()]) > 0 {
			return i
		}
	}
	return begin
}

// cancel cancels one person and says whether, as the ledger has it then, the
// mail had left.
func (r *round) cancel(person int) (left bool) {
	reg, err := r.db.Cancel(r.lab.ctx, r.event, r.people[person], "", time.Now())
	if err != nil {
		r.lab.fail("%w", err)
		return false
	}
	return r.hadLeft(ledger.MessageFilter{Registration: reg.ID})[person]
}

// move moves the event while its people get mail, and says of those who had none
// yet when that began whether theirs had left when it was done.
func (r *round) move(apply func()) map[int]bool {
	at := r.lab.random.IntN(crowd)
	for r.progress() < at && !r.lab.failed() {
		r.lab.pause(time.Millisecond)
	}
	r.mu.Lock()
	raced := map[int]bool{}
	for i, p := range r.people {
		raced[i] = len(r.came[p.String()]) == 0
	}
	r.mu.Unlock()
	apply()
	left := r.hadLeft(ledger.MessageFilter{Event: r.event})
	for i := range r.people {
		if !raced[i] {
			delete(left, i)
		}
	}
	return left
}

// hadLeft says of whom the first confirmation has left, as the ledger has it now.
func (r *round) hadLeft(f ledger.MessageFilter) map[int]bool {
	index := map[string]int{}
	for i, p := range r.people {
		index[p.String()] = i
	}
	left := map[int]bool{}
	for m, err := range r.db.Messages(r.lab.ctx, f) {
		if err != nil {
			r.lab.fail("%w", err)
			break
		}
		if m.Kind != jobs.Confirmation || m.Revision != 0 {
			continue
		}
		if !m.State.Left() && m.State != jobs.CancelledState {
			r.lab.fail("message %d is %s after the decision", m.ID, m.State)
		}
		left[index[m.Email.String()]] = m.State.Left()
	}
	return left
}

// settled waits until every message of this round is where it stays.
func (r *round) settled() {
	r.lab.await(2*time.Minute, "the end of a round", func() bool {
		if r.lab.count(`event_id = $1 AND state IN ('retry', 'in_doubt')`, r.event) > 0 {
			r.lab.hasten() // a machine that is busy makes commits fail
		}
		return r.lab.count(`event_id = $1 AND state NOT IN ('sent', 'cancelled')`, r.event) == 0
	})
}

// fair says whether a person got what the ledger says: the first invitation if it
// left at last, and what corrects it; otherwise only the right one, if any. It
// leaves at last only if it had left at the decision, and not always then: a dot
// that has to wait is asked for again.
func (r *round) fair(person int, left, came, cancelled bool) bool {
	count := map[bool]int{true: 1}
	email := r.people[person].String()
	first, cancels := r.invitations(email, 0)
	second, _ := r.invitations(email, 1)
	if first != count[came] || came && !left {
		return false
	}
	if cancelled {
		return second == 0 && cancels == count[came]
	}
	return second == 1 && cancels == 0
}
