package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"heraut/jobs"
	"heraut/jobs/ledger"
)

// words are the texts organisers read most, in one language; errors and the
// operator's notes are English. words_nl.go and words_en.go hold them.
type words struct {
	Lang jobs.Lang

	// Headings.
	ID, Event, Email, Name, Organisation, Language, Status, Reason   string
	When, Rule, Kind, State, Attempts, Was, Now, What, Mails, Number string
	Since, Column, ReadAs, Line                                      string
	Where, Speaker, Organizer, Audience, ToFillIn                    string

	// Values, by the word that is stored.
	Statuses map[jobs.Status]string
	States   map[jobs.State]string
	Kinds    map[jobs.Kind]string
	Results  map[string]string // of an import
	Reasons  map[string]string // nil: as they are stored
	Weekdays [7]string         // from Sunday
	Months   [13]string        // from 1

	Anyone      string // who would register now
	TimeUnknown string // the event has a day and no time yet

	// Notes and summaries; each with its arguments.
	ProgrammeFirst   string // file
	ProgrammeChanged string // file, file
	ProgrammeBroken  string // file, file

	PlanTitle, PlanNothing string

	WhyNobody     string // address
	WhyRegistered string // name, address, moment, source, status
	WhySent       string // moment
	WhyPlanned    string // moment
	WhyRetry      string // tries, moment
	WhyOther      string // state, moment
	WhySMTP       string // answer
	WhyCalendar   string // revision

	ImportDone     string // read, added, updated, unchanged, held, refused
	ImportTry      string // as ImportDone
	ImportFirst    string // rows shown
	ImportRefused  string // number shown, number of all
	ImportRejects  string // file
	ImportStopped  string // line
	ImportNotRead  string
	ImportProgress string // rows

	CheckFine   string // file
	CheckBlanks string // number
	CheckBlank  string // line, field

	ApplySame, ApplyAsk, ApplyDone, ApplyNothingDone string
	ApplyMails                                       string // number, kind
	ApplyMessages                                    string // registrations, planned, moved, voided
	EventAdded, EventRemoved                         string

	InitDone string // folder

	StatusPeople, StatusMessages, StatusDue, StatusDoubt, StatusWorkers string
	StatusTrouble                                                       string // why

	SuppressAdded, SuppressRemoved string // address

	CampaignStates      map[jobs.CampaignState]string
	CampaignWarning     string // what may be wrong
	CampaignSaved       string // name, people, name
	CampaignIs          string // name, state
	CampaignMail        string // to whom
	CampaignCount       string // people, left out
	CampaignPage        string // file
	CampaignFile        string // name, bytes
	CampaignInvites     string
	CampaignNext        string // name, people
	CampaignTested      string // name, addresses
	CampaignTestSubject string // subject
	CampaignSent        string // name, people, moment, name
	CampaignSecond      string // people, name, people
	CampaignRate        string // done, all, a second
	CampaignUnwritten   string
	CampaignLeftOut     string

	CampaignUnsubscribed, CampaignResubscribed string // address

	StatusCampaign string // name, state, sent, people
	StatusTask     string // kind, version

	PageDesktop, PagePhone, PageText string

	ServeWeb, ServeCapture, ServeRelay, ServeStop string
}

// chooseWords takes the language of --lang, else that of the locale.
func chooseWords(flag string, env map[string]string) (words, error) {
	switch flag {
	case "nl":
		return dutch(), nil
	case "en":
		return english(), nil
	case "":
	default:
		return english(), usagef("--lang %q; write nl or en", flag)
	}
	// The order of POSIX: the first of these that is set counts.
	for _, v := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if l := env[v]; l != "" {
			if strings.HasPrefix(l, "nl") {
				return dutch(), nil
			}
			break
		}
	}
	return english(), nil
}

func (w words) status(s jobs.Status) string { return or(w.Statuses[s], string(s)) }
func (w words) state(s jobs.State) string   { return or(w.States[s], string(s)) }
func (w words) kind(k jobs.Kind) string     { return or(w.Kinds[k], string(k)) }
func (w words) campaign(s jobs.CampaignState) string {
	return or(w.CampaignStates[s], string(s))
}
func (w words) result(r ledger.Result) string {
	return or(w.Results[string(r)], string(r))
}

// reason translates a stored reason where it is one of ours; what a server or
// a person said stays as it is.
func (w words) reason(s string) string {
	if t, ok := w.Reasons[s]; ok {
		return t
	}
	for en, t := range w.Reasons {
		if before, after, ok := strings.Cut(en, "*"); ok && strings.HasPrefix(s, before) && strings.HasSuffix(s, after) && len(s) >= len(en)-1 {
			return strings.Replace(t, "*", s[len(before):len(s)-len(after)], 1)
		}
	}
	return s
}

// because gives ": reason", "" where there is none.
func (w words) because(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + w.reason(reason)
}

// recipient gives the address of a message, or the word for nobody in
// particular.
func (w words) recipient(m ledger.MessageRow) string {
	return or(m.Email.String(), w.Anyone)
}

// moment writes an instant on the clock of zone, with the zone's name: "do 19
// nov 2026 11:30 CET". The zero time is "–".
func (w words) moment(t time.Time, zone *time.Location) string {
	if t.IsZero() {
		return "–"
	}
	t = t.In(zone)
	y, m, d := t.Date()
	return fmt.Sprintf("%s %2d %s %d %s", w.Weekdays[t.Weekday()], d, w.Months[m], y, t.Format("15:04 MST"))
}

// start writes when an event begins; only the day where the time is not known.
func (w words) start(ev jobs.Event) string {
	if ev.HasStartTime || ev.Start.IsZero() {
		return w.moment(ev.Start, ev.Zone)
	}
	t := ev.Start.In(ev.Zone)
	y, m, d := t.Date()
	return fmt.Sprintf("%s %2d %s %d, %s", w.Weekdays[t.Weekday()], d, w.Months[m], y, w.TimeUnknown)
}

func or(s, otherwise string) string {
	if s != "" {
		return s
	}
	return otherwise
}

func number[N int | int64](n N) string { return strconv.FormatInt(int64(n), 10) }
