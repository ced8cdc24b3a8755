package intake_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"heraut/jobs/intake"
)

// outcome reads a file and says what came of it on one line: "addresses |
// refusals | what ended it".
func outcome(t *testing.T, name string, content []byte, o intake.Options) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := intake.Open(path, o)
	if err != nil {
		return "||" + ended(t, err)
	}
	defer r.Close()
	rows, refused, err := readAll(r)
	var got, bad []string
	for _, row := range rows {
		got = append(got, strings.TrimSpace(fmt.Sprintf("%d %s %s", row.Line, row.Email, row.Name)))
	}
	for _, refusal := range refused {
		bad = append(bad, fmt.Sprintf("%d %s", refusal.Line, refusal.Reason))
	}
	return strings.Join(got, ", ") + "|" + strings.Join(bad, ", ") + "|" + ended(t, err)
}

func ended(t *testing.T, err error) string {
	t.Helper()
	if err == nil {
		return ""
	}
	fe, ok := errors.AsType[*intake.FileError](fmt.Errorf("import: %w", err))
	if !ok {
		t.Fatalf("ended with %T, want *intake.FileError: %v", err, err)
	}
	if fe.File == "" {
		t.Error("the error names no file")
	}
	text := fe.Text
	if fe.Line > 0 {
		text = fmt.Sprintf("%d %s", fe.Line, text)
	}
	return text
}

