package main

import (
	"fmt"
	"strings"
	"time"

	"heraut/worker/mailer/smtptest"
)

const (
	// grace is how long after its moment a message may still wait.
	grace = time.Minute
	// soon is how much before its moment a message may leave: clocks of two
	// machines differ.
	soon = 1500 * time.Millisecond
)

// judge holds one comparison.
type judge struct {
	ledger    *facts
	mails     []smtptest.Record
	tolerance time.Duration
	now       time.Time
	report    *report
}

func (j *judge) judge() *report {
	copies := map[string][]smtptest.Record{}
	for _, m := range j.mails {
		copies[m.MessageID] = append(copies[m.MessageID], m)
	}
	j.report.Mails, j.report.Messages = len(j.mails), len(j.ledger.messages)
	known := map[string]bool{}
	for _, m := range j.ledger.messages {
		var mine []smtptest.Record
		if m.messageID != "" {
			known[m.messageID] = true
			mine = copies[m.messageID]
		}
		j.count(m)
		j.place(m)
		j.number(m, mine)
		for _, mail := range mine {
			j.mail(m, mail)
		}
	}
	for _, mail := range j.mails {
		if !known[mail.MessageID] {
			j.report.add(unknown, 0, 0, "the mail in transaction %d has Message-ID %q, and no message has that", mail.Transaction, mail.MessageID)
		}
	}
	j.order()
	j.owed()
	j.campaigns()
	return j.report
}

func (j *judge) count(m message) {
	switch m.state {
	case "sent":
		j.report.Sent++
	case "in_doubt":
		j.report.InDoubt++
	}
	if strings.HasPrefix(m.reason, "parked: ") {
		j.report.Parked++
	}
	if m.doubts > 0 {
		j.report.Doubted++
	}
}

// find notes a finding about a message.
func (j *judge) find(l lie, m message, format string, args ...any) {
	what := fmt.Sprintf("message %d (%s of registration %d, %s): ", m.id, m.kind, m.registration, m.state)
	j.report.add(l, m.id, m.registration, "%s", what+fmt.Sprintf(format, args...))
}

// place looks for messages that wait for nobody.
func (j *judge) place(m message) {
	switch m.state {
	case "claimed", "final_dot":
		if j.ledger.alive[m.owner].Before(j.now) {
			j.find(lost, m, "in the hands of %q, which does not live", m.owner)
		} else {
			j.find(lost, m, "still in the hands of %q", m.owner)
		}
	case "planned", "retry", "in_doubt", "held":
		switch {
		case m.wakeAt.IsZero() && (m.state == "planned" || m.state == "retry"):
			j.find(lost, m, "waits for no moment")
		case !m.wakeAt.IsZero() && m.wakeAt.Before(j.now.Add(-grace)):
			j.find(lost, m, "its moment was %s ago", j.now.Sub(m.wakeAt).Round(time.Second))
		}
	}
}

// number compares the number of copies with the state.
func (j *judge) number(m message, mails []smtptest.Record) {
	answered := 0
	for _, r := range mails {
		if r.Answered {
			answered++
		}
	}
	n := int64(len(mails))
	switch m.state {
	case "sent":
		// One that was in doubt may have been settled by a person.
		if n == 0 && m.doubts == 0 {
			j.find(lost, m, "it did not come")
		} else if answered == 0 && m.doubts == 0 {
			j.find(guessed, m, "the server answered no copy")
		}
	case "in_doubt":
		if m.doubts == 0 {
			j.find(guessed, m, "it never came in doubt")
		}
	default:
		if n > m.doubts {
			what := denied
			if m.state == "cancelled" || m.state == "expired" || m.state == "suppressed" {
				what = stale
			}
			j.find(what, m, "%d copies came of a message that did not leave", n)
		}
	}
	if n > 1+m.doubts {
		j.find(duplicated, m, "%d copies came; it was in doubt %d times", n, m.doubts)
	} else if n > 1 {
		j.report.Flagged += int(n - 1)
	}
	for i := 1; i < len(mails); i++ {
		if a, b := mails[0].Calendar, mails[i].Calendar; (a == nil) != (b == nil) || a != nil && *a != *b {
			j.find(altered, m, "its copies say %+v and %+v", object(a), object(b))
		}
	}
}

