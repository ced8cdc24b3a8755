package ledger

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgtype"
)

// rows are the rows a statement reads, as arguments that stay as many however
// many rows there are. So a statement has one text and stays prepared, and a
// thousand rows are one value to bind, or one for each column, instead of ten
// thousand: SQLite takes a JSON array of arrays, PostgreSQL an array a column.
type rows struct {
	columns []string // "name TYPE", in order
	arrays  []column // of PostgreSQL
	json    []byte   // of SQLite, where arrays is nil
}

// column gathers the values of one column.
type column interface {
	add(v any)
	array() any
}

// numberColumn is a BIGINT; nil is NULL.
type numberColumn struct {
	pgtype.FlatArray[pgtype.Int8]
}

func (c *numberColumn) add(v any) {
	n, ok := v.(int64)
	if i, isInt := v.(int); isInt {
		n, ok = int64(i), true
	}
	c.FlatArray = append(c.FlatArray, pgtype.Int8{Int64: n, Valid: ok})
}

func (c *numberColumn) array() any { return c.FlatArray }

// typedColumn is a TEXT or a BOOLEAN, and never NULL.
type typedColumn[T any] struct {
	pgtype.FlatArray[T]
}

func (c *typedColumn[T]) add(v any) {
	t, _ := v.(T)
	c.FlatArray = append(c.FlatArray, t)
}

func (c *typedColumn[T]) array() any { return c.FlatArray }

// rows gives no rows yet, of columns written "name TYPE".
func (d dialect) rows(columns ...string) *rows {
	r := &rows{columns: columns}
	if !d.arrays {
		return r
	}
	for _, c := range columns {
		var values column
		switch _, typ, _ := strings.Cut(c, " "); typ {
		case "BIGINT":
			values = &numberColumn{}
		case "BOOLEAN":
			values = &typedColumn[bool]{}
		default:
			values = &typedColumn[string]{}
		}
		r.arrays = append(r.arrays, values)
	}
	return r
}

// query gives a SELECT of the rows, whose arguments begin at a place.
func (r *rows) query(place int) string {
	read, names, arrays := make([]string, len(r.columns)), make([]string, len(r.columns)), make([]string, len(r.columns))
	for i, c := range r.columns {
		name, typ, _ := strings.Cut(c, " ")
		read[i] = "value ->> " + strconv.Itoa(i) + " AS " + name // types are the values' own
		names[i] = name
		arrays[i] = "CAST($" + strconv.Itoa(place+i) + " AS " + typ + "[])"
	}
	if r.arrays == nil {
		return "SELECT " + strings.Join(read, ", ") + " FROM jsonb_each($" + strconv.Itoa(place) + ")"
	}
	return "SELECT * FROM unnest(" + strings.Join(arrays, ", ") + ") AS u(" + strings.Join(names, ", ") + ")"
}

// args gives the arguments: those before the rows, then the rows.
func (r *rows) args(before ...any) []any {
	if r.arrays == nil {
		return append(before, array(r.json))
	}
	for _, c := range r.arrays {
		before = append(before, c.array())
	}
	return before
}

// add adds a row: numbers, texts, booleans and nil, in the order of the columns.
func (r *rows) add(values ...any) {
	if r.arrays != nil {
		for i, v := range values {
			r.arrays[i].add(v)
		}
		return
	}
	b := append(r.json, ",["...)
	for i, v := range values {
		if i > 0 {
			b = append(b, ',')
		}
		switch v := v.(type) {
		case nil:
			b = append(b, "null"...)
		case bool:
			b = strconv.AppendBool(b, v)
		case int:
			b = strconv.AppendInt(b, int64(v), 10)
		case int64:
			b = strconv.AppendInt(b, v, 10)
		case string:
			b = appendText(b, v)
		}
	}
	r.json = append(b, ']')
}

// numbers gives a list of numbers as one argument, for [dialect.among].
func (d dialect) numbers(list []int64) any {
	if d.arrays {
		return list
	}
	b := make([]byte, 0, 8*len(list)+2)
	for _, n := range list {
		b = strconv.AppendInt(append(b, ','), n, 10)
	}
	return array(b)
}

// texts gives a list of texts as one argument, for [dialect.among].
func (d dialect) texts(list []string) any {
	if d.arrays {
		return list
	}
	b := make([]byte, 0, 32*len(list)+2)
	for _, s := range list {
		b = appendText(append(b, ','), s)
	}
	return array(b)
}

// array closes a list whose every member has a comma before it.
func array(b []byte) string {
	if len(b) == 0 {
		return "[]"
	}
	b[0] = '['
	return string(append(b, ']'))
}

// appendText adds a JSON string (RFC 8259 §7). What is not UTF-8 becomes
// U+FFFD.
func appendText(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r < ' ':
			b = append(b, '\\', 'u', '0', '0', hex[r>>4], hex[r&15])
		default:
			b = utf8.AppendRune(b, r)
		}
	}
	return append(b, '"')
}
