package gate_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/pinwheel-oci/pinwheel/pkg/artifact"
	"github.com/pinwheel-oci/pinwheel/pkg/facts"
	"github.com/pinwheel-oci/pinwheel/pkg/gate"
	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/pkg/wheel"
)

var now = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

// entry is one file of a revision and what is known of it.
type entry struct {
	name       string
	python     string // Requires-Python
	yanked     bool
	provenance bool
	unknown    bool   // no facts
	salt       string // makes other bytes of the same name
	facts      facts.Wheel
	exports    []string
}

func (e entry) sha() string {
	sum := sha256.Sum256([]byte(e.name + e.salt))
	return hex.EncodeToString(sum[:])
}

// file is a wheel with requirements.
func file(name string, requires ...string) entry {
	slices.Sort(requires)
	return entry{name: name, facts: facts.Wheel{Requires: requires}}
}

// pure is a wheel for every Python and platform.
func pure(release string, requires ...string) entry {
	return file(release+"-py3-none-any.whl", requires...)
}

// native is a wheel for Python 3.12 on x86_64.
func native(release string, requires ...string) entry {
	return file(release+"-cp312-cp312-linux_x86_64.whl", requires...)
}

func (e entry) with(libraries ...facts.Library) entry {
	e.facts.Libraries = libraries
	return e
}

func (e entry) extras(names ...string) entry { e.facts.Extras = names; return e }

func (e entry) built(requirements ...string) entry {
	e.facts.BuildRequires = requirements
	return e
}

func (e entry) exporting(symbols ...string) entry { e.exports = symbols; return e }

func (e entry) yank() entry { e.yanked = true; return e }

func (e entry) onPython(python string) entry { e.python = python; return e }

// module is a library that Python imports.
func module(member string, needed ...string) facts.Library {
	name, _, _ := strings.Cut(member[strings.LastIndexByte(member, '/')+1:], ".")
	return facts.Library{Member: member, Machine: "x86_64", Modules: []string{name}, Needed: needed}
}

// plain is a library that Python does not import.
func plain(member string, needed ...string) facts.Library {
	return facts.Library{Member: member, Machine: "x86_64", Needed: needed}
}

func importing(l facts.Library, symbols ...string) facts.Library { l.Imports = symbols; return l }

// target is Python 3.12 on x86_64; change makes it another one.
func target(change ...func(*index.Target)) *index.Target {
	t := &index.Target{Pythons: []string{"3.12"}, Platforms: []string{"linux_x86_64"}, Glibc: "2.34", Glibcxx: "3.4.29"}
	for _, c := range change {
		c(t)
	}
	return t
}

func pythons(list ...string) func(*index.Target) { return func(t *index.Target) { t.Pythons = list } }

func platforms(list ...string) func(*index.Target) {
	return func(t *index.Target) { t.Platforms = list }
}

func base(libraries ...string) func(*index.Target) {
	slices.Sort(libraries)
	return func(t *index.Target) {
		for _, p := range t.Platforms {
			t.Base = append(t.Base, index.Base{Platform: p, Libraries: libraries})
		}
	}
}

func installed(name, version string) func(*index.Target) {
	return func(t *index.Target) {
		for i := range t.Base {
			t.Base[i].Python = map[string]map[string]string{}
			for _, python := range t.Pythons {
				t.Base[i].Python[python] = map[string]string{name: version}
			}
		}
	}
}

func accelerator(kind, version string) func(*index.Target) {
	return func(t *index.Target) { t.Accelerator = &index.Accelerator{Kind: kind, Version: version} }
}

func pin(project, specifier string) func(*index.Target) {
	return func(t *index.Target) { t.Pins = map[string]string{project: specifier} }
}

func mode(name, mode string) func(*index.Target) {
	return func(t *index.Target) { t.Gates = map[string]string{name: mode} }
}

func waive(gateName, project, versions string, expires time.Time) func(*index.Target) {
	return func(t *index.Target) {
		t.Waivers = append(t.Waivers, index.Waiver{Gate: gateName, Project: project, Versions: versions, Expires: expires, Reason: "known", Ticket: "T-1"})
	}
}

