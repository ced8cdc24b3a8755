package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"heraut/jobs/queue/queuetest"
)

// programmeFile is a programme whose moments are far away, whatever the day.
const programmeFile = `programme: Proef
timezone: Europe/Amsterdam
events:
  - id: workshop
    start: 2090-11-16T11:30
    title: {nl: Proefworkshop}
    organizer: {email: workshop@example.nl}
    messages:
      - {name: confirmation}
      - {name: week-before, kind: reminder, at: "-7d 09:00"}
`

// startServe starts `heraut serve` on free ports and gives it with the address of
// its web side.
func startServe(t *testing.T, dir string, stderr io.Writer, args ...string) (*exec.Cmd, string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "heraut", append([]string{"--json", "serve"}, args...)...)
	cmd.Dir, cmd.Stderr, cmd.Env = dir, stderr, append(os.Environ(), "HERAUT_WEB__LISTEN=127.0.0.1:0")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadBytes('\n')
	var where serving
	if err == nil {
		err = json.Unmarshal(line, &where)
	}
	if err != nil {
		t.Fatalf("serve did not say where it is: %v", err)
	}
	return cmd, where.Web
}

func workDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "programme.yaml"), []byte(programmeFile), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// Service managers stop a service with SIGTERM; one that ended well exits 0.
func TestServeSIGTERM(t *testing.T) {
	var stderr bytes.Buffer
	cmd, web := startServe(t, workDir(t), &stderr)
	for _, page := range []string{"/healthz", "/readyz"} {
		res, err := http.Get(web + page)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", page, res.Status)
		}
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("after SIGTERM: %v, want exit code 0\n%s", err, stderr.Bytes())
	}
}

// The web side alone takes no work.
func TestServeOnlyWeb(t *testing.T) {
	dir := workDir(t)
	var stderr bytes.Buffer
	cmd, web := startServe(t, dir, &stderr, "--only", "web")
	res, err := http.Get(web + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Errorf("/readyz: %s", res.Status)
	}
	status := exec.CommandContext(t.Context(), "heraut", "status", "--json")
	status.Dir = dir
	if out, err := status.Output(); err != nil || !bytes.Contains(out, []byte(`"workers":0,"troubles":[],"campaigns":{},"unknown_tasks":[]}`)) {
		t.Errorf("status: %s, %v; want no workers", out, err)
	}
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("after SIGINT: %v\n%s", err, &stderr)
	}
}

// Two whole serves on one folder: they share the ledger, and each has its own
// embedded Redis and capture server.
func TestTwoServes(t *testing.T) {
	dir := workDir(t)
	first, _ := startServe(t, dir, io.Discard)
	second, _ := startServe(t, dir, io.Discard)
	for _, cmd := range []*exec.Cmd{first, second} {
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("one of two: %v", err)
		}
	}
	keys, err := filepath.Glob(filepath.Join(dir, "heraut-data", "*key*"))
	if err != nil || len(keys) != 0 {
		t.Errorf("keys in the data folder: %v, %v; the key belongs in the ledger", keys, err)
	}
}

// A task of a later version, from another program, waits in Redis: `heraut
// status` names it, to people and to programs.
func TestStatusNamesLaterTask(t *testing.T) {
	server := queuetest.Start(t)
	t.Setenv("HERAUT_REDIS", server.URI)
	dir := workDir(t)
	var stderr bytes.Buffer
	cmd, _ := startServe(t, dir, &stderr)
	client := asynq.NewClientFromRedisClient(server.Client(t))
	task := asynq.NewTask("campaign:send", []byte(`{"v":7,"names":["najaar"]}`))
	if _, err := client.EnqueueContext(t.Context(), task, asynq.Queue("bulk"), asynq.TaskID("intranet:1")); err != nil {
		t.Fatal(err)
	}
	status := func(args ...string) []byte {
		cmd := exec.CommandContext(t.Context(), "heraut", append(args, "status")...)
		cmd.Dir = dir
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("status: %v", err)
		}
		return out
	}
	const want = `"unknown_tasks":[{"id":"intranet:1","kind":"campaign:send","version":7,`
	for end := time.Now().Add(time.Minute); !bytes.Contains(status("--json"), []byte(want)); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("status: %s; want %s", status("--json"), want)
		}
	}
	if out := status("--lang", "en"); !bytes.HasPrefix(out, []byte("A task of a later version waits (campaign:send, version 7): upgrade heraut.\n")) {
		t.Errorf("status begins %.200q", out)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("after SIGTERM: %v\n%s", err, &stderr)
	}
}
