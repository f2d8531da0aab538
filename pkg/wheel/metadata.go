package wheel

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Metadata is what METADATA or PKG-INFO says (core metadata, up to 2.5).
// Values are as written, without surrounding blanks: Requires-Dist of old
// releases need not parse. Unknown fields are left out.
type Metadata struct {
	MetadataVersion        string
	Name                   string
	Version                Version
	RawVersion             string // as written
	Summary                string
	Description            string
	DescriptionContentType string
	Keywords               string
	HomePage               string
	Author                 string
	AuthorEmail            string
	Maintainer             string
	MaintainerEmail        string
	License                string
	LicenseExpression      string
	LicenseFiles           []string
	Classifiers            []string
	RequiresPython         string
	RequiresDist           []string
	ProvidesExtra          []string
	ProjectURLs            []string // "label, URL"
	Dynamic                []string
	// Defect, if not empty, says what is odd about the header: a line that is
	// neither field nor continuation, behind which clients take all for the
	// description, or one without a field's name that they pass over.
	// ParseMetadata does as they do.
	Defect string
}

// ParseMetadata reads core metadata: header fields, an empty line, and the
// description. Lines end as in Python's email package, which pip reads it
// with. Metadata-Version, Name and Version are required; a field that may
// stand once and stands twice is an error, since readers would differ, and so
// is text that is not UTF-8. Errors are of type [*Error] with RuleMetadata.
// The caller bounds the size ([Limits].Metadata).
func ParseMetadata(data []byte) (*Metadata, error) {
	if !utf8.Valid(data) {
		return nil, metadataError("not UTF-8")
	}
	m := &Metadata{}
	seen := make(map[string]bool)
	body, defect, err := eachField(data, func(f header) error { return m.take(f, seen) })
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"Metadata-Version", "Name", "Version"} {
		if *m.single(strings.ToLower(name)) == "" {
			return nil, metadataError("field %s is missing", name)
		}
	}
	if err := m.check(); err != nil {
		return nil, err
	}
	m.Defect = defect
	if m.Description == "" {
		m.Description = string(body)
	}
	return m, nil
}

// take stores a field; seen are those that may stand once.
func (m *Metadata) take(f header, seen map[string]bool) error {
	if f.name == "name" && f.value == "" || f.name == "version" && f.value == "" {
		return metadataError("field %s is empty", f.spelled)
	}
	if list := m.list(f.name); list != nil {
		*list = append(*list, f.value)
		return nil
	}
	field := m.single(f.name)
	if field == nil {
		return nil
	}
	if seen[f.name] {
		return metadataError("field %s stands more than once", f.spelled)
	}
	seen[f.name] = true
	*field = f.value
	return nil
}

func (m *Metadata) check() error {
	major, _, _ := strings.Cut(m.MetadataVersion, ".")
	if major != "1" && major != "2" {
		return metadataError("Metadata-Version %q is not supported, only 1.x and 2.x are", m.MetadataVersion)
	}
	if err := CheckName(m.Name); err != nil {
		return metadataError("Name %q is not a project name", m.Name)
	}
	var ok bool
	if m.Version, ok = parseVersion(m.RawVersion); !ok {
		return metadataError("Version %q is not a PEP 440 version", m.RawVersion)
	}
	return nil
}

// LicenseLine is the licence for people: the SPDX expression if there is one, else the
// first line of License, else nothing. Placeholders of old tools are nothing.
func (m *Metadata) LicenseLine() string {
	if m.LicenseExpression != "" {
		return m.LicenseExpression
	}
	first, _, _ := strings.Cut(m.License, "\n")
	if first = strings.TrimSpace(first); first == "UNKNOWN" {
		return ""
	}
	return first
}

func (m *Metadata) single(name string) *string {
	switch name {
	case "metadata-version":
		return &m.MetadataVersion
	case "name":
		return &m.Name
	case "version":
		return &m.RawVersion
	case "summary":
		return &m.Summary
	case "description":
		return &m.Description
	case "description-content-type":
		return &m.DescriptionContentType
	case "keywords":
		return &m.Keywords
	case "home-page":
		return &m.HomePage
	case "author":
		return &m.Author
	case "author-email":
		return &m.AuthorEmail
	case "maintainer":
		return &m.Maintainer
	case "maintainer-email":
		return &m.MaintainerEmail
	case "license":
		return &m.License
	case "license-expression":
		return &m.LicenseExpression
	case "requires-python":
		return &m.RequiresPython
	}
	return nil
}

func (m *Metadata) list(name string) *[]string {
	switch name {
	case "license-file":
		return &m.LicenseFiles
	case "classifier":
		return &m.Classifiers
	case "requires-dist":
		return &m.RequiresDist
	case "provides-extra":
		return &m.ProvidesExtra
	case "project-url":
		return &m.ProjectURLs
	case "dynamic":
		return &m.Dynamic
	}
	return nil
}

// header is one field; name is in lower case, spelled is as it stands.
type header struct{ name, spelled, value string }

// eachField reads "Name: value" lines and their continuations up to the first
// empty line, and shows each field until take returns an error. Any other line
// begins the body, but for one that begins with "From " or a colon, which is
// passed over with its continuations: so do Python's email package and pip, and
// uv with them. defect tells of the first such line.
func eachField(data []byte, take func(header) error) (body []byte, defect string, err error) {
	var last header
	var value []byte // of last, as it grows
	end := func() error {
		if last.name == "" {
			return nil
		}
		last.value = string(bytes.TrimSpace(value))
		return take(last)
	}
	odd := func(format string, line int) {
		if defect == "" {
			defect = fmt.Sprintf(format, line)
		}
	}
	for n := 1; len(data) > 0; n++ {
		line, rest := cutLine(data)
		switch name, first, ok := cutField(line); {
		case len(line) == 0:
			return rest, defect, end()
		case line[0] == ' ' || line[0] == '\t':
			if n == 1 {
				return data, "line 1 is a continuation of nothing", nil
			}
			value = append(append(value, '\n'), bytes.TrimSpace(line)...)
		case ok:
			if err := end(); err != nil {
				return nil, "", err
			}
			last, value = header{name: strings.ToLower(name), spelled: name}, append(value[:0], first...)
		case line[0] == ':' || bytes.HasPrefix(line, []byte("From ")):
			if err := end(); err != nil {
				return nil, "", err
			}
			odd("line %d names no field and is passed over", n)
			last = header{}
		default:
			odd("line %d is neither a field nor a continuation; all that follows is taken for the description", n)
			return data, defect, end()
		}
		data = rest
	}
	return nil, defect, end()
}

// cutLine cuts at "\n", "\r\n" or a lone "\r".
func cutLine(data []byte) (line, rest []byte) {
	i := bytes.IndexAny(data, "\r\n")
	if i < 0 {
		return data, nil
	}
	line, rest = data[:i], data[i+1:]
	if data[i] == '\r' && len(rest) > 0 && rest[0] == '\n' {
		rest = rest[1:]
	}
	return line, rest
}

// cutField cuts a header line; names are printable ASCII without blanks (RFC 5322).
func cutField(line []byte) (name string, value []byte, ok bool) {
	i := bytes.IndexByte(line, ':')
	if i <= 0 || slices.ContainsFunc(line[:i], func(c byte) bool { return c <= ' ' || c > '~' }) {
		return "", nil, false
	}
	return string(line[:i]), line[i+1:], true
}

func metadataError(format string, args ...any) error {
	return &Error{Rule: RuleMetadata, Reason: fmt.Sprintf(format, args...)}
}
