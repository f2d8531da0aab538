package wheel

import (
	"errors"
	"strings"
)

// Errors of [Marker.Evaluate], for errors.Is.
var (
	// ErrUndefinedName says that a marker names a variable which the
	// environment does not have, such as "extras" outside of a lock file.
	ErrUndefinedName = errors.New("undefined environment name")
	// ErrUndefinedComparison says that an operator does not apply to its
	// operands, such as "~=" on sys_platform.
	ErrUndefinedComparison = errors.New("undefined comparison")
)

// Environment is what markers are evaluated against: the variables of PEP 508
// for one interpreter on one platform. Fields left empty are empty strings to
// markers, they are not guessed from others or from this process.
type Environment struct {
	ImplementationName           string // cpython
	ImplementationVersion        string // 3.12.4
	OSName                       string // posix
	PlatformMachine              string // x86_64
	PlatformPythonImplementation string // CPython
	PlatformRelease              string // 5.14.0-427.el9.x86_64
	PlatformSystem               string // Linux
	PlatformVersion              string // #1 SMP …
	PythonFullVersion            string // 3.12.4
	PythonVersion                string // 3.12
	SysPlatform                  string // linux

	// Extra is the extra that `extra == "…"` sees, in any spelling.
	Extra string
	// SelectedExtras, if not empty, takes the place of Extra: all selected
	// extras at once. Only == (is among them) and != (is not) apply.
	SelectedExtras []string
	// Sets holds the set-valued variables of lock files (PEP 751), "extras" and
	// "dependency_groups". One that is absent is an undefined name.
	Sets map[string][]string
}

// value is what a variable stands for: a string, or a set if isSet.
type value struct {
	text  string
	set   []string
	isSet bool
}

func (v value) has(s string) bool {
	for _, member := range v.set {
		if member == s {
			return true
		}
	}
	return false
}

// lookup resolves a variable by its name with underscores.
func (e *Environment) lookup(name string) (value, bool) {
	switch name {
	case "implementation_name":
		return value{text: e.ImplementationName}, true
	case "implementation_version":
		return value{text: e.ImplementationVersion}, true
	case "os_name":
		return value{text: e.OSName}, true
	case "platform_machine":
		return value{text: e.PlatformMachine}, true
	case "platform_python_implementation":
		return value{text: e.PlatformPythonImplementation}, true
	case "platform_release":
		return value{text: e.PlatformRelease}, true
	case "platform_system":
		return value{text: e.PlatformSystem}, true
	case "platform_version":
		return value{text: e.PlatformVersion}, true
	case "python_full_version":
		return value{text: fullVersion(e.PythonFullVersion)}, true
	case "python_version":
		return value{text: e.PythonVersion}, true
	case "sys_platform":
		return value{text: e.SysPlatform}, true
	case "extra":
		return e.extra(), true
	}
	set, ok := e.Sets[name]
	return value{set: normalizeAll(set), isSet: true}, ok
}

func (e *Environment) extra() value {
	if len(e.SelectedExtras) == 0 {
		return value{text: NormalizeName(e.Extra)}
	}
	return value{set: normalizeAll(e.SelectedExtras), isSet: true}
}

func normalizeAll(names []string) []string {
	normal := make([]string, len(names))
	for i, name := range names {
		normal[i] = NormalizeName(name)
	}
	return normal
}

// fullVersion repairs what interpreters built from an untagged checkout report:
// "3.13.0+" is not PEP 440.
func fullVersion(s string) string {
	if strings.HasSuffix(s, "+") {
		return s + "local"
	}
	return s
}
