package index

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/pinwheel-oci/pinwheel/pkg/artifact"
	"github.com/pinwheel-oci/pinwheel/pkg/wheel"
)

// Target declares the environments that the wheels of an index are for. A file
// is within the target if an installer could choose it in at least one of them.
type Target struct {
	// Glibc is the highest manylinux level, such as "2.34"; none means that
	// only linux_<arch> and any fit.
	Glibc string `json:"glibc,omitempty"`
	// PackageTypes that may be listed; none means wheels only.
	PackageTypes []string `json:"package-types,omitempty"`
	// Platforms such as "linux_x86_64", ascending.
	Platforms []string `json:"platforms"`
	// Pythons such as "3.12" (CPython) or "3.14t" (free-threaded), ascending as strings.
	Pythons []string `json:"pythons"`
}

var (
	pythonPattern   = regexp.MustCompile(`^3\.([1-9]?[0-9])(t?)$`)
	glibcPattern    = regexp.MustCompile(`^2\.([1-9][0-9]?)$`)
	platformPattern = regexp.MustCompile(`^linux_[a-z0-9_]{2,32}$`)
	manylinux       = regexp.MustCompile(`^manylinux_2_([0-9]{1,3})_([a-z0-9_]{2,32})$`)
	interpreter     = regexp.MustCompile(`^(cp|py)3([0-9]*)$`)
)

// legacyManylinux gives the glibc 2.x of the tags older than PEP 600.
var legacyManylinux = map[string]int{"manylinux1_": 5, "manylinux2010_": 12, "manylinux2014_": 17}

// Check holds the target against docs/format.md, rule "target".
func (t *Target) Check() error {
	if len(t.Pythons) == 0 || len(t.Platforms) == 0 {
		return artifact.Violates("target", "at least one Python and one platform")
	}
	if t.Glibc != "" && !glibcPattern.MatchString(t.Glibc) {
		return artifact.Violates("target", "glibc %q", t.Glibc)
	}
	if err := checkList("pythons", t.Pythons, pythonPattern.MatchString); err != nil {
		return err
	}
	if err := checkList("platforms", t.Platforms, platformPattern.MatchString); err != nil {
		return err
	}
	return checkList("package-types", t.PackageTypes, func(s string) bool { return s == Wheel || s == Sdist })
}

func checkList(what string, list []string, ok func(string) bool) error {
	last := ""
	for _, s := range list {
		if !ok(s) {
			return artifact.Violates("target", "%s: %q", what, s)
		}
		if s <= last {
			return artifact.Violates("order", "target %s: %q after %q", what, s, last)
		}
		last = s
	}
	return nil
}

// Admits reports whether f is within the target. A nil target admits all.
func (t *Target) Admits(f *File) bool {
	if t == nil {
		return true
	}
	if f.PackageType != Wheel {
		return contains(t.PackageTypes, f.PackageType)
	}
	if len(t.PackageTypes) > 0 && !contains(t.PackageTypes, Wheel) {
		return false
	}
	name, err := wheel.ParseFilename(f.Filename)
	if err != nil {
		return false
	}
	for _, tag := range name.Tags {
		if t.admitsPlatform(tag.Platform) && t.admitsPython(tag) {
			return true
		}
	}
	return false
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

func (t *Target) admitsPlatform(platform string) bool {
	if platform == "any" || contains(t.Platforms, platform) {
		return true
	}
	minor, arch := -1, ""
	if m := manylinux.FindStringSubmatch(platform); m != nil {
		minor, _ = strconv.Atoi(m[1])
		arch = m[2]
	}
	for prefix, level := range legacyManylinux {
		if a, ok := strings.CutPrefix(platform, prefix); ok {
			minor, arch = level, a
		}
	}
	limit, _ := strconv.Atoi(strings.TrimPrefix(t.Glibc, "2."))
	return minor >= 0 && minor <= limit && contains(t.Platforms, "linux_"+arch)
}

// admitsPython applies the compatible tags of CPython (packaging.tags): cpXY
// with its own ABI, cp3N-abi3 up to XY where the GIL is, and pure Python tags.
func (t *Target) admitsPython(tag wheel.Tag) bool {
	m := interpreter.FindStringSubmatch(tag.Python)
	if m == nil {
		return false
	}
	built, err := strconv.Atoi("0" + m[2])
	if err != nil {
		return false
	}
	for _, python := range t.Pythons {
		p := pythonPattern.FindStringSubmatch(python)
		minor, _ := strconv.Atoi(p[1])
		if admits(m[1], m[2] == "", built, tag.ABI, minor, p[2]) {
			return true
		}
	}
	return false
}

func admits(kind string, anyMinor bool, built int, abi string, minor int, threads string) bool {
	if kind == "py" {
		return abi == "none" && (anyMinor || built <= minor)
	}
	switch abi {
	case "none":
		return !anyMinor && built == minor
	case "abi3":
		return threads == "" && built <= minor
	default:
		return !anyMinor && built == minor && abi == "cp3"+strconv.Itoa(minor)+threads
	}
}
