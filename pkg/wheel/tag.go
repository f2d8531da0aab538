package wheel

import (
	"cmp"
	"fmt"
	"strings"
)

// Tag is one compatibility tag of PEP 425, in lower case.
type Tag struct {
	Python   string // cp312, py3
	ABI      string // cp312, abi3, none
	Platform string // manylinux_2_34_x86_64, any
}

// String is "cp312-abi3-linux_x86_64".
func (t Tag) String() string { return t.Python + "-" + t.ABI + "-" + t.Platform }

// ParseTags expands a compressed tag set such as
// "cp311.cp312-abi3-manylinux_2_17_x86_64.manylinux2014_x86_64". The order is
// that of the text, Python first; repeated tags come once. Tags that are not
// ASCII and sets of more than [MaxTags] are refused.
func ParseTags(s string) ([]Tag, error) {
	if !isASCII(s) {
		return nil, fmt.Errorf("parse tags %q: not ASCII", s)
	}
	fields := strings.Split(s, "-")
	if len(fields) != 3 {
		return nil, fmt.Errorf("parse tags %q: %d parts, want python-abi-platform", s, len(fields))
	}
	var parts [3][]string
	count := 1
	for i, field := range fields {
		parts[i] = strings.Split(strings.ToLower(field), ".")
		for _, part := range parts[i] {
			if part == "" {
				return nil, fmt.Errorf("parse tags %q: a part is empty", s)
			}
		}
		if count *= len(parts[i]); count > MaxTags {
			return nil, fmt.Errorf("parse tags %q: more than %d tags", s, MaxTags)
		}
	}
	for _, python := range parts[0] {
		if !isIdentifier(python) {
			return nil, fmt.Errorf("parse tags %q: %q is not a Python tag", s, python)
		}
	}
	tags := make([]Tag, 0, count)
	seen := make(map[Tag]bool, count)
	for _, python := range parts[0] {
		for _, abi := range parts[1] {
			for _, platform := range parts[2] {
				t := Tag{Python: python, ABI: abi, Platform: platform}
				if !seen[t] {
					seen[t] = true
					tags = append(tags, t)
				}
			}
		}
	}
	return tags, nil
}

func isIdentifier(s string) bool {
	for i := range len(s) {
		if !isAlnum(s[i]) && s[i] != '_' {
			return false
		}
	}
	return s != "" && !isDigit(s[0])
}

// BuildTag orders wheels of the same version: by number, then by suffix. The
// zero value is no build tag and sorts below all.
type BuildTag struct {
	Number string // decimal of any length, without leading zeros
	Suffix string
}

// ParseBuildTag reads a build tag, which begins with a digit.
func ParseBuildTag(s string) (BuildTag, error) {
	n := 0
	for n < len(s) && isDigit(s[n]) {
		n++
	}
	if n == 0 {
		return BuildTag{}, fmt.Errorf("parse build tag %q: must begin with a digit", s)
	}
	return BuildTag{Number: string(newNumber(s[:n])), Suffix: s[n:]}, nil
}

// IsZero is true if there is no build tag.
func (b BuildTag) IsZero() bool { return b == BuildTag{} }

// String is the number without leading zeros, then the suffix.
func (b BuildTag) String() string { return b.Number + b.Suffix }

// Compare orders as pip does when it chooses between wheels.
func (b BuildTag) Compare(c BuildTag) int {
	return cmp.Or(number(b.Number).compare(number(c.Number)), strings.Compare(b.Suffix, c.Suffix))
}
