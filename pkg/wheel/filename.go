package wheel

import (
	"fmt"
	"strings"
)

// The package types that this package reads, as the upload API and the index
// name them.
const (
	TypeWheel = "bdist_wheel"
	TypeSdist = "sdist"
)

// Filename is the parsed name of a wheel or an sdist.
type Filename struct {
	Type    string // TypeWheel or TypeSdist
	Name    string // project as spelled in the file name
	Project string // normalised
	Version Version
	Build   BuildTag // wheels only, often zero
	Tags    []Tag    // wheels only
}

// ParseAnyFilename parses the name of a wheel or an sdist, whichever it is.
// Errors are of type [*Error] with RuleFilename, as they are for the other two.
func ParseAnyFilename(s string) (Filename, error) {
	switch {
	case strings.HasSuffix(s, ".whl"):
		return ParseFilename(s)
	case sdistStem(s) != "":
		return ParseSdistFilename(s)
	}
	return Filename{}, filenameError(s, "ends neither in .whl nor in .tar.gz or .zip")
}

// ParseFilename parses the name of a wheel, a base name, as the wheel format
// has it: {name}-{version}[-{build}]-{python}-{abi}-{platform}.whl.
//
// It refuses more than packaging's parse_wheel_filename: names beyond
// [MaxFilenameLength], characters other than ASCII letters, digits and
// "._-+!" (so no separators, blanks or control characters), and projects that
// [CheckName] refuses. Names that are not normalised are accepted.
func ParseFilename(s string) (Filename, error) {
	if err := checkFilename(s); err != nil {
		return Filename{}, err
	}
	stem, ok := strings.CutSuffix(s, ".whl")
	if !ok {
		return Filename{}, filenameError(s, "does not end in .whl")
	}
	parts := strings.Split(stem, "-")
	if len(parts) != 5 && len(parts) != 6 {
		return Filename{}, filenameError(s, "%d parts between dashes, want 5, or 6 with a build tag", len(parts))
	}
	f := Filename{Type: TypeWheel}
	if strings.Contains(parts[0], "__") {
		return Filename{}, filenameError(s, "project %q holds two underscores in a row", parts[0])
	}
	if err := f.setRelease(s, parts[0], parts[1]); err != nil {
		return Filename{}, err
	}
	var err error
	if len(parts) == 6 {
		if f.Build, err = ParseBuildTag(parts[2]); err != nil {
			return Filename{}, filenameError(s, "build tag %q does not begin with a digit", parts[2])
		}
	}
	if f.Tags, err = ParseTags(strings.Join(parts[len(parts)-3:], "-")); err != nil {
		return Filename{}, filenameError(s, "%v", err)
	}
	return f, nil
}

// ParseSdistFilename parses {name}-{version}.tar.gz or .zip (PEP 625 and what
// was before it). It is stricter than packaging's parse_sdist_filename where
// [ParseFilename] is.
func ParseSdistFilename(s string) (Filename, error) {
	if err := checkFilename(s); err != nil {
		return Filename{}, err
	}
	stem := sdistStem(s)
	if stem == "" {
		return Filename{}, filenameError(s, "does not end in .tar.gz or .zip")
	}
	dash := strings.LastIndexByte(stem, '-')
	if dash < 0 {
		return Filename{}, filenameError(s, "no dash between project and version")
	}
	f := Filename{Type: TypeSdist}
	if err := f.setRelease(s, stem[:dash], stem[dash+1:]); err != nil {
		return Filename{}, err
	}
	return f, nil
}

// sdistStem is the file name without its extension, "" if it is no sdist.
func sdistStem(s string) string {
	for _, ext := range []string{".tar.gz", ".zip"} {
		if stem, ok := strings.CutSuffix(s, ext); ok {
			return stem
		}
	}
	return ""
}

func (f *Filename) setRelease(file, name, version string) error {
	if err := CheckName(name); err != nil {
		return filenameError(file, "%q is not a project name", name)
	}
	v, ok := parseVersion(version)
	if !ok {
		return filenameError(file, "%q is not a PEP 440 version", version)
	}
	f.Name, f.Project, f.Version = name, NormalizeName(name), v
	return nil
}

func checkFilename(s string) error {
	if len(s) > MaxFilenameLength {
		return filenameError(s[:60]+"…", "%d bytes long, more than %d", len(s), MaxFilenameLength)
	}
	for _, r := range s {
		if r >= 0x80 || !isAlnum(byte(r)) && !strings.ContainsRune("._-+!", r) {
			return filenameError(s, "character %q is not allowed in a file name", r)
		}
	}
	return nil
}

func filenameError(file, format string, args ...any) error {
	return &Error{File: file, Rule: RuleFilename, Reason: fmt.Sprintf(format, args...)}
}
