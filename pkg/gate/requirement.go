package gate

import (
	"strings"

	"github.com/pinwheel-oci/pinwheel/pkg/wheel"
)

// requirement is one distinct line of Requires-Dist.
type requirement struct {
	text    string
	project string
	extras  []string // normalised
	set     wheel.Specifiers
	spec    string // normal form of set
	url     string
	// pinned requirements ("==1.0") get yanked files too (PEP 592).
	pinned bool
	// prereleases says that a clause names one.
	prereleases bool
	// broken is why the line, or its marker, cannot be read.
	broken error
	marker wheel.Marker
	scope  *scope
	byName map[string]mask // environments by extra
}

// requirement parses a line once.
func (s *scope) requirement(text string) *requirement {
	if r, ok := s.requirements[text]; ok {
		return r
	}
	r := &requirement{text: text, scope: s, byName: map[string]mask{}}
	s.requirements[text] = r
	parsed, err := wheel.ParseRequirement(text)
	if err != nil {
		r.broken = err
		return r
	}
	r.project, r.set, r.spec, r.url, r.marker = parsed.Project(), parsed.Specifiers, parsed.Specifiers.String(), parsed.URL, parsed.Marker
	r.prereleases, r.pinned = parsed.Specifiers.NamesPrerelease(), isPin(r.spec)
	for _, extra := range parsed.Extras {
		r.extras = append(r.extras, wheel.NormalizeName(extra))
	}
	r.in("") // finds out whether the marker can be evaluated
	return r
}

// isPin reports whether one of the clauses is "==1.0" or "===1.0".
func isPin(spec string) bool {
	for clause := range strings.SplitSeq(spec, ",") {
		if strings.HasPrefix(clause, "==") && !strings.HasSuffix(clause, ".*") {
			return true
		}
	}
	return false
}

// in is the set of environments where the requirement holds when extra is
// asked for, or nothing but the project if extra is "".
func (r *requirement) in(extra string) mask {
	if r.marker.IsZero() {
		return r.scope.all()
	}
	if m, ok := r.byName[extra]; ok {
		return m
	}
	var m mask
	for i, e := range r.scope.environments {
		env := e.marker
		env.Extra = extra
		holds, err := r.marker.Evaluate(env)
		if err != nil {
			r.broken = err
		}
		if holds {
			m |= 1 << i
		}
	}
	r.byName[extra] = m
	return m
}

// bare is the requirement without its marker.
func (r *requirement) bare() string {
	text, _, _ := strings.Cut(r.text, ";")
	return strings.TrimSpace(text)
}
