package gate

import (
	"context"
	"fmt"

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
		for _, l := range f.facts.Libraries {
			for env := range j.now.environments {
				if l.NumPy != "" && f.fits.has(env) {
					j.numpyServes(f, &l, env)
				}
			}
		}
	}
	return nil
}

// numpyServes judges a module in one environment.
func (j *judge) numpyServes(f *file, l *facts.Library, env int) {
	list, declared := offers(j.now, f, "numpy", env)
	two, _ := wheel.ParseVersion("2.0.dev0")
	oldest, err := wheel.ParseVersion(l.NumPy)
	legacy := l.NumPy == facts.NumPyLegacy
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
	finding := Finding{Severity: Error, Member: l.Member, Requirement: texts(declared), Tried: wrong[:min(len(wrong), maxTried)]}
	if legacy {
		finding.Rule = "legacy"
		finding.Message = "was compiled with the headers of NumPy 1.x, and cannot be imported with " + several(wrong)
		finding.Fix = "require numpy<2, or compile it with the headers of NumPy 2"
	} else {
		finding.Rule = "too-old"
		finding.Message = fmt.Sprintf("was compiled for the C API of NumPy %s, and cannot be imported with %s", l.NumPy, several(wrong))
		finding.Fix = "require numpy>=" + l.NumPy + ", or remove the older NumPy"
	}
	j.addFile(f, finding, j.now.environments[env].Environment)
}
