package jobs_test

import (
	"testing"
	"time"

	"heraut/jobs"
)

// TestOffsetFrom holds offsets to RFC 5545 §3.3.5 over both changes of the
// clocks: 2026-10-25 (03:00 CEST → 02:00 CET) and 2027-03-28 (02:00 CET →
// 03:00 CEST).
func TestOffsetFrom(t *testing.T) {
	tests := []struct {
		name, zone, start, offset, want string
	}{
		{"week before", "Europe/Amsterdam", "2026-11-19T11:30", "-7d 09:00", "2026-11-12T08:00:00Z"},
		{"wall clock over the change", "Europe/Amsterdam", "2026-11-19T11:30", "-28d 11:30", "2026-10-22T09:30:00Z"},
		{"four weeks, the same", "Europe/Amsterdam", "2026-11-19T11:30", "-4w 11:30", "2026-10-22T09:30:00Z"},
		{"the start's own clock", "Europe/Amsterdam", "2026-11-19T11:30", "-28d", "2026-10-22T09:30:00Z"},
		{"elapsed over the change", "Europe/Amsterdam", "2026-11-19T11:30", "-672h", "2026-10-22T10:30:00Z"},
		{"minutes", "Europe/Amsterdam", "2026-11-19T11:30", "-90m", "2026-11-19T09:00:00Z"},
		{"hours and minutes", "Europe/Amsterdam", "2026-11-19T11:30", "-1h30m", "2026-11-19T09:00:00Z"},
		{"after, from the end", "Europe/Amsterdam", "2026-11-19T11:30", "+1d 10:00", "2026-11-20T09:00:00Z"},
		{"after, elapsed", "Europe/Amsterdam", "2026-11-19T11:30", "+2h", "2026-11-19T13:30:00Z"},
		{"fold: the first of two", "Europe/Amsterdam", "2026-10-26T11:30", "-1d 02:30", "2026-10-25T00:30:00Z"},
		{"fold: its first instant", "Europe/Amsterdam", "2026-10-26T11:30", "-1d 02:00", "2026-10-25T00:00:00Z"},
		{"before the fold", "Europe/Amsterdam", "2026-10-26T11:30", "-1d 01:59", "2026-10-24T23:59:00Z"},
		{"after the fold", "Europe/Amsterdam", "2026-10-26T11:30", "-1d 03:00", "2026-10-25T02:00:00Z"},
		{"gap: the offset before it", "Europe/Amsterdam", "2027-03-29T11:30", "-1d 02:30", "2027-03-28T01:30:00Z"},
		{"gap: its first minute", "Europe/Amsterdam", "2027-03-29T11:30", "-1d 02:00", "2027-03-28T01:00:00Z"},
		{"before the gap", "Europe/Amsterdam", "2027-03-29T11:30", "-1d 01:59", "2027-03-28T00:59:00Z"},
		{"after the gap", "Europe/Amsterdam", "2027-03-29T11:30", "-1d 03:00", "2027-03-28T01:00:00Z"},
		{"elapsed over the gap", "Europe/Amsterdam", "2027-03-29T11:30", "-48h", "2027-03-27T09:30:00Z"},
		{"days over the gap", "Europe/Amsterdam", "2027-03-29T11:30", "-2d", "2027-03-27T10:30:00Z"},
		{"New York fold", "America/New_York", "2026-11-02T12:00", "-1d 01:30", "2026-11-01T05:30:00Z"},
		{"New York gap", "America/New_York", "2027-03-15T12:00", "-1d 02:30", "2027-03-14T07:30:00Z"},
		{"half an hour of summer", "Australia/Lord_Howe", "2026-10-05T12:00", "-1d 02:15", "2026-10-03T15:45:00Z"},
		{"no summer time", "Asia/Kolkata", "2026-11-19T11:30", "-7d 09:00", "2026-11-12T03:30:00Z"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			zone, err := time.LoadLocation(tt.zone)
			if err != nil {
				t.Fatal(err)
			}
			start, err := time.ParseInLocation("2006-01-02T15:04", tt.start, zone)
			if err != nil {
				t.Fatal(err)
			}
			o, err := jobs.ParseOffset(tt.offset)
			if err != nil {
				t.Fatal(err)
			}
			got := o.From(jobs.Event{Start: start.UTC(), End: start.Add(time.Hour).UTC(), Zone: zone})
			if got.Format(time.RFC3339) != tt.want {
				t.Errorf("%s of %s in %s is %s, want %s", tt.offset, tt.start, tt.zone, got.Format(time.RFC3339), tt.want)
			}
		})
	}
}

