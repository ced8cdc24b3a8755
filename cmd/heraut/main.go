// Command heraut tells the people who registered for an event what they need
// to know, when they need to know it, in their mailbox and in their calendar.
//
// This package is the only one that knows all others: it reads configuration
// and environment, wires the parts, and turns errors into exit codes. Each
// subcommand has a file of its own.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	unhurry(os.Args[1:])
	// The first signal asks to stop in good order, a second one ends the
	// process: NotifyContext is undone as soon as the first has come.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Environ()))
}

// run does one invocation and gives its exit code. It touches nothing of the
// process but its arguments, so that tests may call it.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, env []string) int {
	a := newApp(stdin, stdout, stderr, env)
	return a.report(a.execute(ctx, args))
}