// TestBadText is the text half of "Bad input": one line a case.
func TestBadText(t *testing.T) {
	const h = "email;naam\n"
	kept := "2 jan@example.nl Jan||"
	latin := "e-mailadres;naam\r\nzoe@example.nl;Zo\xeb\r\nrene@example.nl;Ren\xe9 \x80\r\n"
	var ascii strings.Builder // far past any prefix somebody might sniff
	for ascii.Len() < 1<<20 {
		ascii.WriteString("\n")
	}
	ragged := "email;naam;organisatie\n"
	for _, c := range []struct{ name, file, want string }{
		{"utf-8", h + "jan@example.nl;Jan\n", kept},
		{"utf-8 BOM", "\xef\xbb\xbf" + h + "jan@example.nl;Zoë\n", "2 jan@example.nl Zoë||"},
		{"utf-8 BOM and quoted header", "\xef\xbb\xbf\"email\";naam\njan@example.nl;Jan\n", kept},
		{"utf-16 little endian", utf16File(h+"jan@example.nl;Zoë 🙂\n", false, true), "2 jan@example.nl Zoë 🙂||"},
		{"utf-16 big endian", utf16File(h+"jan@example.nl;Zoë\n", true, true), "2 jan@example.nl Zoë||"},
		{"utf-16 without BOM", utf16File(h+"jan@example.nl;Jan\n", false, false), kept},
		{"utf-16 big endian without BOM", utf16File(h+"jan@example.nl;Jan\n", true, false), kept},
		{"utf-16 with half a surrogate", "\xff\xfe" + utf16File("email\nj", false, false) + "\x00\xd8" + utf16File("@example.nl\n", false, false), "|2 e-mail: address is not valid UTF-8|"},
		{"windows-1252", latin, "2 zoe@example.nl Zoë, 3 rene@example.nl René €||"},
		{"windows-1252 after a megabyte of ASCII", h + ascii.String() + "zoe@example.nl;Zo\xeb\n", fmt.Sprintf("%d zoe@example.nl Zoë||", ascii.Len()+2)},
		{"utf-8 after a megabyte of ASCII", h + ascii.String() + "zoe@example.nl;Zoë\n", fmt.Sprintf("%d zoe@example.nl Zoë||", ascii.Len()+2)},
		{"windows-1252 after utf-8", h + "a@example.nl;Zoë\nb@example.nl;Zo\xeb\nc@example.nl;C\n", "2 a@example.nl Zoë, 4 c@example.nl C|3 the row is not UTF-8, and rows before it are: save the file as CSV UTF-8|"},
		{"windows-1252 in the header", "email;voornaam;co\xf6rdinator\njan@example.nl;Jan;x\n", kept},
		{"comma", "email,naam\njan@example.nl,Jan\n", kept},
		{"tab", "email\tnaam\njan@example.nl\tJan\n", kept},
		{"commas within a header of semicolons", "email;naam;wensen, vragen, ideeën, dieet\njan@example.nl;Jan;\n", kept},
		{"one column", "email\njan@example.nl\n", "2 jan@example.nl||"},
		{"sep line", "sep=|\r\nemail|naam\r\njan@example.nl|Jan\r\n", "3 jan@example.nl Jan||"},
		{"quoted sep line", "\"sep=,\"\nemail,naam\njan@example.nl,Jan\n", "3 jan@example.nl Jan||"},
		{"CR line ends", "email;naam\rjan@example.nl;Jan\rpiet@example.nl;Piet", "2 jan@example.nl Jan, 3 piet@example.nl Piet||"},
		{"no line end at the end", h + "jan@example.nl;Jan", kept},
		{"quotes", h + "\"jan@example.nl\" ; \"Jan \"\"J\"\" ; de Wit\"\n", "2 jan@example.nl Jan \"J\" ; de Wit||"},
		{"quote inside a cell", h + "jan@example.nl;Jan \"J\" de Wit\n", "2 jan@example.nl Jan \"J\" de Wit||"},
		{"newline in a cell", h + "jan@example.nl;\"Jan\r\nde Wit\"\r\npiet@example.nl;Piet\n", "2 jan@example.nl Jan de Wit, 4 piet@example.nl Piet||"},
		{"unclosed quote", h + "jan@example.nl;Jan\npiet@example.nl;\"Piet\nc@example.nl;C\n", kept + "3 the quote opened on this line is not closed"},
		{"unclosed quote, second in its row", h + "\"a\nb\";\"Piet\nc@example.nl;C\n", "||3 the quote opened on this line is not closed"},
		{"unclosed quote, closed by the next row's", h + "\"a@example.nl;A\n\"b@example.nl\";B\nc@example.nl;C\n", "4 c@example.nl C|2 the quote opened on line 2 is followed by text after it closes|"},
		{"unclosed quote in the header", "email;\"naam\njan@example.nl;Jan\n", "||1 the quote opened on this line is not closed"},
		{"unclosed quote before a megabyte", h + "jan@example.nl;\"Jan\n" + strings.Repeat("x;y\n", 1<<19), "||2 the quote opened on this line is not closed"},
		{"duplicate header", "email;naam;E-mail\na@example.nl;A;b@example.nl\n", `||1 columns 1 and 3, "email" and "E-mail", both look like the email`},
		{"duplicate header nobody reads", "email;opmerking;opmerking\na@example.nl;x;y\n", "2 a@example.nl||"},
		{"no e-mail header", "naam;telefoon\nJan;06\n", `||1 no column holds the e-mail address; the columns are "naam", "telefoon"`},
		{"no header", "jan@example.nl;Jan\n", `||1 no column holds the e-mail address; the columns are "jan@example.nl", "Jan"`},
		{"Dutch headers", "Achternaam;Tussenvoegsel(s);Voornaam;E-mailadres:\nLaan;van der;Femke;f@example.nl\n", "2 f@example.nl Femke van der Laan||"},
		{"row too short", ragged + "a@example.nl;A\nb@example.nl;B;x\n", "3 b@example.nl B|2 has 2 cells, header has 3|"},
		{"row too long", ragged + "a@example.nl;A;x;y\n", "|2 has 4 cells, header has 3|"},
		{"empty cells past the header", ragged + "a@example.nl;A;x;; ;\n", "2 a@example.nl A||"},
		{"empty headers past the last", "email;naam;;\na@example.nl;A\nb@example.nl;B;;\nc@example.nl;C;x;\n", "2 a@example.nl A, 3 b@example.nl B|4 has 4 cells, header has 2|"},
		{"blank rows", "\n;;\n" + h + "\n;\n ; \njan@example.nl;Jan\n", "7 jan@example.nl Jan||"},
		{"0 bytes", "", "||the file is empty"},
		{"BOM only", "\xef\xbb\xbf", "||the file is empty"},
		{"blank lines only", "\n\r\n\n", "||the file holds no header"},
		{"header only", h, "||"},
		{"NUL in a row", h + "a@example.nl;A\x00B\nb@example.nl;B\n", "3 b@example.nl B|2 the row holds a NUL byte|"},
		{"NUL in the header", "email;na\x00am\na@example.nl;A\n", "||1 this is no text file: its first line holds a NUL byte"},
		{"line of 2 MiB", h + "a@example.nl;A\n" + strings.Repeat("x", 2<<20) + "\n", "2 a@example.nl A||3 the row is longer than 1 MiB"},
		{"line just over the limit", h + strings.Repeat("x", 1<<20+1) + "\n", "||2 the row is longer than 1 MiB or has more than 2000 cells"},
		{"cell of 1,000,000 octets", h + "a@example.nl;" + strings.Repeat("x", 1_000_000) + "\n", "2 a@example.nl " + strings.Repeat("x", 200) + "||"},
		{"row of a million cells", h + strings.Repeat(";", 1_000_000) + "\n", "||2 the row is longer than 1 MiB or has more than 2000 cells"},
		{"row of a million quoted cells", h + strings.Repeat(`"";`, 300_000) + "\n", "||2 the row is longer than 1 MiB or has more than 2000 cells"},
		{"formula", "email;naam\njan@example.nl;=1+1\npiet@example.nl;+31\na@example.nl;-1\nb@example.nl;@x\n", "2 jan@example.nl =1+1, 3 piet@example.nl +31, 4 a@example.nl -1, 5 b@example.nl @x||"},
		{"PDF", "%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", `||1 no column holds the e-mail address; the columns are "%PDF-1.7"`},
		{"HTML", "<table><tr><td>email</td></tr></table>\n", `||1 no column holds the e-mail address; the columns are "<table><tr><td>email</td></tr></table>"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := outcome(t, "list.csv", []byte(c.file), intake.Options{}); got != c.want {
				t.Errorf("got  %.300s\nwant %.300s", got, c.want)
			}
		})
	}
}

// TestBadAddresses: what may not be an address, and what is one all the same.
func TestBadAddresses(t *testing.T) {
	const bare = "e-mail: only the bare address is read, as in name@example.nl: no name, spaces, quotes, brackets or comments"
	const control = "e-mail: address holds a control character"
	const invalid = "e-mail: domain is not valid"
	for _, c := range []struct{ name, cell, address, refused string }{
		{"plain", "jan@example.nl", "jan@example.nl", ""},
		{"white space around", " jan@example.nl\u00a0", "jan@example.nl", ""},
		{"plus tag", "jan+tag@example.nl", "jan+tag@example.nl", ""},
		{"domain in capitals", "Jan@Example.NL", "Jan@example.nl", ""},
		{"apostrophe", "o'neill@example.nl", "o'neill@example.nl", ""},
		{"formula", "=jan@example.nl", "=jan@example.nl", ""},
		{"IDN", "jan@café.example", "jan@xn--caf-dma.example", ""},
		{"look-alike letter", "jan@ministеrie.example", "jan@xn--ministrie-l0h.example", ""},
		{"empty", "", "", "e-mail: no address"},
		{"no @", "jan.example.nl", "", "e-mail: address has no @"},
		{"two @", "jan@piet@example.nl", "", "e-mail: address has more than one @ or a colon before it"},
		{"name and address", "Jan <jan@example.nl>", "", bare},
		{"brackets", "<jan@example.nl>", "", bare},
		{"comment", "jan(werk)@example.nl", "", bare},
		{"quoted local part", `"jan"@example.nl`, "", bare},
		{"inner space", "jan de@example.nl", "", bare},
		{"domain literal", "jan@[192.0.2.1]", "", bare},
		{"IP number", "jan@192.0.2.1", "", invalid},
		{"list with comma", "jan@example.nl,piet@example.nl", "", "e-mail: more than one address: give each person a row of their own"},
		{"list with semicolon", "jan@example.nl;piet@example.nl", "", "e-mail: more than one address: give each person a row of their own"},
		{"CR LF", "jan@example.nl\r\nBcc: x@example.org", "", control},
		{"LF within", "jan\n@example.nl", "", control},
		{"bidi override", "jan\u202e@example.nl", "", control},
		{"zero width space", "jan@exam\u200bple.nl", "", control},
		{"mailto", "mailto:jan@example.nl", "", "e-mail: address has more than one @ or a colon before it"},
		{"local part missing", "@example.nl", "", "e-mail: nothing stands before the @"},
		{"domain missing", "jan@", "", "e-mail: domain has no dot"},
		{"single label", "jan@localhost", "", "e-mail: domain has no dot"},
		{"trailing dot", "jan@example.nl.", "", invalid},
		{"two dots", "jan@example..nl", "", invalid},
		{"underscore in domain", "jan@ex_ample.nl", "", invalid},
		{"hyphen first", "jan@-example.nl", "", invalid},
		{"dot first", ".jan@example.nl", "", "e-mail: misplaced dot before the @"},
		{"local part of 65", strings.Repeat("a", 65) + "@example.nl", "", "e-mail: the part before the @ is longer than 64 octets"},
		{"address of 255", strings.Repeat("a", 64) + "@" + strings.Repeat("a.", 94) + "nl", "", "e-mail: address is longer than 254 octets"},
		{"label of 64", "jan@" + strings.Repeat("a", 64) + ".nl", "", invalid},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := "email;naam\n\"" + strings.ReplaceAll(c.cell, `"`, `""`) + "\";x\n"
			r, err := intake.NewReader(strings.NewReader(file), -1, intake.Options{Name: "list.csv"})
			if err != nil {
				t.Fatal(err)
			}
			row, err := r.Next()
			if c.refused == "" {
				if err != nil || row.Email.String() != c.address {
					t.Errorf("got %q, %v; want %q", row.Email, err, c.address)
				}
				return
			}
			refusal, ok := errors.AsType[*intake.Refusal](err)
			if !ok || refusal.Reason != c.refused {
				t.Fatalf("got %q, %v; want refusal %q", row.Email, err, c.refused)
			}
			if len(c.cell) > 1 && strings.Contains(err.Error(), c.cell) {
				t.Errorf("the reason repeats the cell: %v", err)
			}
			if _, err := r.Next(); err != io.EOF {
				t.Errorf("after the refusal: %v, want EOF", err)
			}
		})
	}
}

