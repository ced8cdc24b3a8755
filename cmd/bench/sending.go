package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"
)

// sessions is how many connections smtp-source sends through, and Heraut its
// bulk mail with the default of -connections.
const sessions = 16

// source is the name of part a in the table.
const source = "smtp-source, 16 kept connections"

// twoWorkers is the setup in which two processes share the work.
const twoWorkers = "PostgreSQL + Redis, two workers"

// Names of what parts a and b measure.
const (
	mails    = "mails a second"
	cpuOfAll = "CPU a mail: all together" // says more than the rate where the machine has other work
)

// fill is a ledger that owes a confirmation to so many people.
type fill struct {
	kind   kind
	people int
}

// fillOnce gives the URL of a ledger to copy; nobody may open it.
func (l *lab) fillOnce(ctx context.Context, f fill) (string, error) {
	if url, ok := l.filled[f]; ok {
		return url, nil
	}
	l.say("filling a ledger: %d people, %s", f.people, f.kind)
	st, err := l.newSite(ctx, setup{kind: f.kind}, siteOptions{})
	if err != nil {
		return "", err
	}
	if _, err := st.apply(ctx, programme{inTwoMonths(), []string{confirmation}}); err != nil {
		return "", err
	}
	if _, err := st.importPeople(ctx, f.people); err != nil {
		return "", err
	}
	l.filled[f] = st.database
	return st.database, settle(ctx, st.database)
}

// contender is one of those that part b compares with smtp-source.
type contender struct {
	name    string
	setup   setup
	workers int
	wanted  limit // of what smtp-source sends
}

// contenders stand in the order they run in. Two workers come next to one.
func contenders() (list []contender) {
	for _, s := range setups() {
		c := contender{s.String(), s, 1, atLeast(0.85)}
		if !s.redis {
			c.wanted = atLeast(0.6)
		}
		list = append(list, c)
		if s.kind == postgreSQL {
			list = append(list, contender{twoWorkers, s, 2, limit{}})
		}
	}
	return list
}

// ofSource is the rate as a share of what smtp-source sends.
const ofSource = "of what smtp-source sends"

// measureSending runs smtp-source before and after each run of Heraut. A machine
// that has neighbours changes its speed by a third within a minute; what stands
// next to each other can be compared all the same.
func measureSending(ctx context.Context, l *lab) error {
	mail, err := l.takeSample(ctx)
	if err != nil {
		return err
	}
	for _, s := range setups() {
		if _, err := l.fillOnce(ctx, fill{s.kind, l.people}); err != nil {
			return err
		}
	}
	for run := range l.runs {
		before, err := l.sendWithSource(ctx, mail)
		if err != nil {
			return err
		}
		shares := map[string]float64{}
		for _, c := range contenders() {
			rate, err := l.sendWithHeraut(ctx, c)
			if err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			after, err := l.sendWithSource(ctx, mail)
			if err != nil {
				return err
			}
			shares[c.name] = rate / ((before + after) / 2)
			l.figures.promise("b", c.name, ofSource, ratio, shares[c.name], c.wanted)
			before = after
		}
		one, two := shares[setup{postgreSQL, true}.String()], shares[twoWorkers]
		l.figures.promise("b", twoWorkers, "of what one worker sends", ratio, two/one, atLeast(1))
		l.say("run %d of %d is done", run+1, l.runs)
	}
	return nil
}

// sendWithSource sends the same mail over and over with smtp-source, and gives
// the mails a second.
func (l *lab) sendWithSource(ctx context.Context, mail *sample) (rate float64, err error) {
	program, err := lookPath("smtp-source", "postfix")
	if err != nil {
		return 0, err
	}
	before, err := l.serverCPU()
	if err != nil {
		return 0, err
	}
	// -d keeps connections. It cannot pipeline.
	cmd := exec.CommandContext(ctx, program, "-d", "-s", strconv.Itoa(sessions), "-m", strconv.Itoa(l.people),
		"-M", "example.nl", "-f", "noreply@example.nl", "-t", address(0), "-F", mail.file, l.sinkAddr)
	began := time.Now()
	if out, err := cmd.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("smtp-source: %w\n%s", err, out)
	}
	rate = float64(l.people) / time.Since(began).Seconds()
	after, err := l.serverCPU()
	if err != nil {
		return 0, err
	}
	l.figures.add("a", source, mails, perSecond, rate)
	own, sink := cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime(), after["smtp-sink"]-before["smtp-sink"]
	l.figures.add("a", source, "CPU a mail: smtp-source", microseconds, micros(own, l.people))
	l.figures.add("a", source, "CPU a mail: smtp-sink", microseconds, micros(sink, l.people))
	l.figures.add("a", source, cpuOfAll, microseconds, micros(own+sink, l.people))
	l.say("smtp-source: %.0f/s", rate)
	return rate, nil
}

