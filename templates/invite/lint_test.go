package invite_test

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"heraut/templates/invite"
)

// mutation breaks one thing in a valid invitation.
type mutation struct {
	name     string
	rule     invite.Rule
	cancel   bool // start from the cancellation instead of the request
	old, new string
}

var mutations = []mutation{
	{name: "LF only", rule: invite.RuleLineEnd, old: "VERSION:2.0\r\n", new: "VERSION:2.0\n"},
	{name: "no last line end", rule: invite.RuleLineEnd, old: "END:VCALENDAR\r\n", new: "END:VCALENDAR"},
	{name: "76 octets", rule: invite.RuleLineLength, old: "SUMMARY;LANGUAGE=nl:Rijksbreed", new: "SUMMARY;LANGUAGE=nl:" + strings.Repeat("x", 40)},
	{name: "76 octets of UTF-8", rule: invite.RuleLineLength, old: "URL:", new: "X-A:" + strings.Repeat("é", 36) + "\r\nURL:"},
	{name: "escape", rule: invite.RuleControl, old: "smart city", new: "smart\x1bcity"},
	{name: "delete", rule: invite.RuleControl, old: "smart city", new: "smart\x7fcity"},
	{name: "bare CR", rule: invite.RuleControl, old: "smart city", new: "smart\rcity"},
	{name: "not UTF-8", rule: invite.RuleUTF8, old: "smart city", new: "smart\xffcity"},
	{name: "fold in a character", rule: invite.RuleUTF8, old: "smart city", new: "smart \xc3\r\n \xa9"},
	{name: "too big", rule: invite.RuleSize, old: "URL:", new: strings.Repeat("X-A:b\r\n", 10_000) + "URL:"},
	{name: "no colon", rule: invite.RuleSyntax, old: "URL:", new: "X-A\r\nURL:"},
	{name: "blank line", rule: invite.RuleSyntax, old: "URL:", new: "\r\nURL:"},
	{name: "name with a space", rule: invite.RuleSyntax, old: "URL:", new: "X A:b\r\nURL:"},
	{name: "parameter without value", rule: invite.RuleSyntax, old: "URL:", new: "X-A;CN:b\r\nURL:"},
	{name: "quote never closed", rule: invite.RuleSyntax, old: "URL:", new: "X-A;CN=\"b:c\r\nURL:"},
	{name: "quote in the middle", rule: invite.RuleSyntax, old: "URL:", new: "X-A;CN=a\"b\":c\r\nURL:"},
	{name: "text behind a quote", rule: invite.RuleSyntax, old: "URL:", new: "X-A;CN=\"a\"b:c\r\nURL:"},
	{name: "parameter twice", rule: invite.RuleSyntax, old: "URL:", new: "X-A;CN=a;CN=b:c\r\nURL:"},
	{name: "33 parameters", rule: invite.RuleSyntax, old: "URL:", new: "X-A" + manyParams(33) + ":c\r\nURL:"},
	{name: "bare comma", rule: invite.RuleText, old: `Zaal 3\,`, new: "Zaal 3,"},
	{name: "unknown escape", rule: invite.RuleText, old: `Zaal 3\,`, new: `Zaal 3\t`},
	{name: "END missing", rule: invite.RuleNesting, old: "END:VALARM\r\nEND:VEVENT", new: "END:VEVENT"},
	{name: "last END missing", rule: invite.RuleNesting, old: "END:VCALENDAR\r\n", new: ""},
	{name: "line behind the end", rule: invite.RuleNesting, old: "END:VCALENDAR\r\n", new: "END:VCALENDAR\r\nX-A:b\r\n"},
	{name: "too deep", rule: invite.RuleNesting, old: "ACTION:DISPLAY\r\n", new: "BEGIN:X-A\r\nEND:X-A\r\nACTION:DISPLAY\r\n"},
	{name: "other outermost", rule: invite.RuleNesting, old: "VCALENDAR", new: "VCARD"},
	{name: "version missing", rule: invite.RuleVersion, old: "VERSION:2.0\r\n", new: ""},
	{name: "version 1.0", rule: invite.RuleVersion, old: "VERSION:2.0", new: "VERSION:1.0"},
	{name: "version twice", rule: invite.RuleVersion, old: "VERSION:2.0\r\n", new: "VERSION:2.0\r\nVERSION:2.0\r\n"},
	{name: "prodid missing", rule: invite.RuleProductID, old: "PRODID:", new: "X-PRODID:"},
	{name: "prodid twice", rule: invite.RuleProductID, old: "PRODID:", new: "PRODID:a\r\nPRODID:"},
	{name: "method missing", rule: invite.RuleMethod, old: "METHOD:REQUEST\r\n", new: ""},
	{name: "method twice", rule: invite.RuleMethod, old: "METHOD:REQUEST\r\n", new: "METHOD:REQUEST\r\nMETHOD:REQUEST\r\n"},
	{name: "method publish", rule: invite.RuleMethod, old: "METHOD:REQUEST", new: "METHOD:PUBLISH"},
	{name: "todo instead", rule: invite.RuleOneEvent, old: "VEVENT", new: "VTODO"},
	{name: "two events", rule: invite.RuleOneEvent, old: "END:VEVENT\r\n", new: "END:VEVENT\r\nBEGIN:VEVENT\r\nEND:VEVENT\r\n"},
	{name: "uid missing", rule: invite.RuleUID, old: "\nUID:", new: "\nX-UID:"},
	{name: "uid empty", rule: invite.RuleUID, old: "\nUID:7f0c1d5e-workshop@example.nl", new: "\nUID:"},
	{name: "other uid", rule: invite.RuleUID, old: "\nUID:7", new: "\nUID:8"},
	{name: "stamp missing", rule: invite.RuleStamp, old: "DTSTAMP:20261102T083000Z\r\n", new: ""},
	{name: "stamp local", rule: invite.RuleStamp, old: "DTSTAMP:20261102T083000Z", new: "DTSTAMP:20261102T083000"},
	{name: "stamp in a zone", rule: invite.RuleStamp, old: "DTSTAMP:20261102T083000Z", new: "DTSTAMP;TZID=Europe/Amsterdam:20261102T083000"},
	{name: "start missing", rule: invite.RuleStart, old: "DTSTART;TZID", new: "X-A;TZID"},
	{name: "start floating", rule: invite.RuleStart, old: "DTSTART;TZID=Europe/Amsterdam:", new: "DTSTART:"},
	{name: "start a date", rule: invite.RuleStart, old: "DTSTART;TZID=Europe/Amsterdam:20261119T113000", new: "DTSTART;VALUE=DATE:20261119"},
	{name: "start at hour 99", rule: invite.RuleStart, old: "T113000", new: "T993000"},
	{name: "start with a fraction", rule: invite.RuleStart, old: "T113000", new: "T113000.5"},
	{name: "end missing", rule: invite.RuleEnd, old: "DTEND;", new: "X-A;"},
	{name: "end at the start", rule: invite.RuleEnd, old: "T123000", new: "T113000"},
	{name: "end in UTC, start not", rule: invite.RuleEnd, old: "DTEND;TZID=Europe/Amsterdam:20261119T123000", new: "DTEND:20261119T123000Z"},
	{name: "sequence missing", rule: invite.RuleSequence, old: "SEQUENCE:1\r\n", new: ""},
	{name: "sequence a word", rule: invite.RuleSequence, old: "SEQUENCE:1", new: "SEQUENCE:one"},
	{name: "sequence negative", rule: invite.RuleSequence, old: "SEQUENCE:1", new: "SEQUENCE:-1"},
	{name: "other sequence", rule: invite.RuleSequence, old: "SEQUENCE:1", new: "SEQUENCE:2"},
	{name: "organizer missing", rule: invite.RuleOrganizer, old: "ORGANIZER;", new: "X-A;"},
	{name: "organizer without mailto", rule: invite.RuleOrganizer, old: ":mailto:aanmelding", new: ":aanmelding"},
	{name: "other organizer", rule: invite.RuleOrganizer, old: ":mailto:aanmelding", new: ":mailto:info"},
	{name: "attendee missing", rule: invite.RuleAttendee, old: "ATTENDEE;", new: "X-A;"},
	{name: "two attendees", rule: invite.RuleAttendee, old: "ATTENDEE;", new: "ATTENDEE:mailto:b@example.org\r\nATTENDEE;"},
	{name: "attendee without mailto", rule: invite.RuleAttendee, old: "mailto:a.\r\n devries", new: "a.\r\n devries", cancel: true},
	{name: "other attendee", rule: invite.RuleAttendee, old: "mailto:a.devries", new: "mailto:b.devries"},
	{name: "no rsvp", rule: invite.RuleAnswer, old: ";RSVP=TRUE", new: ""},
	{name: "rsvp false", rule: invite.RuleAnswer, old: "RSVP=TRUE", new: "RSVP=FALSE"},
	{name: "already accepted", rule: invite.RuleAnswer, old: "PARTSTAT=NEEDS-ACTION", new: "PARTSTAT=ACCEPTED"},
	{name: "request cancelled", rule: invite.RuleStatus, old: "STATUS:CONFIRMED", new: "STATUS:CANCELLED"},
	{name: "cancel confirmed", rule: invite.RuleStatus, old: "STATUS:CANCELLED", new: "STATUS:CONFIRMED", cancel: true},
	{name: "status missing", rule: invite.RuleStatus, old: "STATUS:CANCELLED\r\n", new: "", cancel: true},
	{name: "zone of another name", rule: invite.RuleZone, old: "TZID:Europe/Amsterdam", new: "TZID:Europe/Brussels"},
	{name: "zone with two names", rule: invite.RuleZone, old: "\nTZID:Europe/Amsterdam\r\n", new: "\nTZID:Europe/Amsterdam\r\nTZID:Europe/Amsterdam\r\n"},
	{name: "zone without offset", rule: invite.RuleZone, old: "TZOFFSETTO:+0200\r\n", new: ""},
	{name: "zone with a list", rule: invite.RuleZoneDates, old: "RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU", new: "RDATE:20270328T020000"},
	{name: "alarm in a cancel", rule: invite.RuleAlarm, old: "END:VEVENT", new: "BEGIN:VALARM\r\nACTION:DISPLAY\r\nEND:VALARM\r\nEND:VEVENT", cancel: true},
}

