package templates_test

import (
	"testing"
	"time"

	"heraut/jobs"
	"heraut/templates"
)

func at(t *testing.T, s string) time.Time {
	t.Helper()
	v, err := time.Parse("2006-01-02T15:04Z07:00", s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestFormatWhen(t *testing.T) {
	for _, c := range []struct{ start, end, zone, nl, en string }{
		{"2026-11-19T10:30Z", "2026-11-19T11:30Z", "Europe/Amsterdam",
			"donderdag 19 november 2026, 11.30–12.30 uur (Nederlandse tijd)",
			"Thursday 19 November 2026, 11:30–12:30 (Dutch time, CET)"},
		{"2026-07-01T07:05Z", "2026-07-01T08:00Z", "Europe/Amsterdam",
			"woensdag 1 juli 2026, 09.05–10.00 uur (Nederlandse tijd)",
			"Wednesday 1 July 2026, 09:05–10:00 (Dutch time, CEST)"},
		// The instants say 22 and 23 o'clock UTC, the wall clock the next day.
		{"2026-03-28T23:30Z", "2026-03-29T00:30Z", "Europe/Amsterdam",
			"zondag 29 maart 2026, 00.30–01.30 uur (Nederlandse tijd, CET)",
			"Sunday 29 March 2026, 00:30–01:30 (Dutch time, CET)"},
		// Over the gap: half an hour that reads like one and a half.
		{"2026-03-29T00:45Z", "2026-03-29T01:15Z", "Europe/Amsterdam",
			"zondag 29 maart 2026, 01.45 uur (CET) – 03.15 uur (CEST), Nederlandse tijd",
			"Sunday 29 March 2026, 01:45 (CET) – 03:15 (CEST), Dutch time"},
		// Over the fold: an hour that reads like none.
		{"2026-10-25T00:30Z", "2026-10-25T01:30Z", "Europe/Amsterdam",
			"zondag 25 oktober 2026, 02.30 uur (CEST) – 02.30 uur (CET), Nederlandse tijd",
			"Sunday 25 October 2026, 02:30 (CEST) – 02:30 (CET), Dutch time"},
		// In the fold, second time round.
		{"2026-10-25T01:00Z", "2026-10-25T01:30Z", "Europe/Amsterdam",
			"zondag 25 oktober 2026, 02.00–02.30 uur (Nederlandse tijd, CET)",
			"Sunday 25 October 2026, 02:00–02:30 (Dutch time, CET)"},
		{"2026-12-31T22:00Z", "2027-01-01T00:00Z", "Europe/Amsterdam",
			"donderdag 31 december 2026, 23.00 uur – vrijdag 1 januari 2027, 01.00 uur (Nederlandse tijd)",
			"Thursday 31 December 2026, 23:00 – Friday 1 January 2027, 01:00 (Dutch time, CET)"},
		{"2026-11-19T10:30Z", "2026-11-19T11:30Z", "Europe/Lisbon",
			"donderdag 19 november 2026, 10.30–11.30 uur (tijdzone Europe/Lisbon)",
			"Thursday 19 November 2026, 10:30–11:30 (time zone Europe/Lisbon, WET)"},
		{"2026-11-19T10:30Z", "2026-11-19T11:30Z", "America/Paramaribo",
			"donderdag 19 november 2026, 07.30–08.30 uur (tijdzone America/Paramaribo)",
			"Thursday 19 November 2026, 07:30–08:30 (time zone America/Paramaribo, UTC-03)"},
		{"2026-11-19T10:30Z", "2026-11-19T11:30Z", "UTC",
			"donderdag 19 november 2026, 10.30–11.30 uur (UTC)",
			"Thursday 19 November 2026, 10:30–11:30 (UTC)"},
	} {
		zone, err := time.LoadLocation(c.zone)
		if err != nil {
			t.Fatal(err)
		}
		for l, want := range map[jobs.Lang]string{jobs.Dutch: c.nl, jobs.English: c.en} {
			if got := templates.FormatWhen(at(t, c.start), at(t, c.end), zone, l); got != want {
				t.Errorf("%s %s %s:\n got %s\nwant %s", c.start, c.zone, l, got, want)
			}
		}
	}
}

func TestEveryMonthAndDay(t *testing.T) {
	want := []string{"donderdag 1 januari", "zondag 1 februari", "zondag 1 maart", "woensdag 1 april", "vrijdag 1 mei", "maandag 1 juni",
		"woensdag 1 juli", "zaterdag 1 augustus", "dinsdag 1 september", "donderdag 1 oktober", "zondag 1 november", "dinsdag 1 december"}
	for i, w := range want {
		start := time.Date(2026, time.Month(i+1), 1, 12, 0, 0, 0, time.UTC)
		if got := templates.FormatWhen(start, start.Add(time.Hour), time.UTC, jobs.Dutch); got != w+" 2026, 12.00–13.00 uur (UTC)" {
			t.Errorf("got %s, want %s", got, w)
		}
	}
}

func TestSoon(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Amsterdam")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ now, start, nl, en string }{
		{"2026-11-19T10:30Z", "2026-11-19T10:30Z", "", ""},
		{"2026-11-19T10:31Z", "2026-11-19T10:30Z", "", ""},
		{"2026-11-19T10:29Z", "2026-11-19T10:30Z", "zo meteen", "about to start"},
		{"2026-11-19T09:43Z", "2026-11-19T10:30Z", "over 45 minuten", "in 45 minutes"},
		{"2026-11-19T09:30Z", "2026-11-19T10:30Z", "over een uur", "in an hour"},
		{"2026-11-19T09:00Z", "2026-11-19T10:30Z", "vandaag", "today"},
		{"2026-11-18T23:00Z", "2026-11-19T10:30Z", "vandaag", "today"},
		{"2026-11-18T22:59Z", "2026-11-19T10:30Z", "morgen", "tomorrow"}, // 23:59 in Amsterdam
		{"2026-11-17T23:00Z", "2026-11-19T10:30Z", "morgen", "tomorrow"},
		{"2026-11-17T22:59Z", "2026-11-19T10:30Z", "over 2 dagen", "in 2 days"},
		{"2026-11-12T08:00Z", "2026-11-19T10:30Z", "over 7 dagen", "in 7 days"},
		{"2026-11-05T08:00Z", "2026-11-19T10:30Z", "over 2 weken", "in 2 weeks"},
		// Four weeks by the calendar, over the end of summer time.
		{"2026-10-22T09:30Z", "2026-11-19T10:30Z", "over 4 weken", "in 4 weeks"},
		// A day of 23 hours is a day.
		{"2026-03-28T22:30Z", "2026-03-29T21:30Z", "morgen", "tomorrow"},
		{"2026-11-18T22:50Z", "2026-11-18T23:30Z", "over 40 minuten", "in 40 minutes"}, // over midnight
	} {
		for l, want := range map[jobs.Lang]string{jobs.Dutch: c.nl, jobs.English: c.en} {
			if got := templates.Soon(at(t, c.now), at(t, c.start), zone, l); got != want {
				t.Errorf("from %s to %s: got %q, want %q", c.now, c.start, got, want)
			}
		}
	}
}
