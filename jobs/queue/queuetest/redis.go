// Package queuetest starts a real redis-server for tests.
//
// Each server has a folder and a unix socket of its own, no port, and dies
// with the test process even when that is killed. A machine without
// redis-server fails the test: the behaviour of Redis is what is tested.
package queuetest

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// Redis is a redis-server of a test: noeviction, nothing kept on disk.
type Redis struct {
	// URI is what queue.Open takes.
	URI string

	socket string
	args   []string
	cmd    *exec.Cmd
	died   chan struct{}
}

// Start runs a server until the test ends. args are further arguments of
// redis-server, such as "--maxmemory-policy", "allkeys-lru".
func Start(t testing.TB, args ...string) *Redis {
	t.Helper()
	// Not t.TempDir: a socket's path may have 107 bytes only.
	dir, err := os.MkdirTemp("", "redis")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	socket := filepath.Join(dir, "s")
	r := &Redis{
		URI:    "unix://" + socket,
		socket: socket,
		args: append([]string{"--port", "0", "--unixsocket", socket, "--dir", dir, "--save", "", "--appendonly", "no",
			"--maxmemory-policy", "noeviction", "--daemonize", "no"}, args...),
	}
	r.Resume(t)
	t.Cleanup(func() { r.Stop(t) })
	return r
}

// Resume starts the server that [Redis.Stop] stopped, empty, under the same URI.
func (r *Redis) Resume(t testing.TB) {
	t.Helper()
	binary, err := exec.LookPath("redis-server")
	if err != nil {
		t.Fatal("redis-server is missing; apt-get install redis-server")
	}
	r.cmd = exec.Command(binary, r.args...)
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	r.died = make(chan struct{})
	started := make(chan error)
	go func() {
		// The signal comes when the thread that started the child ends, so
		// that thread has to live as long as the child.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		started <- r.cmd.Start()
		if r.cmd.Process != nil {
			_ = r.cmd.Wait()
		}
		close(r.died)
	}()
	if err := <-started; err != nil {
		t.Fatalf("start redis-server: %v", err)
	}
	r.waitReady(t)
}

func (r *Redis) waitReady(t testing.TB) {
	t.Helper()
	client := redis.NewClient(&redis.Options{Addr: r.socket, Network: "unix", MaxRetries: -1, DialerRetries: 1})
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for client.Ping(ctx).Err() != nil {
		select {
		case <-tick.C:
		case <-r.died:
			t.Fatalf("redis-server ended at once: %v", r.cmd.ProcessState)
		case <-ctx.Done():
			t.Fatal("redis-server does not answer")
		}
	}
}

// Stop kills the server; what it held is gone. Stopping twice is harmless.
func (r *Redis) Stop(t testing.TB) {
	t.Helper()
	_ = r.cmd.Process.Kill()
	<-r.died
	_ = os.Remove(r.socket)
}

// FlushAll empties the server, as an operator does by mistake.
func (r *Redis) FlushAll(t testing.TB) {
	t.Helper()
	client := r.Client(t)
	if err := client.FlushAll(t.Context()).Err(); err != nil {
		t.Fatalf("flushall: %v", err)
	}
}

// Client gives a client of the test's own, closed when the test ends.
func (r *Redis) Client(t testing.TB) *redis.Client {
	t.Helper()
	client := redis.NewClient(&redis.Options{Addr: r.socket, Network: "unix"})
	t.Cleanup(func() { _ = client.Close() })
	return client
}
