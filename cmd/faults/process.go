package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// process is a running `heraut serve`. Its methods do nothing once the lab has
// failed.
type process struct {
	lab    *lab
	cmd    *exec.Cmd
	log    string // the file of what it said
	began  time.Time
	exited chan struct{}
}

// start runs a child that dies with this process.
func start(cmd *exec.Cmd) (exited chan struct{}, err error) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	exited = make(chan struct{})
	started := make(chan error)
	go func() {
		// The signal of Pdeathsig comes when the thread that started the child
		// ends, so this one stays with it.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // how it ended stands in ProcessState
		}
		close(exited)
	}()
	return exited, <-started
}

// serve starts a worker. faults is what HERAUT_FAULT says, "" for none.
func (l *lab) serve(faults string) *process {
	return l.serveWith(l.program, faults)
}

// serveWith starts a worker from another program than that of the lab.
func (l *lab) serveWith(program, faults string) *process {
	p := &process{lab: l, began: time.Now(), exited: make(chan struct{})}
	if l.failed() {
		close(p.exited)
		return p
	}
	l.starts++
	p.log = filepath.Join(l.dir, fmt.Sprintf("serve%04d.log", l.starts))
	out, err := os.Create(p.log)
	if err != nil {
		close(p.exited)
		l.fail("start serve: %w", err)
		return p
	}
	defer out.Close()
	p.cmd = l.command("serve", "--only", "worker")
	p.cmd.Path = program
	p.cmd.Stdout, p.cmd.Stderr = out, out
	p.cmd.Env = append(p.cmd.Env, "PGAPPNAME="+p.name())
	if faults != "" {
		p.cmd.Env = append(p.cmd.Env, "HERAUT_FAULT="+faults)
	}
	if p.exited, err = start(p.cmd); err != nil {
		l.fail("start serve: %w", err)
		return p
	}
	l.processes = append(l.processes, p)
	return p
}

// name is what the process calls itself when it speaks to PostgreSQL.
func (p *process) name() string { return strings.TrimSuffix(filepath.Base(p.log), ".log") }

// kill ends the process as the kernel's OOM killer does.
func (p *process) kill() {
	if p.cmd == nil || p.cmd.Process == nil {
		return
	}
	_ = p.cmd.Process.Kill()
	<-p.exited
	p.died(time.Second)
}

// died waits until the process was killed, by itself or by us. Any other end
// fails the lab.
func (p *process) died(limit time.Duration) {
	if !p.awaitExit(limit) {
		return
	}
	if status, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || !status.Signaled() || status.Signal() != syscall.SIGKILL {
		p.lab.fail("serve ended by itself (%v):\n%s", p.cmd.ProcessState, p.tail())
		return
	}
	p.lab.kills++
	p.lab.orphaned(p)
	p.forget()
}

// term asks the process to stop and waits until it has, with exit code 0.
func (p *process) term() {
	if p.cmd == nil || p.cmd.Process == nil {
		return
	}
	p.up()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.lab.fail("stop serve: %w", err)
		return
	}
	p.stopped()
}

// stopped waits until the process, which was asked to, has stopped in good
// order.
func (p *process) stopped() {
	if !p.awaitExit(stopLimit) {
		return
	}
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		p.lab.fail("serve ended with %v after SIGTERM:\n%s", p.cmd.ProcessState, p.tail())
	}
	p.forget()
}

// up waits until the worker works. Before that nobody has said what a signal
// is to do.
func (p *process) up() {
	p.lab.await(stopLimit, "worker up", func() bool {
		said, err := os.ReadFile(p.log)
		if err != nil {
			p.lab.fail("read log: %w", err)
		}
		select {
		case <-p.exited:
			p.lab.fail("serve ended at once (%v):\n%s", p.cmd.ProcessState, p.tail())
			return true
		default:
			return bytes.Contains(said, []byte("worker started"))
		}
	})
}

// says waits until the worker says something.
func (p *process) says(what string) {
	p.lab.await(stopLimit, what, func() bool { return p.times(what) > 0 })
}

// stopLimit is how long a worker may take to come to its end.
const stopLimit = 30 * time.Second

// signal sends another signal, such as SIGSTOP.
func (p *process) signal(s syscall.Signal) {
	if p.cmd == nil || p.cmd.Process == nil || p.lab.failed() {
		return
	}
	if err := p.cmd.Process.Signal(s); err != nil {
		p.lab.fail("signal serve: %w", err)
	}
}

// awaitExit waits until the process has ended; false when the lab failed
// first.
func (p *process) awaitExit(limit time.Duration) bool {
	if p.cmd == nil {
		return false
	}
	over := time.NewTimer(limit)
	defer over.Stop()
	select {
	case <-p.exited:
		return true
	case <-p.lab.ctx.Done():
	case <-over.C:
		p.lab.fail("serve did not end within %v:\n%s", limit, p.tail())
	}
	return false
}

// forget takes an ended process off the lab's list, and its log with it: a
// thousand kills write a lot. What tells of a broken program is kept.
func (p *process) forget() {
	l := p.lab
	for i, q := range l.processes {
		if q == p {
			l.processes = append(l.processes[:i], l.processes[i+1:]...)
			break
		}
	}
	said, err := os.ReadFile(p.log)
	if err != nil {
		l.fail("read log: %w", err)
		return
	}
	for _, bad := range []string{"DATA RACE", "panic:", "fatal error:", "delivery panicked"} {
		if bytes.Contains(said, []byte(bad)) && !l.mayPanic {
			l.fail("serve said %q:\n%s", bad, p.tail())
			return
		}
	}
	if !l.failed() {
		_ = os.Remove(p.log)
	}
}

// tail gives the last lines of the log.
func (p *process) tail() string {
	said, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	if n := len(said) - 3000; n > 0 {
		said = append([]byte("…"), said[n:]...)
	}
	return string(said)
}
