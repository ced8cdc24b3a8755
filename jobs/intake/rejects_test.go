package intake_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"heraut/jobs/intake"
)

// TestRejects: the file opens in a Dutch Excel, holds no formula, and can be
// mended and read again.
func TestRejects(t *testing.T) {
	const file = "email;naam;opmerking\n" +
		"jan;=cmd|' /C calc'!A0;\"zin; met \"\"quotes\"\"\"\n" +
		"@piet;+31;-1\n" +
		"kees;\"\tx\";\"\rx\"\n" +
		"lies;;\"regel 1\nregel 2\"\n" +
		"z\x00oe;Zo\xeb;\n"
	r, err := intake.NewReader(strings.NewReader(file), -1, intake.Options{Name: "list.csv"})
	if err != nil {
		t.Fatal(err)
	}
	_, refused, err := readAll(r)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w := intake.WriteRejects(&out, r.Header())
	for _, refusal := range refused {
		if err := w.Write(refusal); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	want := "\ufeffline;reason;email;naam;opmerking\r\n" +
		"2;e-mail: address has no @;jan;'=cmd|' /C calc'!A0;\"zin; met \"\"quotes\"\"\"\r\n" +
		"3;e-mail: nothing stands before the @;'@piet;'+31;'-1\r\n" +
		"4;e-mail: address has no @;kees;'\tx;\"'x\"\r\n" + // encoding/csv drops a lone CR
		"5;e-mail: address has no @;lies;;\"regel 1\r\nregel 2\"\r\n" +
		"7;the row holds a NUL byte;z\ufffdoe;Zoë;\r\n"
	if out.String() != want {
		t.Errorf("got  %q\nwant %q", out.String(), want)
	}

	mended := strings.ReplaceAll(out.String(), ";jan;", ";jan@example.nl;")
	r, err = intake.NewReader(strings.NewReader(mended), -1, intake.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if row, err := r.Next(); err != nil || row.Email.String() != "jan@example.nl" {
		t.Errorf("mended row: %v, %v", row.Email, err)
	}
}

func TestNoRejectsNoFile(t *testing.T) {
	var out bytes.Buffer
	if err := intake.WriteRejects(&out, []string{"email"}).Flush(); err != nil || out.Len() > 0 {
		t.Errorf("wrote %q, %v", out.String(), err)
	}
}

func TestRejectsReportWriteErrors(t *testing.T) {
	full := errors.New("disk full")
	w := intake.WriteRejects(&refusingWriter{full}, nil)
	if err := w.Write(&intake.Refusal{Line: 2}); !errors.Is(err, full) {
		t.Errorf("got %v, want %v", err, full)
	}
}

type refusingWriter struct{ err error }

func (w *refusingWriter) Write([]byte) (int, error) { return 0, w.err }
