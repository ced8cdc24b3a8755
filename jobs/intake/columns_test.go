package intake_test

import (
	"strings"
	"testing"
	"time"

	"heraut/jobs"
	"heraut/jobs/intake"
)

// TestHeaders reads a header of tabs and says which column is what.
func TestHeaders(t *testing.T) {
	for _, c := range []struct{ header, want string }{
		{"email", "email"},
		{"E-mail", "email"},
		{"E-mailadres", "email"},
		{"Emailadres ", "email"},
		{"MAIL", "email"},
		{"Email Address", "email"},
		{"E-mail (Enter Email)\tE-mail (Confirm Email)", "email -"},
		{"E-mailadres (E-mailadres invoeren)\tE-mailadres (E-mailadres bevestigen)", "email -"},
		{"Email\tAttendee email", "email email"},
		{"Email\tAttendee e-mail", "email email"},
		{"email\tNaam (Voornaam)\tNaam (Achternaam)", "email given_name family_name"},
		{"email\tName (First)\tName (Last)", "email given_name family_name"},
		{"email\tvoornaam\ttussenvoegsel(s)\tachternaam", "email given_name infix family_name"},
		{"email\tFirst Name\tSurname", "email given_name family_name"},
		{"email\tAttendee name\tAttendee name: Given name\tAttendee name: Family name", "email name given_name family_name"},
		{"email\tVolledige naam\tMinisterie", "email name organisation"},
		{"email\tNaam en voornaam", "email -"},
		{"email\tNaam organisatie\tBedrijf", "email organisation -"},
		{"email\tCompany\tCompany", "email organisation -"},
		{"email\tVoertaal", "email lang"},
		{"email\tOrder locale\tOrder date\tOrder time", "email lang registered_at time_of_day"},
		{"email\tStart time\tCompletion time", "email - registered_at"},
		{"email\tTijd van voltooien", "email registered_at"},
		{"email\tVoltooid om", "email registered_at"},
		{"email\tDatum invoer\tstatus\tTAGS", "email registered_at status tags"},
		{"ID\tStart time\tCompletion time\tEmail\tName", "- - registered_at email name"},
		{"ID\tStart time\tCompletion time\tEmail\tName\tE-mail\tNaam", "- - registered_at email - email name"},
		{"Wat is uw e-mailadres?\tWat is uw naam?", "email name"},
		{"What is your email address?\tWhich organisation do you work for?", "email organisation"},
		{"E-mailadres\tE-mailadres van je leidinggevende", "email -"},
	} {
		r, err := intake.NewReader(strings.NewReader(c.header+"\n"), -1, intake.Options{})
		if err != nil {
			t.Errorf("%q: %v", c.header, err)
			continue
		}
		var got []string
		for _, col := range r.Columns() {
			if col.Field == "" {
				col.Field = "-"
			}
			got = append(got, string(col.Field))
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%q: got %s, want %s", c.header, s, c.want)
		}
	}
}

