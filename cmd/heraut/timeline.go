package main

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"os"
	"path/filepath"
	"slices"
	"time"

	"heraut/jobs"
)

//go:embed timeline.html
var timelineHTML string

//go:embed timeline.css
var timelineCSS string

// How much of a rehearsal the page lists. The folder has all of it.
const (
	timelineGroupMax = 25  // messages of one group that can be opened on the page
	timelineRowsMax  = 150 // people in one table
)

// timelineMailDir is where the files of the mails stand, below the page.
const timelineMailDir = "mail"

// writeTimeline writes DIR/index.html, and beside each mail that can be opened
// on the page its HTML part as a file of its own. The page needs no script and
// nothing from elsewhere; the mails in it are shown in frames without rights.
func writeTimeline(dir string, r *rehearsalResult, lang jobs.Lang) error {
	b := timelineBuilder{dir: dir, r: r, words: newTimelineWords(lang, r.Programme.Zone)}
	page, err := b.page()
	if err != nil {
		return fmt.Errorf("timeline: %w", err)
	}
	tmpl, err := template.New("timeline").Funcs(b.funcs()).Parse(timelineHTML)
	if err != nil {
		return fmt.Errorf("timeline: %w", err)
	}
	var out bytes.Buffer
	if err := tmpl.Execute(&out, page); err != nil {
		return fmt.Errorf("timeline: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "index.html"), out.Bytes(), 0o600); err != nil {
		return fmt.Errorf("timeline: %w", err)
	}
	return nil
}

// timelinePage is what the template shows.
type timelinePage struct {
	Lang        jobs.Lang
	Programme   string
	Zone        string
	Style       template.CSS
	StyleHash   string
	From        time.Time
	Until       time.Time
	Totals      timelineTotals
	Events      []timelineEvent
	Days        []timelineDay
	Tables      []timelineTable
	Held        []timelineHeld
	HeldAll     int
	Rejected    []string
	RejectedAll int
	GroupMax    int
	RowsMax     int
}

// timelineTotals are the figures at the top.
type timelineTotals struct{ Sent, People, Held, Skipped int }

// timelineEvent is the card of one event.
type timelineEvent struct {
	ID, Title, When, Where, Speaker string
	Blanks                          []string
	Counts                          []timelineCount
	Registered, Held                int
}

// timelineCount is one line of an event's card.
type timelineCount struct {
	Kind       jobs.Kind
	Sent, Rest int
	Why        string // what became of the rest: "3 overgeslagen, 1 aangehouden"
}

// timelineDay is one day on the wall clock of the programme.
type timelineDay struct {
	At      time.Time
	Entries []*timelineEntry
}

// timelineEntry is what happened at one instant: a step, a group of messages,
// an event that starts, or the clock that changes.
type timelineEntry struct {
	At    time.Time
	Class string // of its dot: "step", "start", "clock", or the kind of message
	Title string // a step's sentence; of a start the event's title
	Notes string
	Actor rehearsalActor

	Group  *timelineGroup
	Length string // of an event
}

// timelineGroup is what one rule sent at one instant.
type timelineGroup struct {
	Kind     jobs.Kind
	Event    string
	Name     string // the rule's
	Count    int
	Names    string // "Anna, Bram en 7 anderen"
	Messages []timelineMessage
	More     int // that are not listed
}

// timelineMessage is one mail that can be opened.
type timelineMessage struct {
	No             int
	Name, Email    string
	Lang           jobs.Lang
	Subject, From  string
	Text           string
	HTML, EML, ICS string // paths below the page; "" when there is none
	Raw            string // the invitation as it stands in the .ics
	Entry          *calendarEntry
	Borrowed       bool
	At             time.Time
}

// timelineBuilder makes a page of a result.
type timelineBuilder struct {
	dir   string
	r     *rehearsalResult
	words timelineWords
	shown map[int]bool // No of the messages that can be opened
}

func (b *timelineBuilder) funcs() template.FuncMap {
	w := b.words
	return template.FuncMap{
		"tr": w.tr, "day": w.day, "clock": w.clock, "abbrev": w.abbrev, "short": w.short, "iso": w.iso, "between": w.between,
		"kind": w.kind, "state": w.state, "status": w.status, "reason": w.reason, "method": w.method,
		"people": w.people, "number": w.thousands, "anchor": timelineAnchor,
	}
}

func (b *timelineBuilder) page() (*timelinePage, error) {
	sum := sha256.Sum256([]byte(timelineCSS))
	p := &timelinePage{
		Lang:      b.words.Lang,
		Programme: b.r.Programme.Name,
		Zone:      b.r.Programme.Zone.String(),
		Style:     template.CSS(timelineCSS),
		StyleHash: "sha256-" + base64.StdEncoding.EncodeToString(sum[:]),
		From:      b.r.From,
		Until:     b.r.Until,
		Events:    b.events(),
		Rejected:  b.r.Rejected, RejectedAll: b.r.RejectedAll,
		GroupMax: timelineGroupMax, RowsMax: timelineRowsMax,
	}
	entries, err := b.entries()
	if err != nil {
		return nil, err
	}
	p.Days = b.days(entries)
	p.Tables = b.tables()
	held := b.r.people("", jobs.Held)
	p.HeldAll = len(held)
	p.Held = b.held(held[:min(len(held), timelineRowsMax)])
	sent := len(b.r.sent())
	p.Totals = timelineTotals{Sent: sent, People: b.r.persons(), Held: len(held), Skipped: len(b.r.Messages) - sent}
	return p, nil
}

// events gives a card for each event that has registrations.
func (b *timelineBuilder) events() (list []timelineEvent) {
	for _, ev := range b.r.Programme.Events {
		if !slices.ContainsFunc(b.r.People, func(p jobs.Registration) bool { return p.EventID == ev.ID }) {
			continue
		}
		card := timelineEvent{
			ID: ev.ID, Title: ev.Title.In(b.words.Lang), When: b.words.between(ev.Start, ev.End), Where: ev.Location.String(), Speaker: ev.Speaker,
			Registered: len(b.r.people(ev.ID, jobs.Registered)),
			Held:       len(b.r.people(ev.ID, jobs.Held)),
		}
		for _, blank := range ev.Blanks {
			card.Blanks = append(card.Blanks, blank.Field)
		}
		for _, c := range b.r.counts() {
			if c.Event == ev.ID {
				sent := c.By[jobs.Sent]
				card.Counts = append(card.Counts, timelineCount{Kind: c.Kind, Sent: sent, Rest: c.Owed - sent, Why: b.words.rest(c.By)})
			}
		}
		list = append(list, card)
	}
	return list
}

// entries gives everything that happened, in order of time; at one instant
// first what people did, then what the machine sent.
func (b *timelineBuilder) entries() ([]*timelineEntry, error) {
	var list []*timelineEntry
	for _, s := range b.r.Steps {
		list = append(list, &timelineEntry{At: s.At, Class: "step", Actor: s.Who, Title: s.What.In(b.words.Lang), Notes: s.Notes.In(b.words.Lang)})
	}
	groups, err := b.groups()
	if err != nil {
		return nil, err
	}
	list = append(list, groups...)
	list = append(list, b.starts()...)
	list = append(list, b.clockChanges()...)
	slices.SortStableFunc(list, func(a, b *timelineEntry) int { return a.At.Compare(b.At) })
	return list, nil
}

// groups gathers the messages that one rule sent at one instant. The messages
// are in order already.
func (b *timelineBuilder) groups() (list []*timelineEntry, err error) {
	b.shown = map[int]bool{}
	var last *rehearsalMessage
	sent := b.r.sent()
	for i := range sent {
		m := &sent[i]
		if last == nil || !m.SentAt.Equal(last.SentAt) || m.EventID != last.EventID || m.Kind != last.Kind || m.Name != last.Name {
			list = append(list, &timelineEntry{At: m.SentAt, Class: string(m.Kind), Group: &timelineGroup{
				Kind: m.Kind, Event: b.r.event(m.EventID).Title.In(b.words.Lang), Name: m.Name,
			}})
		}
		last = m
		g := list[len(list)-1].Group
		if g.Count++; g.Count > timelineGroupMax {
			g.More++
			continue
		}
		msg, err := b.message(*m)
		if err != nil {
			return nil, err
		}
		b.shown[m.No] = true
		g.Messages = append(g.Messages, msg)
	}
	for _, e := range list {
		e.Group.Names = b.names(e.Group)
	}
	return list, nil
}

// names gives "Anna, Bram en 7 anderen".
func (b *timelineBuilder) names(g *timelineGroup) string {
	const most = 3
	n := g.Count
	if n > most {
		n = most - 1 // "and 1 other" would take no less room than the name
	}
	s := ""
	for i, m := range g.Messages[:n] {
		switch {
		case i == 0:
		case i == g.Count-1:
			s += b.words.tr(" en ", " and ")
		default:
			s += ", "
		}
		s += cmp.Or(m.Name, m.Email)
	}
	if rest := g.Count - n; rest > 0 {
		s += b.words.tr(" en ", " and ") + b.words.plural(rest, "ander", "anderen", "other", "others")
	}
	return s
}

// message reads one mail back from its files, so that the page shows what
// went over the line and not what we meant to send.
func (b *timelineBuilder) message(m rehearsalMessage) (timelineMessage, error) {
	fail := func(err error) (timelineMessage, error) {
		return timelineMessage{}, fmt.Errorf("%s: %w", m.Base, err)
	}
	person := b.r.People[m.Person]
	path := func(ext string) string { return filepath.Join(b.dir, timelineMailDir, m.Base+ext) }
	href := func(ext string) string { return timelineMailDir + "/" + m.Base + ext }
	data, err := os.ReadFile(path(".eml"))
	if err != nil {
		return fail(err)
	}
	parts, err := readMail(data)
	if err != nil {
		return fail(err)
	}
	t := timelineMessage{
		No: m.No, Name: person.Name, Email: person.Email.String(), Lang: person.Lang, At: m.SentAt,
		Subject: parts.Subject, From: parts.From, Text: parts.Text, EML: href(".eml"), Borrowed: m.Borrowed,
	}
	if parts.HTML != "" {
		if err := os.WriteFile(path(".html"), []byte(parts.HTML), 0o600); err != nil {
			return fail(err)
		}
		t.HTML = href(".html")
	}
	if m.Invited {
		ics, err := os.ReadFile(path(".ics"))
		if err != nil {
			return fail(err)
		}
		entry, err := readCalendar(ics)
		if err != nil {
			return fail(err)
		}
		t.ICS, t.Raw, t.Entry = href(".ics"), string(ics), &entry
	}
	return t, nil
}

// starts marks the events themselves.
func (b *timelineBuilder) starts() (list []*timelineEntry) {
	for _, ev := range b.r.Programme.Events {
		used := slices.ContainsFunc(b.r.People, func(p jobs.Registration) bool { return p.EventID == ev.ID })
		if used && ev.HasStartTime && !ev.IsCancelled && !ev.Start.Before(b.r.From) {
			list = append(list, &timelineEntry{
				At: ev.Start, Class: "start", Title: ev.Title.In(b.words.Lang), Notes: ev.Location.String(),
				Length: b.words.clock(ev.Start) + "–" + b.words.clock(ev.End),
			})
		}
	}
	return list
}

// clockChanges marks where the wall clock jumps between the first and the last
// instant: reminders keep their wall-clock time over it.
func (b *timelineBuilder) clockChanges() (list []*timelineEntry) {
	for at := b.r.From.In(b.words.zone); ; {
		_, end := at.ZoneBounds()
		if end.IsZero() || end.After(b.r.Until) {
			return list
		}
		_, before := at.Zone()
		_, after := end.Zone()
		if before != after {
			e := &timelineEntry{At: end, Class: "clock", Title: b.words.tr("De klok gaat vooruit", "The clocks go forward")}
			if after < before {
				e.Title = b.words.tr("De klok gaat terug", "The clocks go back")
			}
			was := end.Add(time.Duration(before-after) * time.Second) // shows what the clock stood at
			e.Notes = fmt.Sprintf(b.words.tr("Om %s wordt het %s. Herinneringen houden hun tijd op de klok.", "%s becomes %s. Reminders keep their time on the clock."),
				b.words.clock(was), b.words.clock(end))
			list = append(list, e)
		}
		at = end
	}
}

// days cuts the entries by day on the wall clock.
func (b *timelineBuilder) days(entries []*timelineEntry) (days []timelineDay) {
	for _, e := range entries {
		if n := len(days); n == 0 || b.words.day(days[n-1].At) != b.words.day(e.At) {
			days = append(days, timelineDay{At: e.At})
		}
		day := &days[len(days)-1]
		day.Entries = append(day.Entries, e)
	}
	return days
}
