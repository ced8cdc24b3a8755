package invite_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"heraut/templates/invite"
)

func prepare(t testing.TB, e invite.Event) *invite.Prepared {
	t.Helper()
	p, err := invite.Prepare(e)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func recipient(e invite.Event) invite.Recipient {
	return invite.Recipient{UID: e.UID, Stamp: e.Stamp, Organizer: e.Organizer.Email, Attendee: e.Attendee}
}

// Each invitation of the goldens, filled in for other people than it was
// prepared for, is what Write gives them.
func TestFillIsWrite(t *testing.T) {
	for name, e := range goldens(t) {
		p := prepare(t, e)
		for _, person := range []invite.Person{
			{Name: "", Email: "a@example.org"},
			{Name: nastyName, Email: "o'brien+x=y&z%?#@example.org"},
			{Name: strings.Repeat("é,", 200), Email: "jörg@example.org"},
			{Name: `^"x" \ ; :`, Email: strings.Repeat("a", 60) + "@" + strings.Repeat("b", 60) + ".example"},
		} {
			other := e
			other.Attendee, other.UID = person, `1,2;3\4@example.nl`
			other.Organizer.Email, other.Stamp = "aanmelding+other@example.nl", e.Stamp.Add(90*time.Second)
			want, err := invite.Write(other)
			if err != nil {
				t.Fatal(err)
			}
			pieces, err := p.Fill(recipient(other))
			if err != nil {
				t.Fatalf("%s, %q: %v", name, person.Name, err)
			}
			if got := p.Join(pieces); string(got) != string(want) {
				t.Errorf("%s, %q: got\n%s\nwant\n%s", name, person.Name, got, want)
			}
			for _, s := range slices.Concat(p.Fixed, pieces) {
				if s != "" && !strings.HasSuffix(s, "\r\n") {
					t.Errorf("%s: a piece is no whole lines: %q", name, s)
				}
			}
			for _, s := range p.Fixed {
				for _, of := range []string{e.Attendee.Email, e.UID, e.Organizer.Email} {
					if strings.Contains(strings.ReplaceAll(s, "\r\n ", ""), of) {
						t.Errorf("%s: %q is in what everybody gets", name, of)
					}
				}
			}
		}
	}
}

func TestFillRefuses(t *testing.T) {
	p := prepare(t, workshop(t))
	for name, change := range map[string]func(*invite.Recipient){
		"uid":       func(r *invite.Recipient) { r.UID = "a\r\nATTENDEE:mailto:b@example.org" },
		"stamp":     func(r *invite.Recipient) { r.Stamp = time.Time{} },
		"attendee":  func(r *invite.Recipient) { r.Attendee.Email = "a@example.org\r\nX:y" },
		"organizer": func(r *invite.Recipient) { r.Organizer = "" },
	} {
		r := recipient(workshop(t))
		change(&r)
		pieces, err := p.Fill(r)
		if err == nil || !strings.Contains(err.Error(), name) || pieces != nil {
			t.Errorf("%s: got error %v", name, err)
		}
	}
	if _, err := invite.Prepare(invite.Event{}); err == nil {
		t.Error("an empty event was prepared")
	}
}

// A long name may take an invitation over the limit that a short one kept.
func TestFillTooBig(t *testing.T) {
	e := workshop(t)
	low, high := 0, invite.MaxBytes
	for low+1 < high { // the longest description that passes
		e.Description = strings.Repeat("a", (low+high)/2)
		if _, err := invite.Write(e); err == nil {
			low = (low + high) / 2
		} else {
			high = (low + high) / 2
		}
	}
	e.Description = strings.Repeat("a", low)
	r := recipient(e)
	r.Attendee.Name = strings.Repeat("Naam ", 30)
	_, err := prepare(t, e).Fill(r)
	lint, ok := errors.AsType[*invite.LintError](err)
	if !ok || lint.Problems[0].Rule != invite.RuleSize {
		t.Errorf("got %v, want a *LintError about the size", err)
	}
}

// The lines of one recipient are judged by the rules of Lint.
func TestFillIsLinted(t *testing.T) {
	e := workshop(t)
	p, r := prepare(t, e), recipient(e)
	good, err := p.Fill(r)
	if err != nil || p.LintPieces(good, r) != nil {
		t.Fatal(err, p.LintPieces(good, r))
	}
	at := func(property string) int {
		return slices.IndexFunc(good, func(s string) bool { return strings.HasPrefix(s, property) })
	}
	for _, c := range []struct {
		property, piece string
		rule            invite.Rule
	}{
		{"UID", "UID:" + strings.Repeat("u", 80) + "\r\n", invite.RuleLineLength},
		{"UID", "UID:" + e.UID + "\n", invite.RuleLineEnd},
		{"UID", "UID:\x01\r\n", invite.RuleControl},
		{"UID", "UID:\xff\r\n", invite.RuleUTF8},
		{"UID", "UID:a,b\r\n", invite.RuleText},
		{"UID", "UID:another@example.nl\r\n", invite.RuleUID},
		{"UID", "UID:\r\n", invite.RuleUID},
		{"UID", "", invite.RuleSyntax},
		{"UID", "UID\r\n", invite.RuleSyntax},
		{"UID", "UID:" + e.UID + "\r\nX-A:b\r\n", invite.RuleSyntax},
		{"UID", "DTSTAMP:20261102T083000Z\r\n", invite.RuleSyntax},
		{"DTSTAMP", "DTSTAMP:20261102T083000\r\n", invite.RuleStamp},
		{"ORGANIZER", "ORGANIZER:mailto:other@example.nl\r\n", invite.RuleOrganizer},
		{"ORGANIZER", "ORGANIZER:https://example.nl\r\n", invite.RuleOrganizer},
		{"ATTENDEE", "ATTENDEE;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:other@example.org\r\n", invite.RuleAttendee},
		{"ATTENDEE", "ATTENDEE:mailto:" + e.Attendee.Email + "\r\n", invite.RuleAnswer},
	} {
		pieces := slices.Clone(good)
		pieces[at(c.property)] = c.piece
		err := p.LintPieces(pieces, r)
		lint, ok := errors.AsType[*invite.LintError](err)
		if !ok || !slices.ContainsFunc(lint.Problems, func(p invite.Problem) bool { return p.Rule == c.rule }) {
			t.Errorf("%q: got %v, want %s", c.piece, err, c.rule)
		}
		if err != nil && strings.Contains(err.Error(), "@") {
			t.Errorf("the error quotes an address: %v", err)
		}
	}
}

func BenchmarkFill(b *testing.B) {
	e := workshop(b)
	p, r := prepare(b, e), recipient(e)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Fill(r); err != nil {
			b.Fatal(err)
		}
	}
}
