package gate

import (
	"slices"
	"strings"

	"github.com/pinwheel-oci/pinwheel/pkg/facts"
	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/pkg/wheel"
)

// world is a revision as installers see it: per project its releases, per
// release and environment the file that would be installed.
type world struct {
	*scope
	catalog    *index.Catalog
	projects   map[string]*project
	order      []*project // by name
	files      []*file    // all listed ones
	admitted   map[admittedKey][]*release
	prerelease map[string]bool // projects of which some requirement names one
	sonames    map[string][]*file
	resolvers  map[resolverKey]*resolver
	families   [][]*project
	supplies   map[supplyKey]*supply
	reached    reached
	// excused files have a waiver of the gate closure: what they need and the
	// index does not have is taken as met.
	excused func(*file) bool
}

type project struct {
	name     string
	releases []*release // newest first
	files    []*file
	// offered is false if the project is quarantined (PEP 792).
	offered bool
}

// release is one version of a project.
type release struct {
	id      int
	project *project
	version wheel.Version
	text    string
	files   []*file
	// best is the file that is installed, by environment; nil for none.
	best []*file
	// yanked has the environments where only yanked files fit.
	yanked mask
	// base has the environments whose base image provides the release.
	base mask
}

// in has the environments where the release can be had.
func (r *release) in(env int) bool { return r.best[env] != nil || r.base.has(env) }

func (r *release) String() string { return r.project.name + " " + r.text }

// file is one listed file.
type file struct {
	*index.File
	project  *project
	release  *release
	name     wheel.Filename
	facts    *facts.Wheel
	requires []*requirement
	// fits has the environments where an installer would take the file were
	// there no other.
	fits   mask
	inside *content
}

func newWorld(c *index.Catalog, s *scope, known func(string) *facts.Wheel) *world {
	w := &world{
		scope: s, catalog: c, projects: map[string]*project{}, admitted: map[admittedKey][]*release{},
		prerelease: map[string]bool{}, sonames: map[string][]*file{},
	}
	for i := range c.Projects {
		p := &c.Projects[i]
		own := w.project(p.Name)
		own.offered = p.Status == nil || p.Status.Status != "quarantined"
		for j := range p.Files {
			w.addFile(own, &p.Files[j], known)
		}
	}
	w.addBase()
	id := 0
	for _, p := range w.order {
		slices.SortFunc(p.releases, func(a, b *release) int { return b.version.Compare(a.version) })
		for _, r := range p.releases {
			r.id = id
			id++
			w.choose(r)
		}
	}
	return w
}

func (w *world) project(name string) *project {
	p := w.projects[name]
	if p == nil {
		p = &project{name: name, offered: true}
		w.projects[name] = p
		w.order = append(w.order, p)
	}
	return p
}

func (w *world) release(p *project, v wheel.Version) *release {
	for _, r := range p.releases {
		if r.version.Equal(v) {
			return r
		}
	}
	r := &release{project: p, version: v, text: v.String(), best: make([]*file, len(w.environments))}
	p.releases = append(p.releases, r)
	return r
}

func (w *world) addFile(p *project, listed *index.File, known func(string) *facts.Wheel) {
	name, err := wheel.ParseAnyFilename(listed.Filename)
	if err != nil {
		return // not a catalog that passes its own check
	}
	f := &file{File: listed, project: p, name: name, facts: known(listed.SHA256)}
	f.release = w.release(p, name.Version)
	f.release.files = append(f.release.files, f)
	p.files = append(p.files, f)
	w.files = append(w.files, f)
	f.fits = w.admitsPython(listed.RequiresPython) & w.fitting(f)
	if f.facts == nil {
		return
	}
	for _, text := range f.facts.Requires {
		r := w.requirement(text)
		f.requires = append(f.requires, r)
		if r.prereleases {
			w.prerelease[r.project] = true
		}
	}
	for _, l := range f.facts.Libraries {
		if dir, _, _ := strings.Cut(l.Member, "/"); strings.HasSuffix(dir, ".libs") {
			continue // where auditwheel puts what is for this wheel alone
		}
		for _, name := range providedNames(l) {
			w.sonames[name] = append(w.sonames[name], f)
		}
	}
}

