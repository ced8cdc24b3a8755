package jobs

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // a static binary in an empty container knows its zones

	"go.yaml.in/yaml/v3"
)

// MaxProgramme is the largest programme file that is read, in bytes.
const MaxProgramme = 1 << 20

// ParseProgramme reads a programme file (design: programme.yaml). name is what
// errors call the file. Every problem found is reported, each with its line;
// the error is a *[ProblemsError]. Blanks that are still to be filled in are
// no error: they are listed in [Event.Blanks].
func ParseProgramme(name string, data []byte) (*Programme, error) {
	p := programmeParser{problems: problems{file: name}}
	if len(data) > MaxProgramme {
		p.add(0, "larger than %d bytes: this is no programme file", MaxProgramme)
		return nil, p.err()
	}
	dec := yaml.NewDecoder(strings.NewReader(string(data)))
	dec.KnownFields(true)
	var f programmeFile
	if err := dec.Decode(&f); err != nil {
		p.yamlError(err)
		return nil, p.err()
	}
	prog := p.programme(f)
	if err := p.err(); err != nil {
		return nil, err
	}
	return prog, nil
}

// The file as YAML has it. A value keeps its line for the error that may
// follow.
type (
	programmeFile struct {
		Programme value       `yaml:"programme"`
		Timezone  value       `yaml:"timezone"`
		Events    []eventFile `yaml:"events"`
	}
	eventFile struct {
		ID        value       `yaml:"id"`
		Start     value       `yaml:"start"`
		End       value       `yaml:"end"`
		Weekday   value       `yaml:"weekday"`
		Timezone  value       `yaml:"timezone"`
		Title     text        `yaml:"title"`
		Summary   text        `yaml:"summary"`
		Location  placeFile   `yaml:"location"`
		Speaker   value       `yaml:"speaker"`
		Organizer personFile  `yaml:"organizer"`
		Audience  *audienceIn `yaml:"audience"`
		Messages  []ruleFile  `yaml:"messages"`
		Quiet     *quietFile  `yaml:"quiet_hours"`
		Cancelled bool        `yaml:"cancelled"`
	}
	placeFile struct {
		Name value `yaml:"name"`
		URL  value `yaml:"url"`
	}
	personFile struct {
		Name  value `yaml:"name"`
		Email value `yaml:"email"`
	}
	audienceIn struct {
		Domains   []value `yaml:"domains"`
		Otherwise value   `yaml:"otherwise"`
	}
	ruleFile struct {
		Name    value `yaml:"name"`
		Kind    value `yaml:"kind"`
		At      value `yaml:"at"`
		Late    value `yaml:"late"`
		MaxLate value `yaml:"max_late"`
		Quiet   value `yaml:"quiet_hours"`
	}
	quietFile struct {
		From     value `yaml:"from"`
		To       value `yaml:"to"`
		Weekends *bool `yaml:"weekends"`
	}
	value struct {
		s    string
		line int
	}
	text struct {
		nl, en value
	}
)

// UnmarshalYAML keeps the line of a scalar.
func (v *value) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind != yaml.ScalarNode {
		return fmt.Errorf("line %d: a single value is expected here", n.Line)
	}
	v.line = n.Line
	if n.Tag != "!!null" {
		v.s = strings.TrimSpace(n.Value)
	}
	return nil
}

// UnmarshalYAML reads {nl: …, en: …}, or one text for every language.
func (t *text) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		return t.nl.UnmarshalYAML(n)
	}
	if n.Kind != yaml.MappingNode {
		return fmt.Errorf("line %d: write a text, or {nl: …, en: …}", n.Line)
	}
	for i := 0; i < len(n.Content); i += 2 {
		to := &t.nl
		switch key := n.Content[i]; key.Value {
		case "nl":
		case "en":
			to = &t.en
		default:
			return fmt.Errorf("line %d: %q is no language of ours: nl or en", key.Line, key.Value)
		}
		if err := to.UnmarshalYAML(n.Content[i+1]); err != nil {
			return err
		}
	}
	return nil
}

type programmeParser struct {
	problems
}

var (
	yamlLine     = regexp.MustCompile(`^(?:yaml: )?line (\d+): (.*)$`)
	unknownField = regexp.MustCompile(`^field (\S+) not found in type .*$`)
)

