package main

import (
	"slices"
	"time"

	"heraut/jobs"
)

// timelineTable says of one event who got what, and why not.
type timelineTable struct {
	Event   string
	Columns []timelineColumn
	Rows    []timelineRow
	More    int // people that are not listed
}

// timelineColumn is one rule of the event, or change, or cancellation.
type timelineColumn struct {
	Kind jobs.Kind
	Name string // the rule's; "" where it says no more than the kind
}

// timelineRow is one registration.
type timelineRow struct {
	Name, Email, Organisation string
	Lang                      jobs.Lang
	Status                    jobs.Status
	Cells                     [][]timelineCell // one list for each column
}

// timelineCell is what became of one message.
type timelineCell struct {
	State  jobs.State
	At     time.Time // when it left
	Reason string
	Href   string // to where it can be read; "" when it did not leave
}

// timelineHeld is a person who waits for an organiser.
type timelineHeld struct {
	Name, Email, Organisation, Event, Reason string
}

// tables gives a table for each event that has registrations.
func (b *timelineBuilder) tables() (list []timelineTable) {
	cells := make([][]rehearsalMessage, len(b.r.People))
	for _, m := range b.r.Messages {
		cells[m.Person] = append(cells[m.Person], m)
	}
	for _, ev := range b.r.Programme.Events {
		table := timelineTable{Event: ev.Title.In(b.words.Lang), Columns: b.columns(ev)}
		for i, p := range b.r.People {
			switch {
			case p.EventID != ev.ID:
			case len(table.Rows) == timelineRowsMax:
				table.More++
			default:
				table.Rows = append(table.Rows, b.row(p, cells[i], table.Columns))
			}
		}
		if len(table.Rows) > 0 {
			list = append(list, table)
		}
	}
	return list
}

// columns gives the rules of an event in the order in which people get them:
// confirmation, change, then by moment, and a cancellation last.
func (b *timelineBuilder) columns(ev jobs.Event) (columns []timelineColumn) {
	first := map[timelineColumn]time.Time{}
	for _, m := range b.r.Messages {
		if m.EventID != ev.ID {
			continue
		}
		c := columnOf(m.Message)
		if at, ok := first[c]; !ok || m.RuleAt.After(at) {
			first[c] = m.RuleAt
		}
	}
	for c := range first {
		columns = append(columns, c)
	}
	slices.SortFunc(columns, func(x, y timelineColumn) int {
		if d := columnRank(x.Kind) - columnRank(y.Kind); d != 0 {
			return d
		}
		return first[x].Compare(first[y])
	})
	return columns
}

func columnOf(m jobs.Message) timelineColumn {
	c := timelineColumn{Kind: m.Kind, Name: m.Name}
	if c.Name == string(c.Kind) {
		c.Name = ""
	}
	return c
}

func columnRank(k jobs.Kind) int {
	return slices.Index([]jobs.Kind{jobs.Confirmation, jobs.Change, jobs.Reminder, jobs.Followup, jobs.Cancellation}, k)
}

func (b *timelineBuilder) row(p jobs.Registration, messages []rehearsalMessage, columns []timelineColumn) timelineRow {
	row := timelineRow{
		Name: p.Name, Email: p.Email.String(), Organisation: p.Organisation, Lang: p.Lang, Status: p.Status,
		Cells: make([][]timelineCell, len(columns)),
	}
	for _, m := range messages {
		i := slices.Index(columns, columnOf(m.Message))
		state, reason := b.r.became(m)
		row.Cells[i] = append(row.Cells[i], timelineCell{State: state, At: m.SentAt, Reason: reason, Href: b.href(m)})
	}
	for i, cells := range row.Cells {
		row.Cells[i] = withoutReplaced(cells)
	}
	return row
}

// withoutReplaced leaves out a message that a newer one took the place of,
// where the newer one is in the same cell.
func withoutReplaced(cells []timelineCell) []timelineCell {
	if len(cells) < 2 {
		return cells
	}
	return slices.DeleteFunc(cells, func(c timelineCell) bool { return c.Reason == jobs.ReasonMoved })
}

// href points at a mail: at its place on the page, or at its file where the
// page does not list it.
func (b *timelineBuilder) href(m rehearsalMessage) string {
	switch {
	case m.No == 0:
		return ""
	case b.shown[m.No]:
		return "#" + timelineAnchor(m.No)
	}
	return timelineMailDir + "/" + m.Base + ".eml"
}

func (b *timelineBuilder) held(people []jobs.Registration) (list []timelineHeld) {
	for _, p := range people {
		list = append(list, timelineHeld{
			Name: p.Name, Email: p.Email.String(), Organisation: p.Organisation,
			Event: b.r.event(p.EventID).Title.In(b.words.Lang), Reason: b.words.reason(p.Reason),
		})
	}
	return list
}
