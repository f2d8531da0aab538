package gate

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/pinwheel-oci/pinwheel/pkg/index"
)

// supply says how a file comes by a library that other wheels have.
type supply struct {
	way supplyWay
	has []*release // what has the library
	// without are releases that the file can be installed with, and of which
	// none has it.
	without []*release
}

type supplyWay int

const (
	nowhere supplyWay = iota
	always            // whatever an installer chooses brings it along
	partly            // with some choices the file goes without
	unasked           // nothing that the file requires has it
)

type supplyKey struct {
	file *file
	name string
	env  int
}

// supply finds out how f comes by a library of that name.
func (w *world) supply(f *file, name string, env int) *supply {
	key := supplyKey{f, name, env}
	s := w.supplies[key]
	if s == nil {
		if w.supplies == nil {
			w.supplies = map[supplyKey]*supply{}
		}
		s = w.findSupply(f, name, env)
		w.supplies[key] = s
	}
	return s
}

func (w *world) findSupply(f *file, name string, env int) *supply {
	s := &supply{}
	if vendored.MatchString(name) {
		return s
	}
	for _, p := range w.sonames[name] {
		if p.project != f.project && p.release.best[env] == p && !slices.Contains(s.has, p.release) {
			s.has = append(s.has, p.release)
		}
	}
	if len(s.has) > 0 && !w.askedSupply(s, f, name, env) {
		w.unaskedSupply(s, env)
	}
	return s
}

// askedSupply decides for a library that something has which f requires, maybe
// indirectly, and reports whether that is so.
func (w *world) askedSupply(s *supply, f *file, name string, env int) bool {
	r := w.resolver(resolverKey{env, true})
	chosen := f.release.best[env] == f // of others the sets that are installed are not known
	if chosen && r.brings(f.release, name, s.has) {
		s.way = always
		return true
	}
	reachable := w.reachable(f, env)
	if !slices.ContainsFunc(s.has, func(rel *release) bool { return reachable[rel.project] }) {
		return false
	}
	s.way = always
	if !chosen {
		return true
	}
	if without, ok := r.setWithout(f.release, s.has); ok {
		s.way, s.without = partly, without
	}
	return true
}

// setWithout looks for a consistent set with rel and without what has, or may
// have, a library; it lists the other versions of the same projects in the set.
func (r *resolver) setWithout(rel *release, has []*release) ([]*release, bool) {
	key := strconv.Itoa(rel.id)
	for _, h := range has {
		key += " " + strconv.Itoa(h.id)
	}
	answer, known := r.sets[key]
	if !known {
		excluded := map[*release]bool{}
		for _, h := range has {
			for _, other := range h.project.releases {
				if other.in(r.env) && other.mayHave(has, r.env) {
					excluded[other] = true
				}
			}
		}
		if set, ok := r.setOf(excluded, rel); ok {
			answer = []*release{}
			for _, member := range set {
				if slices.ContainsFunc(has, func(h *release) bool { return h.project == member.project }) {
					answer = append(answer, member)
				}
			}
		}
		r.sets[key] = answer
	}
	return answer, answer != nil
}

// unaskedSupply decides for a library of which users have to know themselves
// where it is: best if all versions of a project have it.
func (w *world) unaskedSupply(s *supply, env int) {
	s.has = slices.DeleteFunc(s.has, func(rel *release) bool { return rel.yanked.has(env) })
	if len(s.has) == 0 {
		return
	}
	s.way = unasked
	for _, rel := range s.has {
		all := w.admit(w.requirement(rel.project.name), env)
		lacking := slices.DeleteFunc(slices.Clone(all), func(r *release) bool { return r.mayHave(s.has, env) })
		if len(lacking) == 0 {
			s.without = nil
			return
		}
		for _, r := range lacking {
			if !slices.Contains(s.without, r) {
				s.without = append(s.without, r)
			}
		}
	}
}

// mayHave reports whether a release is among those that have the library, or
// nothing is known of what it has.
func (r *release) mayHave(has []*release, env int) bool {
	best := r.best[env]
	return slices.Contains(has, r) || best == nil || best.facts == nil || best.PackageType != index.Wheel
}

// brings reports whether every set with rel certainly has one of the releases:
// something that rel needs is met by nothing else. That it does not report so
// proves nothing.
func (r *resolver) brings(rel *release, name string, has []*release) bool {
	known := r.bringing[name]
	if known == nil {
		known = map[*release]bool{}
		r.bringing[name] = known
	}
	if answer, ok := known[rel]; ok {
		return answer
	}
	known[rel] = false // in a circle, another way has to be found
	for _, d := range r.needs(node{release: rel}) {
		lacks := func(option *release) bool { return !option.mayHave(has, r.env) && !r.brings(option, name, has) }
		if len(d.options) > 0 && !slices.ContainsFunc(d.options, lacks) {
			known[rel] = true
			break
		}
	}
	return known[rel]
}

// supplied reports what is wrong with how f comes by a library.
func (j *judge) supplied(f *file, c *content, i int, name string, env int, complete func(int) bool) {
	s := j.now.supply(f, name, env)
	l, where := c.libraries[i], j.now.environments[env].Environment
	owners := make([]string, 0, len(s.has))
	for _, rel := range s.has {
		owners = append(owners, rel.project.name)
	}
	finding := Finding{Severity: Note, Rule: "undeclared", Member: l.Member, Requirement: name,
		Message: fmt.Sprintf("needs %s of %s, which its metadata does not ask for", name, unique(owners))}
	severity, why := c.severity(i, complete)
	switch {
	case s.way == unasked && len(s.without) > 0:
		if severity != Note {
			finding.Severity = Warn
		}
		finding.Rule, finding.Tried, finding.Fix = "version", names(s.has), "require the versions that have it"
		finding.Message += "; other versions do not have it: " + several(names(s.without))
	case s.way == partly:
		finding.Severity, finding.Rule, finding.Tried = severity, "version", names(s.has)
		finding.Message = fmt.Sprintf("needs %s of %s, but can be installed with %s, which does not have it%s", name, several(names(s.has)), several(names(s.without)), why)
		if len(s.without) == 0 {
			finding.Message = fmt.Sprintf("needs %s of %s, but can be installed without%s", name, several(names(s.has)), why)
		}
		if severity == Error {
			finding.Fix = "require the versions that have it, or remove those that do not"
		}
	case s.way != unasked:
		return
	}
	j.addFile(f, finding, where)
}
