package main

import (
	"fmt"
	"slices"

	"heraut/worker/mailer/smtptest"
)

// scenario is one row of the matrix: a story with a fault in it. The runner
// sets the lab up before, and afterwards stops every process in good order and
// has the checker judge; run says only what happens in between.
type scenario struct {
	row    int // the number of the fault in the list of faults
	name   string
	combos []combo // where it runs; nil is everywhere
	// quick lists the combinations of the quick set; nil is none of them.
	quick []combo
	// upgrade sets the lab up with the previous release, which goes on until
	// [lab.upgrade].
	upgrade bool
	// labs is how many labs it takes on each combination, each with a seed of
	// its own; 0 is one.
	labs int
	// patient: it only waits, and for long, so it runs beside the others.
	patient bool
	// long: it works for long, so it had better start first.
	long bool
	// people are imported before run.
	people int
	// script is how the SMTP server behaves; every mail it takes is recorded.
	script smtptest.Script
	// config is more lines of heraut.yaml.
	config string
	// programme replaces the programme file; "" is one event with a
	// confirmation in a month.
	programme string
	// before is called when the SMTP server runs and the configuration is not
	// written yet; nil is nothing. It may put a proxy at [lab.relay].
	before func(*lab)
	run    func(*lab)
	// accept judges what the checker found instead of the rule that nothing may
	// be found; nil is that rule.
	accept func(*lab, verdict) error
}

// combo is a database with a Redis.
type combo struct{ database, redis string }

const (
	sqlite        = "sqlite"
	postgres      = "postgres"
	embeddedRedis = "embedded"
	realRedis     = "redis"
)

var (
	sqliteEmbedded   = combo{sqlite, embeddedRedis}
	sqliteRedis      = combo{sqlite, realRedis}
	postgresEmbedded = combo{postgres, embeddedRedis}
	postgresRedis    = combo{postgres, realRedis}

	everywhere = []combo{sqliteEmbedded, sqliteRedis, postgresEmbedded, postgresRedis}
	// extremes is what a person without an operator has, and what an operator
	// has.
	extremes = []combo{sqliteEmbedded, postgresRedis}
)

func (c combo) String() string { return c.database + " + " + c.redis }

// where gives the combinations to run a scenario on.
func (s scenario) where(quick bool) []combo {
	switch {
	case quick:
		return s.quick
	case s.combos == nil:
		return everywhere
	}
	return s.combos
}

// matrix gives every scenario, in the order of the list of faults. kills is how
// often the random one kills on each database.
func matrix(kills int) []scenario {
	all := slices.Concat(pointScenarios(), loadScenarios(kills), poisonScenarios(), upgradeScenarios(),
		smtpScenarios(), redisScenarios(), databaseScenarios(), raceScenarios(), campaignScenarios())
	slices.SortStableFunc(all, func(a, b scenario) int { return a.row - b.row })
	return all
}

// verdict is what the checker printed as JSON.
type verdict struct {
	Mails    int            `json:"mails"`
	Messages int            `json:"messages"`
	Sent     int            `json:"sent"`
	InDoubt  int            `json:"in_doubt"`
	Parked   int            `json:"parked"`
	Doubted  int            `json:"doubted"`
	Flagged  int            `json:"flagged"`
	Counts   map[string]int `json:"counts"`
	Findings []finding      `json:"findings"`
}

// finding is one lie that the checker found.
type finding struct {
	Lie  string `json:"lie"`
	Text string `json:"text"`
}

// clean says that nothing was found, or what was.
func (v verdict) clean() error {
	if len(v.Findings) == 0 {
		return nil
	}
	text := fmt.Sprintf("the checker found %d lies", len(v.Findings))
	for _, f := range v.Findings[:min(5, len(v.Findings))] {
		text += fmt.Sprintf("\n%s: %s", f.Lie, f.Text)
	}
	return fmt.Errorf("%s", text)
}
