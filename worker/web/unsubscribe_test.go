package web_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"heraut/jobs"
	"heraut/jobs/ledger"
	"heraut/jobs/ledger/ledgertest"
	"heraut/templates/pagetest"
	"heraut/worker/web"
)

func TestMain(m *testing.M) { ledgertest.Main(m) }

var tagKey = []byte("0123456789abcdef")

const workshop = `programme: Proef
timezone: Europe/Amsterdam
events:
  - id: workshop
    start: 2026-11-19T11:30
    title: Workshop
    location: {name: Zaal 1}
    organizer: {name: Team, email: team@example.nl}
    messages: [{name: confirmation}]
`

// registered gives a ledger with one person, and the path of their page.
func registered(t *testing.T, db *ledger.DB, lang jobs.Lang) (path string, id int64) {
	t.Helper()
	now := time.Date(2026, 11, 1, 9, 0, 0, 0, time.UTC)
	if _, err := db.Apply(t.Context(), "programme.yaml", []byte(workshop), now, ledger.ApplyOptions{}); err != nil {
		t.Fatal(err)
	}
	addr, err := jobs.ParseAddress("jan@example.org")
	if err != nil {
		t.Fatal(err)
	}
	r, _, err := db.Register(t.Context(), jobs.Registration{EventID: "workshop", Email: addr, Lang: lang, Source: "proef"}, now)
	if err != nil {
		t.Fatal(err)
	}
	return "/u/" + jobs.UnsubscribeToken(tagKey, r.ID), r.ID
}

func pages(db web.Campaigns) http.Handler {
	return web.New(web.Config{Campaigns: db, TagKey: tagKey, IsNotFound: func(err error) bool { return errors.Is(err, ledger.ErrNotFound) }}).Handler()
}

func ask(h http.Handler, method, path, contentType, body string) *httptest.ResponseRecorder {
	w, r := httptest.NewRecorder(), httptest.NewRequest(method, path, strings.NewReader(body))
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	h.ServeHTTP(w, r)
	return w
}

const form = "application/x-www-form-urlencoded"

// TestUnsubscribe follows one person through the pages, on both databases.
func TestUnsubscribe(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, db *ledger.DB) {
		path, id := registered(t, db, jobs.English)
		h := pages(db)
		on := func() bool {
			_, on, err := db.Unsubscribed(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			return on
		}
		for range 50 {
			for _, method := range []string{http.MethodGet, http.MethodHead} {
				w := ask(h, method, path, "", "")
				if w.Code != http.StatusOK || on() {
					t.Fatalf("%s: %d, unsubscribed: %v", method, w.Code, on())
				}
			}
		}
		w := ask(h, http.MethodGet, path, "", "")
		for _, want := range []string{`<html lang="en">`, "<button", `name="List-Unsubscribe" value="One-Click"`} {
			if !strings.Contains(w.Body.String(), want) {
				t.Errorf("the page lacks %q", want)
			}
		}
		if body := w.Body.String(); strings.Contains(body, "jan@") || strings.Contains(body, path) {
			t.Error("the page tells who it is for")
		}
		for header, want := range map[string]string{"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex"} {
			if got := w.Header().Get(header); got != want {
				t.Errorf("%s: %q, want %q", header, got, want)
			}
		}
		if p := w.Header().Get("Content-Security-Policy"); !strings.HasPrefix(p, "default-src 'none'; style-src 'sha256-") {
			t.Errorf("Content-Security-Policy: %s", p)
		}
		for name, body := range map[string]string{"empty": "", "another field": "a=b", "too large": "a=" + strings.Repeat("x", 8<<10) + "&List-Unsubscribe=One-Click"} {
			if w := ask(h, http.MethodPost, path, form, body); w.Code != http.StatusBadRequest || on() {
				t.Errorf("%s: %d, unsubscribed: %v", name, w.Code, on())
			}
		}
		if w := ask(h, http.MethodPost, path+"?List-Unsubscribe=One-Click", form, ""); w.Code != http.StatusBadRequest || on() {
			t.Errorf("a field in the address: %d, unsubscribed: %v", w.Code, on())
		}
		const multipart = "--x\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--x--\r\n"
		for _, c := range [][2]string{{form, "List-Unsubscribe=One-Click"}, {"multipart/form-data; boundary=x", multipart}, {form, "List-Unsubscribe=One-Click"}} {
			w := ask(h, http.MethodPost, path, c[0], c[1])
			if w.Code != http.StatusOK || !on() || !strings.Contains(w.Body.String(), "You are unsubscribed") || w.Header().Get("Location") != "" {
				t.Errorf("%s: %d, unsubscribed: %v", c[0], w.Code, on())
			}
			if addr, err := jobs.ParseAddress("JAN@example.org"); err != nil || c[0] != form {
				if err := db.Resubscribe(t.Context(), addr); err != nil {
					t.Error(err)
				}
			}
		}
		if w := ask(h, http.MethodGet, path, "", ""); !strings.Contains(w.Body.String(), "You are unsubscribed") || strings.Contains(w.Body.String(), "<button") {
			t.Error("the page asks again")
		}
	})
}

