package invite_test

import (
	"bytes"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"heraut/templates/invite"
)

func TestWriteRefuses(t *testing.T) {
	tests := []struct {
		name   string
		change func(*invite.Event)
		want   string // in the error
	}{
		{"no method", func(e *invite.Event) { e.Method = "" }, "method"},
		{"publish", func(e *invite.Event) { e.Method = "PUBLISH" }, "method"},
		{"no uid", func(e *invite.Event) { e.UID = "" }, "uid"},
		{"uid with CRLF", func(e *invite.Event) { e.UID = "a\r\nATTENDEE:mailto:b@example.org" }, "uid"},
		{"uid with LF", func(e *invite.Event) { e.UID = "a\nb" }, "uid"},
		{"uid with NUL", func(e *invite.Event) { e.UID = "a\x00b" }, "uid"},
		{"uid not UTF-8", func(e *invite.Event) { e.UID = "a\xff" }, "uid"},
		{"uid too long", func(e *invite.Event) { e.UID = strings.Repeat("a", 256) }, "uid"},
		{"sequence negative", func(e *invite.Event) { e.Sequence = -1 }, "sequence"},
		{"sequence beyond 32 bits", func(e *invite.Event) { e.Sequence = math.MaxInt32 + 1 }, "sequence"},
		{"no stamp", func(e *invite.Event) { e.Stamp = time.Time{} }, "stamp"},
		{"no start", func(e *invite.Event) { e.Start = time.Time{} }, "start"},
		{"year 10000", func(e *invite.Event) { e.End = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) }, "end"},
		{"end is start", func(e *invite.Event) { e.End = e.Start }, "end"},
		{"end before start", func(e *invite.Event) { e.End = e.Start.Add(-time.Hour) }, "end"},
		{"end in the same second", func(e *invite.Event) { e.End = e.Start.Add(time.Second - 1) }, "end is not after"},
		{"no summary", func(e *invite.Event) { e.Summary = " \x00\r\n" }, "summary"},
		{"language", func(e *invite.Event) { e.Language = "nl:x" }, "language"},
		{"no attendee", func(e *invite.Event) { e.Attendee.Email = "" }, "attendee"},
		{"attendee without domain", func(e *invite.Event) { e.Attendee.Email = "a@" }, "attendee"},
		{"attendee with CRLF", func(e *invite.Event) { e.Attendee.Email = "a@example.org\r\nX:y" }, "attendee"},
		{"attendee with DEL", func(e *invite.Event) { e.Attendee.Email = "a\x7f@example.org" }, "attendee"},
		{"attendee with NEL", func(e *invite.Event) { e.Attendee.Email = "a\u0085@example.org" }, "attendee"},
		{"attendee with name", func(e *invite.Event) { e.Attendee.Email = "A <a@example.org>" }, "attendee"},
		{"two attendees", func(e *invite.Event) { e.Attendee.Email = "a@example.org,b@example.org" }, "attendee"},
		{"attendee not UTF-8", func(e *invite.Event) { e.Attendee.Email = "a\xff@example.org" }, "attendee"},
		{"two at signs", func(e *invite.Event) { e.Attendee.Email = "a@b@example.org" }, "attendee"},
		{"attendee too long", func(e *invite.Event) { e.Attendee.Email = strings.Repeat("a", 250) + "@example.org" }, "attendee"},
		{"no organizer", func(e *invite.Event) { e.Organizer = invite.Person{} }, "organizer"},
		{"url of another kind", func(e *invite.Event) { e.URL = "javascript:alert(1)" }, "url"},
		{"url with CRLF", func(e *invite.Event) { e.URL = "https://example.org/\r\nX:y" }, "url"},
		{"url relative", func(e *invite.Event) { e.URL = "/workshop" }, "url"},
		{"alarm after the start", func(e *invite.Event) { e.Alarms[1].Before = -time.Minute }, "alarm 2"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := workshop(t)
			tt.change(&e)
			ics, err := invite.Write(e)
			if err == nil {
				t.Fatalf("written:\n%s", ics)
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %q does not name %q", err, tt.want)
			}
			if strings.Contains(err.Error(), "@") && !strings.Contains(err.Error(), "name@example.org") {
				t.Errorf("error %q quotes an address", err)
			}
		})
	}
}

func TestWriteTooBigIsLintError(t *testing.T) {
	e := workshop(t)
	e.Description = strings.Repeat("a", invite.MaxBytes)
	_, err := invite.Write(e)
	var lint *invite.LintError
	if !errors.As(err, &lint) || lint.Problems[0].Rule != invite.RuleSize {
		t.Fatalf("got %v, want a *LintError about the size", err)
	}
}

