package templates

import (
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"text/template/parse"

	"heraut/jobs"
)

// position is where text/template and html/template say an error is.
var position = regexp.MustCompile(`(?s)template: ?([^:\s]+)(?::(\d+))?(?::\d+)?: (.*)$`)

// problem gives an error of a template package its file and line; name is the
// file where the error does not say.
func problem(name string, err error) jobs.Problem {
	m := position.FindStringSubmatch(err.Error())
	if m == nil {
		return jobs.Problem{File: name, Text: err.Error()}
	}
	line, _ := strconv.Atoi(m[2]) // 0, the whole file, where there is none
	return jobs.Problem{File: m[1], Line: line, Text: m[3]}
}

// unknownFields names every field in a template that data does not have. The
// template packages find these at execution only, and only on the branches
// that a mail happens to take. Fields here are strings, truths and lists of
// strings, so a field of a field, or of a list's element, is wrong as well.
func unknownFields(tree *parse.Tree, data reflect.Type) (bad []jobs.Problem) {
	if tree == nil || tree.Root == nil {
		return nil
	}
	walk(tree.Root, func(n parse.Node, path []string) {
		if _, ok := data.FieldByName(path[0]); ok && len(path) == 1 {
			return
		}
		where, _ := tree.ErrorContext(n)
		p := problem(tree.ParseName, fmt.Errorf("template: %s: there is no field .%s", where, strings.Join(path, ".")))
		bad = append(bad, p)
	})
	return bad
}

// walk visits every field that a template names, with the path after the dot.
func walk(n parse.Node, visit func(n parse.Node, path []string)) {
	branch := func(b parse.BranchNode) {
		walk(b.Pipe, visit)
		walk(b.List, visit)
		if b.ElseList != nil {
			walk(b.ElseList, visit)
		}
	}
	switch n := n.(type) {
	case *parse.ListNode:
		for _, c := range n.Nodes {
			walk(c, visit)
		}
	case *parse.ActionNode:
		walk(n.Pipe, visit)
	case *parse.IfNode:
		branch(n.BranchNode)
	case *parse.RangeNode:
		branch(n.BranchNode)
	case *parse.WithNode:
		branch(n.BranchNode)
	case *parse.TemplateNode:
		if n.Pipe != nil {
			walk(n.Pipe, visit)
		}
	case *parse.PipeNode:
		for _, c := range n.Cmds {
			walk(c, visit)
		}
	case *parse.CommandNode:
		for _, a := range n.Args {
			walk(a, visit)
		}
	case *parse.FieldNode:
		visit(n, n.Ident)
	case *parse.ChainNode:
		walk(n.Node, visit)
		visit(n, append([]string{n.Node.String()}, n.Field...))
	case *parse.VariableNode:
		switch {
		case n.Ident[0] == "$" && len(n.Ident) > 1:
			visit(n, n.Ident[1:])
		case len(n.Ident) > 1:
			visit(n, n.Ident)
		}
	}
}
