package mailer_test

import (
	"bytes"
	"errors"
	"net/mail"
	"strings"
	"testing"
	"time"

	"heraut/worker/mailer"
)

// frame and fill are [invitation] cut in pieces: what a template gives for one
// kind of mail, and for one person.
func frame() mailer.Frame {
	return mailer.Frame{
		From:     sample().From,
		Language: "nl",
		Text:     []string{"", "\nTot donderdag.\n.\n.een regel met een punt\n"},
		HTML:     []string{"", "<p>Tot donderdag.</p>\n"},
		Calendar: &mailer.FrameCalendar{
			Method:   "REQUEST",
			FileName: "uitnodiging.ics",
			ICS:      []string{"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nMETHOD:REQUEST\r\n", "END:VCALENDAR\r\n"},
		},
	}
}

func fill() mailer.Fill {
	m := sample()
	return mailer.Fill{
		To:        m.To,
		ReplyTo:   m.ReplyTo,
		Subject:   m.Subject,
		Date:      m.Date,
		MessageID: m.MessageID,
		Text:      []string{"Beste Zoë,\n"},
		HTML:      []string{"<p>Beste Zoë,</p>\n"},
		ICS:       []string{"SUMMARY:Réunion\r\n"},
	}
}

// whole puts the pieces together.
func whole(fr mailer.Frame, fi mailer.Fill) mailer.Mail {
	join := func(fixed, variable []string) string {
		var b strings.Builder
		for i, s := range fixed {
			b.WriteString(s)
			if i < len(variable) {
				b.WriteString(variable[i])
			}
		}
		return b.String()
	}
	m := mailer.Mail{
		From: fr.From, To: fi.To, ReplyTo: fi.ReplyTo,
		Subject: fi.Subject, Date: fi.Date, MessageID: fi.MessageID,
		Language: fr.Language,
		Headers:  append(append([]mailer.Header(nil), fr.Headers...), fi.Headers...),
		Text:     join(fr.Text, fi.Text),
		HTML:     join(fr.HTML, fi.HTML),
		File:     fr.File,
	}
	if c := fr.Calendar; c != nil {
		m.Calendar = &mailer.Calendar{Method: c.Method, FileName: c.FileName, ICS: []byte(join(c.ICS, fi.ICS))}
	}
	return m
}

