package main

import (
	"errors"
	"fmt"
	"strings"

	"heraut/jobs"
	"heraut/jobs/intake"
)

// Exit codes. Scripts rely on them.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2 // wrong use, or a file people wrote is wrong
	exitPartly = 3 // done, except for rows that were refused
)

// usageError is wrong use or wrong configuration: trying again without
// changing something cannot help.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error { return &usageError{fmt.Errorf(format, args...)} }

// hintError adds the line that tells what to do about an error.
type hintError struct {
	err  error
	hint string
}

func (e *hintError) Error() string { return e.err.Error() }
func (e *hintError) Unwrap() error { return e.err }

func hint(err error, format string, args ...any) error {
	return &hintError{err, fmt.Sprintf(format, args...)}
}

// errStopped is work that was ended by a signal.
var errStopped = errors.New("interrupted")

// Ends that have been told to the user already: they carry an exit code only.
var (
	errPartly = errors.New("done in part")
	errSaid   = errors.New("failed")
	errWrong  = errors.New("wrong file")
)

// exitCode is the one table from error to exit code.
func exitCode(err error) int {
	var (
		usage    *usageError
		problems *jobs.ProblemsError
		file     *intake.FileError
	)
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, errPartly):
		return exitPartly
	case errors.Is(err, errWrong), errors.As(err, &usage), errors.As(err, &problems), errors.As(err, &file):
		return exitUsage
	}
	return exitFailed
}

// report writes an error for people, with its hint, and gives the exit code.
func (a *app) report(err error) int {
	code := exitCode(err)
	if err == nil || errors.Is(err, errPartly) || errors.Is(err, errSaid) || errors.Is(err, errWrong) {
		return code
	}
	for line := range strings.SplitSeq(err.Error(), "\n") {
		fmt.Fprintf(a.stderr, "heraut: %s\n", line)
	}
	if h := hintOf(err); h != "" {
		fmt.Fprintf(a.stderr, "heraut: hint: %s\n", h)
	}
	return code
}

// hintOf gives what to do about an error, "" where nobody knows.
func hintOf(err error) string {
	var h *hintError
	if errors.As(err, &h) {
		return h.hint
	}
	var file *intake.FileError
	if errors.As(err, &file) {
		return file.Hint
	}
	return ""
}
