package wheel

import (
	"fmt"
	"strings"
)

// Marker is a PEP 508 environment marker. The zero value is always true.
type Marker struct {
	nodes []markerNode // comparisons and groups with "and" or "or" in between
}

// markerNode is a comparison, a group in parentheses, or a connective.
type markerNode struct {
	connective string // "and", "or"
	group      []markerNode
	left       operand
	op         string
	right      operand
}

// operand is a variable, or a literal as it is after unquoting.
type operand struct {
	text     string
	variable bool
}

// ParseMarker reads a marker such as `python_version < "3.11" and extra == "x"`.
// It differs from `packaging` only in that \N{…} escapes and surrogates in
// literals are refused.
func ParseMarker(s string) (Marker, error) {
	p, err := newParser("marker", s)
	if err != nil {
		return Marker{}, err
	}
	m, err := p.marker()
	if err != nil {
		return Marker{}, err
	}
	if p.pos < len(p.s) {
		return Marker{}, p.errorf("expected \"and\", \"or\" or the end")
	}
	return m, nil
}

// IsZero is true for the marker that is always true.
func (m Marker) IsZero() bool { return len(m.nodes) == 0 }

// Evaluate tells whether the marker holds in env. Every comparison is
// evaluated, so an error does not hide behind an "or". The error is
// [ErrUndefinedName] or [ErrUndefinedComparison].
func (m Marker) Evaluate(env Environment) (bool, error) {
	if m.IsZero() {
		return true, nil
	}
	return evaluate(m.nodes, &env)
}

// evaluate treats nodes as alternatives ("or") of conjunctions ("and").
func evaluate(nodes []markerNode, env *Environment) (bool, error) {
	holds, all := false, true
	for i := range nodes {
		node := &nodes[i]
		var one bool
		var err error
		switch {
		case node.connective == "or":
			holds, all = holds || all, true
			continue
		case node.connective == "and":
			continue
		case node.group != nil:
			one, err = evaluate(node.group, env)
		default:
			one, err = node.compare(env)
		}
		if err != nil {
			return false, err
		}
		all = all && one
	}
	return holds || all, nil
}

// compare follows `packaging` where PEP 508 is silent: with a variable on the
// left the right side is text even if it names a variable; otherwise the right
// side is looked up even if it is quoted.
func (n *markerNode) compare(env *Environment) (bool, error) {
	key := n.right.text
	if n.left.variable {
		key = n.left.text
	}
	v, ok := env.lookup(key)
	if !ok {
		return false, fmt.Errorf("evaluate marker: %w %q", ErrUndefinedName, key)
	}
	literal := n.left.text
	if n.left.variable {
		literal = n.right.text
	}
	if v.isSet && key == "extra" {
		return n.compareExtras(v, literal)
	}
	if v.isSet {
		if n.left.variable {
			return false, n.undefined(key + " is a set, it belongs to the right of \"in\"")
		}
		return n.compareSet(v, NormalizeName(literal))
	}
	if n.left.variable {
		return n.compareText(key, v.text, literal)
	}
	return n.compareText(key, literal, v.text)
}

func (n *markerNode) compareExtras(v value, literal string) (bool, error) {
	switch n.op {
	case "==":
		return v.has(literal), nil
	case "!=":
		return !v.has(literal), nil
	}
	return false, n.undefined("several extras are selected")
}

func (n *markerNode) compareSet(v value, literal string) (bool, error) {
	switch n.op {
	case "in":
		return v.has(literal), nil
	case "not in", "!=":
		return n.op == "!=" || !v.has(literal), nil
	case "==", "<=", ">=", "<", ">":
		return false, nil // a string never equals a set
	}
	return false, n.undefined("the right side is a set")
}

func (n *markerNode) compareText(key, left, right string) (bool, error) {
	if comparesVersions(key) {
		if c, ok := parseClause(n.op + right); ok {
			return c.admitsText(left), nil
		}
	}
	switch n.op {
	case "==", "<=", ">=":
		return left == right, nil
	case "!=":
		return left != right, nil
	case "<", ">":
		return false, nil // strings have no order in PEP 508 as it is applied
	case "in":
		return strings.Contains(right, left), nil
	case "not in":
		return !strings.Contains(right, left), nil
	}
	return false, n.undefined("not both are versions")
}

func comparesVersions(key string) bool {
	switch key {
	case "implementation_version", "platform_release", "python_full_version", "python_version":
		return true
	}
	return false
}

func (n *markerNode) undefined(reason string) error {
	return fmt.Errorf("evaluate marker: %w: %s: %s", ErrUndefinedComparison, n.String(), reason)
}

// String is the marker with double quotes, single spaces and no
// parentheses but those that were written around several comparisons. Literals with a backslash are not escaped.
func (m Marker) String() string { return formatMarker(m.nodes, true) }

func formatMarker(nodes []markerNode, outermost bool) string {
	if len(nodes) == 1 && nodes[0].group != nil {
		return formatMarker(nodes[0].group, outermost)
	}
	parts := make([]string, len(nodes))
	for i := range nodes {
		parts[i] = nodes[i].String()
	}
	text := strings.Join(parts, " ")
	if outermost || len(nodes) == 1 {
		return text
	}
	return "(" + text + ")"
}

func (n *markerNode) String() string {
	switch {
	case n.connective != "":
		return n.connective
	case n.group != nil:
		return formatMarker(n.group, false)
	}
	return n.left.String() + " " + n.op + " " + n.right.String()
}

func (o operand) String() string {
	switch {
	case o.variable:
		return o.text
	case !strings.Contains(o.text, `"`):
		return `"` + o.text + `"`
	case !strings.Contains(o.text, `'`):
		return `'` + o.text + `'`
	}
	return `"` + strings.ReplaceAll(o.text, `"`, `\x22`) + `"`
}
