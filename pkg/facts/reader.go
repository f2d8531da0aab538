package facts

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/pinwheel-oci/pinwheel/pkg/elf"
	"github.com/pinwheel-oci/pinwheel/pkg/wheel"
)

// Limits of what is read of one wheel.
const (
	// inMemory is the largest member that is not spilled to a file.
	inMemory = 2 << 20
	// maxRequirements bounds a file with build requirements, in bytes.
	maxRequirements = 1 << 20
	// maxNames bounds the bytes of all that is kept while a wheel is read, and
	// maxOfOne those of one library: pyarrow, torch and tensorflow keep a third
	// of the former and a quarter of the latter at most.
	maxNames = 32 << 20
	maxOfOne = 16 << 20
	// perName is what a name costs besides its bytes.
	perName = 32
)

// tooMuch refuses a wheel, at the member where it went too far.
func tooMuch(member string) error {
	return &wheel.Error{Member: member, Rule: wheel.RuleLimit, Reason: "has more, or longer, names of symbols, libraries and versions than are kept of one wheel"}
}

// Reader gathers the facts of one wheel while [wheel.Inspect] reads it: it is a
// [wheel.Visitor]. Large ELF files are spilled to temporary files, which have
// no name any more while they are in use, and are read one at a time; so at most
// 100 MB are held at once whatever the wheel is, and 10 MB for most. Its methods
// may be called at the same time. A wheel with more facts than that is refused
// with [wheel.RuleLimit].
type Reader struct {
	dir   string
	large sync.Mutex // held while a spilled library is read

	mu       sync.Mutex
	files    []*scanned
	requires []string
	licenses []string
	sboms    []string
	names    int  // bytes of names kept
	numpy    bool // the wheel is numpy
}

var _ wheel.Visitor = (*Reader)(nil)

// NewReader returns a reader that spills to tempDir ("": that of the system).
func NewReader(tempDir string) *Reader { return &Reader{dir: tempDir} }

// Visit implements [wheel.Visitor].
func (r *Reader) Visit(name string, size int64, head []byte) (io.WriteCloser, error) {
	if err := r.note(name); err != nil {
		return nil, err
	}
	switch {
	case elf.Is(head):
		m := &member{reader: r, name: name, size: size}
		if size <= inMemory {
			return m, nil
		}
		return m, m.spill(r.dir)
	case isBuildRequirements(name) && size <= maxRequirements:
		return &member{reader: r, name: name, size: size}, nil
	}
	return nil, nil
}

// note looks at a member's name.
func (r *Reader) note(name string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if strings.HasPrefix(name, "numpy/_core/") || strings.HasPrefix(name, "numpy/core/") {
		r.numpy = true
	}
	top, below, ok := strings.Cut(name, "/")
	if !ok || !strings.HasSuffix(top, ".dist-info") {
		return nil
	}
	switch {
	case strings.HasPrefix(below, "sboms/"):
		r.sboms = append(r.sboms, text(name))
	case strings.HasPrefix(below, "licenses/") || !strings.Contains(below, "/") && isLicense(below):
		r.licenses = append(r.licenses, text(name))
	default:
		return nil
	}
	return r.count(name, len(name)+perName)
}

// count is called with mu held.
func (r *Reader) count(member string, n int) error {
	if r.names += n; r.names > maxNames {
		return tooMuch(member)
	}
	return nil
}

// isLicense has the names that build tools put into dist-info before PEP 639.
func isLicense(base string) bool {
	upper := strings.ToUpper(base)
	for _, prefix := range []string{"LICEN", "COPYING", "NOTICE", "AUTHORS"} {
		if strings.HasPrefix(upper, prefix) {
			return true
		}
	}
	return false
}

// isBuildRequirements is for the files that fromager leaves in dist-info.
func isBuildRequirements(name string) bool {
	top, base, _ := strings.Cut(name, "/")
	ok, err := path.Match("fromager-build-*-requirements.txt", base)
	return strings.HasSuffix(top, ".dist-info") && ok && err == nil
}

// member takes the bytes of one member.
type member struct {
	reader  *Reader
	name    string
	size    int64
	buf     bytes.Buffer
	file    *os.File // instead of buf, if set
	written int64
}