// manyParams is folded at every parameter.
func manyParams(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "\r\n ;X%d=b", i)
	}
	return b.String()
}

func TestLintReportsExactlyTheBrokenRule(t *testing.T) {
	seen := make(map[invite.Rule]bool)
	for _, m := range mutations {
		t.Run(m.name, func(t *testing.T) {
			seen[m.rule] = true
			e := goldens(t)["workshop-request"]
			if m.cancel {
				e = goldens(t)["workshop-cancel"]
			}
			ics, err := invite.Write(e)
			if err != nil {
				t.Fatal(err)
			}
			want := invite.Expect{
				Method: e.Method, UID: e.UID, Sequence: e.Sequence,
				Attendee: e.Attendee.Email, Organizer: e.Organizer.Email,
			}
			if err := invite.Lint(ics, want); err != nil {
				t.Fatalf("before the mutation: %v", err)
			}
			broken := strings.ReplaceAll(string(ics), m.old, m.new)
			if broken == string(ics) {
				t.Fatalf("%q is not in the invitation:\n%s", m.old, ics)
			}
			err = invite.Lint([]byte(broken), want)
			var lint *invite.LintError
			if !errors.As(err, &lint) {
				t.Fatalf("got %v, want a *LintError with %q", err, m.rule)
			}
			for _, p := range lint.Problems {
				if p.Rule != m.rule {
					t.Errorf("reports %q too: line %d, %s", p.Rule, p.Line, p.Text)
				}
			}
		})
	}
	for _, rule := range declaredRules(t) {
		if !seen[rule] {
			t.Errorf("rule %q has no mutation", rule)
		}
	}
}

