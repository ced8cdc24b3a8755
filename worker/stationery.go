package worker

import (
	"errors"
	"sync"

	"heraut/templates"
	"heraut/worker/mailer"
)

// maxSheets bounds the prepared mails that are kept: a programme has a few per
// event and language, and one takes some 50 kB.
const maxSheets = 200

// stationery keeps mails prepared: what all of one class share is rendered and
// encoded once, and a person's mail then costs a fraction of a rendering.
type stationery struct {
	set *templates.Set

	mu      sync.Mutex
	version int64 // of the programme the sheets are for
	sheets  map[sheetKey]*sheet
}

// sheetKey is what the mails of one sheet share. A campaign's name stands in
// their header.
type sheetKey struct {
	class    templates.Class
	campaign string
}

// sheet is one prepared mail.
type sheet struct {
	mu    sync.Mutex
	words *templates.Prepared // nil: not prepared
	mail  *mailer.Prepared
	never bool // it cannot be
}

// sheet gives the prepared mail for an input, nil when that one has to be
// rendered in full: its template does something else with a name than to write
// it, or preparing fails, which a full rendering tells best.
func (s *stationery) sheet(version int64, in templates.Input, frame func(*templates.Prepared) mailer.Frame) *sheet {
	key := sheetKey{class: s.set.Class(in)}
	if in.Campaign != nil {
		key.campaign = in.Campaign.Name
	}
	sh := s.slot(version, key)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if sh.words == nil && !sh.never {
		words, err := s.set.Prepare(in)
		if err == nil {
			sh.mail, err = mailer.Prepare(frame(words))
		}
		if err == nil {
			sh.words = words
		}
		sh.never = errors.Is(err, templates.ErrNotPrepared)
	}
	if sh.words == nil {
		return nil
	}
	return sh
}

func (s *stationery) slot(version int64, key sheetKey) *sheet {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sheets == nil || s.version != version || len(s.sheets) >= maxSheets {
		s.version, s.sheets = version, map[sheetKey]*sheet{}
	}
	sh := s.sheets[key]
	if sh == nil {
		sh = &sheet{}
		s.sheets[key] = sh
	}
	return sh
}