// yamlError turns what the YAML package says into problems with lines.
func (p *programmeParser) yamlError(err error) {
	msgs := []string{err.Error()}
	if te, ok := errors.AsType[*yaml.TypeError](err); ok {
		msgs = te.Errors
	}
	for _, msg := range msgs {
		line := 0
		if m := yamlLine.FindStringSubmatch(msg); m != nil {
			line, _ = strconv.Atoi(m[1])
			msg = m[2]
		}
		if m := unknownField.FindStringSubmatch(msg); m != nil {
			msg = fmt.Sprintf("unknown key %q; check its spelling", m[1])
		}
		if msg == "EOF" {
			msg = "the file is empty; `heraut init` writes one to start from"
		}
		p.add(line, "%s", strings.TrimPrefix(msg, "yaml: "))
	}
}

func (p *programmeParser) programme(f programmeFile) *Programme {
	prog := &Programme{Name: f.Programme.s, Zone: p.zone(f.Timezone)}
	if prog.Name == "" {
		p.add(max(f.Programme.line, 1), "programme: the programme has no name")
	}
	if f.Timezone.s == "" {
		p.add(1, "timezone: missing; write for example Europe/Amsterdam")
	}
	if len(f.Events) == 0 {
		p.add(0, "events: the programme has no events")
	}
	for _, ef := range f.Events {
		ev := p.event(ef, prog.Zone)
		if slices.ContainsFunc(prog.Events, func(e Event) bool { return e.ID == ev.ID }) && ev.ID != "" {
			p.add(ef.ID.line, "event %q stands in the file twice; ids are unique", ev.ID)
		}
		prog.Events = append(prog.Events, ev)
	}
	return prog
}

func (p *programmeParser) zone(v value) *time.Location {
	if v.s == "" {
		return time.UTC
	}
	zone, err := time.LoadLocation(v.s)
	if err != nil || v.s == "Local" {
		p.add(v.line, "timezone: %q is not known; write an IANA name such as Europe/Amsterdam", v.s)
		return time.UTC
	}
	return zone
}

