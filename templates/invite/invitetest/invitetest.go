// Package invitetest lets independent programs read the invitations that
// Heraut writes: ical.js, libical and python3-icalendar. It is for tests. Its
// programs are installed by `make test`; when one is missing the test fails
// and says what to install.
package invitetest

import (
	"bufio"
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"heraut/templates/nodetest"
)

// Entry is what one reader understood of one file.
type Entry struct {
	File      string    `json:"file"`
	Method    string    `json:"method"`
	Events    int       `json:"events"` // how many VEVENT the file holds; the rest is of the first
	UID       string    `json:"uid"`
	Sequence  int       `json:"sequence"`
	Status    string    `json:"status"`
	Start     time.Time `json:"start"` // UTC, by the reader's own idea of the zone
	End       time.Time `json:"end"`
	Summary   string    `json:"summary"`
	Organizer string    `json:"organizer"` // with mailto:
	Attendees []string  `json:"attendees"` // with mailto:
}

//go:embed readers/*.mjs readers/*.py readers/package.json readers/package-lock.json readers/.npmrc
var readers embed.FS

// programs are the readers; Debian's python3 is named in full because another
// one may stand before it in PATH, without the libraries.
var programs = []struct {
	name string
	argv []string
	hint string
}{
	{"ical.js", []string{"node", "icaljs.mjs"}, "apt-get install nodejs npm"},
	{"libical", []string{"/usr/bin/python3", "libical.py"}, "apt-get install python3-gi gir1.2-ical-3.0"},
	{"python3-icalendar", []string{"/usr/bin/python3", "icalendar.py"}, "apt-get install python3-icalendar"},
}

// Read lets each reader read the files and gives what they understood, in the
// order of the files. Readers that differ on a file fail the test.
func Read(t testing.TB, files ...string) []Entry {
	t.Helper()
	dir, err := install()
	if err != nil {
		t.Fatalf("installing ical.js: %v (apt-get install nodejs npm)", err)
	}
	for i, f := range files {
		if files[i], err = filepath.Abs(f); err != nil {
			t.Fatal(err)
		}
	}
	var first []Entry
	for i, p := range programs {
		entries := read(t, dir, p.argv, p.hint, files)
		if len(entries) != len(files) {
			t.Fatalf("%s read %d of %d files", p.name, len(entries), len(files))
		}
		if i == 0 {
			first = entries
			continue
		}
		for j := range entries {
			if !entries[j].equal(first[j]) {
				t.Errorf("%s and %s differ on %s:\n%+v\n%+v", programs[0].name, p.name, files[j], first[j], entries[j])
			}
		}
	}
	return first
}

func (e Entry) equal(o Entry) bool {
	return e.File == o.File && e.Method == o.Method && e.Events == o.Events && e.UID == o.UID &&
		e.Sequence == o.Sequence && e.Status == o.Status && e.Start.Equal(o.Start) && e.End.Equal(o.End) &&
		e.Summary == o.Summary && e.Organizer == o.Organizer && slices.Equal(e.Attendees, o.Attendees)
}

func read(t testing.TB, dir string, argv []string, hint string, files []string) (entries []Entry) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], append(argv[1:], files...)...)
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s\nis it installed? %s", argv, err, stderr.Bytes(), hint)
	}
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var e Entry
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			t.Fatalf("%v printed %q: %v", argv, lines.Text(), err)
		}
		entries = append(entries, e)
	}
	return entries
}

// install installs the readers, once.
var install = sync.OnceValues(func() (string, error) {
	return nodetest.Install(readers, "readers", "invite-readers")
})
