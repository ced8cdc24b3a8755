package main

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"heraut/jobs/ledger"
)

// Why nothing goes out stands above the numbers, for people and programs, and
// what a mail server said cannot act on a terminal.
func TestStatusTroubles(t *testing.T) {
	dir := t.TempDir()
	url := "sqlite:" + filepath.Join(dir, "heraut.db")
	if _, _, err := ledger.Migrate(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	db, err := ledger.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	const trouble = "login refused: 535 5.7.8 \x1b[2Jno\u202e such user"
	for worker, why := range map[string]string{"a": trouble, "b": trouble, "c": ""} {
		if err := db.Heartbeat(t.Context(), worker, time.Now(), time.Minute, why); err != nil {
			t.Fatal(err)
		}
	}
	status := func(flags ...string) string {
		t.Helper()
		var out, notes bytes.Buffer
		a := newApp(strings.NewReader(""), &out, &notes, []string{"HERAUT_DATABASE=" + url})
		if err := a.execute(t.Context(), slices.Concat(flags, []string{"status"})); err != nil {
			t.Fatal(err, notes.String())
		}
		return out.String()
	}
	for lang, want := range map[string]string{
		"nl": "Een worker verstuurt nu niets: login refused: 535 5.7.8 [2Jno such user\nAanmeldingen\n",
		"en": "A worker sends nothing now: login refused: 535 5.7.8 [2Jno such user\nRegistrations\n",
	} {
		if got := status("--lang", lang); !strings.HasPrefix(got, want) {
			t.Errorf("status begins\n%q, want\n%q", got, want)
		}
	}
	var v statusJSON
	if err := json.Unmarshal([]byte(status("--json")), &v); err != nil || !slices.Equal(v.Troubles, []string{trouble}) || v.Workers != 3 {
		t.Errorf("JSON: %q, %d workers, %v", v.Troubles, v.Workers, err)
	}
}
