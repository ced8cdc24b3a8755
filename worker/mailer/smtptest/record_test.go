package smtptest_test

import (
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"heraut/worker/mailer/smtptest"
)

// invitation is a mail as Heraut sends it, in miniature: mixed{alternative{text, calendar}, file}.
const invitation = `From: Team <team@example.nl>
To: "Jansen, J." <j.jansen@example.org>
Message-ID: <m1@example.nl>
Subject: Proef
Content-Type: multipart/mixed; boundary="out"

--out
Content-Type: multipart/alternative; boundary="in"

--in
Content-Type: text/plain; charset=UTF-8

Dag
--in
Content-Type: text/calendar; method=REQUEST; charset=UTF-8
Content-Transfer-Encoding: quoted-printable

BEGIN:VCALENDAR
METHOD:REQUEST
BEGIN:VTIMEZONE
TZID:Europe/Amsterdam
END:VTIMEZONE
BEGIN:VEVENT
UID:abc=
def@example.
 nl
SEQUENCE:3
DESCRIPTION:UID\:nep
BEGIN:VALARM
UID:alarm
END:VALARM
END:VEVENT
END:VCALENDAR

--in--
--out
Content-Type: application/ics; name=uitnodiging.ics
Content-Transfer-Encoding: base64

QkVHSU46VkNBTEVOREFSDQo=
--out--
`

func received(text string) smtptest.Received {
	return smtptest.Received{From: "team@example.nl", To: []string{"j.jansen@example.org"}, At: time.Unix(1, 0), Answered: true,
		Data: []byte(strings.ReplaceAll(text, "\n", "\r\n"))}
}

func TestDescribe(t *testing.T) {
	r := smtptest.Describe(received(strings.Replace(invitation, "BEGIN:VALARM\nUID:alarm\nEND:VALARM\n", "", 1)))
	want := &smtptest.RecordedObject{Method: "REQUEST", UID: "abcdef@example.nl", Sequence: 3}
	if !reflect.DeepEqual(r.Calendar, want) {
		t.Errorf("calendar: %+v, want %+v", r.Calendar, want)
	}
	if !r.Complete || r.MessageID != "<m1@example.nl>" || !reflect.DeepEqual(r.HeaderTo, []string{"j.jansen@example.org"}) {
		t.Errorf("read %+v", r)
	}
}

// Wherever a mail is cut before its closing boundary, it must not look whole.
func TestDescribeCutMail(t *testing.T) {
	whole := received(invitation)
	end := strings.LastIndex(string(whole.Data), "--out--") + len("--out--")
	for n := range end {
		cut := whole
		cut.Data = whole.Data[:n]
		if smtptest.Describe(cut).Complete {
			t.Fatalf("cut after %d of %d bytes, and called complete:\n…%q", n, len(whole.Data), cut.Data[max(0, n-60):])
		}
	}
}

func TestRecorder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "record.jsonl")
	rec, err := smtptest.NewRecorder(path)
	if err != nil {
		t.Fatal(err)
	}
	first := received(invitation)
	second := received(invitation)
	second.Answered = false
	for _, m := range []smtptest.Received{first, second} {
		rec.Mail(m)
	}
	got, err := smtptest.ReadRecords(path)
	if err != nil {
		t.Fatal(err)
	}
	want := []smtptest.Record{smtptest.Describe(first), smtptest.Describe(second)}
	if !reflect.DeepEqual(got, want) || rec.Count() != 2 {
		t.Errorf("read back %+v, want %+v", got, want)
	}
	if err := rec.Close(); err != nil {
		t.Error(err)
	}
	rec.Mail(first)
	if err := rec.Close(); err == nil {
		t.Error("a mail that could not be recorded was not told of")
	}
}

func FuzzDescribe(f *testing.F) {
	f.Add([]byte(strings.ReplaceAll(invitation, "\n", "\r\n")))
	f.Add([]byte("Content-Type: multipart/mixed; boundary=\r\n\r\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if r := smtptest.Describe(smtptest.Received{Data: data}); r.Size != len(data) {
			t.Error("wrong size")
		}
	})
}
