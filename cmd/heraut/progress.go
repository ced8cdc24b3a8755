package main

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// progress draws one line that says how far a long piece of work is. Off a
// terminal it draws nothing.
type progress struct {
	w     io.Writer
	label string
	on    bool
	last  time.Time
}

const (
	progressWidth = 30
	progressEvery = 100 * time.Millisecond
)

// newProgress makes a bar on standard error.
func (a *app) newProgress(label string) *progress {
	return &progress{w: a.stderr, label: label, on: isTerminal(a.stderr)}
}

// set draws the bar for done of total, whatever their unit, with a note after
// it. A total below 1 is unknown: only the note is drawn.
func (p *progress) set(done, total int64, note string) {
	if !p.on || time.Since(p.last) < progressEvery {
		return
	}
	p.last = time.Now()
	if total < 1 {
		fmt.Fprintf(p.w, "\r\x1b[K%s  %s", p.label, note)
		return
	}
	part := float64(min(max(done, 0), total)) / float64(total)
	full := int(part * progressWidth)
	fmt.Fprintf(p.w, "\r\x1b[K%s  %s%s %3.0f %%  %s", p.label,
		strings.Repeat("█", full), strings.Repeat("░", progressWidth-full), part*100, note)
}

// clear takes the bar away.
func (p *progress) clear() {
	if p.on && !p.last.IsZero() {
		fmt.Fprint(p.w, "\r\x1b[K")
		p.last = time.Time{}
	}
}
