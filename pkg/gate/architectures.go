package gate

import (
	"context"
	"fmt"
	"slices"

	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/pkg/wheel"
)

// architectures wants each project in the same versions on every platform of
// the target. Local versions count as the public ones: builds for different
// processors often differ in them, as in build tags.
func (j *judge) architectures(context.Context) error {
	t := j.in.Candidate.Target
	used := map[string]bool{}
	for _, p := range j.now.order {
		if len(p.files) == 0 || !p.offered {
			continue
		}
		i := slices.IndexFunc(t.Partial, func(x index.Partial) bool { return x.Project == p.name })
		wanted := t.Platforms
		if i >= 0 {
			used[p.name] = true
			wanted = t.Partial[i].Platforms
		}
		versions := j.now.versionsByPlatform(p)
		j.sameVersions(p, wanted, versions)
		if i >= 0 && len(wanted) < len(t.Platforms) && j.everywhere(t.Platforms, versions) {
			j.add(Finding{Severity: Warn, Rule: "partial", Project: p.name, Message: "is declared to be for some platforms only, but is there for all",
				Fix: "remove it from the partial projects of the target"})
		}
	}
	for _, x := range t.Partial {
		if !used[x.Project] {
			j.add(Finding{Severity: Note, Rule: "partial-unused", Project: x.Project, Message: "is declared to be for some platforms only, but not in the index"})
		}
	}
	return nil
}

// version is a public version with the platforms that have it.
type version struct {
	wheel.Version
	on map[string]bool
}

// versionsByPlatform lists the public versions of what is offered, newest
// first.
func (w *world) versionsByPlatform(p *project) []*version {
	var list []*version
	for _, rel := range p.releases {
		public := rel.version.Public()
		for _, f := range rel.files {
			if !f.counts() {
				continue
			}
			i := slices.IndexFunc(list, func(v *version) bool { return v.Equal(public) })
			if i < 0 {
				i = len(list)
				list = append(list, &version{public, map[string]bool{}})
			}
			for env, e := range w.environments {
				if f.fits.has(env) {
					list[i].on[e.Platform] = true
				}
			}
		}
	}
	return slices.DeleteFunc(list, func(v *version) bool { return len(v.on) == 0 })
}

func (v *version) missing(platforms []string) []string {
	var list []string
	for _, p := range platforms {
		if !v.on[p] {
			list = append(list, p)
		}
	}
	return list
}

func (j *judge) everywhere(platforms []string, versions []*version) bool {
	return slices.ContainsFunc(versions, func(v *version) bool { return len(v.missing(platforms)) == 0 })
}

func (j *judge) sameVersions(p *project, wanted []string, versions []*version) {
	if len(versions) == 0 {
		return // nothing fits, as the gate tags says
	}
	for _, platform := range wanted {
		if where := j.platform(platform); len(where) > 0 && !slices.ContainsFunc(versions, func(v *version) bool { return v.on[platform] }) {
			j.add(Finding{Severity: Error, Rule: "missing", Project: p.name, Version: versions[0].String(), Message: "has no version at all for " + platform,
				Fix: "publish it for that platform, or declare the project as partial in the target"}, where...)
		}
	}
	anywhere := func(v *version) []string { // platforms that lack v but have another version
		return slices.DeleteFunc(v.missing(wanted), func(platform string) bool {
			return !slices.ContainsFunc(versions, func(o *version) bool { return o.on[platform] })
		})
	}
	complete := slices.IndexFunc(versions, func(v *version) bool { return len(anywhere(v)) == 0 })
	for i, v := range versions {
		lacking := anywhere(v)
		if len(lacking) == 0 {
			continue
		}
		f := Finding{Severity: Note, Rule: "older", Project: p.name, Version: v.String(), Message: fmt.Sprintf("this older version is not there for %s", several(lacking))}
		switch {
		case complete < 0:
			f.Severity, f.Rule, f.Fix = Error, "uneven", "publish one version for all platforms"
			f.Message = fmt.Sprintf("is not there for %s, and no other version is there for all platforms", several(lacking))
		case i < complete:
			f.Severity, f.Rule, f.Fix = Warn, "building", "publish the missing wheels, or wait for them"
			f.Message = fmt.Sprintf("is not yet there for %s, where %s is the newest that all platforms have", several(lacking), versions[complete].String())
		}
		var where []Environment
		for _, platform := range lacking {
			where = append(where, j.platform(platform)...)
		}
		j.add(f, where...)
	}
}

// platform lists the environments of a platform.
func (j *judge) platform(name string) []Environment {
	var list []Environment
	for _, e := range j.now.environments {
		if e.Platform == name {
			list = append(list, e.Environment)
		}
	}
	return list
}
