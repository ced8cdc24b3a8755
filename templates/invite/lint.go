package invite

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// MaxBytes is the largest invitation that [Lint] accepts, in octets.
const MaxBytes = 64 << 10

// Rule names what a [Problem] breaks. The names are stable: they may be
// recorded and counted.
type Rule string

// The rules of [Lint]. Those about the octets are judged first; when the size,
// the encoding or the nesting is wrong the others have nothing to stand on and
// are left out.
const (
	// RuleSize: at most [MaxBytes].
	RuleSize Rule = "size"
	// RuleUTF8: the whole is valid UTF-8 as it stands, so no fold cuts through a character.
	RuleUTF8 Rule = "utf-8"
	// RuleLineEnd: every line ends with CRLF, the last one too.
	RuleLineEnd Rule = "line-end"
	// RuleLineLength: no line is longer than 75 octets.
	RuleLineLength Rule = "line-length"
	// RuleControl: no control character but the line ends, and tab.
	RuleControl Rule = "control-character"
	// RuleSyntax: every line is name, parameters, value.
	RuleSyntax Rule = "property-syntax"
	// RuleText: texts escape backslash, comma and semicolon, and nothing else but n.
	RuleText Rule = "text-escape"
	// RuleNesting: BEGIN and END pair up inside one VCALENDAR.
	RuleNesting Rule = "nesting"
	// RuleVersion: one VERSION, 2.0.
	RuleVersion Rule = "version"
	// RuleProductID: one PRODID.
	RuleProductID Rule = "prodid"
	// RuleMethod: one METHOD, REQUEST or CANCEL, the expected one.
	RuleMethod Rule = "method"
	// RuleOneEvent: one VEVENT, and nothing else but VTIMEZONEs.
	RuleOneEvent Rule = "one-event"
	// RuleUID: one UID, not empty, the expected one.
	RuleUID Rule = "uid"
	// RuleStamp: one DTSTAMP, in UTC.
	RuleStamp Rule = "dtstamp"
	// RuleStart: one DTSTART, in UTC or with a TZID; never floating, never a date.
	RuleStart Rule = "dtstart"
	// RuleEnd: one DTEND in the same form as DTSTART and after it.
	RuleEnd Rule = "dtend"
	// RuleSequence: one SEQUENCE, a number, the expected one.
	RuleSequence Rule = "sequence"
	// RuleOrganizer: one ORGANIZER with a mailto address, the expected one.
	RuleOrganizer Rule = "organizer"
	// RuleAttendee: one ATTENDEE with a mailto address, the expected one.
	RuleAttendee Rule = "attendee"
	// RuleAnswer: the ATTENDEE of a REQUEST has RSVP=TRUE and PARTSTAT=NEEDS-ACTION.
	RuleAnswer Rule = "answer-wanted"
	// RuleStatus: STATUS is CANCELLED in a CANCEL and in nothing else.
	RuleStatus Rule = "status"
	// RuleZone: every TZID in use has one complete VTIMEZONE.
	RuleZone Rule = "timezone"
	// RuleZoneDates: a VTIMEZONE has no RDATE; Outlook misreads them.
	RuleZoneDates Rule = "timezone-rdate"
	// RuleAlarm: a CANCEL has no VALARM.
	RuleAlarm Rule = "alarm"
)

// Problem is one thing wrong with an invitation.
type Problem struct {
	// Line is where, counted from 1 before unfolding; 0 when it is something
	// that is missing.
	Line int
	// Rule is the rule that is broken.
	Rule Rule
	// Text says what is wrong, without quoting the invitation.
	Text string
}

// LintError is what [Lint] returns: every problem, by line. It quotes nothing
// from the invitation, so it holds no name or address.
type LintError struct {
	Problems []Problem
}

// Error lists the problems on one line.
func (e *LintError) Error() string {
	var b strings.Builder
	b.WriteString("invitation is not right")
	for i, p := range e.Problems {
		sep := "; "
		if i == 0 {
			sep = ": "
		}
		b.WriteString(sep)
		if p.Line > 0 {
			fmt.Fprintf(&b, "line %d: ", p.Line)
		}
		fmt.Fprintf(&b, "%s (%s)", p.Text, p.Rule)
	}
	return b.String()
}

