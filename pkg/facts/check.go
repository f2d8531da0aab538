package facts

import (
	"fmt"

	"github.com/pinwheel-oci/pinwheel/pkg/artifact"
)

// Limits of what is stored, in bytes of JSON unless said otherwise.
const (
	MaxWheel   = 16 << 20  // the facts of one wheel, counted by their strings
	MaxExports = 64 << 20  // the exports of one wheel
	MaxBook    = 512 << 20 // all chunks of an artifact together
	MaxChunks  = 16        // chunks of an artifact
)

// check holds facts against docs/format.md, "Facts".
func (w *Wheel) check() error {
	if !artifact.IsSHA256(w.SHA256) {
		return artifact.Violates("sha256", "%q", w.SHA256)
	}
	c := checker{}
	c.list("build-requires", w.BuildRequires)
	c.list("extras", w.Extras)
	c.list("licenses", w.Licenses)
	c.list("requires", w.Requires)
	c.list("sboms", w.SBOMs)
	last := ""
	for i, l := range w.Libraries {
		c.ascending("libraries", i, last, l.Member)
		last = l.Member
		c.library(&l)
	}
	if c.err == nil && c.size > MaxWheel {
		c.err = artifact.Violates("too-large", "%d bytes, the limit is %d", c.size, MaxWheel)
	}
	return artifact.Within("wheel "+w.SHA256, c.err)
}

// checker remembers the first rule that is broken, and counts bytes.
type checker struct {
	size int
	err  error
}

func (c *checker) library(l *Library) {
	if l.Exports < 0 || l.Exports > artifact.MaxInteger {
		c.err = artifact.Violates("size", "exports: %d", l.Exports)
	}
	c.size += len(l.Defect) + len(l.Machine) + len(l.NumPy) + len(l.Soname)
	c.list("imports", l.Imports)
	c.list("modules", l.Modules)
	c.list("needed", l.Needed)
	c.list("python", l.Python)
	c.list("runpath", l.Runpath)
	last := ""
	for i, v := range l.Versions {
		key := v.Library + "\x00" + v.Version
		c.ascending("versions", i, last, key)
		last = key
	}
}

func (c *checker) list(what string, list []string) {
	last := ""
	for i, s := range list {
		c.ascending(what, i, last, s)
		last = s
	}
}

func (c *checker) ascending(what string, i int, last, s string) {
	c.size += len(s) + 3
	if i > 0 && s <= last && c.err == nil {
		c.err = artifact.Violates("order", "%s: %.100q after %.100q", what, s, last)
	}
}

func (e *Exports) check() error {
	if !artifact.IsSHA256(e.SHA256) {
		return artifact.Violates("sha256", "%q", e.SHA256)
	}
	c := checker{}
	c.list("symbols", e.Symbols)
	if c.err == nil && c.size > MaxExports {
		c.err = artifact.Violates("too-large", "%d bytes, the limit is %d", c.size, MaxExports)
	}
	return artifact.Within("exports of "+e.SHA256, c.err)
}

// NameError says that a file name was used before for other bytes. Within one
// index a name never changes what it stands for.
type NameError struct {
	Name string
	Have string // SHA-256 in the ledger
	Want string
}

func (e *NameError) Error() string {
	return fmt.Sprintf("%s: the name was used in this index for a file with sha256 %s, now it has %s; give the rebuilt wheel a higher build tag", e.Name, e.Have, e.Want)
}
