package gate

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/pkg/wheel"
)

// stoodFor is the SHA-256 that a file name stood for before, by the ledger or,
// should that know less, by the live revision; "" if it is new.
func (j *judge) stoodFor(name string) string {
	if before, ok := j.in.Names[name]; ok || j.in.Live == nil {
		return before
	}
	return j.liveNames()[name]
}

// liveNames are the names of the live revision, those that it gave up included.
func (j *judge) liveNames() map[string]string {
	if j.before == nil && j.in.Live != nil {
		j.before = map[string]string{}
		for _, f := range j.in.Live.Files {
			j.before[f.Filename] = f.SHA256
		}
		for _, r := range j.in.Live.Retired {
			j.before[r.File.Filename] = r.File.SHA256
		}
		for _, w := range j.in.Live.Withdrawn {
			j.before[w.Filename] = w.SHA256
		}
	}
	return j.before
}

// respelled refuses new names that are an old one spelled in another way, with
// other bytes: what users get for a release changes, and installers differ in
// which of them they take.
func (j *judge) respelled(fresh []*file) {
	if len(fresh) == 0 {
		return
	}
	projects := map[string]bool{}
	for _, f := range fresh {
		projects[f.project.name] = true
	}
	old := map[string][]string{} // old names by what they stand for
	for _, names := range []map[string]string{j.in.Names, j.liveNames()} {
		for name := range names {
			// Only what may be of these projects is worth parsing.
			if stem, _, _ := strings.Cut(name, "-"); strings.HasSuffix(name, ".whl") && !projects[wheel.NormalizeName(stem)] {
				continue
			}
			if parsed, err := wheel.ParseAnyFilename(name); err == nil && projects[parsed.Project] {
				key := identity(parsed, name)
				old[key] = append(old[key], name)
			}
		}
	}
	for _, f := range fresh {
		names := old[identity(f.name, f.Filename)]
		if len(names) == 0 || slices.ContainsFunc(names, func(name string) bool { return j.stoodFor(name) == f.SHA256 }) {
			continue
		}
		name := slices.Min(names)
		j.addFile(f, Finding{Severity: Error, Rule: "name",
			Message: fmt.Sprintf("is %s, spelled in another way, which stood for other bytes before: sha256 %s, now %s", name, j.stoodFor(name), f.SHA256),
			Fix:     "publish it with a higher build tag or version"})
	}
}

// identity is equal for file names that installers do not tell apart: project,
// version, build tag and tags, however they are spelled.
func identity(n wheel.Filename, name string) string {
	return strings.Join([]string{n.Project, n.Version.Key(), n.Build.String(), tagText(n, name)}, "\x00")
}

// tagText is equal for files with the same tags; sdists have their kind.
func tagText(n wheel.Filename, name string) string {
	if n.Type != index.Wheel {
		return n.Type + path.Ext(name)
	}
	texts := make([]string, len(n.Tags))
	for i, t := range n.Tags {
		texts[i] = t.String()
	}
	slices.Sort(texts)
	return strings.Join(slices.Compact(texts), " ")
}