// TestUnsubscribeJudged opens the pages in Chromium: a look changes nothing, the
// button does it, under the page's own security policy, and axe, html-validate
// and a window of a small phone have nothing against any of them.
func TestUnsubscribeJudged(t *testing.T) {
	db := ledgertest.Open(t, ledgertest.SQLite(t))
	path, id := registered(t, db, jobs.Dutch)
	server := httptest.NewServer(pages(db))
	defer server.Close()
	page := pagetest.Page{Name: "the question", URL: server.URL + path}
	pagetest.Judge(t, page, pagetest.Page{Name: "a wrong link", URL: server.URL + "/u/x"})
	if _, on, err := db.Unsubscribed(t.Context(), id); err != nil || on {
		t.Fatalf("after a look: unsubscribed %v, %v", on, err)
	}
	page.Name, page.Press = "after the button", true
	pagetest.Judge(t, page)
	if _, on, err := db.Unsubscribed(t.Context(), id); err != nil || !on {
		t.Errorf("after the button: unsubscribed %v, %v", on, err)
	}
}

// Every token that is not ours gets the same answer.
func TestUnsubscribeStrangers(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, db *ledger.DB) {
		path, id := registered(t, db, jobs.Dutch)
		h := pages(db)
		first := ask(h, http.MethodGet, "/u/x", "", "").Body.String()
		for _, token := range []string{"x", "1", "-", "1-", path[3:] + "x", strings.ToUpper(path[3:]), jobs.UnsubscribeToken([]byte("another key 1234"), id), jobs.UnsubscribeToken(tagKey, id+1)} {
			for _, method := range []string{http.MethodGet, http.MethodPost} {
				w := ask(h, method, "/u/"+token, form, "List-Unsubscribe=One-Click")
				if w.Code != http.StatusNotFound || w.Body.String() != first {
					t.Errorf("%s %s: %d", method, token, w.Code)
				}
			}
		}
		if w := ask(h, http.MethodPut, path, "", ""); w.Code != http.StatusMethodNotAllowed {
			t.Errorf("PUT: %d", w.Code)
		}
	})
}

// away is a ledger that does not answer.
type away struct{}

func (away) UnsubscribeRegistration(context.Context, int64, string, time.Time) error {
	return errors.New("secret host is away")
}

func (away) Unsubscribed(context.Context, int64) (jobs.Lang, bool, error) {
	return "", false, errors.New("secret host is away")
}

func TestUnsubscribeWhileLedgerIsAway(t *testing.T) {
	h := pages(away{})
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		w := ask(h, method, "/u/"+jobs.UnsubscribeToken(tagKey, 1), form, "List-Unsubscribe=One-Click")
		if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" || strings.Contains(w.Body.String(), "secret") || strings.Contains(w.Body.String(), "Je bent afgemeld") {
			t.Errorf("%s: %d\n%s", method, w.Code, w.Body)
		}
	}
}
