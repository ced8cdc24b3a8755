// Command checker compares what an SMTP server took with what the ledger says,
// and names every lie: a mail that is missing, came twice, was cut off, was out
// of date, came too early or too late, or went to somebody else.
//
// It reads two things only, the record that smtptest.Recorder writes and the
// tables of the ledger, and shares no code with the program it judges. It is to
// be run when everything has settled: a message that is still in somebody's
// hands counts as lost.
//
//	checker -record FILE -database URL [-tolerance 2s] [-json]
//
// Exit codes: 0 nothing found, 1 something found, 2 wrong use or unreadable.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"

	"heraut/worker/mailer/smtptest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// Exit codes.
const (
	exitClean  = 0
	exitFound  = 1
	exitFailed = 2
)

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("checker", flag.ContinueOnError)
	flags.SetOutput(stderr)
	record := flags.String("record", "", "what the SMTP server took, as JSON lines")
	database := flags.String("database", "", "the ledger: sqlite:PATH or postgres://…")
	tolerance := flags.Duration("tolerance", 2*time.Second, "how long a mail may take from its final dot's commit to the server")
	asJSON := flags.Bool("json", false, "print one JSON object")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return exitClean
		}
		return exitFailed
	}
	if *record == "" || *database == "" || flags.NArg() > 0 {
		fmt.Fprintln(stderr, "checker: give -record FILE and -database URL")
		return exitFailed
	}
	r, err := check(ctx, *record, *database, *tolerance, time.Now())
	if err != nil {
		fmt.Fprintln(stderr, "checker:", err)
		return exitFailed
	}
	if *asJSON {
		err = json.NewEncoder(stdout).Encode(r)
	} else {
		err = r.print(stdout)
	}
	if err != nil {
		fmt.Fprintln(stderr, "checker:", err)
		return exitFailed
	}
	if len(r.Findings) > 0 {
		return exitFound
	}
	return exitClean
}

func check(ctx context.Context, record, database string, tolerance time.Duration, now time.Time) (*report, error) {
	mails, err := smtptest.ReadRecords(record)
	if err != nil {
		return nil, err
	}
	l, err := readLedger(ctx, database)
	if err != nil {
		return nil, err
	}
	j := &judge{ledger: l, mails: mails, tolerance: tolerance, now: now, report: &report{Findings: []finding{}}}
	return j.judge(), nil
}
