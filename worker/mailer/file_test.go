package mailer_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-message/mail"

	"heraut/worker/mailer"
	"heraut/worker/mailer/smtptest"
)

func mustFile(t testing.TB, name string, content []byte) *mailer.File {
	t.Helper()
	f, err := mailer.NewFile(name, "application/pdf", content)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// noise is content with every octet in it.
func noise(size int) []byte {
	out := make([]byte, size)
	r := mathrand.New(mathrand.NewPCG(uint64(size), 3))
	for i := range out {
		out[i] = byte(r.Uint32())
	}
	return out
}

// someFile is one that tests share, with a name that has to be encoded.
var someFile = sync.OnceValue(func() *mailer.File {
	f, err := mailer.NewFile("Één dag – programma.pdf", "application/pdf", noise(1000))
	if err != nil {
		panic(err)
	}
	return f
})

// TestFile has two readers take the file out of a signed mail, as it was and
// under its name, with and without the other parts a mail may have.
func TestFile(t *testing.T) {
	configs := bothKeys()
	records := dns(t, configs...)
	names := []string{"programma.pdf", "Één dag – programma.pdf", `a; b "c" \d.pdf`, "x=3Fy.pdf", strings.Repeat("é", 60) + ".pdf", "=_a--b.pdf"}
	noHTML := sample()
	noHTML.HTML = ""
	for _, m := range []mailer.Mail{sample(), noHTML, campaign()} {
		var mails [][]byte
		var contents [][]byte
		for i, name := range names {
			content := noise([]int{1, 56, 57, 58, 10_000, 300_000}[i])
			m.File = mustFile(t, name, content)
			if again := mustFile(t, name, content); !bytes.Equal(again.Append(nil), m.File.Append(nil)) {
				t.Errorf("%s, encoded again, does not fit the mails composed for it before", name)
			}
			whole := mustSignWith(t, mustCompose(t, m), m.File, configs...)
			if ascii, err := mailer.CheckWire(whole); err != nil || !ascii {
				t.Fatalf("%s: ASCII %v, %v", name, ascii, err)
			}
			if got := verifyMsgauth(t, records, whole); !slices.Equal(got, []bool{true, true}) {
				t.Errorf("%s: go-msgauth says %v", name, got)
			}
			if gotName, got := lastAttachment(t, whole); gotName != name || !bytes.Equal(got, content) {
				t.Errorf("go-message reads %q with %d bytes, want %q with %d", gotName, len(got), name, len(content))
			}
			mails, contents = append(mails, whole), append(contents, content)
		}
		for i, p := range readPython(t, records, mails...) {
			last := p.Parts[len(p.Parts)-1]
			if last != [2]string{"application/pdf", base64.StdEncoding.EncodeToString(contents[i])} || p.Names[len(p.Names)-1] != names[i] {
				t.Errorf("python reads %s under %q, want %q", last[0], p.Names, names[i])
			}
			if !slices.Equal(p.Signatures, []bool{true, true}) {
				t.Errorf("%s: dkimpy says %v", names[i], p.Signatures)
			}
		}
		// A verifier has to see every octet of the file.
		broken := bytes.Clone(mails[5])
		broken[len(broken)-2000] ^= 1
		if got := verifyMsgauth(t, records, broken); slices.Contains(got, true) {
			t.Errorf("go-msgauth says %v of a file that was altered", got)
		}
	}
}

// lastAttachment reads with go-message.
func lastAttachment(t *testing.T, data []byte) (name string, content []byte) {
	t.Helper()
	r, err := mail.CreateReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	for {
		p, err := r.NextPart()
		if err == io.EOF {
			return name, content
		}
		if err != nil {
			t.Fatal(err)
		}
		h, ok := p.Header.(*mail.AttachmentHeader)
		if !ok {
			continue
		}
		if name, err = h.Filename(); err != nil {
			t.Fatal(err)
		}
		if content, err = io.ReadAll(p.Body); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFileRefuses(t *testing.T) {
	for _, c := range []struct{ name, contentType, content string }{
		{"", "application/pdf", "x"},
		{"a.pdf", "application/pdf", ""},
		{"a\r\nBcc: x@example.org.pdf", "application/pdf", "x"},
		{"a  b.pdf", "application/pdf", "x"}, // the signature would not hold
		{" a.pdf", "application/pdf", "x"},
		{"x=?utf-8?q?y?=.pdf", "application/pdf", "x"},
		{"a\u202efdp.pdf", "application/pdf", "x"},
		{"a.pdf", "application/pdf; charset=x\r\n", "x"},
		{"a.pdf", "", "x"},
		{strings.Repeat("é", 400), "application/pdf", "x"},
	} {
		if f, err := mailer.NewFile(c.name, c.contentType, []byte(c.content)); !errors.Is(err, mailer.ErrCompose) || f != nil {
			t.Errorf("%q, %q: %v", c.name, c.contentType, err)
		}
	}
	s, err := mailer.NewSigner(bothKeys()...)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Sign(nil, []byte("From: <a@example.nl>\r\n\r\nbody "), someFile()); err == nil {
		t.Error("a mail that does not end at a line was signed together with a file")
	}
}

// TestSendFile sends mails with files that fit in the write with the dot, and
// that do not, by every way to the server.
func TestSendFile(t *testing.T) {
	eachWay(t, "file", func(t *testing.T, script smtptest.Script) {
		server, s := start(t, script)
		for n, size := range []int{100, 150_000, 800_000, 100} {
			tx := numbered(n)
			if n == 3 {
				tx = last(tx)
			}
			tx.File = mustFile(t, "programma.pdf", noise(size))
			tx.BeforeDot = func(context.Context) error {
				if got := len(server.Received()); got != n {
					t.Errorf("mail %d: the server has %d mails before the dot", n, got)
				}
				return nil
			}
			accepted(t, s.Send(t.Context(), tx))
			if got := server.Received(); len(got) != n+1 || !bytes.Equal(got[n].Data, tx.File.Append(tx.Data)) {
				t.Fatalf("mail %d: the server took another mail", n)
			}
		}
		if server.Connections() != 1 {
			t.Errorf("%d connections", server.Connections())
		}
	})
}

// TestSendFileTooLarge: the relay's limit is one for the whole mail.
func TestSendFileTooLarge(t *testing.T) {
	file := mustFile(t, "programma.pdf", noise(1000))
	size := len(file.Append(plain()))
	for limit, want := range map[int]mailer.Verdict{size: mailer.Accepted, size - 1: mailer.Permanent} {
		server := smtptest.Start(t, smtptest.Script{Extensions: []string{fmt.Sprint("SIZE ", limit)}})
		tx := tx()
		tx.File = file
		if r := mustDial(t, noTLS(server.URL())).Send(t.Context(), tx); r.Verdict != want || want == mailer.Permanent && !errors.Is(r.Err, mailer.ErrTooLarge) {
			t.Errorf("limit %d for %d bytes: %+v", limit, size, r)
		}
	}
}

// TestSendFileCut: a connection that breaks inside the file has delivered
// nothing, and it is certain.
func TestSendFileCut(t *testing.T) {
	for _, at := range []int{10, 100_000, 900_000} {
		server, s := start(t, smtptest.Script{}, smtptest.Rule{At: smtptest.Body, Do: smtptest.Action{CutAt: at}})
		tx := tx()
		tx.File = mustFile(t, "programma.pdf", noise(8<<20))
		tx.BeforeDot = func(context.Context) error { t.Error("asked for the dot"); return nil }
		if r := s.Send(t.Context(), tx); r.Verdict != mailer.Temporary || r.Phase != mailer.PhaseBody {
			t.Errorf("cut at %d: %+v", at, r)
		}
		ended(t, server)
		if n := len(server.Received()); n != 0 {
			t.Errorf("cut at %d: the server took %d mails", at, n)
		}
	}
}

// TestSignDoesNotCopyAFile: what stands in memory once for all mails must not be
// written down again for each.
func TestSignDoesNotCopyAFile(t *testing.T) {
	m := sample()
	m.File = mustFile(t, "programma.pdf", noise(5<<20))
	data := mustCompose(t, m)
	signer, err := mailer.NewSigner(bothKeys()[1])
	if err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := signer.Sign(nil, data, m.File); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > 1<<20 {
		t.Errorf("%d bytes to sign a mail of %d with a file", used, len(data))
	}
}