func TestTexts(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"plain", "één, twee; drie\\vier", "één, twee; drie\\vier"},
		{"line ends", "a\r\nb\rc\nd\u2028e\u2029f\u0085g\vh\fi", "a\nb\nc\nd\ne\nf\ng\nh\ni"},
		{"two blank lines stay", "a\r\n\r\nb", "a\n\nb"},
		{"control", "a\x00b\x1b[1mc\x7fd\u009be", "ab[1mcde"},
		{"tab", "a\tb", "a b"},
		{"bidi", "a\u202Ab\u202Ec\u2066d\u2069e\u200Ef\u200Fg\u061Ch\uFEFFi", "abcdefghi"},
		{"joiners stay", "👩\u200D👧 می\u200Cخواهم", "👩\u200D👧 می\u200Cخواهم"},
		{"not UTF-8", "a\xffb", "a\uFFFDb"},
		{"looks like an escape", `a\nb`, `a\nb`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := workshop(t)
			e.Summary, e.Description, e.Location = tt.in, tt.in, tt.in
			ics, err := invite.Write(e)
			if err != nil {
				t.Fatal(err)
			}
			for _, prop := range []string{"SUMMARY", "DESCRIPTION", "LOCATION"} {
				if got := textOf(t, ics, prop); got != tt.want {
					t.Errorf("%s %q, want %q", prop, got, tt.want)
				}
			}
		})
	}
}

func textOf(t testing.TB, ics []byte, prop string) string {
	t.Helper()
	p := decode(t, ics).Events()[0].Props.Get(prop)
	if p == nil {
		return ""
	}
	text, err := p.Text()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestNames(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"plain", "Anouk de Vries", "Anouk de Vries"},
		{"quotes", `Jan "Piet" Klaassen`, "Jan 'Piet' Klaassen"},
		{"separators", "Vries, A. de; MSc: x", "Vries, A. de; MSc: x"},
		{"line ends", "a\r\nb\nc", "a b c"},
		{"control and bidi", "a\x00\u202Eb", "ab"},
		{"caret escape of RFC 6868", "a^nb^'", "aˆnbˆ'"},
		{"blank", " \r\n ", ""},
		{"too long", strings.Repeat("é", 201), strings.Repeat("é", 200)},
		{"not UTF-8", "a\xff", "a\uFFFD"},
		{"parameter", "a;RSVP=FALSE:mailto:b@example.org", "a;RSVP=FALSE:mailto:b@example.org"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := workshop(t)
			e.Organizer.Name, e.Attendee.Name = tt.in, tt.in
			ics, err := invite.Write(e)
			if err != nil {
				t.Fatal(err)
			}
			props := decode(t, ics).Events()[0].Props
			for _, prop := range []string{"ORGANIZER", "ATTENDEE"} {
				if got := props.Get(prop).Params.Get("CN"); got != tt.want {
					t.Errorf("%s %q, want %q", prop, got, tt.want)
				}
			}
		})
	}
}

func TestAlarmTriggers(t *testing.T) {
	tests := []struct {
		before time.Duration
		want   string
	}{
		{0, "PT0S"},
		{30 * time.Second, "-PT30S"},
		{15 * time.Minute, "-PT15M"},
		{time.Hour, "-PT1H"},
		{90 * time.Minute, "-PT1H30M"},
		{time.Hour + time.Second, "-PT1H0M1S"},
		{time.Minute + time.Second, "-PT1M1S"},
		{24 * time.Hour, "-P1D"},
		{25 * time.Hour, "-PT25H"},
		{7 * 24 * time.Hour, "-P7D"},
	}
	for _, tt := range tests {
		e := workshop(t)
		e.Alarms = []invite.Alarm{{Before: tt.before}}
		ics, err := invite.Write(e)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(ics, []byte("\r\nTRIGGER:"+tt.want+"\r\n")) {
			t.Errorf("%v: want TRIGGER:%s in\n%s", tt.before, tt.want, ics)
		}
	}
}

// TestFolding writes a summary of every length around the limit, in characters
// of one to four octets.
func TestFolding(t *testing.T) {
	for _, char := range []string{"a", "é", "€", "🌆"} {
		for n := 1; n < 200; n++ {
			e := workshop(t)
			e.Summary = strings.Repeat(char, n)
			ics, err := invite.Write(e)
			if err != nil {
				t.Fatal(err)
			}
			for line := range strings.SplitSeq(strings.TrimSuffix(string(ics), "\r\n"), "\r\n") {
				if len(line) > 75 || !utf8.ValidString(line) || line == "" || line == " " {
					t.Fatalf("%d × %q: line of %d octets: %q", n, char, len(line), line)
				}
			}
			if !strings.Contains(strings.ReplaceAll(string(ics), "\r\n ", ""), "\r\nSUMMARY;LANGUAGE=nl:"+e.Summary+"\r\n") {
				t.Fatalf("%d × %q: does not unfold to what was written", n, char)
			}
		}
	}
}

