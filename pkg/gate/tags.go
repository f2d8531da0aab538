package gate

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/pkg/wheel"
)

// tags wants every listed file to be one that an installer could choose in at
// least one environment.
func (j *judge) tags(context.Context) error {
	for _, f := range j.now.files {
		switch {
		case f.PackageType != index.Wheel && j.now.fitting(f) == 0:
			j.addFile(f, Finding{Severity: Error, Rule: "package-type", Message: "the target does not list " + f.PackageType + " among its package types",
				Fix: "publish a wheel, or add the package type to the target"})
		case j.now.fitting(f) == 0:
			j.addFile(f, Finding{Severity: Error, Rule: "outside", Message: "fits no environment of the target: " + j.whyUnfit(f),
				Fix: "build the wheel for the target, or remove it"})
		case f.fits == 0:
			j.addFile(f, Finding{Severity: Error, Rule: "requires-python", Requirement: f.RequiresPython,
				Message: fmt.Sprintf("its tags fit but Requires-Python %q admits no Python that they fit", f.RequiresPython),
				Fix:     "correct Requires-Python, or remove the wheel"})
		}
	}
	for _, p := range j.now.order {
		for _, r := range p.releases {
			if len(r.files) > 1 {
				j.shadowed(r)
				j.ambiguous(r)
			}
		}
	}
	return nil
}

// shadowed notes files that another one of the same version and tags hides by
// its build tag, and refuses those that differ from another in spelling only.
func (j *judge) shadowed(r *release) {
	best := map[string]*file{}
	for _, f := range r.files {
		if f.counts() {
			if key := f.tags(); best[key] == nil || f.name.Build.Compare(best[key].name.Build) > 0 {
				best[key] = f
			}
		}
	}
	for _, f := range r.files {
		b := best[f.tags()]
		switch {
		case b == nil || b == f || !f.counts():
		case f.name.Build.Compare(b.name.Build) < 0:
			j.addFile(f, Finding{Severity: Note, Rule: "shadowed", Message: "installers prefer " + b.Filename + ", which has a higher build tag"})
		default:
			j.addFile(f, Finding{Severity: Error, Rule: "same", Message: "is the same release, build and tags as " + b.Filename + ": which of them is installed depends on the installer",
				Fix: "remove one of them, or publish it with a higher build tag"})
		}
	}
}

// ambiguous warns of two files of one version between which installers do not
// choose alike: their best tags are equal, or differ in what pip has first and
// uv last, the platform tag linux_<arch>.
func (j *judge) ambiguous(r *release) {
	for env, e := range j.now.environments {
		b := r.best[env]
		if b == nil || !b.counts() || b.PackageType != index.Wheel {
			continue
		}
		for _, f := range r.files {
			if f == b || !f.counts() || !f.fits.has(env) || f.PackageType != index.Wheel || f.tags() == b.tags() {
				continue
			}
			why := "their best tags are equal"
			if equal := j.now.fileRank(f, env) == j.now.fileRank(b, env); !equal && !j.now.linuxFirst(f, b, env) {
				continue
			} else if !equal {
				why = "pip prefers linux_" + e.arch + ", uv and older pip prefer manylinux"
			} else if f.name.Build.Compare(b.name.Build) != 0 {
				continue
			}
			j.addFile(f, Finding{Severity: Warn, Rule: "ambiguous", Message: "some installers take this file, others " + b.Filename + ": " + why,
				Fix: "list one of them only, or retag it"}, e.Environment)
		}
	}
}

// linuxFirst reports whether f would be preferred to b were linux_<arch> the
// first of the platforms.
func (w *world) linuxFirst(f, b *file, env int) bool {
	first := func(f *file) int {
		best := unfit
		for _, tag := range f.name.Tags {
			r := w.rank(tag, env)
			if r != unfit && strings.HasPrefix(tag.Platform, "linux_") {
				r -= platformAge(tag.Platform) + 1
			}
			best = min(best, r)
		}
		return best
	}
	return first(f) < first(b)
}

func (f *file) tags() string { return tagText(f.name, f.Filename) }

// whyUnfit says which part of the file's tags fits nowhere, or that each does
// but not together.
func (j *judge) whyUnfit(f *file) string {
	var platforms, pythons []string
	for _, tag := range f.name.Tags {
		if !j.anyAdmits(func(*environment) wheel.Tag { return wheel.Tag{Python: "py3", ABI: "none", Platform: tag.Platform} }) {
			platforms = append(platforms, tag.Platform)
		}
		if !j.anyAdmits(func(e *environment) wheel.Tag {
			return wheel.Tag{Python: tag.Python, ABI: tag.ABI, Platform: e.Platform}
		}) {
			pythons = append(pythons, tag.Python+"-"+tag.ABI)
		}
	}
	t := j.in.Candidate.Target
	wanted := strings.Join(t.Platforms, ", ")
	if t.Glibc != "" {
		wanted += " with glibc up to " + t.Glibc
	}
	switch {
	case len(platforms) == len(f.name.Tags):
		return fmt.Sprintf("platform %s is not for %s", unique(platforms), wanted)
	case len(pythons) == len(f.name.Tags):
		return fmt.Sprintf("interpreter and ABI %s are not for Python %s", unique(pythons), strings.Join(t.Pythons, ", "))
	}
	return "interpreter, ABI and platform do not go together"
}

func (j *judge) anyAdmits(tag func(*environment) wheel.Tag) bool {
	for i, e := range j.now.environments {
		if j.now.rank(tag(e), i) != unfit {
			return true
		}
	}
	return false
}

func unique(list []string) string {
	slices.Sort(list)
	return several(slices.Compact(list))
}
