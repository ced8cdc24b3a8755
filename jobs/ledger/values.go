package ledger

import (
	"strconv"
	"strings"
	"time"
)

// params collects the arguments of one statement. Long lists are filled up to
// a power of two, so that a statement has a handful of texts and a database
// that keeps prepared statements by text keeps few.
type params struct {
	args []any
}

// add gives the place of one more argument.
func (p *params) add(v any) string {
	p.args = append(p.args, v)
	return "$" + strconv.Itoa(len(p.args))
}

// ids gives places for a list of numbers, for use in IN (…). No row has the
// number 0.
func (p *params) ids(list []int64) string {
	var b strings.Builder
	for i := range padded(len(list)) {
		if i > 0 {
			b.WriteByte(',')
		}
		id := int64(0)
		if i < len(list) {
			id = list[i]
		}
		b.WriteString(p.add(id))
	}
	return b.String()
}

// texts gives places for a list of texts, for use in IN (…).
func (p *params) texts(list []string) string {
	var b strings.Builder
	for i := range padded(len(list)) {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(p.add(list[min(i, len(list)-1)]))
	}
	return b.String()
}

// values gives "VALUES (…),(…)" for rows with columns of the given SQL types.
// The first row is cast, which tells PostgreSQL the types of all. Rows added
// to fill up are NULL in every column.
func (p *params) values(types []string, rows [][]any) string {
	var b strings.Builder
	b.WriteString("VALUES ")
	for i := range padded(len(rows)) {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('(')
		for j, typ := range types {
			if j > 0 {
				b.WriteByte(',')
			}
			var v any
			if i < len(rows) {
				v = rows[i][j]
			}
			if i == 0 {
				b.WriteString("CAST(" + p.add(v) + " AS " + typ + ")")
			} else {
				b.WriteString(p.add(v))
			}
		}
		b.WriteByte(')')
	}
	return b.String()
}

// padded gives the next power of two.
func padded(n int) int {
	size := 1
	for size < n {
		size *= 2
	}
	return size
}

// micros gives an instant as it is stored; the zero time is NULL.
func micros(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMicro()
}

// into scans a stored instant.
type into struct {
	t *time.Time
}

// Scan reads microseconds since 1970; NULL is the zero time.
func (i into) Scan(v any) error {
	n, ok := v.(int64)
	if !ok {
		*i.t = time.Time{}
		return nil
	}
	*i.t = time.UnixMicro(n).UTC()
	return nil
}

// clean makes a text from outside fit for both databases: PostgreSQL stores
// neither NUL nor what is not UTF-8.
func clean(s string) string {
	return strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", ""), "")
}
