package wheel

import (
	"cmp"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Version is one PEP 440 version. It is immutable and ordered by
// [Version.Compare]; == does not apply, [Version.Key] gives a map key.
// The zero Version is no version and sorts below all.
type Version struct {
	epoch   number
	release []number
	pre     string // "a", "b", "rc" or none
	preN    number
	post    number // empty means none; so with dev
	dev     number
	local   []string // normalised: lower case, numbers without leading zeros
}

// ParseVersion reads a version in any spelling that PEP 440 admits, such as
// "v1.0-RC.1" or " 1!2.0.post3+Ubuntu_1 ".
func ParseVersion(s string) (Version, error) {
	if len(s) > MaxVersionLength {
		return Version{}, fmt.Errorf("parse version: %d bytes, more than %d", len(s), MaxVersionLength)
	}
	v, ok := parseVersion(s)
	if !ok {
		return Version{}, fmt.Errorf("parse version %q: not a PEP 440 version", s)
	}
	return v, nil
}

func parseVersion(s string) (Version, bool) {
	if !utf8.ValidString(s) {
		return Version{}, false
	}
	p := versionScanner{s: trimSpace(s)}
	if !p.epochAndRelease() {
		return Version{}, false
	}
	p.suffixes()
	p.local()
	if p.pos < len(p.s) {
		return Version{}, false
	}
	return p.v, true
}

// String is the normalised form: "1.0rc1", "1!2.0.post3+ubuntu.1". Trailing
// zeros of the release stay.
func (v Version) String() string {
	if v.release == nil {
		return ""
	}
	return v.format(v.release)
}

// Key is equal for two versions exactly if Compare gives 0: String without the
// trailing zeros of the release.
func (v Version) Key() string {
	if v.release == nil {
		return ""
	}
	release := v.release
	for len(release) > 1 && release[len(release)-1] == "0" {
		release = release[:len(release)-1]
	}
	return v.format(release)
}

func (v Version) format(release []number) string {
	var b strings.Builder
	if v.epoch != "0" {
		b.WriteString(string(v.epoch) + "!")
	}
	for i, n := range release {
		if i > 0 {
			b.WriteByte('.')
		}
		b.WriteString(string(n))
	}
	if v.pre != "" {
		b.WriteString(v.pre + string(v.preN))
	}
	if v.post != "" {
		b.WriteString(".post" + string(v.post))
	}
	if v.dev != "" {
		b.WriteString(".dev" + string(v.dev))
	}
	if len(v.local) > 0 {
		b.WriteString("+" + strings.Join(v.local, "."))
	}
	return b.String()
}

// MarshalText gives String, so that a Version is a string in JSON.
func (v Version) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// UnmarshalText accepts what ParseVersion does.
func (v *Version) UnmarshalText(text []byte) error {
	parsed, err := ParseVersion(string(text))
	if err != nil {
		return err
	}
	*v = parsed
	return nil
}

// IsZero tells the zero Version, which no version parses to.
func (v Version) IsZero() bool { return v.release == nil }

// IsPrerelease is true for alpha, beta, candidate and development versions.
func (v Version) IsPrerelease() bool { return v.pre != "" || v.dev != "" }

// IsPostrelease is true if the version has a post-release part.
func (v Version) IsPostrelease() bool { return v.post != "" }

// IsDevrelease is true if the version has a development part.
func (v Version) IsDevrelease() bool { return v.dev != "" }

// Public is the version without its local part.
func (v Version) Public() Version {
	v.local = nil
	return v
}

// Local is the part after '+', normalised, without the '+'.
func (v Version) Local() string { return strings.Join(v.local, ".") }

// Release is the release part as written but for leading zeros of each
// number: "2.9.1" for 2.9.1rc1+cpu, without the epoch.
func (v Version) Release() string {
	return Version{epoch: "0", release: v.release}.String()
}

// Equal is Compare(w) == 0: 1.0 equals 1.0.0.
func (v Version) Equal(w Version) bool { return v.Compare(w) == 0 }

// Compare orders as PEP 440 does: -1, 0 or 1 as v is before, equal to or after w.
func (v Version) Compare(w Version) int {
	if c := v.comparePublic(w); c != 0 {
		return c
	}
	for i := range min(len(v.local), len(w.local)) {
		if c := compareLocal(v.local[i], w.local[i]); c != 0 {
			return c
		}
	}
	return cmp.Compare(len(v.local), len(w.local))
}

func (v Version) comparePublic(w Version) int {
	if c := v.compareRelease(w); c != 0 {
		return c
	}
	if c := cmp.Compare(v.preRank(), w.preRank()); c != 0 {
		return c
	}
	if c := v.preN.compare(w.preN); c != 0 {
		return c
	}
	if c := v.post.compare(w.post); c != 0 { // none is "", below every number
		return c
	}
	switch {
	case v.dev == w.dev:
		return 0
	case v.dev == "":
		return 1
	case w.dev == "":
		return -1
	}
	return v.dev.compare(w.dev)
}

// compareRelease compares epoch and release only, missing places being 0.
func (v Version) compareRelease(w Version) int {
	if c := v.epoch.compare(w.epoch); c != 0 {
		return c
	}
	for i := range max(len(v.release), len(w.release)) {
		if c := place(v.release, i).compare(place(w.release, i)); c != 0 {
			return c
		}
	}
	return 0
}

func place(release []number, i int) number {
	if i < len(release) {
		return release[i]
	}
	return "0"
}

// preRank places 1.0.dev1 before 1.0a1, and 1.0 after 1.0rc1.
func (v Version) preRank() int {
	switch {
	case v.pre == "" && v.post == "" && v.dev != "":
		return 0
	case v.pre == "a":
		return 1
	case v.pre == "b":
		return 2
	case v.pre == "rc":
		return 3
	}
	return 4
}

// compareLocal orders segments of a local version: words before numbers.
func compareLocal(a, b string) int {
	an, bn := allDigits(a), allDigits(b)
	switch {
	case an && bn:
		return number(a).compare(number(b))
	case an:
		return 1
	case bn:
		return -1
	}
	return strings.Compare(a, b)
}

func allDigits(s string) bool {
	for i := range len(s) {
		if !isDigit(s[i]) {
			return false
		}
	}
	return s != ""
}

// isSpace is white space as Python's str.isspace and \s see it: four control
// characters more than Unicode's White_Space.
func isSpace(r rune) bool { return unicode.IsSpace(r) || 0x1c <= r && r <= 0x1f }

func trimSpace(s string) string { return strings.TrimFunc(s, isSpace) }
