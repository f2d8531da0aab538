package wheel

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxScriptName is in bytes; with a suffix it has to be a file name.
const maxScriptName = 200

// checkEntryPoints judges entry_points.txt (PyPA entry points specification).
// Installers make a program of each entry in console_scripts and gui_scripts,
// so that names there have to be plain file names and objects have to be
// importable; in other groups only readers suffer from a bad line. What readers
// take for different lines, sections or comments is refused.
func (r *report) checkEntryPoints(data []byte, member string) {
	text := strings.ReplaceAll(string(data), "\r\n", "\n")
	switch {
	case !utf8.Valid(data):
		r.refuse(RuleEntryPoints, member, "is not UTF-8")
		return
	case strings.ContainsFunc(text, splitsLines):
		r.refuse(RuleEntryPoints, member, "holds a control character or line separator, where some readers begin a line")
		return
	}
	section, scripts := "", false
	var seen map[string]bool // names of the section
	for n, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || line[0] == '#' || line[0] == ';' && section == "":
			continue
		case line[0] == ';':
			r.refuse(RuleEntryPoints, member, "line %d begins with a semicolon: pip takes it for an entry and uv for a comment", n+1)
			return
		case line[0] == '[':
			var ok bool
			if section, ok = cutSection(line); !ok {
				r.refuse(RuleEntryPoints, member, "line %d is no section", n+1)
				return
			}
			scripts = strings.EqualFold(section, "console_scripts") || strings.EqualFold(section, "gui_scripts")
			seen = make(map[string]bool)
			continue
		case section == "":
			r.refuse(RuleEntryPoints, member, "line %d stands before any section", n+1)
			return
		}
		name, object, ok := strings.Cut(line, "=")
		name, object = strings.TrimSpace(name), strings.TrimSpace(object)
		if !ok {
			r.refuse(RuleEntryPoints, member, "line %d is not name = object", n+1)
			continue
		}
		switch reason := checkEntry(name, object, scripts); {
		case reason != "" && scripts:
			r.refuse(RuleEntryPoints, member, "line %d: %s", n+1, reason)
		case reason != "":
			r.warn(RuleEntryPoints, member, "line %d: %s", n+1, reason)
		case seen[name]:
			r.warn(RuleEntryPoints, member, "line %d: %v stands twice in its section", n+1, shown(name))
		}
		seen[name] = true
	}
}

// splitsLines is true for what some readers end lines at (str.splitlines of
// Python), but for "\n", and for other control characters.
func splitsLines(c rune) bool {
	return c != '\n' && c != '\t' && unicode.IsControl(c) || c == '\u2028' || c == '\u2029'
}

// cutSection is the name between the brackets of a section's line.
func cutSection(line string) (string, bool) {
	name, ok := strings.CutSuffix(line[1:], "]")
	if name = strings.TrimSpace(name); !ok || name == "" || strings.ContainsAny(name, "[]") {
		return "", false
	}
	return name, true
}

// interpreters are names that uv refuses for scripts, and their like: they would
// take the place of the interpreter of the environment.
var interpreters = regexp.MustCompile(`(?i)^(?:python|pypy|graalpy)w?[0-9.]*t?(?:\.exe|\.py)?$`)

// checkEntry says what is wrong with one entry, or "".
func checkEntry(name, object string, script bool) string {
	if name == "" {
		return "the name is empty"
	}
	module, rest, hasAttribute := strings.Cut(cutExtras(object), ":")
	switch {
	case !isDotted(strings.TrimSpace(module)) || hasAttribute && !isDotted(strings.TrimSpace(rest)):
		return "the object " + printable(object) + " is not module:attribute"
	case !script:
		return ""
	case !hasAttribute:
		return "the script " + printable(name) + " names no function"
	case name == "." || name == ".." || len(name) > maxScriptName || strings.ContainsAny(name, "/\\"):
		return "the script name " + printable(name) + " is no plain file name"
	case strings.ContainsAny(name, " \t[]"):
		return "the script name " + printable(name) + " holds a blank or bracket, with which pip reads another name"
	case interpreters.MatchString(name):
		return "the script " + printable(name) + " would replace the interpreter of an environment"
	}
	return ""
}

// cutExtras removes "[extra, ...]" from the end of an object reference.
func cutExtras(object string) string {
	if i := strings.IndexByte(object, '['); i >= 0 && strings.HasSuffix(object, "]") {
		return strings.TrimSpace(object[:i])
	}
	return object
}

// isDotted is true for Python identifiers with dots between.
func isDotted(s string) bool {
	for part := range strings.SplitSeq(s, ".") {
		if part == "" {
			return false
		}
		for i, c := range part {
			if c != '_' && !unicode.IsLetter(c) && (i == 0 || !unicode.IsDigit(c) && !unicode.IsMark(c)) {
				return false
			}
		}
	}
	return true
}
