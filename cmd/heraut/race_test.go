package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"heraut/jobs/ledger/ledgertest"
)

// postgres starts a server for one test.
func postgres(t *testing.T) *ledgertest.Server {
	t.Helper()
	s, err := ledgertest.StartServer(false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Remove(); err != nil {
			t.Errorf("stop postgres: %v", err)
		}
	})
	return s
}

// The same file, many times, by several processes at once.
func TestImportRace(t *testing.T) {
	server := postgres(t)
	people := peopleFile(1200)
	for _, database := range []string{"sqlite", "postgres"} {
		t.Run(database, func(t *testing.T) {
			p := scripts("testdata/race")
			p.Setup = func(env *testscript.Env) error {
				if database == "postgres" {
					url, err := server.Create(t.Context(), "")
					if err != nil {
						return err
					}
					env.Setenv("HERAUT_DATABASE", url)
				}
				return os.WriteFile(filepath.Join(env.WorkDir, "people.csv"), people, 0o600)
			}
			testscript.Run(t, p)
		})
	}
}

// What only an operator of PostgreSQL meets.
func TestPostgresScripts(t *testing.T) {
	server := postgres(t)
	p := scripts("testdata/postgres")
	p.Setup = func(env *testscript.Env) error {
		url, err := server.Create(t.Context(), "")
		if err != nil {
			return err
		}
		env.Setenv("HERAUT_DATABASE", url)
		return nil
	}
	testscript.Run(t, p)
}

// peopleFile gives a CSV file with n people.
func peopleFile(n int) []byte {
	var b bytes.Buffer
	b.WriteString("email;naam;organisatie\n")
	for i := range n {
		fmt.Fprintf(&b, "p%04d@example.org;Persoon %d;Voorbeeld\n", i, i)
	}
	return b.Bytes()
}