// identifier is what an event or rule may be called: it becomes part of keys,
// file names and URLs.
var identifier = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,63}$`)

func (p *programmeParser) event(f eventFile, zone *time.Location) Event {
	ev := Event{ID: f.ID.s, Zone: zone, IsCancelled: f.Cancelled, HasStartTime: true}
	if !identifier.MatchString(ev.ID) {
		p.add(f.ID.line, "id: %q; an event's id is 1 to 64 of a-z, 0-9, - and _", ev.ID)
	}
	if f.Timezone.s != "" {
		ev.Zone = p.zone(f.Timezone)
	}
	fill := func(field string, v value) value { return p.blank(&ev, field, v) }

	p.times(&ev, f)
	ev.Title = Text{CleanName(fill("title.nl", f.Title.nl).s), CleanName(fill("title.en", f.Title.en).s)}
	if ev.Title.NL == "" {
		p.add(f.ID.line, "event %q has no title.nl", ev.ID)
	}
	ev.Summary = Text{fill("summary.nl", f.Summary.nl).s, fill("summary.en", f.Summary.en).s}
	ev.Speaker = CleanName(fill("speaker", f.Speaker).s)
	ev.Location = Location{Name: CleanName(fill("location.name", f.Location.Name).s)}
	if v := f.Location.URL; fill("location.url", v).s != "" && !isBlank(v.s) {
		u, err := url.Parse(v.s)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
			p.add(v.line, "location.url: %q is no web address; write https://…", v.s)
		}
		ev.Location.URL = v.s
	}
	ev.Organizer.Name = CleanName(fill("organizer.name", f.Organizer.Name).s)
	switch v := f.Organizer.Email; {
	case v.s == "":
		p.add(max(v.line, f.ID.line), "event %q has no organizer.email; answers to invitations arrive there", ev.ID)
	case isBlank(v.s):
		fill("organizer.email", v)
	default:
		addr, err := ParseAddress(v.s)
		if err != nil {
			p.add(v.line, "organizer.email: %v", err)
		}
		ev.Organizer.Email = addr
	}
	ev.Audience = p.audience(f.Audience)
	ev.Quiet = p.quiet(f.Quiet)
	p.rules(&ev, f)
	return ev
}

// blank notes a value that is still to be filled in.
func (p *programmeParser) blank(ev *Event, field string, v value) value {
	if isBlank(v.s) {
		ev.Blanks = append(ev.Blanks, Blank{"events." + ev.ID + "." + field, v.line})
	}
	return v
}

// isBlank says whether a value holds the mark of something to fill in.
func isBlank(s string) bool {
	s = strings.ToLower(s)
	return strings.Contains(s, "[in te vullen") || strings.Contains(s, "[to fill in")
}

func (p *programmeParser) times(ev *Event, f eventFile) {
	if f.Start.s == "" {
		p.add(f.ID.line, "event %q has no start; write start: 2026-11-19T11:30", ev.ID)
		return
	}
	var ok bool
	if ev.Start, ev.HasStartTime, ok = p.instant(ev, "start", f.Start); !ok {
		return
	}
	ev.End = ev.Start.Add(time.Hour)
	if f.End.s != "" {
		if ev.End, _, ok = p.instant(ev, "end", f.End); !ok {
			return
		}
		switch {
		case isBlank(f.End.s) || !ev.HasStartTime:
			ev.End = ev.Start.Add(time.Hour)
		case !ev.End.After(ev.Start):
			p.add(f.End.line, "end: %s is not after the start, %s", f.End.s, f.Start.s)
		}
	}
	if w := strings.ToLower(f.Weekday.s); w != "" {
		local := ev.Start.In(ev.Zone)
		day, known := weekdays[w]
		switch {
		case !known:
			p.add(f.Weekday.line, "weekday: %q is no day of the week", f.Weekday.s)
		case day != local.Weekday():
			p.add(f.Weekday.line, "weekday: %s is a %s, not a %s", local.Format("2 January 2006"), strings.ToLower(local.Weekday().String()), w)
		}
	}
}

var weekdays = map[string]time.Weekday{
	"monday": time.Monday, "tuesday": time.Tuesday, "wednesday": time.Wednesday, "thursday": time.Thursday,
	"friday": time.Friday, "saturday": time.Saturday, "sunday": time.Sunday,
	"maandag": time.Monday, "dinsdag": time.Tuesday, "woensdag": time.Wednesday, "donderdag": time.Thursday,
	"vrijdag": time.Friday, "zaterdag": time.Saturday, "zondag": time.Sunday,
}

var localTime = regexp.MustCompile(`^(\d{4})-(\d\d)-(\d\d)(?:[T ](.*))?$`)

// instant reads a wall-clock time in the event's zone. A time of day that is
// still to be filled in gives midnight, and withTime false.
func (p *programmeParser) instant(ev *Event, field string, v value) (t time.Time, withTime, ok bool) {
	m := localTime.FindStringSubmatch(v.s)
	bad := func() (time.Time, bool, bool) {
		p.add(v.line, "%s: %q is no time; write 2026-11-19T11:30, on the clock of %s", field, v.s, ev.Zone)
		return time.Time{}, false, false
	}
	if m == nil {
		return bad()
	}
	day, err := time.Parse(time.DateOnly, v.s[:10])
	if err != nil {
		return bad()
	}
	var c Clock
	if isBlank(m[4]) {
		p.blank(ev, field, v)
	} else {
		hm := m[4]
		if len(hm) == len("11:30:00") {
			hm = strings.TrimSuffix(hm, ":00") // seconds, where a program wrote the file
		}
		if c, err = ParseClock(hm); err != nil {
			return bad()
		}
		withTime = true
	}
	y, mon, d := day.Date()
	return wallTime(y, mon, d, c, ev.Zone), withTime, true
}

func (p *programmeParser) audience(f *audienceIn) Audience {
	a := Audience{Otherwise: OtherwiseHold}
	if f == nil {
		return a
	}
	for _, v := range f.Domains {
		d, err := ParseDomain(strings.TrimPrefix(v.s, "@"))
		if err != nil {
			p.add(v.line, "audience.domains: %q: %v", v.s, err)
			continue
		}
		a.Domains = append(a.Domains, d)
	}
	if len(f.Domains) == 0 {
		p.add(f.Otherwise.line, "audience.domains: empty, so nobody would be let in; leave audience out to let in everybody")
	}
	switch o := Otherwise(f.Otherwise.s); o {
	case "":
	case OtherwiseAccept, OtherwiseHold, OtherwiseRefuse:
		a.Otherwise = o
	default:
		p.add(f.Otherwise.line, "audience.otherwise: %q; write accept, hold or refuse", f.Otherwise.s)
	}
	return a
}

func (p *programmeParser) quiet(f *quietFile) *QuietHours {
	if f == nil {
		return nil
	}
	q := &QuietHours{Weekends: f.Weekends == nil || *f.Weekends}
	for _, c := range []struct {
		v  value
		to *Clock
	}{{f.From, &q.From}, {f.To, &q.To}} {
		if c.v.s == "" {
			continue
		}
		var err error
		if *c.to, err = ParseClock(c.v.s); err != nil {
			p.add(c.v.line, "quiet_hours: %v", err)
		}
	}
	if (f.From.s == "") != (f.To.s == "") {
		p.add(max(f.From.line, f.To.line), "quiet_hours: from and to go together")
	}
	return q
}

func (p *programmeParser) rules(ev *Event, f eventFile) {
	for _, rf := range f.Messages {
		r, ok := p.rule(ev, rf)
		if !ok {
			continue
		}
		if slices.ContainsFunc(ev.Rules, func(o Rule) bool { return o.Name == r.Name }) {
			p.add(rf.Name.line, "message %q stands in event %q twice", r.Name, ev.ID)
		}
		if r.Kind == Confirmation && slices.ContainsFunc(ev.Rules, func(o Rule) bool { return o.Kind == Confirmation }) {
			p.add(rf.Name.line, "event %q has two confirmations", ev.ID)
		}
		ev.Rules = append(ev.Rules, r)
	}
}

func (p *programmeParser) rule(ev *Event, f ruleFile) (r Rule, ok bool) {
	before := len(p.list)
	r = Rule{Name: f.Name.s, Kind: Kind(f.Kind.s), Late: Late(f.Late.s), Quiet: QuietRule(f.Quiet.s)}
	if r.Kind == "" && r.Name == string(Confirmation) {
		r.Kind = Confirmation
	}
	if !identifier.MatchString(r.Name) {
		p.add(f.Name.line, "message name: %q; 1 to 64 of a-z, 0-9, - and _", r.Name)
	}
	switch r.Kind {
	case Confirmation, Reminder, Followup:
	case Change, Cancellation:
		p.add(f.Kind.line, "message %q: a %s needs no rule, it is sent when the event changes", r.Name, r.Kind)
	default:
		p.add(max(f.Kind.line, f.Name.line), "message %q: kind: %q; write confirmation, reminder or followup", r.Name, r.Kind)
	}
	switch r.Late {
	case "":
		r.Late = LateSkip
	case LateSkip, LateNow, LateFold:
	default:
		p.add(f.Late.line, "message %q: late: %q; write skip, now or fold", r.Name, r.Late)
	}
	switch r.Quiet {
	case "":
		r.Quiet = map[Kind]QuietRule{Reminder: QuietEarlier, Followup: QuietLater, Confirmation: QuietIgnore}[r.Kind]
	case QuietIgnore, QuietEarlier, QuietLater:
	default:
		p.add(f.Quiet.line, "message %q: quiet_hours: %q; write ignore, earlier or later", r.Name, r.Quiet)
	}
	if r.Kind != Confirmation {
		r.MaxLate = DefaultMaxLate
	}
	if f.MaxLate.s != "" {
		d, err := time.ParseDuration(f.MaxLate.s)
		if err != nil || d <= 0 {
			p.add(f.MaxLate.line, "message %q: max_late: %q; write a time such as 90m or 6h", r.Name, f.MaxLate.s)
		}
		r.MaxLate = d
	}
	p.at(ev, &r, f)
	return r, len(p.list) == before
}

// at reads when a rule's message is due, and refuses what can never be right.
func (p *programmeParser) at(ev *Event, r *Rule, f ruleFile) {
	if r.Kind == Confirmation {
		if f.At.s != "" {
			p.add(f.At.line, "message %q: a confirmation leaves at once and takes no at", r.Name)
		}
		return
	}
	if f.At.s == "" {
		p.add(f.Name.line, "message %q has no at; write for example at: \"-1d 09:00\"", r.Name)
		return
	}
	var err error
	if r.At, err = ParseOffset(f.At.s); err != nil {
		p.add(f.At.line, "message %q: at: %v", r.Name, err)
		return
	}
	if !ev.HasStartTime || ev.Start.IsZero() {
		return
	}
	switch at := r.At.From(*ev); {
	case r.Kind == Reminder && !at.Before(ev.Start):
		p.add(f.At.line, "message %q: at: %s is not before the event starts; a reminder has to be", r.Name, f.At.s)
	case r.Kind == Followup && at.Before(ev.End):
		p.add(f.At.line, "message %q: at: %s is before the event ends; a followup comes after", r.Name, f.At.s)
	}
}
