package gate

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/pinwheel-oci/pinwheel/pkg/facts"
	"github.com/pinwheel-oci/pinwheel/pkg/wheel"
)

// numpy wants each module to be served by every NumPy that may be installed
// with it: modules compiled with the headers of NumPy 1.x fail on NumPy 2, and
// others name the oldest NumPy that has their C API.
func (j *judge) numpy(context.Context) error {
	for _, f := range j.now.files {
		if f.facts == nil || !f.counts() || f.project.name == "numpy" {
			continue
		}
		levels := map[string][]string{} // members by level
		for _, l := range f.facts.Libraries {
			if l.NumPy != "" {
				levels[l.NumPy] = append(levels[l.NumPy], l.Member)
			}
		}
		for _, level := range slices.Sorted(maps.Keys(levels)) {
			for env := range j.now.environments {
				if f.fits.has(env) {
					j.numpyServes(f, level, levels[level], env)
				}
			}
		}
	}
	return nil
}

// numpyServes judges the modules of one level in one environment.
func (j *judge) numpyServes(f *file, level string, members []string, env int) {
	list, declared := offers(j.now, f, "numpy", env)
	two, _ := wheel.ParseVersion("2.0.dev0")
	oldest, err := wheel.ParseVersion(level)
	legacy := level == facts.NumPyLegacy
	if !legacy && err != nil {
		return // facts of a newer program
	}
	var wrong []string
	for _, rel := range list {
		bad := legacy && rel.version.Compare(two) >= 0 || !legacy && rel.version.Compare(oldest) < 0
		if bad && j.now.together(f, rel, env) {
			wrong = append(wrong, rel.String())
		}
	}
	if len(wrong) == 0 {
		return
	}
	subject := "was"
	if len(members) > 1 {
		subject = fmt.Sprintf("and %d other modules were", len(members)-1)
	}
	finding := Finding{Severity: Error, Member: members[0], Requirement: texts(declared), Tried: wrong[:min(len(wrong), maxTried)]}
	if legacy {
		finding.Rule = "legacy"
		finding.Message = fmt.Sprintf("%s compiled with the headers of NumPy 1.x, and cannot be imported with %s", subject, several(wrong))
		finding.Fix = "require numpy<2, or compile it with the headers of NumPy 2"
	} else {
		finding.Rule = "too-old"
		finding.Message = fmt.Sprintf("%s compiled for the C API of NumPy %s, and cannot be imported with %s", subject, level, several(wrong))
		finding.Fix = "require numpy>=" + level + ", or remove the older NumPy"
	}
	j.addFile(f, finding, j.now.environments[env].Environment)
}
