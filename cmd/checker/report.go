package main

import (
	"fmt"
	"io"
)

// lie is a way in which record and ledger disagree, or a promise is broken.
// Stable strings.
type lie string

const (
	// lost: a message that is said to be sent and did not come; one that waits
	// for nobody; a person who is owed a message that is not on record.
	lost lie = "lost"
	// duplicated: more copies than one, and one more for each time the message
	// was in doubt.
	duplicated lie = "duplicated"
	// truncated: a mail without its end.
	truncated lie = "truncated"
	// stale: a mail that was void when it left: its person or event cancelled,
	// its revision overtaken, its address suppressed.
	stale lie = "stale"
	// late: a mail that came after the start, or after its end.
	late lie = "late"
	// early: a mail that came before its moment.
	early lie = "early"
	// wrongPerson: a mail that went to another address, or with another's
	// invitation.
	wrongPerson lie = "wrong person"
	// denied: a mail of a message that, as the ledger has it, never left.
	denied lie = "denied"
	// guessed: a message that is said to be sent, though the server answered
	// none of its copies.
	guessed lie = "guessed"
	// altered: copies of one message with different invitations.
	altered lie = "altered"
	// unknown: a mail whose Message-ID no message has.
	unknown lie = "unknown"
)

// finding is one lie about one message.
type finding struct {
	Lie          lie    `json:"lie"`
	Message      int64  `json:"message,omitempty"`      // 0 where it is about none
	Registration int64  `json:"registration,omitempty"` // 0 where it is about none
	Text         string `json:"text"`
}

// report is the verdict. Only findings are faults; the counts are for people.
type report struct {
	Mails    int         `json:"mails"`    // the server took
	Messages int         `json:"messages"` // on record
	Sent     int         `json:"sent"`     // messages that are said to be sent
	InDoubt  int         `json:"in_doubt"` // messages that are in doubt now
	Parked   int         `json:"parked"`   // messages given up as the cause of trouble
	Doubted  int         `json:"doubted"`  // messages that are or were in doubt
	Flagged  int         `json:"flagged"`  // second copies of those
	Counts   map[lie]int `json:"counts"`
	Findings []finding   `json:"findings"`
}

func (r *report) add(l lie, message, registration int64, format string, args ...any) {
	if r.Counts == nil {
		r.Counts = map[lie]int{}
	}
	r.Counts[l]++
	r.Findings = append(r.Findings, finding{l, message, registration, fmt.Sprintf(format, args...)})
}

func (r *report) print(w io.Writer) error {
	for _, f := range r.Findings {
		if _, err := fmt.Fprintf(w, "%s: %s\n", f.Lie, f.Text); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(w, "%d mails, %d messages: %d sent, %d in doubt, %d parked; %d came in doubt, %d second copies of those; %d findings\n",
		r.Mails, r.Messages, r.Sent, r.InDoubt, r.Parked, r.Doubted, r.Flagged, len(r.Findings))
	return err
}
