package index

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/pinwheel-oci/pinwheel/pkg/wheel"
)

// Target declares the environments that the wheels of an index are for, and
// what the gates may take for granted there. A file is within the target if an
// installer could choose it in at least one of them.
type Target struct {
	Accelerator *Accelerator `json:"accelerator,omitempty"`
	// Base is what the image provides on which the wheels get installed, in
	// ascending order of platform.
	Base []Base `json:"base,omitempty"`
	// Gates sets gates to "error", "warn" or "off", by name.
	Gates map[string]string `json:"gates,omitempty"`
	// Glibc is the highest manylinux level, such as "2.34"; none means that
	// only linux_<arch> and any fit.
	Glibc string `json:"glibc,omitempty"`
	// Glibcxx is the level of libstdc++, such as "3.4.29" (GLIBCXX_3.4.29).
	Glibcxx string `json:"glibcxx,omitempty"`
	// PackageTypes that may be listed; none means wheels only.
	PackageTypes []string `json:"package-types,omitempty"`
	// Partial names projects that are for some platforms only, ascending.
	Partial []Partial `json:"partial,omitempty"`
	// Pins are the versions that the ABI of the index is tied to: specifiers
	// (PEP 440) by project, such as torch: "==2.9.*".
	Pins map[string]string `json:"pins,omitempty"`
	// Platforms such as "linux_x86_64", ascending.
	Platforms []string `json:"platforms"`
	// Pythons such as "3.12" (CPython) or "3.14t" (free-threaded), ascending as strings.
	Pythons []string `json:"pythons"`
	// Waivers let single findings pass, in ascending order of gate, project
	// and versions.
	Waivers []Waiver `json:"waivers,omitempty"`
}

// Accelerator is what the wheels compute on.
type Accelerator struct {
	Kind string `json:"kind"` // "cpu", "cuda" or "rocm"
	// Version such as "13.0"; none for "cpu".
	Version string `json:"version,omitempty"`
}

// Base is what a base image provides on one platform.
type Base struct {
	// Libraries are SONAMEs, ascending.
	Libraries []string `json:"libraries"`
	Platform  string   `json:"platform"`
	// Python are versions of installed distributions by normalised name, for
	// each Python that the image has.
	Python map[string]map[string]string `json:"python,omitempty"`
}

// Partial is a project that exists on some platforms only.
type Partial struct {
	Platforms []string `json:"platforms"`
	Project   string   `json:"project"`
	Reason    string   `json:"reason"`
}

// Waiver lets the findings of a gate on a project pass until a day.
type Waiver struct {
	// Expires is the first moment at which the waiver no longer counts.
	Expires time.Time `json:"expires"`
	Gate    string    `json:"gate"`
	Project string    `json:"project"`
	Reason  string    `json:"reason"`
	Ticket  string    `json:"ticket"`
	// Versions is a specifier (PEP 440); none means all.
	Versions string `json:"versions,omitempty"`
}

var (
	manylinux   = regexp.MustCompile(`^manylinux_2_([1-9][0-9]{0,2})_([a-z0-9_]{2,32})$`)
	interpreter = regexp.MustCompile(`^(cp|py)3(0|[1-9][0-9]{0,2})?$`)
)

// legacyManylinux gives the glibc 2.x of the tags older than PEP 600.
var legacyManylinux = map[string]int{"manylinux1_": 5, "manylinux2010_": 12, "manylinux2014_": 17}

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
		if t.admitsTag(tag) {
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

// admitsTag reports whether the tag is among the compatible tags (PEP 425, as
// packaging.tags has them) of CPython in one of the target's environments.
func (t *Target) admitsTag(tag wheel.Tag) bool {
	m := interpreter.FindStringSubmatch(tag.Python)
	if m == nil || tag.Platform != "any" && !t.admitsPlatform(tag.Platform) {
		return false
	}
	built, err := strconv.Atoi(m[2])
	if err != nil {
		built = -1 // py3, cp3
	}
	for _, python := range t.Pythons {
		p := pythonPattern.FindStringSubmatch(python)
		minor, _ := strconv.Atoi(p[1])
		ok := pure(m[1], built, tag.ABI, minor) || tag.Platform != "any" && native(m[1], built, tag.ABI, minor, p[2])
		if ok {
			return true
		}
	}
	return false
}

// pure is for tags that any platform may follow: py3, py30 to py3<minor> and
// cp3<minor>, all without an ABI.
func pure(kind string, built int, abi string, minor int) bool {
	return abi == "none" && (kind == "py" && built <= minor || kind == "cp" && built == minor)
}

// native is for tags that only a real platform may follow: cp3<minor> with its
// own ABI, and cp32 to cp3<minor> with the stable ABI, which is another one
// where threads is "t" (PEP 803).
func native(kind string, built int, abi string, minor int, threads string) bool {
	if kind != "cp" {
		return false
	}
	if abi == "abi3"+threads {
		return built >= 2 && built <= minor
	}
	own := "cp3" + strconv.Itoa(minor) + threads
	if minor < 8 {
		own += "m" // pymalloc was a choice until then
	}
	return built == minor && abi == own
}

// admitsPlatform is for platforms other than "any".
func (t *Target) admitsPlatform(platform string) bool {
	if contains(t.Platforms, platform) {
		return true
	}
	level, arch := manylinuxLevel(platform)
	limit, _ := strconv.Atoi(strings.TrimPrefix(t.Glibc, "2."))
	return level <= limit && level >= oldestGlibc(arch) && contains(t.Platforms, "linux_"+arch)
}

// manylinuxLevel returns the 2.x of glibc that a manylinux tag (PEP 513, 571,
// 599, 600) wants, or -1 for another platform.
func manylinuxLevel(platform string) (level int, arch string) {
	if m := manylinux.FindStringSubmatch(platform); m != nil {
		level, _ = strconv.Atoi(m[1])
		return level, m[2]
	}
	for prefix, level := range legacyManylinux {
		if arch, ok := strings.CutPrefix(platform, prefix); ok {
			return level, arch
		}
	}
	return -1, ""
}

// oldestGlibc is the lowest level that installers look for.
func oldestGlibc(arch string) int {
	if arch == "x86_64" || arch == "i686" {
		return 5
	}
	return 17
}
