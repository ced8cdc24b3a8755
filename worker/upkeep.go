package worker

import (
	"context"
	"fmt"
	"time"
)

// beat renews the lease, or logs why not.
func (w *Worker) beat(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, w.cfg.Lease/4)
	defer cancel()
	if err := w.lease.beat(ctx, w.relay.trouble()); err != nil && context.Cause(ctx) != context.Canceled {
		w.lifeline.warn("cannot renew the lease", "alive", w.lease.alive(), "error", err)
	}
	w.keepStep(ctx)
}

// keepStep leaves the work to other workers while this one's clock may be wrong:
// they would take it for dead, and what it holds for in doubt. Where there are no
// others it goes on.
func (w *Worker) keepStep(ctx context.Context) {
	c, ok := w.cfg.Clock.(*steadyClock)
	if !ok {
		return
	}
	now, why := c.Now(), ""
	if off := c.isOff(); off != 0 {
		names, _ := w.lease.names()
		if others, err := w.cfg.Ledger.Others(ctx, names, now); err != nil || others > 0 {
			why = fmt.Sprintf("the clock of its machine jumped by %v; set it right. Others do the work", off.Round(time.Second))
		}
	}
	w.relay.leave(why)
}

// goodbye ends an owner that is done with.
func (w *Worker) goodbye(ctx context.Context, owner string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), w.cfg.Lease)
	defer cancel()
	if err := w.cfg.Ledger.Goodbye(ctx, owner); err != nil {
		w.log.Warn("cannot say goodbye; the lease ends by itself", "owner", owner, "error", err)
	}
}

// sweepShare bounds what sweeping costs: it rests this many times as long as
// it took, as it looks at all that is due, which may be a large campaign.
const sweepShare = 20

// sweep sweeps, or logs why not, and says how long to rest.
func (w *Worker) sweep(ctx context.Context) (rest time.Duration) {
	began := time.Now()
	if err := w.sweepOnce(ctx); err != nil && ctx.Err() == nil {
		w.log.Warn("cannot sweep; trying on", "error", err)
	}
	return max(w.cfg.SweepEvery, sweepShare*time.Since(began))
}

func (w *Worker) sweepOnce(ctx context.Context) error {
	s, err := w.cfg.Ledger.Sweep(ctx, w.cfg.Clock.Now())
	if err != nil {
		return fmt.Errorf("sweep: %w", err)
	}
	if s.Sum() > 0 || s.Workers > 0 {
		w.log.Info("swept", "released", s.Released, "parked", s.Parked, "in_doubt", s.InDoubt, "expired", s.Expired, "workers", s.Workers)
	}
	if s.Released > 0 {
		w.dispatcher.released.Store(true)
	}
	kept, err := w.cfg.Ledger.KeepCampaigns(ctx, w.cfg.Clock.Now())
	if err != nil {
		return fmt.Errorf("look after campaigns: %w", err)
	}
	for _, name := range kept.Paused {
		w.log.Warn("campaign paused: nobody looked after it for long; resume it, or cancel it", "campaign", name)
	}
	for _, name := range kept.Done {
		w.log.Info("campaign done", "campaign", name)
	}
	if err := w.unknown.look(ctx); err != nil {
		return fmt.Errorf("read the notes about tasks: %w", err)
	}
	return nil
}

// probe looks whether a relay that could not be used can be again.
func (w *Worker) probe(ctx context.Context) {
	w.relay.try(ctx, func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, probeWithin)
		defer cancel()
		s, err := w.cfg.Dialer.Dial(ctx)
		if err != nil {
			return err
		}
		s.Close()
		return nil
	})
}

// probeWithin bounds one look at the relay.
const probeWithin = 30 * time.Second
