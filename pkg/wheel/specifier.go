package wheel

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Specifiers is a PEP 440 version specifier such as ">=1.0,!=1.5.*": a version
// is contained if every clause admits it. The zero value admits all.
type Specifiers struct {
	clauses []clause
}

// clause is one comparison. For "===" only text matters.
type clause struct {
	op      string
	text    string  // the version as written
	version Version // without ".*"
	prefix  bool    // "==1.0.*" or "!=1.0.*"
}

// operators, longer before shorter.
var operators = [...]string{"===", "==", "~=", "!=", "<=", ">=", "<", ">"}

// ParseSpecifiers reads comma-separated clauses. Empty clauses are skipped, as
// `packaging` does; "" is the specifier that admits all.
func ParseSpecifiers(s string) (Specifiers, error) {
	if len(s) > MaxRequirementLength {
		return Specifiers{}, fmt.Errorf("parse specifier: %d bytes, more than %d", len(s), MaxRequirementLength)
	}
	if !utf8.ValidString(s) {
		return Specifiers{}, fmt.Errorf("parse specifier %q: not UTF-8", s)
	}
	var set Specifiers
	for text := range strings.SplitSeq(s, ",") {
		if text = trimSpace(text); text == "" {
			continue
		}
		c, ok := parseClause(text)
		if !ok {
			return Specifiers{}, fmt.Errorf("parse specifier %q: %q is not a PEP 440 clause", s, text)
		}
		set.clauses = append(set.clauses, c)
	}
	return set, nil
}

// parseClause reads one clause that fills s.
func parseClause(s string) (clause, bool) {
	s = trimSpace(s)
	c, n := scanClause(s)
	return c, n > 0 && n == len(s)
}

// scanClause reads one clause from the beginning of s and says how many bytes
// it took, 0 if there is none.
func scanClause(s string) (clause, int) {
	i := slices.IndexFunc(operators[:], func(op string) bool { return strings.HasPrefix(s, op) })
	if i < 0 {
		return clause{}, 0
	}
	c := clause{op: operators[i]}
	rest := strings.TrimLeftFunc(s[len(c.op):], isSpace)
	start := len(s) - len(rest)
	if c.op == "===" {
		// An escape hatch for versions that PEP 440 does not know: any text.
		n := strings.IndexFunc(rest, func(r rune) bool { return isSpace(r) || r == ';' || r == ')' })
		if n < 0 {
			n = len(rest)
		}
		if n == 0 || n > MaxVersionLength {
			return clause{}, 0
		}
		c.text = rest[:n]
		c.version, _ = parseVersion(c.text)
		return c, start + n
	}
	n := c.scanVersion(rest)
	if n == 0 || n > MaxVersionLength {
		return clause{}, 0
	}
	c.text = rest[:n]
	return c, start + n
}

// scanVersion reads as much of a version as the operator admits: wildcards and
// local versions belong to == and != alone, "~=1" would admit everything.
func (c *clause) scanVersion(s string) int {
	p := versionScanner{s: s}
	if !p.epochAndRelease() || c.op == "~=" && len(p.v.release) < 2 {
		return 0
	}
	equality := c.op == "==" || c.op == "!="
	if equality && strings.HasPrefix(s[p.pos:], ".*") {
		c.prefix = true
		p.pos += len(".*")
	} else {
		p.suffixes()
		if equality {
			p.local()
		}
	}
	c.version = p.v
	return p.pos
}

// IsZero is true if there is no clause.
func (s Specifiers) IsZero() bool { return len(s.clauses) == 0 }

// String gives the clauses sorted, each once, so that it does not depend on the
// order they were written in. Versions are spelled as they were.
func (s Specifiers) String() string {
	texts := make(map[string]string, len(s.clauses))
	for _, c := range s.clauses {
		text := c.op + c.text
		if old, ok := texts[c.key()]; !ok || text < old {
			texts[c.key()] = text
		}
	}
	sorted := make([]string, 0, len(texts))
	for _, text := range texts {
		sorted = append(sorted, text)
	}
	slices.Sort(sorted)
	return strings.Join(sorted, ",")
}

