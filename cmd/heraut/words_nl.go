package main

import "heraut/jobs"

func dutch() words {
	return words{
		Lang: jobs.Dutch,
		ID:   "id", Event: "evenement", Email: "e-mail", Name: "naam", Organisation: "organisatie", Language: "taal", Status: "status", Reason: "reden",
		When: "wanneer", Rule: "regel", Kind: "soort", State: "stand", Attempts: "pogingen", Was: "was", Now: "wordt", What: "wat", Mails: "mails", Number: "aantal",
		Since: "sinds", Column: "kolom", ReadAs: "gelezen als", Line: "regel",
		Where: "waar", Speaker: "spreker", Organizer: "organisator", Audience: "doelgroep", ToFillIn: "in te vullen",
		Statuses: map[jobs.Status]string{jobs.Registered: "aangemeld", jobs.Held: "aangehouden", jobs.Cancelled: "afgemeld", jobs.Refused: "geweigerd"},
		States: map[jobs.State]string{
			jobs.Planned: "gepland", jobs.HeldState: "aangehouden", jobs.Claimed: "in behandeling", jobs.FinalDot: "bij de laatste punt",
			jobs.Sent: "verstuurd", jobs.Retry: "nieuwe poging", jobs.InDoubt: "onzeker", jobs.Failed: "mislukt",
			jobs.Suppressed: "geblokkeerd", jobs.CancelledState: "vervallen", jobs.Expired: "gemist",
		},
		Kinds: map[jobs.Kind]string{
			jobs.Confirmation: "bevestiging", jobs.Reminder: "herinnering", jobs.Followup: "bericht na afloop",
			jobs.CampaignMail: "campagne", jobs.Change: "wijziging", jobs.Cancellation: "annulering",
		},
		Results: map[string]string{
			"added": "toegevoegd", "updated": "bijgewerkt", "unchanged": "ongewijzigd", "held": "aangehouden", "refused": "geweigerd",
		},
		CampaignStates: map[jobs.CampaignState]string{
			jobs.CampaignDraft: "concept", jobs.CampaignReady: "wacht op een tweede organisator", jobs.CampaignScheduled: "gepland", jobs.CampaignRunning: "bezig",
			jobs.CampaignPaused: "gepauzeerd", jobs.CampaignDone: "klaar", jobs.CampaignCancelled: "ingetrokken",
		},
		CampaignWarning: "Let op: %s", CampaignSaved: "%s is bewaard; het zou naar %d mensen gaan. Bekijk het met `heraut campaign preview %s`.",
		CampaignIs: "%s: %s", CampaignMail: "De mail aan %s:", CampaignCount: "%d mensen krijgen deze mail; %d zijn uitgezonderd.", CampaignPage: "De pagina staat in %s.",
		CampaignFile: "Bijlage: %s (%d bytes).", CampaignInvites: "Met de eigen agenda-uitnodiging voor het evenement.",
		CampaignNext: "Versturen: heraut campaign send %s --count %d", CampaignTested: "Een proef van %s is naar %d adressen gestuurd.", CampaignTestSubject: "[proef] %s",
		CampaignSent:   "%s gaat naar %d mensen en begint op %s. Terugnemen: heraut campaign cancel %s",
		CampaignSecond: "Boven %d mensen moet een tweede organisator het ook willen: heraut campaign send %s --count %d",
		CampaignRate:   "%d van %d, %.0f per seconde", CampaignUnwritten: "nog niet klaargezet", CampaignLeftOut: "krijgen het niet",
		StatusCampaign: "campagne %s: %s, %d van %d verstuurd", StatusTask: "Er wacht een taak van een nieuwere versie (%s, versie %d): werk heraut bij.",
		CampaignUnsubscribed: "%s krijgt geen campagnes meer; mail over de eigen aanmelding nog wel.", CampaignResubscribed: "%s krijgt weer campagnes.",
		PageDesktop: "Op een computer", PagePhone: "Op een telefoon", PageText: "Als tekst",
		Reasons: map[string]string{
			jobs.ReasonUnsubscribed:  "afgemeld voor nieuws",
			jobs.ReasonNotInAudience: "hoort niet meer bij de doelgroep",
			jobs.ReasonNotInvited:    "niet aangemeld voor het evenement van de uitnodiging",
			jobs.ReasonSameAddress:   "krijgt het bij een andere aanmelding met dit adres",
			jobs.ReasonCampaignOff:   "de campagne is ingetrokken",
			jobs.ReasonCampaignHeld:  "de campagne is gepauzeerd",
			jobs.ReasonLateSkip:      "het moment was al voorbij toen deze persoon zich aanmeldde",
			jobs.ReasonFolded:        "opgenomen in de bevestiging",
			jobs.ReasonNewRule:       "de regel is nieuwer dan het moment zelf",
			jobs.ReasonNoTime:        "er is geen tijd meer voor het begin",
			jobs.ReasonStarted:       "het evenement was al begonnen",
			jobs.ReasonMaxLate:       "kon niet binnen max_late weg",
			jobs.ReasonMoved:         "het evenement is gewijzigd; een nieuwer bericht komt hiervoor in de plaats",
			jobs.ReasonRuleGone:      "de regel staat niet meer in het programma",
			jobs.ReasonEventOff:      "het evenement gaat niet door",
			jobs.ReasonPersonOff:     "de aanmelding is ingetrokken",
			jobs.ReasonOvertaken:     "de aanmelding of het evenement veranderde vlak voor de verzending",
			jobs.ReasonNeverLeft:     "de uitnodiging waar het over gaat is nooit verstuurd",
			jobs.ReasonQuietly:       "stil overgenomen: er is geen bevestiging gevraagd",
			jobs.ReasonIneligible:    "het adres hoort niet bij de doelgroep van dit evenement",
			"called spam by *":       "spam genoemd door *",
			"the domain * is not in the audience of this event": "het domein * hoort niet bij de doelgroep van dit evenement",
			"the programme has a blank to fill in: *":           "in het programma is nog niet ingevuld: *",
		},
		Weekdays: [7]string{"zo", "ma", "di", "wo", "do", "vr", "za"},
		Months:   [13]string{"", "jan", "feb", "mrt", "apr", "mei", "jun", "jul", "aug", "sep", "okt", "nov", "dec"},
		Anyone:   "(wie zich nu aanmeldt)", TimeUnknown: "tijd nog in te vullen",

		ProgrammeFirst:   "let op: %s was nog niet vastgelegd en geldt vanaf nu",
		ProgrammeChanged: "let op: %s is anders dan het programma dat geldt; `heraut programme apply %s` laat zien wat er zou veranderen",
		ProgrammeBroken:  "let op: %s bevat fouten en is niet wat er geldt; zie `heraut programme check %s`",

		PlanTitle: "Wie krijgt wat, en wanneer", PlanNothing: "Het programma heeft geen berichten.",

		WhyNobody:     "%s is niet bekend.",
		WhyRegistered: "%s <%s> is bekend sinds %s (%s); %s.",
		WhySent:       "verstuurd op %s",
		WhyPlanned:    "gaat weg op %s",
		WhyRetry:      "%d keer geprobeerd, opnieuw op %s",
		WhyOther:      "%s (het moment: %s)",
		WhySMTP:       "; de mailserver zei %q",
		WhyCalendar:   "; agendaversie %d",

		ImportDone:     "%d rijen gelezen: %d toegevoegd, %d bijgewerkt, %d ongewijzigd, %d aangehouden, %d geweigerd",
		ImportTry:      "%d rijen gelezen: er zouden er %d worden toegevoegd, %d bijgewerkt, %d ongewijzigd, %d aangehouden, %d geweigerd; er is niets veranderd",
		ImportFirst:    "De eerste %d rijen:",
		ImportRefused:  "Geweigerd (%d van %d; --rejects BESTAND schrijft ze allemaal weg):",
		ImportRejects:  "De geweigerde rijen staan in %s.",
		ImportStopped:  "gestopt na regel %d; wat gelezen is, is vastgelegd, en dezelfde opdracht gaat daar verder",
		ImportNotRead:  "niet gelezen",
		ImportProgress: "%d rijen",

		CheckFine:   "%s is in orde.",
		CheckBlanks: "%d waarden zijn nog niet ingevuld; tot dan gaat er over deze evenementen geen mail weg:",
		CheckBlank:  "regel %d: %s",

		ApplySame: "Er verandert niets.", ApplyAsk: "Dit laten gelden? [j/N] ", ApplyDone: "Het programma geldt (versie %d).", ApplyNothingDone: "Er is niets veranderd.",
		ApplyMails:    "Mail die hierdoor weggaat: %d × %s",
		ApplyMessages: "%d aanmeldingen; %d berichten gepland, %d verplaatst, %d vervallen",
		EventAdded:    "nieuw evenement", EventRemoved: "evenement verwijderd",

		InitDone: "heraut.yaml, programme.yaml en registrations.csv staan in %s\nVul de merktekens in programme.yaml in; `heraut programme check` noemt ze.",

		StatusPeople: "Aanmeldingen", StatusMessages: "Berichten", StatusDue: "oudste wachtende, seconden", StatusDoubt: "onzeker", StatusWorkers: "workers",
		StatusTrouble: "Een worker verstuurt nu niets: %s",

		SuppressAdded: "%s krijgt geen mail meer.", SuppressRemoved: "%s mag weer mail krijgen.",

		ServeWeb: "webkant op %s", ServeCapture: "mail komt in %s en gaat niet weg", ServeRelay: "mail gaat naar %s", ServeStop: "gestopt",
	}
}