// Expect is what the sender knows of the invitation. Fields left zero are not
// checked. Addresses are compared without regard to case, as calendar programs
// do.
type Expect struct {
	Method    Method
	UID       string
	Sequence  int
	Attendee  string // addr-spec
	Organizer string // addr-spec
}

// Lint reads an invitation as a recipient's program would and returns nil or a
// *[LintError] with every problem found. It takes time linear in the input.
func Lint(ics []byte, want Expect) error {
	l := &linter{want: want}
	if cal, ok := l.read(ics); ok {
		l.calendar(cal)
	}
	if len(l.problems) == 0 {
		return nil
	}
	slices.SortStableFunc(l.problems, func(a, b Problem) int { return cmp.Compare(a.Line, b.Line) })
	return &LintError{Problems: l.problems}
}

// linter gathers the problems of one invitation.
type linter struct {
	want     Expect
	problems []Problem
}

func (l *linter) report(line int, rule Rule, text string) {
	l.problems = append(l.problems, Problem{Line: line, Rule: rule, Text: text})
}

// node is a component: what stands between BEGIN and END.
type node struct {
	name     string
	line     int
	props    []property
	children []*node
}

// read judges octets, lines and nesting, and returns the VCALENDAR.
func (l *linter) read(ics []byte) (*node, bool) {
	if len(ics) > MaxBytes {
		l.report(0, RuleSize, fmt.Sprintf("longer than %d octets", MaxBytes))
		return nil, false
	}
	if !utf8.Valid(ics) {
		l.report(0, RuleUTF8, "not valid UTF-8")
		return nil, false
	}
	lines := physicalLines(string(ics))
	for _, line := range lines {
		l.physical(line)
	}
	var props []property
	for _, line := range unfold(lines) {
		p, problem := parseProperty(line, nil)
		if problem != "" {
			l.report(line.number, RuleSyntax, problem)
			continue
		}
		props = append(props, p)
	}
	return l.nest(props)
}

func (l *linter) physical(line physicalLine) {
	if !line.crlf {
		l.report(line.number, RuleLineEnd, "line does not end with CRLF")
	}
	if len(line.text) > maxLine {
		l.report(line.number, RuleLineLength, fmt.Sprintf("line is longer than %d octets", maxLine))
	}
	for i := range len(line.text) {
		if c := line.text[i]; c < ' ' && c != '\t' || c == 0x7F {
			l.report(line.number, RuleControl, "control character")
			break
		}
	}
}

// maxDepth is VCALENDAR, VEVENT, VALARM.
const maxDepth = 3

// nest builds the tree of components.
func (l *linter) nest(props []property) (*node, bool) {
	root := &node{}
	open := []*node{root}
	for _, p := range props {
		top := open[len(open)-1]
		switch name := strings.ToUpper(p.value); {
		case p.name == "BEGIN" && len(open) > maxDepth:
			l.report(p.line, RuleNesting, "component inside a component that has none")
			return nil, false
		case p.name == "BEGIN":
			child := &node{name: name, line: p.line}
			top.children = append(top.children, child)
			open = append(open, child)
		case top == root:
			l.report(p.line, RuleNesting, "line outside VCALENDAR")
			return nil, false
		case p.name == "END" && name != top.name:
			l.report(p.line, RuleNesting, "END of another component than the open one")
			return nil, false
		case p.name == "END":
			open = open[:len(open)-1]
		default:
			top.props = append(top.props, p)
		}
	}
	if len(open) > 1 {
		l.report(open[len(open)-1].line, RuleNesting, "component without END")
		return nil, false
	}
	if len(root.children) != 1 || root.children[0].name != "VCALENDAR" {
		l.report(0, RuleNesting, "not one VCALENDAR")
		return nil, false
	}
	return root.children[0], true
}
