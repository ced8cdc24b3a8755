package mailer_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"heraut/worker/mailer"
)

func startCapture(t testing.TB, cfg mailer.CaptureConfig) *mailer.Capture {
	t.Helper()
	c, err := mailer.StartCapture(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func fileNames(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestCaptureKeepsMail(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "mail")
	var got []mailer.CapturedMail
	c := startCapture(t, mailer.CaptureConfig{Dir: dir, OnMail: func(m mailer.CapturedMail) error {
		if b, err := os.ReadFile(m.File); err != nil || !bytes.Equal(b, m.Data) {
			t.Errorf("when announced, the file reads %q, %v", b, err)
		}
		got = append(got, m)
		return nil
	}})
	s := mustDial(t, noTLS(c.URL()))
	data := mustCompose(t, invitation())
	evil := bytes.Replace(data, []byte("<m-17@heraut.example.nl>"), []byte("<../../x/é@heraut.example.nl>"), 1)
	for _, d := range [][]byte{data, evil, []byte("no header at all")} {
		if r := s.Send(t.Context(), mailer.Transaction{Envelope: envelope(), Data: d}); r.Verdict != mailer.Accepted {
			t.Fatalf("result %+v", r)
		}
	}
	if len(got) != 3 || !bytes.Equal(got[0].Data, data) || got[0].From != "bounces@example.nl" || !slices.Equal(got[0].To, []string{"zoe@example.org"}) || got[0].ReceivedAt.IsZero() {
		t.Errorf("captured %d mails, first %+v", len(got), got[0])
	}
	want := []string{"000001-m-17@heraut.example.nl.eml", "000002-.._.._x__@heraut.example.nl.eml", "000003-no-message-id.eml"}
	if names := fileNames(t, dir); !slices.Equal(names, want) {
		t.Errorf("files %q, want %q", names, want)
	}
}

func TestCaptureFileName(t *testing.T) {
	dir := t.TempDir()
	c := startCapture(t, mailer.CaptureConfig{Dir: dir, FileName: func(m mailer.CapturedMail) string {
		if m.Seq == 2 {
			return "../outside.eml"
		}
		return "workshop/" + m.To[0] + ".eml"
	}})
	s := mustDial(t, noTLS(c.URL()))
	if r := s.Send(t.Context(), tx()); r.Verdict != mailer.Accepted {
		t.Errorf("result %+v", r)
	}
	if r := s.Send(t.Context(), tx()); r.Verdict != mailer.Temporary || r.Code != 451 {
		t.Errorf("a name outside the folder: %+v", r)
	}
	if b, err := os.ReadFile(filepath.Join(dir, "workshop", "zoe@example.org.eml")); err != nil || !bytes.Equal(b, plain()) {
		t.Errorf("file reads %q, %v", b, err)
	}
}

func TestCaptureOffers(t *testing.T) {
	c := startCapture(t, mailer.CaptureConfig{})
	conn, err := net.Dial("tcp", c.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "EHLO x\r\nQUIT\r\n"); err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"PIPELINING", "8BITMIME", "SMTPUTF8", "SIZE 26214400"} {
		if !strings.Contains(string(b), want+"\r\n") {
			t.Errorf("%s is not offered:\n%s", want, b)
		}
	}
	if strings.Contains(string(b), "AUTH") || strings.Contains(string(b), "STARTTLS") {
		t.Errorf("offers too much:\n%s", b)
	}
}

func TestCaptureSizeLimit(t *testing.T) {
	c := startCapture(t, mailer.CaptureConfig{OnMail: func(m mailer.CapturedMail) error {
		t.Errorf("took a mail of %d bytes", len(m.Data))
		return nil
	}})
	s := mustDial(t, noTLS(c.URL()))
	large := bytes.Repeat([]byte("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcd\r\n"), 25<<20/64+1)
	if r := s.Send(t.Context(), mailer.Transaction{Envelope: envelope(), Data: large}); r.Verdict != mailer.Permanent || !errors.Is(r.Err, mailer.ErrTooLarge) {
		t.Errorf("result %+v", r)
	}
}

func TestCaptureRefuses(t *testing.T) {
	for _, addr := range []string{"0.0.0.0:0", ":0", "192.0.2.1:25", "x"} {
		if c, err := mailer.StartCapture(mailer.CaptureConfig{Addr: addr}); err == nil {
			c.Close()
			t.Errorf("listens on %s", addr)
		}
	}
}

func TestCaptureOnMailError(t *testing.T) {
	c := startCapture(t, mailer.CaptureConfig{OnMail: func(mailer.CapturedMail) error { return errors.New("disk full") }})
	if r := mustDial(t, noTLS(c.URL())).Send(t.Context(), tx()); r.Verdict != mailer.Temporary || r.Code != 451 {
		t.Errorf("result %+v", r)
	}
}

// TestCaptureClose: closing in the middle of mails leaves no goroutine and no
// half file.
func TestCaptureClose(t *testing.T) {
	dir := t.TempDir()
	c := startCapture(t, mailer.CaptureConfig{Dir: dir})
	inBody := mustDial(t, noTLS(c.URL()))
	mustDial(t, noTLS(c.URL())) // idle
	r := inBody.Send(t.Context(), txBefore(func(context.Context) error { return c.Close() }))
	if r.Verdict != mailer.InDoubt && r.Verdict != mailer.Temporary { // by whether the dot left
		t.Errorf("result %+v", r)
	}
	if err := c.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
	if names := fileNames(t, dir); len(names) != 0 {
		t.Errorf("files %q", names)
	}
	if left := goroutinesOf("go-smtp.", "mailer.(*Capture)", "mailer.StartCapture"); left != "" {
		t.Errorf("goroutines left:\n%s", left)
	}
}

func BenchmarkSendToCapture(b *testing.B) {
	data := mustCompose(b, invitation())
	c := startCapture(b, mailer.CaptureConfig{})
	s := mustDial(b, noTLS(c.URL()))
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if r := s.Send(b.Context(), mailer.Transaction{Envelope: envelope(), Data: data}); r.Verdict != mailer.Accepted {
			b.Fatalf("result %+v", r)
		}
	}
}

func BenchmarkSendPool(b *testing.B) {
	data := mustCompose(b, invitation())
	c := startCapture(b, mailer.CaptureConfig{})
	d, err := mailer.NewDialer(noTLS(c.URL()))
	if err != nil {
		b.Fatal(err)
	}
	p := mailer.NewPool(d, 8, 0)
	defer p.Close()
	var failed sync.Once
	b.SetParallelism(8)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			s, err := p.Get(b.Context())
			if err != nil {
				failed.Do(func() { b.Error(err) })
				return
			}
			if r := s.Send(b.Context(), mailer.Transaction{Envelope: envelope(), Data: data}); r.Verdict != mailer.Accepted {
				failed.Do(func() { b.Errorf("result %+v", r) })
			}
			p.Put(s, true)
		}
	})
}
