package mailer_test

import (
	"bufio"
	"bytes"
	"io"
	"net/textproto"
	"strings"
	"testing"

	"heraut/worker/mailer"
)

func FuzzReadReply(f *testing.F) {
	for _, s := range []string{"250 ok\r\n", "250-a\r\n250 b\r\n", "550 5.1.1 no\r\n", "250\r\n", "250-a\r\n550 b\r\n", "2500 x\r\n", "250+x\r\n", "999 x\r\n", "250-\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		code, enhanced, text, err := mailer.ReadReply(bufio.NewReader(strings.NewReader(s)))
		if err != nil {
			return
		}
		if code < 200 || code > 599 || len(text) > 500 || strings.ContainsAny(text, "\r\n\x00") {
			t.Errorf("%q reads as %d %q %q", s, code, enhanced, text)
		}
		if enhanced != "" && enhanced[0] != byte('0'+code/100) {
			t.Errorf("%q: code %d with %s", s, code, enhanced)
		}
	})
}

// FuzzDotStuffed compares with the standard library's way of reading DATA.
func FuzzDotStuffed(f *testing.F) {
	for _, s := range []string{"a\r\n", ".\r\n", "..", "a\r\n.\r\n..\r\n", "a"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, err := mailer.CheckWire(data); err != nil || len(data) == 0 {
			return
		}
		wire := append(mailer.DotStuffed(bytes.Clone(data)), ".\r\nNEXT"...)
		in := textproto.NewReader(bufio.NewReader(bytes.NewReader(wire)))
		got, err := io.ReadAll(in.DotReader())
		if err != nil {
			t.Fatalf("%q: %v", wire, err)
		}
		want := strings.ReplaceAll(string(data), "\r\n", "\n")
		if !strings.HasSuffix(want, "\n") {
			want += "\n"
		}
		rest, _ := io.ReadAll(in.R)
		if string(got) != want || string(rest) != "NEXT" {
			t.Errorf("%q arrives as %q, followed by %q", data, got, rest)
		}
	})
}
