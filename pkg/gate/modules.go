package gate

import (
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/pinwheel-oci/pinwheel/pkg/facts"
	"github.com/pinwheel-oci/pinwheel/pkg/wheel"
)

// suffix matches the names of modules that one interpreter imports only
// (PEP 3149): "_x.cpython-312-x86_64-linux-gnu.so".
var suffix = regexp.MustCompile(`\.(?:cpython-3([0-9]+)([a-z]*)|pypy[^.]*|graalpy[^.]*)(?:-[^.]*)?\.so$`)

// importable reports whether an interpreter tries a file of that name when it
// looks for a module. Names that say nothing of an interpreter are for all.
func (e *environment) importable(member string) bool {
	m := suffix.FindStringSubmatch(member)
	if m == nil {
		return true
	}
	flags := map[bool]string{true: "t"}[strings.HasSuffix(e.Python, "t")]
	return m[1] == strconv.Itoa(e.minor) && (m[2] == flags || e.minor < 8 && m[2] == "m")
}

// isModule reports whether the file is, by its name and by what it exports,
// what Python finds when it imports a module of that name.
func isModule(l facts.Library) bool {
	return slices.Contains(l.Modules, path.Base(modulePath(l.Member)))
}

// loads reports whether the environment can load the library: a module that is
// named for another interpreter harms nobody.
func (e *environment) loads(l facts.Library) bool { return !isModule(l) || e.importable(l.Member) }

// loading has the environments where the file fits and the library can be
// loaded.
func (w *world) loading(f *file, l facts.Library) mask {
	m := f.fits
	for env, e := range w.environments {
		if m.has(env) && !e.loads(l) {
			m &^= 1 << env
		}
	}
	return m
}

// modulePath is the member without what follows the name of the module.
func modulePath(member string) string {
	dir, base := path.Split(member)
	name, _, _ := strings.Cut(base, ".")
	return dir + name
}

// forOtherPythons reports modules whose names are for another interpreter,
// unless the same module is there for this one too.
func (j *judge) forOtherPythons(f *file, c *content, env int) {
	e := j.now.environments[env]
	found := map[string]bool{} // what Python finds, by path without suffix
	for _, l := range c.libraries {
		named := suffix.MatchString(l.Member) || strings.HasSuffix(l.Member, ".abi3.so")
		if e.importable(l.Member) && (named || isModule(l)) {
			found[modulePath(l.Member)] = true
		}
	}
	for _, l := range c.libraries {
		if !isModule(l) || e.importable(l.Member) || found[modulePath(l.Member)] {
			continue
		}
		finding := Finding{Severity: Error, Rule: "other-python", Member: l.Member, Message: "cannot be imported by this Python: the name is for another one",
			Fix: "build it with the Python of the tag, or for the stable ABI; or correct the tag"}
		if len(found) > 0 && !j.now.exact(f, env) {
			finding.Severity, finding.Fix = Warn, "build it for the stable ABI, or leave it out"
			finding.Message += "; others of this wheel can be"
		}
		j.addFile(f, finding, e.Environment)
	}
}

// exact reports whether the file fits an environment by a tag for this very
// Python and its own ABI.
func (w *world) exact(f *file, env int) bool {
	return slices.ContainsFunc(f.name.Tags, func(t wheel.Tag) bool { return strings.HasPrefix(t.ABI, "cp") && w.rank(t, env) != unfit })
}

// tests matches directories whose files nobody imports but tests.
var tests = regexp.MustCompile(`(^|/)(tests?|testing|testdata|test_data|fixtures)/`)

// unreadable reports files that begin as ELF and cannot be read: nothing of
// them is judged. What Python or another library loads has to be readable.
func (j *judge) unreadable(f *file, c *content, i int, env int) {
	l := c.libraries[i]
	finding := Finding{Severity: Note, Rule: "unreadable", Member: l.Member, Message: "cannot be read as ELF, nothing of it is judged: " + l.Defect}
	needed := slices.ContainsFunc(c.libraries, func(other facts.Library) bool { return slices.Contains(other.Needed, path.Base(l.Member)) })
	if needed || strings.HasSuffix(l.Member, ".so") && !tests.MatchString(l.Member) {
		finding.Severity = Error
		finding.Fix = "build it again, or remove it from the wheel if nothing loads it"
	}
	j.addFile(f, finding, j.now.environments[env].Environment)
}