// spill opens a file without a name. Where a file in use cannot be removed, it
// is removed at the end.
func (m *member) spill(dir string) (err error) {
	if m.file, err = os.CreateTemp(dir, "pinwheel-facts-*"); err != nil {
		return fmt.Errorf("spill %s: %w", m.name, err)
	}
	os.Remove(m.file.Name())
	return nil
}

func (m *member) Write(b []byte) (n int, err error) {
	if int64(len(b)) > m.size-m.written {
		return 0, fmt.Errorf("read %s: more than the %d bytes announced", m.name, m.size)
	}
	if m.file != nil {
		n, err = m.file.Write(b)
	} else {
		n, err = m.buf.Write(b)
	}
	m.written += int64(n)
	return n, err
}

// Close takes the facts out of the member. What did not come whole is dropped:
// the archive is bad then, and its reader says so.
func (m *member) Close() error {
	if m.file != nil {
		defer os.Remove(m.file.Name())
		defer m.file.Close()
	}
	if m.written < m.size {
		return nil
	}
	var content io.ReaderAt = bytes.NewReader(m.buf.Bytes())
	if m.file != nil {
		content = m.file
		m.reader.large.Lock()
		defer m.reader.large.Unlock()
	}
	if isBuildRequirements(m.name) {
		return m.reader.addRequirements(m.name, m.buf.String())
	}
	s, err := scanLibrary(m.name, content, m.size)
	if err != nil {
		return fmt.Errorf("read %s: %w", m.name, err)
	}
	return m.reader.add(s)
}

func (r *Reader) add(s *scanned) error {
	if s == nil {
		return nil
	}
	n := len(s.Member) + 64
	for _, list := range [][]string{s.defined, s.Imports, s.Needed, s.Runpath, s.Python, s.Modules} {
		for _, name := range list {
			n += len(name) + perName
		}
	}
	for _, v := range s.Versions {
		n += len(v.Library) + len(v.Version) + 32
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.files = append(r.files, s)
	return r.count(s.Member, n)
}

func (r *Reader) addRequirements(member, content string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for line := range strings.Lines(content) {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		r.requires = append(r.requires, text(line))
		if err := r.count(member, len(line)+perName); err != nil {
			return err
		}
	}
	return nil
}

// Wheel returns what was read, when the whole wheel has been. sha256 is that of
// the file; requires and extras are Requires-Dist and Provides-Extra of its
// METADATA. The exports are nil for a wheel that provides none.
func (r *Reader) Wheel(sha256 string, requires, extras []string) (*Wheel, *Exports, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	w := &Wheel{
		SHA256: sha256, BuildRequires: set(r.requires), Licenses: set(r.licenses), SBOMs: set(r.sboms), Requires: set(requires),
	}
	for _, e := range extras {
		w.Extras = append(w.Extras, wheel.NormalizeName(e))
	}
	w.Extras = set(w.Extras)
	slices.SortFunc(r.files, func(a, b *scanned) int { return cmp.Compare(a.Member, b.Member) })
	defined := map[string]struct{}{}
	for _, s := range r.files {
		for _, name := range s.defined {
			defined[name] = struct{}{}
		}
	}
	var exported []string
	for _, s := range r.files {
		l := s.Library
		l.Imports = slices.DeleteFunc(slices.Clone(l.Imports), func(name string) bool {
			_, own := defined[name]
			return own
		})
		if len(l.Imports) == 0 {
			l.Imports = nil
		}
		if s.provides {
			l.Exports = len(s.defined)
			exported = append(exported, s.defined...)
		}
		if r.numpy {
			l.NumPy = ""
		}
		w.Libraries = append(w.Libraries, l)
	}
	if err := w.check(); err != nil {
		return nil, nil, err
	}
	if len(exported) == 0 {
		return w, nil, nil
	}
	slices.Sort(exported)
	e := &Exports{SHA256: sha256, Symbols: slices.Compact(exported)}
	return w, e, e.check()
}

// Close is for symmetry of use with files: nothing is held that would have to
// be given back.
func (r *Reader) Close() error { return nil }