// sendWithHeraut sends a filled ledger empty, and gives the mails a second.
func (l *lab) sendWithHeraut(ctx context.Context, c contender) (rate float64, err error) {
	template, err := l.fillOnce(ctx, fill{c.setup.kind, l.people})
	if err != nil {
		return 0, err
	}
	st, err := l.newSite(ctx, c.setup, siteOptions{template: template})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, st.remove(ctx)) }()
	sent, err := st.send(ctx, l.people, c.workers)
	if err != nil {
		return 0, err
	}
	f, name := &l.figures, c.name
	f.add("b", name, mails, perSecond, sent.rate)
	f.add("b", name, "from start to the first mail", milliseconds, float64(sent.startup)/float64(time.Millisecond))
	total := sent.busiest() + sent.idlest()
	if c.workers == 1 {
		total = sent.busiest()
	}
	f.add("b", name, "CPU a mail: worker", microseconds, micros(total, l.people))
	all := total
	for _, server := range []string{"redis-server", "postgres", "smtp-sink"} {
		if cpu, ok := sent.servers[server]; ok && (server != "postgres" || c.setup.kind == postgreSQL) && (server != "redis-server" || c.setup.redis) {
			f.add("b", name, "CPU a mail: "+server, microseconds, micros(cpu, l.people))
			all += cpu
		}
	}
	f.add("b", name, cpuOfAll, microseconds, micros(all, l.people))
	f.promise("b", name, "peak memory of a worker", megabytes, float64(sent.peak)/(1<<20), atMost(150))
	if c.workers > 1 {
		f.add("b", name, "share of the less busy worker, by CPU", ratio, float64(sent.idlest())/float64(total))
	}
	l.say("%s: %.0f/s", name, sent.rate)
	return sent.rate, nil
}

// sending is how a bulk run went.
type sending struct {
	rate    float64       // mails a second between the first and the last that was accepted, once all workers serve
	startup time.Duration // from starting the worker to its first mail
	workers []time.Duration
	servers map[string]time.Duration // processor time of each
	peak    int64                    // memory of the worker that needed most, in bytes
}

func (s sending) busiest() time.Duration { return max(s.workers[0], s.workers[len(s.workers)-1]) }
func (s sending) idlest() time.Duration  { return min(s.workers[0], s.workers[len(s.workers)-1]) }

// send starts workers, waits until the ledger has all n mails as sent, and
// stops them. The rate comes from the ledger: its sent_at is the server's 250.
// The mails that count went through all of it, from claim to recorded outcome,
// because the ledger has to say sent of each; connecting to Redis and the
// database, and finding out that there is work, is in startup. Where there are
// several workers what counts is sent once all of them serve: who starts takes
// processor time from who sends, which is no part of sharing the work.
func (st *site) send(ctx context.Context, n, workers int) (s sending, err error) {
	db, err := openDatabase(ctx, st.database)
	if err != nil {
		return s, err
	}
	defer db.Close()
	before, err := st.lab.serverCPU()
	if err != nil {
		return s, err
	}
	began := time.Now()
	var running []*daemon
	defer func() {
		for _, w := range running {
			err = errors.Join(err, w.stop(syscall.SIGTERM))
		}
	}()
	for range workers {
		w, err := st.serve()
		if err != nil {
			return s, err
		}
		running = append(running, w)
	}
	var together int64
	if workers > 1 {
		err := until(ctx, startWait, 5*time.Millisecond, "for all workers to serve", func() (bool, error) {
			said, err := os.ReadFile(running[0].log)
			return bytes.Count(said, []byte(`"capture":`)) == workers, err
		})
		if err != nil {
			return s, err
		}
		together = time.Now().UnixMicro()
	}
	// What is over has no wake_at. Mails leave in the order of their numbers, more
	// or less: the last one tells without a look at the others, which would cost
	// the database more than a worker does.
	err = until(ctx, time.Minute+time.Duration(n)*10*time.Millisecond, 200*time.Millisecond, "for all mails to leave", func() (bool, error) {
		waiting, err := number(ctx, db, `SELECT COUNT(*) FROM (SELECT 1 FROM messages WHERE wake_at IS NOT NULL ORDER BY id DESC LIMIT 1) AS one`)
		for _, w := range running {
			err = errors.Join(err, w.alive())
		}
		return waiting == 0, err
	})
	if err != nil {
		return s, err
	}
	after, err := st.lab.serverCPU()
	if err != nil {
		return s, err
	}
	for _, w := range running {
		cpu, err := cpuTime(w.pid())
		if err != nil {
			return s, err
		}
		m, err := memoryOf(w.pid())
		if err != nil {
			return s, err
		}
		s.workers, s.peak = append(s.workers, cpu), max(s.peak, m.peak)
	}
	s.servers = maps.Clone(after)
	for name := range after {
		s.servers[name] -= before[name]
	}
	var first, sent int64
	err = db.QueryRowContext(ctx, `SELECT COALESCE(MIN(sent_at), 0), COUNT(*) FROM messages WHERE state = 'sent'`).Scan(&first, &sent)
	if err != nil {
		return s, err
	}
	if sent != int64(n) {
		return s, fmt.Errorf("%d of %d mails were sent; the worker said:\n%s", sent, n, tail(running[0].log))
	}
	s.startup = time.UnixMicro(first).Sub(began)
	var last int64
	err = db.QueryRowContext(ctx, fmt.Sprintf(`SELECT COALESCE(MIN(sent_at), 0), COALESCE(MAX(sent_at), 0), COUNT(*) FROM messages
		WHERE state = 'sent' AND sent_at >= %d`, together)).Scan(&first, &last, &sent)
	if err != nil {
		return s, err
	}
	s.rate = float64(sent-1) / math.Max(float64(last-first)/1e6, 1e-6)
	return s, nil
}

// micros gives a time for each of n, in microseconds.
func micros(d time.Duration, n int) float64 { return float64(d.Microseconds()) / float64(n) }
