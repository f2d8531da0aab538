package wheel

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// parser is a recursive descent parser over the grammar of PEP 508. White
// space between tokens is blanks and tabs only.
type parser struct {
	what  string // "marker" or "requirement", for errors
	s     string
	pos   int
	depth int
}

func newParser(what, s string) (*parser, error) {
	if len(s) > MaxRequirementLength {
		return nil, fmt.Errorf("parse %s: %d bytes, more than %d", what, len(s), MaxRequirementLength)
	}
	if !utf8.ValidString(s) {
		return nil, fmt.Errorf("parse %s %q: not UTF-8", what, s)
	}
	return &parser{what: what, s: s}, nil
}

func (p *parser) errorf(format string, args ...any) error {
	return fmt.Errorf("parse %s %q: at byte %d: %s", p.what, p.s, p.pos, fmt.Sprintf(format, args...))
}

func (p *parser) rest() string { return p.s[p.pos:] }

func (p *parser) blanks() (any bool) {
	start := p.pos
	for p.pos < len(p.s) && (p.s[p.pos] == ' ' || p.s[p.pos] == '\t') {
		p.pos++
	}
	return p.pos > start
}

func (p *parser) token(s string) bool {
	if !strings.HasPrefix(p.rest(), s) {
		return false
	}
	p.pos += len(s)
	return true
}

// word is token for a name that must not go on.
func (p *parser) word(s string) bool {
	rest := p.rest()
	if !strings.HasPrefix(rest, s) {
		return false
	}
	if r, size := utf8.DecodeRuneInString(rest[len(s):]); size > 0 && isWordRune(r) {
		return false
	}
	p.pos += len(s)
	return true
}

// isWordRune is \w of Python's regular expressions.
func isWordRune(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsNumber(r) }

// marker reads comparisons and groups up to whatever is not part of them.
func (p *parser) marker() (Marker, error) {
	nodes, err := p.markerNodes()
	return Marker{nodes: nodes}, err
}

func (p *parser) markerNodes() ([]markerNode, error) {
	var nodes []markerNode
	for {
		node, err := p.markerAtom()
		if err != nil {
			return nil, err
		}
		nodes = append(nodes, node)
		switch {
		case p.word("or"):
			nodes = append(nodes, markerNode{connective: "or"})
		case p.word("and"):
			nodes = append(nodes, markerNode{connective: "and"})
		default:
			return nodes, nil
		}
	}
}

func (p *parser) markerAtom() (node markerNode, err error) {
	p.blanks()
	defer p.blanks()
	if !p.token("(") {
		return p.comparison()
	}
	if p.depth++; p.depth > MaxMarkerDepth {
		return node, p.errorf("parentheses nest deeper than %d", MaxMarkerDepth)
	}
	if node.group, err = p.markerNodes(); err != nil {
		return node, err
	}
	p.depth--
	if !p.token(")") {
		return node, p.errorf("expected \")\"")
	}
	return node, nil
}

func (p *parser) comparison() (n markerNode, err error) {
	if n.left, err = p.operand(); err != nil {
		return n, err
	}
	p.blanks()
	if n.op, err = p.markerOperator(); err != nil {
		return n, err
	}
	p.blanks()
	if n.right, err = p.operand(); err != nil {
		return n, err
	}
	n.normalize()
	return n, nil
}

// normalize gives extras and dependency groups in literals their PEP 503 form
// (PEP 685, 735).
func (n *markerNode) normalize() {
	switch left, right := &n.left, &n.right; {
	case left.variable && left.text == "extra" && !right.variable:
		right.text = NormalizeName(right.text)
	case right.variable && !left.variable &&
		(right.text == "extra" || right.text == "extras" || right.text == "dependency_groups"):
		left.text = NormalizeName(left.text)
	}
}

func (p *parser) markerOperator() (string, error) {
	if p.word("in") {
		return "in", nil
	}
	if p.word("not") {
		if !p.blanks() || !p.word("in") {
			return "", p.errorf("expected \"in\" after \"not\"")
		}
		return "not in", nil
	}
	for _, op := range operators {
		if p.token(op) {
			return op, nil
		}
	}
	return "", p.errorf("expected one of <=, <, !=, ==, >=, >, ~=, ===, in, not in")
}

// variables in every spelling; the dotted and short ones are from before PEP 508.
var variables = [...][2]string{
	{"python_version", "python_version"},
	{"python_full_version", "python_full_version"},
	{"os_name", "os_name"}, {"os.name", "os_name"},
	{"sys_platform", "sys_platform"}, {"sys.platform", "sys_platform"},
	{"platform_release", "platform_release"},
	{"platform_system", "platform_system"},
	{"platform_version", "platform_version"}, {"platform.version", "platform_version"},
	{"platform_machine", "platform_machine"}, {"platform.machine", "platform_machine"},
	{"platform_python_implementation", "platform_python_implementation"},
	{"platform.python_implementation", "platform_python_implementation"},
	{"python_implementation", "platform_python_implementation"},
	{"implementation_name", "implementation_name"},
	{"implementation_version", "implementation_version"},
	{"extra", "extra"},
	{"extras", "extras"},
	{"dependency_groups", "dependency_groups"},
}

func (p *parser) operand() (operand, error) {
	for _, v := range variables {
		if p.word(v[0]) {
			return operand{text: v[1], variable: true}, nil
		}
	}
	rest := p.rest()
	if rest == "" || rest[0] != '"' && rest[0] != '\'' {
		return operand{}, p.errorf("expected a marker variable or a quoted string")
	}
	end := strings.IndexByte(rest[1:], rest[0])
	if end < 0 {
		return operand{}, p.errorf("quoted string does not end")
	}
	text, ok := unquotePython(rest[1 : 1+end])
	if !ok {
		return operand{}, p.errorf("invalid quoted string")
	}
	p.pos += end + 2
	return operand{text: text}, nil
}
