package invite

import (
	"bytes"
	"unicode/utf8"
)

// maxLine is the longest line in octets, without its CRLF (RFC 5545 section 3.1).
const maxLine = 75

// fold breaks every line of ics, which must end its lines with CRLF, so that
// none is longer than maxLine octets. It never cuts through a UTF-8 sequence:
// the RFC allows that, but programs that decode before they unfold show rubbish.
func fold(ics []byte) []byte {
	out := make([]byte, 0, len(ics)+len(ics)/16)
	for text := range bytes.SplitSeq(bytes.TrimSuffix(ics, []byte("\r\n")), []byte("\r\n")) {
		out = appendFolded(out, text)
	}
	return out
}

// appendFolded appends one line, folded, with its CRLF.
func appendFolded(out, text []byte) []byte {
	room := maxLine
	for len(text) > room {
		cut := room
		for cut > 0 && !utf8.RuneStart(text[cut]) {
			cut--
		}
		out = append(out, text[:cut]...)
		out = append(out, "\r\n "...)
		text = text[cut:]
		room = maxLine - 1 // the space counts
	}
	out = append(out, text...)
	return append(out, "\r\n"...)
}
