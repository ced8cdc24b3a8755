package invite

import (
	"slices"
	"strings"
)

// physicalLine is one line as it stands in the file.
type physicalLine struct {
	number int // from 1
	text   string
	crlf   bool // ended by CRLF and not by LF or the end of the file
}

// physicalLines splits ics at every LF.
func physicalLines(ics string) []physicalLine {
	return appendLines(make([]physicalLine, 0, strings.Count(ics, "\n")+1), ics)
}

// appendLines is physicalLines into memory that is there; numbers go on from
// what out holds.
func appendLines(out []physicalLine, ics string) []physicalLine {
	for ics != "" {
		line, rest, ended := strings.Cut(ics, "\n")
		text, cr := strings.CutSuffix(line, "\r")
		if !ended {
			text = line
		}
		out = append(out, physicalLine{number: len(out) + 1, text: text, crlf: cr && ended})
		ics = rest
	}
	return out
}

// contentLine is a line after unfolding (RFC 5545 section 3.1).
type contentLine struct {
	number int // of its first physical line
	text   string
}

// unfold joins continuation lines to the line they continue. Each octet is
// copied twice at most, so the whole is linear.
func unfold(lines []physicalLine) []contentLine {
	out := make([]contentLine, 0, len(lines))
	for i := 0; i < len(lines); {
		first := i
		for i++; i < len(lines) && isContinuation(lines[i].text); i++ {
		}
		out = append(out, contentLine{number: lines[first].number, text: join(lines[first:i])})
	}
	return out
}

// join gives the text of a line and its continuations.
func join(lines []physicalLine) string {
	if len(lines) == 1 {
		return lines[0].text
	}
	n := 0
	for _, l := range lines {
		n += len(l.text)
	}
	var b strings.Builder
	b.Grow(n)
	b.WriteString(lines[0].text)
	for _, l := range lines[1:] {
		b.WriteString(l.text[1:])
	}
	return b.String()
}

func isContinuation(text string) bool {
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
// text says what is wrong, "" when nothing is. The parameters come into params,
// which may be nil.
func parseProperty(l contentLine, params []param) (p property, problem string) {
	name, rest := cutName(l.text)
	if name == "" {
		return property{}, "a line does not begin with a property name"
	}
	p = property{line: l.number, name: name, params: params[:0]}
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
	i := 0
	for i < len(s) && ('A' <= s[i] && s[i] <= 'Z' || 'a' <= s[i] && s[i] <= 'z' || '0' <= s[i] && s[i] <= '9' || s[i] == '-') {
		i++
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
			end := 0
			for end < len(s) && s[end] != '"' && s[end] != ',' && s[end] != ';' && s[end] != ':' {
				end++
			}
			if b.Len() == 0 && (end == len(s) || s[end] == ';' || s[end] == ':') {
				return s[:end], s[end:], true // one plain value, as nearly all are
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
	if !strings.ContainsAny(value, `\,;`) {
		return value, true
	}
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
