package worker

import (
	"fmt"
	"net/mail"
	"os"
	"testing"
	"testing/fstest"
	"time"

	"heraut/jobs"
	"heraut/templates"
)

// benchProgramme is of the size of a real one; its event is two weeks and a
// half after the benchmark takes place.
const benchProgramme = `programme: Meetprogramma
timezone: Europe/Amsterdam
events:
  - id: workshop
    start: 2026-11-19T11:30
    title: {nl: "Workshop over slim beleid voor stad en land", en: "Workshop on smart policy for town and country"}
    summary:
      nl: Digitalisering verandert hoe mensen wonen, reizen en werken. In deze workshop kijken we wat dat van beleidsmakers vraagt.
      en: Digital technology changes how people live, travel and work. In this workshop we look at what that asks of those who make policy.
    location: {name: "Zaal 3, Voorbeeldplein 1, Voorbeeldstad", url: "https://www.example.nl/meedoen"}
    speaker: "Een spreker van het Voorbeeldprogramma"
    organizer: {name: "Voorbeeldprogramma", email: "aanmelding@example.nl"}
    messages:
      - {name: confirmation}
      - {name: week-before, kind: reminder, at: "-7d 09:00"}
      - {name: day-before, kind: reminder, at: "-1d 09:00", late: fold}
      - {name: hour-before, kind: reminder, at: "-1h"}
`

// BenchmarkLetter writes the mails of a crowd in turn, as a sender does: over
// the one before the last. The layout is that of `make bench`, about 9.5 kB.
func BenchmarkLetter(b *testing.B) {
	programme, err := jobs.ParseProgramme("programme.yaml", []byte(benchProgramme))
	if err != nil {
		b.Fatal(err)
	}
	layout, err := os.ReadFile("../cmd/bench/layout.html")
	if err != nil {
		b.Fatal(err)
	}
	set, err := templates.Load(fstest.MapFS{"layout.html": {Data: layout}})
	if err != nil {
		b.Fatal(err)
	}
	now := time.Date(2026, 11, 2, 10, 0, 0, 0, time.UTC)
	w := &Worker{
		cfg: Config{
			Templates: set, Clock: NewFakeClock(now), TagKey: []byte("0123456789abcdef"),
			From: mail.Address{Name: "Voorbeeldprogramma", Address: "noreply@example.nl"},
		},
		programmes: &programmes{programme: programme, version: 1},
		stationery: &stationery{set: set},
	}
	for _, kind := range []jobs.Kind{jobs.Confirmation, jobs.Reminder} {
		b.Run(string(kind), func(b *testing.B) {
			claims := crowd(b, kind, now)
			var pages [2][]byte
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				page := &pages[i%2]
				l, err := w.letter(b.Context(), &claims[i%len(claims)], (*page)[:0])
				if err != nil {
					b.Fatal(err)
				}
				*page = l.data
			}
		})
	}
}

// crowd gives claims for people as they are: names with and without accents,
// one in ten of them reads English.
func crowd(b *testing.B, kind jobs.Kind, now time.Time) (claims []jobs.Claim) {
	first := []string{"Zoë", "Jan", "Daniël", "Fatima", "Anne-Fleur", "Sjoerd", "Çiğdem", "Björn"}
	last := []string{"de Graaf", "Öztürk", "van den Berg", "Jansen", "el Amrani", "Brouwer-Visser", "Łukasik"}
	for i := range 100 {
		to, err := jobs.ParseAddress(fmt.Sprintf("persoon.%d@example.nl", i))
		if err != nil {
			b.Fatal(err)
		}
		l := jobs.Dutch
		if i%10 == 9 {
			l = jobs.English
		}
		claims = append(claims, jobs.Claim{
			Version: 1,
			Message: jobs.Message{ID: int64(i), EventID: "workshop", Kind: kind, Name: string(kind)},
			Registration: jobs.Registration{
				ID: int64(i), EventID: "workshop", Email: to, Name: first[i%len(first)] + " " + last[i%len(last)],
				Organisation: "Gemeente Voorbeeldstad", Lang: l, Status: jobs.Registered,
				UID: fmt.Sprintf("0123456789abcdef0123456789ab%04d@example.nl", i), SinceAt: now, CreatedAt: now,
			},
		})
	}
	return claims
}