// declaredRules reads the rules from the source, so that a new one without a
// mutation is noticed.
func declaredRules(t *testing.T) []invite.Rule {
	t.Helper()
	src, err := os.ReadFile("lint.go")
	if err != nil {
		t.Fatal(err)
	}
	var rules []invite.Rule
	for _, m := range regexp.MustCompile(`\n\tRule\w+ +Rule = "([^"]+)"`).FindAllSubmatch(src, -1) {
		rules = append(rules, invite.Rule(m[1]))
	}
	if len(rules) < 20 {
		t.Fatalf("found %d rules in lint.go", len(rules))
	}
	return rules
}

func TestLintExpectedMethod(t *testing.T) {
	ics, err := invite.Write(workshop(t))
	if err != nil {
		t.Fatal(err)
	}
	var lint *invite.LintError
	err = fmt.Errorf("park: %w", fmt.Errorf("render: %w", invite.Lint(ics, invite.Expect{Method: invite.MethodCancel})))
	if !errors.As(err, &lint) || len(lint.Problems) != 1 || lint.Problems[0].Rule != invite.RuleMethod {
		t.Fatalf("got %v, want the method rule only, through two wraps", err)
	}
	if lint.Problems[0].Line != 3 {
		t.Errorf("line %d, want 3", lint.Problems[0].Line)
	}
	if err := invite.Lint(ics, invite.Expect{Attendee: "A.DeVries@EXAMPLE.org"}); err != nil {
		t.Errorf("case of an address counts: %v", err)
	}
	if err := invite.Lint(ics, invite.Expect{}); err != nil {
		t.Errorf("nothing expected: %v", err)
	}
}

