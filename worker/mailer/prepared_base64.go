package mailer

import (
	"encoding/base64"
	"slices"
)

// base64Line is how many octets make one full line of base64.
const base64Line = maxEncodedLine / 4 * 3

// base64Writer appends base64 in full lines (RFC 2045 §6.8) of what comes in
// pieces of any length. The zero value begins at the end of dst.
type base64Writer struct {
	dst  []byte
	line [base64Line]byte
	held int // octets in line
}

func (w *base64Writer) write(s string) {
	for s != "" {
		n := copy(w.line[w.held:], s)
		s, w.held = s[n:], w.held+n
		if w.held == len(w.line) {
			w.flush()
		}
	}
}

// flush writes what is held as one line; only the last may be a short one.
func (w *base64Writer) flush() {
	if w.held == 0 {
		return
	}
	at, n := len(w.dst), base64.StdEncoding.EncodedLen(w.held)
	w.dst = slices.Grow(w.dst, n+2)[:at+n]
	base64.StdEncoding.Encode(w.dst[at:], w.line[:w.held])
	w.dst = append(w.dst, '\r', '\n')
	w.held = 0
}
