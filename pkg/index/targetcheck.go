package index

import (
	"cmp"
	"regexp"
	"slices"

	"github.com/pinwheel-oci/pinwheel/pkg/artifact"
	"github.com/pinwheel-oci/pinwheel/pkg/wheel"
)

// maxLibraries bounds what one base lists.
const maxLibraries = 20_000

var (
	pythonPattern      = regexp.MustCompile(`^3\.([1-9]?[0-9])(t?)$`)
	glibcPattern       = regexp.MustCompile(`^2\.([1-9][0-9]?)$`)
	glibcxxPattern     = regexp.MustCompile(`^3\.4(\.[1-9][0-9]?)?$`)
	platformPattern    = regexp.MustCompile(`^linux_[a-z0-9_]{2,32}$`)
	acceleratorPattern = regexp.MustCompile(`^[1-9][0-9]?(\.(0|[1-9][0-9]?)){1,2}$`)
	sonamePattern      = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_+.~-]{0,254}$`)
	gatePattern        = regexp.MustCompile(`^[a-z][a-z0-9-]{0,31}$`)
)

// Check holds the target against docs/format.md, rule "target".
func (t *Target) Check() error {
	if len(t.Pythons) == 0 || len(t.Platforms) == 0 {
		return artifact.Violates("target", "no pythons or no platforms: at least one of each")
	}
	if t.Glibc != "" && !glibcPattern.MatchString(t.Glibc) {
		return artifact.Violates("target", "glibc %q: want 2.N, such as \"2.34\"", t.Glibc)
	}
	if t.Glibcxx != "" && !glibcxxPattern.MatchString(t.Glibcxx) {
		return artifact.Violates("target", "glibcxx %q: want 3.4.N, such as \"3.4.29\"", t.Glibcxx)
	}
	if err := checkList("target", `pythons ("3.12", "3.14t")`, t.Pythons, pythonPattern.MatchString); err != nil {
		return err
	}
	if err := checkList("target", "platforms (linux_x86_64)", t.Platforms, platformPattern.MatchString); err != nil {
		return err
	}
	if err := checkList("target", "package-types", t.PackageTypes, func(s string) bool { return s == Wheel || s == Sdist }); err != nil {
		return err
	}
	for _, check := range []func() error{t.checkAccelerator, t.checkBase, t.checkGates, t.checkPartial, t.checkPins, t.checkWaivers} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

// checkList wants values that are ok, in strictly ascending order.
func checkList(rule, what string, list []string, ok func(string) bool) error {
	last := ""
	for _, s := range list {
		if !ok(s) {
			return artifact.Violates(rule, "%s: %q", what, s)
		}
		if s <= last {
			return artifact.Violates("order", "%s: %q after %q", what, s, last)
		}
		last = s
	}
	return nil
}

func (t *Target) checkAccelerator() error {
	a := t.Accelerator
	if a == nil {
		return nil
	}
	switch {
	case a.Kind == "cpu" && a.Version == "":
	case (a.Kind == "cuda" || a.Kind == "rocm") && acceleratorPattern.MatchString(a.Version):
	default:
		return artifact.Violates("target", "accelerator %q %q: want cpu without a version, or cuda or rocm with one such as \"13.0\"", a.Kind, a.Version)
	}
	return nil
}

func (t *Target) checkBase() error {
	last := ""
	for _, b := range t.Base {
		if !contains(t.Platforms, b.Platform) {
			return artifact.Violates("target", "base: platform %q is not among the platforms", b.Platform)
		}
		if b.Platform <= last {
			return artifact.Violates("order", "base: %q after %q", b.Platform, last)
		}
		last = b.Platform
		if len(b.Libraries) == 0 || len(b.Libraries) > maxLibraries {
			return artifact.Violates("target", "base %s: %d libraries, want 1 to %d", b.Platform, len(b.Libraries), maxLibraries)
		}
		if err := checkList("target", "libraries", b.Libraries, sonamePattern.MatchString); err != nil {
			return err
		}
		for python, installed := range b.Python {
			if err := checkInstalled(b.Platform, python, installed); err != nil {
				return err
			}
		}
	}
	return nil
}

func checkInstalled(platform, python string, installed map[string]string) error {
	if !pythonPattern.MatchString(python) || len(installed) == 0 {
		return artifact.Violates("target", "base %s: distributions of Python %q: want a Python such as \"3.12\" and at least one distribution", platform, python)
	}
	for name, version := range installed {
		v, err := wheel.ParseVersion(version)
		if !isProject(name) || err != nil || v.String() != version {
			return artifact.Violates("target", "base %s: distribution %q %q: want a normalised name and version", platform, name, version)
		}
	}
	return nil
}

func isProject(s string) bool {
	return len(s) <= artifact.MaxFilename && wheel.CheckName(s) == nil && wheel.NormalizeName(s) == s
}

func (t *Target) checkGates() error {
	for name, mode := range t.Gates {
		if !gatePattern.MatchString(name) || mode != "error" && mode != "warn" && mode != "off" {
			return artifact.Violates("target", "gate %q: %q: want error, warn or off", name, mode)
		}
	}
	return nil
}

func (t *Target) checkPartial() error {
	last := ""
	for _, p := range t.Partial {
		if !isProject(p.Project) || len(p.Platforms) == 0 {
			return artifact.Violates("target", "partial %q: want a normalised name, and platforms", p.Project)
		}
		if p.Project <= last {
			return artifact.Violates("order", "partial: %q after %q", p.Project, last)
		}
		last = p.Project
		if err := checkList("target", "platforms of "+p.Project, p.Platforms, func(s string) bool { return contains(t.Platforms, s) }); err != nil {
			return err
		}
		if err := checkReason("partial "+p.Project, p.Reason); err != nil {
			return err
		}
	}
	return nil
}

// checkReason wants text that says something.
func checkReason(what, s string) error {
	if s == "" {
		return artifact.Violates("target", "%s: no reason", what)
	}
	return checkText("target", s, MaxReason)
}

func (t *Target) checkPins() error {
	for project, specifiers := range t.Pins {
		if !isProject(project) || !isSpecifier(specifiers) {
			return artifact.Violates("target", "pin %q: %q: want a normalised name and a specifier such as ==2.9.*", project, specifiers)
		}
	}
	return nil
}

func isSpecifier(s string) bool {
	_, err := wheel.ParseSpecifiers(s)
	return s != "" && err == nil
}

func (t *Target) checkWaivers() error {
	for i := range t.Waivers {
		w := &t.Waivers[i]
		what := "waiver of " + w.Gate + " for " + w.Project
		if !gatePattern.MatchString(w.Gate) || !isProject(w.Project) || w.Versions != "" && !isSpecifier(w.Versions) {
			return artifact.Violates("target", "%s, versions %q: want a gate, a normalised name, and a specifier such as ==1.0 if any", what, w.Versions)
		}
		if i > 0 && compareWaivers(&t.Waivers[i-1], w) >= 0 {
			return artifact.Violates("order", "%s", what)
		}
		if err := checkTime("target", w.Expires); err != nil {
			return err
		}
		if err := checkReason(what, w.Reason); err != nil {
			return err
		}
		if err := checkReason(what+": ticket", w.Ticket); err != nil {
			return err
		}
	}
	return nil
}

func compareWaivers(a, b *Waiver) int {
	return cmp.Or(cmp.Compare(a.Gate, b.Gate), cmp.Compare(a.Project, b.Project), cmp.Compare(a.Versions, b.Versions))
}

// Sort brings all lists into the order that Check wants.
func (t *Target) Sort() {
	slices.Sort(t.Pythons)
	slices.Sort(t.Platforms)
	slices.Sort(t.PackageTypes)
	slices.SortFunc(t.Base, func(a, b Base) int { return cmp.Compare(a.Platform, b.Platform) })
	for i := range t.Base {
		slices.Sort(t.Base[i].Libraries)
		t.Base[i].Libraries = slices.Compact(t.Base[i].Libraries)
	}
	slices.SortFunc(t.Partial, func(a, b Partial) int { return cmp.Compare(a.Project, b.Project) })
	for i := range t.Partial {
		slices.Sort(t.Partial[i].Platforms)
	}
	slices.SortFunc(t.Waivers, func(a, b Waiver) int { return compareWaivers(&a, &b) })
}
