// Package capture finds out what a base image provides to Python wheels: the
// libraries that its dynamic loader finds, the levels of its C and C++
// libraries, and the Python distributions that are installed. It reads root
// directories, tar files of them, and container images; of an image nothing is
// ever written to disk, and nothing is followed out of the root directory.
package capture

import (
	"errors"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/pkg/wheel"
)

// System is what one root directory provides.
type System struct {
	index.Base
	// Glibc is the newest GLIBC_2.x of its libc.so.6, such as "2.34", empty if
	// it has none (musl).
	Glibc string
	// Glibcxx is the newest GLIBCXX_3.4.x of its libstdc++.so.6: "3.4.29".
	Glibcxx string
	// Pythons are those found, such as "3.9" and "3.12", oldest first.
	Pythons []string
	// Unread counts directories that could not be read.
	Unread int
}

// ErrNoPlatform says that nothing tells for which machine the system is.
var ErrNoPlatform = errors.New("no C library, no other shared library and no architecture in an image's configuration: this is no root directory of a Linux system")

var (
	soname       = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_+.~-]{0,254}$`)
	distribution = regexp.MustCompile(`^(.*/)?lib(?:64)?/python3(?:\.([0-9]+t?))?/(?:site|dist)-packages/([^/]+)-([^/-]+)\.dist-info/METADATA$`)
	interpreter  = regexp.MustCompile(`^(.*/)?bin/python3\.([0-9]+t?)$`)
)

// system evaluates the tree. machine is what the configuration of an image
// says, for trees without libraries; libraryPath is its LD_LIBRARY_PATH.
func (t *tree) system(machine, libraryPath string) (*System, error) {
	all := t.libraries()
	if libc := t.find(all, "libc.so.6"); libc != nil {
		machine = libc.machine
	} else if machine == "" && len(all) > 0 {
		machine = all[slices.Sorted(maps.Keys(all))[0]].machine
	}
	switch {
	case t.work > maxWork:
		return nil, errWork
	case machine == "":
		return nil, ErrNoPlatform
	}
	s := &System{Unread: t.unread}
	s.Platform = "linux_" + machine
	names := map[string]bool{}
	dirs := t.libraryDirs(machine, libraryPath)
	for _, file := range slices.Sorted(maps.Keys(all)) {
		l := all[file]
		if l.machine != machine || !dirs[path.Dir(file)] {
			continue
		}
		name, base := l.soname, path.Base(file)
		if name == "" || !strings.HasPrefix(base, "lib") && !strings.HasPrefix(base, "ld-") {
			name = base // ldconfig(8) makes no link for it
		}
		if !soname.MatchString(name) {
			continue
		}
		names[name] = true
		switch name {
		case "libc.so.6":
			s.Glibc = l.glibc
		case "libstdc++.so.6":
			s.Glibcxx = l.glibcxx
		}
	}
	s.Libraries = slices.Sorted(maps.Keys(names))
	s.pythons(t)
	if t.work > maxWork {
		return nil, errWork
	}
	return s, nil
}

// libraries returns every library by each path that leads to it, without links
// in directories. A library without a SONAME is found by any of its names.
func (t *tree) libraries() map[string]*library {
	found := map[string]*library{}
	for file, n := range t.nodes {
		real := t.resolve(file)
		target, ok := t.nodes[real]
		if !ok || target.library == nil {
			continue
		}
		if dir := t.resolve(path.Dir(file)); dir != "" {
			found[path.Join(dir, path.Base(file))] = target.library
		}
		if n.library != nil {
			found[real] = target.library
		}
	}
	return found
}

// find returns the library with that name in a default directory.
func (t *tree) find(all map[string]*library, name string) *library {
	for _, file := range slices.Sorted(maps.Keys(all)) {
		if path.Base(file) == name && isDefaultDir(path.Dir(file)) {
			return all[file]
		}
	}
	return nil
}

// newest returns the highest version of a family without the family's name:
// "2.34" among GLIBC_2.2.5, GLIBC_2.34 and GLIBC_PRIVATE.
func newest(versions []string, family string) string {
	_, major, _ := strings.Cut(family, "_")
	best, plain := -1, slices.Contains(versions, family)
	for _, v := range versions {
		rest, ok := strings.CutPrefix(v, family+".")
		if !ok {
			continue
		}
		first, _, _ := strings.Cut(rest, ".") // 2.2.5 is 2.2
		if n, err := strconv.Atoi(first); err == nil && n < 1000 {
			best = max(best, n)
		}
	}
	switch {
	case best < 0 && plain:
		return major
	case best < 0:
		return ""
	}
	return major + "." + strconv.Itoa(best)
}

// pythons fills Pythons and Python. Where a Python has virtual environments,
// its own distributions are not seen in them and do not count.
func (s *System) pythons(t *tree) {
	byPython := map[string]map[string]map[string]string{} // Python, prefix, project
	for file := range t.nodes {
		if m := interpreter.FindStringSubmatch(file); m != nil && t.exists(file) {
			ensure(byPython, m[2])
		}
	}
	system := ""
	for _, name := range []string{"usr/bin/python3", "bin/python3", "usr/local/bin/python3"} {
		if m := interpreter.FindStringSubmatch(t.resolve(name)); m != nil && system == "" {
			system = m[2]
		}
	}
	for file := range t.nodes {
		m := distribution.FindStringSubmatch(file)
		if m == nil {
			continue
		}
		python, prefix := m[2], m[1]
		if python == "" {
			python = system // Debian's dist-packages serve the system's Python
		}
		version, err := wheel.ParseVersion(m[4])
		if python == "" || err != nil || wheel.CheckName(m[3]) != nil {
			continue
		}
		prefixes := ensure(byPython, python)
		if prefixes[prefix] == nil {
			prefixes[prefix] = map[string]string{}
		}
		// A prefix has a name twice where an upgrade left something behind.
		project := wheel.NormalizeName(m[3])
		if old, err := wheel.ParseVersion(prefixes[prefix][project]); err != nil || old.Compare(version) < 0 {
			prefixes[prefix][project] = version.String()
		}
	}
	s.Pythons = slices.SortedFunc(maps.Keys(byPython), comparePythons)
	for i, p := range s.Pythons {
		s.Pythons[i] = "3." + p
		if installed := t.installed(byPython[p]); len(installed) > 0 {
			if s.Python == nil {
				s.Python = map[string]map[string]string{}
			}
			s.Python[s.Pythons[i]] = installed
		}
	}
}

func ensure(m map[string]map[string]map[string]string, key string) map[string]map[string]string {
	if m[key] == nil {
		m[key] = map[string]map[string]string{}
	}
	return m[key]
}

// comparePythons has "9" before "12" before "13t" before "13": who has both
// wants the one that is not free-threaded.
func comparePythons(a, b string) int {
	m, _ := strconv.Atoi(strings.TrimSuffix(a, "t"))
	n, _ := strconv.Atoi(strings.TrimSuffix(b, "t"))
	if m != n {
		return m - n
	}
	return len(b) - len(a)
}

// installed joins the distributions of the prefixes that a user would see.
func (t *tree) installed(prefixes map[string]map[string]string) map[string]string {
	virtual := func(prefix string) bool { return t.nodes[prefix+"pyvenv.cfg"] != nil }
	hasVirtual := slices.ContainsFunc(slices.Collect(maps.Keys(prefixes)), virtual)
	joined := map[string]string{}
	for _, prefix := range slices.Sorted(maps.Keys(prefixes)) {
		if hasVirtual && !virtual(prefix) {
			continue
		}
		maps.Copy(joined, prefixes[prefix])
	}
	if len(joined) == 0 {
		return nil
	}
	return joined
}
