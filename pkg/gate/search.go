package gate

import (
	"maps"
	"slices"

	"github.com/crillab/gophersat/solver"
)

// search decides by SAT whether releases can be installed together. It begins
// with none of their needs and adds those that a proposed set leaves open,
// until a set leaves none open or no set exists. So it looks only at what
// matters, and the needs that it added when no set exists are a conflict.
type search struct {
	*resolver
	roots  []*release
	needed []need // constraints so far, in the order in which they were added
	known  map[need]bool
	vars   map[node]int // from 1
	nodes  []node       // by variable - 1
	model  []bool
	// refuted are clauses that exclude sets which fail their conditions.
	refuted [][]int
	// excluded releases are in no set.
	excluded map[*release]bool
}

// need is a dependency of a node, by its place among the node's needs.
type need struct {
	node  node
	index int
}

// search looks for a consistent set with all roots.
func (r *resolver) search(roots ...*release) (*search, bool) {
	return r.searchWithout(nil, roots...)
}

// setOf looks for a consistent set with all roots and no excluded release,
// first where it is likely to be.
func (r *resolver) setOf(excluded map[*release]bool, roots ...*release) ([]*release, bool) {
	if set, ok := r.greedy(excluded, roots...); ok {
		slices.SortFunc(set, func(a, b *release) int { return a.id - b.id })
		return set, true
	}
	s, ok := r.searchWithout(excluded, roots...)
	if !ok {
		return nil, false
	}
	return s.set(), true
}

// searchWithout looks for a consistent set with all roots and no excluded
// release.
func (r *resolver) searchWithout(excluded map[*release]bool, roots ...*release) (*search, bool) {
	s := &search{resolver: r, roots: roots, excluded: excluded, known: map[need]bool{}, vars: map[node]int{}}
	for s.solve(s.needed) {
		open := s.open()
		if len(open) == 0 && !s.refute() {
			return s, true
		}
		s.needed = append(s.needed, open...)
	}
	return s, false
}

// set is the consistent set that was found.
func (s *search) set() []*release {
	found := map[*release]bool{}
	s.walk(func(n node, _ int, choice *release) {
		found[n.release] = true
		if choice != nil {
			found[choice] = true
		}
	})
	for _, rel := range s.roots {
		found[rel] = true
	}
	return slices.SortedFunc(maps.Keys(found), func(a, b *release) int { return a.id - b.id })
}

// open lists the needs that the proposed set does not meet.
func (s *search) open() []need {
	var open []need
	s.walk(func(n node, i int, choice *release) {
		// A need with extras is added even if it is met: nothing else ties
		// the extras to the choice.
		met := choice != nil && len(s.needs(n)[i].requirement.extras) == 0
		if k := (need{n, i}); !met && !s.known[k] {
			s.known[k] = true
			open = append(open, k)
		}
	})
	return open
}

// walk visits the needs of the roots and of what the proposed set meets them
// with.
func (s *search) walk(visit func(n node, index int, choice *release)) {
	done := map[node]bool{}
	var queue []node
	push := func(n node) {
		if !done[n] {
			done[n] = true
			queue = append(queue, n)
		}
	}
	for _, rel := range s.roots {
		push(node{release: rel})
	}
	for ; len(queue) > 0; queue = queue[1:] {
		n := queue[0]
		for i, d := range s.needs(n) {
			choice := s.choice(d)
			visit(n, i, choice)
			if choice == nil {
				continue
			}
			push(node{release: choice})
			for _, extra := range d.requirement.extras {
				push(node{choice, extra})
			}
		}
	}
}

// choice is the release by which the proposed set meets a need.
func (s *search) choice(d dep) *release {
	for _, option := range d.options {
		if v := s.vars[node{release: option}]; slices.Contains(s.roots, option) || v > 0 && v <= len(s.model) && s.model[v-1] {
			return option
		}
	}
	return nil
}

func (s *search) variable(n node) int {
	v := s.vars[n]
	if v == 0 {
		s.nodes = append(s.nodes, n)
		v = len(s.nodes)
		s.vars[n] = v
	}
	return v
}

// solve proposes a set that meets the given needs and has no project twice.
func (s *search) solve(needs []need) bool {
	var clauses [][]int
	for _, rel := range s.roots {
		clauses = append(clauses, []int{s.variable(node{release: rel})})
	}
	for _, k := range needs {
		clauses = s.clauses(clauses, k)
	}
	clauses = s.conditional(clauses)
	byProject := map[*project][]int{}
	for i, n := range s.nodes {
		if s.excluded[n.release] {
			clauses = append(clauses, []int{-(i + 1)})
		}
		if n.extra == "" {
			byProject[n.release.project] = append(byProject[n.release.project], i+1)
			continue
		}
		clauses = append(clauses, []int{-(i + 1), s.variable(node{release: n.release})})
	}
	for _, n := range s.nodes { // not by ranging over the map: the order decides what is proposed
		versions := byProject[n.release.project]
		delete(byProject, n.release.project)
		for i, a := range versions {
			for _, b := range versions[:i] {
				clauses = append(clauses, []int{-a, -b})
			}
		}
	}
	problem := solver.ParseSliceNb(clauses, len(s.nodes))
	sat := solver.New(problem)
	if sat.Solve() != solver.Sat {
		return false
	}
	s.model = sat.Model()
	return true
}

// clauses adds those of one need: the node, then one of the options, with its
// extras.
func (s *search) clauses(list [][]int, k need) [][]int {
	d := s.needs(k.node)[k.index]
	from := s.variable(k.node)
	if k.node.extra != "" {
		s.variable(node{release: k.node.release})
	}
	clause := []int{-from}
	for _, option := range d.options {
		v := s.variable(node{release: option})
		clause = append(clause, v)
		for _, extra := range d.requirement.extras {
			e := s.variable(node{option, extra})
			if e != from && v != from {
				list = append(list, []int{-from, -v, e})
			} else if v == from {
				list = append(list, []int{-from, e})
			}
		}
	}
	if slices.Contains(clause[1:], from) {
		return list // a release meets its own need
	}
	return append(list, clause)
}

// conflict is a smallest set of needs that cannot be met together: without any
// one of them the others can.
// The needs of the roots come first, then those of what they need.
func (s *search) conflict() []need {
	rest := s.shrink(nil, s.needed, false)
	known := map[*project]bool{}
	for _, rel := range s.roots {
		known[rel.project] = true
	}
	var sorted []need
	for len(rest) > 0 {
		next := max(0, slices.IndexFunc(rest, func(k need) bool { return known[k.node.release.project] }))
		k := rest[next]
		sorted, rest = append(sorted, k), slices.Delete(rest, next, next+1)
		known[s.world.projects[s.needs(k.node)[k.index].requirement.project]] = true
	}
	return sorted
}

// shrink is QuickXplain (Junker 2004): what of the candidates is needed, given
// the background, for a contradiction.
func (s *search) shrink(background, candidates []need, changed bool) []need {
	if changed && !s.solve(background) {
		return nil
	}
	if len(candidates) <= 1 {
		return candidates
	}
	half := len(candidates) / 2
	first, second := candidates[:half], candidates[half:]
	right := s.shrink(slices.Concat(background, first), second, len(first) > 0)
	left := s.shrink(slices.Concat(background, right), first, len(right) > 0)
	return slices.Concat(left, right)
}
