package mailer_test

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"net/mail"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-message"
	gomessage "github.com/emersion/go-message/mail"

	"heraut/worker/mailer"
)

var update = flag.Bool("update", false, "rewrite the golden files in testdata")

func mustCompose(t testing.TB, m mailer.Mail) []byte {
	t.Helper()
	data, err := mailer.Compose(m)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// outline writes the tree of parts, one a line, and collects the contents by type.
func outline(t *testing.T, data []byte) (string, map[string]string) {
	t.Helper()
	root, err := message.Read(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	contents := map[string]string{}
	err = root.Walk(func(path []int, e *message.Entity, err error) error {
		if err != nil {
			return err
		}
		kind, params, err := e.Header.ContentType()
		if err != nil {
			return err
		}
		line := strings.Repeat("  ", len(path)) + kind
		for _, p := range []string{"method", "charset"} {
			if params[p] != "" {
				line += "; " + p + "=" + params[p]
			}
		}
		if disp, dp, err := e.Header.ContentDisposition(); err == nil {
			line += " [" + disp + " " + dp["filename"] + "]"
		}
		lines = append(lines, line)
		if !strings.HasPrefix(kind, "multipart/") {
			b, err := io.ReadAll(e.Body)
			if err != nil {
				return err
			}
			contents[kind] = string(b)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(lines, "\n"), contents
}

func TestComposeStructure(t *testing.T) {
	withoutHTML := sample()
	withoutHTML.HTML = ""
	for _, c := range []struct {
		name string
		mail mailer.Mail
		want string
	}{
		{"invitation", invitation(), `
multipart/mixed
  multipart/alternative
    text/plain; charset=UTF-8
    text/html; charset=UTF-8
    text/calendar; method=REQUEST; charset=UTF-8
  application/ics [attachment uitnodiging.ics]`},
		{"plain and html", sample(), `
multipart/alternative
  text/plain; charset=UTF-8
  text/html; charset=UTF-8`},
		{"plain only", withoutHTML, `
text/plain; charset=UTF-8`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, contents := outline(t, mustCompose(t, c.mail))
			if "\n"+got != c.want {
				t.Errorf("structure:\n%s\nwant:%s", got, c.want)
			}
			if want := strings.ReplaceAll(c.mail.Text, "\n", "\r\n"); contents["text/plain"] != want {
				t.Errorf("text is %q, want %q", contents["text/plain"], want)
			}
			if c.mail.Calendar != nil {
				for _, kind := range []string{"text/calendar", "application/ics"} {
					if contents[kind] != ics {
						t.Errorf("%s is %q, want the calendar unchanged", kind, contents[kind])
					}
				}
			}
		})
	}
}

func TestComposeGolden(t *testing.T) {
	boundary := regexp.MustCompile(`boundary=([0-9a-f]{40,})`)
	for name, m := range map[string]mailer.Mail{"invitation": invitation(), "plain-html": sample()} {
		t.Run(name, func(t *testing.T) {
			data := mustCompose(t, m)
			// go-mail draws its boundaries; in the golden file they have fixed names.
			for i, found := range boundary.FindAllSubmatch(data, -1) {
				data = bytes.ReplaceAll(data, found[1], []byte("BOUNDARY-"+string(rune('1'+i))))
			}
			file := filepath.Join("testdata", name+".eml")
			if *update {
				if err := os.WriteFile(file, data, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(data, want) {
				t.Errorf("differs from %s; after looking at it, run: go test ./worker/mailer -run Golden -update\n%s", file, data)
			}
		})
	}
}

// hostile is what a registrant may type as a name.
var hostile = []string{
	"=?utf-8?q?x?= \"A\"; <b>\r\nBcc: x@example.org",
	"a\r\n\r\nbody",
	"a\nSubject: other",
	"x\x00y\u202ez\u2028w",
	"\"; <x@example.org>, ",
	"\xff\xfe",
	"Jansen, \\ (Piet) @ [x]",
	strings.Repeat("ë", 3000),
	strings.Repeat("a", 3000),
	strings.Repeat("=?", 900),
}

func TestComposeHostileText(t *testing.T) {
	for _, text := range hostile {
		m := invitation()
		m.To.Name, m.From.Name, m.ReplyTo.Name, m.Subject = text, text, text, "s "+text
		data := mustCompose(t, m)

		std, err := mail.ReadMessage(bytes.NewReader(data))
		if err != nil {
			t.Fatalf("%.40q: %v", text, err)
		}
		for _, name := range []string{"Bcc", "Cc", "Body"} {
			if std.Header.Get(name) != "" {
				t.Errorf("%.40q put a field %s in the header", text, name)
			}
		}
		for _, field := range []string{"From", "To", "Reply-To", "Subject"} {
			if n := len(std.Header[field]); n != 1 {
				t.Errorf("%.40q: %d fields %s", text, n, field)
			}
		}
		gm, err := gomessage.CreateReader(bytes.NewReader(data))
		if err != nil {
			t.Fatalf("%.40q: %v", text, err)
		}
		subject, err := gm.Header.Subject()
		if err != nil || !strings.HasPrefix(subject, "s") || strings.ContainsAny(subject, "\r\n\x00\u202e\u2028") {
			t.Errorf("%.40q: subject reads as %.80q, %v", text, subject, err)
		}
		for _, c := range []struct {
			field string
			want  mail.Address
		}{{"To", m.To}, {"From", m.From}, {"Reply-To", m.ReplyTo}} {
			fromStd, err := std.Header.AddressList(c.field)
			if err != nil || len(fromStd) != 1 || fromStd[0].Address != c.want.Address {
				t.Fatalf("%.40q: %s reads as %v, %v", text, c.field, fromStd, err)
			}
			fromGM, err := gm.Header.AddressList(c.field)
			if err != nil || len(fromGM) != 1 || fromGM[0].Address != c.want.Address {
				t.Fatalf("%.40q: %s reads as %v, %v", text, c.field, fromGM, err)
			}
			if strings.ContainsAny(fromStd[0].Name, "\r\n\x00\u202e") || len([]rune(fromStd[0].Name)) > 200 {
				t.Errorf("%.40q: name reads as %.80q", text, fromStd[0].Name)
			}
		}
	}
}

// TestComposeKeepsEncodedWordLookalikes pins that what looks like an encoded
// word is shown as typed, also by readers that decode inside quotes.
func TestComposeKeepsEncodedWordLookalikes(t *testing.T) {
	m := sample()
	m.To.Name = hostile[0]
	m.Subject = "=?utf-8?q?gratis?="
	data := mustCompose(t, m)
	if bytes.Contains(data, []byte("?q?x?=")) || bytes.Contains(data, []byte("gratis")) {
		t.Errorf("typed encoded words are in the header as they are:\n%s", data[:600])
	}
	std, err := mail.ReadMessage(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	to, err := std.Header.AddressList("To")
	if err != nil {
		t.Fatal(err)
	}
	if want := `=?utf-8?q?x?= "A"; <b> Bcc: x@example.org`; to[0].Name != want {
		t.Errorf("name reads as %q, want %q", to[0].Name, want)
	}
}

func TestComposeWireFormat(t *testing.T) {
	m := invitation()
	m.Text = strings.Repeat("lang ", 2000) + "\rlos\nregels\r\n.\n..\n" + strings.Repeat("ü", 5000)
	m.HTML = "<p>" + strings.Repeat("x", 40_000) + "</p>"
	data := mustCompose(t, m)
	for i, line := range strings.SplitAfter(string(data), "\n") {
		if line != "" && !strings.HasSuffix(line, "\r\n") || len(line) > 1000 || strings.Count(line, "\r") > 1 {
			t.Fatalf("line %d is not in wire format: %.80q", i+1, line)
		}
	}
	if i := bytes.IndexFunc(data, func(r rune) bool { return r > 0x7e }); i >= 0 {
		t.Errorf("octet outside ASCII at %d", i)
	}
}

func TestComposeHeaders(t *testing.T) {
	m := sample()
	m.Headers = []mailer.Header{
		{Name: "List-Unsubscribe", Value: "<https://heraut.example.nl/u/" + strings.Repeat("t", 80) + "?x=?>, <mailto:uit@example.nl>"},
		{Name: "List-Unsubscribe-Post", Value: "List-Unsubscribe=One-Click"},
	}
	std, err := mail.ReadMessage(bytes.NewReader(mustCompose(t, m)))
	if err != nil {
		t.Fatal(err)
	}
	for field, want := range map[string]string{
		"Auto-Submitted":        "auto-generated",
		"Content-Language":      "nl",
		"Message-Id":            m.MessageID,
		"Date":                  "Thu, 01 Oct 2026 09:30:00 +0000",
		"List-Unsubscribe":      m.Headers[0].Value,
		"List-Unsubscribe-Post": m.Headers[1].Value,
		"User-Agent":            "",
		"X-Mailer":              "",
	} {
		if got := std.Header.Get(field); got != want {
			t.Errorf("%s: %q, want %q", field, got, want)
		}
	}
}

func TestComposeUTF8LocalPart(t *testing.T) {
	m := sample()
	m.To = mail.Address{Name: strings.Repeat("Jürgen ", 40), Address: "jürgen@bücher.example"}
	std, err := mail.ReadMessage(bytes.NewReader(mustCompose(t, m)))
	if err != nil {
		t.Fatal(err)
	}
	to, err := std.Header.AddressList("To")
	if err != nil || to[0].Address != "jürgen@xn--bcher-kva.example" {
		t.Errorf("To reads as %v, %v", to, err)
	}
}

func TestComposeRefuses(t *testing.T) {
	for name, change := range map[string]func(*mailer.Mail){
		"no recipient":            func(m *mailer.Mail) { m.To.Address = "" },
		"recipient without @":     func(m *mailer.Mail) { m.To.Address = "zoe" },
		"line break in address":   func(m *mailer.Mail) { m.To.Address = "zoe@example.org\r\nBcc: x@example.org" },
		"line break in local":     func(m *mailer.Mail) { m.To.Address = "z\r\noe@example.org" },
		"no sender":               func(m *mailer.Mail) { m.From.Address = "" },
		"no subject":              func(m *mailer.Mail) { m.Subject = " \r\n" },
		"no text":                 func(m *mailer.Mail) { m.Text = "" },
		"no date":                 func(m *mailer.Mail) { m.Date = time.Time{} },
		"no message id":           func(m *mailer.Mail) { m.MessageID = "" },
		"message id without <>":   func(m *mailer.Mail) { m.MessageID = "a@b" },
		"line break in id":        func(m *mailer.Mail) { m.MessageID = "<a\r\n@b>" },
		"line break in language":  func(m *mailer.Mail) { m.Language = "nl\r\nBcc: x@example.org" },
		"line break in header":    func(m *mailer.Mail) { m.Headers = []mailer.Header{{"X-A", "a\r\nBcc: x@example.org"}} },
		"line break in name":      func(m *mailer.Mail) { m.Headers = []mailer.Header{{"X-A: b\r\nBcc", "x"}} },
		"second subject":          func(m *mailer.Mail) { m.Headers = []mailer.Header{{"subject", "x"}} },
		"bcc":                     func(m *mailer.Mail) { m.Headers = []mailer.Header{{"Bcc", "x@example.org"}} },
		"content type":            func(m *mailer.Mail) { m.Headers = []mailer.Header{{"Content-Type", "text/html"}} },
		"header twice":            func(m *mailer.Mail) { m.Headers = []mailer.Header{{"X-A", "1"}, {"x-a", "2"}} },
		"header too long":         func(m *mailer.Mail) { m.Headers = []mailer.Header{{"X-A", strings.Repeat("a", 999)}} },
		"method not of calendar":  func(m *mailer.Mail) { m.Calendar.Method = "CANCEL" },
		"method with parameter":   func(m *mailer.Mail) { m.Calendar.Method = "REQUEST; x=y" },
		"file name with quote":    func(m *mailer.Mail) { m.Calendar.FileName = "a\".ics" },
		"file name not ascii":     func(m *mailer.Mail) { m.Calendar.FileName = "bijeenkömst.ics" },
		"calendar without method": func(m *mailer.Mail) { m.Calendar.ICS = []byte("BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n") },
	} {
		t.Run(name, func(t *testing.T) {
			m := invitation()
			change(&m)
			data, err := mailer.Compose(m)
			if !errors.Is(err, mailer.ErrCompose) || data != nil {
				t.Errorf("%d bytes, error %v; want none and ErrCompose", len(data), err)
			}
		})
	}
}

func FuzzComposeName(f *testing.F) {
	for _, h := range hostile {
		f.Add(h)
	}
	f.Fuzz(func(t *testing.T, text string) {
		m := sample()
		m.To.Name, m.Subject = text, "s "+text
		data, err := mailer.Compose(m)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		std, err := mail.ReadMessage(bytes.NewReader(data))
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		to, err := std.Header.AddressList("To")
		if err != nil || len(to) != 1 || to[0].Address != m.To.Address || std.Header.Get("Bcc") != "" {
			t.Fatalf("%q: To reads as %v, %v", text, to, err)
		}
	})
}

func BenchmarkCompose(b *testing.B) {
	m := invitation()
	m.Text = strings.Repeat("Een regel zoals die in een bevestiging staat.\n", 20)
	m.HTML = strings.Repeat("<p style=\"margin:0\">Een regel zoals die in een bevestiging staat.</p>\n", 80)
	var size int
	for b.Loop() {
		data, err := mailer.Compose(m)
		if err != nil {
			b.Fatal(err)
		}
		size = len(data)
	}
	b.SetBytes(int64(size))
}
