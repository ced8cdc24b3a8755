package invite_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-ical"

	"heraut/templates/invite"
)

var update = flag.Bool("update", false, "write the golden files in testdata")

// nastyName is the registrant of the acceptance list.
const nastyName = "=?utf-8?q?x?= \"A\"; <b>\r\nBcc: x@example.org"

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

// workshop is the event of the first programme, for an invented person.
func workshop(t testing.TB) invite.Event {
	amsterdam := zone(t, "Europe/Amsterdam")
	return invite.Event{
		Method:      invite.MethodRequest,
		UID:         "7f0c1d5e-workshop@example.nl",
		Sequence:    1,
		Stamp:       time.Date(2026, 11, 2, 8, 30, 0, 0, time.UTC),
		Start:       time.Date(2026, 11, 19, 11, 30, 0, 0, amsterdam),
		End:         time.Date(2026, 11, 19, 12, 30, 0, 0, amsterdam),
		Zone:        amsterdam,
		Summary:     "Rijksbreed beleid op smart city",
		Description: "Met Jan-Willem Wesselink, programmamanager.\n\nDeelnemen: https://overleg.example.nl/workshop; geen installatie nodig.",
		Location:    "Zaal 3, Voorbeeldstraat 1, Den Haag",
		URL:         "https://overleg.example.nl/workshop",
		Organizer:   invite.Person{Name: "City Deal 'Een slimme stad, zo doe je dat'", Email: "aanmelding+k3Jd9@example.nl"},
		Attendee:    invite.Person{Name: "Anouk de Vries", Email: "a.devries@example.org"},
		Alarms:      []invite.Alarm{{Before: 24 * time.Hour, Text: "Morgen: workshop"}, {Before: time.Hour}},
		Language:    "nl",
	}
}

// goldens are the invitations of testdata, which other programs read too.
func goldens(t testing.TB) map[string]invite.Event {
	with := func(change func(*invite.Event)) invite.Event {
		e := workshop(t)
		change(&e)
		return e
	}
	at := func(zoneName, start string, length time.Duration) invite.Event {
		return with(func(e *invite.Event) {
			e.Zone = zone(t, zoneName)
			e.Start = instant(t, start)
			e.End = e.Start.Add(length)
		})
	}
	return map[string]invite.Event{
		"workshop-request": workshop(t),
		"workshop-cancel": with(func(e *invite.Event) {
			e.Method, e.Sequence = invite.MethodCancel, 2
		}),
		"signing-request-en": with(func(e *invite.Event) {
			e.UID, e.Language, e.Summary = "7f0c1d5e-signing@example.nl", "en", "Signing of the City Deal"
			e.Description, e.Location, e.URL = "", "To be announced", ""
			e.Start, e.End = instant(t, "2026-12-03T15:00:00+01:00"), instant(t, "2026-12-03T17:00:00+01:00")
			e.Alarms = []invite.Alarm{{Before: 90 * time.Minute}}
		}),
		"dst-end-day-amsterdam-2026-10-25":   at("Europe/Amsterdam", "2026-10-25T11:00:00+01:00", time.Hour),
		"dst-start-day-amsterdam-2027-03-28": at("Europe/Amsterdam", "2027-03-28T11:00:00+02:00", time.Hour),
		"dst-fold-first":                     at("Europe/Amsterdam", "2026-10-25T02:30:00+02:00", 15*time.Minute),
		"dst-fold-second":                    at("Europe/Amsterdam", "2026-10-25T02:30:00+01:00", 15*time.Minute),
		"dst-fold-over":                      at("Europe/Amsterdam", "2026-10-25T01:30:00+02:00", 3*time.Hour),
		"dst-gap-over":                       at("Europe/Amsterdam", "2027-03-28T01:30:00+01:00", time.Hour),
		"long-utf8": with(func(e *invite.Event) {
			e.Summary = strings.Repeat("é🌆", 60)
			e.Description = strings.Repeat("Coördinatie, één café; geïnteresseerd? 👩‍👩‍👧‍👦 ", 20) + "\r\nC:\\pad\\n"
			e.Attendee.Name = strings.Repeat("Zoë ", 40)
		}),
		"nasty-name": with(func(e *invite.Event) { e.Attendee.Name = nastyName }),
		"nasty-text": with(func(e *invite.Event) {
			e.Summary = "A\r\nATTENDEE:mailto:x@example.org\u202Etxt.exe"
			e.Location = "\x00\x1b[31mred\x7f\u2028BEGIN:VEVENT"
		}),
		"odd-address":          with(func(e *invite.Event) { e.Attendee = invite.Person{Email: "o'neill+50%/a&b=c#d@example.org"} }),
		"zone-kolkata":         at("Asia/Kolkata", "2026-11-19T11:30:00+05:30", time.Hour),
		"zone-new-york":        at("America/New_York", "2026-07-01T09:00:00-04:00", time.Hour),
		"zone-sydney":          at("Australia/Sydney", "2026-11-19T09:00:00+11:00", time.Hour),
		"zone-dublin":          at("Europe/Dublin", "2026-07-01T09:00:00+01:00", time.Hour),
		"zone-utc":             at("UTC", "2026-11-19T10:30:00Z", time.Hour),
		"zone-casablanca-utc":  at("Africa/Casablanca", "2026-11-19T10:30:00+01:00", time.Hour),
		"zone-jerusalem-utc":   at("Asia/Jerusalem", "2026-11-19T10:30:00+02:00", time.Hour),
		"zone-sao-paulo-fixed": at("America/Sao_Paulo", "2026-11-19T10:30:00-03:00", time.Hour),
	}
}

