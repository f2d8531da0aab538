package wheel

import (
	"slices"
	"strings"
)

// distInfo is where a wheel describes itself.
type distInfo struct {
	directory                            string // "demo-1.0.dist-info"
	metadata, wheel, record, entryPoints *zipMember
}

// Schemes of installation that pip and uv know below a .data directory (wheel
// format, "The .data directory").
var schemes = []string{"purelib", "platlib", "headers", "scripts", "data"}

// findDistInfo looks at all members, so that a second dist-info cannot hide
// behind the first. What is wrong is in r.
func findDistInfo(r *report, members []zipMember, f Filename) (d distInfo) {
	for i := range members {
		m := &members[i]
		root, rest, _ := strings.Cut(m.name, "/")
		switch ext := suffix(root); {
		case strings.EqualFold(ext, ".dist-info"):
			if d.directory == "" {
				d.directory = root
			}
			if root != d.directory {
				r.refuse(RuleDistInfo, "", "two dist-info directories, %s and %s", printable(d.directory), printable(root))
				return d
			}
			d.take(rest, m)
		case ext == ".data" || strings.EqualFold(ext, ".egg-info"):
			r.checkNested(m.name, f)
		}
	}
	if d.directory == "" {
		r.refuse(RuleDistInfo, "", "no dist-info directory")
		return d
	}
	if stem, ok := strings.CutSuffix(d.directory, ".dist-info"); !ok || !isRelease(stem, f) {
		r.refuse(RuleDistInfo, "", "%s is not that of %s %s, which the file name says", printable(d.directory), f.Name, f.Version)
		return d
	}
	for _, want := range []struct {
		name   string
		member *zipMember
	}{{"METADATA", d.metadata}, {"WHEEL", d.wheel}, {"RECORD", d.record}} {
		if want.member == nil {
			r.refuse(RuleMember, d.directory+"/"+want.name, "is missing")
		}
	}
	return d
}

func (d *distInfo) take(rest string, m *zipMember) {
	switch rest {
	case "METADATA":
		d.metadata = m
	case "WHEEL":
		d.wheel = m
	case "RECORD":
		d.record = m
	case "entry_points.txt":
		d.entryPoints = m
	}
}

// isUnrecorded is true for the files that RECORD cannot hash: itself and its
// signatures.
func (d *distInfo) isUnrecorded(name string) bool {
	rest, ok := strings.CutPrefix(name, d.directory+"/RECORD")
	return ok && (rest == "" || rest == ".jws" || rest == ".p7s")
}

// suffix is ".x" of "a.x", "" without a dot.
func suffix(s string) string {
	if i := strings.LastIndexByte(s, '.'); i >= 0 {
		return s[i:]
	}
	return ""
}

// isRelease is true if stem is "name-version" for the project and version of f,
// in any spelling. Names of old wheels may hold dashes.
func isRelease(stem string, f Filename) bool {
	for i := range len(stem) {
		if stem[i] != '-' || NormalizeName(stem[:i]) != f.Project {
			continue
		}
		if v, ok := parseVersion(stem[i+1:]); ok && v.Equal(f.Version) {
			return true
		}
	}
	return false
}

// checkNested refuses what would be installed as another distribution that
// nobody asked for: a dist-info directory out of a .data directory, and an
// egg-info, which Python still looks for, anywhere. Old builders leave that of
// the project itself in wheels.
func (r *report) checkNested(name string, f Filename) {
	root, _, inside := strings.Cut(installedPath(name), "/")
	switch ext := suffix(root); {
	case strings.EqualFold(ext, ".dist-info"):
		if inside {
			r.refuse(RuleDistInfo, name, "would install the dist-info directory %s", printable(root))
		}
	case !strings.EqualFold(ext, ".egg-info"):
	case isProject(root[:len(root)-len(ext)], f):
		r.warn(RuleDistInfo, name, "is a second description of the project, in the old form")
	default:
		r.refuse(RuleDistInfo, name, "would install %s, another distribution", printable(root))
	}
}

// isProject is true if the stem of an egg-info, "name" or "name-version-python",
// is of the project of f.
func isProject(stem string, f Filename) bool {
	name, _, _ := strings.Cut(stem, "-")
	return NormalizeName(name) == f.Project
}

// replacesInterpreter is true for a script of an interpreter's name; root is the
// .data directory.
func replacesInterpreter(installed, root string) bool {
	script, ok := strings.CutPrefix(installed, root+"/scripts/")
	return ok && interpreters.MatchString(script)
}

// checkData judges .data directories: installers take "NAME-VERSION.data" at
// the root, and pip any "*.data", for what is to be spread over schemes.
func (r *report) checkData(members []zipMember, d distInfo, f Filename) {
	want := strings.TrimSuffix(d.directory, ".dist-info") + ".data"
	warned := false
	for i := range members {
		m := &members[i]
		root, rest, below := strings.Cut(m.name, "/")
		if suffix(root) != ".data" || !below {
			continue
		}
		if stem := strings.TrimSuffix(root, ".data"); root != want && !isRelease(stem, f) {
			r.refuse(RuleData, m.name, "pip would install it as data of the distribution, whose directory is %s", printable(want))
			continue
		}
		if root != want && !warned {
			r.warn(RuleData, root, "is spelled otherwise than %s, where some installers look", printable(want))
			warned = true
		}
		scheme, file, ok := strings.Cut(rest, "/")
		switch {
		case rest == "":
		case !ok || !slices.Contains(schemes, scheme):
			r.refuse(RuleData, m.name, "is in none of the schemes %s", strings.Join(schemes, ", "))
		case scheme == "scripts" && strings.Contains(file, "/") && !m.isDirectory():
			r.refuse(RuleData, m.name, "lies in a directory below scripts, which uv refuses")
		case replacesInterpreter(installedPath(m.name), root):
			r.refuse(RuleData, m.name, "would replace the interpreter of an environment")
		}
	}
}
