// Package templates says how mail looks to its recipient: subject, plain text,
// HTML and invitation. It is pure: no clock, no network, no files but the ones
// it is handed, and equal input gives equal bytes.
//
// # Files
//
// The built-in templates are in the folder mail, and an organiser replaces any
// of them by a file of the same name:
//
//   - KIND.LANG.txt, such as reminder.nl.txt, is what one mail says. It looks
//     like a mail: header lines, an empty line, paragraphs. Subject, Heading
//     and Lead (the sentence that says it all, also the preview in a mailbox)
//     are required.
//   - words.LANG.txt holds the header lines that all mails in a language share:
//     Greeting, When, Where, Link, Speaker, About, Button, Alarm, Footer and
//     Contact. A mail may give one of these itself; then that one counts.
//   - layout.txt and layout.html put these, the card with time and place, and
//     the summary in order. layout.html is compiled from layout.mjml by
//     generate.sh and committed.
//
// The sentences of a mail are written once and go into text and HTML alike, so
// the two cannot drift. They are plain text: nothing a person typed can become
// markup, and html/template escapes all of it. The one exception is the
// event's summary, Markdown that is parsed once and written twice.
//
// # Actions
//
// The files are Go templates. Sentences may use the fields of the recipient's
// view: Lang, Programme, Title, When, Date, Time, Place, Link, Speaker, Name,
// Organisation, Email, Organizer, OrganizerEmail, Soon ("tomorrow", "in 3
// days"; empty once it has begun), Near (it begins within 7 days), Folded (this
// mail stands in for a reminder), EventOff, Off, WasWhen and WasPlace (before a
// change). All are one line of text, or true or false. The layouts may also
// use what the files above say (Subject, Heading, Lead, Paragraphs, Greeting,
// WhenLabel …) and SummaryText, and layout.html SummaryHTML; those of a campaign
// BodyText, Unsubscribe and UnsubscribeLabel, and campaign.html BodyHTML and
// UnsubscribeLink. A campaign has neither Lead nor Greeting.
//
// # Campaigns
//
// The text of a campaign is an organiser's own Markdown, in [Input.Campaign]. It
// is parsed once and written twice, as the summary is, and stands in
// campaign.html (compiled from campaign.mjml) and campaign.txt; campaign.LANG.txt
// has the lines below it, Footer and Unsubscribe. Its placeholders, such as
// {{voornaam|deelnemer}}, are no actions: they come from a short list, and what
// belongs there is put in, escaped, when the Markdown has become HTML and text.
// [Set.CheckCampaign] refuses a text that would not be what its author meant.
//
// # Once for many
//
// [Set.Prepare] does once what the mails of a [Class] share, and
// [Prepared.Fill] the few lines that differ: a few per cent of the work of
// [Set.Render], and the same bytes. It renders the same templates with marks in
// place of the recipient's facts and keeps the lines around them. A file that
// does more with a fact than to show it or to ask whether it is there, such as
// {{len .Name}}, is found by reading it and always rendered in full
// ([ErrNotPrepared]); so is a mail that would come out different.
//
// # Refusals
//
// [Load] refuses a file it does not know, a template that does not parse or
// names a field that is not there, and one that fails for any of a set of
// sample mails; the error is a *[jobs.ProblemsError] with file and line. So a
// broken file stops the program at its start and not a mail at its moment.
// [Set.Render] refuses an event that still has blanks ([ErrBlank]) and any
// mail in which the mark of a blank is left.
package templates