// key is equal for clauses that mean the same. "~=1.0" and "~=1.0.0" do not.
func (c clause) key() string {
	switch {
	case c.op == "===" || c.prefix:
		return c.op + c.text
	case c.op == "~=":
		return c.op + c.version.String()
	}
	return c.op + c.version.Key()
}

// Contains reports whether every clause admits v. Pre-releases, development
// versions included, are contained only with prereleases true: it is the
// `prereleases` argument of packaging's SpecifierSet.contains.
func (s Specifiers) Contains(v Version, prereleases bool) bool {
	if !prereleases && v.IsPrerelease() {
		return false
	}
	for _, c := range s.clauses {
		if !c.admits(v) {
			return false
		}
	}
	return true
}

// ContainsDefault is Contains under PEP 440's default for pre-releases, which
// is to take them when nothing else matches. One version alone has no
// alternative, so its being a pre-release excludes nothing; to choose among
// several use [Specifiers.Filter].
func (s Specifiers) ContainsDefault(v Version) bool { return s.Contains(v, true) }

// NamesPrerelease is true if a clause other than != names a pre-release, by
// which the author opted in to them.
func (s Specifiers) NamesPrerelease() bool {
	return slices.ContainsFunc(s.clauses, func(c clause) bool {
		return c.op != "!=" && c.version.IsPrerelease()
	})
}

// Filter keeps what a resolver would choose from, in the given order: contained
// versions without pre-releases, or with them if a clause names one or if
// nothing else is contained.
func (s Specifiers) Filter(versions []Version) []Version {
	var all, final []Version
	for _, v := range versions {
		if !s.Contains(v, true) {
			continue
		}
		all = append(all, v)
		if !v.IsPrerelease() {
			final = append(final, v)
		}
	}
	if s.NamesPrerelease() || len(final) == 0 {
		return all
	}
	return final
}

// admitsText is admits for a value that need not be a version, as environment
// markers have them.
func (c clause) admitsText(s string) bool {
	if c.op == "===" {
		return strings.ToLower(s) == strings.ToLower(c.text) //nolint:staticcheck // packaging lowers; EqualFold folds more
	}
	v, ok := parseVersion(s)
	return ok && c.admits(v)
}

func (c clause) admits(v Version) bool {
	w := c.version
	switch c.op {
	case "===":
		return strings.ToLower(v.String()) == strings.ToLower(c.text) //nolint:staticcheck // packaging lowers; EqualFold folds more
	case "==":
		return c.equals(v)
	case "!=":
		return !c.equals(v)
	case "~=":
		return v.Compare(w) >= 0 && v.hasPrefix(w, len(w.release)-1)
	case ">=":
		return v.Compare(w) >= 0
	case "<=":
		return v.comparePublic(w) <= 0
	case ">":
		return c.exceeded(v)
	default: // "<"
		return c.undercut(v)
	}
}

// equals ignores the local version of v unless the clause has one.
func (c clause) equals(v Version) bool {
	switch {
	case c.prefix:
		return v.hasPrefix(c.version, len(c.version.release))
	case len(c.version.local) > 0:
		return v.Equal(c.version)
	}
	return v.comparePublic(c.version) == 0
}

// hasPrefix is true if v has w's epoch and the first n places of w's release.
func (v Version) hasPrefix(w Version, n int) bool {
	if v.epoch != w.epoch {
		return false
	}
	for i := range n {
		if place(v.release, i) != w.release[i] {
			return false
		}
	}
	return true
}

// exceeded is ">": neither local versions nor post-releases of the clause's
// version are greater, unless it names a post-release itself.
func (c clause) exceeded(v Version) bool {
	w := c.version
	if v.comparePublic(w) <= 0 {
		return false
	}
	samePre := v.compareRelease(w) == 0 && v.pre == w.pre && v.preN == w.preN
	return w.post != "" || w.dev != "" || !samePre
}

// undercut is "<": pre-releases of the clause's version are not less, unless it
// is one itself.
func (c clause) undercut(v Version) bool {
	w := c.version
	if !w.IsPrerelease() {
		w.dev = "0"
	}
	return v.Compare(w) < 0
}
