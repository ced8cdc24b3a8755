package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// importKilled kills imports of one file, each at a random row, and runs it to
// its end at last. A worker sends meanwhile.
func importKilled(l *lab, rows, kills int) {
	var csv strings.Builder
	csv.WriteString("email,name\n")
	for n := range rows {
		fmt.Fprintf(&csv, "%s,Persoon %d\n", person(n), n)
	}
	l.write("people.csv", csv.String())
	l.serve("")
	for range kills {
		at := l.number(`SELECT COUNT(*) FROM registrations`) + 1 + l.random.IntN(max(1, rows/(2*kills)))
		l.killImport(csv.String(), min(at, rows*3/4))
		l.require(l.number(`SELECT COUNT(*) FROM registrations`) < rows, "an import that had not read all came to its end")
	}
	l.heraut("import", "people.csv", "--event", "workshop")
	l.heraut("import", "people.csv", "--event", "workshop")
	l.require(l.number(`SELECT COUNT(*) FROM registrations`) == rows, "%d people of %d rows", l.number(`SELECT COUNT(*) FROM registrations`), rows)
	l.mails(rows, 15*time.Minute)
	l.finish(5 * time.Minute)
	l.sentOnce(rows)
	l.figure("%d imports killed before their end", kills)
}

// killImport starts an import and kills it a moment after so many people are on
// record. Instead of the last row it gets blank lines without end, so it cannot
// be done before.
func (l *lab) killImport(csv string, at int) {
	if l.failed() {
		return
	}
	read, write, err := os.Pipe()
	if err != nil {
		l.fail("start import: %w", err)
		return
	}
	defer write.Close()
	cmd := l.command("import", "-", "--event", "workshop")
	cmd.Stdin = read
	exited, err := start(cmd)
	_ = read.Close() // so that to write fails when the import is gone
	if err != nil {
		l.fail("start import: %w", err)
		return
	}
	go func() {
		_, err := io.WriteString(write, csv[:strings.LastIndexByte(strings.TrimSpace(csv), '\n')+1])
		for blank := strings.Repeat("\n", 4096); err == nil; {
			_, err = io.WriteString(write, blank)
		}
	}()
	l.watch(glance, time.Minute, "a row to kill at", func() bool { return l.number(`SELECT COUNT(*) FROM registrations`) >= at })
	l.while(50 * time.Millisecond)
	_ = cmd.Process.Kill()
	<-exited
	l.kills++
}
