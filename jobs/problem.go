package jobs

import (
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing wrong in a file that a person wrote.
type Problem struct {
	File string
	Line int // from 1; 0 where it concerns the whole file
	Text string
}

// String gives the problem as "file:line: text".
func (p Problem) String() string {
	if p.Line == 0 {
		return fmt.Sprintf("%s: %s", p.File, p.Text)
	}
	return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Text)
}

// ProblemsError is everything wrong with a file, in the order of its lines,
// so that it can be mended in one go.
type ProblemsError struct {
	Problems []Problem
}

// Error gives one problem a line.
func (e *ProblemsError) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// problems collects what is wrong with one file.
type problems struct {
	file string
	list []Problem
}

func (p *problems) add(line int, format string, args ...any) {
	p.list = append(p.list, Problem{p.file, line, fmt.Sprintf(format, args...)})
}

// err gives a *ProblemsError, or nil when nothing was added.
func (p *problems) err() error {
	if len(p.list) == 0 {
		return nil
	}
	slices.SortStableFunc(p.list, func(a, b Problem) int { return a.Line - b.Line })
	return &ProblemsError{p.list}
}
