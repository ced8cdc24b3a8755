package jobs

import (
	"errors"
	"time"
)

// ErrRefused is in what the ledger says of a task from another program that asks
// for something it will not do: trying again would not help.
var ErrRefused = errors.New("refused")

// UnknownTask is a task of a later version than this program knows. It stays in
// the queue until a program comes that knows it; this tells people so.
type UnknownTask struct {
	ID, Kind string
	Version  int       // of its payload
	SeenAt   time.Time // when a worker last looked at it
}
