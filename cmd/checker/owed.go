package main

import (
	"maps"
	"slices"
)

// owed looks for messages that ought to be on record. What is owed to one
// person is compared with what is owed to the others of the same event, since
// every message a rule names is planned, also the one that will not go.
func (j *judge) owed() {
	have := map[int64][]message{}
	for _, m := range j.ledger.messages {
		have[m.registration] = append(have[m.registration], m)
	}
	rules := j.rules()
	for _, id := range slices.Sorted(maps.Keys(j.ledger.registrations)) {
		reg := j.ledger.registrations[id]
		ev := j.ledger.events[reg.event]
		mine := have[id]
		switch {
		case reg.status == "refused":
		case reg.status == "cancelled" || ev.cancelled:
			// Who got an invitation has to hear that it is void. A person who
			// is in doubt gets it as well.
			if has(mine, invited) && !has(mine, func(m message) bool { return m.kind == "cancellation" }) {
				j.missing(reg, "was invited and is owed a cancellation")
			}
		default:
			// Who has an invitation of before the event changed has to hear of that.
			before := func(m message) bool { return invited(m) && m.sequence < ev.revision }
			if has(mine, before) && !has(mine, func(m message) bool { return ruleOf(m) == "invitation" && m.revision == ev.revision }) {
				j.missing(reg, "was invited before the event changed and is owed the change")
			}
			for _, name := range slices.Sorted(maps.Keys(rules[reg.event])) {
				if !has(mine, func(m message) bool { return m.revision == ev.revision && ruleOf(m) == name }) {
					j.missing(reg, "others have a "+name+", this one has none")
				}
			}
		}
	}
}

// rules gives what registered people of each event have at its present
// revision.
func (j *judge) rules() map[string]map[string]bool {
	rules, confirms := map[string]map[string]bool{}, map[string]bool{}
	for _, m := range j.ledger.messages {
		confirms[m.event] = confirms[m.event] || m.kind == "confirmation"
	}
	for _, m := range j.ledger.messages {
		status := j.ledger.registrations[m.registration].status
		if m.kind == campaign || status != "registered" && status != "held" || m.revision != j.ledger.events[m.event].revision || m.kind == "cancellation" {
			continue
		}
		// Cancelled at the present revision: the rule was removed. A change where the
		// event confirms nothing is for who was invited by a campaign.
		if m.state == "cancelled" || m.kind == "change" && !confirms[m.event] {
			continue
		}
		if rules[m.event] == nil {
			rules[m.event] = map[string]bool{}
		}
		rules[m.event][ruleOf(m)] = true
	}
	return rules
}

// ruleOf names what a message is for. Somebody who was invited before a change
// gets the change where others get a confirmation.
func ruleOf(m message) string {
	if m.kind == "confirmation" || m.kind == "change" {
		return "invitation"
	}
	return m.kind + " " + m.name
}

// invited says whether a message put the event in the person's calendar.
func invited(m message) bool {
	return m.invites && (m.state == "sent" || m.state == "in_doubt" && m.wakeAt.IsZero())
}

func has(messages []message, is func(message) bool) bool { return slices.ContainsFunc(messages, is) }

func (j *judge) missing(reg registration, what string) {
	j.report.add(lost, 0, reg.id, "registration %d (%s): %s", reg.id, reg.status, what)
}