func TestLintListsAllProblemsAndNoAddress(t *testing.T) {
	ics, err := invite.Write(workshop(t))
	if err != nil {
		t.Fatal(err)
	}
	broken := strings.NewReplacer("VERSION:2.0", "VERSION:3.0", ";RSVP=TRUE", "", "SEQUENCE:1", "SEQUENCE:x").Replace(string(ics))
	err = invite.Lint([]byte(broken), invite.Expect{Attendee: "someone@example.com"})
	var lint *invite.LintError
	if !errors.As(err, &lint) || len(lint.Problems) != 4 {
		t.Fatalf("got %v, want four problems", err)
	}
	if strings.Contains(err.Error(), "@") {
		t.Errorf("the error quotes an address: %v", err)
	}
}

func FuzzParseLocal(f *testing.F) {
	for _, s := range []string{
		"20261119T113000", "20260631T113000", "20240229T235959", "20260229T000000", "20261319T113000", "20261100T000000",
		"20261119T243000", "20261119T116000", "20261119T113060", "20261119T1130-1", "2026111 T113000", "+0261119T113000", "00000101T000000", "99991231T235959",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		const layout = "20060102T150405"
		want, err := time.Parse(layout, s)
		isRight := err == nil && len(s) == len(layout) // Parse lets a fraction of a second through
		if got, ok := invite.ParseLocal(s); ok != isRight || ok && !got.Equal(want) {
			t.Errorf("%q: got %v, %v; time.Parse gives %v, %v", s, got, ok, want, err)
		}
	})
}

func FuzzLint(f *testing.F) {
	for _, m := range mutations[:10] {
		f.Add([]byte(m.new))
	}
	ics, err := invite.Write(workshop(f))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(ics)
	f.Fuzz(func(t *testing.T, data []byte) {
		_ = invite.Lint(data, invite.Expect{}) // must come back
	})
}
