package gate

import (
	"context"
	"fmt"

	"github.com/pinwheel-oci/pinwheel/pkg/facts"
	"github.com/pinwheel-oci/pinwheel/pkg/wheel"
)

// numpy wants each module to be served by every NumPy that may be installed
// with it, across the candidate and the live revision too: modules compiled
// with the headers of NumPy 1.x fail on NumPy 2, and others name the oldest
// NumPy that has their C API.
func (j *judge) numpy(context.Context) error {
	before := map[string]bool{}
	if j.live != nil {
		before = shas(j.live)
	}
	for _, f := range j.now.files {
		j.numpyServes(f, j.now, within)
		if j.live != nil && !before[f.SHA256] {
			j.numpyServes(f, j.live, newWithOld)
		}
	}
	if j.live == nil {
		return nil
	}
	for _, f := range j.live.files {
		if !j.lists(f.SHA256) {
			j.numpyServes(f, j.now, oldWithNew)
			j.numpyServes(f, j.live, wasLive)
		}
	}
	return nil
}

// numpyServes judges the modules of a file with what w has of NumPy.
func (j *judge) numpyServes(f *file, w *world, kind pairing) {
	if f.facts == nil || !f.counts() || f.project.name == "numpy" {
		return
	}
	for i := range f.facts.Libraries {
		l := &f.facts.Libraries[i]
		if l.NumPy == "" {
			continue
		}
		fits := w.loading(f, *l)
		for env := range w.environments {
			if !fits.has(env) {
				continue
			}
			wrong, declared := j.numpyWrong(f, l, w, env, kind)
			if len(wrong) > 0 && !j.numpyOwnWrong(f, l, env, kind) {
				j.addFile(f, j.numpyFinding(l, wrong, texts(declared), kind), w.environments[env].Environment)
			}
		}
	}
}

// numpyWrong lists what w has of NumPy that may be installed with f and does
// not serve the module.
func (j *judge) numpyWrong(f *file, l *facts.Library, w *world, env int, kind pairing) (wrong []string, declared []*requirement) {
	legacy := l.NumPy == facts.NumPyLegacy
	two, _ := wheel.ParseVersion("2.0.dev0")
	oldest, err := wheel.ParseVersion(l.NumPy)
	if !legacy && err != nil {
		return nil, nil // facts of a newer program
	}
	list, declared := offers(w, f, "numpy", env)
	for _, rel := range list {
		if legacy && rel.version.Compare(two) < 0 || !legacy && rel.version.Compare(oldest) >= 0 {
			continue
		}
		switch best := rel.best[env]; {
		case kind == newWithOld && (best == nil || j.lists(best.SHA256)):
			continue // in the candidate, or in the base image, as well
		case kind == within && !w.together(f, rel, env):
			continue
		}
		wrong = append(wrong, rel.String())
	}
	return wrong, declared
}

// numpyOwnWrong reports, for pairs across two revisions, whether the module
// does not even go with what its own revision has: then that is the finding.
func (j *judge) numpyOwnWrong(f *file, l *facts.Library, env int, kind pairing) bool {
	own := map[pairing]*world{newWithOld: j.now, oldWithNew: j.live}[kind]
	if own == nil {
		return false
	}
	wrong, _ := j.numpyWrong(f, l, own, env, within)
	return len(wrong) > 0
}

func (j *judge) numpyFinding(l *facts.Library, wrong []string, declared string, kind pairing) Finding {
	f := Finding{Severity: Error, Rule: "too-old", Member: l.Member, Requirement: declared, Tried: wrong[:min(len(wrong), maxTried)],
		Message: fmt.Sprintf("was compiled for the C API of NumPy %s, and cannot be imported with %s", l.NumPy, several(wrong)),
		Fix:     "require numpy>=" + l.NumPy + ", or remove the older NumPy"}
	if l.NumPy == facts.NumPyLegacy {
		f.Rule, f.Fix = "legacy", "require numpy<2, or compile it with the headers of NumPy 2"
		f.Message = "was compiled with the headers of NumPy 1.x, and cannot be imported with " + several(wrong)
	}
	switch kind {
	case wasLive:
		f.liveOnly()
	case newWithOld, oldWithNew:
		j.acrossRevisions(&f, kind)
	}
	return f
}
