package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"heraut/jobs"
	"heraut/templates/invite"
	"heraut/templates/invite/invitetest"
)

// quietApp gives an app that talks into a buffer.
func quietApp(t *testing.T, args globals) (*app, *bytes.Buffer) {
	t.Helper()
	var out bytes.Buffer
	a := newApp(strings.NewReader(""), &out, io.Discard, nil)
	a.flags = args
	return a, &out
}

// playDemo runs the demo in a folder of its own.
func playDemo(t *testing.T) (*rehearsalResult, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	dir := filepath.Join(t.TempDir(), "demo")
	a, _ := quietApp(t, globals{})
	r, err := newDemo(a, dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := prepareRehearsalDir(dir); err != nil {
		t.Fatal(err)
	}
	result, err := r.run(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return result, dir
}

// Issue 2: the demo is the main job, end to end.
func TestDemo(t *testing.T) {
	r, dir := playDemo(t)
	t.Run("counts", func(t *testing.T) { checkDemoCounts(t, r) })
	t.Run("kinds in both languages", func(t *testing.T) { checkDemoLanguages(t, r) })
	t.Run("moments", func(t *testing.T) { checkDemoMoments(t, r) })
	t.Run("held", func(t *testing.T) { checkDemoHeld(t, r, dir) })
	t.Run("files", func(t *testing.T) { checkDemoFiles(t, r, dir) })
	t.Run("calendars", func(t *testing.T) { checkDemoCalendars(t, r, dir) })
	t.Run("independent readers", func(t *testing.T) { checkDemoReaders(t, dir) })
}

// checkDemoReaders lets ical.js, libical and python3-icalendar read every
// invitation of the demo: they must agree on all of it.
func checkDemoReaders(t *testing.T, dir string) {
	files, err := filepath.Glob(filepath.Join(dir, "mail", "*.ics"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%d invitations, %v", len(files), err)
	}
	const workshop = "2026-11-19T10:30:00Z 2026-11-19T11:30:00Z"
	for _, e := range invitetest.Read(t, files...) {
		if e.Events != 1 || len(e.Attendees) != 1 {
			t.Errorf("%s: %d events, attendees %v", filepath.Base(e.File), e.Events, e.Attendees)
		}
		at := e.Start.Format(time.RFC3339) + " " + e.End.Format(time.RFC3339)
		if strings.Contains(filepath.Base(e.File), "-workshop-") && at != workshop {
			t.Errorf("%s is at %s, want %s", filepath.Base(e.File), at, workshop)
		}
	}
}

func checkDemoCounts(t *testing.T, r *rehearsalResult) {
	want := []rehearsalCount{
		{"workshop", jobs.Confirmation, 15, rehearsalBys{jobs.Sent: 13, jobs.HeldState: 2}},
		{"workshop", jobs.Reminder, 45, rehearsalBys{jobs.Sent: 29, jobs.HeldState: 6, jobs.CancelledState: 6, jobs.Expired: 4}},
		{"workshop", jobs.Followup, 15, rehearsalBys{jobs.Sent: 11, jobs.HeldState: 2, jobs.CancelledState: 2}},
		{"workshop", jobs.Cancellation, 2, rehearsalBys{jobs.Sent: 2}},
		{"signing", jobs.Confirmation, 7, rehearsalBys{jobs.Sent: 7}},
		{"signing", jobs.Reminder, 42, rehearsalBys{jobs.Sent: 21, jobs.CancelledState: 21}},
		{"signing", jobs.Followup, 14, rehearsalBys{jobs.Sent: 7, jobs.CancelledState: 7}},
		{"signing", jobs.Change, 7, rehearsalBys{jobs.Sent: 7}},
	}
	got := r.counts()
	if !slices.EqualFunc(got, want, func(a, b rehearsalCount) bool {
		return a.Event == b.Event && a.Kind == b.Kind && a.Owed == b.Owed && maps.Equal(a.By, b.By)
	}) {
		t.Errorf("counts:\n%v\nwant:\n%v", got, want)
	}
}

func checkDemoLanguages(t *testing.T, r *rehearsalResult) {
	seen := map[jobs.Kind]map[jobs.Lang]bool{}
	for _, m := range r.sent() {
		if seen[m.Kind] == nil {
			seen[m.Kind] = map[jobs.Lang]bool{}
		}
		seen[m.Kind][r.People[m.Person].Lang] = true
	}
	for _, k := range jobs.Kinds() {
		if !seen[k][jobs.Dutch] || !seen[k][jobs.English] {
			t.Errorf("%s appears in %v only", k, seen[k])
		}
	}
}

// Reminders keep their wall-clock time over the change of the clocks of 25
// October, and what came too late says so.
func checkDemoMoments(t *testing.T, r *rehearsalResult) {
	sent := map[string]map[string]bool{}
	reasons := map[string]string{}
	for _, m := range r.Messages {
		rule := m.EventID + " " + m.Name
		if m.State == jobs.Sent && m.Kind != jobs.Confirmation {
			if sent[rule] == nil {
				sent[rule] = map[string]bool{}
			}
			sent[rule][m.SentAt.UTC().Format(time.RFC3339)] = true
		}
		if m.State == jobs.Expired {
			p := r.People[m.Person]
			reasons[p.GivenName+" "+m.Name] = m.Reason
		}
	}
	for rule, want := range map[string]string{
		"workshop week-before": "2026-11-12T08:00:00Z", "workshop day-before": "2026-11-18T08:00:00Z",
		"workshop hour-before": "2026-11-19T09:30:00Z", "workshop thanks": "2026-11-20T09:00:00Z",
		"signing change": "2026-11-03T09:30:00Z", "signing week-before": "2026-11-26T08:00:00Z",
		"signing hour-before": "2026-12-03T14:00:00Z", "signing thanks": "2026-12-04T09:00:00Z",
	} {
		if got := slices.Collect(maps.Keys(sent[rule])); !slices.Equal(got, []string{want}) {
			t.Errorf("%s left at %v, want %s", rule, got, want)
		}
	}
	for what, want := range map[string]string{
		"Nadia week-before": jobs.ReasonFolded, "Ruben week-before": jobs.ReasonFolded,
		"Ruben day-before": jobs.ReasonLateSkip, "Ruben hour-before": jobs.ReasonLateSkip,
	} {
		if reasons[what] != want {
			t.Errorf("%s: %q, want %q", what, reasons[what], want)
		}
	}
}

// Issue 2: people who are not eligible for the workshop got nothing about it
// and are listed as held.
func checkDemoHeld(t *testing.T, r *rehearsalResult, dir string) {
	var held []string
	for _, p := range r.people("workshop", jobs.Held) {
		held = append(held, p.Email.String())
	}
	slices.Sort(held)
	if want := []string{"anneke.postma@gemeente.example", "marleen.brouwer@gemeente.example"}; !slices.Equal(held, want) {
		t.Fatalf("held: %v, want %v", held, want)
	}
	about := 0
	for _, m := range r.sent() {
		parts := readDemoMail(t, dir, m)
		for _, addr := range held {
			if !strings.Contains(parts.To, "<"+addr+">") {
				continue
			}
			if about++; strings.Contains(parts.Subject+parts.Text, "Rijksbreed beleid") {
				t.Errorf("%s was sent to %s, who is held", m.Base, addr)
			}
		}
	}
	if about == 0 {
		t.Error("the held person who also comes to the signing got nothing at all: the check proves nothing")
	}
}

func readDemoMail(t *testing.T, dir string, m rehearsalMessage) mailParts {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, timelineMailDir, m.Base+".eml"))
	if err != nil {
		t.Fatal(err)
	}
	parts, err := readMail(data)
	if err != nil {
		t.Fatalf("%s: %v", m.Base, err)
	}
	return parts
}

// Issue 2: DIR/mail holds one .eml and one .ics for each message.
func checkDemoFiles(t *testing.T, r *rehearsalResult, dir string) {
	want := map[string]bool{rehearsalMarker: true, rehearsalMessages: true, timelineMailDir: true}
	for _, m := range r.sent() {
		want[filepath.Join(timelineMailDir, m.Base+".eml")] = true
		want[filepath.Join(timelineMailDir, m.Base+".ics")] = true
	}
	if n := len(r.sent()); n != 97 || len(want) != 3+2*n {
		t.Errorf("%d mails sent, %d file names", n, len(want)-3)
	}
	for _, name := range filesBelow(t, dir) {
		if !want[name] {
			t.Errorf("unexpected file %s", name)
		}
		delete(want, name)
	}
	for name := range want {
		t.Errorf("missing file %s", name)
	}
}

func filesBelow(t *testing.T, dir string) (names []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if err == nil && path != dir {
			name, _ := filepath.Rel(dir, path)
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// Each invitation is right, is the one the mail carries or the last one the
// person got, and names the instants of the event as it stood then.
func checkDemoCalendars(t *testing.T, r *rehearsalResult, dir string) {
	last := map[int64][]byte{}
	uids := map[string]bool{}
	for _, m := range r.sent() {
		parts := readDemoMail(t, dir, m)
		ics, err := os.ReadFile(filepath.Join(dir, timelineMailDir, m.Base+".ics"))
		if err != nil {
			t.Fatal(err)
		}
		person := r.People[m.Person]
		want := invite.Expect{UID: person.UID, Attendee: person.Email.String()}
		if m.Borrowed {
			if !bytes.Equal(ics, last[person.ID]) {
				t.Errorf("%s: not the last invitation of this person", m.Base)
			}
		} else {
			if !bytes.Equal(ics, parts.Calendar) {
				t.Errorf("%s: not the invitation in the mail", m.Base)
			}
			want.Method, want.Sequence = invite.Method(parts.Method), m.Sequence
			last[person.ID] = ics
		}
		if err := invite.Lint(ics, want); err != nil {
			t.Errorf("%s: %v", m.Base, err)
		}
		if n := bytes.Count(ics, []byte("\nATTENDEE")); n != 1 {
			t.Errorf("%s: %d attendees", m.Base, n)
		}
		checkDemoEntry(t, m, ics)
		uids[person.UID] = true
	}
	if n := len(r.people("", jobs.Registered)) + len(r.people("", jobs.Cancelled)); len(uids) != n {
		t.Errorf("%d UIDs for %d registrations", len(uids), n)
	}
}

func checkDemoEntry(t *testing.T, m rehearsalMessage, ics []byte) {
	t.Helper()
	entry, err := readCalendar(ics)
	if err != nil {
		t.Fatalf("%s: %v", m.Base, err)
	}
	start, end := "2026-11-19T10:30:00Z", "2026-11-19T11:30:00Z"
	switch {
	case m.EventID == "signing" && m.Kind == jobs.Confirmation:
		start, end = "2026-12-03T14:00:00Z", "2026-12-03T15:00:00Z"
	case m.EventID == "signing":
		start, end = "2026-12-03T15:00:00Z", "2026-12-03T16:00:00Z"
	}
	if got := entry.Start.Format(time.RFC3339) + " " + entry.End.Format(time.RFC3339); got != start+" "+end {
		t.Errorf("%s: %s, want %s %s", m.Base, got, start, end)
	}
	method, sequence := "REQUEST", 0
	switch m.Kind {
	case jobs.Cancellation:
		method, sequence = "CANCEL", 1
	case jobs.Change:
		sequence = 1
	case jobs.Reminder, jobs.Followup:
		if m.EventID == "signing" {
			sequence = 1
		}
	}
	if entry.Method != method || entry.Sequence != sequence {
		t.Errorf("%s: %s SEQUENCE %d, want %s %d", m.Base, entry.Method, entry.Sequence, method, sequence)
	}
}

// The command writes nothing outside its folder, gives the same names each
// time, and says as JSON what it did.
func TestDemoCommand(t *testing.T) {
	parent := t.TempDir()
	t.Chdir(parent)
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	var before []string
	for range 2 {
		a, out := quietApp(t, globals{JSON: true})
		if err := (&demoCmd{Out: "heraut-demo"}).Run(t.Context(), a); err != nil {
			t.Fatal(err)
		}
		var view struct {
			From                  time.Time
			Sent, People, Refused int
			Held                  []heldJSON
		}
		if err := json.Unmarshal(out.Bytes(), &view); err != nil {
			t.Fatalf("%v in %s", err, out)
		}
		if view.Sent != 97 || len(view.Held) != 2 || view.Held[0].Event != "workshop" || view.Refused != 1 || view.People != 19 ||
			!view.From.Equal(time.Date(2026, 10, 5, 7, 0, 0, 0, time.UTC)) {
			t.Errorf("JSON: %+v", view)
		}
		after := filesBelow(t, parent)
		if before != nil && !slices.Equal(before, after) {
			t.Errorf("the second demo left other files than the first")
		}
		before = after
	}
	page, err := os.ReadFile(filepath.Join("heraut-demo", rehearsalPage))
	if err != nil {
		t.Fatal(err)
	}
	checkPage(t, "heraut-demo", string(page))
	for _, ext := range []string{".eml", ".ics", ".html"} {
		if n := strings.Count(string(page), ext+`">`+ext); n != 97 {
			t.Errorf("the page links %d %s files, want 97", n, ext)
		}
	}
	for _, want := range []string{
		"De organisator verplaatst de ondertekening", "15:00–16:00 CET → donderdag 3 december 2026, 16:00–17:00 CET",
		"Om 03:00 wordt het 02:00", "opgenomen in de bevestiging", "Deze mail heeft zelf geen uitnodiging",
	} {
		if !strings.Contains(string(page), want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	for _, name := range before {
		if name != "heraut-demo" && !strings.HasPrefix(name, "heraut-demo"+string(filepath.Separator)) {
			t.Errorf("%s lies outside the folder", name)
		}
	}
	if left := filesBelow(t, temp); len(left) > 0 {
		t.Errorf("left in the temporary folder: %v", left)
	}
}

// Who stops it hears that it is not complete, and no half ledger is left.
func TestDemoStopped(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	dir := filepath.Join(t.TempDir(), "demo")
	a, _ := quietApp(t, globals{})
	if err := (&demoCmd{Out: dir}).Run(ctx, a); !errors.Is(err, errSaid) {
		t.Errorf("error %v", err)
	}
	if got := filesBelow(t, dir); !slices.Equal(got, []string{rehearsalMarker, timelineMailDir}) {
		t.Errorf("left in the folder: %v", got)
	}
}

func TestRehearsalPagesOnlyRead(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{rehearsalMarker: "ours", "index.html": "<!doctype html><title>page</title>", "a.ics": "BEGIN:VCALENDAR"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pages := rehearsalPages(http.FileServerFS(os.DirFS(dir)))
	for _, c := range []struct {
		method, path string
		status       int
	}{
		{"GET", "/", 200}, {"HEAD", "/", 200}, {"GET", "/a.ics", 200}, {"POST", "/", 405}, {"DELETE", "/a.ics", 405},
		{"GET", "/" + rehearsalMarker, 404}, {"GET", "/x/../" + rehearsalMarker, 404}, {"GET", "/nothing", 404},
	} {
		w := httptest.NewRecorder()
		pages.ServeHTTP(w, httptest.NewRequest(c.method, c.path, nil))
		if w.Code != c.status {
			t.Errorf("%s %s: %d, want %d", c.method, c.path, w.Code, c.status)
		}
		if c.status == 200 && !strings.Contains(w.Header().Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%s %s: no policy", c.method, c.path)
		}
	}
}
