package invite

import (
	"bytes"
	"slices"
	"strings"
)

// physicalLine is one line as it stands in the file.
type physicalLine struct {
	number int // from 1
	text   []byte
	crlf   bool // ended by CRLF and not by LF or the end of the file
}

// physicalLines splits ics at every LF.
func physicalLines(ics []byte) []physicalLine {
	var out []physicalLine
	for line := range bytes.SplitAfterSeq(ics, []byte("\n")) {
		if len(line) == 0 {
			continue // after the last line end
		}
		text, crlf := bytes.CutSuffix(line, []byte("\r\n"))
		if !crlf {
			text = bytes.TrimSuffix(text, []byte("\n"))
		}
		out = append(out, physicalLine{number: len(out) + 1, text: text, crlf: crlf})
	}
	return out
}

// contentLine is a line after unfolding (RFC 5545 section 3.1).
type contentLine struct {
	number int // of its first physical line
	text   string
}

// unfold joins continuation lines to the line they continue. Each octet is
// copied once or twice, so the whole is linear.
func unfold(lines []physicalLine) []contentLine {
	var out []contentLine
	for i := 0; i < len(lines); {
		first := i
		for i++; i < len(lines) && isContinuation(lines[i].text); i++ {
		}
		var b strings.Builder
		b.Write(lines[first].text)
		for _, l := range lines[first+1 : i] {
			b.Write(l.text[1:])
		}
		out = append(out, contentLine{number: lines[first].number, text: b.String()})
	}
	return out
}

func isContinuation(text []byte) bool {
	return len(text) > 0 && (text[0] == ' ' || text[0] == '\t')
}

// property is a parsed content line.
type property struct {
	line   int
	name   string // upper case
	params []param
	value  string // as written, escapes and all
}

type param struct {
	name  string // upper case
	value string // of a list, all values with the commas between them
}

// param returns the value of the named parameter, or "".
func (p property) param(name string) string {
	i := slices.IndexFunc(p.params, func(q param) bool { return q.name == name })
	if i < 0 {
		return ""
	}
	return p.params[i].value
}

// maxParams keeps the search for a parameter that stands twice from growing with
// the square of the line. RFC 5545 defines some twenty in all.
const maxParams = 32

// parseProperty reads name *(";" param) ":" value in one pass. The returned
// text says what is wrong, "" when nothing is.
func parseProperty(l contentLine) (p property, problem string) {
	name, rest := cutName(l.text)
	if name == "" {
		return property{}, "a line does not begin with a property name"
	}
	p = property{line: l.number, name: name}
	for strings.HasPrefix(rest, ";") {
		var q param
		q.name, rest = cutName(rest[1:])
		if q.name == "" || !strings.HasPrefix(rest, "=") {
			return property{}, "a parameter has no name or no value"
		}
		if len(p.params) == maxParams {
			return property{}, "a property has too many parameters"
		}
		if slices.ContainsFunc(p.params, func(o param) bool { return o.name == q.name }) {
			return property{}, "a parameter stands twice"
		}
		var ok bool
		if q.value, rest, ok = cutParamValues(rest[1:]); !ok {
			return property{}, "a parameter value has a stray quote"
		}
		p.params = append(p.params, q)
	}
	if !strings.HasPrefix(rest, ":") {
		return property{}, "a property has no value"
	}
	p.value = rest[1:]
	return p, ""
}

// cutName takes an iana-token or x-name off the front of s.
func cutName(s string) (name, rest string) {
	i := strings.IndexFunc(s, func(r rune) bool {
		return !('A' <= r && r <= 'Z' || 'a' <= r && r <= 'z' || '0' <= r && r <= '9' || r == '-')
	})
	if i < 0 {
		i = len(s)
	}
	return strings.ToUpper(s[:i]), s[i:]
}

// cutParamValues takes a list of plain or quoted values off the front of s.
func cutParamValues(s string) (values, rest string, ok bool) {
	var b strings.Builder
	for {
		if quoted, found := strings.CutPrefix(s, `"`); found {
			end := strings.IndexByte(quoted, '"')
			if end < 0 {
				return "", "", false
			}
			b.WriteString(quoted[:end])
			s = quoted[end+1:]
		} else {
			end := strings.IndexAny(s, `",;:`)
			if end < 0 {
				end = len(s)
			}
			b.WriteString(s[:end])
			s = s[end:]
		}
		switch {
		case strings.HasPrefix(s, ","):
			b.WriteByte(',')
			s = s[1:]
		case strings.HasPrefix(s, `"`):
			return "", "", false
		default: // ; or : or the end, which the caller judges
			return b.String(), s, s == "" || s[0] == ';' || s[0] == ':'
		}
	}
}

// unescape returns the text of a TEXT value, and false when it holds a
// backslash that escapes nothing, or a comma or semicolon that is not escaped
// (RFC 5545 section 3.3.11).
func unescape(value string) (text string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(value); i++ {
		switch c := value[i]; c {
		case ',', ';':
			return "", false
		case '\\':
			i++
			if i == len(value) {
				return "", false
			}
			switch value[i] {
			case '\\', ',', ';':
				b.WriteByte(value[i])
			case 'n', 'N':
				b.WriteByte('\n')
			default:
				return "", false
			}
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), true
}
