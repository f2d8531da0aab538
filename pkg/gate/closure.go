package gate

import (
	"context"
	"fmt"
	"slices"

	"github.com/pinwheel-oci/pinwheel/pkg/wheel"
)

// closure wants every requirement of every listed file to be met inside the
// index, or by the base image, in each environment where the file fits, and that
// of the extras which others in the index ask for.
func (j *judge) closure(context.Context) error {
	asked := j.now.askedExtras()
	for _, f := range j.now.files {
		if f.facts == nil || !f.counts() {
			continue
		}
		for i := range f.requires {
			j.requirementMet(f, f.requires[i])
		}
		j.extras(f, asked)
	}
	return nil
}

// askedExtras has each "project[extra]" that a requirement of the index names
// where the requirement itself holds without extras.
func (w *world) askedExtras() map[string]bool {
	asked := map[string]bool{}
	for _, f := range w.files {
		for _, r := range f.requires {
			if r.in("")&f.fits == 0 {
				continue
			}
			for _, extra := range r.extras {
				asked[r.project+"["+extra+"]"] = true
			}
		}
	}
	return asked
}

// requirementMet judges a requirement of the file alone.
func (j *judge) requirementMet(f *file, r *requirement) {
	if r.broken != nil {
		j.addFile(f, Finding{Severity: Error, Rule: "unreadable", Requirement: r.text, Message: fmt.Sprintf("requirement cannot be read: %v", r.broken),
			Fix: "correct Requires-Dist and rebuild the wheel"})
		return
	}
	holds := r.in("") & f.fits
	for env, e := range j.now.environments {
		if !holds.has(env) {
			continue
		}
		if finding, ok := j.unmet(r, env); ok {
			j.addFile(f, finding, e.Environment)
			continue
		}
		j.onlyYanked(f, r, env)
		for _, extra := range r.extras {
			j.extraProvided(f, r, extra, env)
		}
	}
}

// onlyYanked warns of a pin that only yanked files meet: pip takes them, uv
// does so for what users pin themselves only.
func (j *judge) onlyYanked(f *file, r *requirement, env int) {
	list := j.now.admit(r, env)
	if slices.ContainsFunc(list, func(rel *release) bool { return !rel.yanked.has(env) }) {
		return
	}
	j.addFile(f, Finding{Severity: Warn, Rule: "yanked", Requirement: r.text, Tried: names(list),
		Message: fmt.Sprintf("needs %s, of which all files are yanked: pip installs them, uv refuses", r.bare()),
		Fix:     "publish a wheel that admits another version, or yank this one too"}, j.now.environments[env].Environment)
}

// unmet describes a requirement that nothing meets.
func (j *judge) unmet(r *requirement, env int) (Finding, bool) {
	if len(j.now.admit(r, env)) > 0 {
		return Finding{}, false
	}
	f := Finding{Severity: Error, Rule: "unmet", Requirement: r.text}
	switch tried := j.now.available(r.project, env); {
	case r.url != "":
		f.Rule, f.Message = "url", fmt.Sprintf("needs %s from a URL, which no index can meet", r.project)
		f.Fix = "require a version, and publish it"
	case len(tried) > 0:
		f.Tried = tried
		f.Message = fmt.Sprintf("needs %s, which no version in the index meets", r.bare())
		f.Fix = "publish a version that it admits, or a wheel that admits a version in the index"
	case j.now.projects[r.project] != nil && !j.now.projects[r.project].offered:
		f.Rule, f.Message = "quarantined", fmt.Sprintf("needs %s, which is quarantined", r.bare())
		f.Fix = "end the quarantine, or remove the wheel too"
	default:
		f.Rule, f.Message = "missing", fmt.Sprintf("needs %s, of which the index has nothing for this environment", r.bare())
		f.Fix = "publish " + r.project + " too"
	}
	return f, true
}

// extraProvided warns of an extra that no admitted version declares. pip goes on
// without it; uv installs what Requires-Dist has for it all the same.
func (j *judge) extraProvided(f *file, r *requirement, extra string, env int) {
	var tried []string
	means := false
	for _, rel := range j.now.admit(r, env) {
		best := rel.best[env]
		if best == nil || best.facts == nil || hasExtra(best, extra) {
			return
		}
		tried = append(tried, rel.String())
		means = means || slices.ContainsFunc(best.requires, func(of *requirement) bool { return of.in(extra).has(env) && !of.in("").has(env) })
	}
	finding := Finding{Severity: Warn, Rule: "extra-unknown", Requirement: r.text, Tried: tried[:min(len(tried), maxTried)],
		Message: fmt.Sprintf("asks for the extra %q of %s, which no admitted version has: installers go on without it", extra, r.project),
		Fix:     "correct Requires-Dist"}
	if means {
		finding.Message = fmt.Sprintf("asks for the extra %q of %s, which no admitted version declares: pip goes on without it, uv installs what Requires-Dist has for it", extra, r.project)
		finding.Fix = "declare the extra with Provides-Extra, or correct Requires-Dist"
	}
	j.addFile(f, finding, j.now.environments[env].Environment)
}

func hasExtra(f *file, extra string) bool {
	return slices.ContainsFunc(f.facts.Extras, func(e string) bool { return wheel.NormalizeName(e) == extra })
}

// extras judges what the extras of the file need more. What nobody in the index
// asks for is one note: few indexes mean to have the test tools of each project.
func (j *judge) extras(f *file, asked map[string]bool) {
	for env, e := range j.now.environments {
		var idle []string
		for _, extra := range f.facts.Extras {
			extra = wheel.NormalizeName(extra)
			missing := j.extraMissing(f, extra, env)
			switch {
			case len(missing) == 0:
			case asked[f.project.name+"["+extra+"]"]:
				j.addFile(f, Finding{Severity: Error, Rule: "extra", Requirement: extra,
					Message: fmt.Sprintf("its extra %q, which another wheel asks for, cannot be installed: the index does not have %s", extra, several(missing)),
					Fix:     "publish what the extra needs"}, e.Environment)
			default:
				idle = append(idle, extra)
			}
		}
		if len(idle) > 0 {
			j.addFile(f, Finding{Severity: Note, Rule: "extra-incomplete", Message: "the index does not have all that its extras need: " + several(idle)}, e.Environment)
		}
	}
}

// extraMissing lists what an extra needs and the index does not have.
func (j *judge) extraMissing(f *file, extra string, env int) []string {
	var missing []string
	for _, r := range f.requires {
		if r.broken != nil || !r.in(extra).has(env) || r.in("").has(env) || !f.fits.has(env) {
			continue
		}
		if _, ok := j.unmet(r, env); ok {
			missing = append(missing, r.bare())
		}
	}
	return missing
}
