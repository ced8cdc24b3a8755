package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"heraut/jobs/ledger"
)

// What a rehearsal leaves in its folder.
const (
	rehearsalMarker   = ".heraut-rehearsal" // says that the folder is ours to write over
	rehearsalWork     = ".work"             // ledger and mail under way; gone at the end
	rehearsalMessages = "messages.jsonl"    // every message with its state, one a line
	rehearsalPage     = "index.html"
)

// prepareRehearsalDir makes the folder of a rehearsal, or clears the one of an
// earlier rehearsal. Any other folder that holds something is refused: nothing
// is ever deleted that Heraut did not write.
func prepareRehearsalDir(dir string) error {
	marker := filepath.Join(dir, rehearsalMarker)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("rehearsal folder: %w", err)
	}
	_, err := os.Lstat(marker)
	switch {
	case err == nil:
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("rehearsal folder: %w", err)
	default:
		if entries, err := os.ReadDir(dir); err != nil {
			return fmt.Errorf("rehearsal folder: %w", err)
		} else if len(entries) > 0 {
			return hint(usagef("%s exists and was not made by a rehearsal; nothing was written", dir), "name another folder: --out DIR")
		}
		if err := os.WriteFile(marker, []byte("heraut rehearse and heraut demo write over this folder\n"), 0o600); err != nil {
			return fmt.Errorf("rehearsal folder: %w", err)
		}
	}
	for _, name := range []string{rehearsalWork, timelineMailDir, rehearsalMessages, rehearsalPage} {
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("rehearsal folder: %w", err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, timelineMailDir), 0o700); err != nil {
		return fmt.Errorf("rehearsal folder: %w", err)
	}
	return nil
}

// collect reads from the ledger what became of everything, and moves the
// captured mails to their names, each with its invitation beside it. A mail
// that is on record and was not captured, or the other way round, is an error:
// the page would tell a lie.
func (s *rehearsalStage) collect(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.double != nil {
		return s.double
	}
	rows, err := s.readRecord(ctx)
	if err != nil {
		return err
	}
	s.result.number()
	calendars := map[int64][]byte{} // registration → the last invitation it got
	for i := range s.result.sent() {
		if err := s.file(&s.result.Messages[i], calendars); err != nil {
			return err
		}
	}
	if len(s.captured) > 0 {
		return fmt.Errorf("rehearsal: %d mails were captured that the ledger does not know as sent", len(s.captured))
	}
	return s.writeMessages(rows)
}

// readRecord fills the result with registrations and messages; the rows are
// the messages again, by id, as programs read them.
func (s *rehearsalStage) readRecord(ctx context.Context) (map[int64]ledger.MessageRow, error) {
	person := map[int64]int{}
	for reg, err := range s.record.Registrations(ctx, ledger.RegistrationFilter{}) {
		if err != nil {
			return nil, err
		}
		person[reg.ID] = len(s.result.People)
		s.result.People = append(s.result.People, reg)
	}
	rows := map[int64]ledger.MessageRow{}
	for m, err := range s.record.Messages(ctx, ledger.MessageFilter{}) {
		if err != nil {
			return nil, err
		}
		rows[m.ID] = m
		s.result.Messages = append(s.result.Messages, rehearsalMessage{Message: m.Message, Person: person[m.RegistrationID]})
	}
	return rows, nil
}

// file gives one mail its name and writes its invitation: its own, or the one
// that stands in the person's calendar by then.
func (s *rehearsalStage) file(m *rehearsalMessage, calendars map[int64][]byte) error {
	path := filepath.Join(s.dir, timelineMailDir, m.Base)
	captured, ok := s.captured[m.MessageID]
	if !ok {
		return fmt.Errorf("rehearsal: message %d is on record as sent and was not captured", m.ID)
	}
	delete(s.captured, m.MessageID)
	if err := os.Rename(captured, path+".eml"); err != nil {
		return fmt.Errorf("rehearsal: %w", err)
	}
	data, err := os.ReadFile(path + ".eml")
	if err != nil {
		return fmt.Errorf("rehearsal: %w", err)
	}
	parts, err := readMail(data)
	if err != nil {
		return fmt.Errorf("message %d: %w", m.ID, err)
	}
	m.Borrowed = parts.Calendar == nil
	if !m.Borrowed {
		calendars[m.RegistrationID] = parts.Calendar
	}
	ics := calendars[m.RegistrationID]
	if m.Invited = ics != nil; !m.Invited {
		return nil // taken over quietly: the invitation came from elsewhere
	}
	if err := os.WriteFile(path+".ics", ics, 0o600); err != nil {
		return fmt.Errorf("rehearsal: %w", err)
	}
	return nil
}

// rehearsalLine is a line of messages.jsonl.
type rehearsalLine struct {
	messageJSON
	EML string `json:"eml"` // below the folder; "" when it did not leave
	ICS string `json:"ics"`
}

// writeMessages writes messages.jsonl.
func (s *rehearsalStage) writeMessages(rows map[int64]ledger.MessageRow) (err error) {
	f, err := os.OpenFile(filepath.Join(s.dir, rehearsalMessages), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("rehearsal: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := bufio.NewWriter(f)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	for _, m := range s.result.Messages {
		line := rehearsalLine{messageJSON: viewMessage(rows[m.ID])}
		if m.No > 0 {
			line.EML = timelineMailDir + "/" + m.Base + ".eml"
		}
		if m.Invited {
			line.ICS = timelineMailDir + "/" + m.Base + ".ics"
		}
		if err := enc.Encode(line); err != nil {
			return fmt.Errorf("rehearsal: %w", err)
		}
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("rehearsal: %w", err)
	}
	return nil
}