func object(o *smtptest.RecordedObject) smtptest.RecordedObject {
	if o == nil {
		return smtptest.RecordedObject{}
	}
	return *o
}

// mail looks at one copy.
func (j *judge) mail(m message, mail smtptest.Record) {
	reg := j.ledger.registrations[m.registration]
	ev := j.ledger.events[m.event]
	if !mail.Complete {
		j.find(truncated, m, "the mail ends after %d bytes, without its end", mail.Size)
	}
	if !onlyTo(mail.To, reg.email) {
		j.find(wrongPerson, m, "the envelope names somebody else")
	}
	if mail.Complete && !onlyTo(mail.HeaderTo, reg.email) {
		j.find(wrongPerson, m, "the To field names somebody else")
	}
	if o := mail.Calendar; o != nil {
		if o.UID != reg.uid {
			j.find(wrongPerson, m, "the invitation is another registration's")
		}
		if int64(o.Sequence) != m.sequence {
			j.find(stale, m, "the invitation has SEQUENCE %d, the message %d", o.Sequence, m.sequence)
		}
	}
	at := mail.At.Add(-j.tolerance) // by then its final dot was committed
	after := func(limit time.Time) bool { return !limit.IsZero() && !at.Before(limit) }
	if after(m.expiresAt) {
		j.find(late, m, "came %s after its end", mail.At.Sub(m.expiresAt).Round(time.Millisecond))
	} else if m.kind != "followup" && m.kind != "cancellation" && (m.kind != campaign || m.invites) && after(ev.start) {
		j.find(late, m, "came %s after the start", mail.At.Sub(ev.start).Round(time.Millisecond))
	}
	if mail.At.Before(m.dueAt.Add(-soon)) {
		j.find(early, m, "came %s before its moment", m.dueAt.Sub(mail.At).Round(time.Millisecond))
	}
	if m.kind != "cancellation" {
		if reg.status == "cancelled" && after(reg.cancelledAt) {
			j.find(stale, m, "came %s after the registration was cancelled", mail.At.Sub(reg.cancelledAt).Round(time.Millisecond))
		}
		if (m.kind != campaign || m.invites) && m.sequence < ev.revision && after(j.ledger.appliedAt) {
			j.find(stale, m, "came %s after the event changed", mail.At.Sub(j.ledger.appliedAt).Round(time.Millisecond))
		}
	}
	if m.kind == campaign {
		if s := j.ledger.unsubscribedAt[reg.emailKey]; after(s) {
			j.find(stale, m, "came %s after the person unsubscribed", mail.At.Sub(s).Round(time.Millisecond))
		}
		if s := j.ledger.callOffAt[m.name]; after(s) {
			j.find(stale, m, "came %s after the campaign was cancelled", mail.At.Sub(s).Round(time.Millisecond))
		}
	}
	if s := j.ledger.suppressedAt[reg.emailKey]; after(s) {
		j.find(stale, m, "came %s after the address was suppressed", mail.At.Sub(s).Round(time.Millisecond))
	}
}

func onlyTo(list []string, email string) bool {
	return len(list) == 1 && strings.EqualFold(list[0], email)
}

// order looks for invitations that came after a newer one: a calendar ignores
// them, and one that came before its own correction takes that for outdated.
func (j *judge) order() {
	newest := map[string]int{}
	for _, mail := range j.mails {
		if mail.Calendar == nil {
			continue
		}
		if mail.Calendar.Sequence < newest[mail.Calendar.UID] {
			j.report.add(stale, 0, 0, "the invitation in transaction %d has SEQUENCE %d, and %d had come before",
				mail.Transaction, mail.Calendar.Sequence, newest[mail.Calendar.UID])
		}
		newest[mail.Calendar.UID] = max(newest[mail.Calendar.UID], mail.Calendar.Sequence)
	}
}