// TestBadNames: a name comes out as harmless text on one line.
func TestBadNames(t *testing.T) {
	for _, c := range []struct{ name, cell, want string }{
		{"bidi override", "Jan\u202elaaK\u2066", "JanlaaK"},
		{"control characters", "Jan\x07\x1b[31m", "Jan[31m"},
		{"header injection", "Jan\r\nBcc: x@example.org", "Jan Bcc: x@example.org"},
		{"the name of the issue", "=?utf-8?q?x?= \"A\"; <b>\r\nBcc: x@example.org", "=?utf-8?q?x?= \"A\"; <b> Bcc: x@example.org"},
		{"template", "{{.Secret}} ${x}", "{{.Secret}} ${x}"},
		{"201 characters", strings.Repeat("é", 201), strings.Repeat("é", 200)},
		{"white space", " \tJan \u00a0 de\u2003Wit ", "Jan de Wit"},
		{"zero width", "J\u200ba\u00adn\ufeff", "Jan"},
		{"only what nobody sees", "\u200d\u2063", ""},
		{"emoji of several", "Jan 👩\u200d🔬", "Jan 👩\u200d🔬"},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := "email;naam\nx@example.nl;\"" + strings.ReplaceAll(c.cell, `"`, `""`) + "\"\n"
			r, err := intake.NewReader(strings.NewReader(file), -1, intake.Options{})
			if err != nil {
				t.Fatal(err)
			}
			row, err := r.Next()
			if err != nil || row.Name != c.want {
				t.Errorf("got %q, %v; want %q", row.Name, err, c.want)
			}
		})
	}
}

