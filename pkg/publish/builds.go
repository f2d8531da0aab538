package publish

import (
	"slices"

	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/pkg/wheel"
)

// replaceBuilds leaves of wheels that differ in their build tag only the highest,
// where one of them was given. Given ones that it takes out are skipped.
func (d *draft) replaceBuilds(given []Candidate) {
	out := map[string]bool{}
	for _, c := range given {
		name := c.Info.Filename
		added, err := wheel.ParseFilename(name)
		if err != nil {
			continue // an sdist has no build tag
		}
		p := d.projects[added.Project]
		before := len(p.Files)
		out[name] = slices.ContainsFunc(p.Files, func(f index.File) bool { return compareBuilds(f.Filename, added) > 0 })
		p.Files = slices.DeleteFunc(p.Files, func(f index.File) bool { return out[f.Filename] || compareBuilds(f.Filename, added) < 0 })
		d.touched[p.Name] = d.touched[p.Name] || len(p.Files) < before
	}
	for _, c := range given {
		name := c.Info.Filename
		if out[name] || !d.lists(name) {
			d.skipped = append(d.skipped, name)
		}
	}
	slices.Sort(d.skipped)
	d.uploads = slices.DeleteFunc(d.uploads, func(u Upload) bool { return slices.Contains(d.skipped, u.File.Filename) })
}

func (d *draft) lists(filename string) bool {
	f, err := wheel.ParseAnyFilename(filename)
	if err != nil {
		return false
	}
	_, listed := findFile(d.projects[f.Project].Files, filename)
	return listed
}

// compareBuilds compares the build tags of wheels that differ in nothing else; it
// is 0 for others.
func compareBuilds(filename string, other wheel.Filename) int {
	f, err := wheel.ParseFilename(filename)
	if err != nil || f.Version.Compare(other.Version) != 0 || !sameTags(f.Tags, other.Tags) {
		return 0
	}
	return f.Build.Compare(other.Build)
}

func sameTags(a, b []wheel.Tag) bool {
	set := map[wheel.Tag]bool{}
	for _, t := range a {
		set[t] = true
	}
	for _, t := range b {
		if !set[t] {
			return false
		}
	}
	return len(a) == len(b) && len(a) > 0
}
