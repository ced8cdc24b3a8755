package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

// report writes what was measured as Markdown.
type report struct {
	lab        *lab
	command    string
	incomplete bool // something failed
}

func (r report) markdown(ctx context.Context) string {
	var b strings.Builder
	b.WriteString("# Benchmarks\n\nWritten by `make bench`; do not edit. cmd/bench says what is measured and how.\n\n")
	if r.lab.quick {
		b.WriteString("**A quick run: too small for its figures to mean anything.**\n\n")
	}
	if r.incomplete {
		b.WriteString("**Incomplete: something failed.**\n\n")
	}
	for _, line := range r.circumstances(ctx) {
		fmt.Fprintf(&b, "- %s\n", line)
	}
	for _, p := range parts() {
		if list := r.lab.figures.of(p.name); len(list) > 0 {
			fmt.Fprintf(&b, "\n## %s: %s\n%s", p.name, p.what, notes()[p.name])
			writeTable(&b, list)
		}
	}
	return b.String()
}

// notes say what a figure of a part includes.
func notes() map[string]string {
	return map[string]string{
		"b": `
From the server's first 250 to its last, by the ledger, with each mail claimed, rendered and recorded as sent in between. The ledger was filled
before. smtp-source sends one of the same mails over and over; it neither renders nor records, and cannot pipeline. It runs before and after each run
of Heraut, which is compared with the mean of the two. Of two workers what counts leaves after both said that they serve.
`,
		"c": `
` + "`heraut register`" + ` as a process, one after another; from before it starts to the server's 250 for that person, as recorded in the ledger.
`,
		"d": `
` + "`heraut import`" + ` of a CSV file as a process, four messages for each person. The bare database gets the very rows that made, in the same schema with its
indexes, from memory: SQLite in one transaction with prepared multi-row inserts, PostgreSQL with COPY.
`,
		"e": `
` + "`heraut programme apply`" + ` as a process. Waiting is a worker with nothing due for weeks.
`,
		"p": `
` + "`heraut campaign pause`, `resume` and `cancel`" + ` as processes, each 250 and each command's commit by the ledger. After a stop nothing leaves for three seconds.
`,
	}
}

// writeTable writes figures with a heading for each setup.
func writeTable(b *strings.Builder, list []*figure) {
	b.WriteString("\n| | | median | lowest | highest | wanted | |\n|---|---|---:|---:|---:|---|---|\n")
	setup := ""
	for _, f := range list {
		shown := f.setup
		if shown == setup {
			shown = ""
		}
		setup = f.setup
		value := percentile(f.runs, 50)
		wanted := ""
		if f.wanted != (limit{}) {
			wanted = f.wanted.sign + " " + f.unit.write(f.wanted.value)
		}
		lowest, highest := "", ""
		if len(f.runs) > 1 {
			lowest, highest = f.unit.write(percentile(f.runs, 0)), f.unit.write(percentile(f.runs, 100))
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s | %s | %s |\n", shown, f.title(), f.unit.write(value), lowest, highest, wanted, f.wanted.verdict(value))
	}
}

// title is the name with the unit, where that does not say itself.
func (f *figure) title() string {
	switch f.unit {
	case ratio, count, perSecond:
		return f.name
	}
	return fmt.Sprintf("%s (%s)", f.name, f.unit)
}

// circumstances say on what, when and how it was measured. None of it is
// needed for a figure, so what cannot be found out is left open.
func (r report) circumstances(ctx context.Context) []string {
	l := r.lab
	list := []string{
		fmt.Sprintf("%s, %s, took %s", l.began.UTC().Format("2006-01-02 15:04 UTC"), r.version(ctx), time.Since(l.began).Round(time.Second)),
		"`" + r.command + "`",
		fmt.Sprintf("%d × %s, %s of memory, Linux %s, %s", runtime.NumCPU(), fieldOf("/proc/cpuinfo", "model name"), gigabytes(fieldOf("/proc/meminfo", "MemTotal")),
			firstLine("/proc/sys/kernel/osrelease"), runtime.Version()),
		"load average when it began: " + l.load,
		fmt.Sprintf("runs of each, in turns: %d; mails in a bulk run: %d; `smtp.connections`: %d", l.runs, l.people, l.connections),
	}
	if l.mail != nil {
		list = append(list, fmt.Sprintf("a mail is %.0f bytes on the wire (mean of %d)", l.mail.mean, sampled))
	}
	if l.postgres != nil {
		list = append(list, fmt.Sprintf("%s with %s", output(ctx, l.postgres.cmd.Path, "--version"), strings.Join(postgresSettings, ", ")))
	}
	redis, _, _ := strings.Cut(output(ctx, l.redis.cmd.Path, "--version"), " sha=")
	return append(list, "SQLite with journal_mode=WAL, synchronous=FULL", redis, "smtp-sink and smtp-source of Postfix "+
		strings.TrimPrefix(output(ctx, "postconf", "-h", "-d", "mail_version"), "mail_version = "))
}

// version names what was measured.
func (r report) version(ctx context.Context) string {
	if r.lab.heraut != "" {
		return "a binary from elsewhere"
	}
	name := "commit " + output(ctx, "git", "rev-parse", "--short=12", "HEAD")
	if output(ctx, "git", "status", "--porcelain", "--untracked-files=no") != "" {
		name += " with changes"
	}
	return name
}

// output gives what a program says, "" when it cannot.
func output(ctx context.Context, program string, args ...string) string {
	out, _ := exec.CommandContext(ctx, program, args...).Output()
	return strings.TrimSpace(string(out))
}

// fieldOf gives a value of a file of "key: value" lines, "" when there is none.
func fieldOf(file, key string) string {
	f, err := os.Open(file)
	if err != nil {
		return ""
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if k, v, _ := strings.Cut(lines.Text(), ":"); strings.TrimSpace(k) == key {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// firstLine gives the first line of a file, "" when there is none.
func firstLine(file string) string {
	text, _ := os.ReadFile(file)
	line, _, _ := strings.Cut(string(text), "\n")
	return line
}

// gigabytes makes "24682404 kB" readable.
func gigabytes(kilobytes string) string {
	var n float64
	if _, err := fmt.Sscanf(kilobytes, "%f kB", &n); err != nil {
		return kilobytes
	}
	return fmt.Sprintf("%.0f GB", n/(1<<20))
}

// loadAverage gives the load of the last minute, of five and of fifteen.
func loadAverage() string {
	fields := strings.Fields(firstLine("/proc/loadavg"))
	return strings.Join(fields[:min(3, len(fields))], " ")
}
