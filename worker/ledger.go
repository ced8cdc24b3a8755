package worker

import (
	"context"
	"time"

	"heraut/jobs"
)

// Ledger is what a worker needs of the record. All of it is safe for use by
// many workers in many processes at once.
type Ledger interface {
	// Programme gives the programme on record and its version.
	Programme(ctx context.Context) (*jobs.Programme, int64, error)
	// EventBefore gives an event as it was before it got a revision; false when
	// that is not on record.
	EventBefore(ctx context.Context, eventID string, revision int) (jobs.Event, bool, error)

	// Due gives the messages of a queue that wait and may leave at until or
	// before, in order of their moment and number, at most limit: those after a
	// ticket, or from the beginning after the zero one.
	Due(ctx context.Context, q jobs.Queue, after jobs.Ticket, until time.Time, limit int) ([]jobs.Ticket, error)

	// Claim gives the worker those of the messages that may leave now.
	Claim(ctx context.Context, worker string, ids []int64, now time.Time) ([]jobs.Claim, error)
	// Commit writes, in one transaction, that dots are about to be sent and how
	// tries ended; false for each whose claim does not hold any more.
	Commit(ctx context.Context, dots []jobs.Dot, outcomes []jobs.Outcome, now time.Time) (dotsOK, outcomesOK []bool, err error)

	// Heartbeat says the worker is alive until now plus lease, and why it sends
	// nothing, "" when it does.
	Heartbeat(ctx context.Context, worker string, now time.Time, lease time.Duration, trouble string) error
	// Others gives how many workers are alive at the instant now beside those
	// named.
	Others(ctx context.Context, workers []string, now time.Time) (int, error)
	// Goodbye says the worker is gone and what it still holds may be swept up.
	Goodbye(ctx context.Context, worker string) error
	// Sweep settles what dead workers held and what waited too long.
	Sweep(ctx context.Context, now time.Time) (jobs.Swept, error)

	// Campaign gives a campaign as it stands.
	Campaign(ctx context.Context, name string) (jobs.Campaign, error)
	// CampaignFile gives the file that goes along with a campaign that has one.
	CampaignFile(ctx context.Context, name string) (jobs.File, error)
	// CampaignsToStep names the campaigns whose messages do not follow their
	// state and now could.
	CampaignsToStep(ctx context.Context, now time.Time) ([]string, error)
	// StepCampaign brings the messages of the next people of a campaign in line
	// with its state; more says that there are others now.
	StepCampaign(ctx context.Context, name string, limit int, now time.Time) (more bool, err error)
	// KeepCampaigns says that campaigns are looked after, pauses those that were
	// not for too long, and ends those of which nothing waits.
	KeepCampaigns(ctx context.Context, now time.Time) (jobs.KeptCampaigns, error)
	// PauseCampaign holds what has not left of a campaign, for a reason that
	// people read. One that cannot be paused, as it is paused, is an error.
	PauseCampaign(ctx context.Context, name, reason, by string, now time.Time) (jobs.Campaign, error)

	// SendTask sends a campaign for another program, at a moment or, where that
	// is zero, as soon as it may. [jobs.ErrRefused] is in the error where it will
	// not.
	SendTask(ctx context.Context, name string, count int, at time.Time, by string, now time.Time) (jobs.Campaign, error)
	// ReceiveTask registers a person for another program, or brings the
	// registration up to date; [jobs.ErrRefused] as above.
	ReceiveTask(ctx context.Context, r jobs.Registration, now time.Time) error
	// NoteTask puts a task of a later version on record, or when it was last
	// seen, and ForgetTask takes it off; UnknownTasks gives all.
	NoteTask(ctx context.Context, t jobs.UnknownTask) error
	ForgetTask(ctx context.Context, id string) error
	UnknownTasks(ctx context.Context) ([]jobs.UnknownTask, error)
}
