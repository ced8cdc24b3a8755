// Package invite writes the calendar part of a mail: one event, for one
// recipient, as an iCalendar object (RFC 5545) that asks (RFC 5546 REQUEST) or
// takes back (CANCEL), ready to travel as text/calendar (RFC 6047).
//
// It owns what go-ical leaves out and what calendar programs trip over: lines
// folded at 75 octets, VTIMEZONE, text and parameters from strangers made
// harmless, and a lint that reads every result before it leaves.
//
// [Write] makes one invitation; [Prepare] makes one for many, of which
// [Prepared.Fill] writes and lints the four lines that are a recipient's own.
//
// It refuses an event that cannot become a correct invitation (no UID, an end
// that is not after the start, an address that is no plain addr-spec). It never
// decodes calendars from outside: the lint reader is linear, capped at
// [MaxBytes] and meant for our own output.
//
// It fails with a plain error for an event that is not valid and with a
// *[LintError], listing every problem, for output that would not be right.
// Neither error repeats an address or a name, so both may be logged.
//
// # Time zones
//
// An event is written in the wall clock of its zone, DTSTART;TZID=Europe/Amsterdam,
// with a VTIMEZONE whose yearly RRULEs are derived from the zone itself. RDATE
// lists are never used: Outlook misreads them. Start and end are written in UTC,
// without VTIMEZONE, when wall clock could be misread:
//
//   - the zone has no yearly rule of the form "n-th or last weekday of a month"
//     (Africa/Casablanca follows the moon, Asia/Jerusalem the day before a Sunday),
//   - the zone has no name of the form Area/Place, or is one of Etc/*,
//   - the start or the end falls in the hour that occurs twice when the clock
//     goes back. RFC 5545 section 3.3.5 takes such a time as the first of the
//     two, so the second cannot be written at all; programs disagree on the
//     first, so that goes in UTC as well.
//
// The instants are the same in every form.
package invite
