package main

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// TestQuick runs the quick set, with the race detector where there is a C
// compiler to build it with.
func TestQuick(t *testing.T) {
	args := []string{"-quick", "-json", "-seed", "1", "-parallel", "8"}
	if _, err := exec.LookPath("gcc"); err == nil {
		args = append(args, "-race")
	} else {
		t.Log("no C compiler: the program runs without the race detector")
	}
	var out, errs bytes.Buffer
	code := run(t.Context(), args, &out, &errs)
	rows := json.NewDecoder(&out)
	n := 0
	for rows.More() {
		var r result
		if err := rows.Decode(&r); err != nil {
			t.Fatal(err)
		}
		n++
		if !r.Held {
			t.Errorf("row %d, %s, on %s: %s", r.Row, r.Name, r.Combo, r.Error)
		}
	}
	if code != exitHeld || n == 0 {
		t.Errorf("exit code %d after %d rows\n%s", code, n, &errs)
	}
}

// A lab that sees no harm anywhere proves nothing: each of these stories has
// to be told as broken.
func TestBrokenStories(t *testing.T) {
	w, err := newWorld(t.Context(), options{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.close(); err != nil {
			t.Error(err)
		}
	})
	for _, c := range []struct {
		name, want string
		run        func(*lab)
	}{
		{name: "a lie in the ledger", want: "did not come", run: func(l *lab) {
			l.exec(`UPDATE messages SET state = 'sent', wake_at = NULL`)
		}},
		{name: "nobody sends", want: "not within", run: func(l *lab) { l.settle(time.Second) }},
		{name: "a kill that did not come", want: "did not end", run: func(l *lab) { l.serve("rendering=99:kill").died(3 * time.Second) }},
		{name: "a serve that ends by itself", want: "ended by itself", run: func(l *lab) { l.serve("no such fault").died(10 * time.Second) }},
		{name: "a panic", want: "panic", run: func(l *lab) {
			l.serve("claimed:panic")
			l.await(20*time.Second, "claimed", func() bool { return l.count(`state = 'claimed'`) > 0 })
		}},
		{name: "a command that fails", want: "heraut nonsense", run: func(l *lab) { l.heraut("nonsense") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := w.runOne(t.Context(), scenario{row: 99, people: 3, run: c.run}, sqliteEmbedded, 1)
			if r.Held || !strings.Contains(r.Error, c.want) {
				t.Errorf("held: %v, told %q; want %q", r.Held, r.Error, c.want)
			}
		})
	}
}

func TestRows(t *testing.T) {
	for text, want := range map[string]string{"1-9,34": "1 9 34", "7": "7", "": "1 2 7 9 10 34 35"} {
		var s rowSet
		if text != "" {
			if err := s.Set(text); err != nil {
				t.Fatal(err)
			}
		}
		if s.String() != text {
			t.Errorf("%q reads back as %q", text, s.String())
		}
		for _, row := range strings.Fields(want) {
			var n int
			if err := json.Unmarshal([]byte(row), &n); err != nil {
				t.Fatal(err)
			}
			if !s.has(n) {
				t.Errorf("%q lacks %d", text, n)
			}
		}
		if text != "" && (s.has(10) || s.has(35)) {
			t.Errorf("%q has too much", text)
		}
	}
	for _, text := range []string{"x", "3-1", "0", "1-", "-"} {
		if err := new(rowSet).Set(text); err == nil {
			t.Errorf("%q was read", text)
		}
	}
}
