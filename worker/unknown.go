package worker

import (
	"context"
	"errors"
	"sync"
	"time"

	"heraut/jobs"
	"heraut/jobs/queue"
)

// forgotten is after how long a note about a task is taken away that no worker
// looked at since: a task of a later version comes up every half minute, unless
// Redis lost it or somebody deleted it.
const forgotten = 10 * time.Minute

// unknown is what stands in the ledger about tasks of later versions, for people
// to see. asynq does not say of a task whether it was put off before, so that is
// remembered here: a task that nothing is noted of costs no question.
type unknown struct {
	ledger  Ledger
	clock   Clock
	trouble *seldom

	mu    sync.Mutex
	noted map[string]bool // by the task's id
}

// note puts a task on record; err is why it could not be read.
func (u *unknown) note(ctx context.Context, id string, err error) {
	later, ok := errors.AsType[*queue.VersionError](err)
	if !ok {
		return
	}
	u.trouble.warn("task of a later version; it waits for a newer program", "task", id, "kind", later.Kind, "version", later.Version)
	err = u.ledger.NoteTask(ctx, jobs.UnknownTask{ID: id, Kind: later.Kind, Version: later.Version, SeenAt: u.clock.Now()})
	if err != nil {
		u.trouble.warn("cannot note a task of a later version", "task", id, "error", err)
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.noted == nil {
		u.noted = map[string]bool{}
	}
	u.noted[id] = true
}

// done takes away what is noted about a task, now that it is done or archived.
func (u *unknown) done(ctx context.Context, id string) {
	u.mu.Lock()
	noted := u.noted[id]
	delete(u.noted, id)
	u.mu.Unlock()
	if noted {
		u.forget(ctx, id)
	}
}

func (u *unknown) forget(ctx context.Context, id string) {
	if err := u.ledger.ForgetTask(ctx, id); err != nil && ctx.Err() == nil {
		u.trouble.warn("cannot take a note about a task away; trying later", "task", id, "error", err)
	}
}

// look reads what all workers noted, and takes away what is no more.
func (u *unknown) look(ctx context.Context) error {
	list, err := u.ledger.UnknownTasks(ctx)
	if err != nil {
		return err
	}
	noted, before := map[string]bool{}, u.clock.Now().Add(-forgotten)
	for _, t := range list {
		if t.SeenAt.Before(before) {
			u.forget(ctx, t.ID)
		} else {
			noted[t.ID] = true
		}
	}
	u.mu.Lock()
	u.noted = noted
	u.mu.Unlock()
	return nil
}
