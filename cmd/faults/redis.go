package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// redisServer is a real Redis of one lab, on a socket in a folder of its own,
// as a socket's path may have 107 bytes only.
type redisServer struct {
	dir    string
	args   []string
	cmd    *exec.Cmd
	exited chan struct{}
}

// startRedis runs a server; args are further arguments of redis-server.
func startRedis(args ...string) (*redisServer, error) {
	dir, err := os.MkdirTemp("", "redis")
	if err != nil {
		return nil, fmt.Errorf("start redis: %w", err)
	}
	r := &redisServer{dir: dir}
	r.args = append([]string{"--port", "0", "--unixsocket", r.socket(), "--dir", dir, "--save", "", "--appendonly", "no",
		"--maxmemory-policy", "noeviction", "--daemonize", "no"}, args...)
	if err := r.start(); err != nil {
		return nil, errors.Join(err, r.remove())
	}
	return r, nil
}

// uri is what heraut.yaml says.
func (r *redisServer) uri() string { return "unix://" + r.socket() }

func (r *redisServer) socket() string { return filepath.Join(r.dir, "s") }

// start starts a stopped server, which then is empty unless its arguments make
// it keep what it had.
func (r *redisServer) start() (err error) {
	binary, err := exec.LookPath("redis-server")
	if err != nil {
		return errors.New("this needs a real Redis: apt-get install redis-server")
	}
	r.cmd = exec.Command(binary, r.args...)
	if r.exited, err = start(r.cmd); err != nil {
		return fmt.Errorf("start redis: %w", err)
	}
	over := time.NewTimer(20 * time.Second)
	defer over.Stop()
	for {
		if answer, err := r.do("PING"); err == nil && answer == "+PONG" {
			return nil
		}
		select {
		case <-r.exited:
			return errors.New("redis-server ended at once")
		case <-over.C:
			return errors.New("redis-server does not answer")
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// stop kills the server.
func (r *redisServer) stop() {
	_ = r.cmd.Process.Kill()
	<-r.exited
	_ = os.Remove(r.socket())
}

// remove ends the server and deletes its folder.
func (r *redisServer) remove() error {
	if r.cmd != nil && r.cmd.Process != nil {
		r.stop()
	}
	return os.RemoveAll(r.dir)
}

// do sends one command on a connection of its own and gives the first line of
// the answer. Words may not hold spaces.
func (r *redisServer) do(words ...string) (string, error) {
	c, err := net.DialTimeout("unix", r.socket(), time.Second)
	if err != nil {
		return "", err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return "", err
	}
	if _, err := c.Write([]byte(strings.Join(words, " ") + "\r\n")); err != nil {
		return "", err
	}
	buf := make([]byte, 4096)
	n, err := c.Read(buf)
	if err != nil {
		return "", err
	}
	line, _, _ := strings.Cut(string(buf[:n]), "\r\n")
	if strings.HasPrefix(line, "-") {
		return "", fmt.Errorf("redis %s: %s", words[0], line[1:])
	}
	return line, nil
}
