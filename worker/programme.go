package worker

import (
	"context"
	"fmt"
	"sync"

	"heraut/jobs"
)

// programmes keeps the programme on record, parsed.
type programmes struct {
	ledger Ledger

	mu        sync.Mutex
	programme *jobs.Programme
	version   int64
}

// at gives the programme of a version, or a newer one: who claimed under an
// older version is stopped before the dot if it matters.
func (p *programmes) at(ctx context.Context, version int64) (*jobs.Programme, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.programme != nil && p.version >= version {
		return p.programme, nil
	}
	programme, version, err := p.ledger.Programme(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the programme: %w", err)
	}
	p.programme, p.version = programme, version
	return programme, nil
}
