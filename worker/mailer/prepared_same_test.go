package mailer_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"math/rand/v2"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-message"

	"heraut/worker/mailer"
)

var anyBoundary = regexp.MustCompile(`boundary="?([0-9A-Za-z_=]{20,})"?`)

// unnamed gives a mail with fixed names for its boundaries, which are drawn; like
// ours they cannot occur in a part.
func unnamed(data []byte) []byte {
	for i, found := range anyBoundary.FindAllSubmatch(data, -1) {
		name := fmt.Appendf(nil, "=_%d", i)
		data = bytes.ReplaceAll(data, found[1], name)
		data = bytes.ReplaceAll(data, []byte(`boundary=`+string(name)), []byte(`boundary="`+string(name)+`"`))
	}
	return data
}

// sameMail compares two mails by two readers that know nothing of each other,
// and then octet for octet, apart from the names of boundaries and the order of
// the fields in the header.
func sameMail(t testing.TB, got, want []byte) {
	t.Helper()
	if _, err := mailer.CheckWire(got); err != nil {
		t.Fatalf("%v\n%s", err, got)
	}
	got, want = unnamed(got), unnamed(want)
	for name, read := range map[string]func([]byte) (string, error){"net/mail": readStd, "go-message": readEmersion} {
		g, err := read(got)
		if err != nil {
			t.Fatalf("%s: %v\n%s", name, err, got)
		}
		w, err := read(want)
		if err != nil {
			t.Fatalf("%s does not read the mail of Compose: %v\n%s", name, err, want)
		}
		if g != w {
			t.Fatalf("%s reads\n%s\nwant\n%s", name, g, w)
		}
	}
	gotHeader, gotBody, _ := bytes.Cut(got, []byte("\r\n\r\n"))
	wantHeader, wantBody, _ := bytes.Cut(want, []byte("\r\n\r\n"))
	if !bytes.Equal(gotBody, wantBody) {
		t.Fatalf("body:\n%s\nwant:\n%s", gotBody, wantBody)
	}
	if g, w := fields(gotHeader), fields(wantHeader); !slices.Equal(g, w) {
		t.Fatalf("fields:\n%s\nwant:\n%s", strings.Join(g, "\n"), strings.Join(w, "\n"))
	}
}

// fields gives the unfolded fields of a header in alphabetical order.
func fields(header []byte) []string {
	all := strings.Split(strings.NewReplacer("\r\n ", " ").Replace(string(header)), "\r\n")
	for i, f := range all {
		name, value, _ := strings.Cut(f, ":")
		all[i] = name + ": " + strings.TrimSpace(value)
	}
	slices.Sort(all)
	return all
}

// readStd writes down a mail as the standard library understands it.
func readStd(data []byte) (string, error) {
	m, err := mail.ReadMessage(bytes.NewReader(data))
	if err != nil {
		return "", err
	}
	var lines []string
	for name, values := range m.Header {
		for _, v := range values {
			text, err := new(mime.WordDecoder).DecodeHeader(v)
			if err != nil {
				return "", err
			}
			lines = append(lines, fmt.Sprintf("%s: %q", name, text))
		}
	}
	for _, name := range []string{"From", "To", "Reply-To"} {
		if m.Header.Get(name) == "" {
			continue
		}
		a, err := m.Header.AddressList(name)
		if err != nil {
			return "", fmt.Errorf("%s: %w", name, err)
		}
		lines = append(lines, fmt.Sprintf("%s reads as %q", name, a))
	}
	slices.Sort(lines)
	body, err := readStdPart(m.Header.Get, m.Body)
	return strings.Join(lines, "\n") + "\n" + body, err
}

func readStdPart(header func(string) string, r io.Reader) (string, error) {
	kind, params, err := mime.ParseMediaType(header("Content-Type"))
	if err != nil {
		return "", err
	}
	encoding := header("Content-Transfer-Encoding")
	out := fmt.Sprintf("%s %q %s %s\n", kind, params, encoding, header("Content-Disposition"))
	if strings.HasPrefix(kind, "multipart/") {
		mr := multipart.NewReader(r, params["boundary"])
		for {
			p, err := mr.NextRawPart()
			if err == io.EOF {
				return out + "end of " + kind + "\n", nil
			}
			if err != nil {
				return "", err
			}
			s, err := readStdPart(p.Header.Get, p)
			if err != nil {
				return "", err
			}
			out += s
		}
	}
	switch encoding {
	case "quoted-printable":
		r = quotedprintable.NewReader(r)
	case "base64":
		r = base64.NewDecoder(base64.StdEncoding, r)
	}
	content, err := io.ReadAll(r)
	return out + fmt.Sprintf("%q\n", content), err
}

