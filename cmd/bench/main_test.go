package main

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		args    string
		people  int
		runs    int
		command string
		parts   string
	}{
		{"", 50_000, 3, "go run ./cmd/bench", "abcdepm"},
		{"-only c,d -out x.md", 50_000, 3, "go run ./cmd/bench -only=c,d", "cd"},
		{"-only a", 50_000, 3, "go run ./cmd/bench -only=a", "ab"},
		{"-quick", 2000, 1, "go run ./cmd/bench -quick=true", "abcdepm"},
		{"-quick -people 700 -heraut /somewhere/heraut", 700, 1, "go run ./cmd/bench -people=700 -quick=true", "abcdepm"},
	} {
		opt, err := parse(strings.Fields(c.args), io.Discard)
		if err != nil {
			t.Errorf("%q: %v", c.args, err)
			continue
		}
		wanted := ""
		for _, p := range parts() {
			if opt.wants(p.name) {
				wanted += p.name
			}
		}
		if opt.people != c.people || opt.runs != c.runs || opt.command != c.command || wanted != c.parts {
			t.Errorf("%q: %+v, parts %s", c.args, opt, wanted)
		}
	}
	for _, bad := range []string{"-only x", "-only b,", "-runs 0", "-people 3", "-crowd 3", "-nonsense", "more"} {
		if opt, err := parse(strings.Fields(bad), io.Discard); err == nil {
			t.Errorf("%q gives %+v", bad, opt)
		}
	}
}

// TestBench measures a little of almost everything, with all the real servers:
// what the figures need from Heraut's output and ledger is still there.
func TestBench(t *testing.T) {
	runtime.LockOSThread() // see main; what was started is gone before this thread is
	defer runtime.UnlockOSThread()
	temp := t.TempDir()
	// Servers that run as another user have to get in.
	for dir := temp; dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o711); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("TMPDIR", temp)
	// Not the release build, which would compile everything once more.
	binary, out := filepath.Join(temp, "heraut"), filepath.Join(temp, "table.md")
	if said, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "heraut/cmd/heraut").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	args := []string{"-quick", "-only", "b,c,d,p", "-people", "300", "-heraut", binary, "-out", out}
	if err := run(t.Context(), args, io.Discard, t.Output()); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| smtp-source, 16 kept connections | mails a second |", "CPU a mail: postgres (µs)", "CPU a mail: redis-server (µs)", "of what smtp-source sends",
		"| PostgreSQL + Redis, two workers | mails a second |", "registrations during the bulk run", "heraut import: people a second", "bytes on the wire",
		"from pause to the last mail (ms)", "from resume to the next mail (ms)", "from cancel to the last mail (ms)",
		"go run ./cmd/bench -only=b,c,d,p -people=300 -quick=true", "A quick run",
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the table lacks %q:\n%s", want, text)
		}
	}
	left, err := os.ReadDir(temp)
	if err != nil {
		t.Fatal(err)
	}
	if i := slices.IndexFunc(left, func(e os.DirEntry) bool { return strings.HasPrefix(e.Name(), "heraut-bench-") }); i >= 0 {
		t.Errorf("%s was left behind", left[i].Name())
	}
}
