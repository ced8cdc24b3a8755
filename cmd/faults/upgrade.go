package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// release is the last commit with the schema and the tasks of the release
// before.
const release = "c9a6ac7"

// upgradeScenarios replace the program while it works.
func upgradeScenarios() []scenario {
	const people = 150
	return []scenario{{row: 43, name: "upgrade with tasks in flight", upgrade: true, people: people, script: slow(100 * time.Millisecond), run: func(l *lab) {
		p := l.underWay(20)
		p.kill()
		l.gate.open()
		held, sent := l.count(`state IN ('claimed', 'final_dot')`), l.count(`state = 'sent'`)
		l.require(held > 0, "the old program died with nothing in its hands: %s", l.states())
		tasks := l.tasks()
		l.require(l.redis == nil || tasks > 0, "the old program left no task")
		l.program = l.world.heraut
		if l.combo.database == postgres { // SQLite is migrated by whoever opens it
			_, err := l.tryHeraut("status")
			l.require(err != nil, "the new program works on the old schema")
		}
		l.heraut("migrate")
		l.people(people, people+10)
		l.serve("")
		l.finish(redelivery)
		l.idle(4 * time.Minute)
		l.require(l.count(`state = 'sent'`) == people+10, "not all was sent: %s", l.states())
		l.figure("the old one left %d messages in its hands and %d tasks, after %d were sent", held, tasks, sent)
	}}}
}

// previously is the program of the release before, built when it is asked for.
type previously struct {
	once    sync.Once
	program string
	err     error
}

// previous gives the program of the release before, without fault points.
func (w *world) previous(ctx context.Context) (program string, err error) {
	w.before.once.Do(func() {
		w.before.program, w.before.err = buildAt(ctx, filepath.Join(w.dir, "previous"), release)
	})
	return w.before.program, w.before.err
}

// buildAt builds the program from the source of a commit. The repository stays
// as it is.
func buildAt(ctx context.Context, dir, commit string) (program string, err error) {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", err
	}
	top, err := exec.CommandContext(ctx, "git", "rev-parse", "--show-toplevel").Output()
	if err != nil {
		return "", fmt.Errorf("build %s: this needs the repository with its history: %w", commit, err)
	}
	program = filepath.Join(dir, "heraut")
	source, archive := filepath.Join(dir, "source"), filepath.Join(dir, "source.tar")
	if err := os.Mkdir(source, 0o700); err != nil {
		return "", err
	}
	for _, step := range [][]string{
		{"git", "-C", strings.TrimSpace(string(top)), "archive", "-o", archive, commit},
		{"tar", "-x", "-f", archive, "-C", source},
		{"go", "build", "-C", source, "-o", program, "./cmd/heraut"},
	} {
		if out, err := exec.CommandContext(ctx, step[0], step[1:]...).CombinedOutput(); err != nil {
			return "", fmt.Errorf("build %s: %s: %w\n%s", commit, strings.Join(step[:2], " "), err, out)
		}
	}
	return program, os.RemoveAll(source)
}
