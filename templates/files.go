package templates

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"heraut/jobs"
)

//go:embed mail/*.txt mail/*.html
var mailFiles embed.FS

// maxFile is the largest template that is read, in bytes. A mail over 100 kB
// is cut off by Gmail, so a larger layout is a mistake.
const maxFile = 256 << 10

// Builtin gives the built-in templates, all in the root.
func Builtin() fs.FS {
	sub, err := fs.Sub(mailFiles, "mail")
	if err != nil {
		return mailFiles // not reached: "mail" is a valid path
	}
	return sub
}

// Export hands every built-in template to w, in the order of their names, and
// stops at the first error of w.
func Export(w func(name string, data []byte) error) error {
	for _, name := range fileNames() {
		data, err := fs.ReadFile(Builtin(), name)
		if err != nil {
			return fmt.Errorf("export templates: %w", err)
		}
		if err := w(name, data); err != nil {
			return err
		}
	}
	return nil
}

// languages gives every language mail is written in.
func languages() []jobs.Lang { return []jobs.Lang{jobs.Dutch, jobs.English} }

func mailName(k jobs.Kind, l jobs.Lang) string { return string(k) + "." + string(l) + ".txt" }
func wordsName(l jobs.Lang) string             { return "words." + string(l) + ".txt" }

const (
	textLayout = "layout.txt"
	htmlLayout = "layout.html"

	campaignTextLayout = "campaign.txt"
	campaignHTMLLayout = "campaign.html"
)

// fileNames gives the name of every template there has to be, sorted.
func fileNames() []string {
	names := []string{textLayout, htmlLayout, campaignTextLayout, campaignHTMLLayout}
	for _, l := range languages() {
		names = append(names, wordsName(l), mailName(jobs.CampaignMail, l))
		for _, k := range jobs.Kinds() {
			names = append(names, mailName(k, l))
		}
	}
	slices.Sort(names)
	return names
}

// readFiles gives the text of every template, the override's where it has one.
func readFiles(override fs.FS) (map[string]string, error) {
	files := make(map[string]string)
	names := fileNames()
	for _, name := range names {
		data, err := fs.ReadFile(Builtin(), name)
		if err != nil {
			return nil, err
		}
		files[name] = normalise(data)
	}
	if override == nil {
		return files, nil
	}
	entries, err := fs.ReadDir(override, ".")
	if errors.Is(err, fs.ErrNotExist) {
		return files, nil // no folder is no override
	} else if err != nil {
		return nil, err
	}
	var bad []jobs.Problem
	for _, e := range entries {
		name := e.Name()
		if strings.HasPrefix(name, ".") {
			continue // what file managers and version control leave behind
		}
		if !slices.Contains(names, name) {
			bad = append(bad, jobs.Problem{File: name, Text: "no template of this name; rename or remove it (known: " + strings.Join(names, ", ") + ")"})
			continue
		}
		data, err := readOverride(override, name)
		if err != nil {
			bad = append(bad, jobs.Problem{File: name, Text: err.Error()})
			continue
		}
		files[name] = normalise(data)
	}
	if len(bad) > 0 {
		return nil, &jobs.ProblemsError{Problems: bad}
	}
	return files, nil
}

func readOverride(fsys fs.FS, name string) ([]byte, error) {
	info, err := fs.Stat(fsys, name)
	switch {
	case err != nil:
		return nil, errors.New("cannot be read; check its permissions")
	case !info.Mode().IsRegular():
		return nil, errors.New("is not a file")
	case info.Size() == 0:
		return nil, errors.New("is empty; remove it to use the built-in one")
	case info.Size() > maxFile:
		return nil, fmt.Errorf("is larger than %d bytes", maxFile)
	}
	data, err := fs.ReadFile(fsys, name)
	if err != nil {
		return nil, errors.New("cannot be read; check its permissions")
	}
	if !utf8.Valid(data) {
		return nil, errors.New("is not UTF-8; save it with that encoding")
	}
	return data, nil
}

// trailing is white space at the end of a line, where nobody sees it; on an
// empty line it would glue two paragraphs together.
var trailing = regexp.MustCompile(`(?m)[ \t\r]+$`)

// normalise drops what editors add: a byte order mark, carriage returns and
// trailing spaces.
func normalise(data []byte) string {
	return trailing.ReplaceAllString(strings.TrimPrefix(string(data), "\ufeff"), "")
}
