package templates_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"heraut/jobs"
	"heraut/templates"
)

func file(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s), Mode: 0o644} }

const goodReminder = "Subject: Tot straks: {{.Title}}\nHeading: Tot straks\nLead: Het begint {{.Soon}}.\n\nHallo {{.Name}}.\n"

func TestOverride(t *testing.T) {
	for name, fsys := range map[string]fstest.MapFS{
		"plain":   {"reminder.nl.txt": file(goodReminder)},
		"windows": {"reminder.nl.txt": file("\ufeff" + strings.ReplaceAll(goodReminder, "\n", "\r\n"))},
		"spaces":  {"reminder.nl.txt": file(strings.ReplaceAll(goodReminder, "\n", " \t\n"))},
		"comment": {"reminder.nl.txt": file("{{/* Van ons.\nVoor iedereen. */}}\n" + goodReminder)},
		"folded":  {"reminder.nl.txt": file(strings.Replace(goodReminder, "Het begint", "Het\n begint", 1)), ".gitkeep": file("")},
	} {
		t.Run(name, func(t *testing.T) {
			set, err := templates.Load(fsys)
			if err != nil {
				t.Fatal(err)
			}
			in := input(t, jobs.Reminder, jobs.Dutch)
			in.Now = in.Event.Start.AddDate(0, 0, -2)
			m, err := set.Render(in)
			if err != nil {
				t.Fatal(err)
			}
			if m.Subject != "Tot straks: Rijksbreed beleid op smart city" || !strings.Contains(m.Text, "\nHet begint over 2 dagen.\n") || !strings.Contains(m.HTML, ">Hallo Sanne.<") {
				t.Errorf("the override is not used:\n%s\n%s", m.Subject, m.Text)
			}
			in.Registration.Lang = jobs.English
			if m, err = set.Render(in); err != nil || !strings.HasPrefix(m.Subject, "Reminder: ") {
				t.Errorf("another file changed as well: %q, %v", m.Subject, err)
			}
		})
	}
}

func TestBrokenOverride(t *testing.T) {
	layout, err := fs.ReadFile(templates.Builtin(), "layout.html")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ file, content, want string }{
		"broken syntax":    {"reminder.nl.txt", goodReminder + "\n{{if .Near}}bijna", "reminder.nl.txt:7: "},
		"unknown function": {"reminder.nl.txt", goodReminder + "\n{{shout .Name}}", "reminder.nl.txt:7: "},
		"unknown field":    {"reminder.nl.txt", goodReminder + "\n{{.Naam}}", "reminder.nl.txt:7: there is no field .Naam"},
		// Neither branch is one that a sample takes.
		"unknown field in a branch": {"reminder.nl.txt", goodReminder + "\n{{if and .EventOff .Folded}}\n{{with .Name}}{{$.Naam}}{{end}}{{end}}", "reminder.nl.txt:8: there is no field .Naam"},
		"unknown field in a block":  {"reminder.nl.txt", goodReminder + "\n{{define \"x\"}}{{.Naam}}{{end}}dag", "reminder.nl.txt:7: there is no field .Naam"},
		"field of a text":           {"reminder.nl.txt", goodReminder + "\n{{.Name.First}}", "reminder.nl.txt:7: there is no field .Name.First"},
		"fails when used":           {"reminder.nl.txt", goodReminder + "\n{{slice .Name 0 5}}", "reminder.nl.txt:7: "},
		"prints no value":           {"reminder.nl.txt", goodReminder + "\n{{print nil}} <no value>", "reminder.nl.txt: "},
		"blank":                     {"reminder.nl.txt", goodReminder + "\n[in te vullen: groet]", "reminder.nl.txt: "},
		"no subject":                {"reminder.nl.txt", "Heading: x\nLead: y\n\nz\n", "reminder.nl.txt:1: there is no line Subject"},
		"empty subject":             {"reminder.nl.txt", "Subject:\nHeading: x\nLead: y\n\nz\n", "reminder.nl.txt:1: Subject is empty"},
		"subject at times empty":    {"reminder.nl.txt", "Subject: {{.Name}}\nHeading: x\nLead: y\n\nz\n", "reminder.nl.txt: "},
		"two subjects":              {"reminder.nl.txt", "Subject: a\nSubject: b\nHeading: x\nLead: y\n\nz\n", "reminder.nl.txt:2: Subject stands here twice"},
		"unknown header":            {"reminder.nl.txt", "Subject: a\nBcc: x@example.org\nHeading: x\nLead: y\n\nz\n", "reminder.nl.txt:2: "},
		"no header":                 {"reminder.nl.txt", "Beste Jan,\n\nDag\n", "reminder.nl.txt:1: "},
		"unknown file":              {"herinnering.nl.txt", goodReminder, "herinnering.nl.txt: no template of this name"},
		"unknown language":          {"reminder.fr.txt", goodReminder, "reminder.fr.txt: no template of this name"},
		"the source of the layout":  {"layout.mjml", "<mjml></mjml>", "layout.mjml: no template of this name"},
		"a folder":                  {"reminder.nl.txt/x", goodReminder, "reminder.nl.txt: is not a file"},
		"empty":                     {"reminder.nl.txt", "", "reminder.nl.txt: is empty"},
		"huge":                      {"reminder.nl.txt", goodReminder + strings.Repeat("x ", 200_000), "reminder.nl.txt: is larger"},
		"latin1":                    {"reminder.nl.txt", goodReminder + "caf\xe9", "reminder.nl.txt: is not UTF-8"},
		"words lack one":            {"words.en.txt", "Greeting: Hi\n", "words.en.txt:1: there is no line When"},
		"text layout":               {"layout.txt", "{{.Heading}}\n{{.Kop}}\n", "layout.txt:2: there is no field .Kop"},
		"sentences use the layout":  {"reminder.nl.txt", goodReminder + "\n{{.Subject}}", "reminder.nl.txt:7: there is no field .Subject"},
		"html field":                {"layout.html", "<html>\n<p>{{.Kop}}</p></html>", "layout.html:2: there is no field .Kop"},
		"html context":              {"layout.html", "<html>\n<p title='{{.Heading}}></p></html>", "layout.html"},
		"html half an attribute":    {"layout.html", "<html>\n<p {{if .Near}}title=\"x{{end}}\">a</p></html>", "layout.html"},
		"action for Outlook":        {"layout.html", "<html>\n<!--[if mso]>{{.Title}}<![endif]--></html>", "layout.html: an action inside a conditional comment"},
		"later line of the layout":  {"layout.html", strings.Replace(string(layout), "{{.Footer}}", "{{.Voet}}", 1), "there is no field .Voet"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := templates.Load(fstest.MapFS{c.file: file(c.content)})
			if err == nil {
				t.Fatal("no error")
			}
			if _, ok := errors.AsType[*jobs.ProblemsError](err); !ok {
				t.Errorf("the error is a %T", err)
			}
			if !strings.HasPrefix(err.Error(), c.want) && !(strings.HasPrefix(c.want, "there") && strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v\nwant %s…", err, c.want)
			}
			if len(err.Error()) > 2000 {
				t.Errorf("an error of %d bytes", len(err.Error()))
			}
		})
	}
}

