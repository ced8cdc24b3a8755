package worker

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"heraut/jobs"
	"heraut/worker/mailer"
)

// errOvertaken stops a mail before its dot: the claim does not hold any more.
var errOvertaken = errors.New("the claim was overtaken")

// errTooLate stops a mail whose time ended while its dot was on record.
var errTooLate = errors.New("its time is over")

// pause is how long a message waits that is given back because of something
// that is not its own fault.
const pause = 30 * time.Second

// overtakenAgain is the same for a message that was overtaken.
const overtakenAgain = time.Second

// outcome says what the ledger is told of a transaction.
func outcome(c *jobs.Claim, start time.Time, r mailer.Result, now time.Time) jobs.Outcome {
	m := c.Message
	out := jobs.Outcome{ID: m.ID, Fence: c.Fence, SMTP: answer(r)}
	switch {
	case r.Verdict == mailer.Accepted:
		out.State, out.SentAt = jobs.Sent, now
	case r.Verdict == mailer.InDoubt:
		out.State, out.Reason = jobs.InDoubt, "it may have arrived: no answer was read after the final dot"
		if at, ok := jobs.Resend(m, start, now); ok {
			out.NextAttemptAt = at
		}
	case r.Verdict == mailer.Aborted:
		// Overtaken, and mostly the fence has moved and this is ignored; or
		// the database did not answer. Whether the dot is on record may not be
		// known, so this has to be a move that is legal from both sides of it.
		out.State, out.Reason, out.NextAttemptAt = jobs.Retry, "stopped before the final dot: "+r.Err.Error(), now.Add(pause)
		if errors.Is(r.Err, errOvertaken) {
			// If this is not ignored, the campaign was paused, which moves no fence, or
			// the dot was refused when asked for again. The next claim puts the message
			// aside; a campaign that goes on should not wait for long either.
			out.NextAttemptAt = now.Add(overtakenAgain)
		}
	case relayTrouble(r):
		out.State, out.Reason, out.NextAttemptAt = jobs.Retry, "the mail server refuses us: "+out.SMTP, now.Add(pause)
	case r.Verdict == mailer.Permanent && r.Code == 0:
		out.State, out.Reason = jobs.Failed, "parked: "+r.Err.Error()
	case r.Verdict == mailer.Permanent:
		out.State, out.Reason, out.Suppress = jobs.Failed, "refused by the mail server: "+out.SMTP, r.BadRecipient()
	default:
		out.State, out.Reason, out.NextAttemptAt = jobs.Retry, "not taken by the mail server: "+out.SMTP, now.Add(jobs.Backoff(m.Attempts))
		if r.Code == 0 {
			out.Reason = "the connection with the mail server broke before the mail was complete"
		}
		if m.Attempts >= jobs.MaxAttempts {
			out.State, out.NextAttemptAt = jobs.Failed, time.Time{}
			out.Reason = fmt.Sprintf("gave up after %d tries: %s", m.Attempts, out.Reason)
		}
	}
	out.Reason = jobs.TrimReason(out.Reason)
	return out
}

// relayTrouble says whether a result is about the relay and our standing with
// it. A wrong password must not fail a thousand messages.
func relayTrouble(r mailer.Result) bool { return r.Class() == mailer.ClassConfiguration }

// givenBack ends a claim as if it had not been made.
func givenBack(c *jobs.Claim, next time.Time) jobs.Outcome {
	return jobs.Outcome{ID: c.Message.ID, Fence: c.Fence, State: jobs.Planned, NextAttemptAt: next}
}

// answer gives the server's words as the ledger keeps them.
func answer(r mailer.Result) string {
	if r.Code == 0 {
		return ""
	}
	return jobs.TrimReason(strings.Join([]string{fmt.Sprint(r.Code), r.Enhanced, r.Text}, " "))
}
