package wheel

import (
	"strconv"
	"strings"
)

// Rule names what an [Error] is about. The values are stable: programs may
// print them and scripts may match them.
type Rule string

// Rules of file names, archives and their contents.
const (
	RuleFilename  Rule = "filename"   // not a wheel or sdist file name
	RuleArchive   Rule = "archive"    // not a readable zip or tar.gz
	RuleLimit     Rule = "limit"      // larger than Limits allow
	RuleDistInfo  Rule = "dist-info"  // none, several, or that of another release
	RuleMember    Rule = "member"     // a required member is missing, repeated or unreadable
	RuleWheelFile Rule = "wheel-file" // WHEEL does not parse
	RuleMetadata  Rule = "metadata"   // METADATA or PKG-INFO does not parse
	RuleName      Rule = "name"       // metadata and file name disagree on the name
	RuleVersion   Rule = "version"    // metadata and file name disagree on the version
	RuleRecord    Rule = "record"     // RECORD does not parse
)

// Error says why a distribution was refused. Errors of the reader itself
// (disk, network) are never wrapped in it, so a caller can tell a bad wheel
// from a bad disk.
type Error struct {
	File   string // file name as given, may be empty where none is known
	Member string // member of the archive, empty if it is about the file as a whole
	Rule   Rule
	Reason string // one line, lower case, without the names above
}

// Warning is something odd in a distribution that is accepted all the same.
type Warning struct {
	Member string // empty if it is about the file as a whole
	Rule   Rule
	Reason string // one line, lower case
}

// Error is "file: member: reason" on one line, names that hold control
// characters or quotes being quoted.
func (e *Error) Error() string {
	parts := make([]string, 0, 3)
	for _, p := range []string{printable(e.File), printable(e.Member), e.Reason} {
		if p != "" {
			parts = append(parts, p)
		}
	}
	return strings.Join(parts, ": ")
}

// printable quotes names that would otherwise spoil a log or a terminal.
func printable(s string) string {
	if quoted := strconv.Quote(s); quoted[1:len(quoted)-1] != s {
		return quoted
	}
	return s
}
