package wheel

import (
	"fmt"
	"strings"
)

// NormalizeName gives the PEP 503 form of a project or extra name: lower case,
// each run of '-', '_' and '.' one '-'. It does not check the name; see
// [CheckName].
func NormalizeName(s string) string {
	if isNormalized(s) {
		return s
	}
	s = strings.ToLower(s)
	var b strings.Builder
	b.Grow(len(s))
	dash := false
	for i := range len(s) {
		switch c := s[i]; c {
		case '-', '_', '.':
			if !dash {
				b.WriteByte('-')
			}
			dash = true
		default:
			b.WriteByte(c)
			dash = false
		}
	}
	return b.String()
}

// isNormalized spares the usual name the copy; it may say no to a normal one.
func isNormalized(s string) bool {
	dash := false
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z' || '0' <= c && c <= '9':
			dash = false
		case c == '-' && !dash:
			dash = true
		default:
			return false
		}
	}
	return true
}

// CheckName reports whether s is a valid project name as the core metadata
// specification has it: ASCII letters and digits, with '-', '_' and '.' inside.
func CheckName(s string) error {
	if s == "" {
		return fmt.Errorf("check name: empty")
	}
	for i := range len(s) {
		if c := s[i]; !isAlnum(c) && c != '-' && c != '_' && c != '.' {
			return fmt.Errorf("check name %q: only ASCII letters, digits, '-', '_' and '.' are allowed", s)
		}
	}
	if !isAlnum(s[0]) || !isAlnum(s[len(s)-1]) {
		return fmt.Errorf("check name %q: must begin and end with a letter or digit", s)
	}
	return nil
}

func isAlnum(c byte) bool { return isDigit(c) || isLetter(c) }

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isLetter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }
