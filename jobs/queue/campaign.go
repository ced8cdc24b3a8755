package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/hibiken/asynq"

	"heraut/jobs"
)

const (
	// KindExpand is the kind of the tasks that bring the messages of a campaign
	// in line with its state. Heraut itself enqueues them. Stable for ever.
	KindExpand = "campaign:expand"
	// KindSend is the kind of the tasks by which another program sends a
	// campaign that was written before. Stable for ever.
	KindSend = "campaign:send"
)

// maxCampaignPayload is the size in bytes of the largest payload of a campaign's
// task that can be right, with room for spaces.
const maxCampaignPayload = 4 << 10

// maxBy is how long the name of who sends a campaign may be, in bytes.
const maxBy = 200

// Expand is the payload of a [KindExpand] task: see to this campaign.
type Expand struct {
	Name string // of the campaign, see [jobs.CheckCampaignName]
}

// expandPayload is Expand as it stands in Redis.
type expandPayload struct {
	V    int    `json:"v"`
	Name string `json:"name"`
}

// Encode gives the payload.
func (e Expand) Encode() ([]byte, error) {
	if err := jobs.CheckCampaignName(e.Name); err != nil {
		return nil, fmt.Errorf("encode task: %w", err)
	}
	return json.Marshal(expandPayload{version, e.Name})
}

// DecodeExpand reads a payload, as strictly as [DecodeDeliver].
func DecodeExpand(data []byte) (Expand, error) {
	var p expandPayload
	err := decode(KindExpand, data, maxCampaignPayload, &p, &p.V)
	if err == nil {
		err = jobs.CheckCampaignName(p.Name)
	}
	if err != nil {
		return Expand{}, fmt.Errorf("decode task: %w", err)
	}
	return Expand{p.Name}, nil
}

// Send is the payload of a [KindSend] task: send this campaign.
type Send struct {
	Name  string    // of the campaign
	Count int       // of people in its audience, or it is refused
	At    time.Time // when it is to begin; zero for as soon as it may
	By    string    // who sends it, for its history; may be empty
}

// sendPayload is Send as it stands in Redis.
type sendPayload struct {
	V     int        `json:"v"`
	Name  string     `json:"name"`
	Count int        `json:"count"`
	By    string     `json:"by,omitempty"`
	At    *time.Time `json:"at,omitempty"` // RFC 3339
}

// Encode gives the payload.
func (s Send) Encode() ([]byte, error) {
	if err := s.check(); err != nil {
		return nil, fmt.Errorf("encode task: %w", err)
	}
	p := sendPayload{V: version, Name: s.Name, Count: s.Count, By: s.By}
	if !s.At.IsZero() {
		at := s.At.UTC()
		p.At = &at
	}
	return json.Marshal(p)
}

// DecodeSend reads a payload, as strictly as [DecodeDeliver].
func DecodeSend(data []byte) (Send, error) {
	var p sendPayload
	err := decode(KindSend, data, maxCampaignPayload, &p, &p.V)
	s := Send{Name: p.Name, Count: p.Count, By: p.By}
	if p.At != nil {
		s.At = p.At.UTC()
	}
	if err == nil {
		err = s.check()
	}
	if err != nil {
		return Send{}, fmt.Errorf("decode task: %w", err)
	}
	return s, nil
}

func (s Send) check() error {
	if err := jobs.CheckCampaignName(s.Name); err != nil {
		return err
	}
	switch {
	case s.Count < 1:
		return fmt.Errorf("count %d: it is the number of people in the audience", s.Count)
	case len(s.By) > maxBy || !utf8.ValidString(s.By) || jobs.CleanName(s.By) != s.By:
		return fmt.Errorf("by: the name of who sends it, on one line of at most %d bytes", maxBy)
	case !s.At.IsZero() && (s.At.Year() < 2000 || s.At.Year() > 9999):
		return errors.New("at: no moment at which a campaign can begin")
	}
	return nil
}

// EnqueueExpand puts in a task that sees to a campaign, unless one of the same
// generation is there. Without effect it may be asked for again and again;
// another generation, greater than those before, is for when a task may have got
// lost in the hands of a worker that died.
//
// It goes with the reminders. Behind the messages of a campaign that are in the
// bulk queue it could wait for long where the relay is slow, and in the critical
// queue somebody who registers would wait behind it.
func (c *Conn) EnqueueExpand(ctx context.Context, name string, generation int64) error {
	payload, err := Expand{name}.Encode()
	if err != nil {
		return err
	}
	_, err = c.client.EnqueueContext(ctx, asynq.NewTask(KindExpand, payload),
		asynq.TaskID(fmt.Sprintf("campaign:%s:g%d", name, generation)),
		asynq.Queue(string(jobs.Reminders)),
		asynq.MaxRetry(taskRetries),
		asynq.Timeout(taskTimeout),
	)
	if err != nil && !errors.Is(err, asynq.ErrTaskIDConflict) {
		return fmt.Errorf("enqueue campaign %s: %w", name, err)
	}
	return nil
}
