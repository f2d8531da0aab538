package publish

import (
	"strings"

	"github.com/pinwheel-oci/pinwheel/pkg/artifact"
	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/pkg/wheel"
)

// Selector names files of an index: one by its file name, or those of a
// project, all or some versions. The zero value matches nothing.
type Selector struct {
	text       string
	filename   string
	sha256     string // of a file that the index need not know any more
	project    string
	specifiers wheel.Specifiers
}

// ParseSelector reads "demo-1.0-py3-none-any.whl", that name with
// "@sha256:<64 digits>", "demo", or "demo>=1,<2" (PEP 440; pre-releases count
// like all others). What is wrong with it is an [InputError].
func ParseSelector(s string) (Selector, error) {
	name, hash, hasHash := strings.Cut(s, "@sha256:")
	if f, err := wheel.ParseAnyFilename(name); err == nil {
		if hasHash && !artifact.IsSHA256(hash) {
			return Selector{}, input("%s: want 64 lower-case hexadecimal digits after sha256:", s)
		}
		return Selector{text: s, filename: name, sha256: hash, project: f.Project}, nil
	}
	r, err := wheel.ParseRequirement(s)
	if err != nil {
		return Selector{}, input("%q is neither the name of a file nor a project with versions, such as demo-1.0-py3-none-any.whl, demo or demo==1.0: %v", s, err)
	}
	if len(r.Extras) > 0 || r.URL != "" || !r.Marker.IsZero() {
		return Selector{}, input("%q: extras, addresses and markers select no files; give a project and versions, such as demo==1.0", s)
	}
	return Selector{text: s, project: r.Project(), specifiers: r.Specifiers}, nil
}

// String is the selector as it was given.
func (s Selector) String() string { return s.text }

// Matches reports whether the selector names f.
func (s Selector) Matches(f *index.File) bool {
	if s.filename != "" {
		return s.filename == f.Filename && (s.sha256 == "" || s.sha256 == f.SHA256)
	}
	parsed, err := wheel.ParseAnyFilename(f.Filename)
	return err == nil && s.project == parsed.Project && (s.specifiers.IsZero() || s.specifiers.Contains(parsed.Version, true))
}