// FuzzWrite: whatever strangers write, the result passes the lint, has the lines
// of a plain invitation and no others, and reads back as the same text.
func FuzzWrite(f *testing.F) {
	f.Add(nastyName, "a@example.org", "uid", "summary", "line\r\nline", "place", int64(1_795_084_200), uint32(3600), uint8(0))
	f.Add("", "o'neill+%@example.org", "ü,;\\", "é🌆", "\\n\\", ";,", int64(1_792_888_200), uint32(1), uint8(1))
	f.Add("^n\"", "a?b=c&d@example.org", "u", "s", "\u202E\xff", "\u2028", int64(0), uint32(1<<31), uint8(9))
	zones := []string{"Europe/Amsterdam", "America/New_York", "Asia/Kolkata", "Africa/Casablanca", "UTC", "Australia/Lord_Howe", "Europe/Dublin", "Africa/Cairo"}
	plain, err := invite.Write(workshop(f))
	if err != nil {
		f.Fatal(err)
	}
	want := propertyNames(plain)
	f.Fuzz(func(t *testing.T, name, email, uid, summary, description, location string, start int64, length uint32, zoneIndex uint8) {
		e := workshop(t)
		e.Attendee = invite.Person{Name: name, Email: email}
		e.Organizer.Name = name
		e.UID, e.Summary, e.Description, e.Location = uid, summary, description, location
		e.Alarms = []invite.Alarm{{Before: time.Hour, Text: description}, {Before: time.Duration(length) * time.Second}}
		e.Zone = zone(t, zones[int(zoneIndex)%len(zones)])
		e.Start = time.Unix(start, 0)
		e.End = e.Start.Add(time.Duration(length) * time.Second)
		ics, err := invite.Write(e)
		if err != nil {
			var lint *invite.LintError
			if errors.As(err, &lint) && lint.Problems[0].Rule != invite.RuleSize {
				t.Fatalf("Write made what Lint refuses: %v", err)
			}
			return
		}
		for got := range propertyNames(ics) {
			if !want[got] {
				t.Fatalf("%q began a line in\n%s", got, ics)
			}
		}
		for prop, in := range map[string]string{"UID": uid, "SUMMARY": summary, "DESCRIPTION": description, "LOCATION": location} {
			if got := textOf(t, ics, prop); got != plainText(in) {
				t.Errorf("%s reads back as %q, want %q", prop, got, plainText(in))
			}
		}
		ev := decode(t, ics).Events()[0]
		if got, err := ev.DateTimeStart(time.UTC); err != nil || !got.Equal(e.Start) {
			t.Errorf("start reads back as %v, want %v (err %v)", got, e.Start.UTC(), err)
		}
		if got, err := ev.DateTimeEnd(time.UTC); err != nil || !got.Equal(e.End) {
			t.Errorf("end reads back as %v, want %v (err %v)", got, e.End.UTC(), err)
		}
	})
}

// propertyNames are the names that lines begin with, continuation lines apart.
func propertyNames(ics []byte) map[string]bool {
	names := make(map[string]bool)
	for line := range strings.SplitSeq(strings.ReplaceAll(string(ics), "\r\n ", ""), "\r\n") {
		name, _, _ := strings.Cut(line, ":")
		name, _, _ = strings.Cut(name, ";")
		names[name] = true
	}
	return names
}

// plainText says in another way than the package what a text becomes.
func plainText(s string) string {
	hidden := []rune("\u200E\u200F\u061C\u202A\u202B\u202C\u202D\u202E\u2066\u2067\u2068\u2069\uFEFF")
	var out []rune
	runes := []rune(strings.ToValidUTF8(s, "\uFFFD"))
	for i, r := range runes {
		switch {
		case r == '\n' && i > 0 && runes[i-1] == '\r':
		case slices.Contains([]rune("\n\v\f\r\u0085\u2028\u2029"), r):
			out = append(out, '\n')
		case r == '\t':
			out = append(out, ' ')
		case r < 0x20 || 0x7F <= r && r <= 0x9F || slices.Contains(hidden, r):
		default:
			out = append(out, r)
		}
	}
	return string(out)
}

func BenchmarkWrite(b *testing.B) {
	e := workshop(b)
	for b.Loop() {
		if _, err := invite.Write(e); err != nil {
			b.Fatal(err)
		}
	}
}
