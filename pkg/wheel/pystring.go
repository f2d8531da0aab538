package wheel

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// unquotePython evaluates the inside of a Python string literal. The caller has
// made sure that the delimiter is not part of it.
func unquotePython(s string) (string, bool) {
	if !strings.ContainsAny(s, "\\\n\r\x00") {
		return s, true
	}
	if strings.HasSuffix(s, `\`) && (len(s)-len(strings.TrimRight(s, `\`)))%2 == 1 {
		return "", false // it would escape the closing quote
	}
	var b strings.Builder
	for s != "" {
		switch s[0] {
		case '\n', '\r', 0:
			return "", false
		case '\\':
			n, ok := unescapePython(&b, s[1:])
			if !ok {
				return "", false
			}
			s = s[1+n:]
		default:
			b.WriteByte(s[0])
			s = s[1:]
		}
	}
	return b.String(), true
}

// unescapePython writes what the escape means whose text, after the backslash,
// is at the beginning of s, and says how many bytes of s it took.
func unescapePython(b *strings.Builder, s string) (int, bool) {
	const simple, means = `\'"abfnrtv`, "\\'\"\a\b\f\n\r\t\v"
	if i := strings.IndexByte(simple, s[0]); i >= 0 {
		b.WriteByte(means[i])
		return 1, true
	}
	switch s[0] {
	case 0:
		return 0, false
	case '\n':
		return 1, true
	case '\r':
		if strings.HasPrefix(s, "\r\n") {
			return 2, true
		}
		return 1, true
	case 'x':
		return unescapeDigits(b, s, 2)
	case 'u':
		return unescapeDigits(b, s, 4)
	case 'U':
		return unescapeDigits(b, s, 8)
	case 'N':
		return 0, false // needs the table of character names
	case '0', '1', '2', '3', '4', '5', '6', '7':
		n := 1
		for n < 3 && n < len(s) && '0' <= s[n] && s[n] <= '7' {
			n++
		}
		r, err := strconv.ParseUint(s[:n], 8, 16)
		b.WriteRune(rune(r))
		return n, err == nil
	}
	b.WriteByte('\\') // an unknown escape stands for itself
	return 0, true
}

func unescapeDigits(b *strings.Builder, s string, digits int) (int, bool) {
	if len(s) <= digits {
		return 0, false
	}
	r, err := strconv.ParseUint(s[1:1+digits], 16, 32)
	if err != nil || r > utf8.MaxRune || !utf8.ValidRune(rune(r)) {
		return 0, false
	}
	b.WriteRune(rune(r))
	return 1 + digits, true
}
