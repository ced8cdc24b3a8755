package main

import (
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"heraut/jobs"
)

func contains(s, part string) bool { return strings.Contains(s, part) }

var verb = regexp.MustCompile(`%[a-z]`)

// Both languages say everything, with the same arguments in the same order.
func TestWordsComplete(t *testing.T) {
	nl, en := reflect.ValueOf(dutch()), reflect.ValueOf(english())
	for i := range nl.NumField() {
		name := nl.Type().Field(i).Name
		switch nl.Field(i).Kind() {
		case reflect.String:
			a, b := nl.Field(i).String(), en.Field(i).String()
			if a == "" || b == "" {
				t.Errorf("%s: %q in Dutch, %q in English", name, a, b)
			}
			if va, vb := verb.FindAllString(a, -1), verb.FindAllString(b, -1); !reflect.DeepEqual(va, vb) {
				t.Errorf("%s takes %v in Dutch, %v in English", name, va, vb)
			}
		case reflect.Array:
			for j := range nl.Field(i).Len() {
				if (nl.Field(i).Index(j).String() == "") != (en.Field(i).Index(j).String() == "") {
					t.Errorf("%s[%d] is missing in one language", name, j)
				}
			}
		}
	}
	w := dutch()
	for _, s := range jobs.Statuses() {
		if w.Statuses[s] == "" {
			t.Errorf("no Dutch for status %s", s)
		}
	}
	for _, s := range jobs.States() {
		if w.States[s] == "" {
			t.Errorf("no Dutch for state %s", s)
		}
	}
	for _, k := range jobs.Kinds() {
		if w.Kinds[k] == "" {
			t.Errorf("no Dutch for kind %s", k)
		}
	}
}

// Every reason that jobs names can be read in Dutch.
func TestReasonsComplete(t *testing.T) {
	f, err := parser.ParseFile(token.NewFileSet(), "../../jobs/plan.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	w, n := dutch(), 0
	ast.Inspect(f, func(node ast.Node) bool {
		spec, ok := node.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 || !strings.HasPrefix(spec.Names[0].Name, "Reason") {
			return true
		}
		n++
		lit := spec.Values[0].(*ast.BasicLit)
		reason := constant.StringVal(constant.MakeFromLiteral(lit.Value, lit.Kind, 0))
		if w.reason(reason) == reason {
			t.Errorf("no Dutch for %s: %q", spec.Names[0].Name, reason)
		}
		return true
	})
	if n == 0 {
		t.Error("jobs/plan.go names no reasons: look for them elsewhere")
	}
}

func TestReason(t *testing.T) {
	audience := jobs.Audience{Domains: []string{"rijk.example"}, Otherwise: jobs.OtherwiseHold}
	addr, err := jobs.ParseAddress("a@gemeente.example")
	if err != nil {
		t.Fatal(err)
	}
	_, reason := audience.Admit(addr)
	for in, want := range map[string]string{
		reason:                   "het domein gemeente.example hoort niet bij de doelgroep van dit evenement",
		"550 5.1.1 no such user": "550 5.1.1 no such user",
		"":                       "",
	} {
		if got := dutch().reason(in); got != want {
			t.Errorf("reason(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestMoment(t *testing.T) {
	amsterdam, err := time.LoadLocation("Europe/Amsterdam")
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 10, 25, 1, 30, 0, 0, time.UTC)
	if got, want := dutch().moment(at, amsterdam), "zo 25 okt 2026 02:30 CET"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := english().moment(at.Add(-time.Hour), amsterdam), "Sun 25 Oct 2026 02:30 CEST"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := dutch().moment(time.Time{}, amsterdam); got != "–" {
		t.Errorf("no moment: %q", got)
	}
}

func TestChooseWords(t *testing.T) {
	tests := []struct {
		flag string
		env  map[string]string
		want jobs.Lang
	}{
		{"", nil, jobs.English},
		{"", map[string]string{"LANG": "nl_NL.UTF-8"}, jobs.Dutch},
		{"", map[string]string{"LANG": "nl_NL.UTF-8", "LC_ALL": "C"}, jobs.English},
		{"", map[string]string{"LANG": "en_GB", "LC_MESSAGES": "nl_BE"}, jobs.Dutch},
		{"en", map[string]string{"LANG": "nl_NL.UTF-8"}, jobs.English},
		{"nl", nil, jobs.Dutch},
	}
	for _, tt := range tests {
		w, err := chooseWords(tt.flag, tt.env)
		if err != nil || w.Lang != tt.want {
			t.Errorf("chooseWords(%q, %v) = %s, %v; want %s", tt.flag, tt.env, w.Lang, err, tt.want)
		}
	}
	if _, err := chooseWords("de", nil); exitCode(err) != exitUsage {
		t.Errorf("--lang de: %v", err)
	}
}