// The conditional comments are taken out and put back; a line below them keeps
// its number.
func TestLayoutKeepsItsLines(t *testing.T) {
	layout, err := fs.ReadFile(templates.Builtin(), "layout.html")
	if err != nil {
		t.Fatal(err)
	}
	before, _, _ := strings.Cut(string(layout), "{{.Footer}}")
	_, err = templates.Load(fstest.MapFS{"layout.html": file(strings.Replace(string(layout), "{{.Footer}}", "{{.Voet}}", 1))})
	pe, ok := errors.AsType[*jobs.ProblemsError](err)
	if !ok || len(pe.Problems) != 1 || pe.Problems[0].Line != strings.Count(before, "\n")+1 {
		t.Errorf("got %v, want line %d", err, strings.Count(before, "\n")+1)
	}
}

func TestAllProblemsAtOnce(t *testing.T) {
	_, err := templates.Load(fstest.MapFS{
		"reminder.nl.txt": file(goodReminder + "\n{{.Naam}}\n{{.Achternaam}}"),
		"followup.en.txt": file("Heading: x\n"),
	})
	pe, ok := errors.AsType[*jobs.ProblemsError](err)
	if !ok || len(pe.Problems) != 4 {
		t.Errorf("want four problems, got: %v", err)
	}
}

func TestNoFolderIsNoOverride(t *testing.T) {
	if _, err := templates.Load(os.DirFS(filepath.Join(t.TempDir(), "none"))); err != nil {
		t.Error(err)
	}
}

// What Export writes can be loaded again as it is, and misses nothing.
func TestExport(t *testing.T) {
	dir := t.TempDir()
	var names []string
	err := templates.Export(func(name string, data []byte) error {
		names = append(names, name)
		return os.WriteFile(filepath.Join(dir, name), data, 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := templates.Load(os.DirFS(dir)); err != nil {
		t.Error(err)
	}
	entries, err := fs.ReadDir(templates.Builtin(), ".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !slices.Contains(names, e.Name()) {
			t.Errorf("%s is embedded but not exported", e.Name())
		}
	}
	stop := errors.New("disk full")
	if err := templates.Export(func(string, []byte) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("got %v", err)
	}
}

// The words files tell organisers which fields there are.
func TestFieldsAreListed(t *testing.T) {
	for _, name := range []string{"words.nl.txt", "words.en.txt"} {
		data, err := fs.ReadFile(templates.Builtin(), name)
		if err != nil {
			t.Fatal(err)
		}
		comment, _, _ := strings.Cut(string(data), "*/")
		listed := strings.Fields(comment)
		for _, f := range templates.ViewFields() {
			if !slices.Contains(listed, "."+f) {
				t.Errorf("%s does not list .%s", name, f)
			}
		}
	}
}
