package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"heraut/jobs"
)

// SendTask is [DB.SendCampaign] for a task of another program. Where the campaign
// is not sent because of what was asked, [jobs.ErrRefused] is in the error.
func (db *DB) SendTask(ctx context.Context, name string, count int, at time.Time, by string, now time.Time) (jobs.Campaign, error) {
	c, err := db.SendCampaign(ctx, name, SendOptions{Count: count, At: at, By: by}, now)
	return c, refused(err)
}

// ReceiveTask is [DB.Register] for a task of another program; [jobs.ErrRefused]
// is in the error for an event that is not in the programme.
func (db *DB) ReceiveTask(ctx context.Context, r jobs.Registration, now time.Time) error {
	_, _, err := db.Register(ctx, r, now)
	return refused(err)
}

// refused marks an error that comes again however often it is tried.
func refused(err error) error {
	_, campaign := errors.AsType[*CampaignError](err)
	_, count := errors.AsType[*CountError](err)
	if campaign || count || errors.Is(err, ErrNotFound) || errors.Is(err, ErrNoEvent) {
		return fmt.Errorf("%w: %w", jobs.ErrRefused, err)
	}
	return err
}
