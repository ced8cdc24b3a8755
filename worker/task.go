package worker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"github.com/hibiken/asynq"

	"heraut/jobs"
	"heraut/jobs/queue"
	"heraut/worker/fault"
)

const (
	// laterVersion is how long a task waits that is of a later version than this
	// worker knows.
	laterVersion = 30 * time.Second
	// taskAgain is how long a task of another program waits that the ledger could
	// not be told of.
	taskAgain = 5 * time.Second
)

// errNotNow is the answer to a task that this worker does not take up. asynq
// hands it out again a little later, perhaps to another worker.
var errNotNow = errors.New("not now")

// errRefused is the answer to a task that will never do. What is wrong with it
// is in the log; asynq keeps what it is given, and a name or an address in it.
var errRefused = fmt.Errorf("refused, see the log: %w", asynq.SkipRetry)

// errRevoked is errRefused for a person's registration: asynq keeps none of it,
// as its archive would hold the address for three months.
var errRevoked = fmt.Errorf("refused, see the log: %w", asynq.RevokeTask)

// handler takes the tasks of one queue. It gives an error only for a task that
// will never do, and for one that has to come again: of a later version, or for
// the ledger while that is away, or when this worker stops or has trouble. Trying
// messages again is the ledger's business; what a task brought and was not claimed
// comes again. asynq's own context is used for nothing but the task's id, as it ends
// when Redis goes away, and the claims do not.
func (w *Worker) handler(ctx context.Context, q jobs.Queue) asynq.HandlerFunc {
	return func(taskCtx context.Context, task *asynq.Task) error {
		id, _ := asynq.GetTaskID(taskCtx)
		begun := w.begin()
		if begun {
			defer w.hands.Done()
		}
		do, err := w.read(q, id, task)
		switch {
		case errors.Is(err, queue.ErrVersion):
			if begun {
				w.unknown.note(ctx, id, err)
			}
			return err
		case err != nil:
			w.log.Error("task that cannot be read; refused", "task", id, "kind", task.Type(), "queue", q, "error", err)
			err = fmt.Errorf("%w: %w", err, asynq.SkipRetry)
		case !begun:
			return errNotNow
		default:
			err = w.guarded(ctx, id, task.Type(), do)
		}
		if err == nil || errors.Is(err, asynq.SkipRetry) {
			w.unknown.done(ctx, id)
		}
		if task.Type() == queue.KindReceived && errors.Is(err, asynq.SkipRetry) {
			return errRevoked
		}
		return err
	}
}

// errUnknownKind is why a task is archived that is none of ours.
var errUnknownKind = errors.New("unknown kind")

// read reads a task and gives what is to be done for it.
func (w *Worker) read(q jobs.Queue, id string, task *asynq.Task) (do func(context.Context) error, err error) {
	switch task.Type() {
	case queue.KindDeliver:
		d, err := queue.DecodeDeliver(task.Payload())
		return func(ctx context.Context) error {
			err := w.deliver(ctx, q, d.IDs)
			_ = fault.At(fault.Recorded, 0)
			return err
		}, err
	case queue.KindExpand:
		e, err := queue.DecodeExpand(task.Payload())
		return func(ctx context.Context) error { return w.expand(ctx, e.Name) }, err
	case queue.KindSend:
		s, err := queue.DecodeSend(task.Payload())
		return func(ctx context.Context) error { return w.sendCampaign(ctx, id, s) }, err
	case queue.KindReceived:
		r, err := queue.DecodeReceived(task.Payload())
		return func(ctx context.Context) error { return w.receive(ctx, id, r) }, err
	}
	return nil, errUnknownKind
}

// guarded does a task. asynq would put a panic in Redis, with what it says, and
// start the task again at once.
func (w *Worker) guarded(ctx context.Context, id, kind string, do func(context.Context) error) (err error) {
	defer func() {
		if x := recover(); x != nil {
			w.log.Error("task panicked; archived", "task", id, "kind", kind, "panic", fmt.Sprintf("%T", x), "stack", string(debug.Stack()))
			err = errRefused
		}
	}()
	return do(ctx)
}

// retryDelay says when asynq is to hand out a task again.
func retryDelay(_ int, err error, _ *asynq.Task) time.Duration {
	switch {
	case errors.Is(err, queue.ErrVersion):
		return laterVersion
	case errors.Is(err, errTaskAgain):
		return taskAgain
	}
	return time.Second
}

// errTaskAgain is the answer to a task that the ledger could not be told of.
var errTaskAgain = errors.New("the ledger could not be told")

// answered says what asynq is told of a task of another program, by what the
// ledger said.
func (w *Worker) answered(id, kind string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, jobs.ErrRefused):
		w.log.Warn("task refused", "task", id, "kind", kind, "error", err)
		return errRefused
	}
	w.trouble.warn("cannot do a task; trying on", "task", id, "kind", kind, "error", err)
	return errTaskAgain
}

// telling gives the context of what the ledger is told for a task: its answer is
// heard also when the worker is told to stop.
func (w *Worker) telling(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), w.cfg.Lease)
}

// sendCampaign sends a campaign for another program.
func (w *Worker) sendCampaign(ctx context.Context, id string, s queue.Send) error {
	ctx, cancel := w.telling(ctx)
	defer cancel()
	c, err := w.cfg.Ledger.SendTask(ctx, s.Name, s.Count, s.At, cmp.Or(s.By, "task"), w.cfg.Clock.Now())
	if err == nil {
		w.log.Info("campaign sent by a task", "task", id, "campaign", s.Name, "people", s.Count, "state", c.State, "start", c.StartAt)
	}
	return w.answered(id, queue.KindSend, err)
}

// receive registers a person for another program.
func (w *Worker) receive(ctx context.Context, id string, r queue.Received) error {
	addr, err := jobs.ParseAddress(r.Email)
	if err != nil {
		w.log.Warn("registration refused", "task", id, "event", r.Event, "error", err)
		return errRefused
	}
	lang, _ := jobs.ParseLang(r.Lang) // any other language is answered in Dutch
	var tags []string
	for _, t := range r.Tags {
		if t = strings.ReplaceAll(strings.ToLower(jobs.CleanName(t)), " ", "-"); t != "" {
			tags = append(tags, t)
		}
	}
	ctx, cancel := w.telling(ctx)
	defer cancel()
	return w.answered(id, queue.KindReceived, w.cfg.Ledger.ReceiveTask(ctx, jobs.Registration{
		EventID: r.Event, Email: addr, Name: jobs.CleanName(r.Name), GivenName: jobs.CleanName(r.GivenName),
		Organisation: jobs.CleanName(r.Organisation), Lang: lang, Tags: tags, Source: "task",
	}, w.cfg.Clock.Now()))
}
