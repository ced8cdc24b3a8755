package mailer

// maxEncodedLine is the most octets an encoded line may have (RFC 2045 §6.7 and
// §6.8).
const maxEncodedLine = 76

// appendQuoted appends text in quoted-printable (RFC 2045 §6.7): every line
// ending becomes CRLF, long lines get soft line breaks. After [lineFeeds],
// mime/quotedprintable writes the same octets; but it allocates before it starts,
// which is most of the cost for the few lines that differ between people.
//
// Each line is encoded by itself. So encoding a text at once and encoding it in
// pieces that end with a line feed give the same result.
func appendQuoted(dst []byte, text string) []byte {
	start := len(dst) // of the line being written
	for i := 0; i < len(text); i++ {
		room := maxEncodedLine - 1 - (len(dst) - start) // one is for the = of a soft line break
		n := literals(text[i:min(len(text), i+room)])
		dst = append(dst, text[i:i+n]...)
		if i += n; i == len(text) {
			break
		}
		switch c := text[i]; {
		case c == '\r' || c == '\n':
			if c == '\r' && i+1 < len(text) && text[i+1] == '\n' {
				i++
			}
			dst = append(quoteLastSpace(dst, start), '\r', '\n')
			start = len(dst)
		case literal[c]: // and no room
			dst = append(append(dst, "=\r\n"...), c)
			start = len(dst) - 1
		default:
			if room-n < 3 {
				dst = append(dst, "=\r\n"...)
				start = len(dst)
			}
			dst = appendHex(dst, c)
		}
	}
	return quoteLastSpace(dst, start)
}

// literals counts the octets at the beginning of s that stand for themselves:
// nearly all do, and those in a row are copied at once.
func literals(s string) int {
	for i := range len(s) {
		if !literal[s[i]] {
			return i
		}
	}
	return len(s)
}

// literal is the octets that stand for themselves.
var literal = func() (is [256]bool) {
	for c := ' '; c <= '~'; c++ {
		is[c] = c != '='
	}
	is['\t'] = true
	return is
}()

// quoteLastSpace encodes white space at the end of the line that begins at
// start: a mail system may strip it.
func quoteLastSpace(dst []byte, start int) []byte {
	if len(dst) == start {
		return dst
	}
	last := dst[len(dst)-1]
	if last != ' ' && last != '\t' {
		return dst
	}
	dst = dst[:len(dst)-1]
	if len(dst)-start > maxEncodedLine-1-3 {
		dst = append(dst, "=\r\n"...)
	}
	return appendHex(dst, last)
}

func appendHex(dst []byte, c byte) []byte {
	const digits = "0123456789ABCDEF"
	return append(dst, '=', digits[c>>4], digits[c&0xf])
}
