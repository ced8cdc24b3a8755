package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"syscall"
	"time"

	"heraut/jobs"
)

// replicated has the program reach Redis through a switchboard, so that another
// can take its place.
func replicated(l *lab) {
	fewHands(l)
	l.board = l.connect("tcp", "")
	l.setenv("HERAUT_REDIS", "redis://%s", l.board.addr())
}

// failOver promotes a replica that stopped listening a while ago: it believes
// that tasks wait which are done, and has never heard of others.
func failOver(l *lab) {
	l.board.switchTo("unix", l.redis.socket())
	replica, err := startRedis()
	if err != nil {
		l.fail("%w", err)
		return
	}
	l.cleanup(func() { _ = replica.remove() })
	l.underWay(20)
	l.people(flock, flock+100) // tasks wait
	// A replica asks for a port; the master has a socket.
	master := l.connect("unix", l.redis.socket())
	l.replicaDo(replica, "REPLICAOF", "127.0.0.1", master.port())
	l.await(20*time.Second, "replica in step", func() bool {
		info, err := replica.list("INFO", "replication")
		return err == nil && strings.Contains(strings.Join(info, "\n"), "master_link_status:up")
	})
	l.replicaDo(replica, "REPLICAOF", "NO", "ONE") // from here on it lags
	l.people(flock+100, flock+200)
	l.gate.let(100)
	l.mails(l.recorder.Count()+100, time.Minute)
	l.board.switchTo("unix", replica.socket())
	switched := time.Now()
	l.gate.open()
	backlog := flock + 200 - l.recorder.Count()
	l.redis.stop()
	l.finish(3 * time.Minute)
	l.figure("caught up in %.0f s, backlog %d", time.Since(switched).Seconds(), backlog)
	l.require(time.Since(switched) <= 2*time.Minute, "catching up took %v", time.Since(switched))
	l.sentOnce(flock + 200)
}

func (l *lab) replicaDo(r *redisServer, words ...string) {
	if _, err := r.do(words...); err != nil {
		l.fail("%w", err)
	}
}

// standStill stops a worker for longer than its lease, as a machine that swaps
// does. Another takes over; then the first goes on where it was.
func standStill(l *lab) {
	sleeper := l.underWay(20)
	l.freeze(sleeper)
	l.serve("")
	l.await(time.Minute, "the lease to end", func() bool {
		return len(l.heldBy(sleeper, jobs.Claimed))+len(l.heldBy(sleeper, jobs.FinalDot)) == 0
	})
	l.gate.let(30) // some of the answers go to the sleeper
	l.mails(l.recorder.Count()+20, time.Minute)
	sleeper.signal(syscall.SIGCONT)
	l.gate.open()
	l.finish(redelivery)
	l.require(l.count(`state = 'sent'`) == flock, "not all was sent: %s", l.states())
	l.figure("%d in doubt of it", l.count(`doubts > 0`))
}

// freeze has a process stand still at a moment when it holds no lock in the
// database. With one it would stop everybody else for as long as it sleeps.
func (l *lab) freeze(p *process) {
	l.await(time.Minute, "a moment without a lock", func() bool {
		p.signal(syscall.SIGSTOP)
		ctx, cancel := context.WithTimeout(l.ctx, 2*time.Second)
		defer cancel()
		// It changes nothing, and needs every lock that could be held.
		_, err := l.db.ExecContext(ctx, `UPDATE messages SET owner = owner WHERE state IN ('claimed', 'final_dot')`)
		if err != nil {
			p.signal(syscall.SIGCONT)
			time.Sleep(200 * time.Millisecond) // until it is past what it was stopped in
		}
		return err == nil
	})
}

// names is a pattern of the names under which a process claims.
func (p *process) names() string {
	if p.cmd == nil || p.cmd.Process == nil {
		return ""
	}
	return fmt.Sprintf("%%-%d-%%", p.cmd.Process.Pid)
}

// list sends one command and gives the strings of its answer, an array or one
// string (RESP2).
func (r *redisServer) list(words ...string) (answer []string, err error) {
	c, err := net.DialTimeout("unix", r.socket(), time.Second)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return nil, err
	}
	if _, err := fmt.Fprintf(c, "%s\r\n", strings.Join(words, " ")); err != nil {
		return nil, err
	}
	in := bufio.NewReader(c)
	head, err := in.ReadString('\n')
	if err != nil {
		return nil, err
	}
	kind, rest := head[0], strings.TrimSpace(head[1:])
	n := 1
	switch kind {
	case '*':
		if n, err = strconv.Atoi(rest); err != nil {
			return nil, fmt.Errorf("redis %s: %w", words[0], err)
		}
		if n > 0 {
			if head, err = in.ReadString('\n'); err != nil {
				return nil, err
			}
		}
	case '$':
	default:
		return nil, fmt.Errorf("redis %s: %s", words[0], rest)
	}
	for i := range n {
		if i > 0 {
			if head, err = in.ReadString('\n'); err != nil {
				return nil, err
			}
		}
		size, err := strconv.Atoi(strings.TrimSpace(head[1:]))
		if err != nil || size < 0 {
			return nil, fmt.Errorf("redis %s: odd answer %q", words[0], head)
		}
		text := make([]byte, size+2)
		if _, err := io.ReadFull(in, text); err != nil {
			return nil, err
		}
		answer = append(answer, string(text[:size]))
	}
	return answer, nil
}
