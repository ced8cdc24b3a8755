package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/mail"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"heraut/jobs"
	"heraut/jobs/ledger"
	"heraut/jobs/queue"
	"heraut/worker"
	"heraut/worker/mailer"
)

// rehearsalStage is a rehearsal under way: the real parts, wired together
// around a clock that is set by hand. Steps act on it.
type rehearsalStage struct {
	*app   // says nothing, and tells the time of clock
	record *record
	clock  *worker.FakeClock
	worker *worker.Worker
	bar    *progress
	result *rehearsalResult

	dir     string // of the result
	queue   *queue.Conn
	capture *mailer.Capture
	stop    context.CancelFunc
	stopped chan error // what Run returned; closed after it

	tries atomic.Int64 // that ended, of any message

	mu       sync.Mutex
	captured map[string]string // Message-ID → file
	double   error             // a Message-ID that came twice
}

// open starts everything, in the order in which close stops it again.
func (r *rehearsal) open(ctx context.Context) (s *rehearsalStage, err error) {
	clock := worker.NewFakeClock(r.From)
	s = &rehearsalStage{
		app:      r.App.silent(clock.Now),
		clock:    clock,
		bar:      r.App.newProgress(r.App.words.tr("repetitie", "rehearsal")),
		result:   &rehearsalResult{},
		dir:      r.Dir,
		captured: map[string]string{},
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	if err := s.openRecord(ctx, r); err != nil {
		return s, err
	}
	if s.queue, err = queue.Open(ctx, embedded, r.Log); err != nil {
		return s, err
	}
	s.capture, err = mailer.StartCapture(mailer.CaptureConfig{Dir: filepath.Join(s.workDir(), "incoming"), OnMail: s.onMail, Log: r.Log})
	if err != nil {
		return s, err
	}
	dialer, err := mailer.NewDialer(mailer.Config{URL: s.capture.URL(), TLS: mailer.TLSNone, Log: r.Log})
	if err != nil {
		return s, err
	}
	key := make([]byte, 32)
	rand.Read(key) // never fails, says its documentation
	s.worker, err = worker.New(worker.Config{
		Ledger: s.record, Queue: s.queue, Templates: r.Templates, Dialer: dialer, From: r.Mail, TagKey: key,
		Clock: clock, Manual: true, Log: r.Log, Connections: rehearsalConnections,
		OnOutcome: func(jobs.Claim, jobs.Outcome) { s.tries.Add(1) },
	})
	if err != nil {
		return s, err
	}
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s.stop, s.stopped = cancel, make(chan error, 1)
	go func() {
		defer close(s.stopped)
		s.stopped <- s.worker.Run(running)
	}()
	return s, nil
}

// rehearsalConnections is more than a relay would like. Here the relay is our
// own, and the more sessions commit together the fewer commits there are.
const rehearsalConnections = 64

// openRecord makes a fresh ledger and puts the programme in force.
func (s *rehearsalStage) openRecord(ctx context.Context, r *rehearsal) error {
	if err := os.Mkdir(s.workDir(), 0o700); err != nil {
		return fmt.Errorf("rehearsal: %w", err)
	}
	url := "sqlite:" + filepath.Join(s.workDir(), "ledger.db")
	if _, _, err := ledger.Migrate(ctx, url); err != nil {
		return err
	}
	db, err := ledger.Open(ctx, url)
	if err != nil {
		return err
	}
	s.record = &record{DB: db, config: defaultConfig()}
	_, err = s.apply(ctx, r.File, r.Source)
	return err
}

// apply puts a programme in force at the clock's instant.
func (s *rehearsalStage) apply(ctx context.Context, file string, source []byte) (ledger.Applied, error) {
	applied, err := s.record.Apply(ctx, file, source, s.clock.Now(), ledger.ApplyOptions{})
	if err != nil {
		return applied, err
	}
	s.record.programme, s.record.version, err = s.record.Programme(ctx)
	s.result.Programme = s.record.programme
	return applied, err
}

// workDir holds what is gone when the rehearsal is over.
func (s *rehearsalStage) workDir() string { return filepath.Join(s.dir, rehearsalWork) }

// onMail notes where a captured mail lies.
func (s *rehearsalStage) onMail(m mailer.CapturedMail) error {
	msg, err := mail.ReadMessage(bytes.NewReader(m.Data))
	if err != nil {
		return fmt.Errorf("captured mail: %w", err)
	}
	id := msg.Header.Get("Message-ID")
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, twice := s.captured[id]; twice {
		s.double = fmt.Errorf("mail %s left twice", id)
	}
	s.captured[id] = m.File
	return nil
}

// draw shows how far the rehearsal is: how many messages came to their end, of
// those that are known by now.
func (s *rehearsalStage) draw(ctx context.Context) error {
	if !s.bar.on {
		return nil // nobody looks, and counting costs
	}
	now := s.clock.Now()
	status, err := s.record.Status(ctx, now)
	if err != nil {
		return err
	}
	var done, all int
	for state, n := range status.Messages {
		if all += n; state.Final() || state == jobs.HeldState {
			done += n
		}
	}
	s.bar.set(int64(done), int64(all), s.words.moment(now, s.result.Programme.Zone))
	return nil
}

// stopWorker ends the worker in good order. Closing again is harmless.
func (s *rehearsalStage) stopWorker() error {
	if s.stop == nil {
		return nil
	}
	s.stop()
	s.stop = nil
	if err := <-s.stopped; err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// close stops what runs and removes the working folder.
func (s *rehearsalStage) close() error {
	s.bar.clear()
	errs := []error{s.stopWorker()}
	if s.capture != nil {
		errs = append(errs, s.capture.Close())
	}
	if s.queue != nil {
		errs = append(errs, s.queue.Close())
	}
	if s.record != nil {
		errs = append(errs, s.record.Close())
	}
	errs = append(errs, os.RemoveAll(s.workDir()))
	return errors.Join(errs...)
}
