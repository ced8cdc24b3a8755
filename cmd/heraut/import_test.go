package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"
)

// cancelAfter is a stream during which somebody presses Ctrl-C.
type cancelAfter struct {
	io.Reader
	left   int // octets until then
	cancel context.CancelFunc
}

func (r *cancelAfter) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p[:min(len(p), 512)])
	if r.left -= n; r.left <= 0 {
		r.cancel()
	}
	return n, err
}

// An interrupted import stops between two chunks, says how far it came, and
// the same command again does the rest.
func TestImportInterrupted(t *testing.T) {
	dir := workDir(t)
	env := []string{"HERAUT_DATA=" + filepath.Join(dir, "data"), "HERAUT_PROGRAMME=" + filepath.Join(dir, "programme.yaml")}
	args := []string{"--json", "import", "-", "--event", "workshop"}
	const all = 20 * chunkRows
	people := peopleFile(all)

	ctx, cancel := context.WithCancel(t.Context())
	var stdout, stderr bytes.Buffer
	stdin := &cancelAfter{bytes.NewReader(people), len(people) / 2, cancel}
	if code := run(ctx, args, stdin, &stdout, &stderr, env); code != exitFailed {
		t.Fatalf("interrupted: exit code %d, want %d\n%s", code, exitFailed, &stderr)
	}
	var line int
	_, said, _ := strings.Cut(stderr.String(), "\n") // after the note about the programme
	if _, err := fmt.Sscanf(said, "stopped after line %d;", &line); err != nil || stdout.Len() > 0 {
		t.Fatalf("interrupted: said %q and printed %q", &stderr, &stdout)
	}
	onRecord := line - 1 // the first line is the header
	if onRecord <= 0 || onRecord >= all || onRecord%chunkRows != 0 {
		t.Errorf("interrupted after %d rows; want whole chunks of %d, and not all", onRecord, chunkRows)
	}

	stdout.Reset()
	if code := run(t.Context(), args, bytes.NewReader(people), &stdout, io.Discard, env); code != exitDone {
		t.Fatalf("again: exit code %d", code)
	}
	var got importCounts
	if err := json.Unmarshal(stdout.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if want := (importCounts{Read: all, Added: all - onRecord, Unchanged: onRecord}); got != want {
		t.Errorf("again: %+v, want %+v", got, want)
	}
}

// A file that is damaged in the middle: what came before is on record.
func TestImportDamaged(t *testing.T) {
	dir := workDir(t)
	env := []string{"HERAUT_DATA=" + filepath.Join(dir, "data"), "HERAUT_PROGRAMME=" + filepath.Join(dir, "programme.yaml")}
	var stderr bytes.Buffer
	damaged := "email,naam\na@example.org,A\nb@example.org,\"B\nnever closed"
	if code := run(t.Context(), []string{"import", "-", "--event", "workshop"}, strings.NewReader(damaged), io.Discard, &stderr, env); code != exitUsage {
		t.Fatalf("exit code %d, want %d\n%s", code, exitUsage, &stderr)
	}
	if !strings.Contains(stderr.String(), "heraut: stdin:3: ") || !strings.Contains(stderr.String(), "stopped after line 2;") {
		t.Errorf("said %q", &stderr)
	}
}
