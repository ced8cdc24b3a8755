package worker

import (
	"context"
	"fmt"
	"sync"

	"heraut/jobs"
)

// programmes keeps the programme on record, parsed, and what events were
// before they changed.
type programmes struct {
	ledger Ledger

	mu        sync.Mutex
	programme *jobs.Programme
	version   int64
	was       map[revised]*jobs.Event
}

// revised is an event at a revision.
type revised struct {
	event    string
	revision int
}

// at gives the programme of a version, or a newer one: who claimed under an
// older version is stopped before the dot if it matters.
func (p *programmes) at(ctx context.Context, version int64) (*jobs.Programme, int64, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.programme != nil && p.version >= version {
		return p.programme, p.version, nil
	}
	programme, version, err := p.ledger.Programme(ctx)
	if err != nil {
		return nil, 0, fmt.Errorf("read the programme: %w", err)
	}
	p.programme, p.version, p.was = programme, version, nil
	return programme, version, nil
}

// before gives an event as it was before it got a revision, nil when nobody
// knows.
func (p *programmes) before(ctx context.Context, eventID string, revision int) (*jobs.Event, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	key := revised{eventID, revision}
	if ev, known := p.was[key]; known {
		return ev, nil
	}
	ev, ok, err := p.ledger.EventBefore(ctx, eventID, revision)
	if err != nil {
		return nil, fmt.Errorf("read what the event was before: %w", err)
	}
	if p.was == nil {
		p.was = map[revised]*jobs.Event{}
	}
	p.was[key] = nil
	if ok {
		p.was[key] = &ev
	}
	return p.was[key], nil
}
