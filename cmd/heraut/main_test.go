package main

import (
	"context"
	"flag"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"heraut/templates/pagetest"
)

var update = flag.Bool("update", false, "write what the program says into the scripts")

// programs are what scripts run as processes of their own: the test binary
// under another name. heraut is the program as its users run it.
var programs = map[string]func(){"heraut": main}

func TestMain(m *testing.M) { testscript.Main(m, programs) }

func TestScripts(t *testing.T) {
	testscript.Run(t, scripts("testdata/script"))
}

func scripts(dir string) testscript.Params {
	return testscript.Params{
		Dir:                 dir,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       *update,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":      exits,
			"eventually": eventually,
			"count":      count,
			"judged":     judged,
		},
	}
}

// exits CODE COMMAND...: the command ends with this exit code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND [ARG...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		failed, ok := err.(*exec.ExitError)
		if !ok {
			ts.Fatalf("%v", err)
		}
		got = failed.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// eventually REGEXP COMMAND...: the command prints a match within a minute.
func eventually(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: eventually REGEXP COMMAND [ARG...]")
	}
	want, err := regexp.Compile(args[0])
	ts.Check(err)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		if err := ts.Exec(args[1], args[2:]...); err == nil && want.MatchString(ts.ReadFile("stdout")) {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			ts.Fatalf("%q never printed a match of %q", args[1:], args[0])
		}
	}
}

// count N PATTERN: so many files match.
func count(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: count N PATTERN")
	}
	files, err := filepath.Glob(ts.MkAbs(args[1]))
	ts.Check(err)
	if strconv.Itoa(len(files)) != args[0] {
		ts.Fatalf("%d files match %s, want %s: %v", len(files), args[1], args[0], files)
	}
}

// judged PATTERN...: axe, html-validate and, for a mail (.eml), caniemail have
// nothing against these files.
func judged(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: judged PATTERN...")
	}
	var pages []pagetest.Page
	for _, pattern := range args {
		files, err := filepath.Glob(ts.MkAbs(pattern))
		ts.Check(err)
		if len(files) == 0 {
			ts.Fatalf("no file matches %s", pattern)
		}
		for _, file := range files {
			page := pagetest.Page{Name: filepath.Base(file), HTML: ts.ReadFile(file)}
			if filepath.Ext(file) == ".eml" {
				parts, err := readMail([]byte(page.HTML))
				ts.Check(err)
				page.Mail, page.HTML = true, parts.HTML
			}
			pages = append(pages, page)
		}
	}
	found, err := pagetest.Findings(pages...)
	ts.Check(err)
	for _, f := range found {
		ts.Logf("%s", f)
	}
	if len(found) > 0 {
		ts.Fatalf("%d findings", len(found))
	}
}
