package gate

import (
	"math"
	"regexp"
	"strconv"
	"strings"

	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/pkg/wheel"
)

// MaxEnvironments bounds how many environments a target may stand for.
const MaxEnvironments = 64

// patch stands for the patch release of a Python that only its minor version is
// declared of: later than any that markers tell from others, because images
// follow patch releases and markers name old ones ("python_full_version <
// '3.11.3'").
const patch = ".99"

// mask is a set of environments by number.
type mask uint64

func (m mask) has(env int) bool { return m&(1<<env) != 0 }

// environment is one Python on one platform.
type environment struct {
	Environment
	arch   string // as in platform tags
	minor  int
	full   wheel.Version // python_full_version
	marker wheel.Environment
	base   *index.Base   // nil if none is declared
	target *index.Target // of this environment alone
}

// scope is what the candidate and the live revision are read with: the
// environments, and everything that need be parsed but once.
type scope struct {
	environments []*environment
	requirements map[string]*requirement
	ranks        map[rankKey]int
	pythons      map[string]mask // by Requires-Python
}

type rankKey struct {
	tag wheel.Tag
	env int
}

func newScope(t *index.Target) *scope {
	s := &scope{requirements: map[string]*requirement{}, ranks: map[rankKey]int{}, pythons: map[string]mask{}}
	if t == nil {
		return s
	}
	for _, platform := range t.Platforms {
		for _, python := range t.Pythons {
			if len(s.environments) < MaxEnvironments {
				s.environments = append(s.environments, newEnvironment(t, platform, python))
			}
		}
	}
	return s
}

func newEnvironment(t *index.Target, platform, python string) *environment {
	single := *t
	single.Pythons, single.Platforms = []string{python}, []string{platform}
	e := &environment{
		Environment: Environment{Platform: platform, Python: python},
		arch:        strings.TrimPrefix(platform, "linux_"),
		target:      &single,
	}
	version := strings.TrimSuffix(python, "t")
	e.minor, _ = strconv.Atoi(strings.TrimPrefix(version, "3."))
	e.full, _ = wheel.ParseVersion(version + patch)
	e.marker = wheel.Environment{
		ImplementationName: "cpython", ImplementationVersion: version + patch, OSName: "posix", PlatformMachine: e.arch,
		PlatformPythonImplementation: "CPython", PlatformSystem: "Linux", PythonFullVersion: version + patch,
		PythonVersion: version, SysPlatform: "linux",
	}
	for i := range t.Base {
		if t.Base[i].Platform == platform {
			e.base = &t.Base[i]
		}
	}
	return e
}

// all is the set of all environments.
func (s *scope) all() mask { return mask(1)<<len(s.environments) - 1 }

// named lists the environments of a set for findings.
func (s *scope) named(m mask) []Environment {
	var list []Environment
	for i, e := range s.environments {
		if m.has(i) {
			list = append(list, e.Environment)
		}
	}
	return list
}

// unfit is the rank of a tag that an environment does not admit.
const unfit = math.MaxInt

// rank is where a tag stands in the order in which installers prefer tags
// (packaging.tags), lower first, or unfit.
func (s *scope) rank(tag wheel.Tag, env int) int {
	key := rankKey{tag, env}
	if r, ok := s.ranks[key]; ok {
		return r
	}
	e, r := s.environments[env], unfit
	if e.target.Admits(&index.File{Filename: "x-0-" + tag.String() + ".whl", PackageType: index.Wheel}) {
		r = e.preference(tag)
	}
	s.ranks[key] = r
	return r
}

// preference orders the tags that an environment admits. Files of one release
// may differ in what they need, so every step of the order counts.
func (e *environment) preference(tag wheel.Tag) int {
	const kind, step = 1_000_000, 1_000
	platform, own := platformAge(tag.Platform), tag.Python == "cp3"+strconv.Itoa(e.minor)
	switch native := tag.Platform != "any"; {
	case native && strings.HasPrefix(tag.ABI, "cp"):
		return platform
	case native && own && tag.ABI != "none":
		return kind + platform
	case native && own:
		return 2*kind + platform
	case native && tag.ABI != "none":
		return 3*kind + e.age(tag.Python)*step + platform
	case native:
		return 4*kind + e.age(tag.Python)*step + platform
	case own:
		return 5 * kind
	}
	return 6*kind + e.age(tag.Python)*step
}

// platformAge is least for the newest manylinux level, more for older ones, of
// which the name of PEP 600 comes first, and most for linux_<arch>.
func platformAge(platform string) int {
	const oldest = 999
	level, ok := manylinuxLevel(platform)
	if !ok {
		return oldest
	}
	age := 2 * max(oldest/2-1-level, 0)
	if !strings.HasPrefix(platform, "manylinux_2_") {
		age++
	}
	return age
}

// age is where an interpreter stands among those of its kind: first the
// environment's own ("py312"), then "py3", then older ones.
func (e *environment) age(python string) int {
	n, err := strconv.Atoi(python[min(len(python), len("py3")):])
	switch {
	case err != nil:
		return 1
	case n == e.minor:
		return 0
	}
	return 1 + e.minor - n
}

// minorOf is the N of "cp3N", 0 if there is none.
func minorOf(python string) int {
	n, _ := strconv.Atoi(strings.TrimPrefix(python, "cp3"))
	return n
}

// manylinuxLevel is the N of glibc 2.N that a manylinux tag stands for.
func manylinuxLevel(platform string) (int, bool) {
	for _, old := range []struct {
		prefix string
		level  int
	}{{"manylinux1_", 5}, {"manylinux2010_", 12}, {"manylinux2014_", 17}} {
		if strings.HasPrefix(platform, old.prefix) {
			return old.level, true
		}
	}
	rest, ok := strings.CutPrefix(platform, "manylinux_2_")
	if !ok {
		return 0, false
	}
	number, _, _ := strings.Cut(rest, "_")
	level, err := strconv.Atoi(number)
	return level, err == nil
}

// star matches a specifier such as ">=3.6.*", of which uv leaves the star out
// and which pip ignores.
var star = regexp.MustCompile(`(>=|<=|~=|>|<)(\s*[0-9][0-9.]*)\.\*`)

// admitsPython is the set of environments whose Python a Requires-Python
// admits. What cannot be read admits none: pip ignores it, uv the file.
func (s *scope) admitsPython(requires string) mask {
	if requires == "" {
		return s.all()
	}
	if m, ok := s.pythons[requires]; ok {
		return m
	}
	var m mask
	specifiers, err := wheel.ParseSpecifiers(requires)
	if err != nil {
		specifiers, err = wheel.ParseSpecifiers(star.ReplaceAllString(requires, "$1$2"))
	}
	if err == nil {
		for i, e := range s.environments {
			if specifiers.Contains(e.full, true) {
				m |= 1 << i
			}
		}
	}
	s.pythons[requires] = m
	return m
}
