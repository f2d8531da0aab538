package wheel

import (
	"fmt"
	"strings"
	"unicode"
)

// Bounds on the paths of members, in bytes. With the directory of an
// environment before it, a path has to stay below the 4096 of Linux.
const (
	maxPath    = 1024
	maxSegment = 255
)

// checkPath says why a member's name is no plain relative path, or "". A name
// that ends in a slash is a directory. What is legal on Linux only (reserved
// names of Windows, a colon inside a name) is accepted.
func checkPath(name string) string {
	path := strings.TrimSuffix(name, "/")
	switch {
	case path == "":
		return "the path is empty"
	case len(path) > maxPath:
		return fmt.Sprintf("the path has %d bytes, more than %d", len(path), maxPath)
	case path[0] == '/':
		return "the path is absolute"
	case strings.ContainsRune(path, '\\'):
		return "the path holds a backslash"
	case len(path) > 1 && path[1] == ':' && isLetter(path[0]):
		return "the path begins with a drive letter"
	case strings.ContainsFunc(path, func(r rune) bool { return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' }):
		return "the path holds a control character or a separator of lines"
	case strings.ContainsFunc(path, reordersText):
		return "the path holds a character that changes the direction of text"
	}
	for segment := range strings.SplitSeq(path, "/") {
		switch {
		case segment == "":
			return "a part of the path is empty"
		case segment == "." || segment == "..":
			return fmt.Sprintf("a part of the path is %q", segment)
		case len(segment) > maxSegment:
			return fmt.Sprintf("a part of the path has %d bytes, more than %d", len(segment), maxSegment)
		}
	}
	return ""
}

// reordersText is true for the marks, overrides and embeddings with which a name
// looks like another one.
func reordersText(r rune) bool {
	return r == '\u061c' || r == '\u200e' || r == '\u200f' || '\u202a' <= r && r <= '\u202e' || '\u2066' <= r && r <= '\u2069'
}

// Types of files in Unix modes.
const (
	modeType      = 0o170000
	modeRegular   = 0o100000
	modeDirectory = 0o040000
	modeSpecial   = 0o7000 // set-user-ID, set-group-ID, sticky
)

// checkPaths judges names and kinds of all members of a zip.
func (r *report) checkPaths(members []zipMember) {
	for i := range members {
		m := &members[i]
		if reason := checkPath(m.name); reason != "" {
			r.refuse(RulePath, m.name, "%s", reason)
			continue
		}
		switch kind := m.mode & modeType; {
		case kind == 0 || kind == modeRegular || kind == modeDirectory && m.isDirectory():
		case kind == modeDirectory:
			r.refuse(RuleLink, m.name, "has the mode of a directory and the name of a file")
		default:
			r.refuse(RuleLink, m.name, "is neither file nor directory (mode %o)", m.mode)
		}
		if m.mode&modeSpecial != 0 && !m.isDirectory() {
			r.warn(RuleMode, m.name, "has mode %o; installers drop the special bits", m.mode)
		}
	}
}
