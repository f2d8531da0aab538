package gate

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// maxConflicts bounds how many conflicts of one run are worked out.
const maxConflicts = 300

// installable wants, for each project and environment, a version that can be
// installed together with everything that it needs.
func (j *judge) installable(ctx context.Context) error {
	for env := range j.now.environments {
		r := j.now.resolver(resolverKey{env: env})
		for _, p := range j.now.order {
			if err := ctx.Err(); err != nil {
				return context.Cause(ctx)
			}
			if p.offered && len(p.files) > 0 {
				j.projectInstallable(r, p)
			}
		}
	}
	return nil
}

func (j *judge) projectInstallable(r *resolver, p *project) {
	var good, bad []*release
	for _, rel := range p.releases {
		if rel.best[r.env] == nil || rel.yanked.has(r.env) {
			continue
		}
		if r.installable(rel) {
			good = append(good, rel)
		} else {
			bad = append(bad, rel)
		}
	}
	where := r.world.environments[r.env].Environment
	switch {
	case len(good) == 0 && len(bad) == 0:
		j.nothingFits(r, p)
	case len(good) == 0:
		newest := bad[0]
		j.addFile(newest.best[r.env], Finding{Severity: Error, Rule: "none", Tried: names(bad), Message: "no version can be installed: " + j.explain(r, newest),
			Fix: "publish what is missing, or versions that agree"}, where)
	case len(bad) > 0 && bad[0].id < good[0].id: // newest first
		j.addFile(bad[0].best[r.env], Finding{Severity: Warn, Rule: "newest", Tried: names(bad),
			Message: fmt.Sprintf("cannot be installed, the newest version that can is %s: %s", good[0].text, j.explain(r, bad[0])),
			Fix:     "publish what is missing, or versions that agree"}, where)
		bad = bad[1:]
		fallthrough
	default:
		for _, rel := range bad {
			j.addFile(rel.best[r.env], Finding{Severity: Note, Rule: "version", Message: "this version cannot be installed: " + j.explain(r, rel)}, where)
		}
	}
}

func names(releases []*release) []string {
	var list []string
	for _, rel := range releases[:min(len(releases), maxTried)] {
		list = append(list, rel.String())
	}
	return list
}

// nothingFits reports a project that has files for the platform, but none for
// this Python. Whole platforms are the business of the gate architectures.
func (j *judge) nothingFits(r *resolver, p *project) {
	here := r.world.environments[r.env]
	platform, excluded := false, true
	for _, f := range p.files {
		if !f.counts() {
			continue
		}
		for env, e := range r.world.environments {
			platform = platform || e.Platform == here.Platform && f.fits.has(env)
		}
		if r.world.admitsPython(f.RequiresPython).has(r.env) {
			excluded = false
		}
	}
	if !platform {
		return
	}
	newest := p.releases[slices.IndexFunc(p.releases, func(rel *release) bool { return len(rel.files) > 0 })]
	f := Finding{Severity: Error, Rule: "no-file", Project: p.name, Version: newest.text, Message: "has no file for this Python, but for another one of the platform",
		Fix: "build a wheel for it"}
	if excluded {
		f.Severity, f.Rule, f.Fix = Note, "not-for-python", ""
		f.Message = "is not for this Python by its Requires-Python"
	}
	j.add(f, here.Environment)
}

// explain says in words why a release cannot be installed.
func (j *judge) explain(r *resolver, rel *release) string {
	if j.conflicts++; j.conflicts > maxConflicts {
		return "there are too many conflicts to work out each"
	}
	s, ok := r.search(rel)
	if ok {
		return "" // not reached: it is not installable
	}
	var order []string
	versions := map[string][]string{}
	for _, k := range s.conflict() {
		d := r.needs(k.node)[k.index]
		text := k.node.release.project.name
		if k.node.extra != "" {
			text += "[" + k.node.extra + "]"
		}
		text += " %s " + strings.ReplaceAll(r.demand(d), "%", "%%")
		if versions[text] == nil {
			order = append(order, text)
		}
		versions[text] = append(versions[text], k.node.release.text)
	}
	parts := make([]string, len(order))
	for i, text := range order {
		list := slices.Compact(versions[text])
		verb := " needs"
		if len(list) > 1 {
			verb = " need"
		}
		parts[i] = fmt.Sprintf(text, several(list)+verb)
	}
	return strings.Join(parts, "; ")
}

// demand is a need in words.
func (r *resolver) demand(d dep) string {
	text := d.requirement.bare()
	switch {
	case d.free > 0:
		return text
	case len(d.options) > 0:
		return text + " (only " + several(names(d.options)) + ", yanked or a pre-release)"
	}
	if has := r.world.available(d.requirement.project, r.env); len(has) > 0 {
		return text + " (the index has " + several(has) + ")"
	}
	return text + " (the index has none)"
}
