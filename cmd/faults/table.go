package main

import (
	"cmp"
	"context"
	"fmt"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"
)

// table is what a run publishes.
type table struct {
	about   []string // what was run, where
	started time.Time
	results []result
}

// about tells how a run can be repeated.
func about(ctx context.Context, o options, args []string) []string {
	detector := "off"
	if o.race {
		detector = "on"
	}
	return []string{
		"date: " + time.Now().UTC().Format("2006-01-02 15:04 UTC"),
		"commit: " + commit(ctx),
		"command: `" + command(o, args) + "`",
		fmt.Sprintf("seed: %d", o.seed),
		fmt.Sprintf("machine: %d cores, %s/%s, %s; race detector %s", runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version(), detector),
	}
}

// commit names the source that is run.
func commit(ctx context.Context) string {
	head, err := exec.CommandContext(ctx, "git", "rev-parse", "--short=12", "HEAD").Output()
	if err != nil {
		return "unknown (no git repository)"
	}
	changed, err := exec.CommandContext(ctx, "git", "status", "--porcelain", "--", "*.go", "*.sql").Output()
	if err == nil && len(changed) > 0 {
		return strings.TrimSpace(string(head)) + ", with uncommitted changes"
	}
	return strings.TrimSpace(string(head))
}

// head is the top of the table.
const head = "| # | fault | where | runs | kills | messages | lost | unflagged duplicates | truncated | stale | other lies | in doubt | second copies | parked | redelivery p99 | seconds | held | figures |\n" +
	"|--:|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|---|\n"

// line is the runs of one scenario on one combination.
type line []result

// lines puts results together, in the order of the list of faults.
func lines(results []result) []line {
	sorted := slices.SortedStableFunc(slices.Values(results), compare)
	var all []line
	for i, r := range sorted {
		if i == 0 || compare(sorted[i-1], r) != 0 {
			all = append(all, nil)
		}
		last := &all[len(all)-1]
		*last = append(*last, r)
	}
	return all
}

func compare(a, b result) int {
	return cmp.Or(cmp.Compare(a.Row, b.Row), strings.Compare(a.Name, b.Name), strings.Compare(a.Combo, b.Combo))
}

// sum adds up one number of each run.
func (l line) sum(number func(result) int) (n int) {
	for _, r := range l {
		n += number(r)
	}
	return n
}

// String is a line of the table. Lies without a column of their own are counted
// together.
func (l line) String() string {
	told := func(name string) int { return l.sum(func(r result) int { return r.Verdict.Counts[name] }) }
	lost, twice, cut, stale := told("lost"), told("duplicated"), told("truncated"), told("stale")
	other := l.sum(func(r result) int { return len(r.Verdict.Findings) }) - lost - twice - cut - stale
	var waits []time.Duration
	var took time.Duration
	var figures []string
	broken := 0
	for _, r := range l {
		waits, took = append(waits, r.Redelivered...), took+r.Took
		if len(r.Figures) > 0 {
			figures = append(figures, strings.Join(r.Figures, ", "))
		}
		if !r.Held {
			broken++
		}
	}
	held := "yes"
	if broken > 0 {
		held = fmt.Sprintf("**no** (%d)", broken)
	}
	redelivery := ""
	if len(waits) > 0 {
		redelivery = fmt.Sprintf("%.1f s", percentile(waits, 99).Seconds())
	}
	return fmt.Sprintf("| %d | %s | %s | %d | %d | %d | %d | %d | %d | %d | %d | %d | %d | %d | %s | %.0f | %s | %s |\n", l[0].Row, l[0].Name, l[0].Combo, len(l),
		l.sum(func(r result) int { return r.Kills }), l.sum(func(r result) int { return r.Verdict.Messages }), lost, twice, cut, stale, other,
		l.sum(func(r result) int { return r.Verdict.Doubted }), l.sum(func(r result) int { return r.Verdict.Flagged }),
		l.sum(func(r result) int { return r.Verdict.Parked }), redelivery, took.Seconds(), held, strings.Join(figures, "; "))
}

// explanation stands above the table.
const explanation = `# Faults, and what came of them

Each row injects one fault into real processes with real servers: a worker, a database, a Redis, and an SMTP server that writes down
every mail it reads to its final dot, before it answers. When everything has come to its end, cmd/checker compares that record with the
ledger. It reads these two and nothing else, shares no code with the program, and has tests of its own in which each lie is told on purpose.

- **runs**: labs in which this was done, each with a seed of its own; the kills of row 8 are shared among several, side by side.
- **lost**: a message that is said to be sent and did not come, one that waits for nobody, a person without a message that others have.
- **unflagged duplicates**: more copies than one, and one more for each time the ledger says that the message was in doubt.
- **truncated**: a mail without its end. **stale**: a mail that was void when it left: cancelled, moved, suppressed, expired.
- **other lies**: too late, too early, to somebody else, a copy that differs, a mail of no message, sent without an answer.
- **in doubt**: the worker died, or heard nothing, between its commit of the final dot and the server's answer.
  **second copies**: how many of those came twice, as the policy says; they are no fault.
- **parked**: messages given up because three workers died while they held them; one is right in row 39, none elsewhere.
- **redelivery p99**: from a worker's death until what it held, before the final dot, left from another. In row 8 the other worker is
  killed as well, so only the other rows say something about promise 4.
- **held**: nothing was found, and the story went as told.

Not covered: loss of the database itself or of its disk (backups are for that), a machine that loses power (kill -9 leaves the kernel's
buffers; what fsync promises is believed), a relay that loses what it accepted, and several machines whose clocks differ.

`

// markdown is the whole page.
func (t *table) markdown() string {
	var b strings.Builder
	b.WriteString(explanation)
	for _, line := range t.about {
		fmt.Fprintf(&b, "- %s\n", line)
	}
	fmt.Fprintf(&b, "- took: %s\n\n", time.Since(t.started).Round(time.Second))
	b.WriteString(head)
	for _, l := range lines(t.results) {
		b.WriteString(l.String())
	}
	return b.String()
}
