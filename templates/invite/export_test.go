package invite

// LintPieces judges the lines of one recipient by themselves, however they came
// about.
func (p *Prepared) LintPieces(pieces []string, r Recipient) error {
	all := ""
	for _, s := range pieces {
		all += s
	}
	return p.lint(all, pieces, r)
}

// ParseLocal is compared with time.Parse.
var ParseLocal = parseLocal
