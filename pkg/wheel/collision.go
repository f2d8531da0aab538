package wheel

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// location is where a member ends up, in a form that sorts a directory right
// before what is in it.
type location struct {
	key  string
	name string
}

// checkCollisions refuses members that become one file. portable says that
// the distribution may be unpacked where case and Unicode form do not count;
// elsewhere such pairs are legal (headers of Linux itself have some) and only
// remarked upon.
func (r *report) checkCollisions(members []zipMember, portable bool) {
	exact := make([]location, 0, len(members))
	folded := make([]location, 0, len(members))
	fold := cases.Fold()
	for i := range members {
		if m := &members[i]; !m.isDirectory() {
			key := strings.ReplaceAll(installedPath(m.name), "/", "\x00")
			exact = append(exact, location{key, m.name})
			if isASCII(key) {
				key = strings.ToLower(key)
			} else {
				key = norm.NFKC.String(fold.String(norm.NFKC.String(key)))
			}
			folded = append(folded, location{key, m.name})
		}
	}
	r.compareNeighbours(exact, func(a, b location, inside bool) {
		switch {
		case a.name == b.name:
			r.refuse(RuleDuplicate, a.name, "stands in the archive more than once")
		case inside:
			r.refuse(RuleDuplicate, a.name, "is a file, and %s is below it", printable(b.name))
		default:
			r.refuse(RuleCollision, a.name, "is installed to the same place as %s", printable(b.name))
		}
	})
	if len(r.refused) > 0 {
		return
	}
	r.compareNeighbours(folded, func(a, b location, _ bool) {
		const text = "differs from %s only in case or Unicode form"
		if portable {
			r.refuse(RuleCollision, a.name, text, printable(b.name))
		} else {
			r.warn(RuleCollision, a.name, text, printable(b.name))
		}
	})
	r.checkDirectoryNames(members, exact)
}

// compareNeighbours calls found for places that are equal, and for a file
// followed by something inside it.
func (r *report) compareNeighbours(places []location, found func(a, b location, inside bool)) {
	slices.SortFunc(places, func(a, b location) int { return cmp.Or(strings.Compare(a.key, b.key), strings.Compare(a.name, b.name)) })
	for i := 1; i < len(places); i++ {
		a, b := places[i-1], places[i]
		rest, ok := strings.CutPrefix(b.key, a.key)
		if ok && (rest == "" || rest[0] == 0) {
			found(a, b, rest != "")
		}
	}
}

// checkDirectoryNames looks for directories of the archive that are files too,
// or stand twice. exact is sorted.
func (r *report) checkDirectoryNames(members []zipMember, exact []location) {
	var names []string
	for i := range members {
		if m := &members[i]; m.isDirectory() {
			names = append(names, m.name)
			key := strings.ReplaceAll(installedPath(strings.TrimSuffix(m.name, "/")), "/", "\x00")
			_, isFile := slices.BinarySearchFunc(exact, key, func(p location, key string) int { return strings.Compare(p.key, key) })
			if isFile {
				r.refuse(RuleDuplicate, m.name, "is a directory and a file")
			}
		}
	}
	slices.Sort(names)
	for i := 1; i < len(names); i++ {
		if names[i] == names[i-1] {
			r.warn(RuleDuplicate, names[i], "the directory stands in the archive more than once")
		}
	}
}

// modules is where an environment has its modules, below its root: of every
// Python, since a wheel does not know which it will be installed for.
var modules = regexp.MustCompile(`(?i)^(?:local/)?lib(?:32|64)?/(?:(?:python|pypy)[0-9.]*t?/)?(?:site|dist)-packages/`)

// installedPath is where installers put a member, relative to the directory of
// modules. Two of the schemes of a .data directory are that directory, and a
// third one, data, is the environment that has it in it, and the directory of
// scripts.
func installedPath(name string) string {
	root, rest, _ := strings.Cut(name, "/")
	if !strings.HasSuffix(root, ".data") {
		return name
	}
	scheme, below, ok := strings.Cut(rest, "/")
	switch {
	case ok && (scheme == "purelib" || scheme == "platlib"):
		return below
	case ok && scheme == "data":
		if dir := modules.FindString(below); dir != "" {
			return below[len(dir):]
		}
		if script, found := strings.CutPrefix(below, "bin/"); found {
			return root + "/scripts/" + script
		}
	}
	return name
}
