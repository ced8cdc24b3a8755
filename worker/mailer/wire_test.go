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
		wire, err := mailer.DotStuffed(nil, data)
		if err != nil {
			t.Fatalf("%q: %v", data, err)
		}
		wire = append(wire, ".\r\nNEXT"...)
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

// FuzzCheckWire compares with the rule as RFC 5322 §2.3 words it.
func FuzzCheckWire(f *testing.F) {
	long := strings.Repeat("x", 998)
	for _, s := range []string{"", "a", "a\r\n", "\r\n", "a\n", "\n", "a\r", "a\rb\r\n", "\r\r\n", "a\x00\r\n", "a\r\n\n", "é\r\n",
		long, long + "\r\n", long + "x", long + "x\r\n", long + "\rx\r\n", strings.Repeat("a", 40) + "\xff", "\n\r", "a\r\nb\rc"} {
		f.Add([]byte(s))
	}
	for i := range 40 {
		f.Add([]byte(strings.Repeat("a", i) + "\xff" + strings.Repeat("a", 40)))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		sound, ascii := true, true
		for _, line := range strings.Split(string(data), "\r\n") {
			sound = sound && len(line) <= 998 && !strings.ContainsAny(line, "\r\n\x00")
		}
		for _, c := range data {
			ascii = ascii && c < 0x80
		}
		gotASCII, err := mailer.CheckWire(data)
		if (err == nil) != sound || (sound && gotASCII != ascii) {
			t.Errorf("%q: ASCII %v, error %v; want sound %v, ASCII %v", data, gotASCII, err, sound, ascii)
		}
	})
}
