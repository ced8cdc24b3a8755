package main

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		p := &progress{w: &out, label: "people.csv", on: true}
		p.set(50, 100, "10 rows")
		p.set(51, 100, "too soon")
		time.Sleep(progressEvery)
		p.set(200, 100, "more than all")
		time.Sleep(progressEvery)
		p.set(1, -1, "unknown size")
		p.clear()
		got := out.String()
		for _, want := range []string{" 50 %  10 rows", "100 %  more than all", "people.csv  unknown size"} {
			if !strings.Contains(got, want) {
				t.Errorf("drew %q, which lacks %q", got, want)
			}
		}
		if strings.Contains(got, "too soon") || !strings.HasSuffix(got, "\r\x1b[K") {
			t.Errorf("drew %q", got)
		}
	})
}

// A pipe gets no bar.
func TestProgressOffTerminal(t *testing.T) {
	var out bytes.Buffer
	a := newApp(strings.NewReader(""), &out, &out, nil)
	p := a.newProgress("x")
	p.set(1, 2, "")
	p.clear()
	if out.Len() > 0 {
		t.Errorf("drew %q", &out)
	}
}
