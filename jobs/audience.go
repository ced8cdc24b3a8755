package jobs

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// AudienceExpr chooses registrations, for a campaign. It is conditions that all
// have to hold; each gives several choices, of which one has to:
//
//	event=workshop lang=nl,en !domain=minbzk.nl organisation="Gemeente Delft"
//
// Between conditions a space means and, between choices a comma means or; a
// choice without a key has that of the one before. An exclamation mark before
// a condition turns all of it around. `everyone` is a condition that always
// holds, and has to be written: no conditions choose nobody.
//
// Where status is not among the keys, only [Registered] people are chosen.
type AudienceExpr struct {
	conditions []condition
	text       string
}

type condition struct {
	not     bool
	choices []AudienceChoice
}

// AudienceChoice is one comparison: an [AudienceKeys] key, "everyone" with no
// value, and what the field has to be.
type AudienceChoice struct {
	Key   string
	Value string // as stored: in lower case where the field has no other
}

// everyone is the key of the condition that always holds.
const everyone = "everyone"

// AudienceKeys gives the keys an expression may use, in the order people read
// them:
//
//	event         id of the event; as it is
//	status        registered, held or refused; who cancelled gets no campaign
//	lang          nl or en
//	domain        of the address: it and what lies below it
//	email         the address
//	tag           one of the tags
//	answered      what the person said in their calendar: no, yes, declined, tentative
//	organisation  as it stands there, whatever the case
//	name          likewise
//	approved      yes or no: an organiser let the person in past the audience rule
func AudienceKeys() []string {
	return []string{"event", "status", "lang", "domain", "email", "tag", "answered", "organisation", "name", "approved"}
}

// maxAudience bounds an expression, in bytes; nobody reads a longer one.
const maxAudience = 4000

// ParseAudience reads an expression. Errors say what to write instead. Events
// and tags are not looked up.
func ParseAudience(s string) (AudienceExpr, error) {
	e, err := parseAudience(s)
	if err != nil {
		return AudienceExpr{}, fmt.Errorf("audience: %w", err)
	}
	return e, nil
}

func parseAudience(s string) (AudienceExpr, error) {
	e := AudienceExpr{text: strings.TrimSpace(s)}
	if len(s) > maxAudience {
		return e, fmt.Errorf("%d bytes, at most %d are read", len(s), maxAudience)
	}
	words, err := splitAudience(s)
	if err != nil {
		return e, err
	}
	if len(words) == 0 {
		return e, fmt.Errorf("it is empty, and that is nobody; write %q for all who are registered", everyone)
	}
	for _, w := range words {
		c, err := parseCondition(w)
		if err != nil {
			return e, err
		}
		e.conditions = append(e.conditions, c)
	}
	return e, nil
}

// audienceWord is a condition as it is written: choices, each with the quotes
// gone.
type audienceWord struct {
	not     bool
	choices []string
}

// splitAudience cuts at white space and commas outside quotes.
func splitAudience(s string) (words []audienceWord, err error) {
	var w *audienceWord
	var b strings.Builder
	quoted := false
	choice := func() {
		w.choices = append(w.choices, b.String())
		b.Reset()
	}
	for _, r := range s {
		switch {
		case r == '"':
			quoted = !quoted
			if w == nil {
				w = &audienceWord{}
			}
		case quoted:
			b.WriteRune(r)
		case unicode.IsSpace(r):
			if w != nil {
				choice()
				words, w = append(words, *w), nil
			}
		case w == nil && r == '!':
			w = &audienceWord{not: true}
		case r == ',' && w != nil:
			choice()
		default:
			if w == nil {
				w = &audienceWord{}
			}
			b.WriteRune(r)
		}
	}
	if quoted {
		return nil, fmt.Errorf("a quotation mark has no other half")
	}
	if w != nil {
		choice()
		words = append(words, *w)
	}
	return words, nil
}

func parseCondition(w audienceWord) (condition, error) {
	c := condition{not: w.not}
	key := ""
	for _, s := range w.choices {
		if s == everyone {
			c.choices = append(c.choices, AudienceChoice{Key: everyone})
			continue
		}
		value := s
		if k, v, ok := strings.Cut(s, "="); ok {
			if strings.HasPrefix(k, "!") || strings.HasSuffix(k, "!") {
				return c, fmt.Errorf("%q: the exclamation mark stands before a whole condition, as in !tag=vip", s)
			}
			key, value = strings.ToLower(k), v
		}
		switch {
		case key == "":
			return c, fmt.Errorf("%q is no condition; write one as in event=workshop, or %s", s, everyone)
		case !slices.Contains(AudienceKeys(), key):
			return c, fmt.Errorf("there is no field %q; the fields are %s", key, strings.Join(AudienceKeys(), ", "))
		case strings.TrimSpace(value) == "":
			return c, fmt.Errorf("after %q there has to be a value", key+"=")
		}
		choice, err := newChoice(key, strings.TrimSpace(value))
		if err != nil {
			return c, err
		}
		c.choices = append(c.choices, choice)
	}
	return c, nil
}

