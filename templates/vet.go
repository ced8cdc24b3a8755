package templates

import (
	"cmp"
	"fmt"
	"text/template/parse"

	"heraut/jobs"
)

// shared names the fields that are equal for all recipients of a [Class]. All
// others may hold the facts of one of them.
func shared(field string) bool {
	switch field {
	case "Lang", "Programme", "Title", "When", "Date", "Time", "Place", "Link", "Speaker", "Organizer", "OrganizerEmail",
		"Soon", "Near", "Folded", "EventOff", "Off", "WasWhen", "WasPlace", "SummaryText", "SummaryHTML":
		return true
	}
	return false
}

// vetted says why mails such as in cannot be prepared, "" when they can.
func (s *Set) vetted(in Input) string {
	k, l := in.Message.Kind, in.Language()
	if k == jobs.CampaignMail {
		why := cmp.Or(s.whole[wordsName(l)], s.whole[mailName(k, l)], s.whole[campaignTextLayout], s.whole[campaignHTMLLayout])
		if method(k, in.Campaign) != "" {
			why = cmp.Or(why, s.whole[wordsName(in.CalendarLanguage())], s.whole[mailName(jobs.Confirmation, in.CalendarLanguage())])
		}
		return why
	}
	return cmp.Or(s.whole[wordsName(l)], s.whole[mailName(k, l)], s.whole[textLayout], s.whole[htmlLayout])
}

// vetAll vets every template; html/template must have seen to its escaping.
func (s *Set) vetAll() map[string]string {
	whole := map[string]string{
		textLayout: vet(s.text.Tree), htmlLayout: vet(s.html.Tree),
		campaignTextLayout: vet(s.campaignText.Tree), campaignHTMLLayout: vet(s.campaignHTML.Tree),
	}
	for _, t := range s.words {
		whole[t.Name()] = vet(t.Tree)
	}
	for _, t := range s.mails {
		whole[t.Name()] = vet(t.Tree)
	}
	return whole
}

// vet says why a template cannot be prepared, "" when it can. What it prints
// must depend on a fact of the recipient in two ways only: the fact stands in
// it as it is, escaped for HTML, and whether there is one decides what else
// stands in it. So a fact may be the whole of an action, and the condition of
// if and with; anything else is left to [Set.Render], however harmless.
func vet(tree *parse.Tree) string {
	v := vetter{tree: tree}
	v.list(tree.Root, root)
	return v.why
}

// vetter walks one template and keeps the first reason it finds.
type vetter struct {
	tree *parse.Tree
	why  string
}

// dot is what the dot stands for.
type dot int

const (
	root    dot = iota // the whole view or page
	general            // something that all recipients share
	own                // a fact of the recipient
)

func (v *vetter) refuse(n parse.Node, what string) {
	if v.why == "" {
		where, _ := v.tree.ErrorContext(n)
		v.why = problem(v.tree.ParseName, fmt.Errorf("template: %s: %s", where, what)).String()
	}
}

func (v *vetter) list(l *parse.ListNode, d dot) {
	if l == nil {
		return
	}
	for _, n := range l.Nodes {
		v.node(n, d)
	}
}

func (v *vetter) node(n parse.Node, d dot) {
	switch n := n.(type) {
	case *parse.TextNode, *parse.CommentNode, *parse.BreakNode, *parse.ContinueNode:
	case *parse.ActionNode:
		if usesOwn(n.Pipe, d) && !shows(n.Pipe, d) {
			v.refuse(n, "does more with a fact of the recipient than to show it")
		}
	case *parse.IfNode:
		if !asks(n.Pipe, d) {
			v.refuse(n, "asks more about a fact of the recipient than whether it is there")
		}
		v.list(n.List, d)
		v.list(n.ElseList, d)
	case *parse.WithNode:
		v.inside(n.BranchNode, d)
	case *parse.RangeNode:
		v.inside(n.BranchNode, d)
	default: // parse.TemplateNode, and what a later Go brings
		v.refuse(n, "does what is left to a full rendering")
	}
}

// inside walks the branches of a with or range, which set the dot.
func (v *vetter) inside(b parse.BranchNode, d dot) {
	inner := general
	if usesOwn(b.Pipe, d) {
		inner = own
		if !isFact(b.Pipe, d) {
			v.refuse(b.Pipe, "does more with a fact of the recipient than to take it")
		}
	}
	v.list(b.List, inner)
	v.list(b.ElseList, d)
}

// meaning says what an operand stands for. A function's name is general: its
// operands are looked at by themselves.
func meaning(n parse.Node, d dot) dot {
	field := func(name string) dot {
		if shared(name) {
			return general
		}
		return own
	}
	switch n := n.(type) {
	case *parse.DotNode:
		return d
	case *parse.FieldNode:
		return field(n.Ident[0])
	case *parse.VariableNode:
		switch {
		case n.Ident[0] != "$":
			return general // a fact of the recipient never gets into one, see isFact
		case len(n.Ident) == 1:
			return root
		}
		return field(n.Ident[1])
	case *parse.ChainNode: // a field of something in parentheses
		return meaning(n.Node, d)
	case *parse.PipeNode: // in parentheses
		if usesOwn(n, d) {
			return own
		}
	}
	return general
}

// usesOwn says whether anything in a pipeline is a fact of the recipient, or
// the whole that holds them.
func usesOwn(p *parse.PipeNode, d dot) bool {
	for _, c := range p.Cmds {
		for _, a := range c.Args {
			if meaning(a, d) != general {
				return true
			}
		}
	}
	return false
}

// isFact says whether a pipeline is a fact of the recipient and no more: no
// function, no second command, and no variable that takes it elsewhere.
func isFact(p *parse.PipeNode, d dot) bool {
	return len(p.Decl) == 0 && len(p.Cmds) == 1 && len(p.Cmds[0].Args) == 1 && names(p.Cmds[0].Args[0], d)
}

// names says whether an operand is the name of a fact of the recipient.
func names(n parse.Node, d dot) bool {
	switch n.(type) {
	case *parse.DotNode, *parse.FieldNode, *parse.VariableNode:
		return meaning(n, d) == own
	}
	return false
}

// shows says whether a pipeline is a fact of the recipient, put through at most
// the escaper that html/template adds between tags, in <title> and <textarea>,
// or in a quoted attribute. Those three are one function, that of escapeHTML;
// the ones for links, scripts and styles are not.
func shows(p *parse.PipeNode, d dot) bool {
	if len(p.Cmds) != 2 {
		return isFact(p, d)
	}
	if len(p.Decl) > 0 || len(p.Cmds[0].Args) != 1 || !names(p.Cmds[0].Args[0], d) {
		return false
	}
	switch p.Cmds[1].String() {
	case "_html_template_htmlescaper", "_html_template_rcdataescaper", "_html_template_attrescaper":
		return true
	}
	return false
}

// asks says whether a condition depends on no more of a fact than whether it
// is there: facts by themselves, joined by and, or, and not.
func asks(p *parse.PipeNode, d dot) bool {
	if !usesOwn(p, d) {
		return true
	}
	if len(p.Decl) > 0 || len(p.Cmds) != 1 {
		return false
	}
	args := p.Cmds[0].Args
	if f, ok := args[0].(*parse.IdentifierNode); ok {
		if f.Ident != "and" && f.Ident != "or" && f.Ident != "not" {
			return false
		}
		args = args[1:]
	}
	for _, a := range args {
		pipe, isPipe := a.(*parse.PipeNode)
		switch {
		case isPipe && !asks(pipe, d):
			return false
		case !isPipe && meaning(a, d) != general && !names(a, d):
			return false
		}
	}
	return true
}
