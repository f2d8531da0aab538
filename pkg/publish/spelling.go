package publish

import (
	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/pkg/wheel"
)

// knownWheel is a wheel that the index has or had, or that is being added.
type knownWheel struct {
	wheel.Filename
	filename, sha256 string
}

func (k *knownWheel) same(other *knownWheel) bool {
	return k.Project == other.Project && k.Version.Compare(other.Version) == 0 && k.Build.Compare(other.Build) == 0 && sameTags(k.Tags, other.Tags)
}

// group remembers wheels by project, parsed once.
func (d *draft) group(known map[string]index.File) {
	d.wheels = map[string][]knownWheel{}
	for name, f := range known {
		if parsed, err := wheel.ParseFilename(name); err == nil {
			d.wheels[parsed.Project] = append(d.wheels[parsed.Project], knownWheel{parsed, name, f.SHA256})
		}
	}
}

// checkSpelling refuses a wheel that is another one in all but the spelling of its
// name or version (a-1.0 and a-1.0.0): installers differ in which they take, and so
// the bytes behind one release would change.
func (d *draft) checkSpelling(c Candidate) error {
	parsed, err := wheel.ParseFilename(c.Info.Filename)
	if err != nil {
		return nil // of sdists installers take any
	}
	given := knownWheel{parsed, c.Info.Filename, c.Info.SHA256}
	for _, k := range d.wheels[given.Project] {
		if k.filename != given.filename && k.sha256 != given.sha256 && k.same(&given) {
			return input("publish %s: the index has %s, which is the same wheel by another spelling, with other bytes: installers differ in which they take; rebuild with a higher build tag", c.Path, k.filename)
		}
	}
	d.wheels[given.Project] = append(d.wheels[given.Project], given)
	return nil
}
