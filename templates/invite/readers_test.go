package invite_test

import (
	"path/filepath"
	"testing"
	"time"

	"heraut/templates/invite/invitetest"
)

// TestIndependentReaders lets three programs that are not ours read every
// golden invitation: they must agree on all of it, and on the workshop's
// instants with the programme.
func TestIndependentReaders(t *testing.T) {
	files, err := filepath.Glob("testdata/*.ics")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d golden files, %v", len(files), err)
	}
	workshop := map[string]bool{"workshop-request.ics": true, "workshop-cancel.ics": true, "nasty-name.ics": true}
	for _, e := range invitetest.Read(t, files...) {
		if len(e.Attendees) != 1 || e.Events != 1 {
			t.Errorf("%s: %d events, attendees %v", e.File, e.Events, e.Attendees)
		}
		if workshop[filepath.Base(e.File)] && (e.Start.Format(time.RFC3339) != "2026-11-19T10:30:00Z" || e.End.Format(time.RFC3339) != "2026-11-19T11:30:00Z") {
			t.Errorf("%s: %v – %v", e.File, e.Start, e.End)
		}
	}
}
