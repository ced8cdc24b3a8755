package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"

	"heraut/jobs/intake"
)

// seenRows knows the addresses of a file that were read before, and whether
// another row of the same address says the same.
//
// It holds the first maxSeen addresses, at 40 octets each, so that a file of
// any size is read in little memory. A later address that comes twice is not
// noticed: its second row then updates the first, as a second file would.
type seenRows struct {
	rows map[[16]byte]seenRow
}

type seenRow struct {
	line    int
	content [16]byte
}

const maxSeen = 500_000

func newSeenRows() *seenRows { return &seenRows{map[[16]byte]seenRow{}} }

// add notes a row. Where its address was read before it gives that line, and
// whether the rows say the same; otherwise line is 0.
func (s *seenRows) add(row intake.Row) (line int, same bool) {
	key, content := digest([]byte(row.Email.Key())), rowDigest(row)
	if was, ok := s.rows[key]; ok {
		return was.line, was.content == content
	}
	if len(s.rows) < maxSeen {
		s.rows[key] = seenRow{row.Line, content}
	}
	return 0, false
}

// has says whether a row of this address was noted.
func (s *seenRows) has(row intake.Row) bool {
	_, ok := s.rows[digest([]byte(row.Email.Key()))]
	return ok
}

// rowDigest covers what the ledger would store of a row. When the person
// registered does not count: a form that is sent twice is still one person.
func rowDigest(row intake.Row) [16]byte {
	var b bytes.Buffer
	_ = json.NewEncoder(&b).Encode([]any{row.Name, row.GivenName, row.Organisation, row.Lang, row.Tags}) // strings: cannot fail
	return digest(b.Bytes())
}

// digest is 128 bits of SHA-256: no two addresses of a file share it.
func digest(b []byte) [16]byte {
	sum := sha256.Sum256(b)
	return [16]byte(sum[:16])
}
