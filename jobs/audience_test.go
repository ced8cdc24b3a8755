package jobs

import (
	"strings"
	"testing"
)

func TestParseAudienceRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                        `it is empty, and that is nobody; write "everyone"`,
		" \t ":                    "it is empty",
		"workshop":                `"workshop" is no condition`,
		"kleur=rood":              `there is no field "kleur"; the fields are event, status,`,
		"event=":                  `after "event=" there has to be a value`,
		`name="  "`:               `after "name=" there has to be a value`,
		"tag=vip,":                `after "tag=" there has to be a value`,
		"tag=vip,!lang=nl":        "the exclamation mark stands before a whole condition",
		"tag!=vip":                "the exclamation mark stands before a whole condition",
		"status=cancelled":        "it is one of registered, held, refused",
		"lang=fr":                 "it is one of nl, en",
		"domain=nl":               "domain has no dot",
		"email=jan":               "address has no @",
		`name="Jan`:               "a quotation mark has no other half",
		strings.Repeat("a", 4001): "at most 4000 are read",
		"event=a; DROP TABLE x":   `"DROP" is no condition`,
		"everyone,event":          `"event" is no condition`,
		"approved=maybe":          "it is one of yes, no",
		"answered=accepted":       "it is one of no, yes, declined, tentative",
	} {
		e, err := ParseAudience(text)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "audience: ") {
			t.Errorf("%q: %v; want %q", text, err, want)
		}
		if !e.IsZero() || e.Chooses(Registration{Status: Registered}) {
			t.Errorf("%q chooses somebody", text)
		}
	}
}

func TestAudienceChooses(t *testing.T) {
	addr, err := ParseAddress("Jan@sub.minbzk.nl")
	if err != nil {
		t.Fatal(err)
	}
	jan := Registration{EventID: "workshop", Email: addr, Name: "Jan de Vries", Organisation: "Gemeente Delft", Lang: Dutch, Status: Registered,
		Tags: []string{"vip", "te-laat"}, Answered: Unanswered, Approved: true}
	for text, want := range map[string]bool{
		"everyone": true, "!everyone": false, "event=workshop": true, "event=Workshop": false, "event=signing,workshop": true, "EVENT=workshop": true,
		"event=workshop lang=nl tag=vip": true, "event=workshop lang=en": false, "!lang=en": true, "!tag=vip,staff": false, "!tag=staff": true,
		"tag=VIP": true, `tag="te laat"`: true, "domain=minbzk.nl": true, "domain=sub.minbzk.nl": true, "domain=@minbzk.nl": true, "domain=inbzk.nl": false,
		"email=jan@sub.minbzk.nl": true, `name="jan de vries"`: true, `organisation="GEMEENTE  DELFT"`: true, "organisation=gemeente": false,
		"answered=no": true, "approved=yes": true, "approved=no": false, "status=held": false, "status=held,registered": true,
		"event=signing,tag=vip": true, `name="jan de vries",event=signing`: true, "everyone status=refused": false,
	} {
		e, err := ParseAudience(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if got := e.Chooses(jan); got != want || e.String() != text {
			t.Errorf("%q chooses: %v, want %v; reads back as %q", text, got, want, e)
		}
		gone := jan
		gone.Status = Cancelled
		if e.Chooses(gone) {
			t.Errorf("%q chooses somebody who cancelled", text)
		}
		if held := jan; want && !strings.Contains(text, "status") {
			held.Status = Held
			if e.Chooses(held) {
				t.Errorf("%q chooses somebody who is held", text)
			}
		}
	}
}

func TestUnsubscribeToken(t *testing.T) {
	key := []byte("0123456789abcdef")
	for _, id := range []int64{1, 35, 36, 1 << 40} {
		token := UnsubscribeToken(key, id)
		if got, ok := ParseUnsubscribeToken(key, token); !ok || got != id {
			t.Errorf("%s is for %d, %v; want %d", token, got, ok, id)
		}
		for _, bad := range []string{"", "-", token + "a", token[1:], strings.ToUpper(token), strings.Replace(token, "-", "--", 1), "0" + token} {
			if _, ok := ParseUnsubscribeToken(key, bad); ok {
				t.Errorf("%q is taken", bad)
			}
		}
		if _, ok := ParseUnsubscribeToken([]byte("fedcba9876543210"), token); ok {
			t.Error("a token of another key is taken")
		}
	}
}

func TestCampaignCheck(t *testing.T) {
	everybody, err := ParseAudience("everyone")
	if err != nil {
		t.Fatal(err)
	}
	good := Campaign{Name: "nieuws-1", EventID: "workshop", Subject: Text{NL: "Nieuws"}, Body: Text{NL: "Tekst"}, Audience: everybody}
	if err := good.Check(); err != nil {
		t.Error(err)
	}
	for want, edit := range map[string]func(*Campaign){
		"campaign name":         func(c *Campaign) { c.Name = "Nieuws 1" },
		"1 to 64 small letters": func(c *Campaign) { c.Name = "-" },
		"no event":              func(c *Campaign) { c.EventID = "" },
		"no subject":            func(c *Campaign) { c.Subject.NL = "\u200b " },
		"English ones":          func(c *Campaign) { c.Subject.EN = "News" },
		"no audience":           func(c *Campaign) { c.Audience = AudienceExpr{} },
		"at most 65536":         func(c *Campaign) { c.Body.NL = strings.Repeat("x", MaxCampaignBody+1) },
	} {
		c := good
		edit(&c)
		if err := c.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v; want %q", err, want)
		}
	}
	for _, from := range CampaignStates() {
		for _, to := range CampaignStates() {
			if from.CanBecome(to) && (from == CampaignDone || from == CampaignCancelled) {
				t.Errorf("%s is the end, and can become %s", from, to)
			}
		}
	}
}
