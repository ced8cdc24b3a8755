package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// inject has every such system call of a process fail from now on, until free is
// called. what is as in strace -e inject=, such as fsync:error=EIO.
func (l *lab) inject(p *process, what string) (free func()) {
	if l.failed() {
		return func() {}
	}
	strace, err := exec.LookPath("strace")
	if err != nil {
		l.fail("this needs strace: apt-get install strace")
		return func() {}
	}
	calls, _, _ := strings.Cut(what, ":")
	cmd := exec.Command(strace, "-f", "-qq", "-o", filepath.Join(l.dir, "strace.log"), "-e", "trace="+calls, "-e", "inject="+what, "-p", strconv.Itoa(p.cmd.Process.Pid))
	var said bytes.Buffer
	cmd.Stderr = &said
	exited, err := start(cmd)
	if err != nil {
		l.fail("start strace: %w", err)
		return func() {}
	}
	l.await(20*time.Second, "a call to fail", func() bool {
		select {
		case <-exited:
			l.fail("strace ended at once; it may need root to attach: %s", said.Bytes())
		default:
		}
		return l.injected() > 0
	})
	return func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it lets go of the process
		<-exited
	}
}

// injected counts the calls that strace made fail.
func (l *lab) injected() int {
	said, err := os.ReadFile(filepath.Join(l.dir, "strace.log"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		l.fail("read what strace did: %w", err)
	}
	return bytes.Count(said, []byte("(INJECTED)"))
}

// diskSize is that of the small file system.
const diskSize = "6m"

// smallDisk puts SQLite on a file system of its own, with little room.
func smallDisk(l *lab) {
	dir := filepath.Join(l.dir, "disk")
	if err := os.Mkdir(dir, 0o700); err != nil {
		l.fail("make disk: %w", err)
		return
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+diskSize); err != nil {
		l.fail("make disk: %w; this row needs a root who may mount, the others of row 18 do not", err)
		return
	}
	l.afterCheck(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	l.database = "sqlite:" + filepath.Join(dir, "heraut.db")
}

// fullDisk fills the file system while mail leaves, and makes room again.
func fullDisk(l *lab) {
	l.underWay(20)
	ballast := filepath.Join(l.dir, "disk", "ballast")
	l.fill(ballast)
	l.gate.open()
	// SQLite may go on for as long as the log it has is large enough; what it
	// commits there is durable, so mail may leave on it.
	last := -1
	l.await(time.Minute, "nothing to leave any more", func() bool {
		l.fill(ballast)
		was := last
		last = l.recorder.Count()
		l.pause(2 * time.Second)
		return l.recorder.Count() == was
	})
	left := l.recorder.Count()
	l.pause(5 * time.Second)
	l.require(l.recorder.Count() == left, "mail left while the disk was full")
	l.require(l.failed() || left < 150, "all was sent before the disk was full")
	if err := os.Remove(ballast); err != nil {
		l.fail("make room: %w", err)
	}
	l.drain(redelivery)
	l.figure("%d sent when the disk was full", left)
	l.require(l.count(`state = 'sent'`) == 150, "not all was sent: %s", l.states())
}

// fill appends to a file until the disk takes no more.
func (l *lab) fill(path string) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		l.fail("fill disk: %w", err)
		return
	}
	defer f.Close()
	block := make([]byte, 4096)
	for err == nil {
		_, err = f.Write(block)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		l.fail("fill disk: %w", err)
	}
}
