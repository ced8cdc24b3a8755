package main

import (
	"time"

	"heraut/jobs"
	"heraut/jobs/ledger"
)

// messageJSON is a message as other programs read it. Keys are stable.
type messageJSON struct {
	ID           int64      `json:"id"`
	Event        string     `json:"event"`
	Registration int64      `json:"registration"`
	Email        string     `json:"email"`
	Name         string     `json:"name"` // the rule's
	Kind         jobs.Kind  `json:"kind"`
	State        jobs.State `json:"state"`
	Reason       string     `json:"reason"`
	DueAt        *instant   `json:"due_at"`
	SentAt       *instant   `json:"sent_at"` // null until it was
	Attempts     int        `json:"attempts"`
	SMTP         string     `json:"smtp"` // the server's last answer
	MessageID    string     `json:"message_id"`
	Sequence     int        `json:"sequence"`
}

func viewMessage(m ledger.MessageRow) messageJSON {
	return messageJSON{
		ID: m.ID, Event: m.EventID, Registration: m.RegistrationID, Email: m.Email.String(), Name: m.Message.Name,
		Kind: m.Kind, State: m.State, Reason: m.Reason, DueAt: at(m.DueAt), SentAt: at(m.SentAt),
		Attempts: m.Attempts, SMTP: m.SMTP, MessageID: m.MessageID, Sequence: m.Sequence,
	}
}

// registrationJSON is a registration as other programs read it. Keys are
// stable.
type registrationJSON struct {
	ID           int64       `json:"id"`
	Event        string      `json:"event"`
	Email        string      `json:"email"`
	Name         string      `json:"name"`
	Organisation string      `json:"organisation"`
	Lang         jobs.Lang   `json:"lang"`
	Status       jobs.Status `json:"status"`
	Reason       string      `json:"reason"`
	Tags         []string    `json:"tags"`
	Answered     jobs.Answer `json:"answered"`
	CreatedAt    *instant    `json:"created_at"`
}

func viewRegistration(r jobs.Registration) registrationJSON {
	tags := r.Tags
	if tags == nil {
		tags = []string{}
	}
	return registrationJSON{
		ID: r.ID, Event: r.EventID, Email: r.Email.String(), Name: r.Name, Organisation: r.Organisation, Lang: r.Lang,
		Status: r.Status, Reason: r.Reason, Tags: tags, Answered: r.Answered, CreatedAt: at(r.CreatedAt),
	}
}

// instant is a moment in JSON: RFC 3339, UTC.
type instant time.Time

// at gives an instant, nil for the zero time.
func at(t time.Time) *instant {
	if t.IsZero() {
		return nil
	}
	i := instant(t)
	return &i
}

// MarshalJSON gives RFC 3339 with the Z of UTC and no more digits than needed.
func (i instant) MarshalJSON() ([]byte, error) {
	return []byte(time.Time(i).UTC().Format(`"` + time.RFC3339Nano + `"`)), nil
}

// utc writes an instant as JSON does, for the operator's lists; "" for the
// zero time.
func utc(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}
