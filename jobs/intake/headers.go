package intake

import (
	"slices"
	"strings"
	"unicode"
)

// Field is what a column holds. Stable strings: people write them in --map.
type Field string

const (
	Email        Field = "email"
	Name         Field = "name"       // the full name; read where the family name is empty
	GivenName    Field = "given_name" // voornaam
	Infix        Field = "infix"      // tussenvoegsel
	FamilyName   Field = "family_name"
	Organisation Field = "organisation"
	Lang         Field = "lang"
	Tags         Field = "tags"          // separated by comma, semicolon or |
	RegisteredAt Field = "registered_at" // date, or date and time
	TimeOfDay    Field = "time_of_day"   // pretix: the time that belongs to RegisteredAt
	Status       Field = "status"        // whether the person still comes
)

// Fields gives every field.
func Fields() []Field {
	return []Field{Email, Name, GivenName, Infix, FamilyName, Organisation, Lang, Tags, RegisteredAt, TimeOfDay, Status}
}

// synonyms are the headers we know for each field, best first, as [normal]
// writes them. Of two columns for one field the better header wins: in a
// pretix export the attendee before the one who ordered.
var synonyms = map[Field][]string{
	Email: {
		"attendeeemail", "emailattendee", "emaildeelnemer", "emailadresdeelnemer", "emailvandeelnemer", // pretix
		"emailenteremail", "emailadresemailadresinvoeren", "emailemailadresinvoeren", "emailemailinvoeren", // Gravity Forms, typed twice
		"emailadres", "emailaddress", "zakelijkemailadres", "werkemailadres", "workemail", "email", "mailadres", "mail",
	},
	Name: {
		"attendeename", "naamdeelnemer", "deelnemersnaam", "naamvandeelnemer",
		"volledigenaam", "voornaamenachternaam", "voorenachternaam", "fullname", "firstandlastname", "naam", "name", "deelnemer", "attendee",
	},
	GivenName: {
		"attendeenamegivenname", "attendeenamefirstname", "naamdeelnemervoornaam", "naamvandeelnemervoornaam",
		"naamvoornaam", "namefirst", "naameerste", "voornaam", "roepnaam", "firstname", "givenname", "first", "forename",
	},
	Infix: {"naamtussenvoegsel", "tussenvoegsel", "tussenvoegsels", "tussenv", "voorvoegsel", "voorvoegsels", "infix"},
	FamilyName: {
		"attendeenamefamilyname", "attendeenamelastname", "naamdeelnemerachternaam", "naamvandeelnemerachternaam",
		"naamachternaam", "namelast", "naamlaatste", "achternaam", "familienaam", "lastname", "familyname", "surname", "last",
	},
	Organisation: {
		"organisatie", "organisation", "organization", "organisatienaam", "naamorganisatie", "organisatieministerie", "ministerieorganisatie",
		"company", "companyname", "bedrijf", "bedrijfsnaam", "werkgever", "employer", "ministerie", "ministry", "instelling",
	},
	Lang: {"taal", "voertaal", "taalvoorkeur", "voorkeurstaal", "language", "preferredlanguage", "locale", "orderlocale", "lang"},
	Tags: {"tags", "tag", "labels", "label", "kenmerken"},
	RegisteredAt: {
		"datumaanmelding", "aanmelddatum", "aangemeldop", "aanmeldingsdatum", "datumvanaanmelding", "inschrijfdatum", "registrationdate", "registeredat",
		"completiontime", "voltooidom", "tijdvanvoltooien", "tijdstipvanvoltooiing", "voltooiingstijd", // Microsoft Forms
		"entrydate", "datuminvoer", "invoerdatum", "inzenddatum", "datuminzending", // Gravity Forms
		"orderdate", "besteldatum", "bestellingsdatum", "datumbestelling", // pretix
		"datum", "date", "timestamp", "tijdstempel",
		"starttime", "begintijd", "starttijd", "tijdvanstarten", // begun is not yet done: last
	},
	TimeOfDay: {"ordertime", "besteltijd", "tijdbestelling", "bestellingstijd"},
	Status:    {"status", "orderstatus", "bestelstatus", "bestellingsstatus", "statusbestelling"},
}

// knownHeader finds field and rank by normal header.
var knownHeader = func() map[string]guess {
	m := map[string]guess{}
	for field, names := range synonyms {
		for rank, name := range names {
			m[name] = guess{field, rank}
		}
	}
	return m
}()

// guess is what a header probably means; the lower rank is the better one.
type guess struct {
	field Field
	rank  int
}

// Ranks of headers that are known less surely than by the table.
const (
	rankQuestion = 1000 // a question on a form: "Wat is je e-mailadres?"
	rankAccount  = 2000 // the account Microsoft Forms puts down: "anonymous" when the form is open
)

// understand says what a header means; ok is false where it is unknown.
func understand(header string) (g guess, ok bool) {
	if g, ok = knownHeader[normal(header)]; ok {
		return g, true
	}
	words := slices.DeleteFunc(splitWords(header), func(w string) bool { return slices.Contains(questionWords, w) })
	g, ok = knownHeader[strings.Join(words, "")]
	g.rank += rankQuestion
	return g, ok
}

// questionWords are left out of the questions on a form. What is left must be
// a known header as a whole: "het e-mailadres van je leidinggevende" is none.
var questionWords = []string{
	"wat", "is", "bij", "welke", "werk", "werkt", "je", "jouw", "uw", "u", "mijn", "het", "de", "vul", "in", "hier", "graag", "zakelijk", "zakelijke",
	"what", "which", "do", "you", "work", "for", "at", "your", "my", "the", "please", "enter", "business", "verplicht", "required",
}

// normal writes a header as its letters and digits, in lower case.
func normal(s string) string { return strings.Join(splitWords(s), "") }

// splitWords gives the words of a header in lower case. A hyphen or an
// apostrophe does not end a word: "E-mail" is one.
func splitWords(s string) []string {
	s = strings.NewReplacer("-", "", "'", "", "’", "", "\u2011", "").Replace(strings.ToLower(s))
	return strings.FieldsFunc(s, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

// isForms says whether the header is that of Microsoft Forms, which puts five
// columns of its own before the questions.
func isForms(header []string) bool {
	if len(header) < 5 || normal(header[0]) != "id" {
		return false
	}
	var got [4]Field
	for i := range got {
		g, _ := understand(header[i+1])
		got[i] = g.field
	}
	return got == [4]Field{RegisteredAt, RegisteredAt, Email, Name}
}
