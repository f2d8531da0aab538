package wheel

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// BuildInfo is what the WHEEL file in a dist-info directory says.
type BuildInfo struct {
	Version       string // of the wheel format, "1.0"
	Generator     string
	RootIsPurelib bool
	Tags          []Tag // expanded
	Build         string
}

// ParseWheelFile reads a WHEEL file. Wheel-Version has to be 1.x, as installers
// refuse others; tags have to parse. Errors are of type [*Error] with
// RuleWheelFile.
func ParseWheelFile(data []byte) (*BuildInfo, error) {
	if !utf8.Valid(data) {
		return nil, wheelFileError("not UTF-8")
	}
	var w BuildInfo
	seen := map[string]bool{}
	_, defect, err := eachField(data, func(f header) error { return w.take(f, seen) })
	if err != nil {
		return nil, err
	}
	if defect != "" {
		return nil, wheelFileError("%s", defect)
	}
	major, minor, ok := strings.Cut(w.Version, ".")
	if major != "1" || !ok || !allDigits(minor) {
		return nil, wheelFileError("Wheel-Version is %q, only 1.x is supported", w.Version)
	}
	return &w, nil
}

// take stores a field; seen are those that may stand once.
func (w *BuildInfo) take(f header, seen map[string]bool) error {
	switch f.name {
	case "wheel-version", "root-is-purelib", "build":
		if seen[f.name] {
			return wheelFileError("field %s stands more than once", f.spelled)
		}
		seen[f.name] = true
	}
	switch f.name {
	case "wheel-version":
		w.Version = f.value
	case "generator":
		w.Generator = f.value
	case "root-is-purelib":
		w.RootIsPurelib = strings.EqualFold(f.value, "true")
	case "build":
		w.Build = f.value
	case "tag":
		tags, err := ParseTags(f.value)
		if err != nil {
			return wheelFileError("%v", err)
		}
		if w.Tags = append(w.Tags, tags...); len(w.Tags) > MaxTags {
			return wheelFileError("more than %d tags", MaxTags)
		}
	}
	return nil
}

func wheelFileError(format string, args ...any) error {
	return &Error{Rule: RuleWheelFile, Reason: fmt.Sprintf(format, args...)}
}
