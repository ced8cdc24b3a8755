package main

import "heraut/jobs"

func english() words {
	w := words{
		Lang: jobs.English,
		ID:   "id", Event: "event", Email: "email", Name: "name", Organisation: "organisation", Language: "lang", Status: "status", Reason: "reason",
		When: "when", Rule: "rule", Kind: "kind", State: "state", Attempts: "tries", Was: "was", Now: "becomes", What: "what", Mails: "mails", Number: "number",
		Since: "since", Column: "column", ReadAs: "read as", Line: "line",
		Where: "where", Speaker: "speaker", Organizer: "organizer", Audience: "audience", ToFillIn: "to fill in",
		Weekdays: [7]string{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"},
		Months:   [13]string{"", "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"},
		Anyone:   "(who registers now)", TimeUnknown: "time to be filled in",

		ProgrammeFirst:   "note: %s was not on record yet and is in force from now on",
		ProgrammeChanged: "warning: %s differs from the programme in force; `heraut programme apply %s` shows what it would change",
		ProgrammeBroken:  "warning: %s has problems and is not what is in force; see `heraut programme check %s`",

		PlanTitle: "Who gets what, when", PlanNothing: "The programme has no messages.",

		WhyNobody:     "%s is not on record.",
		WhyRegistered: "%s <%s> came on record on %s (%s); %s.",
		WhySent:       "sent on %s",
		WhyPlanned:    "will leave on %s",
		WhyRetry:      "tried %d times, again on %s",
		WhyOther:      "%s (its moment: %s)",
		WhySMTP:       "; the mail server said %q",
		WhyCalendar:   "; calendar revision %d",

		ImportDone:     "%d rows read: %d added, %d updated, %d unchanged, %d held, %d refused",
		ImportTry:      "%d rows read: %d would be added, %d updated, %d unchanged, %d held, %d refused; nothing was changed",
		ImportFirst:    "The first %d rows:",
		ImportRefused:  "Refused (%d of %d; --rejects FILE writes all of them):",
		ImportRejects:  "The refused rows are in %s.",
		ImportStopped:  "stopped after line %d; what was read is on record, and the same command again goes on from there",
		ImportNotRead:  "not read",
		ImportProgress: "%d rows",

		CheckFine:   "%s is fine.",
		CheckBlanks: "%d values are still to be filled in; no mail leaves about these events meanwhile:",
		CheckBlank:  "line %d: %s",

		ApplySame: "Nothing changes.", ApplyAsk: "Put this in force? [y/N] ", ApplyDone: "The programme is in force (version %d).", ApplyNothingDone: "Nothing was changed.",
		ApplyMails:    "Mail that leaves because of this: %d × %s",
		ApplyMessages: "%d registrations; %d messages planned, %d moved, %d void",
		EventAdded:    "new event", EventRemoved: "event removed",

		InitDone: "Wrote heraut.yaml, programme.yaml and registrations.csv to %s\nFill in the marks in programme.yaml; `heraut programme check` lists them.",

		StatusPeople: "Registrations", StatusMessages: "Messages", StatusDue: "oldest due, seconds", StatusDoubt: "in doubt", StatusWorkers: "workers",
		StatusTrouble: "A worker sends nothing now: %s",

		CampaignWarning: "Mind: %s", CampaignSaved: "%s is saved; it would go to %d people. Look at it with `heraut campaign preview %s`.",
		CampaignIs: "%s: %s", CampaignMail: "The mail to %s:", CampaignCount: "%d people get this mail; %d are left out.", CampaignPage: "The page is in %s.",
		CampaignFile: "Attached: %s (%d bytes).", CampaignInvites: "With the person's own invitation to the event.",
		CampaignNext: "To send it: heraut campaign send %s --count %d", CampaignTested: "A test of %s was sent to %d addresses.", CampaignTestSubject: "[test] %s",
		CampaignSent:   "%s goes to %d people and begins on %s. To take it back: heraut campaign cancel %s",
		CampaignSecond: "Above %d people a second organiser has to want it as well: heraut campaign send %s --count %d",
		CampaignRate:   "%d of %d, %.0f a second", CampaignUnwritten: "not ready yet", CampaignLeftOut: "get none",
		StatusCampaign: "campaign %s: %s, %d of %d sent", StatusTask: "A task of a later version waits (%s, version %d): upgrade heraut.",
		CampaignUnsubscribed: "%s gets no campaigns any more; mail about their own registration they still get.", CampaignResubscribed: "%s gets campaigns again.",
		PageDesktop: "On a desktop", PagePhone: "On a phone", PageText: "As text",

		SuppressAdded: "%s is written to no more.", SuppressRemoved: "%s may be written to again.",

		ServeWeb: "web side on %s", ServeCapture: "mail is captured in %s, not sent", ServeRelay: "mail goes to %s", ServeStop: "stopped",
	}
	w.Statuses = same(jobs.Statuses())
	w.States = same(jobs.States())
	w.States[jobs.FinalDot], w.States[jobs.InDoubt] = "at the final dot", "in doubt"
	w.Kinds = same(append(jobs.Kinds(), jobs.CampaignMail))
	w.CampaignStates = same(jobs.CampaignStates())
	w.CampaignStates[jobs.CampaignReady] = "waiting for a second organiser"
	return w
}

// same gives words that are shown as they are stored.
func same[T ~string](list []T) map[T]string {
	m := make(map[T]string, len(list))
	for _, v := range list {
		m[v] = string(v)
	}
	return m
}
