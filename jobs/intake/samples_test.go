package intake_test

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/xuri/excelize/v2"

	"heraut/jobs/intake"
)

var update = flag.Bool("update", false, "write testdata/microsoft-forms.xlsx and the golden files")

func amsterdam(t testing.TB) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Amsterdam")
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

// readAll gives the rows and the refusals of a file, and what ended it where
// that is not its end.
func readAll(r *intake.Reader) (rows []intake.Row, refused []*intake.Refusal, err error) {
	for {
		row, err := r.Next()
		if refusal, ok := errors.AsType[*intake.Refusal](err); ok {
			refused = append(refused, refusal)
			continue
		}
		if err == io.EOF {
			return rows, refused, nil
		}
		if err != nil {
			return rows, refused, err
		}
		rows = append(rows, row)
	}
}

// report writes a file as people would check it.
func report(r *intake.Reader) (string, error) {
	var b strings.Builder
	for _, c := range r.Columns() {
		fmt.Fprintf(&b, "column %d %q", c.Index+1, c.Header)
		if c.Field != "" {
			fmt.Fprintf(&b, " is %s", c.Field)
		}
		if c.Note != "" {
			fmt.Fprintf(&b, " (%s)", c.Note)
		}
		b.WriteByte('\n')
	}
	rows, refused, err := readAll(r)
	for _, row := range rows {
		fmt.Fprintf(&b, "%d: %s | %s | %s | %s | %s | %s", row.Line, row.Email, row.Name, row.GivenName, row.Organisation, row.Lang, strings.Join(row.Tags, " "))
		if !row.RegisteredAt.IsZero() {
			fmt.Fprintf(&b, " | %s", row.RegisteredAt.Format(time.RFC3339))
		}
		if row.Cancelled {
			b.WriteString(" | cancelled")
		}
		b.WriteByte('\n')
	}
	for _, refusal := range refused {
		fmt.Fprintf(&b, "refused %v\n", refusal)
	}
	return b.String(), err
}

// TestSamples reads the sample of each shape and compares all that was
// understood with a golden file that somebody has read.
func TestSamples(t *testing.T) {
	if *update {
		writeFormsSample(t, filepath.Join("testdata", "microsoft-forms.xlsx"))
	}
	for _, name := range []string{"gravity-forms.csv", "pretix.csv", "microsoft-forms.xlsx", "excel-nl.csv"} {
		t.Run(name, func(t *testing.T) {
			r, err := intake.Open(filepath.Join("testdata", name), intake.Options{Zone: amsterdam(t)})
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			got, err := report(r)
			if err != nil {
				t.Fatal(err)
			}
			if done, total := r.Offset(); done != total || total == 0 {
				t.Errorf("at the end, offset is %d of %d", done, total)
			}
			golden := filepath.Join("testdata", name+".golden")
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}

// writeFormsSample writes what Microsoft Forms gives for a form that anybody
// may fill in: five columns of its own, dates as numbers with a style, the
// account of everybody "anonymous", and the questions as headers.
func writeFormsSample(t *testing.T, path string) {
	t.Helper()
	f := excelize.NewFile()
	defer f.Close()
	fail := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	format := "m/d/yy h:mm:ss"
	style, err := f.NewStyle(&excelize.Style{CustomNumFmt: &format})
	fail(err)
	at := func(day, hour, minute int) time.Time { return time.Date(2026, 10, day, hour, minute, 7, 0, time.UTC) }
	rows := [][]any{
		{"Id", "Begintijd", "Tijd van voltooien", "E-mail", "Naam", "Wat is je naam?", "Wat is je e-mailadres?", "Bij welke organisatie werk je?", "E-mailadres van je leidinggevende", "Voertaal"},
		{1, at(5, 14, 1), at(5, 14, 3), "anonymous", nil, "Willemijn Hoekstra", "willemijn.hoekstra@ministerie.example", "Ministerie van Voorbeelden", "chef@ministerie.example", "Nederlands"},
		{2, at(5, 15, 0), at(5, 15, 2), "anonymous", nil, "Mehmet Yıldız", "mehmet.yildiz@gemeente.example", "Gemeente Voorbeeldstad", nil, "Nederlands"},
		{3, at(6, 9, 10), at(6, 9, 30), "anonymous", nil, "Claire O'Neill", " claire.oneill@ministerie.example ", "Ministry of Examples", nil, "English"},
		{4, at(6, 10, 0), at(6, 10, 1), "anonymous", nil, "Gijs Verhoeven", "gijs.verhoeven@ministerie", "Ministerie van Voorbeelden", nil, "Nederlands"},
		{5, at(7, 8, 0), at(7, 8, 4), "anonymous", nil, "Noor Hendriks", "noor.hendriks@rijk.example", "Rijksdienst Voorbeeld", nil, "Nederlands"},
		{6, at(7, 9, 0), at(7, 9, 9), "anonymous", nil, "Stijn", nil, nil, nil, nil},
		{7, at(8, 11, 0), at(8, 11, 5), "anonymous", nil, "=Tim Bergsma", "tim.bergsma@provincie.example", "@Provincie Voorbeeld", nil, "Nederlands"},
		{8, at(25, 12, 30), at(25, 12, 45), "anonymous", nil, "Isabel Fernandes", "isabel.fernandes@rijk.example", "Rijksdienst Voorbeeld", nil, "English"},
		{9, at(26, 9, 0), at(26, 9, 2), "anonymous", nil, "Teun Kuipers", "Teun Kuipers <teun.kuipers@rijk.example>", "Rijksdienst Voorbeeld", nil, "Nederlands"},
	}
	for i, row := range rows {
		cell := fmt.Sprintf("A%d", i+1)
		fail(f.SetSheetRow("Sheet1", cell, &row))
		if i > 0 {
			fail(f.SetCellStyle("Sheet1", fmt.Sprintf("B%d", i+1), fmt.Sprintf("C%d", i+1), style))
		}
	}
	fixed := "2026-10-26T09:00:00Z" // so that writing it again gives the same file
	fail(f.SetDocProps(&excelize.DocProperties{Creator: "Heraut", Created: fixed, Modified: fixed}))
	fail(f.SaveAs(path))
}
