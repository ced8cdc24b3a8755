package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime/debug"

	"golang.org/x/sync/errgroup"

	"heraut/jobs/ledger"
	"heraut/jobs/queue"
	"heraut/templates"
	"heraut/worker"
	"heraut/worker/mailer"
	"heraut/worker/web"
)

// serveCmd runs worker and web side until SIGTERM. Several at once, on one
// data folder or on PostgreSQL and Redis, do not get in each other's way.
type serveCmd struct {
	Only string `enum:"worker,web," default:"" placeholder:"worker|web" help:"Run this side only."`
}

// server holds what one serve process runs on.
type server struct {
	app    *app
	log    *slog.Logger
	record *record
	queue  *queue.Conn // nil for a web side without a Redis to share
}

func (c *serveCmd) Run(ctx context.Context, a *app) (err error) {
	defer func() {
		// Told to stop while it was still starting: that is a good end too.
		if ctx.Err() != nil && errors.Is(err, context.Canceled) {
			err = nil
		}
	}()
	r, err := a.open(ctx)
	if err != nil {
		return err
	}
	s := &server{app: a, log: a.logger(r.config), record: r}
	defer func() { err = errors.Join(err, s.close()) }()
	// An embedded Redis is of this process alone; without a worker nobody
	// would read it.
	if c.Only != "web" || r.config.Redis != embedded {
		if s.queue, err = queue.Open(ctx, r.config.Redis, s.log); err != nil {
			return err
		}
	}
	where := serving{Mail: r.config.SMTP.URL, Capture: r.config.SMTP.URL == capture}
	var parts []func(context.Context) error
	if c.Only != "web" {
		collectLess()
		w, to, stop, err := s.worker(ctx)
		if err != nil {
			return err
		}
		defer stop()
		where = to
		parts = append(parts, w.Run)
	}
	if c.Only == "worker" {
		a.sayServing(where)
	} else {
		pages, err := s.web(ctx, func(addr net.Addr) {
			where.Web = "http://" + addr.String()
			a.sayServing(where)
		})
		if err != nil {
			return err
		}
		parts = append(parts, pages.Run)
	}
	// A side that fails takes the other along: half a service looks well and
	// is not.
	group, running := errgroup.WithContext(ctx)
	for _, run := range parts {
		group.Go(func() error { return run(running) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	s.log.Info("stopped")
	return nil
}

// collectLess has garbage collected half as often, unless GOGC says otherwise.
// What lives is a few prepared mails and what is in hand, some 15 MB, so
// processor time is had for little memory.
func collectLess() {
	const standard = 100
	if was := debug.SetGCPercent(2 * standard); was != standard {
		debug.SetGCPercent(was)
	}
}

// serving says where what is.
type serving struct {
	Web     string `json:"web,omitempty"`
	Mail    string `json:"mail"`    // the relay, or the folder of captured mail
	Capture bool   `json:"capture"` // mail does not go out
}

// sayServing tells it in one line.
func (a *app) sayServing(s serving) {
	if a.flags.JSON {
		_ = a.printJSON(s) // nobody reads it: serve all the same
		return
	}
	said := fmt.Sprintf(a.words.ServeRelay, s.Mail)
	if s.Capture {
		said = fmt.Sprintf(a.words.ServeCapture, s.Mail)
	}
	if s.Web != "" {
		said = fmt.Sprintf(a.words.ServeWeb, s.Web) + "; " + said
	}
	a.sayf("%s", said)
}

// worker makes the worker and what it sends through; stop ends the latter
// after the worker.
func (s *server) worker(ctx context.Context) (w *worker.Worker, where serving, stop func(), err error) {
	c := s.record.config
	set, err := loadTemplates(c)
	if err != nil {
		return nil, where, nil, err
	}
	key, err := tagKey(ctx, s.record, filepath.Join(c.Data, keyFile), s.log)
	if err != nil {
		return nil, where, nil, err
	}
	cfg := c.mailer()
	stop, where.Mail = func() {}, c.SMTP.URL
	if c.SMTP.URL == capture {
		dir := filepath.Join(c.Data, "mail")
		server, err := mailer.StartCapture(mailer.CaptureConfig{Dir: dir, Log: s.log})
		if err != nil {
			return nil, where, nil, err
		}
		stop = func() { _ = server.Close() }
		cfg.URL, cfg.Password, cfg.TLS = server.URL(), "", mailer.TLSNone
		where = serving{Mail: dir, Capture: true}
	}
	cfg.Log = s.log
	dialer, err := mailer.NewDialer(cfg)
	if err == nil {
		w, err = worker.New(worker.Config{
			Ledger: s.record.DB, Queue: s.queue, Templates: set, Dialer: dialer,
			From: c.from, TagKey: key, Signer: c.signer, Log: s.log,
			PublicURL: c.PublicURL, Connections: c.SMTP.Connections, Rate: c.SMTP.Rate, DomainRates: c.SMTP.DomainRates,
		})
	}
	if err != nil {
		stop()
		return nil, where, nil, err
	}
	return w, where, stop, nil
}

// web makes the web side.
func (s *server) web(ctx context.Context, onListen func(net.Addr)) (*web.Server, error) {
	key, err := tagKey(ctx, s.record, filepath.Join(s.record.config.Data, keyFile), s.log)
	if err != nil {
		return nil, err
	}
	parts := []web.Part{{Name: "ledger", Ping: s.record.Ping}}
	if s.queue != nil {
		parts = append(parts, web.Part{Name: "redis", Ping: s.queue.Ping})
	}
	return web.New(web.Config{
		Listen: s.record.config.Web.Listen, Parts: parts, OnListen: onListen, Log: s.log, TagKey: key,
		Campaigns: s.record, IsNotFound: func(err error) bool { return errors.Is(err, ledger.ErrNotFound) },
	}), nil
}

func (s *server) close() error {
	var err error
	if s.queue != nil {
		err = s.queue.Close()
	}
	return errors.Join(err, s.record.Close())
}

// templatesFolder is where an organiser puts changed templates, in the data
// folder.
const templatesFolder = "templates"

// loadTemplates parses the templates with the organiser's own over them. A
// broken one is an error here, not when a mail is due.
func loadTemplates(c *config) (*templates.Set, error) {
	set, err := templates.Load(os.DirFS(filepath.Join(c.Data, templatesFolder)))
	if err != nil {
		return nil, hint(err, "these files are in %s; `heraut templates export DIR` writes the built-in ones to compare", filepath.Join(c.Data, templatesFolder))
	}
	return set, nil
}
