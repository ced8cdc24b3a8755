package intake

import (
	"fmt"
	"time"

	"heraut/jobs"
)

// Row is one registration as the file gives it.
type Row struct {
	Line         int          // of the file, from 1; where a CSV record spans lines, its first
	Email        jobs.Address // valid
	Name         string       // cleaned by [jobs.CleanName]; "Voornaam tussenvoegsel Achternaam"; may be empty
	GivenName    string       // cleaned; empty where the file has no column for it
	Organisation string       // cleaned; may be empty
	Lang         jobs.Lang    // empty where the file does not say: it must not overwrite what is known
	Tags         []string     // lower case, inner white space as "-", so that an audience expression can name them
	RegisteredAt time.Time    // UTC; zero where the file does not say or cannot be read
	Cancelled    bool         // the file says this person no longer comes
}

// Refusal is a row that was not taken. Reading goes on after it.
type Refusal struct {
	File   string   // as [Options.Name]
	Line   int      // as [Row.Line]
	Reason string   // lower case, for people; does not repeat the address
	Cells  []string // as they stood in the file, for [RejectsWriter]
}

// Error gives "file:line: reason".
func (r *Refusal) Error() string { return fmt.Sprintf("%s:%d: %s", r.File, r.Line, r.Reason) }

// FileError says why a file cannot be read, or not further.
type FileError struct {
	File string // as [Options.Name]
	Line int    // 0 where no line is to blame
	Text string // lower case, for people
	Hint string // what to do about it, one line; may be empty
	Err  error  // what the operating system or a library said; may be nil
}

// Error gives "file:line: text", without the hint.
func (e *FileError) Error() string {
	s := e.File
	if e.Line > 0 {
		s = fmt.Sprintf("%s:%d", s, e.Line)
	}
	s += ": " + e.Text
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap gives Err.
func (e *FileError) Unwrap() error { return e.Err }
