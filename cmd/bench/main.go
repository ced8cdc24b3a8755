// Bench measures Heraut against what the same machine can do without it, and
// writes the result as BENCHMARKS.md. `make bench` runs it.
//
// It owns a laboratory: a release build of heraut, an smtp-sink and an
// smtp-source of postfix, a redis-server and a PostgreSQL of its own, all in
// one temporary folder and on free ports, none of it left behind. Databases
// are durable: SQLite with synchronous=FULL, PostgreSQL with fsync and
// synchronous_commit on. Heraut is measured from outside only, as processes
// that were started with a configuration file; what it did is read from its
// ledger, what it took from /proc.
//
// What is compared is measured in turns within one run of bench, so that a
// machine that becomes slower does so for both. In part b a ratio is that of
// runs next to each other, elsewhere that of medians.
//
// It refuses to report a figure that is not what it says: a mail that was not
// recorded as sent, a row that was not imported, a process that died are
// errors, and nothing is written. It runs on Linux only.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

func main() {
	// What we start dies with the thread that started it (daemon.go), so that
	// has to be the one that lives longest.
	runtime.LockOSThread()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := 0
	switch err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); {
	case err == nil:
	case errors.Is(err, flag.ErrHelp):
		code = 2
	case ctx.Err() != nil:
		fmt.Fprintln(os.Stderr, "bench: interrupted")
		code = 1
	default:
		fmt.Fprintln(os.Stderr, "bench:", err)
		code = 1
	}
	stop()
	os.Exit(code)
}

// options are the command line.
type options struct {
	runs        int
	people      int    // of one bulk run
	connections int    // smtp.connections of Heraut
	only        string // the parts to run, all when empty
	quick       bool
	out         string
	heraut      string // a binary to measure instead of building one
	crowd       int    // registrations of part e
	command     string // all this, for the report
}

// part is one of the things that are measured.
type part struct {
	name string
	what string
	run  func(context.Context, *lab) error
}

// parts stand in the order they run in. Part a is the yardstick of b and runs
// in turns with it.
func parts() []part {
	return []part{
		{"a", "smtp-source: what this machine can send without Heraut", nil},
		{"b", "Heraut: mails a second from a filled ledger", measureSending},
		{"c", "one registration during a bulk run: from its start to the server's 250", measureLatency},
		{"d", "import, against the bare database", measureImport},
		{"e", "a million registrations: planning, waiting, leaving on time", measurePlanning},
		{"p", "a campaign stopped at full speed", measureCampaign},
		{"m", "memory of the worker", measureMemory},
	}
}

// run measures what args ask for. The figures go to stdout, those so far also
// when something fails, and progress to stderr.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	opt, err := parse(args, stderr)
	if err != nil {
		return err
	}
	l, err := newLab(ctx, opt, stderr)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	failed := l.measure(ctx)
	text := report{lab: l, command: opt.command, incomplete: failed != nil}.markdown(context.WithoutCancel(ctx))
	if _, err := io.WriteString(stdout, text); failed != nil || err != nil || opt.out == "" {
		return errors.Join(failed, err)
	}
	return os.WriteFile(opt.out, []byte(text), 0o644)
}

// measure runs the parts that are asked for.
func (l *lab) measure(ctx context.Context) error {
	for _, p := range parts() {
		if p.run == nil || !l.wants(p.name) {
			continue
		}
		l.say("%s: %s", p.name, p.what)
		if err := p.run(ctx, l); err != nil {
			return fmt.Errorf("part %s: %w", p.name, err)
		}
	}
	return nil
}

// parse reads the command line. What -quick does not say otherwise is small.
func parse(args []string, stderr io.Writer) (options, error) {
	var opt options
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.IntVar(&opt.runs, "runs", 3, "how often each is measured; the table has the medians")
	flags.IntVar(&opt.people, "people", 50_000, "mails in one bulk run")
	flags.IntVar(&opt.connections, "connections", 32, "smtp.connections of Heraut; 32 gives bulk mail 16")
	flags.StringVar(&opt.only, "only", "", "the parts to run, as in `b,c`; b brings a along")
	flags.IntVar(&opt.crowd, "crowd", 1_000_000, "registrations to plan reminders for")
	flags.BoolVar(&opt.quick, "quick", false, "everything once and small: does it work?")
	flags.StringVar(&opt.out, "out", "", "write the table to this `file` too")
	flags.StringVar(&opt.heraut, "heraut", "", "measure this `binary` instead of a build of this folder")
	if err := flags.Parse(args); err != nil {
		return opt, err
	}
	given := map[string]bool{}
	opt.command = "go run ./cmd/bench"
	flags.Visit(func(f *flag.Flag) {
		given[f.Name] = true
		// A path is of this machine and tells nobody else anything.
		if f.Name != "out" && f.Name != "heraut" {
			opt.command += " -" + f.Name + "=" + f.Value.String()
		}
	})
	for name, small := range map[string]int{"runs": 1, "people": 2000, "crowd": 10_000} {
		if opt.quick && !given[name] {
			if err := flags.Set(name, strconv.Itoa(small)); err != nil {
				return opt, err
			}
		}
	}
	if flags.NArg() > 0 || opt.runs < 1 || opt.people < 100 || opt.crowd < 1000 {
		return opt, errors.New("wrong use: 1 run, 100 people and a crowd of 1000 at least, and nothing after the flags")
	}
	for name := range strings.SplitSeq(opt.only, ",") {
		known := slices.ContainsFunc(parts(), func(p part) bool { return p.name == name })
		if opt.only != "" && !known {
			return opt, fmt.Errorf("wrong use: -only %s: there is no part %q", opt.only, name)
		}
	}
	return opt, nil
}

// wants says whether a part is asked for.
func (o options) wants(part string) bool {
	list := strings.Split(o.only, ",")
	return o.only == "" || slices.Contains(list, part) || part == "b" && slices.Contains(list, "a")
}

// size gives a number of rows or samples, less when it is to be quick.
func (o options) size(full, quick int) int {
	if o.quick {
		return quick
	}
	return full
}
