package jobs

import (
	"errors"
	"fmt"
	"regexp"
	"time"
)

// CampaignMail is the kind of a campaign's messages. No rule of a programme
// makes them, so [Kinds] does not give it; [Message.Name] is the campaign's name.
const CampaignMail Kind = "campaign"

// CampaignState is where a campaign stands. Stable strings.
type CampaignState string

const (
	// CampaignDraft: written; it may be written anew, tried and sent.
	CampaignDraft CampaignState = "draft"
	// CampaignReady: one organiser wants it sent and a second has to as well,
	// because it is above [ApproveAbove].
	CampaignReady CampaignState = "ready"
	// CampaignScheduled: its audience is frozen; it begins at its moment.
	CampaignScheduled CampaignState = "scheduled"
	// CampaignRunning: its messages leave.
	CampaignRunning CampaignState = "running"
	// CampaignPaused: nothing of it leaves; a person lets it go on, or not.
	CampaignPaused CampaignState = "paused"
	// CampaignDone: nothing of it waits any more.
	CampaignDone CampaignState = "done"
	// CampaignCancelled: nothing more of it leaves, for good.
	CampaignCancelled CampaignState = "cancelled"
)

// CampaignStates gives every state, in the order of a campaign's life.
func CampaignStates() []CampaignState {
	return []CampaignState{CampaignDraft, CampaignReady, CampaignScheduled, CampaignRunning, CampaignPaused, CampaignDone, CampaignCancelled}
}

// campaignMoves is the one table of legal moves.
var campaignMoves = map[CampaignState][]CampaignState{
	CampaignDraft:     {CampaignDraft, CampaignReady, CampaignScheduled, CampaignCancelled},
	CampaignReady:     {CampaignDraft, CampaignScheduled, CampaignCancelled},
	CampaignScheduled: {CampaignRunning, CampaignPaused, CampaignCancelled},
	CampaignRunning:   {CampaignPaused, CampaignDone, CampaignCancelled},
	CampaignPaused:    {CampaignScheduled, CampaignRunning, CampaignCancelled},
}

// CanBecome says whether a campaign in state s may be moved to state t.
func (s CampaignState) CanBecome(t CampaignState) bool {
	for _, m := range campaignMoves[s] {
		if m == t {
			return true
		}
	}
	return false
}

const (
	// ApproveAbove is the size of an audience above which a second organiser has
	// to want a campaign sent.
	ApproveAbove = 500
	// CampaignUndo is how long after it was sent a campaign begins at the
	// earliest, so that it can be taken back.
	CampaignUndo = time.Minute
	// CanarySize is how many people get a campaign before all others, and
	// CanaryWait how long those wait, so that what is wrong shows with few.
	CanarySize = 20
	CanaryWait = 2 * time.Minute
	// CampaignMaxLate is for how long nobody may have worked on a campaign that
	// is to begin or go on. One that stood still for longer, as after a backup
	// was put back, asks a person first.
	CampaignMaxLate = DefaultMaxLate
	// CampaignLasts is how long after its beginning a message of a campaign may
	// still leave.
	CampaignLasts = 7 * 24 * time.Hour
	// DraftLasts is how long a draft may be sent after it was written; what it
	// says may hold no longer then.
	DraftLasts = 30 * 24 * time.Hour
)

// Campaign is a text for an audience, sent once. Its name is its key: a name is
// never used again for another text once it was sent.
type Campaign struct {
	Name     string
	EventID  string // the event whose facts the text may use
	Revision int    // of that event when the text was written
	Subject  Text   // with placeholders
	Body     Text   // Markdown, with placeholders
	Audience AudienceExpr
	// Invitation says that each mail carries the person's own invitation to the
	// event. It goes to who is registered for that event only, and counts as any
	// other: it is of [Campaign.Revision], and void once the event moved.
	Invitation bool
	// Attachment is the file that goes along; the ledger has it.
	Attachment Attachment

	State   CampaignState
	Reason  string    // why it stands so, for people; may be empty
	Count   int       // people in the frozen audience; 0 before
	Draft   time.Time // when the text was written
	StartAt time.Time // when it is to begin; zero before it was sent
	BeatAt  time.Time // when a worker last looked after it
	By      string    // who moved it here
	Asked   string    // who wants it sent, while it is [CampaignReady]
}

// campaignName is what a campaign may be called: it stands in headers, tasks
// and addresses of pages.
var campaignName = regexp.MustCompile(`^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$`)

// CheckCampaignName says what is wrong with a name.
func CheckCampaignName(s string) error {
	if !campaignName.MatchString(s) {
		return fmt.Errorf("campaign name %q: 1 to 64 small letters, digits and hyphens are allowed, as in %q", s, "uitnodiging-najaar")
	}
	return nil
}

// MaxCampaignBody is the longest body of a campaign in one language, in bytes.
// Gmail cuts a mail off at about 100 kB, layout and all.
const MaxCampaignBody = 64 << 10

// Check says what is wrong with a campaign by itself; whether its placeholders
// and links are right is the business of who renders it.
func (c Campaign) Check() error {
	if err := CheckCampaignName(c.Name); err != nil {
		return err
	}
	switch {
	case c.EventID == "":
		return errors.New("the campaign names no event")
	case CleanName(c.Subject.NL) == "":
		return errors.New("the campaign has no subject")
	case (c.Subject.EN == "") != (c.Body.EN == ""):
		return errors.New("a translation has both a subject and a body: one of the English ones is missing")
	case c.Audience.IsZero():
		return errors.New("the campaign has no audience")
	}
	for _, body := range []string{c.Body.NL, c.Body.EN} {
		if len(body) > MaxCampaignBody {
			return fmt.Errorf("the body has %d bytes; at most %d are sent, as mail programs cut off what is longer", len(body), MaxCampaignBody)
		}
	}
	return nil
}

// CampaignEvent is one line of a campaign's history.
type CampaignEvent struct {
	At    time.Time
	By    string // a person, or "heraut"
	State CampaignState
	Note  string
}

// KeptCampaigns names the campaigns that were moved because of time alone.
type KeptCampaigns struct {
	Paused []string // nobody looked after them for too long
	Done   []string // nothing of them waits
}

// Complaint is how an address was unsubscribed whose owner called a campaign spam,
// to us or to their mail provider (RFC 5965). It is stored.
const Complaint = "complaint"

const (
	complaintsAt       = 3
	complaintsPerMille = 3
)

// TooManyComplaints says whether a campaign has to stop that so many people of
// those it was sent to complained about: at least three, and more than 3 in 1,000.
// Above that part Gmail and Yahoo turn the mail of a sender away, whatever it is
// about (https://support.google.com/a/answer/81126).
func TooManyComplaints(complaints, sent int) bool {
	return complaints >= complaintsAt && complaints*1000 > complaintsPerMille*sent
}

// Reasons why a person of a campaign's audience gets none, beside those of
// messages.
const (
	ReasonUnsubscribed  = "unsubscribed from campaigns"
	ReasonNotInAudience = "no longer in the audience"
	ReasonNotInvited    = "not registered for the event that the invitation is to"
	ReasonSameAddress   = "gets it under another registration with this address"
	ReasonCampaignOff   = "the campaign was cancelled"
	ReasonCampaignHeld  = "the campaign is paused"
	ReasonOnSuppression = "the address is on the suppression list"
)
