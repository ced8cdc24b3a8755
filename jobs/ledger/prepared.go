package ledger

import (
	"context"
	"database/sql"
	"sync"
)

// prepared keeps statements of one pool prepared, by their text: to read one of
// these texts takes SQLite longer than to run it for a message. A statement is
// to be asked for before a transaction begins, since SQLite has one connection
// to write with.
type prepared struct {
	pool *sql.DB

	mu    sync.Mutex
	stmts map[string]*sql.Stmt
}

// get gives a statement, which is never closed. The text has to be constant.
func (p *prepared) get(ctx context.Context, query string) (*sql.Stmt, error) {
	p.mu.Lock()
	s := p.stmts[query]
	p.mu.Unlock()
	if s != nil {
		return s, nil
	}
	s, err := p.pool.PrepareContext(ctx, query) // not under the lock: it may wait for a connection
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if other := p.stmts[query]; other != nil {
		return other, s.Close()
	}
	p.stmts[query] = s
	return s, nil
}

// close closes all statements.
func (p *prepared) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.stmts {
		s.Close()
	}
	clear(p.stmts)
}

// QueryContext runs a query of constant text.
func (p *prepared) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	s, err := p.get(ctx, query)
	if err != nil {
		return nil, err
	}
	return s.QueryContext(ctx, args...)
}
