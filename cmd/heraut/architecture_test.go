package main

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The import table of DESIGN.md. A package that is not in it is one that
// somebody added without deciding where it belongs.
var mayImport = map[string][]string{
	"heraut/jobs":             {},
	"heraut/jobs/intake":      {"heraut/jobs"},
	"heraut/jobs/ledger":      {"heraut/jobs"},
	"heraut/jobs/queue":       {"heraut/jobs"},
	"heraut/templates":        {"heraut/jobs", "heraut/templates/invite"},
	"heraut/templates/invite": {},
	"heraut/worker":           {"heraut/jobs", "heraut/jobs/queue", "heraut/templates", "heraut/worker/fault", "heraut/worker/mailer"},
	"heraut/worker/fault":     {},
	"heraut/worker/mailer":    {},
	"heraut/worker/web":       {"heraut/jobs", "heraut/templates"},
}

// Packages that make tests possible. No program may import them.
var forTests = []string{
	"heraut/jobs/ledger/ledgertest",
	"heraut/jobs/queue/queuetest",
	"heraut/templates/invite/invitetest",
	"heraut/templates/nodetest",
	"heraut/templates/pagetest",
	"heraut/worker/mailer/smtptest",
}

// Programs for who develops this one. They may import what makes tests
// possible, and nobody gets them.
var development = []string{"heraut/cmd/bench", "heraut/cmd/checker", "heraut/cmd/faults"}

// Outside code that only these packages may import, directly.
var onlyIn = map[string][]string{
	"github.com/hibiken/asynq":            {"heraut/jobs/queue", "heraut/worker"},
	"modernc.org/sqlite":                  {"heraut/jobs/ledger", "heraut/cmd/bench", "heraut/cmd/checker"},
	"github.com/jackc/pgx":                {"heraut/jobs/ledger", "heraut/cmd/bench", "heraut/cmd/checker"},
	"github.com/pressly/goose":            {"heraut/jobs/ledger"},
	"database/sql":                        {"heraut/jobs/ledger", "heraut/cmd/bench", "heraut/cmd/checker", "heraut/cmd/faults"},
	"net/smtp":                            {},
	"github.com/wneessen/go-mail":         {"heraut/worker/mailer"},
	"github.com/emersion/go-smtp":         {"heraut/worker/mailer"},
	"github.com/alicebob/miniredis":       {"heraut/jobs/queue"},
	"github.com/xuri/excelize":            {"heraut/jobs/intake"},
	"github.com/alecthomas/kong":          {"heraut/cmd/heraut"},
	"github.com/rogpeppe/go-internal":     {},
	"github.com/prometheus/client_golang": {"heraut/worker/web"},
}

// What packages that are pure may not touch.
var impure = []string{"database/sql", "net", "net/http", "os", "os/exec", "syscall"}

type goPackage struct {
	ImportPath, Dir string
	GoFiles         []string
	Imports         []string
}

// ours lists the packages of this module, as the Go tool sees them.
func ours(t *testing.T) []goPackage {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Dir,GoFiles,Imports", "heraut/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var list []goPackage
	dec := json.NewDecoder(bytes.NewReader(out))
	for {
		var p goPackage
		if err := dec.Decode(&p); err == io.EOF {
			return list
		} else if err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
	}
}

func TestImportTable(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range ours(t) {
		seen[p.ImportPath] = true
		allowed, known := mayImport[p.ImportPath]
		isTest, isCmd := slices.Contains(forTests, p.ImportPath), strings.HasPrefix(p.ImportPath, "heraut/cmd/")
		if !known && !isTest && !isCmd {
			t.Errorf("%s is not in the import table", p.ImportPath)
		}
		for _, imported := range p.Imports {
			if slices.Contains(forTests, imported) && !isTest && !slices.Contains(development, p.ImportPath) {
				t.Errorf("%s imports %s, which is for tests", p.ImportPath, imported)
			}
			// A judge that reads with the eyes of the accused sees what it saw.
			if p.ImportPath == "heraut/cmd/checker" && strings.HasPrefix(imported, "heraut/") && !slices.Contains(forTests, imported) {
				t.Errorf("%s imports %s; it may share no code with what it judges", p.ImportPath, imported)
			}
			if known && strings.HasPrefix(imported, "heraut/") && !slices.Contains(allowed, imported) {
				t.Errorf("%s imports %s; the table allows %v", p.ImportPath, imported, allowed)
			}
			for outside, where := range onlyIn {
				if within(imported, outside) && !isTest && !slices.Contains(where, p.ImportPath) {
					t.Errorf("%s imports %s; only %v may", p.ImportPath, imported, where)
				}
			}
		}
	}
	for _, p := range slices.Sorted(maps.Keys(mayImport)) {
		if !seen[p] {
			t.Errorf("the import table names %s, which does not exist", p)
		}
	}
}

// jobs says what is owed from its arguments alone.
func TestPureImports(t *testing.T) {
	for _, p := range ours(t) {
		if p.ImportPath != "heraut/jobs" {
			continue
		}
		for _, imported := range p.Imports {
			// net/url is text.
			if slices.Contains(impure, imported) {
				t.Errorf("%s imports %s", p.ImportPath, imported)
			}
		}
		for _, use := range uses(t, p, map[string][]string{"time": {"Now", "Since", "Until", "Sleep", "After", "Tick", "NewTimer", "NewTicker"}}) {
			t.Errorf("%s reads the clock", use)
		}
	}
}

// The environment is read in one place, so that configuration has one too.
func TestEnvironment(t *testing.T) {
	calls := map[string][]string{"os": {"Getenv", "LookupEnv", "Environ", "ExpandEnv", "Setenv"}, "syscall": {"Getenv", "Environ"}}
	for _, p := range ours(t) {
		if p.ImportPath == "heraut/cmd/heraut" || slices.Contains(forTests, p.ImportPath) {
			continue
		}
		for _, use := range uses(t, p, calls) {
			t.Errorf("%s reads the environment; only cmd/heraut does", use)
		}
	}
}

// uses finds names of packages in the code of p, tests left out.
func uses(t *testing.T, p goPackage, names map[string][]string) (found []string) {
	t.Helper()
	files := token.NewFileSet()
	for _, name := range p.GoFiles {
		f, err := parser.ParseFile(files, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok {
				if pkg, ok := sel.X.(*ast.Ident); ok && slices.Contains(names[pkg.Name], sel.Sel.Name) {
					at := files.Position(sel.Pos())
					found = append(found, p.ImportPath+"/"+filepath.Base(at.Filename)+": "+pkg.Name+"."+sel.Sel.Name)
				}
			}
			return true
		})
	}
	return found
}

// within says whether an import path is a module's root, one of its packages,
// or those of a later major version.
func within(path, root string) bool {
	return path == root || strings.HasPrefix(path, root+"/")
}
