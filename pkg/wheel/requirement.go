package wheel

import (
	"slices"
	"strings"
)

// Requirement is one PEP 508 dependency specifier, as in Requires-Dist.
type Requirement struct {
	Name       string   // as written; see Project
	Extras     []string // as written, sorted, each once
	Specifiers Specifiers
	URL        string // of "name @ url"; then Specifiers is zero. Not checked
	Marker     Marker
}

// ParseRequirement reads a requirement such as
// `requests[socks] >=2.8.1, ==2.8.* ; python_version < "3.9"`.
func ParseRequirement(s string) (Requirement, error) {
	p, err := newParser("requirement", s)
	if err != nil {
		return Requirement{}, err
	}
	r, err := p.requirement()
	if err == nil && p.pos < len(p.s) {
		err = p.errorf("expected the end")
	}
	if err != nil {
		return Requirement{}, err
	}
	return r, nil
}

// Project is the normalised name.
func (r Requirement) Project() string { return NormalizeName(r.Name) }

// String is a normal form that parses to the same requirement.
func (r Requirement) String() string {
	var b strings.Builder
	b.WriteString(r.Name)
	if len(r.Extras) > 0 {
		b.WriteString("[" + strings.Join(r.Extras, ",") + "]")
	}
	b.WriteString(r.Specifiers.String())
	if r.URL != "" {
		b.WriteString(" @ " + r.URL)
		if !r.Marker.IsZero() {
			b.WriteByte(' ')
		}
	}
	if !r.Marker.IsZero() {
		b.WriteString("; " + r.Marker.String())
	}
	return b.String()
}

func (p *parser) requirement() (r Requirement, err error) {
	p.blanks()
	if r.Name, err = p.identifier("a project name"); err != nil {
		return r, err
	}
	p.blanks()
	if r.Extras, err = p.extras(); err != nil {
		return r, err
	}
	p.blanks()
	if p.token("@") {
		p.blanks()
		if r.URL = p.until(isSpace); r.URL == "" {
			return r, p.errorf("expected a URL after @")
		}
		if p.pos < len(p.s) && !p.blanks() {
			return r, p.errorf("expected a blank after the URL")
		}
	} else if r.Specifiers, err = p.specifiers(); err != nil {
		return r, err
	}
	if p.pos == len(p.s) {
		return r, nil
	}
	if !p.token(";") {
		return r, p.errorf("expected a version specifier, \";\" or the end")
	}
	r.Marker, err = p.marker()
	return r, err
}

// identifier reads a name of a project or an extra. Unlike CheckName it lets
// one end in '_', as `packaging` does.
func (p *parser) identifier(what string) (string, error) {
	rest := p.rest()
	n := 0
	for n < len(rest) && (isAlnum(rest[n]) || rest[n] == '.' || rest[n] == '_' || rest[n] == '-') {
		n++
	}
	if n == 0 || !isAlnum(rest[0]) || rest[n-1] == '.' || rest[n-1] == '-' {
		return "", p.errorf("expected %s", what)
	}
	p.pos += n
	return rest[:n], nil
}

func (p *parser) extras() ([]string, error) {
	if !p.token("[") {
		return nil, nil
	}
	p.blanks()
	if p.token("]") {
		return nil, nil
	}
	var extras []string
	for {
		extra, err := p.identifier("the name of an extra")
		if err != nil {
			return nil, err
		}
		extras = append(extras, extra)
		p.blanks()
		if p.token("]") {
			slices.Sort(extras)
			return slices.Compact(extras), nil
		}
		if !p.token(",") {
			return nil, p.errorf("expected \",\" or \"]\" in the extras")
		}
		p.blanks()
	}
}

// until reads up to the first rune that stop is true for.
func (p *parser) until(stop func(rune) bool) string {
	rest := p.rest()
	if i := strings.IndexFunc(rest, stop); i >= 0 {
		rest = rest[:i]
	}
	p.pos += len(rest)
	return rest
}

// specifiers reads clauses, in parentheses or not, and the blanks around them.
func (p *parser) specifiers() (Specifiers, error) {
	parentheses := p.token("(")
	p.blanks()
	set, ok := p.plainSpecifiers()
	if !ok {
		var err error
		if set, err = p.oddSpecifiers(); err != nil {
			return Specifiers{}, err
		}
	}
	if parentheses && !p.token(")") {
		return Specifiers{}, p.errorf("expected a version specifier or \")\"")
	}
	p.blanks()
	return set, nil
}

// plainSpecifiers takes everything up to ';', ')' or the end if that is a
// specifier, where a comma always ends a clause.
func (p *parser) plainSpecifiers() (Specifiers, bool) {
	rest := p.rest()
	n := strings.IndexFunc(rest, func(r rune) bool { return r == ';' || r == ')' || r != '\t' && r < ' ' || r > '~' })
	if n < 0 {
		n = len(rest)
	} else if rest[n] != ';' && rest[n] != ')' {
		return Specifiers{}, false
	}
	text := strings.TrimRight(rest[:n], " \t")
	set, err := ParseSpecifiers(text)
	// No empty clause but after a final comma.
	commas := strings.Count(strings.TrimSuffix(text, ","), ",")
	if err != nil || len(set.clauses) != commas+1 {
		return Specifiers{}, false
	}
	p.pos += n
	return set, true
}

// oddSpecifiers reads clause by clause what is not plain: nothing at all, white
// space other than blanks after an operator, or "===" with a comma in its text.
func (p *parser) oddSpecifiers() (Specifiers, error) {
	start := p.pos
	for {
		_, n := scanClause(p.rest())
		if n == 0 {
			break
		}
		p.pos += n
		p.blanks()
		if !p.token(",") {
			break
		}
		p.blanks()
	}
	set, err := ParseSpecifiers(p.s[start:p.pos])
	if err != nil {
		return Specifiers{}, p.errorf("%v", err)
	}
	return set, nil
}
