package web_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"heraut/worker/web"
)

func TestPages(t *testing.T) {
	well := func(context.Context) error { return nil }
	broken := func(context.Context) error { return errors.New("secret host is away") }
	tests := []struct {
		name, method, path string
		parts              []web.Part
		code               int
		body               string
	}{
		{"alive", "GET", "/healthz", nil, 200, `{"status":"ok"}`},
		{"alive though a part is away", "GET", "/healthz", []web.Part{{Name: "redis", Ping: broken}}, 200, `{"status":"ok"}`},
		{"ready", "GET", "/readyz", []web.Part{{Name: "ledger", Ping: well}, {Name: "redis", Ping: well}}, 200, `{"status":"ok"}`},
		{"one part away", "GET", "/readyz", []web.Part{{Name: "ledger", Ping: well}, {Name: "redis", Ping: broken}}, 503, `{"status":"unavailable","missing":["redis"]}`},
		{"both away", "GET", "/readyz", []web.Part{{Name: "ledger", Ping: broken}, {Name: "redis", Ping: broken}}, 503, `{"status":"unavailable","missing":["ledger","redis"]}`},
		{"nothing to post", "POST", "/readyz", nil, 405, "Method Not Allowed"},
		{"no such page", "GET", "/", nil, 404, "404 page not found"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := httptest.NewRecorder()
			web.New(web.Config{Parts: tt.parts}).Handler().ServeHTTP(w, httptest.NewRequest(tt.method, tt.path, nil))
			if body := strings.TrimSpace(w.Body.String()); w.Code != tt.code || body != tt.body {
				t.Errorf("%s %s: %d %s, want %d %s", tt.method, tt.path, w.Code, body, tt.code, tt.body)
			}
		})
	}
}

// A request that is under way when the process is told to stop is answered.
func TestRunStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	asked, addr, done := make(chan struct{}), make(chan net.Addr, 1), make(chan error, 1)
	slow := func(context.Context) error {
		close(asked)
		<-ctx.Done()
		return nil
	}
	s := web.New(web.Config{Listen: "127.0.0.1:0", OnListen: func(a net.Addr) { addr <- a }, Parts: []web.Part{{Name: "slow", Ping: slow}}})
	go func() { done <- s.Run(ctx) }()
	url := "http://" + (<-addr).String() + "/readyz"
	go func() {
		<-asked
		cancel()
	}()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if body, err := io.ReadAll(res.Body); err != nil || res.StatusCode != http.StatusOK {
		t.Errorf("answer %d %s, %v; want 200", res.StatusCode, body, err)
	}
	if err := <-done; err != nil {
		t.Errorf("Run: %v, want nil after a stop", err)
	}
}

func TestRunCannotListen(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	if err := web.New(web.Config{Listen: taken.Addr().String()}).Run(t.Context()); err == nil {
		t.Error("Run on a taken port: no error")
	}
}