// readEmersion writes down a mail as go-message understands it.
func readEmersion(data []byte) (string, error) {
	root, err := message.Read(bytes.NewReader(data))
	if err != nil {
		return "", err
	}
	var out strings.Builder
	err = root.Walk(func(path []int, e *message.Entity, err error) error {
		if err != nil {
			return err
		}
		var lines []string
		for f := e.Header.Fields(); f.Next(); {
			text, err := f.Text()
			if err != nil {
				return err
			}
			lines = append(lines, fmt.Sprintf("%v %s: %q", path, f.Key(), text))
		}
		slices.Sort(lines)
		fmt.Fprintln(&out, strings.Join(lines, "\n"))
		if e.MultipartReader() == nil {
			content, err := io.ReadAll(e.Body)
			fmt.Fprintf(&out, "%q\n", content)
			return err
		}
		return nil
	})
	return out.String(), err
}

// odd is what may stand in a name, a subject or a line; more than hostile has.
var odd = []string{
	"Zoë", "de Vries", "Jan", "محمد", "שלום", "👩‍🚀", "e\u0301", "İ", "=?utf-8?q?x?=", "=?", "?=", "=", "==3D", "\"", "\\", "'", "<b>&amp;", "{{.Name}}",
	".", "..", "--", "--=_", "--BOUNDARY-1", " ", "  ", "\t", "\t ", "\u00a0", "\u202e", "\x00", "\x7f", "\xff", "\u2028", ",;:@()[]",
	strings.Repeat("a", 70), strings.Repeat("b", 200), strings.Repeat("ü", 120), strings.Repeat("lang ", 60), strings.Repeat("x", 1500),
}

var addresses = []string{
	"zoe@example.org", "Piet.Jansen+tag@Example.ORG", "o'brien@example.org", "a..b@example.org", ".a@example.org", "\"jan piet\"@example.org", "jan piet@example.org",
	strings.Repeat("l", 64) + "@example.org", "x@" + strings.Repeat("lang.", 45) + "example", "jürgen@example.org", "info@bücher.example", "info@xn--bcher-kva.example",
	"", "zoe", "zoe@", strings.Repeat("l", 65) + "@example.org", "a@b\r\n@example.org", "a\u202eb@example.org", "a@-.example", "a@localhost", "a\"b@example.org",
}

// maker draws mails that a stranger might cause.
type maker struct{ *rand.Rand }

func pick[T any](m maker, from []T) T { return from[m.IntN(len(from))] }

func (m maker) words(most int) string {
	var b strings.Builder
	for range m.IntN(most + 1) {
		b.WriteString(pick(m, odd))
		b.WriteString(pick(m, []string{" ", " ", "", "  "}))
	}
	return b.String()
}

// piece is some lines; the last piece of a part need not end its line.
func (m maker) piece(ends []string, last bool) string {
	var b strings.Builder
	for range m.IntN(5) {
		b.WriteString(m.words(5))
		b.WriteString(pick(m, ends))
	}
	if last {
		b.WriteString(m.words(2))
	} else if s := b.String(); s != "" && !strings.HasSuffix(s, "\n") {
		b.WriteString("\n")
	}
	return b.String()
}

func (m maker) part(ends []string) (fixed, variable []string) {
	n := m.IntN(4)
	for range n {
		fixed, variable = append(fixed, m.piece(ends, false)), append(variable, m.piece(ends, false))
	}
	return append(fixed, m.piece(ends, true)), variable
}

func (m maker) mailbox() mail.Address {
	a := mail.Address{Name: m.words(4), Address: addresses[0]}
	if m.IntN(8) == 0 {
		a.Address = pick(m, addresses)
	}
	return a
}

func (m maker) headers(names ...string) (headers []mailer.Header) {
	for range m.IntN(3) {
		value := "<https://heraut.example.nl/u/" + strings.Repeat("t", m.IntN(120)) + ">, <mailto:uit@example.nl>"
		if m.IntN(4) == 0 {
			value = strings.Trim(m.words(4), " \t")
		}
		headers = append(headers, mailer.Header{Name: pick(m, names), Value: value})
	}
	return headers
}

