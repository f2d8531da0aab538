package gate

import (
	"path"
	"regexp"
	"strings"

	"github.com/pinwheel-oci/pinwheel/pkg/facts"
)

// content is what the libraries of one wheel are to each other.
type content struct {
	libraries []facts.Library
	own       map[string][]int // by SONAME and base name
	reached   []bool           // from a module that Python can import
	groups    map[string][]int // members that are alternatives
}

func newContent(w *facts.Wheel) *content {
	c := &content{libraries: w.Libraries, own: map[string][]int{}, reached: make([]bool, len(w.Libraries)), groups: map[string][]int{}}
	for i, l := range w.Libraries {
		for _, name := range providedNames(l) {
			c.own[name] = append(c.own[name], i)
		}
		for _, key := range groupKeys(l) {
			c.groups[key] = append(c.groups[key], i)
		}
	}
	for i, l := range w.Libraries {
		if len(l.Modules) > 0 {
			c.reach(i)
		}
	}
	return c
}

func (c *content) reach(i int) {
	if c.reached[i] {
		return
	}
	c.reached[i] = true
	for _, name := range c.libraries[i].Needed {
		for _, k := range c.own[name] {
			c.reach(k)
		}
	}
}

var digits = regexp.MustCompile(`[0-9]+`)

// groupKeys are the groups of alternatives that a library belongs to: those
// whose names differ in digits only (libcore4.so, libcore5.so) and those that
// are the same module to Python.
func groupKeys(l facts.Library) []string {
	dir, base := path.Split(l.Member)
	var keys []string
	stem, rest, _ := strings.Cut(base, ".")
	if bare := digits.ReplaceAllString(stem, ""); bare != stem {
		keys = append(keys, "name "+dir+bare+"."+rest)
	}
	for _, m := range l.Modules {
		keys = append(keys, "module "+dir+m)
	}
	return keys
}

// kinship says how sure it is that libraries are alternatives of each other.
type kinship int

const (
	stranger kinship = iota
	// perhaps is for modules of different names, such as _ext1 and _ext2: a
	// package may try one after the other, or import both.
	perhaps
	alternative
)

// alternative finds out whether library i is one of several of which another
// one is ok.
func (c *content) alternative(i int, ok func(int) bool) kinship {
	best := stranger
	for _, key := range groupKeys(c.libraries[i]) {
		for _, k := range c.groups[key] {
			if k == i || best == alternative || !ok(k) {
				continue
			}
			best = alternative
			if strings.HasPrefix(key, "name ") && isModule(c.libraries[i]) && isModule(c.libraries[k]) {
				best = perhaps
			}
		}
	}
	return best
}

// severity is that of a finding on library i: an error only if Python gets to
// it by importing and no alternative to it is ok.
func (c *content) severity(i int, ok func(int) bool) (severity, why string) {
	if !c.reached[i] {
		return Note, "; no module that Python imports needs this library"
	}
	return c.alternative(i, ok).severity()
}

func (k kinship) severity() (severity, why string) {
	switch k {
	case perhaps:
		return Warn, "; a module whose name differs in a number only is fine, but a package may import both"
	case alternative:
		return Note, "; another variant of this library is fine"
	}
	return Error, ""
}

// vendored matches the names that auditwheel gives to what it puts into a
// wheel: they are for that wheel alone.
var vendored = regexp.MustCompile(`-[0-9a-f]{8}(\.[0-9]+)*\.so(\.|$)`)

// content of a file, made once; nil if there are no libraries.
func (f *file) content() *content {
	if f.inside == nil && f.facts != nil && len(f.facts.Libraries) > 0 {
		f.inside = newContent(f.facts)
	}
	return f.inside
}