func TestMap(t *testing.T) {
	const file = "naam;contact;contact 2;Status;status\nJan;jan@example.nl;piet@example.nl;wachtlijst;geannuleerd\n"
	for _, c := range []struct {
		name  string
		chose map[string]string
		want  string
	}{
		{"by header", map[string]string{"email": "contact", "status": ""}, "2 jan@example.nl Jan||"},
		{"case and space", map[string]string{"email": " CONTACT 2", "status": ""}, "2 piet@example.nl Jan||"},
		{"by number", map[string]string{"email": "#3", "status": ""}, "2 piet@example.nl Jan||"},
		{"exact header first", map[string]string{"email": "contact", "status": "status"}, "2 jan@example.nl Jan||"},
		{"field left out", map[string]string{"email": "contact", "status": "", "name": ""}, "2 jan@example.nl||"},
		{"no such column", map[string]string{"email": "mail"}, `||1 no column is called "mail"; the columns are "naam", "contact", "contact 2", "Status", "status"`},
		{"number too high", map[string]string{"email": "#6"}, `||1 no column is called "#6"; the columns are "naam", "contact", "contact 2", "Status", "status"`},
		{"header that stands twice", map[string]string{"email": "contact", "status": "STATUS"}, `||1 columns 4 and 5 are both called "STATUS"`},
		{"twice a status", map[string]string{"email": "contact"}, `||1 columns 4 and 5, "Status" and "status", both look like the status`},
		{"no such field", map[string]string{"phone": "contact"}, `||1 there is no field "phone" to map a column to`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := outcome(t, "list.csv", []byte(file), intake.Options{Map: c.chose}); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// TestMapFindsSeparator: a header that only --map knows still tells which
// separator splits it.
func TestMapFindsSeparator(t *testing.T) {
	const file = "Hoe bereiken we je?,a;b;c;d\njan@example.nl,x;y\n"
	if got := outcome(t, "list.csv", []byte(file), intake.Options{Map: map[string]string{"email": "Hoe bereiken we je?"}}); got != "2 jan@example.nl||" {
		t.Errorf("got %s", got)
	}
}

func oneRow(t *testing.T, file string, o intake.Options) (intake.Row, error) {
	t.Helper()
	r, err := intake.NewReader(strings.NewReader(file), -1, o)
	if err != nil {
		t.Fatal(err)
	}
	return r.Next()
}

func TestStatus(t *testing.T) {
	for _, c := range []struct{ status, want string }{
		{"", "comes"}, {"Paid", "comes"}, {"betaald", "comes"}, {"Pending (overpaid)", "comes"}, {"Aangemeld", "comes"},
		{"Canceled", "cancelled"}, {"Canceled (paid fee)", "cancelled"}, {"Geannuleerd", "cancelled"}, {"Expired", "cancelled"}, {"verlopen", "cancelled"}, {"c", "cancelled"},
		{"Wachtlijst", "refused"}, {"Approval pending", "refused"}, {"niet betaald", "refused"}, {"unpaid", "refused"},
	} {
		row, err := oneRow(t, "email;status\na@example.nl;"+c.status+"\n", intake.Options{})
		got := "comes"
		if err != nil {
			got = "refused"
		} else if row.Cancelled {
			got = "cancelled"
		}
		if got != c.want {
			t.Errorf("%q: %s, want %s (%v)", c.status, got, c.want, err)
		}
	}
}

func TestNameLangAndTags(t *testing.T) {
	row, err := oneRow(t, "email;naam;voornaam;achternaam;taal;tags\na@example.nl;Vol Ledig;Jan; ;English;\"VIP; pers , vip|eerste  rij\"\n", intake.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if row.Name != "Vol Ledig" || row.GivenName != "Jan" || row.Lang != jobs.English || strings.Join(row.Tags, " ") != "vip pers eerste-rij" {
		t.Errorf("got %+v", row)
	}
}

// TestPrefersFirstAddressOfRow: the better column is read where it holds
// something, the next one elsewhere.
func TestPrefersFirstAddressOfRow(t *testing.T) {
	for _, c := range []struct{ file, want string }{
		{"Email;Attendee email\nkoper@example.nl;bezoeker@example.nl\nkoper@example.nl;\nkoper@example.nl;fout\n",
			"2 bezoeker@example.nl, 3 koper@example.nl|4 e-mail: address has no @|"},
		{"Wat is je e-mailadres?;Mail\na@example.nl;b@example.nl\na@example.nl;\n", "2 b@example.nl, 3 a@example.nl||"},
	} {
		if got := outcome(t, "list.csv", []byte(c.file), intake.Options{}); got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
}

func TestDates(t *testing.T) {
	zone := amsterdam(t)
	for _, c := range []struct{ cell, want string }{
		{"2026-10-05 14:03:00", "2026-10-05T12:03:00Z"},
		{"2026-10-05T14:03", "2026-10-05T12:03:00Z"},
		{"2026-10-05T14:03:00Z", "2026-10-05T14:03:00Z"},
		{"2026-10-05T14:03:00.123456789+05:30", "2026-10-05T08:33:00.123456Z"},
		{"2026-10-05 14:03:00 +0200", "2026-10-05T12:03:00Z"},
		{"2026-10-05 14:03:00 UTC", "2026-10-05T14:03:00Z"},
		{"2026-10-05", "2026-10-04T22:00:00Z"},
		{"2026/10/05 9:00", "2026-10-05T07:00:00Z"},
		{"5-10-2026", "2026-10-04T22:00:00Z"},
		{"05-10-2026 14:03", "2026-10-05T12:03:00Z"},
		{"05-10-26 14:03", "2026-10-05T12:03:00Z"},
		{"5.10.2026 14.03", "2026-10-05T12:03:00Z"},
		{"05/10/2026 14:03:00", "2026-10-05T12:03:00Z"},
		{"05/10/2026, 14:03", "2026-10-05T12:03:00Z"},
		{"10/5/26 14:03:01", "2026-10-05T12:03:01Z"},     // Microsoft Forms, United States
		{"10/5/2026 2:03:01 PM", "2026-10-05T12:03:01Z"}, // so is this
		{"10/5/2026 12:03 am", "2026-10-04T22:03:00Z"},   //
		{"10/25/2026 14:03", "2026-10-25T13:03:00Z"},     // only one order gives a month
		{"25/10/26 14:03", "2026-10-25T13:03:00Z"},       //
		{"1-7-2026", "2026-06-30T22:00:00Z"},             // summer
		{"1-12-2026", "2026-11-30T23:00:00Z"},            // winter
		{"31-4-2026", ""}, {"29-2-2026", ""}, {"0-1-2026", ""}, {"1-13-26 x", ""}, {"32-13-2026", ""},
		{"5-10", ""}, {"binnenkort", ""}, {"", ""}, {"46300.5", ""}, {"5-10/2026", ""}, {"2026-10-05 25:00", ""},
		{"2026-10-05 13:00 PM", ""}, {"2026-10-05 14", ""}, {"2026-10-05 14:03 later", ""}, {"5-10-1826", ""}, {"5-10-99999999999", ""},
		{strings.Repeat("1", 1000), ""},
	} {
		row, err := oneRow(t, "email;datum\na@example.nl;\""+c.cell+"\"\n", intake.Options{Zone: zone})
		if err != nil {
			t.Errorf("%q refused the row: %v", c.cell, err)
			continue
		}
		got := ""
		if !row.RegisteredAt.IsZero() {
			got = row.RegisteredAt.Format(time.RFC3339Nano)
		}
		if got != c.want {
			t.Errorf("%q: got %s, want %s", c.cell, got, c.want)
		}
	}
}

func TestDateAndTimeInTwoColumns(t *testing.T) {
	for _, c := range []struct{ cells, want string }{
		{"2026-10-06;09:12:44", "2026-10-06T09:12:44Z"},
		{"2026-10-06;", "2026-10-06T00:00:00Z"},
		{"2026-10-06;vroeg", "2026-10-06T00:00:00Z"},
		{"2026-10-06 10:00;09:12", "2026-10-06T10:00:00Z"},
	} {
		row, err := oneRow(t, "email;Order date;Order time\na@example.nl;"+c.cells+"\n", intake.Options{})
		if got := row.RegisteredAt.Format(time.RFC3339); err != nil || got != c.want {
			t.Errorf("%s: got %s, %v; want %s", c.cells, got, err, c.want)
		}
	}
}
