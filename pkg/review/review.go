// Package review says what changes from one revision to another in the terms
// of who has to decide about it: projects and versions, dependencies, ABI, the
// declared environment, files. It reads catalogs and facts, and does no I/O.
package review

import (
	"cmp"
	"maps"
	"slices"

	"github.com/pinwheel-oci/pinwheel/pkg/facts"
	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/pkg/strictjson"
	"github.com/pinwheel-oci/pinwheel/pkg/wheel"
)

// Side is one of the two revisions.
type Side struct {
	Catalog *index.Catalog
	// Facts returns what is known of a file by its sha256, or nil.
	Facts func(sha256 string) *facts.Wheel
}

// Review is all that changes. Lists are sorted by project or name.
type Review struct {
	index.Diff
	Projects     []Project    `json:"projects"`
	Dependencies []Dependency `json:"dependencies"`
	ABI          []ABI        `json:"abi"`
	TargetValues []Value      `json:"target-values"`
	// Unknown are projects of which dependencies and ABI could not be compared,
	// because a revision carries no facts of their wheels.
	Unknown []string `json:"unknown,omitempty"`
}

// Project is a project that came, went, or offers other versions.
type Project struct {
	Project string `json:"project"`
	Change  string `json:"change"` // "added", "removed" or "changed"
	// Added and Removed are versions, ascending; From and To are the newest.
	Added   []string `json:"added,omitempty"`
	Removed []string `json:"removed,omitempty"`
	From    string   `json:"from,omitempty"`
	To      string   `json:"to,omitempty"`
	// Status is the change of the project's status (PEP 792), in words.
	Status string `json:"status,omitempty"`
}

// Dependency is the change of Requires-Dist between the newest versions.
type Dependency struct {
	Project string   `json:"project"`
	From    string   `json:"from"`
	To      string   `json:"to"`
	Added   []string `json:"added,omitempty"`
	Removed []string `json:"removed,omitempty"`
	// Extras counts requirements of extras that came or went; they are not
	// listed, being many that few ask for.
	Extras int `json:"extras,omitzero"`
}

// ABI is the change of one trait of the binaries between the newest versions.
type ABI struct {
	Project string `json:"project"`
	Trait   string `json:"trait"`
	From    string `json:"from"` // "" for none
	To      string `json:"to"`
}

// Value is a member of the target that changed, as JSON; "" is absent.
type Value struct {
	Member string `json:"member"`
	From   string `json:"from"`
	To     string `json:"to"`
}

// Compare reviews the way from one revision to another.
func Compare(from, to Side) Review {
	r := Review{
		Diff: index.Compare(from.Catalog, to.Catalog), Projects: []Project{}, Dependencies: []Dependency{}, ABI: []ABI{},
		TargetValues: targetValues(from.Catalog.Target, to.Catalog.Target),
	}
	before, after := projects(from.Catalog), projects(to.Catalog)
	names := slices.Collect(maps.Keys(before))
	for name := range after {
		if before[name] == nil {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		r.project(name, offer{from, before[name]}, offer{to, after[name]})
	}
	return r
}

func projects(c *index.Catalog) map[string]*index.Project {
	m := map[string]*index.Project{}
	for i := range c.Projects {
		m[c.Projects[i].Name] = &c.Projects[i]
	}
	return m
}

// offer is a project in one of the revisions, nil if it is not there.
type offer struct {
	side    Side
	project *index.Project
}

// versions are those that have files, ascending.
func (o offer) versions() []string {
	if o.project == nil {
		return nil
	}
	seen := map[string]wheel.Version{}
	for i := range o.project.Files {
		if v, err := wheel.ParseVersion(o.project.Files[i].Version); err == nil {
			seen[o.project.Files[i].Version] = v
		}
	}
	return slices.SortedFunc(maps.Keys(seen), func(a, b string) int { return cmp.Or(seen[a].Compare(seen[b]), cmp.Compare(a, b)) })
}

func (o offer) status() string {
	if o.project == nil || o.project.Status == nil {
		return "active"
	}
	return o.project.Status.Status
}

// files of one version.
func (o offer) files(version string) []*index.File {
	var list []*index.File
	for i := range o.project.Files {
		if o.project.Files[i].Version == version {
			list = append(list, &o.project.Files[i])
		}
	}
	return list
}

func (r *Review) project(name string, from, to offer) {
	p := Project{Project: name, Added: minus(to.versions(), from.versions()), Removed: minus(from.versions(), to.versions())}
	p.From, p.To = last(from.versions()), last(to.versions())
	if a, b := from.status(), to.status(); a != b {
		p.Status = a + " → " + b
	}
	switch {
	case p.From == "" && p.To != "":
		p.Change = "added"
	case p.From != "" && p.To == "":
		p.Change = "removed"
	case len(p.Added)+len(p.Removed) > 0 || p.Status != "":
		p.Change = "changed"
	}
	if p.Change != "" {
		r.Projects = append(r.Projects, p)
	}
	if p.From != "" && p.To != "" {
		r.content(name, p, from, to)
	}
}

// content compares what the newest versions need.
func (r *Review) content(name string, p Project, from, to offer) {
	before, after := from.files(p.From), to.files(p.To)
	if sameBytes(before, after) {
		return
	}
	a, okA := traitsOf(before, from.side.Facts)
	b, okB := traitsOf(after, to.side.Facts)
	if !okA || !okB {
		r.Unknown = append(r.Unknown, name)
		return
	}
	d := Dependency{
		Project: name, From: p.From, To: p.To, Added: minus(b.requires, a.requires), Removed: minus(a.requires, b.requires),
		Extras: len(minus(b.extras, a.extras)) + len(minus(a.extras, b.extras)),
	}
	if len(d.Added)+len(d.Removed)+d.Extras > 0 {
		r.Dependencies = append(r.Dependencies, d)
	}
	for _, trait := range traitNames {
		if x, y := a.trait(trait), b.trait(trait); x != y {
			r.ABI = append(r.ABI, ABI{name, trait, x, y})
		}
	}
}

func sameBytes(a, b []*index.File) bool {
	return slices.EqualFunc(a, b, func(x, y *index.File) bool { return x.SHA256 == y.SHA256 })
}

func minus(a, b []string) []string {
	var list []string
	for _, s := range a {
		if !slices.Contains(b, s) {
			list = append(list, s)
		}
	}
	return list
}

func last(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[len(list)-1]
}

// targetValues compares targets member by member.
func targetValues(a, b *index.Target) []Value {
	values := []Value{}
	before, after := members(a), members(b)
	names := slices.Collect(maps.Keys(before))
	for name := range after {
		if _, ok := before[name]; !ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		if before[name] != after[name] {
			values = append(values, Value{name, before[name], after[name]})
		}
	}
	return values
}

func members(t *index.Target) map[string]string {
	m := map[string]string{}
	if t == nil {
		return m
	}
	var raw map[string]strictjson.Raw
	data, err := strictjson.Marshal(t)
	if err == nil {
		err = strictjson.Unmarshal(data, &raw)
	}
	if err != nil {
		return m // a target that was decoded can be encoded
	}
	for name, value := range raw {
		m[name] = string(value)
	}
	return m
}
