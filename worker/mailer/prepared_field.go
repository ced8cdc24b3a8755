package mailer

import (
	"net/mail"
	"strings"
	"unicode/utf8"
)

// foldAt is the length from which a line of a header field is folded, as go-mail
// does for [Compose]; RFC 5322 §2.1.1 asks for 78 at most.
const foldAt = 73

// appendField appends a header field and folds it at spaces. A value unfolds to
// what it was: a fold stands before the last space between two words, never
// where it would leave a line of white space only (RFC 5322 §3.2.2).
func appendField[T string | []byte](dst []byte, name string, value T) []byte {
	dst = append(append(dst, name...), ':')
	used := len(name) + 1
	for i := 0; i <= len(value); {
		end := i
		for end < len(value) && value[end] != ' ' {
			end++
		}
		if word := end - i; word > 0 && used+1+word >= foldAt {
			dst = append(dst, '\r', '\n')
			used = 0
		}
		dst = append(append(dst, ' '), value[i:end]...)
		used += 1 + end - i
		i = end + 1
	}
	return append(dst, '\r', '\n')
}

// appendMailbox appends a field with one mailbox, whose address has been checked:
// what [addressText] says, with a short way for the names that nearly all have.
func appendMailbox(dst []byte, field string, a mail.Address) []byte {
	name := cleanText(a.Name)
	var room [512]byte
	text := room[:0]
	switch {
	case len(name) > maxName || strings.Contains(name, "=?") || strings.ContainsAny(name, `"\`):
		return appendField(dst, field, addressText(a))
	case name == "":
	case isASCII(name):
		text = append(append(append(text, '"'), name...), `" `...)
	case strings.ContainsAny(name, "\"#$%&'(),.:;<>@[]^`{|}~"):
		return appendField(dst, field, addressText(a)) // base64, as net/mail does
	default:
		text = append(appendQWords(text, name), ' ')
	}
	path, _ := headerPath(a.Address)
	text = append(append(append(text, '<'), path...), '>')
	return appendField(dst, field, text)
}

// appendText appends a field with text: what [encodedText] says.
func appendText(dst []byte, field, text string) []byte {
	text = cleanText(text)
	switch {
	case len(text) > maxLine/2 || strings.Contains(text, "=?"):
		return appendField(dst, field, encodedText(text))
	case isASCII(text):
		return appendField(dst, field, text)
	}
	var room [1024]byte
	return appendField(dst, field, appendQWords(room[:0], text))
}

// appendQWords appends clean text as encoded words, as mime.QEncoding does for
// text that is not ASCII: at most 75 octets each, no character split over two
// (RFC 2047 §2 and §5).
func appendQWords(dst []byte, s string) []byte {
	const begin, end = "=?utf-8?q?", "?="
	dst = append(dst, begin...)
	room := 75 - len(begin) - len(end)
	used := 0
	for i, r := range s {
		char := s[i : i+utf8.RuneLen(r)]
		size := len(char)
		literal := r == ' ' || r >= '!' && r <= '~' && r != '=' && r != '?' && r != '_'
		if !literal {
			size = 3 * len(char)
		}
		if used+size > room {
			dst = append(append(append(dst, end...), ' '), begin...)
			used = 0
		}
		used += size
		switch {
		case r == ' ':
			dst = append(dst, '_')
		case literal:
			dst = append(dst, char...)
		default:
			for j := range len(char) {
				dst = appendHex(dst, char[j])
			}
		}
	}
	return append(dst, end...)
}
