package templates

import (
	"reflect"
	"time"

	"github.com/yuin/goldmark"

	"heraut/jobs"
)

// FormatWhen and the others are internals that are easier to pin down by
// themselves than in a whole mail.
var (
	FormatWhen    = formatWhen
	WrapText      = wrapText
	StrangersName = strangersName
)

// Soon says how far off start is.
func Soon(now, start time.Time, zone *time.Location, l jobs.Lang) string {
	return spanUntil(now, start.In(zone)).in(l)
}

// Summary gives both forms of a summary.
func Summary(markdown string) (html, text string, err error) {
	s := parseSummary(goldmark.New(), markdown)
	text = s.text()
	h, err := s.html()
	return string(h), text, err
}

// Samples gives what Load tries every template with.
func Samples(k jobs.Kind, l jobs.Lang) []Input { return samples(k, l) }

// ViewFields gives the names that sentences may use.
func ViewFields() (names []string) {
	for f := range reflect.TypeFor[view]().Fields() {
		names = append(names, f.Name)
	}
	return names
}
