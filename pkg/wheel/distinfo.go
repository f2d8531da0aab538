package wheel

import (
	"fmt"
	"strings"
)

// distInfo is where a wheel describes itself.
type distInfo struct {
	metadata, wheel, record zipMember
}

// findDistInfo walks the directory once. Every member is seen, so that a second
// dist-info cannot hide behind the first.
func findDistInfo(z *zipArchive, f Filename) (distInfo, error) {
	var d distInfo
	directory := ""
	err := z.each(func(m zipMember) error {
		root, rest, _ := strings.Cut(m.name, "/")
		if !strings.HasSuffix(root, ".dist-info") {
			return nil
		}
		if directory == "" {
			directory = root
		}
		if root != directory {
			return &Error{Rule: RuleDistInfo, Reason: fmt.Sprintf("two dist-info directories, %s and %s", printable(directory), printable(root))}
		}
		var member *zipMember
		switch rest {
		case "METADATA":
			member = &d.metadata
		case "WHEEL":
			member = &d.wheel
		case "RECORD":
			member = &d.record
		default:
			return nil
		}
		if member.name != "" {
			return &Error{Member: m.name, Rule: RuleMember, Reason: "stands in the archive more than once"}
		}
		*member = m
		return nil
	})
	if err != nil {
		return d, err
	}
	if directory == "" {
		return d, &Error{Rule: RuleDistInfo, Reason: "no dist-info directory"}
	}
	if stem := strings.TrimSuffix(directory, ".dist-info"); !isRelease(stem, f) {
		return d, &Error{Rule: RuleDistInfo, Reason: fmt.Sprintf(
			"%s is not that of %s %s, which the file name says", printable(directory), f.Name, f.Version)}
	}
	for _, want := range []struct {
		name   string
		member zipMember
	}{{"METADATA", d.metadata}, {"WHEEL", d.wheel}, {"RECORD", d.record}} {
		if want.member.name == "" {
			return d, &Error{Member: directory + "/" + want.name, Rule: RuleMember, Reason: "is missing"}
		}
	}
	return d, nil
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
