package wheel

import "strings"

// versionScanner reads a version from the beginning of s, longest match and
// no backtracking, as the possessive regular expression in PEP 440's appendix
// does. Versions and specifiers share it.
type versionScanner struct {
	s   string
	pos int
	v   Version
}

// epochAndRelease reads "v1!2.0".
func (p *versionScanner) epochAndRelease() bool {
	if p.pos < len(p.s) && p.s[p.pos]|0x20 == 'v' {
		p.pos++
	}
	p.v.epoch = "0"
	first := p.digits()
	if first == "" {
		return false
	}
	if p.pos < len(p.s) && p.s[p.pos] == '!' {
		p.v.epoch = newNumber(first)
		p.pos++
		if first = p.digits(); first == "" {
			return false
		}
	}
	p.v.release = append(make([]number, 0, 4), newNumber(first))
	for p.pos+1 < len(p.s) && p.s[p.pos] == '.' && isDigit(p.s[p.pos+1]) {
		p.pos++
		p.v.release = append(p.v.release, newNumber(p.digits()))
	}
	return true
}

// suffixes reads pre-release, post-release and development parts.
func (p *versionScanner) suffixes() {
	if word, n, ok := p.part("alpha", "a", "beta", "b", "preview", "pre", "c", "rc"); ok {
		switch word {
		case "alpha":
			word = "a"
		case "beta":
			word = "b"
		case "preview", "pre", "c":
			word = "rc"
		}
		p.v.pre, p.v.preN = word, n
	}
	if p.pos+1 < len(p.s) && p.s[p.pos] == '-' && isDigit(p.s[p.pos+1]) {
		p.pos++
		p.v.post = newNumber(p.digits())
	} else if _, n, ok := p.part("post", "rev", "r"); ok {
		p.v.post = n
	}
	if _, n, ok := p.part("dev"); ok {
		p.v.dev = n
	}
}

// part reads an optional separator, one of the words, again an optional
// separator and an optional number.
func (p *versionScanner) part(words ...string) (word string, n number, ok bool) {
	start := p.pos
	p.separator()
	rest := p.s[p.pos:]
	for _, w := range words {
		if len(rest) >= len(w) && strings.EqualFold(rest[:len(w)], w) && isASCII(rest[:len(w)]) {
			p.pos += len(w)
			p.separator()
			return w, newNumber(p.digits()), true
		}
	}
	p.pos = start
	return "", "", false
}

// local reads "+ubuntu.1" if it is there.
func (p *versionScanner) local() {
	if p.pos+1 >= len(p.s) || p.s[p.pos] != '+' || !isAlnum(p.s[p.pos+1]) {
		return
	}
	for {
		p.pos++
		start := p.pos
		for p.pos < len(p.s) && isAlnum(p.s[p.pos]) {
			p.pos++
		}
		segment := strings.ToLower(p.s[start:p.pos])
		if allDigits(segment) {
			segment = string(newNumber(segment))
		}
		p.v.local = append(p.v.local, segment)
		if p.pos+1 >= len(p.s) || !isSeparator(p.s[p.pos]) || !isAlnum(p.s[p.pos+1]) {
			return
		}
	}
}

func (p *versionScanner) separator() {
	if p.pos < len(p.s) && isSeparator(p.s[p.pos]) {
		p.pos++
	}
}

func (p *versionScanner) digits() string {
	start := p.pos
	for p.pos < len(p.s) && isDigit(p.s[p.pos]) {
		p.pos++
	}
	return p.s[start:p.pos]
}

func isSeparator(c byte) bool { return c == '.' || c == '-' || c == '_' }

// isASCII guards EqualFold, which equates 's' with the long s and 'k' with the
// Kelvin sign.
func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