func (m maker) mail() (mailer.Frame, mailer.Fill) {
	ends := []string{"\n", "\r\n", "\r", "\n\n"}
	fr := mailer.Frame{From: m.mailbox(), Language: pick(m, []string{"nl", "en", ""}), Headers: m.headers("List-Id", "List-Unsubscribe-Post")}
	fi := mailer.Fill{
		To: m.mailbox(), ReplyTo: m.mailbox(),
		Subject:   m.words(6),
		Date:      time.Unix(m.Int64N(4e9), 0).In(time.FixedZone("", 3600*(m.IntN(20)-10))),
		MessageID: "<m-17@heraut.example.nl>",
		Headers:   m.headers("List-Unsubscribe", "X-A", "list-id"),
	}
	if m.IntN(8) == 0 {
		fi.MessageID = pick(m, []string{"<" + strings.Repeat("i", 200) + "@example.nl>", "<a@b", "<a b@c>", ""})
	}
	fr.Text, fi.Text = m.part(ends)
	if m.IntN(4) > 0 {
		fr.HTML, fi.HTML = m.part(ends)
		if len(fr.HTML) > 1 {
			fr.HTML[0] = "<html>\n" + fr.HTML[0]
		}
	}
	if m.IntN(3) > 0 {
		c := &mailer.FrameCalendar{Method: "REQUEST", FileName: "uitnodiging.ics"}
		c.ICS, fi.ICS = m.part([]string{"\r\n"})
		c.ICS[0] = "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\n" + c.ICS[0]
		fr.Calendar = c
	}
	if m.IntN(4) == 0 {
		fr.File = someFile()
	}
	return fr, fi
}

// TestPreparedIsCompose is the promise of [mailer.Prepared.Compose]: whatever
// the pieces, it makes the mail of Compose, or refuses what Compose refuses.
func TestPreparedIsCompose(t *testing.T) {
	const mails = 1000
	var refused int
	for seed := range uint64(mails) {
		fr, fi := maker{rand.New(rand.NewPCG(seed, 1))}.mail()
		if !comparePrepared(t, fr, fi) {
			refused++
		}
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	if refused > mails*2/3 || refused < mails/20 {
		t.Errorf("%d of %d mails were refused: the test does not test both sides", refused, mails)
	}
}

// comparePrepared reports whether there was a mail.
func comparePrepared(t testing.TB, fr mailer.Frame, fi mailer.Fill) bool {
	t.Helper()
	want, wantErr := mailer.Compose(whole(fr, fi))
	var got []byte
	p, err := mailer.Prepare(fr)
	if err == nil {
		got, err = p.Compose(nil, fi)
	}
	if (err == nil) != (wantErr == nil) {
		t.Errorf("error %v, but of Compose %v", err, wantErr)
		return false
	}
	if err != nil {
		return false
	}
	if fr.File != nil {
		got, want = fr.File.Append(got), fr.File.Append(want)
	}
	sameMail(t, got, want)
	return true
}

// FuzzPreparedCompose lets a stranger write the header and the lines.
func FuzzPreparedCompose(f *testing.F) {
	for i, h := range hostile {
		f.Add(h, addresses[i%len(addresses)], h, h, h, h, uint16(i))
	}
	f.Add("Zoë", "zoe@example.org", "s", " \t\nx =\n.\n", "<p>\r", "A:b\r\n", uint16(9))
	f.Fuzz(func(t *testing.T, name, addr, subject, text, html, calendar string, cut uint16) {
		fr, fi := frame(), fill()
		fi.To, fi.Subject = mail.Address{Name: name, Address: addr}, subject
		ended := func(s string) string {
			if s == "" || strings.HasSuffix(s, "\n") {
				return s
			}
			return s + "\n"
		}
		at := min(int(cut), len(text))
		fi.Text[0], fr.Text[1] = ended(text[:at]), text[at:]
		fi.HTML[0] = ended(html)
		fi.ICS[0] = ended(calendar)
		comparePrepared(t, fr, fi)
	})
}

// FuzzQuoted compares with the standard library's quoted-printable, which is
// wrong about a bare CR that an encoded octet follows: it gets line feeds only.
func FuzzQuoted(f *testing.F) {
	for _, s := range append(slices.Clone(odd), hostile...) {
		f.Add(s+"\r"+s, "\n"+s)
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		var want bytes.Buffer
		w := quotedprintable.NewWriter(&want)
		io.WriteString(w, strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(a+"\n"+b))
		w.Close()
		if got := mailer.AppendQuoted(mailer.AppendQuoted(nil, a+"\n"), b); !bytes.Equal(got, want.Bytes()) {
			t.Errorf("%q, %q: %q, want %q", a, b, got, want.Bytes())
		}
	})
}