// newChoice checks a value and brings it in the form in which it is stored.
func newChoice(key, value string) (AudienceChoice, error) {
	oneOf := func(allowed ...string) (AudienceChoice, error) {
		value = strings.ToLower(value)
		if !slices.Contains(allowed, value) {
			return AudienceChoice{}, fmt.Errorf("%s=%s: it is one of %s", key, value, strings.Join(allowed, ", "))
		}
		return AudienceChoice{key, value}, nil
	}
	switch key {
	case "status":
		return oneOf(string(Registered), string(Held), string(Refused))
	case "lang":
		return oneOf(string(Dutch), string(English))
	case "answered":
		return oneOf(string(Unanswered), string(Accepted), string(Declined), string(Tentative))
	case "approved":
		return oneOf("yes", "no")
	case "domain":
		d, err := ParseDomain(strings.TrimPrefix(value, "@"))
		if err != nil {
			return AudienceChoice{}, fmt.Errorf("domain=%s: %w", value, err)
		}
		return AudienceChoice{key, d}, nil
	case "email":
		a, err := ParseAddress(value)
		if err != nil {
			return AudienceChoice{}, fmt.Errorf("email: %w", err)
		}
		return AudienceChoice{key, a.Key()}, nil
	case "tag":
		return AudienceChoice{key, strings.ReplaceAll(strings.ToLower(CleanName(value)), " ", "-")}, nil
	case "organisation", "name":
		return AudienceChoice{key, FoldName(value)}, nil
	}
	return AudienceChoice{key, value}, nil
}

// FoldName gives a name as audiences compare it. Only the letters A to Z are
// made small, which is what both databases do alike.
func FoldName(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + ('a' - 'A')
		}
		return r
	}, CleanName(s))
}

// String gives the expression as it was written.
func (e AudienceExpr) String() string { return e.text }

// IsZero says whether the expression chooses nobody.
func (e AudienceExpr) IsZero() bool { return len(e.conditions) == 0 }

// names says whether a key stands in the expression.
func (e AudienceExpr) names(key string) bool {
	return slices.ContainsFunc(e.conditions, func(c condition) bool {
		return slices.ContainsFunc(c.choices, func(ch AudienceChoice) bool { return ch.Key == key })
	})
}

// Conditions calls do for each condition, the one on the status included that
// holds where none is written. It is for who writes the expression in another
// language, such as SQL.
func (e AudienceExpr) Conditions(do func(not bool, choices []AudienceChoice)) {
	for _, c := range e.conditions {
		do(c.not, c.choices)
	}
	if !e.IsZero() && !e.names("status") {
		do(false, []AudienceChoice{{"status", string(Registered)}})
	}
}

// Chooses says whether a registration is in the audience. Who cancelled never
// is.
func (e AudienceExpr) Chooses(r Registration) bool {
	if e.IsZero() || r.Status == Cancelled {
		return false
	}
	all := true
	e.Conditions(func(not bool, choices []AudienceChoice) {
		any := slices.ContainsFunc(choices, func(c AudienceChoice) bool { return c.holds(r) })
		all = all && any != not
	})
	return all
}

func (c AudienceChoice) holds(r Registration) bool {
	switch c.Key {
	case everyone:
		return true
	case "event":
		return r.EventID == c.Value
	case "status":
		return string(r.Status) == c.Value
	case "lang":
		return string(r.Lang) == c.Value
	case "domain":
		return domainWithin(r.Email.Domain(), c.Value)
	case "email":
		return r.Email.Key() == c.Value
	case "tag":
		return slices.Contains(r.Tags, c.Value)
	case "answered":
		return string(r.Answered) == c.Value
	case "organisation":
		return FoldName(r.Organisation) == c.Value
	case "name":
		return FoldName(r.Name) == c.Value
	case "approved":
		return r.Approved == (c.Value == "yes")
	}
	return false
}
