package ledger

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// params collects the arguments of a statement that is put together.
type params struct {
	args []any
}

// add gives the place of one more argument.
func (p *params) add(v any) string {
	p.args = append(p.args, v)
	return "$" + strconv.Itoa(len(p.args))
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

// text scans a text into a type that is one, and number a number into an int.
// database/sql would do the one by reflection and the other by way of a decimal
// text, for twenty columns of every claim.
type (
	text[T ~string] struct{ t *T }
	number          struct{ n *int }
)

// Scan reads a text.
func (s text[T]) Scan(v any) error {
	t, ok := v.(string)
	if !ok {
		return fmt.Errorf("a text was to be read, and it is %T", v)
	}
	*s.t = T(t)
	return nil
}

// Scan reads a number.
func (s number) Scan(v any) error {
	n, ok := v.(int64)
	if !ok {
		return fmt.Errorf("a number was to be read, and it is %T", v)
	}
	*s.n = int(n)
	return nil
}

// clean makes a text from outside fit for both databases: PostgreSQL stores
// neither NUL nor what is not UTF-8.
func clean(s string) string {
	return strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", ""), "")
}

// chunk is how many rows one statement reads or writes at most, where there
// may be any number.
const chunk = 512
