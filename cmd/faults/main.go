// Command faults injects faults into Heraut and publishes what came of them.
//
// It builds the program with its fault points, and for each row of the list of
// faults, on each combination of databases and Redis, makes a lab: real
// servers, real processes, an SMTP server that records what it takes. A
// scenario breaks something; afterwards everything has to come to its end, and
// cmd/checker compares the record with the ledger. It says lost, duplicated,
// truncated, stale; the verdict is its, not the scenario's.
//
//	faults [-quick] [-rows 1-9,34] [-seed N] [-kills N] [-runs N] [-race] [-parallel N] [-out FILE] [-json]
//
// A row of the table is printed as soon as it is known; progress goes to
// stderr. What is random comes from the seed, as far as a scheduler allows.
//
// Exit codes: 0 all rows held, 1 a row did not, 2 wrong use or no lab.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// options are the flags.
type options struct {
	quick    bool
	rows     rowSet
	seed     uint64
	kills    int
	runs     int
	race     bool
	parallel int
	out      string
	json     bool
	keep     bool
}

const (
	quickKills = 12
	longKills  = 1000
)

func parse(args []string, stderr io.Writer) (o options, err error) {
	flags := flag.NewFlagSet("faults", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.BoolVar(&o.quick, "quick", false, "the set that fits in a few minutes")
	flags.Var(&o.rows, "rows", "rows of the list of faults, as in 1-9,34; all unless given")
	flags.Uint64Var(&o.seed, "seed", uint64(time.Now().UnixNano()), "of what is random")
	flags.IntVar(&o.kills, "kills", 0, "random kills on each combination in row 8; 0 is 1000, or 12 with -quick")
	flags.IntVar(&o.runs, "runs", 1, "times that each row runs, with other seeds")
	flags.BoolVar(&o.race, "race", false, "build the program with the race detector (needs a C compiler)")
	flags.IntVar(&o.parallel, "parallel", 6, "labs at once, besides those that only wait for minutes")
	flags.StringVar(&o.out, "out", "", "write the table to this file as well, as Markdown")
	flags.BoolVar(&o.json, "json", false, "print a JSON object for each row instead of the table")
	flags.BoolVar(&o.keep, "keep", false, "keep the folders of labs that failed")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 || o.parallel < 1 || o.runs < 1 || o.kills < 0 {
		return o, errors.New("see faults -help")
	}
	if o.kills == 0 {
		o.kills = longKills
		if o.quick {
			o.kills = quickKills
		}
	}
	return o, nil
}

// Exit codes.
const (
	exitHeld   = 0
	exitBroken = 1
	exitFailed = 2
)

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o, err := parse(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return exitHeld
	case err != nil:
		fmt.Fprintln(stderr, "faults:", err)
		return exitFailed
	}
	log := slog.New(slog.NewTextHandler(stderr, nil))
	w, err := newWorld(ctx, o, log)
	if err != nil {
		fmt.Fprintln(stderr, "faults:", err)
		return exitFailed
	}
	defer func() {
		if err := w.close(); err != nil {
			fmt.Fprintln(stderr, "faults:", err)
		}
	}()
	t := &table{about: about(ctx, o, args), started: time.Now()}
	if !o.json {
		fmt.Fprint(stdout, head)
	}
	held := w.runAll(ctx, o, func(r result) {
		t.results = append(t.results, r)
		if o.json {
			_ = json.NewEncoder(stdout).Encode(r)
		} else {
			fmt.Fprint(stdout, line{r})
		}
	})
	if o.out != "" {
		if err := os.WriteFile(o.out, []byte(t.markdown()), 0o644); err != nil {
			fmt.Fprintln(stderr, "faults:", err)
			return exitFailed
		}
	}
	if !held {
		return exitBroken
	}
	return exitHeld
}

// command is how this run is repeated.
func command(o options, args []string) string {
	said := strings.Join(append([]string{"go run ./cmd/faults"}, args...), " ")
	if !strings.Contains(said, "-seed") {
		said += fmt.Sprintf(" -seed %d", o.seed)
	}
	return said
}
