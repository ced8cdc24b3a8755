package queue

import (
	"encoding/json"
	"fmt"
)

// KindDeliver is the kind of the tasks that send messages. Stable for ever:
// tasks of an older version may still be in Redis after an upgrade.
const KindDeliver = "message:deliver"

// MaxBatch is how many messages one task carries at most.
const MaxBatch = 100

// maxPayload is the size in bytes of the largest payload that can be right:
// [MaxBatch] ids of 19 digits with their commas, and the rest.
const maxPayload = MaxBatch*20 + 32

// Deliver is the payload of a [KindDeliver] task: send these messages.
type Deliver struct {
	IDs []int64 // of the ledger, each positive, 1 to [MaxBatch] of them, none twice
}

// payload is Deliver as it stands in Redis.
type payload struct {
	V   int     `json:"v"`
	IDs []int64 `json:"ids"`
}

// Encode gives the payload.
func (d Deliver) Encode() ([]byte, error) {
	if err := d.check(); err != nil {
		return nil, fmt.Errorf("encode task: %w", err)
	}
	return json.Marshal(payload{V: version, IDs: d.IDs})
}

// DecodeDeliver reads a payload. It refuses what [Deliver.Encode] would not
// write, unknown fields and versions included; a later version is a
// [VersionError].
func DecodeDeliver(data []byte) (Deliver, error) {
	var p payload
	err := decode(KindDeliver, data, maxPayload, &p, &p.V)
	d := Deliver{IDs: p.IDs}
	if err == nil {
		err = d.check()
	}
	if err != nil {
		return Deliver{}, fmt.Errorf("decode task: %w", err)
	}
	return d, nil
}

func (d Deliver) check() error {
	if len(d.IDs) == 0 || len(d.IDs) > MaxBatch {
		return fmt.Errorf("%d ids, between 1 and %d are allowed", len(d.IDs), MaxBatch)
	}
	seen := make(map[int64]bool, len(d.IDs))
	for _, id := range d.IDs {
		if id <= 0 || seen[id] {
			return fmt.Errorf("id %d is not positive or stands twice", id)
		}
		seen[id] = true
	}
	return nil
}