// providedNames are the names by which others may need a library.
func providedNames(l facts.Library) []string {
	base := l.Member[strings.LastIndexByte(l.Member, '/')+1:]
	if l.Soname == "" || l.Soname == base {
		return []string{base}
	}
	return []string{l.Soname, base}
}

// fitting is the set of environments that one of the file's tags fits.
func (w *world) fitting(f *file) mask {
	var m mask
	for i, e := range w.environments {
		if f.PackageType != index.Wheel {
			if e.target.Admits(f.File) {
				m |= 1 << i
			}
			continue
		}
		if w.fileRank(f, i) != unfit {
			m |= 1 << i
		}
	}
	return m
}

// fileRank is the rank of the file's best tag; sdists come last.
func (w *world) fileRank(f *file, env int) int {
	if f.PackageType != index.Wheel {
		return unfit - 1
	}
	best := unfit
	for _, tag := range f.name.Tags {
		best = min(best, w.rank(tag, env))
	}
	return best
}

// addBase adds the distributions of base images. They need nothing: the image
// is taken to hold together.
func (w *world) addBase() {
	for i, e := range w.environments {
		if e.base == nil {
			continue
		}
		for name, text := range e.base.Python[e.Python] {
			if v, err := wheel.ParseVersion(text); err == nil {
				w.release(w.project(name), v).base |= 1 << i
			}
		}
	}
	slices.SortFunc(w.order, func(a, b *project) int { return strings.Compare(a.name, b.name) })
}

// choose finds the file that installers take of a release: one that is not
// yanked, by tag, then by build tag.
func (w *world) choose(r *release) {
	if !r.project.offered {
		return
	}
	for env := range w.environments {
		for _, f := range r.files {
			if f.fits.has(env) && (r.best[env] == nil || w.better(f, r.best[env], env)) {
				r.best[env] = f
			}
		}
		if r.best[env] != nil && r.best[env].Yanked != nil && !r.base.has(env) {
			r.yanked |= 1 << env
		}
	}
}

func (w *world) better(a, b *file, env int) bool {
	if (a.Yanked == nil) != (b.Yanked == nil) {
		return a.Yanked == nil
	}
	if x, y := w.fileRank(a, env), w.fileRank(b, env); x != y {
		return x < y
	}
	return a.name.Build.Compare(b.name.Build) > 0
}

// counts reports whether a file is what installers would take of its release
// somewhere, or could be if others were not preferred: listed in a project that
// is offered and not yanked.
func (f *file) counts() bool { return f.project.offered && f.Yanked == nil }

type admittedKey struct {
	project string
	spec    string
	env     int
}

// admit lists the releases that a requirement admits in an environment, newest
// first: no yanked ones unless it pins a version that has no others, and
// pre-releases only if this or another requirement of the index names one or if
// nothing else is admitted.
func (w *world) admit(r *requirement, env int) []*release {
	if r.broken != nil || r.url != "" {
		return nil
	}
	key := admittedKey{r.project, r.spec, env}
	if list, ok := w.admitted[key]; ok {
		return list
	}
	var list, yanked, pre []*release
	if p := w.projects[r.project]; p != nil {
		for _, rel := range p.releases {
			switch {
			case !rel.in(env) || !r.set.Contains(rel.version, true):
			case rel.yanked.has(env):
				yanked = append(yanked, rel)
			case rel.version.IsPrerelease() && !w.prerelease[r.project]:
				pre = append(pre, rel)
			default:
				list = append(list, rel)
			}
		}
	}
	if len(list) == 0 {
		list = pre
	}
	if len(list) == 0 && r.pinned {
		list = yanked
	}
	w.admitted[key] = list
	return list
}

// available lists the versions of a project in an environment, for people.
func (w *world) available(name string, env int) []string {
	var list []string
	if p := w.projects[name]; p != nil {
		for _, r := range p.releases {
			if r.in(env) && len(list) < maxTried {
				list = append(list, r.String())
			}
		}
	}
	return list
}

// maxTried bounds the versions that a finding lists.
const maxTried = 20
