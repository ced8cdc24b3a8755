package templates

import "heraut/jobs"

// fact is something about the recipient that templates can show.
type fact int

const (
	factName fact = iota // to greet by
	factOrganisation
	factEmail
	factGiven       // the given name alone; of a campaign, as the rest
	factFull        // the full name
	factUnsubscribe // where to unsubscribe
	facts           // how many there are
)

// person is the facts of one recipient, cleaned; "" is one that is not known.
type person [facts]string

func personOf(in Input) person {
	reg := &in.Registration
	who := person{factName: strangersName(reg.Salutation()), factOrganisation: strangersName(reg.Organisation), factEmail: reg.Email.String()}
	if in.Campaign != nil {
		who[factGiven], who[factFull], who[factUnsubscribe] = strangersName(reg.GivenName), strangersName(reg.Name), in.Unsubscribe
	}
	return who
}

// known says which facts there are.
func (p person) known() (k [facts]bool) {
	for i, s := range p {
		k[i] = s != ""
	}
	return k
}

// Class says which mails are equal but for the facts of their recipients: two
// inputs of one class can be filled into one [Prepared]. It is comparable and
// holds all that [Set.Render] looks at, except name, organisation, address,
// UID, tag, and the exact moment; of these it holds which are known, and how
// people speak of the time that is left.
type Class struct {
	programme string
	event     eventFacts
	was       whereabouts // of a change, zero where it is not known
	kind      jobs.Kind
	campaign  campaignFacts // zero for other mails
	lang      jobs.Lang
	calendar  jobs.Lang // of the invitation, "" without one
	sequence  int
	known     [facts]bool
	eventOff  bool
	folded    bool
	near      bool
	soon      span
}

// eventFacts is what a mail says about an event. Strings that an event shares
// with its copies are cheap to compare.
type eventFacts struct {
	id             string
	title, summary jobs.Text
	speaker        string
	organizer      jobs.Person
	blank          bool
	whereabouts
}

// campaignFacts is what a mail of a campaign says.
type campaignFacts struct {
	name          string
	subject, body jobs.Text
}

// whereabouts is time and place. The zone is held by its name and its offset at
// the start, in seconds: a programme that is read again has zones of its own.
type whereabouts struct {
	start, end   int64 // Unix time in microseconds
	zone         string
	offset       int
	hasStartTime bool
	location     jobs.Location
}

func whereaboutsOf(ev *jobs.Event) whereabouts {
	w := whereabouts{start: ev.Start.UnixMicro(), end: ev.End.UnixMicro(), hasStartTime: ev.HasStartTime, location: ev.Location}
	if ev.Zone != nil {
		w.zone = ev.Zone.String()
		_, w.offset = ev.Start.In(ev.Zone).Zone()
	}
	return w
}

// Class gives the class of in. It takes less than a microsecond.
func (s *Set) Class(in Input) Class { return classOf(&in, personOf(in)) }

func classOf(in *Input, who person) Class {
	ev := &in.Event
	c := Class{
		programme: in.Programme,
		event: eventFacts{
			id: ev.ID, title: ev.Title, summary: ev.Summary, speaker: ev.Speaker,
			organizer: ev.Organizer, blank: len(ev.Blanks) > 0, whereabouts: whereaboutsOf(ev),
		},
		kind:     in.Message.Kind,
		lang:     in.Language(),
		sequence: in.Message.Sequence,
		known:    who.known(),
		eventOff: eventOff(in.Message.Kind, in.Registration.Status),
		folded:   len(in.Folded) > 0,
	}
	if ev.Zone != nil {
		start := ev.Start.In(ev.Zone)
		c.near, c.soon = near(in.Now, start), spanUntil(in.Now, start)
	}
	if method(in.Message.Kind, in.Campaign) != "" {
		c.calendar = in.CalendarLanguage()
	}
	if in.Campaign != nil {
		c.campaign = campaignFacts{in.Campaign.Name, in.Campaign.Subject, in.Campaign.Body}
	}
	if in.Message.Kind == jobs.Change && in.Was != nil {
		c.was = whereaboutsOf(in.Was)
	}
	return c
}
