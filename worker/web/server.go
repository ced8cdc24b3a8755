package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// Part is something the process cannot work without.
type Part struct {
	Name string                      // in the answer: "ledger", "redis"
	Ping func(context.Context) error // nil when it answers
}

// Config is everything the web side needs.
type Config struct {
	// Listen is host:port. Port 0 takes a free one.
	Listen string
	// Parts are asked, all at once, by /readyz.
	Parts []Part
	// Campaigns keeps who wants none; nil for a process that has no such pages.
	Campaigns Campaigns
	// IsNotFound says whether an error of Campaigns means that there is no such
	// registration; nil for never.
	IsNotFound func(error) bool
	// TagKey is the key of the tokens in the links of mails.
	TagKey []byte
	// Now tells the time; nil means that of the machine.
	Now func() time.Time
	// OnListen is told the address that is listened on; nil for nobody.
	OnListen func(net.Addr)
	// Log gets what goes wrong; nil for none.
	Log *slog.Logger
}

const (
	pingWait = 3 * time.Second  // for a part to answer
	stopWait = 5 * time.Second  // for requests under way when stopping
	readWait = 10 * time.Second // for a whole request to come in
	sendWait = 30 * time.Second // for a whole answer to go out
	idleWait = 2 * time.Minute  // for the next request of a connection
	maxHead  = 16 << 10         // bytes
)

// Server is the web side.
type Server struct{ cfg Config }

// New gives a server; it does not listen yet.
func New(cfg Config) *Server {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.IsNotFound == nil {
		cfg.IsNotFound = func(error) bool { return false }
	}
	return &Server{cfg}
}

// Run listens and answers until ctx is done, then lets requests under way
// finish. The error is one of listening or serving.
func (s *Server) Run(ctx context.Context) error {
	l, err := net.Listen("tcp", s.cfg.Listen)
	if err != nil {
		return fmt.Errorf("web side: %w", err)
	}
	if s.cfg.OnListen != nil {
		s.cfg.OnListen(l.Addr())
	}
	srv := &http.Server{
		Handler:        s.Handler(),
		ReadTimeout:    readWait,
		WriteTimeout:   sendWait,
		IdleTimeout:    idleWait,
		MaxHeaderBytes: maxHead,
		ErrorLog:       slog.NewLogLogger(s.cfg.Log.Handler(), slog.LevelDebug),
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	select {
	case err := <-served:
		return fmt.Errorf("web side: %w", err)
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWait)
	defer cancel()
	if err := srv.Shutdown(stop); err != nil {
		_ = srv.Close() // the slow ones are cut off
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("web side: %w", err)
	}
	return nil
}

// Handler gives the pages.
//
//	GET /healthz  the process is alive           asked by who restarts it
//	GET /readyz   ledger and Redis answer too    asked by who sends it traffic
//	GET, POST /u/{token}  unsubscribe from campaigns (RFC 8058)
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", s.health)
	mux.HandleFunc("GET /readyz", s.ready)
	mux.HandleFunc("GET /u/{token}", s.showUnsubscribe)
	mux.HandleFunc("POST /u/{token}", s.unsubscribe)
	return mux
}

// answer is what both pages say. Missing names the parts that do not answer.
type answer struct {
	Status  string   `json:"status"` // "ok" or "unavailable"
	Missing []string `json:"missing,omitempty"`
}

func (s *Server) health(w http.ResponseWriter, _ *http.Request) {
	s.write(w, http.StatusOK, answer{Status: "ok"})
}

func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), pingWait)
	defer cancel()
	errs := make([]error, len(s.cfg.Parts))
	var all sync.WaitGroup
	for i, p := range s.cfg.Parts {
		all.Go(func() { errs[i] = p.Ping(ctx) })
	}
	all.Wait()
	a := answer{Status: "ok"}
	for i, p := range s.cfg.Parts {
		if errs[i] != nil {
			// Why goes to the log: it may name hosts and users.
			s.cfg.Log.Warn("part does not answer", "part", p.Name, "error", errs[i])
			a.Status, a.Missing = "unavailable", append(a.Missing, p.Name)
		}
	}
	code := http.StatusOK
	if len(a.Missing) > 0 {
		code = http.StatusServiceUnavailable
	}
	s.write(w, code, a)
}

func (s *Server) write(w http.ResponseWriter, code int, a answer) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(a) // the reader left: nobody to tell
}
