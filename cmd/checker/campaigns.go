package main

// campaign is the kind of a campaign's messages; their name is the campaign's.
const campaign = "campaign"

// campaigns compares frozen audiences with messages: in a campaign that is done
// each person has one, nobody else has, and no address got two.
func (j *judge) campaigns() {
	type key struct {
		campaign     string
		registration int64
	}
	messages := map[key]message{}
	got := map[string]int64{} // campaign and address → the registration that got it
	for _, m := range j.ledger.messages {
		if m.kind != campaign {
			continue
		}
		messages[key{m.name, m.registration}] = m
		if m.state != "sent" && m.state != "in_doubt" {
			continue
		}
		address := m.name + " " + j.ledger.registrations[m.registration].emailKey
		if other, twice := got[address]; twice {
			j.find(duplicated, m, "registration %d has the same address and got it as well", other)
		}
		got[address] = m.registration
	}
	for _, r := range j.ledger.audience {
		k := key{r.campaign, r.registration}
		m, has := messages[k]
		switch {
		case r.leftOut != "" && has:
			j.find(wrongPerson, m, "the person was left out: %s", r.leftOut)
		case r.leftOut == "" && !has && j.ledger.campaigns[r.campaign] == "done":
			j.missing(j.ledger.registrations[r.registration], "has no message of the campaign "+r.campaign+", which is done")
		}
		delete(messages, k)
	}
	for _, m := range messages {
		j.find(wrongPerson, m, "the person is not in the audience of the campaign %q", m.name)
	}
}
