package intake_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"heraut/jobs/intake"
)

// childMode makes a run of this test binary read a stream and report, so that
// the memory of the other tests is not in the figure.
const childMode = "INTAKE_TEST_STREAM"

func TestMain(m *testing.M) {
	if mode := os.Getenv(childMode); mode != "" {
		if err := streamChild(mode); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// streamChild reads streamSize octets and prints the rows, the refusals and the most
// memory it ever had resident, in KiB.
func streamChild(mode string) error {
	src := streams[mode]
	r, err := intake.NewReader(src(), streamSize, intake.Options{Name: "stream.csv"})
	rows, refused := 0, 0
	for err == nil {
		_, err = r.Next()
		if _, ok := errors.AsType[*intake.Refusal](err); ok {
			err = nil
			refused++
		} else if err == nil {
			rows++
		}
	}
	if err != io.EOF {
		fmt.Println("ended:", err)
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(status)) {
		if kib, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			fmt.Println(rows, refused, strings.TrimSuffix(strings.TrimSpace(kib), " kB"))
		}
	}
	return nil
}

var streams = map[string]func() io.Reader{
	"rows": func() io.Reader {
		head := "Entry Id,Entry Date,Name (First),Name (Last),E-mail (Enter Email),Organisatie,Opmerkingen,Source Url,User Agent\n"
		return &repeat{first: []byte(head), block: streamBlock(), left: streamSize}
	},
	"line": func() io.Reader { return &repeat{block: bytes.Repeat([]byte("a"), 1<<16), left: streamSize} },
	"cell": func() io.Reader {
		return &repeat{first: []byte("email;naam\njan@example.nl;"), block: bytes.Repeat([]byte("a"), 1<<16), left: streamSize}
	},
	"quote": func() io.Reader {
		return &repeat{first: []byte("email;naam\njan@example.nl;\"Jan"), block: streamBlock2(), left: streamSize}
	},
	"bad": func() io.Reader {
		return &repeat{first: []byte("email;naam\n"), block: bytes.Repeat([]byte("jan@;=Jan\x00\n"), 1<<12), left: streamSize / 8}
	},
}

// streamBlock is rows as Gravity Forms writes them, no two alike.
func streamBlock() []byte {
	var b bytes.Buffer
	for i := b.Len(); b.Len() < 1<<20; i++ {
		fmt.Fprintf(&b, "%d,\"2026-10-%02d 14:%02d:00\",Zoë,\"de Vries\",z.devries%d@gemeente%d.example,\"Gemeente \"\"Voorbeeld\"\" %d\",\"Ik kom,\nmet de trein\",https://example.nl/aanmelden,\"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36\"\n",
			i, 1+i%28, i%60, i, i%300, i)
	}
	return b.Bytes()
}

func streamBlock2() []byte { return bytes.Repeat([]byte("tekst; en meer\n"), 1<<12) }

// repeat gives first, then block over and over, and ends once left octets
// were given.
type repeat struct {
	first, block []byte
	rest         []byte
	left         int
}

func (r *repeat) Read(p []byte) (int, error) {
	if r.first != nil {
		r.rest, r.first = r.first, nil
	}
	if len(r.rest) == 0 {
		if r.left <= 0 {
			return 0, io.EOF
		}
		r.rest = r.block
		r.left -= len(r.block)
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

func TestGigabyteInBoundedMemory(t *testing.T) {
	const limit = 128 << 10 // KiB
	for _, c := range []struct {
		mode, ended   string
		rows, refused bool
	}{
		{mode: "rows", rows: true},
		{mode: "bad", refused: true},
		{mode: "line", ended: "stream.csv:1: the row is longer than 1 MiB"},
		{mode: "cell", ended: "stream.csv:2: the row is longer than 1 MiB"},
		{mode: "quote", ended: "stream.csv:2: the quote opened on this line is not closed"},
	} {
		t.Run(c.mode, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), os.Args[0])
			for _, kv := range os.Environ() {
				if !strings.HasPrefix(kv, "GOMEMLIMIT=") && !strings.HasPrefix(kv, "GOGC=") {
					cmd.Env = append(cmd.Env, kv)
				}
			}
			cmd.Env = append(cmd.Env, childMode+"="+c.mode)
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			lines := strings.Split(strings.TrimSpace(string(out)), "\n")
			f := strings.Fields(lines[len(lines)-1])
			kib, err := strconv.Atoi(f[len(f)-1])
			if err != nil || len(f) != 3 {
				t.Fatalf("child said %q", out)
			}
			t.Logf("%s rows, %s refused, %d KiB resident at most", f[0], f[1], kib)
			if kib >= limit {
				t.Errorf("%d KiB resident, limit %d", kib, limit)
			}
			if (f[0] != "0") != c.rows || (f[1] != "0") != c.refused {
				t.Errorf("rows %s, refused %s; want rows %v, refused %v", f[0], f[1], c.rows, c.refused)
			}
			if ended := strings.Join(lines[:len(lines)-1], "\n"); ended != "" && c.ended == "" || !strings.HasPrefix(ended, strings.TrimSpace("ended: "+c.ended)) && c.ended != "" {
				t.Errorf("ended with %q, want %q", ended, c.ended)
			}
		})
	}
}
