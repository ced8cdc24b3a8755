package jobs_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"heraut/jobs"
)

func TestCleanName(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"", ""},
		{"Zoë de Graaf", "Zoë de Graaf"},
		{"  Jan \t\u00a0 de\r\nWit\u2028", "Jan de Wit"},
		{"Jan\x00\x07\x1b[31m\u0085x", "Jan[31m x"},
		{"a\u202eb\u2066c\u200bd\u00ade\ufefff\u061cg", "abcdefg"},
		{"Jan\xff\xc3", "Jan"},
		{"\ufffdJan", "Jan"},
		{"👩\u200d🔬", "👩\u200d🔬"},
		{"\u200d", ""},
		{"a \u200d b", "a b"},
		{"{{.}} <b> =1+1 \"x\"", "{{.}} <b> =1+1 \"x\""},
		{strings.Repeat("é", 201), strings.Repeat("é", 200)},
		{strings.Repeat("é", 199) + " x", strings.Repeat("é", 199)},
		{strings.Repeat("é", 198) + " x", strings.Repeat("é", 198) + " x"},
		{strings.Repeat("a ", 500), strings.TrimSpace(strings.Repeat("a ", 100))},
	} {
		if got := jobs.CleanName(c.in); got != c.want {
			t.Errorf("%q: got %q, want %q", c.in, got, c.want)
		}
	}
}

// FuzzCleanName: the result is short, on one line, holds nothing that turns
// text around, and is clean already.
func FuzzCleanName(f *testing.F) {
	f.Add("Jan de Wit")
	f.Add(" a\u200d\u200d \u202eb\xff")
	f.Fuzz(func(t *testing.T, s string) {
		got := jobs.CleanName(s)
		if jobs.CleanName(got) != got {
			t.Errorf("%q gives %q, which gives %q", s, got, jobs.CleanName(got))
		}
		if !utf8.ValidString(got) || utf8.RuneCountInString(got) > jobs.MaxName || strings.TrimSpace(got) != got {
			t.Errorf("%q gives %q", s, got)
		}
		if strings.ContainsFunc(got, func(r rune) bool {
			return unicode.IsControl(r) || r != ' ' && unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) && r != '\u200d'
		}) {
			t.Errorf("%q gives %q", s, got)
		}
	})
}

func TestParseLang(t *testing.T) {
	for _, c := range []struct {
		in   string
		want jobs.Lang
		ok   bool
	}{
		{"", jobs.Dutch, true}, {" ", jobs.Dutch, true}, {"nl", jobs.Dutch, true}, {"nl-informal", jobs.Dutch, true}, {"Nederlands", jobs.Dutch, true}, {"Dutch", jobs.Dutch, true},
		{"en", jobs.English, true}, {"EN-gb", jobs.English, true}, {"en_US", jobs.English, true}, {"English", jobs.English, true}, {"Engels", jobs.English, true},
		{"fr", jobs.Dutch, false}, {"entrecôte", jobs.Dutch, false},
	} {
		if got, ok := jobs.ParseLang(c.in); got != c.want || ok != c.ok {
			t.Errorf("%q: got %s, %v; want %s, %v", c.in, got, ok, c.want, c.ok)
		}
	}
}

func TestTextFallsBackToDutch(t *testing.T) {
	if got := (jobs.Text{NL: "dag", EN: "hello"}).In(jobs.English); got != "hello" {
		t.Errorf("English: %q", got)
	}
	if got := (jobs.Text{NL: "dag"}).In(jobs.English); got != "dag" {
		t.Errorf("no English: %q", got)
	}
}
