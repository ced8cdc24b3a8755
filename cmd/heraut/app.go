package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/alecthomas/kong"
	"golang.org/x/term"
)

// app is what every command works with: the streams, the environment, the
// global flags and the words of the chosen language.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	env            map[string]string
	flags          globals
	words          words
	now            func() time.Time
}

// globals are the flags every command takes.
type globals struct {
	Config string `placeholder:"FILE" help:"Configuration file; ./heraut.yaml when it exists."`
	JSON   bool   `name:"json" help:"Print JSON on standard output: one object, or one a line for lists."`
	Lang   string `placeholder:"nl|en" help:"Language of tables and summaries; that of LANG unless given."`
}

func newApp(stdin io.Reader, stdout, stderr io.Writer, environ []string) *app {
	env := make(map[string]string, len(environ))
	for _, kv := range environ {
		if k, v, ok := strings.Cut(kv, "="); ok {
			env[k] = v
		}
	}
	return &app{stdin: stdin, stdout: stdout, stderr: stderr, env: env, words: english(), now: time.Now}
}

// execute parses the arguments and runs the command they name.
func (a *app) execute(ctx context.Context, args []string) error {
	var cli commands
	helped := false
	parser, err := kong.New(&cli,
		kong.Name("heraut"),
		kong.Description("Tells the people who registered for an event what they need to know, in time."),
		kong.Writers(a.stdout, a.stderr),
		kong.Exit(func(int) { helped = true }), // called after --help was printed
		kong.Help(printHelp),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(a),
	)
	if err != nil {
		return fmt.Errorf("command table: %w", err)
	}
	if len(args) == 0 {
		fmt.Fprint(a.stderr, usage)
		return errWrong
	}
	parsed, err := parser.Parse(args)
	if helped {
		return nil
	}
	if err != nil {
		return hint(&usageError{err}, "heraut%s --help", commandIn(err))
	}
	a.flags = cli.globals
	if a.words, err = chooseWords(a.flags.Lang, a.env); err != nil {
		return err
	}
	if err := a.armFaults(); err != nil {
		return err
	}
	err = parsed.Run()
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return errStopped // how each part noticed is of no use to people
	}
	return err
}

// commandIn gives the command a parse error is about, with a space before it.
func commandIn(err error) string {
	var pe *kong.ParseError
	if !errors.As(err, &pe) || pe.Context == nil || pe.Context.Selected() == nil {
		return ""
	}
	var names []string
	for n := pe.Context.Selected(); n != nil && n.Type == kong.CommandNode; n = n.Parent {
		names = append([]string{n.Name}, names...)
	}
	return " " + strings.Join(names, " ")
}

// printJSON writes one object on a line of its own.
func (a *app) printJSON(v any) error {
	enc := json.NewEncoder(a.stdout)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("write to standard output: %w", err)
	}
	return nil
}

// sayf tells people something on standard error: notes, progress, and the
// summaries that would get in the way of JSON.
func (a *app) sayf(format string, args ...any) { fmt.Fprintf(a.stderr, format+"\n", args...) }

// printf writes a result for people: on standard output, or on standard error
// when standard output is for JSON.
func (a *app) printf(format string, args ...any) { fmt.Fprintf(a.people(), format, args...) }

// people is where text for people goes.
func (a *app) people() io.Writer {
	if a.flags.JSON {
		return a.stderr
	}
	return a.stdout
}

// isTerminal says whether a stream is a terminal somebody sits at.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
