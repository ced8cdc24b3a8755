package worker

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/hibiken/asynq"

	"heraut/jobs"
	"heraut/worker/mailer"
)

// Worker sends what is due. See the package comment for what it promises.
type Worker struct {
	cfg        Config
	log        *slog.Logger
	lease      *lease
	programmes *programmes
	campaigns  *campaigns
	pools      map[jobs.Queue]*mailer.Pool
	lines      map[jobs.Queue]*line
	stationery *stationery
	relay      *breaker
	dispatcher *dispatcher
	rates      *rates
	brake      brake
	unknown    *unknown
	journal    *group[entry, bool]
	trouble    *seldom // with Redis or the database, on the way to the queue
	lifeline   *seldom // trouble with renewing the lease

	mu       sync.Mutex
	stopping bool           // no batch may begin
	hands    sync.WaitGroup // batches in hand
	late     sync.WaitGroup // outcomes the ledger did not take at first
}

// New checks the configuration. Nothing runs before [Worker.Run]; a Worker runs
// once.
func New(cfg Config) (*Worker, error) {
	cfg = cfg.WithDefaults()
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	log := cfg.Log.With("worker", cfg.ID)
	relay, trouble := newBreaker(log, cfg.Clock), &seldom{log: log}
	return &Worker{
		cfg:        cfg,
		log:        log,
		lease:      newLease(cfg),
		programmes: &programmes{ledger: cfg.Ledger},
		campaigns:  &campaigns{ledger: cfg.Ledger},
		stationery: &stationery{set: cfg.Templates},
		relay:      relay,
		dispatcher: newDispatcher(cfg, log, relay, trouble),
		rates:      newRates(cfg),
		unknown:    &unknown{ledger: cfg.Ledger, clock: cfg.Clock, trouble: &seldom{log: log}},
		trouble:    trouble,
		lifeline:   &seldom{log: log},
	}, nil
}

// Run sends what is due until ctx is done, and returns when everything in hand
// is recorded or given back, at most StopWithin and a little later. An error
// means that it could not start, or that the ledger could not be told goodbye;
// its claims then are swept up when the lease ends.
func (w *Worker) Run(ctx context.Context) error {
	// What has to go on while batches come to their end.
	last, stopLast := context.WithCancel(context.WithoutCancel(ctx))
	defer stopLast()

	w.journal = newGroup(w.patience, func(list []groupItem[entry, bool]) { w.commit(last, list) })
	w.pools, w.lines = map[jobs.Queue]*mailer.Pool{}, map[jobs.Queue]*line{}
	servers := map[jobs.Queue]*asynq.Server{}
	for _, q := range jobs.Queues() {
		w.pools[q], w.lines[q] = mailer.NewPool(w.cfg.Dialer, w.cfg.connections(q), 0), newLine(w.cfg.connections(q))
		servers[q] = w.server(q)
	}
	if err := w.lease.beat(ctx, ""); err != nil {
		if ctx.Err() != nil {
			return nil // told to stop before it began; the lease, if any, ends by itself
		}
		return fmt.Errorf("start worker: %w", err)
	}

	var upkeep, core, senders sync.WaitGroup
	handsDown := make(chan struct{})
	for q := range w.lines {
		for range w.cfg.connections(q) {
			s := newSender(w, q)
			senders.Go(func() { s.run(handsDown) })
		}
	}
	core.Go(func() { w.journal.run(last) })
	core.Go(func() { every(last, w.cfg.Lease/4, w.beat) })
	if !w.cfg.Manual {
		upkeep.Go(func() { resting(ctx, w.sweep) })
		upkeep.Go(func() { every(ctx, time.Second, w.probe) })
		upkeep.Go(func() { resting(ctx, w.dispatcher.turn) })
	}
	if err := w.unknown.look(ctx); err != nil { // a sweep looks again
		w.trouble.warn("cannot read the notes about tasks", "error", err)
	}
	var startErr error
	for q, s := range servers {
		if startErr = s.Start(w.handler(ctx, q)); startErr != nil {
			startErr = fmt.Errorf("start queue %s: %w", q, startErr)
			break
		}
	}
	w.log.Info("worker started", "connections", w.cfg.Connections)
	if startErr == nil {
		<-ctx.Done()
	}

	w.log.Info("worker stopping")
	w.dispatcher.resign(ctx)
	w.mu.Lock()
	w.stopping = true
	w.mu.Unlock()
	for _, s := range servers {
		upkeep.Go(s.Shutdown)
	}
	w.awaitHands()
	close(handsDown)
	upkeep.Wait()
	stopLast()
	core.Wait()
	w.late.Wait()
	// What could not be recorded by now comes in doubt by this.
	byeCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), w.cfg.StopWithin)
	defer cancel()
	err := w.lease.end(byeCtx)
	for _, p := range w.pools {
		p.Close()
	}
	w.log.Info("worker stopped")
	if startErr != nil {
		return startErr
	}
	if err != nil {
		return fmt.Errorf("stop worker: %w", err)
	}
	return nil
}

// begin says whether a batch may begin; if so, hands.Done ends it.
func (w *Worker) begin() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.stopping {
		w.hands.Add(1)
	}
	return !w.stopping
}

// awaitHands waits for the batches in hand, but not for ever.
func (w *Worker) awaitHands() {
	done := make(chan struct{})
	go func() {
		w.hands.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(w.cfg.StopWithin):
		w.log.Warn("stopping with messages in hand; another worker settles them")
	}
}

// server makes the asynq server of one queue. Each queue has its own, with its
// own connections, so that a full one does not keep another waiting.
func (w *Worker) server(q jobs.Queue) *asynq.Server {
	check := 200 * time.Millisecond
	if q == jobs.Critical || w.cfg.Queue.IsEmbedded() {
		check = 50 * time.Millisecond // somebody waits for it, or asking costs nothing
	}
	return asynq.NewServerFromRedisClient(w.cfg.Queue.Redis(), asynq.Config{
		Concurrency:              w.cfg.connections(q),
		Queues:                   map[string]int{string(q): 1},
		TaskCheckInterval:        check,
		DelayedTaskCheckInterval: 200 * time.Millisecond,
		ShutdownTimeout:          w.cfg.StopWithin,
		RetryDelayFunc:           retryDelay,
		// Tries are counted in the ledger. asynq would archive, after so many, a
		// task that waits for a newer program, or for the database.
		IsFailure: func(error) bool { return false },
		Logger:    &asynqLog{log: w.log.With("queue", q), warn: &seldom{log: w.log.With("queue", q)}},
		LogLevel:  asynq.WarnLevel,
	})
}

// resting calls do at once and again after the rest that it asks for, until ctx
// is done.
func resting(ctx context.Context, do func(context.Context) time.Duration) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
			timer.Reset(do(ctx))
		case <-ctx.Done():
			return
		}
	}
}

// every calls do at once and then at each tick, until ctx is done.
func every(ctx context.Context, interval time.Duration, do func(context.Context)) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		do(ctx)
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}