func mustPrepare(t testing.TB, f mailer.Frame) *mailer.Prepared {
	t.Helper()
	p, err := mailer.Prepare(f)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPreparedStructure(t *testing.T) {
	plain := func() (mailer.Frame, mailer.Fill) {
		fr, fi := frame(), fill()
		fr.HTML, fi.HTML, fr.Calendar, fi.ICS = nil, nil, nil, nil
		return fr, fi
	}
	for name, c := range map[string]func() (mailer.Frame, mailer.Fill){
		"invitation":    func() (mailer.Frame, mailer.Fill) { return frame(), fill() },
		"plain only":    plain,
		"plain in full": func() (mailer.Frame, mailer.Fill) { fr, fi := plain(); fr.HTML = []string{""}; return fr, fi },
		"no holes": func() (mailer.Frame, mailer.Fill) {
			fr, fi := frame(), fill()
			fr.Text, fr.HTML, fr.Calendar.ICS = []string{"Tot dan"}, []string{"<p>Tot dan</p>"}, []string{ics}
			fi.Text, fi.HTML, fi.ICS = nil, nil, nil
			return fr, fi
		},
	} {
		t.Run(name, func(t *testing.T) {
			fr, fi := c()
			data, err := mustPrepare(t, fr).Compose([]byte("before"), fi)
			if err != nil {
				t.Fatal(err)
			}
			data, ok := bytes.CutPrefix(data, []byte("before"))
			if !ok {
				t.Fatal("does not append")
			}
			got, _ := outline(t, data)
			if want, _ := outline(t, mustCompose(t, whole(fr, fi))); got != want {
				t.Errorf("structure:\n%s\nwant:\n%s", got, want)
			}
			sameMail(t, data, mustCompose(t, whole(fr, fi)))
		})
	}
}

// TestPreparedKeepsNothing pins that a mail holds nothing of the one before.
func TestPreparedKeepsNothing(t *testing.T) {
	p := mustPrepare(t, frame())
	other := fill()
	other.To = mail.Address{Name: "Piet", Address: "piet@example.com"}
	other.Text, other.ICS = []string{"Beste Piet,\n"}, []string{""}
	var buf []byte
	for _, f := range []mailer.Fill{fill(), other, fill()} {
		var err error
		if buf, err = p.Compose(buf[:0], f); err != nil {
			t.Fatal(err)
		}
		sameMail(t, buf, mustCompose(t, whole(frame(), f)))
	}
}

func TestPrepareRefuses(t *testing.T) {
	for name, change := range map[string]func(*mailer.Frame){
		"no sender":                   func(f *mailer.Frame) { f.From.Address = "" },
		"line break in language":      func(f *mailer.Frame) { f.Language = "nl\r\nBcc: x@example.org" },
		"line break in header":        func(f *mailer.Frame) { f.Headers = []mailer.Header{{"X-A", "a\r\nBcc: x@example.org"}} },
		"second subject":              func(f *mailer.Frame) { f.Headers = []mailer.Header{{"subject", "x"}} },
		"content type":                func(f *mailer.Frame) { f.Headers = []mailer.Header{{"content-type", "x"}} },
		"header twice":                func(f *mailer.Frame) { f.Headers = []mailer.Header{{"X-A", "1"}, {"x-a", "2"}} },
		"no text":                     func(f *mailer.Frame) { f.Text = nil },
		"html of holes":               func(f *mailer.Frame) { f.HTML = []string{"", ""} },
		"method not of calendar":      func(f *mailer.Frame) { f.Calendar.Method = "CANCEL" },
		"method with parameter":       func(f *mailer.Frame) { f.Calendar.Method = "REQUEST; x=y" },
		"method in a hole":            func(f *mailer.Frame) { f.Calendar.ICS = []string{"BEGIN:VCALENDAR\r\n", "END:VCALENDAR\r\n"} },
		"no file name":                func(f *mailer.Frame) { f.Calendar.FileName = "" },
		"file name too long":          func(f *mailer.Frame) { f.Calendar.FileName = strings.Repeat("a", 999) },
		"text without line end":       func(f *mailer.Frame) { f.Text[0] = "Beste " },
		"html without line end":       func(f *mailer.Frame) { f.HTML[0] = "<p>\r" },
		"calendar without line end":   func(f *mailer.Frame) { f.Calendar.ICS[0] += "X" },
		"calendar without any pieces": func(f *mailer.Frame) { f.Calendar.ICS = nil },
	} {
		t.Run(name, func(t *testing.T) {
			f := frame()
			change(&f)
			if p, err := mailer.Prepare(f); !errors.Is(err, mailer.ErrCompose) || p != nil {
				t.Errorf("got %v, error %v; want ErrCompose", p, err)
			}
		})
	}
}

func TestPreparedRefuses(t *testing.T) {
	bare := frame()
	bare.Text = []string{" \n", "\n"}
	frames := map[bool]*mailer.Prepared{false: mustPrepare(t, frame()), true: mustPrepare(t, bare)}
	for name, c := range map[string]struct {
		bare   bool
		change func(*mailer.Fill)
	}{
		"no recipient":           {change: func(f *mailer.Fill) { f.To.Address = "" }},
		"line break in address":  {change: func(f *mailer.Fill) { f.To.Address = "zoe@example.org\r\nBcc: x@example.org" }},
		"line break in reply-to": {change: func(f *mailer.Fill) { f.ReplyTo.Address = "z\r\noe@example.org" }},
		"no subject":             {change: func(f *mailer.Fill) { f.Subject = " \r\n" }},
		"no date":                {change: func(f *mailer.Fill) { f.Date = time.Time{} }},
		"no message id":          {change: func(f *mailer.Fill) { f.MessageID = "" }},
		"line break in id":       {change: func(f *mailer.Fill) { f.MessageID = "<a\r\n@b>" }},
		"line break in header":   {change: func(f *mailer.Fill) { f.Headers = []mailer.Header{{"X-A", "a\r\nBcc: x@example.org"}} }},
		"header twice":           {change: func(f *mailer.Fill) { f.Headers = []mailer.Header{{"X-A", "1"}, {"x-a", "2"}} }},
		"header too long":        {change: func(f *mailer.Fill) { f.Headers = []mailer.Header{{"X-A", strings.Repeat("a", 999)}} }},
		"blank text":             {true, func(f *mailer.Fill) { f.Text[0] = "\n" }},
		"missing piece":          {change: func(f *mailer.Fill) { f.Text = nil }},
		"piece too many":         {change: func(f *mailer.Fill) { f.HTML = append(f.HTML, "<p>\n") }},
		"no calendar piece":      {change: func(f *mailer.Fill) { f.ICS = nil }},
		"piece without line end": {change: func(f *mailer.Fill) { f.ICS[0] = "SUMMARY:x\r" }},
	} {
		t.Run(name, func(t *testing.T) {
			f := fill()
			c.change(&f)
			data, err := frames[c.bare].Compose([]byte("x"), f)
			if !errors.Is(err, mailer.ErrCompose) || string(data) != "x" {
				t.Errorf("%q, error %v; want x and ErrCompose", data, err)
			}
		})
	}
	t.Run("header of the frame again", func(t *testing.T) {
		fr, fi := frame(), fill()
		fr.Headers = []mailer.Header{{"List-Id", "<a.example.nl>"}}
		fi.Headers = []mailer.Header{{"list-id", "<b.example.nl>"}}
		if _, err := mustPrepare(t, fr).Compose(nil, fi); !errors.Is(err, mailer.ErrCompose) {
			t.Errorf("error %v, want ErrCompose", err)
		}
	})
}

// crowd is a mail of the size that confirmations have.
func crowd() (mailer.Frame, mailer.Fill) {
	fr, fi := frame(), fill()
	line := "<p style=\"margin:0\">Een regel zoals die in een bevestiging staat.</p>\n"
	fr.Text = []string{"", strings.Repeat("Een regel zoals die in een bevestiging staat.\n", 20), "Groet\n"}
	fr.HTML = []string{strings.Repeat(line, 40), strings.Repeat(line, 30), "</html>\n"}
	zone := strings.Repeat("X-ZONE:een regel van de tijdzone\r\n", 15)
	fr.Calendar.ICS = []string{fr.Calendar.ICS[0] + zone, strings.Repeat("DESCRIPTION:tekst\r\n", 10), strings.Repeat("X-PLAATS:een adres\r\n", 20) + "END:VCALENDAR\r\n"}
	fi.Text = append(fi.Text, "https://heraut.example.nl/r/abcdefghijklmnopqrstuvwxyz012345\n")
	fi.HTML = append(fi.HTML, "<a href=\"https://heraut.example.nl/r/abcdefghijklmnopqrstuvwxyz012345\">Afmelden</a>\n")
	fi.ICS = []string{
		"ATTENDEE;CN=Zoë de Vries;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:\r\n mailto:zoe@example.org\r\nDTSTAMP:20261001T093000Z\r\n",
		"ORGANIZER;CN=Team:mailto:aanmelding+abc123@example.nl\r\nUID:0123456789abcdef0123456789abcdef@example.nl\r\n",
	}
	return fr, fi
}

func TestPreparedAllocations(t *testing.T) {
	fr, fi := crowd()
	p := mustPrepare(t, fr)
	buf := make([]byte, 0, 32<<10)
	n := testing.AllocsPerRun(50, func() {
		if _, err := p.Compose(buf, fi); err != nil {
			t.Fatal(err)
		}
	})
	if n > 10 {
		t.Errorf("%v allocations for a mail, want at most 10", n)
	}
}

func BenchmarkPrepare(b *testing.B) {
	fr, _ := crowd()
	b.ReportAllocs()
	for b.Loop() {
		mustPrepare(b, fr)
	}
}

func BenchmarkPreparedCompose(b *testing.B) {
	fr, fi := crowd()
	p := mustPrepare(b, fr)
	for name, person := range map[string]mail.Address{
		"ascii": {Name: "Piet Jansen", Address: "piet.jansen@example.org"},
		"utf8":  {Name: "Zoë de Vries", Address: "zoe@example.org"},
	} {
		fi.To = person
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var buf []byte
			for b.Loop() {
				var err error
				if buf, err = p.Compose(buf[:0], fi); err != nil {
					b.Fatal(err)
				}
			}
			b.SetBytes(int64(len(buf)))
		})
	}
}
