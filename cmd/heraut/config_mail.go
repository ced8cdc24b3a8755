package main

import (
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"heraut/jobs"
	"heraut/worker/mailer"
)

// smallestRate is the slowest limit that is taken for meant: four messages an
// hour or so. Below it a campaign would outlive its event.
const smallestRate = 0.001

// rates checks the limits and makes the domains A-labels in lower case, as
// they are in addresses.
func (d *document) rates(c *config) {
	d.rate("smtp.rate", c.SMTP.Rate)
	if len(c.SMTP.DomainRates) == 0 {
		c.SMTP.DomainRates = nil
		return
	}
	rates := map[string]float64{}
	for _, name := range slices.Sorted(maps.Keys(c.SMTP.DomainRates)) {
		key := "smtp.domain_rates." + name
		d.rate(key, c.SMTP.DomainRates[name])
		domain, err := jobs.ParseDomain(strings.TrimSpace(name))
		if err != nil {
			d.add(key, "%v; write a mail domain, as in example.nl: 2", err)
			continue
		}
		if _, twice := rates[domain]; twice {
			d.add(key, "%s stands there in another spelling too; keep one of the two", domain)
		}
		rates[domain] = c.SMTP.DomainRates[name]
	}
	c.SMTP.DomainRates = rates
}

func (d *document) rate(key string, rate float64) {
	// Written so that .nan is refused too.
	if rate != 0 && !(rate >= smallestRate && rate <= math.MaxFloat32) {
		d.add(key, "%v; write messages a second, %v or more, or 0 for no limit", rate, smallestRate)
	}
}

// dkim reads the key that mail is signed with.
func (d *document) dkim(c *config) {
	fields := []struct{ key, value string }{
		{"dkim.domain", c.DKIM.Domain}, {"dkim.selector", c.DKIM.Selector}, {"dkim.key_file", c.DKIM.KeyFile},
	}
	var set, missing []string
	for _, f := range fields {
		if f.value != "" {
			set = append(set, f.key)
		} else {
			missing = append(missing, f.key)
		}
	}
	if len(set) == 0 {
		return
	}
	if len(missing) > 0 {
		d.add(set[0], "needs %s too; set all three, or none to leave mail unsigned", strings.Join(missing, " and "))
		return
	}
	domain, err := jobs.ParseDomain(c.DKIM.Domain)
	if err != nil {
		d.add("dkim.domain", "%v; write the domain of the sender, as in example.nl", err)
		return
	}
	data, err := os.ReadFile(c.beside(c.DKIM.KeyFile))
	if err != nil {
		d.add("dkim.key_file", "%v", err)
		return
	}
	// The mailer's errors begin with what it calls the thing; here the key of
	// the file says that.
	key, err := mailer.ParseDKIMKey(data)
	if err != nil {
		d.add("dkim.key_file", "%s", strings.TrimPrefix(err.Error(), "dkim key: "))
		return
	}
	c.signer, err = mailer.NewSigner(mailer.DKIMConfig{Domain: domain, Selector: c.DKIM.Selector, Key: key})
	if err != nil {
		d.add("dkim.selector", "%s", strings.TrimPrefix(err.Error(), "dkim: "))
		return
	}
	if c.from.Address == "" {
		return // said of from
	}
	if err := c.signer.CheckFrom(c.from.Address); err != nil {
		d.add("dkim.domain", "%s", strings.TrimPrefix(err.Error(), "dkim: "))
	}
}

// beside gives a path of the file relative to its folder.
func (c *config) beside(path string) string {
	if c.file == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(c.file), path)
}