func TestParseOffsetRefuses(t *testing.T) {
	for _, s := range []string{"", "7d", "-7", "-d", "-7d 9:00", "-7d 24:00", "-7d 09:60", "-1x", "--1d", "-1h 09:00", "-", "+", "-1d09:00", "-99999999d"} {
		if o, err := jobs.ParseOffset(s); err == nil {
			t.Errorf("%q was read as %v", s, o)
		}
	}
}

func TestOffsetStringIsRead(t *testing.T) {
	for _, s := range []string{"-7d 09:00", "-1d", "-1h", "-90m", "+1d 10:00", "-672h", "+0d 18:00"} {
		o, err := jobs.ParseOffset(s)
		if err != nil {
			t.Fatal(err)
		}
		if o.String() != s {
			t.Errorf("%q comes back as %q", s, o)
		}
	}
}

func TestQuietHoursMove(t *testing.T) {
	zone, _ := time.LoadLocation("Europe/Amsterdam")
	nights := jobs.QuietHours{From: 21 * 60, To: 7*60 + 30, Weekends: true}
	weekdays := jobs.QuietHours{From: 21 * 60, To: 7*60 + 30}
	noon := jobs.QuietHours{From: 12 * 60, To: 13 * 60, Weekends: true}
	tests := []struct {
		name         string
		quiet        jobs.QuietHours
		at           string
		rule         jobs.QuietRule
		limit, moved string
	}{
		{"by day it stays", nights, "2026-11-18 09:00", jobs.QuietEarlier, "", "2026-11-18 09:00"},
		{"evening, earlier", nights, "2026-11-18 22:00", jobs.QuietEarlier, "", "2026-11-18 21:00"},
		{"evening, later", nights, "2026-11-18 22:00", jobs.QuietLater, "", "2026-11-19 07:30"},
		{"small hours, earlier", nights, "2026-11-18 03:00", jobs.QuietEarlier, "", "2026-11-17 21:00"},
		{"small hours, later", nights, "2026-11-18 03:00", jobs.QuietLater, "", "2026-11-18 07:30"},
		{"the edges are not quiet", nights, "2026-11-18 21:00", jobs.QuietLater, "", "2026-11-18 21:00"},
		{"the other edge", nights, "2026-11-18 07:30", jobs.QuietEarlier, "", "2026-11-18 07:30"},
		{"ignored", nights, "2026-11-18 22:00", jobs.QuietIgnore, "", "2026-11-18 22:00"},
		{"later would pass the start", nights, "2026-11-19 06:00", jobs.QuietLater, "2026-11-19 07:00", "2026-11-18 21:00"},
		{"later would be the start", nights, "2026-11-19 06:00", jobs.QuietLater, "2026-11-19 07:30", "2026-11-18 21:00"},
		{"Sunday, earlier", weekdays, "2026-11-22 09:00", jobs.QuietEarlier, "", "2026-11-20 21:00"},
		{"Sunday, later", weekdays, "2026-11-22 09:00", jobs.QuietLater, "", "2026-11-23 07:30"},
		{"Saturday, later", weekdays, "2026-11-21 12:00", jobs.QuietLater, "", "2026-11-23 07:30"},
		{"Friday night, later", weekdays, "2026-11-20 22:00", jobs.QuietLater, "", "2026-11-23 07:30"},
		{"Monday before dawn, earlier", weekdays, "2026-11-23 06:00", jobs.QuietEarlier, "", "2026-11-20 21:00"},
		{"weekend of the clock change", weekdays, "2026-10-25 02:30", jobs.QuietLater, "", "2026-10-26 07:30"},
		{"hours within a day", noon, "2026-11-18 12:30", jobs.QuietEarlier, "", "2026-11-18 12:00"},
		{"hours within a day, later", noon, "2026-11-18 12:30", jobs.QuietLater, "", "2026-11-18 13:00"},
	}
	at := func(s string) time.Time {
		if s == "" {
			return time.Time{}
		}
		v, err := time.ParseInLocation("2006-01-02 15:04", s, zone)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := tt.quiet.Move(at(tt.at), tt.rule, zone, at(tt.limit)).In(zone).Format("2006-01-02 15:04")
			if got != tt.moved {
				t.Errorf("%s goes %s to %s, want %s", tt.at, tt.rule, got, tt.moved)
			}
		})
	}
}
