package gate

import "slices"

// maxRefuted bounds how many sets a search proposes that only fail their
// conditions; the answer is then that there is a set.
const maxRefuted = 200

// loose reports whether installers take a release only if what else they
// install makes them: a yanked one where a requirement pins it (PEP 592), a
// pre-release where the requirements together admit nothing else (PEP 440).
func (r *resolver) loose(rel *release) bool {
	return rel.in(r.env) && !rel.base.has(r.env) && (rel.yanked.has(r.env) || r.unasked(rel))
}

// unasked is for pre-releases that no requirement of the index names.
func (r *resolver) unasked(rel *release) bool {
	return rel.version.IsPrerelease() && !r.world.prerelease[rel.project.name]
}

// user is a requirement of a node.
type user struct {
	node        node
	requirement *requirement
}

// findLoose fills what options and conditions need to know.
func (r *resolver) findLoose() {
	for _, p := range r.world.order {
		if slices.ContainsFunc(p.releases, r.loose) {
			r.users[p] = []user{}
		}
	}
	if len(r.users) == 0 {
		return
	}
	for _, f := range r.world.files {
		for _, req := range f.requires {
			if r.users[r.world.projects[req.project]] == nil || !req.pinned {
				continue
			}
			for _, rel := range r.world.admit(req, r.env) {
				r.pinned[rel] = true
			}
		}
	}
}

// options lists the releases that may meet a requirement, and how many of them
// do on their own account; the others come last.
func (r *resolver) options(req *requirement) (list []*release, free int) {
	list = r.world.admit(req, r.env)
	free = len(list)
	p := r.world.projects[req.project]
	if r.users[p] == nil || req.broken != nil || req.url != "" {
		return list, free
	}
	list = slices.Clone(list)
	for _, rel := range p.releases {
		possible := r.loose(rel) && (!rel.yanked.has(r.env) || r.pinned[rel])
		if possible && req.set.Contains(rel.version, true) && !slices.Contains(list[:free], rel) {
			list = append(list, rel)
		}
	}
	return list, free
}

// conditions lists sets of nodes, one of each of which has to be installed too
// for installers to take the release.
func (r *resolver) conditions(rel *release) [][]node {
	if !r.loose(rel) {
		return nil
	}
	if list, ok := r.worked[rel]; ok {
		return list
	}
	var list [][]node
	if rel.yanked.has(r.env) {
		list = append(list, r.usersThat(rel.project, func(req *requirement) bool {
			return req.pinned && slices.Contains(r.world.admit(req, r.env), rel)
		}))
	}
	if r.unasked(rel) {
		for _, other := range rel.project.releases {
			if other.in(r.env) && !other.version.IsPrerelease() && !other.yanked.has(r.env) {
				list = append(list, r.usersThat(rel.project, func(req *requirement) bool { return !req.set.Contains(other.version, true) }))
			}
		}
	}
	r.worked[rel] = list
	return list
}

func (r *resolver) usersThat(p *project, ok func(*requirement) bool) []node {
	var list []node
	for _, u := range r.users[p] {
		if ok(u.requirement) {
			list = append(list, u.node)
		}
	}
	return list
}

// conditional adds the clauses of the conditions of all releases that a set may
// have.
func (s *search) conditional(clauses [][]int) [][]int {
	if len(s.users) == 0 {
		return clauses
	}
	for i := 0; i < len(s.nodes); i++ { // the conditions add nodes
		n := s.nodes[i]
		if n.extra != "" || slices.Contains(s.roots, n.release) {
			continue
		}
		for _, among := range s.conditions(n.release) {
			clause := []int{-(i + 1)}
			for _, m := range among {
				s.variable(node{release: m.release})
				clause = append(clause, s.variable(m))
			}
			clauses = append(clauses, clause)
		}
	}
	return append(clauses, s.refuted...)
}

// refute reports whether the proposed set has a release for which nothing in
// the set itself is the condition, and keeps it from being proposed again.
func (s *search) refute() bool {
	if len(s.users) == 0 || len(s.refuted) >= maxRefuted {
		return false
	}
	found := map[node]bool{} // those that need something, as all users do
	s.walk(func(n node, _ int, _ *release) { found[n] = true })
	set := s.set()
	for _, rel := range set {
		if slices.Contains(s.roots, rel) {
			continue
		}
		for _, among := range s.conditions(rel) {
			if slices.ContainsFunc(among, func(n node) bool { return found[n] }) {
				continue
			}
			var clause []int
			for _, member := range set {
				clause = append(clause, -s.variable(node{release: member}))
			}
			s.refuted = append(s.refuted, clause)
			return true
		}
	}
	return false
}
