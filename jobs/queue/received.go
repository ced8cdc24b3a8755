package queue

import (
	"encoding/json"
	"errors"
	"fmt"

	"heraut/jobs"
)

// KindReceived is the kind of the tasks by which another program registers a
// person. Stable for ever.
const KindReceived = "registration:received"

// maxReceived is the size in bytes of the largest payload of a person.
const maxReceived = 16 << 10

// maxEvent is how long the id of an event may be, in bytes.
const maxEvent = 200

// maxTags is how many tags a person may get by a task.
const maxTags = 50

// Received is the payload of a [KindReceived] task: this person registered. The
// texts are as a stranger wrote them; nothing but their presence was looked at.
type Received struct {
	Event string // id of the event
	Email string

	Name, GivenName, Organisation string   // may be empty
	Lang                          string   // "" is Dutch
	Tags                          []string // at most 50
}

// receivedPayload is Received as it stands in Redis.
type receivedPayload struct {
	V            int      `json:"v"`
	Event        string   `json:"event"`
	Email        string   `json:"email"`
	Name         string   `json:"name,omitempty"`
	GivenName    string   `json:"given_name,omitempty"`
	Organisation string   `json:"organisation,omitempty"`
	Lang         string   `json:"lang,omitempty"`
	Tags         []string `json:"tags,omitempty"`
}

// Encode gives the payload.
func (r Received) Encode() ([]byte, error) {
	if err := r.check(); err != nil {
		return nil, fmt.Errorf("encode task: %w", err)
	}
	data, err := json.Marshal(receivedPayload{version, r.Event, r.Email, r.Name, r.GivenName, r.Organisation, r.Lang, r.Tags})
	if err == nil && len(data) > maxReceived {
		err = fmt.Errorf("encode task: payload of %d bytes, at most %d are allowed", len(data), maxReceived)
	}
	if err != nil {
		return nil, err
	}
	return data, nil
}

// DecodeReceived reads a payload, as strictly as [DecodeDeliver]. Its errors
// name fields, and repeat no address or name.
func DecodeReceived(data []byte) (Received, error) {
	var p receivedPayload
	err := decode(KindReceived, data, maxReceived, &p, &p.V)
	r := Received{p.Event, p.Email, p.Name, p.GivenName, p.Organisation, p.Lang, p.Tags}
	if err == nil {
		err = r.check()
	}
	if err != nil {
		return Received{}, fmt.Errorf("decode task: %w", err)
	}
	return r, nil
}

func (r Received) check() error {
	switch {
	case r.Event == "":
		return errors.New("no event")
	case len(r.Event) > maxEvent || r.Event != jobs.CleanName(r.Event):
		return errors.New("event is no id of an event")
	case r.Email == "":
		return errors.New("no email")
	case len(r.Tags) > maxTags:
		return fmt.Errorf("%d tags, at most %d are allowed", len(r.Tags), maxTags)
	}
	return nil
}
