// Package pagetest lets independent programs judge the pages and mails that
// Heraut writes: axe-core in Debian's Chromium, html-validate, and for mails
// caniemail (Outlook, Gmail, Apple Mail). It is for tests. Its programs are
// installed by `make test`; when one is missing the test fails and says what to
// install.
package pagetest

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"os/exec"
	"sync"
	"testing"
	"time"

	"heraut/templates/nodetest"
)

// Page is a page or a mail to judge, at an address or as text.
type Page struct {
	Name string `json:"name"`
	URL  string `json:"url,omitempty"`
	HTML string `json:"html,omitempty"`
	// Mail says that it is read in a mail program: other rules hold there.
	Mail bool `json:"mail,omitempty"`
	// Press says that the first button of the page is pressed before the judges look.
	Press bool `json:"press,omitempty"`
}

// Finding is one thing that a judge has against a page.
type Finding struct {
	Page  string `json:"page"`
	Judge string `json:"judge"` // axe, reflow, html-validate, caniemail or chromium
	Rule  string `json:"rule"`  // the judge's name for it
	What  string `json:"what"`
}

//go:embed judges/*.mjs judges/package.json judges/package-lock.json judges/.npmrc
var judges embed.FS

var install = sync.OnceValues(func() (string, error) {
	return nodetest.Install(judges, "judges", "page-judges")
})

// Judge fails the test with everything that a judge has against the pages.
func Judge(t testing.TB, pages ...Page) {
	t.Helper()
	found, err := Findings(pages...)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		t.Errorf("%s", f)
	}
}

// String gives it on one line.
func (f Finding) String() string {
	return f.Page + ": " + f.Judge + ": " + f.Rule + ": " + f.What
}

// Findings gives what the judges have against the pages. An error says what
// could not be installed or started.
func Findings(pages ...Page) (found []Finding, err error) {
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		return nil, fmt.Errorf("%w (apt-get install chromium)", err)
	}
	dir, err := install()
	if err != nil {
		return nil, fmt.Errorf("installing the judges: %w (apt-get install nodejs npm)", err)
	}
	in, err := json.Marshal(map[string]any{"chromium": chromium, "pages": pages})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", "judge.mjs")
	var stderr bytes.Buffer
	cmd.Dir, cmd.Stdin, cmd.Stderr = dir, bytes.NewReader(in), &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("node judge.mjs: %w\n%s", err, stderr.Bytes())
	}
	for line := range bytes.Lines(out) {
		var f Finding
		if err := json.Unmarshal(line, &f); err != nil {
			return nil, fmt.Errorf("judge.mjs printed %q: %w", line, err)
		}
		found = append(found, f)
	}
	return found, nil
}
