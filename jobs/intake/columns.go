package intake

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Column is one column of a file and what it is read as.
type Column struct {
	Header string
	Index  int    // from 0
	Field  Field  // "" where the column is not used
	Note   string // for people, why it is or is not used; mostly empty
}

// layout says which column holds which field.
type layout struct {
	columns []Column
	width   int // cells a row may have
	email   []int
	at      map[Field]int // not Email; absent where no column holds it
}

// places are the columns of the fields that a row is made of, -1 where no
// column holds it. A row looks up ten of them: no maps there.
type places struct {
	name, given, infix, family, organisation, lang, tags, date, clock, status int
}

func (l *layout) places() places {
	at := func(f Field) int {
		if i, ok := l.at[f]; ok {
			return i
		}
		return -1
	}
	return places{at(Name), at(GivenName), at(Infix), at(FamilyName), at(Organisation), at(Lang), at(Tags), at(RegisteredAt), at(TimeOfDay), at(Status)}
}

// headerError is a header that leaves in doubt who is to be mailed.
type headerError struct{ text, hint string }

func (e *headerError) Error() string { return e.text }

// arrange finds the columns. chosen is --map: field → header, or "#3" for the
// third column, or "" for none.
//
// Of several columns for one field the best known header is read, except that
// addresses fall back: where the best column of a row is empty or says
// "anonymous" the next one is read, as pretix itself writes to who ordered
// when it has no address of the attendee.
func arrange(header []string, chosen map[string]string) (*layout, error) {
	l := &layout{at: map[Field]int{}}
	for i, h := range header {
		l.columns = append(l.columns, Column{Header: strings.TrimSpace(h), Index: i})
		if strings.TrimSpace(h) != "" {
			l.width = i + 1
		}
	}
	l.columns = l.columns[:l.width]
	found := l.candidates()
	for _, name := range slices.Sorted(maps.Keys(chosen)) {
		field, h := Field(name), chosen[name]
		if !slices.Contains(Fields(), field) {
			return nil, &headerError{fmt.Sprintf("there is no field %q to map a column to", name), "the fields are " + joined(Fields())}
		}
		i, err := l.find(h)
		if err != nil {
			return nil, err
		}
		delete(found, field)
		if i >= 0 {
			found[field] = []candidate{{index: i}}
		}
	}
	for _, field := range Fields() {
		if err := l.take(field, found[field]); err != nil {
			return nil, err
		}
	}
	if len(l.email) == 0 {
		return nil, &headerError{"no column holds the e-mail address; the columns are " + quotedHeaders(l.columns),
			"name the column: --map email=COLUMN"}
	}
	return l, nil
}

// candidate is a column that may hold a field.
type candidate struct{ index, rank int }

// candidates gives the columns for each field, best first.
func (l *layout) candidates() map[Field][]candidate {
	found := map[Field][]candidate{}
	forms := isForms(l.headers())
	for i, c := range l.columns {
		g, ok := understand(c.Header)
		if !ok {
			continue
		}
		if forms && i < 5 && (g.field == Email || g.field == Name) {
			g.rank = rankAccount
		}
		found[g.field] = append(found[g.field], candidate{i, g.rank})
	}
	for _, c := range found {
		slices.SortStableFunc(c, func(a, b candidate) int { return cmp.Compare(a.rank, b.rank) })
	}
	return found
}

// take settles one field. Two columns with the same header are an error where
// the wrong one would mail or greet the wrong person, else the first is read.
func (l *layout) take(field Field, from []candidate) error {
	if len(from) == 0 {
		return nil
	}
	best := from[0]
	if len(from) > 1 && from[1].rank == best.rank {
		switch field {
		case Email, Name, GivenName, Infix, FamilyName, Status:
			return &headerError{fmt.Sprintf("columns %d and %d, %q and %q, both look like the %s", best.index+1, from[1].index+1,
				l.columns[best.index].Header, l.columns[from[1].index].Header, field),
				fmt.Sprintf("choose one: --map %s=#%d", field, best.index+1)}
		}
	}
	l.columns[best.index].Field = field
	if field == Email {
		l.email = []int{best.index}
	} else {
		l.at[field] = best.index
	}
	for _, other := range from[1:] {
		c := &l.columns[other.index]
		if field == Email {
			l.email = append(l.email, other.index)
			c.Field, c.Note = Email, fmt.Sprintf("read where %q is empty", l.columns[best.index].Header)
		} else if c.Field == "" {
			c.Note = fmt.Sprintf("not read: %q is the better %s", l.columns[best.index].Header, field)
		}
	}
	return nil
}

// find gives the index of a column by header or "#number", -1 for "".
func (l *layout) find(h string) (int, error) {
	if h == "" {
		return -1, nil
	}
	for _, same := range []func(a, b string) bool{
		func(a, b string) bool { return a == b },
		func(a, b string) bool { return normal(a) == normal(b) && normal(a) != "" },
	} {
		var hits []int
		for _, c := range l.columns {
			if same(c.Header, strings.TrimSpace(h)) {
				hits = append(hits, c.Index)
			}
		}
		if len(hits) == 1 {
			return hits[0], nil
		}
		if len(hits) > 1 {
			return 0, &headerError{fmt.Sprintf("columns %d and %d are both called %q", hits[0]+1, hits[1]+1, h),
				fmt.Sprintf("give the number of the column: #%d", hits[0]+1)}
		}
	}
	if number, ok := strings.CutPrefix(h, "#"); ok {
		if n, err := strconv.Atoi(number); err == nil && n >= 1 && n <= l.width {
			return n - 1, nil
		}
	}
	return 0, &headerError{fmt.Sprintf("no column is called %q; the columns are %s", h, quotedHeaders(l.columns)),
		"write the header as it stands in the file, or #3 for the third column"}
}

func (l *layout) headers() []string {
	h := make([]string, len(l.columns))
	for i, c := range l.columns {
		h[i] = c.Header
	}
	return h
}

// score says how many columns of a header mean something to us.
func score(header []string, chosen map[string]string) (n int) {
	for _, h := range header {
		if _, ok := understand(h); ok {
			n++
		}
		for _, c := range chosen {
			if c != "" && normal(c) == normal(h) {
				n++
			}
		}
	}
	return n
}

// quotedHeaders lists headers for an error, the first twenty at most.
func quotedHeaders(columns []Column) string {
	var q []string
	for _, c := range columns {
		if len(q) == 20 {
			q = append(q, "…")
			break
		}
		h := []rune(c.Header)
		if len(h) > 40 {
			h = append(h[:40], '…')
		}
		q = append(q, strconv.Quote(string(h)))
	}
	return strings.Join(q, ", ")
}

func joined(fields []Field) string {
	s := make([]string, len(fields))
	for i, f := range fields {
		s[i] = string(f)
	}
	return strings.Join(s, ", ")
}
