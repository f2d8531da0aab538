package gate

import "slices"

// resolver answers, for one environment of a world, which releases can be
// installed together with everything that they need.
type resolver struct {
	world *world
	resolverKey
	deps map[node][]dep
	// dead releases need something that is not there, or only dead ones; each
	// with the need that shows it.
	dead map[node]dep
	// good releases are part of a consistent set that was found.
	good map[*release]bool
	// pairs are answers about two releases.
	pairs map[[2]*release]bool
	// users are the requirements of the projects that have loose releases,
	// pinned the releases that some requirement pins, and worked the
	// conditions that were worked out.
	users  map[*project][]user
	pinned map[*release]bool
	worked map[*release][][]node
	// bringing are answers about releases and the name of a library.
	bringing map[string]map[*release]bool
	// sets are answers of setWithout.
	sets map[string][]*release
}

type resolverKey struct {
	env int
	// lenient takes needs as met of which the index has nothing that will do:
	// what remains are conflicts.
	lenient bool
}

// resolver returns the resolver of an environment, made once.
func (w *world) resolver(key resolverKey) *resolver {
	if w.resolvers == nil {
		w.resolvers = map[resolverKey]*resolver{}
	}
	if w.resolvers[key] == nil {
		w.resolvers[key] = newResolver(w, key)
	}
	return w.resolvers[key]
}

// node is a release, or one of its extras.
type node struct {
	release *release
	extra   string
}

// dep is a requirement of a node and what meets it: the first options on their
// own account, the others on conditions.
type dep struct {
	requirement *requirement
	options     []*release
	free        int
}

// attempts bounds how often the quick search starts again.
const attempts = 30

func newResolver(w *world, key resolverKey) *resolver {
	r := &resolver{
		world: w, resolverKey: key, deps: map[node][]dep{}, dead: map[node]dep{}, good: map[*release]bool{}, pairs: map[[2]*release]bool{},
		users: map[*project][]user{}, pinned: map[*release]bool{}, worked: map[*release][][]node{}, bringing: map[string]map[*release]bool{}, sets: map[string][]*release{},
	}
	r.findLoose()
	var nodes []node
	for _, p := range w.order {
		for _, rel := range p.releases {
			if rel.in(key.env) {
				nodes = append(nodes, node{release: rel})
			}
		}
	}
	for i := 0; i < len(nodes); i++ { // extras that are asked for join the list
		nodes = r.extras(nodes, nodes[i])
	}
	for changed := true; changed; {
		changed = false
		for _, n := range nodes {
			if _, dead := r.dead[n]; !dead && r.dies(n) {
				changed = true
			}
		}
	}
	return r
}

// extras appends the extras that n asks others for and that are not yet known.
func (r *resolver) extras(nodes []node, n node) []node {
	for _, d := range r.needs(n) {
		for _, extra := range d.requirement.extras {
			for _, option := range d.options {
				e := node{option, extra}
				if _, known := r.deps[e]; !known {
					r.needs(e)
					nodes = append(nodes, e)
				}
			}
		}
	}
	return nodes
}

// dies finds out whether n needs what no live release meets.
func (r *resolver) dies(n node) bool {
	for _, d := range r.needs(n) {
		if !slices.ContainsFunc(d.options, func(option *release) bool { return r.live(option, d.requirement) }) {
			r.dead[n] = d
			return true
		}
	}
	return false
}

func (r *resolver) live(option *release, by *requirement) bool {
	if _, dead := r.dead[node{release: option}]; dead {
		return false
	}
	for _, extra := range by.extras {
		if _, dead := r.dead[node{option, extra}]; dead {
			return false
		}
	}
	return true
}

// needs lists what a node needs; an extra's needs are those that the release
// alone does not have.
func (r *resolver) needs(n node) []dep {
	if list, ok := r.deps[n]; ok {
		return list
	}
	var list []dep
	if f := n.release.best[r.env]; f != nil {
		// What the base image has is there with all that it needs, but what it
		// needs has to agree with the rest.
		lenient := r.lenient || n.release.base.has(r.env)
		for _, req := range f.requires {
			if !req.in(n.extra).has(r.env) || n.extra != "" && req.in("").has(r.env) {
				continue
			}
			d := dep{requirement: req}
			if d.options, d.free = r.options(req); len(d.options) == 0 && (lenient || r.world.excused(f)) {
				continue
			}
			list = append(list, d)
			if p := r.world.projects[req.project]; r.users[p] != nil {
				r.users[p] = append(r.users[p], user{n, req})
			}
		}
	}
	r.deps[n] = list
	return list
}

// installable reports whether a consistent set with rel exists.
func (r *resolver) installable(rel *release) bool {
	if r.good[rel] {
		return true
	}
	if _, dead := r.dead[node{release: rel}]; dead {
		return false
	}
	set, ok := r.greedy(nil, rel)
	if !ok {
		s, found := r.search(rel)
		if !found {
			return false
		}
		set = s.set()
	}
	if slices.ContainsFunc(set, r.loose) {
		set = []*release{rel} // the others may need rel for what they take
	}
	for _, member := range set {
		r.good[member] = true
	}
	return true
}

// greedy takes the newest release that is admitted for each need in turn, and
// starts again with what it learned when that fails. A set that it returns is
// consistent and has no excluded release; that it returns none proves nothing.
func (r *resolver) greedy(excluded map[*release]bool, roots ...*release) ([]*release, bool) {
	learned := map[*project][][]*release{}
	for range attempts {
		g := greedy{resolver: r, chosen: map[*project]*release{}, excluded: excluded, learned: learned, done: map[node]bool{}}
		for _, root := range roots {
			g.chosen[root.project] = root
			g.push(node{release: root})
		}
		for len(g.queue) > 0 && !g.stuck && !g.hopeless {
			n := g.queue[len(g.queue)-1]
			g.queue = g.queue[:len(g.queue)-1]
			g.visit(n)
		}
		if g.hopeless {
			return nil, false
		}
		if !g.stuck {
			set := make([]*release, 0, len(g.chosen))
			for _, rel := range g.chosen {
				set = append(set, rel)
			}
			return set, true
		}
	}
	return nil, false
}

// greedy is one attempt.
type greedy struct {
	*resolver
	chosen   map[*project]*release
	excluded map[*release]bool
	learned  map[*project][][]*release // what a choice must be among
	done     map[node]bool
	queue    []node
	stuck    bool // start again
	hopeless bool
}

func (g *greedy) push(n node) {
	if !g.done[n] {
		g.done[n] = true
		g.queue = append(g.queue, n)
	}
}

func (g *greedy) visit(n node) {
	for _, d := range g.needs(n) {
		if len(d.options) == 0 {
			g.hopeless = true
			return
		}
		p := d.options[0].project
		choice := g.chosen[p]
		switch {
		case choice == nil:
			if choice = g.choose(p, d); choice == nil {
				g.hopeless = true
				return
			}
			g.chosen[p] = choice
			g.push(node{release: choice})
		case !slices.Contains(d.options, choice):
			g.learned[p] = append(g.learned[p], d.options)
			g.stuck = true
			return
		}
		for _, extra := range d.requirement.extras {
			g.push(node{choice, extra})
		}
	}
}

func (g *greedy) choose(p *project, d dep) *release {
	for _, option := range d.options[:d.free] {
		if g.excluded[option] || !g.live(option, d.requirement) {
			continue
		}
		if !slices.ContainsFunc(g.learned[p], func(among []*release) bool { return !slices.Contains(among, option) }) {
			return option
		}
	}
	return nil
}
