package main

import (
	"fmt"
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
	left := 0 // of imports that were really killed on the way
	for range kills {
		have := l.number(`SELECT COUNT(*) FROM registrations`)
		at := have + 1 + l.random.IntN(max(1, rows/(2*kills)))
		if l.failed() {
			return
		}
		cmd := l.command("import", "people.csv", "--event", "workshop")
		exited, err := start(cmd)
		if err != nil {
			l.fail("start import: %w", err)
			return
		}
		l.await(time.Minute, "a row to kill at", func() bool {
			select {
			case <-exited:
				return true
			default:
				return l.number(`SELECT COUNT(*) FROM registrations`) >= at
			}
		})
		_ = cmd.Process.Kill()
		<-exited
		if l.number(`SELECT COUNT(*) FROM registrations`) < rows {
			left++
		}
		l.kills++
	}
	l.require(left > 0, "no import was killed before its end")
	l.heraut("import", "people.csv", "--event", "workshop")
	l.heraut("import", "people.csv", "--event", "workshop")
	l.require(l.number(`SELECT COUNT(*) FROM registrations`) == rows, "%d people of %d rows", l.number(`SELECT COUNT(*) FROM registrations`), rows)
	l.mails(rows, 15*time.Minute)
	l.finish(5 * time.Minute)
	l.sentOnce(rows)
	l.figure("%d of %d imports killed before their end", left, kills)
}