func instant(t testing.TB, s string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func TestWriteGolden(t *testing.T) {
	cases := goldens(t)
	for name, e := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := invite.Write(e)
			if err != nil {
				t.Fatal(err)
			}
			again, err := invite.Write(e)
			if err != nil || !bytes.Equal(got, again) {
				t.Fatalf("the second Write differs from the first (err %v)", err)
			}
			file := filepath.Join("testdata", name+".ics")
			if *update {
				if err := os.WriteFile(file, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatalf("%v (run with -update)", err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("differs from %s:\n%s", file, got)
			}
		})
	}
	files, err := filepath.Glob("testdata/*.ics")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if _, ok := cases[strings.TrimSuffix(filepath.Base(f), ".ics")]; !ok {
			t.Errorf("%s has no case", f)
		}
	}
}

// TestWriteReadBack reads every golden event with go-ical's decoder and compares
// instants, texts and people.
func TestWriteReadBack(t *testing.T) {
	for name, e := range goldens(t) {
		t.Run(name, func(t *testing.T) {
			ics, err := invite.Write(e)
			if err != nil {
				t.Fatal(err)
			}
			ev := decode(t, ics).Events()[0]
			start, err := ev.DateTimeStart(time.UTC)
			if err != nil || !start.Equal(e.Start) {
				t.Errorf("start %v, want %v (err %v)", start, e.Start, err)
			}
			end, err := ev.DateTimeEnd(time.UTC)
			if err != nil || !end.Equal(e.End) {
				t.Errorf("end %v, want %v (err %v)", end, e.End, err)
			}
			if n := len(ev.Props["ATTENDEE"]); n != 1 {
				t.Errorf("%d attendees, want 1", n)
			}
			alarms := len(e.Alarms)
			if e.Method == invite.MethodCancel {
				alarms = 0
			}
			if len(ev.Children) != alarms {
				t.Errorf("%d alarms, want %d", len(ev.Children), alarms)
			}
		})
	}
}

func decode(t testing.TB, ics []byte) *ical.Calendar {
	t.Helper()
	cal, err := ical.NewDecoder(bytes.NewReader(ics)).Decode()
	if err != nil {
		t.Fatalf("%v in\n%s", err, ics)
	}
	return cal
}

func TestNastyNameIsOneParameter(t *testing.T) {
	ics, err := invite.Write(goldens(t)["nasty-name"])
	if err != nil {
		t.Fatal(err)
	}
	p := decode(t, ics).Events()[0].Props["ATTENDEE"]
	if len(p) != 1 || p[0].Value != "mailto:a.devries@example.org" {
		t.Fatalf("attendees %v", p)
	}
	if got, want := p[0].Params.Get("CN"), "=?utf-8?q?x?= 'A'; <b> Bcc: x@example.org"; got != want {
		t.Errorf("CN %q, want %q", got, want)
	}
	if bytes.Contains(ics, []byte("\nBcc")) {
		t.Error("the name began a line")
	}
}
