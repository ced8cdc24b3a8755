package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path"
	"strings"
	"time"
)

// serveRehearsal shows the folder of a rehearsal on web.listen until ctx is
// done. It only reads.
func (a *app) serveRehearsal(ctx context.Context, dir string) error {
	c, err := loadConfig(a.flags.Config, a.env)
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(dir) // a link in the folder leads nowhere else
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	defer root.Close()
	listener, err := net.Listen("tcp", c.Web.Listen)
	if err != nil {
		return hint(fmt.Errorf("demo: %w", err), "set web.listen in heraut.yaml, or HERAUT_WEB__LISTEN, to another port")
	}
	server := &http.Server{
		Handler:           rehearsalPages(http.FileServerFS(root.FS())),
		ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: time.Minute, IdleTimeout: 2 * time.Minute,
	}
	stop := context.AfterFunc(ctx, func() {
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_ = server.Shutdown(ending) // what is left after five seconds is cut by the end of the process
	})
	defer stop()
	a.sayf(a.words.tr("http://%s – Ctrl-C stopt", "http://%s – Ctrl-C stops"), listener.Addr())
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("demo: %w", err)
	}
	return nil
}

// rehearsalPages serves files to read, not our own marker, and tells browsers
// to run nothing.
func rehearsalPages(files http.Handler) http.Handler {
	types := map[string]string{".eml": "text/plain; charset=utf-8", ".ics": "text/calendar; charset=utf-8", ".jsonl": "text/plain; charset=utf-8"}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "only GET and HEAD", http.StatusMethodNotAllowed)
			return
		}
		if strings.Contains(path.Clean(r.URL.Path), "/.") {
			http.NotFound(w, r)
			return
		}
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-src 'self'; frame-ancestors 'self'; base-uri 'none'; form-action 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		if t, ok := types[path.Ext(r.URL.Path)]; ok {
			h.Set("Content-Type", t)
		}
		files.ServeHTTP(w, r)
	})
}
