package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// daemon is a process that runs while we measure. It dies with us, also when
// we are killed: Pdeathsig works by thread, see main.
type daemon struct {
	name string
	log  string // file
	cmd  *exec.Cmd
	done chan struct{} // closed when it ended
}

// startDaemon starts cmd with its output in the file log, as another user
// where cred is not nil.
func startDaemon(name, log string, cred *syscall.Credential, cmd *exec.Cmd) (*daemon, error) {
	f, err := os.OpenFile(log, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	cmd.Stdout, cmd.Stderr = f, f
	// A group of its own, so that a ^C at the terminal reaches us only.
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: cred, Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	d := &daemon{name: name, log: log, cmd: cmd, done: make(chan struct{})}
	go func() {
		_ = cmd.Wait() // who stops it looks at how it ended
		close(d.done)
	}()
	return d, nil
}

func (d *daemon) pid() int { return d.cmd.Process.Pid }

// stopWait is how long a process may take to end when it is told to.
const stopWait = 30 * time.Second

// stop tells the daemon to end and waits for it; one that does not listen is
// killed, which is an error.
func (d *daemon) stop(sig syscall.Signal) error {
	_ = d.cmd.Process.Signal(sig) // it may have ended already
	select {
	case <-d.done:
		return nil
	case <-time.After(stopWait):
		_ = d.cmd.Process.Kill()
		<-d.done
		return fmt.Errorf("%s did not stop within %v", d.name, stopWait)
	}
}

// alive is an error with the end of the log when the daemon ended by itself.
func (d *daemon) alive() error {
	select {
	case <-d.done:
		return fmt.Errorf("%s ended by itself (%v):\n%s", d.name, d.cmd.ProcessState, tail(d.log))
	default:
		return nil
	}
}

// listening waits until the daemon takes connections.
func (d *daemon) listening(ctx context.Context, addr string) error {
	return until(ctx, startWait, stepWait, "for "+d.name+" to listen", func() (bool, error) {
		conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "tcp", addr)
		if err != nil {
			return false, d.alive()
		}
		return true, conn.Close()
	})
}

const startWait = 30 * time.Second

// until asks done again and again, every step, until it says so or limit is over.
func until(ctx context.Context, limit, step time.Duration, what string, done func() (bool, error)) error {
	deadline := time.Now().Add(limit)
	for {
		ok, err := done()
		if ok || err != nil {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("waited %v %s", limit, what)
		}
		if err := pause(ctx, step); err != nil {
			return err
		}
	}
}

// pause waits, unless ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// tail gives the last lines of a log, for an error.
func tail(file string) string {
	const most = 2000
	text, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(text[max(0, len(text)-most):]))
}

// freeAddr gives a port of this machine that nobody listens on.
func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}