// status marks a project of the catalog (PEP 792).
func status(project, status string) func(*gate.Input) {
	return func(in *gate.Input) {
		for i := range in.Candidate.Projects {
			if p := &in.Candidate.Projects[i]; p.Name == project {
				p.Status = &index.Status{Status: status}
			}
		}
	}
}

// known is what is known of the files of all revisions of a test.
type known struct {
	facts   map[string]*facts.Wheel
	exports map[string][]string
}

func (k *known) catalog(t testing.TB, serial uint64, target *index.Target, entries []entry) *index.Catalog {
	t.Helper()
	c := &index.Catalog{
		Format: index.FormatVersion, Product: "rhai", Series: "3.4", Variant: "cpu-ubi9", Epoch: 1, Serial: serial,
		Issued: now, Target: target, Projects: []index.Project{},
	}
	byName := map[string][]index.File{}
	for _, e := range entries {
		name, err := wheel.ParseAnyFilename(e.name)
		if err != nil {
			t.Fatal(err)
		}
		blob := artifact.Blob{Digest: digest.FromString("manifest of " + e.sha()), Size: 500}
		f := index.File{
			Filename: e.name, Manifest: blob, PackageType: name.Type, RequiresPython: e.python, SHA256: e.sha(), Size: 1000,
			UploadTime: now, Version: name.Version.String(),
		}
		if name.Type == index.Wheel {
			f.Metadata = &index.Hash{SHA256: e.sha(), Size: 100}
		}
		if e.yanked {
			f.Yanked = new(string)
		}
		if e.provenance {
			f.Provenance = &blob
		}
		byName[name.Project] = append(byName[name.Project], f)
		if !e.unknown {
			w := e.facts
			w.SHA256 = e.sha()
			k.facts[e.sha()] = &w
		}
		if e.exports != nil {
			k.exports[e.sha()] = e.exports
		}
	}
	for name, files := range byName {
		slices.SortFunc(files, func(a, b index.File) int { return strings.Compare(a.Filename, b.Filename) })
		c.Projects = append(c.Projects, index.Project{Changed: serial, Name: name, Files: files})
	}
	slices.SortFunc(c.Projects, func(a, b index.Project) int { return strings.Compare(a.Name, b.Name) })
	if err := c.Check(); err != nil {
		t.Fatalf("the test's catalog: %v", err)
	}
	return c
}

func newKnown() *known {
	return &known{facts: map[string]*facts.Wheel{}, exports: map[string][]string{}}
}

func (k *known) input(c *index.Catalog) gate.Input {
	return gate.Input{
		Candidate: c,
		Facts:     func(sha string) *facts.Wheel { return k.facts[sha] },
		Exports: func(_ context.Context, sha string) (*facts.Exports, error) {
			if k.exports[sha] == nil {
				return nil, nil
			}
			return &facts.Exports{SHA256: sha, Symbols: k.exports[sha]}, nil
		},
		Now: now,
	}
}

// row is one revision and all that the gates say of it.
type row struct {
	name   string
	target *index.Target
	files  []entry
	live   []entry       // nil for no live revision
	before *index.Target // of the live revision, if not the same
	change func(*gate.Input)
	// want is "severity gate/rule project version", as reports are sorted.
	want []string
}

func (r row) run(t *testing.T) *gate.Report {
	t.Helper()
	k := newKnown()
	in := k.input(k.catalog(t, 7, r.target, r.files))
	if r.live != nil {
		before := r.before
		if before == nil {
			before = r.target
		}
		in.Live = k.catalog(t, 6, before, r.live)
	}
	if r.change != nil {
		r.change(&in)
	}
	report, err := gate.Run(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// lines are the findings in the form of row.want, each once.
func lines(r *gate.Report) []string {
	var list []string
	for _, f := range r.Findings {
		severity := f.Severity
		if f.Waived != nil {
			severity = "waived"
		}
		line := strings.Join(strings.Fields(severity+" "+f.Gate+"/"+f.Rule+" "+f.Project+" "+f.Version), " ")
		if !slices.Contains(list, line) {
			list = append(list, line)
		}
	}
	return list
}
