package wheel

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxScriptName is in bytes; with a suffix it has to be a file name.
const maxScriptName = 200

// checkEntryPoints judges entry_points.txt (PyPA entry points specification).
// Installers make a program of each entry in console_scripts and gui_scripts,
// so that names there have to be plain file names and objects have to be
// importable; in other groups only readers suffer from a bad line.
func (r *report) checkEntryPoints(data []byte, member string) {
	if !utf8.Valid(data) {
		r.refuse(RuleEntryPoints, member, "is not UTF-8")
		return
	}
	section := ""
	seen := make(map[string]bool)
	for n, line := range strings.Split(strings.ReplaceAll(string(data), "\r\n", "\n"), "\n") {
		text := strings.TrimSpace(line)
		switch {
		case text == "" || text[0] == '#' || text[0] == ';':
			continue
		case text[0] == '[':
			if section = strings.TrimSuffix(text[1:], "]"); !strings.HasSuffix(text, "]") || section == "" {
				r.refuse(RuleEntryPoints, member, "line %d is no section", n+1)
				return
			}
			continue
		case section == "":
			r.refuse(RuleEntryPoints, member, "line %d stands before any section", n+1)
			return
		}
		name, object, ok := strings.Cut(text, "=")
		name, object = strings.TrimSpace(name), strings.TrimSpace(object)
		if !ok {
			r.refuse(RuleEntryPoints, member, "line %d is not name = object", n+1)
			continue
		}
		scripts := section == "console_scripts" || section == "gui_scripts"
		switch reason := checkEntry(name, object, scripts); {
		case reason != "" && scripts:
			r.refuse(RuleEntryPoints, member, "line %d: %s", n+1, reason)
		case reason != "":
			r.warn(RuleEntryPoints, member, "line %d: %s", n+1, reason)
		case seen[section+"\n"+name]:
			r.warn(RuleEntryPoints, member, "line %d: %s stands in [%s] twice", n+1, printable(name), printable(section))
		}
		seen[section+"\n"+name] = true
	}
}

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
	case name == "." || name == ".." || len(name) > maxScriptName || strings.ContainsAny(name, "/\\") || strings.ContainsFunc(name, unicode.IsControl):
		return "the script name " + printable(name) + " is no plain file name"
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