func TestNoSuchFile(t *testing.T) {
	if _, err := intake.Open(filepath.Join(t.TempDir(), "none.csv"), intake.Options{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want fs.ErrNotExist", err)
	}
	if _, err := intake.Open(t.TempDir(), intake.Options{}); ended(t, err) != "this is a folder" {
		t.Errorf("a folder: %v", err)
	}
}

// TestBrokenStream: what the operating system says is not lost, and comes
// again at the next call.
func TestBrokenStream(t *testing.T) {
	broken := errors.New("disk gone")
	rd := io.MultiReader(strings.NewReader("email\na@example.nl\n"), bytes.NewReader(bytes.Repeat([]byte("\n"), 1<<17)), &failing{broken})
	r, err := intake.NewReader(rd, -1, intake.Options{Name: "pipe"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Next(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := r.Next(); !errors.Is(err, broken) {
			t.Fatalf("got %v, want %v", err, broken)
		}
	}
}

// TestErrorsLast: a file given up is not at its end at the next call.
func TestErrorsLast(t *testing.T) {
	r, err := intake.NewReader(strings.NewReader("email;naam\na@example.nl;\"A\n"), -1, intake.Options{Name: "list.csv"})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := r.Next(); ended(t, err) != "2 the quote opened on this line is not closed" {
			t.Fatalf("got %v", err)
		}
	}
}

type failing struct{ err error }

func (f *failing) Read([]byte) (int, error) { return 0, f.err }

func utf16File(s string, bigEndian, bom bool) string {
	var b []byte
	if bom {
		s = "\ufeff" + s
	}
	for _, u := range utf16.Encode([]rune(s)) {
		if bigEndian {
			b = append(b, byte(u>>8), byte(u))
		} else {
			b = append(b, byte(u), byte(u>>8))
		}
	}
	return string(b)
}
