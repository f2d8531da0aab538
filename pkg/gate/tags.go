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
			j.shadowed(r)
		}
	}
	return nil
}

// shadowed notes files that another one of the same version and tags hides by
// its build tag.
func (j *judge) shadowed(r *release) {
	best := map[string]*file{}
	for _, f := range r.files {
		if f.counts() && f.PackageType == index.Wheel {
			if key := tagText(f); best[key] == nil || f.name.Build.Compare(best[key].name.Build) > 0 {
				best[key] = f
			}
		}
	}
	for _, f := range r.files {
		if b := best[tagText(f)]; b != nil && b != f && f.counts() {
			j.addFile(f, Finding{Severity: Note, Rule: "shadowed", Message: "installers prefer " + b.Filename + ", which has a higher build tag"})
		}
	}
}

func tagText(f *file) string {
	texts := make([]string, len(f.name.Tags))
	for i, t := range f.name.Tags {
		texts[i] = t.String()
	}
	slices.Sort(texts)
	return strings.Join(texts, " ")
}

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
