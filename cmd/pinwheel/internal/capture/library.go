package capture

import (
	"bytes"
	"errors"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/pinwheel-oci/pinwheel/pkg/elf"
)

// library is one shared library.
type library struct {
	machine string
	soname  string
	// glibc and glibcxx are the newest versions of these families that it
	// defines.
	glibc, glibcxx string
}

const (
	// keptHead is how much is held of a library: the dynamic symbols and
	// strings come first.
	keptHead = 16 << 20
	// keptDynamic bounds the dynamic section.
	keptDynamic = 1 << 20
	maxLibrary  = 8 << 30
)

// readLibrary reads a library from a stream. It is nil for what is none, and
// has no SONAME where that lies beyond what is kept.
func readLibrary(r io.Reader, size int64) (*library, error) {
	if size > maxLibrary {
		return nil, nil
	}
	var head bytes.Buffer
	if _, err := io.Copy(&head, io.LimitReader(r, min(size, keptHead))); err != nil {
		return nil, err
	}
	if !elf.Is(head.Bytes()) {
		return nil, nil
	}
	kept := &sparse{head: head.Bytes()}
	if size > keptHead {
		off, n := elf.DynamicSection(kept.head)
		if off >= keptHead && n <= keptDynamic && off+n <= size {
			if _, err := io.CopyN(io.Discard, r, off-keptHead); err != nil {
				return nil, err
			}
			kept.part, kept.at = make([]byte, n), off
			if _, err := io.ReadFull(r, kept.part); err != nil {
				return nil, err
			}
		}
	}
	f, err := elf.Read(kept, size)
	var format *elf.FormatError
	if errors.As(err, &format) {
		// What could be read of the beginning says at least what it is for.
		f, err = elf.ReadIdentity(kept, size)
	}
	if errors.As(err, &format) {
		return nil, nil
	}
	if err != nil || f.Kind != elf.Shared {
		return nil, err
	}
	return &library{
		machine: f.Machine, soname: strings.ToValidUTF8(f.Soname, "?"),
		glibc: newest(f.Defines, "GLIBC_2"), glibcxx: newest(f.Defines, "GLIBCXX_3.4"),
	}, nil
}

// sparse is a file of which two parts are kept; the rest reads as zeros.
type sparse struct {
	head, part []byte
	at         int64 // where part is
}

func (s *sparse) ReadAt(b []byte, off int64) (int, error) {
	clear(b)
	if off < int64(len(s.head)) {
		copy(b, s.head[off:])
	}
	if from, to := max(off, s.at), min(off+int64(len(b)), s.at+int64(len(s.part))); from < to {
		copy(b[from-off:to-off], s.part[from-s.at:])
	}
	return len(b), nil
}

// triplets name the directories of Debian's libraries.
var triplets = map[string]string{
	"x86_64": "x86_64-linux-gnu", "aarch64": "aarch64-linux-gnu", "ppc64le": "powerpc64le-linux-gnu",
	"s390x": "s390x-linux-gnu", "i686": "i386-linux-gnu", "armv7l": "arm-linux-gnueabihf", "riscv64": "riscv64-linux-gnu",
}

func isDefaultDir(dir string) bool {
	dir = strings.TrimPrefix(dir, "usr/")
	if dir == "lib" || dir == "lib64" {
		return true
	}
	for _, triplet := range triplets {
		if dir == "lib/"+triplet {
			return true
		}
	}
	return false
}

// libraryDirs are where the loader looks: its own directories, those of
// /etc/ld.so.conf, and those of LD_LIBRARY_PATH; without links.
func (t *tree) libraryDirs(machine, libraryPath string) map[string]bool {
	list := []string{"lib64", "usr/lib64", "lib", "usr/lib", "lib/" + triplets[machine], "usr/lib/" + triplets[machine]}
	list = append(list, t.configuredDirs()...)
	list = append(list, strings.Split(libraryPath, ":")...)
	dirs := map[string]bool{}
	for _, dir := range list {
		if real := t.resolve(dir); real != "" {
			dirs[real] = true
		}
	}
	return dirs
}

// configuredDirs reads the loader's configuration, each file of it once.
func (t *tree) configuredDirs() []string {
	c := configuration{tree: t, read: map[*node]bool{}}
	for file := range t.nodes {
		if isConfiguration(file) {
			c.files = append(c.files, file)
		}
	}
	slices.Sort(c.files)
	c.add("etc/ld.so.conf")
	return c.dirs
}

type configuration struct {
	tree  *tree
	files []string // all that there are
	read  map[*node]bool
	dirs  []string
}

// add reads a file of the configuration (ldconfig(8)).
func (c *configuration) add(file string) {
	n := c.tree.nodes[c.tree.resolve(file)]
	if n == nil || c.read[n] {
		return
	}
	c.read[n] = true
	for line := range strings.Lines(string(n.text)) {
		line, _, _ = strings.Cut(line, "#")
		fields := strings.Fields(line)
		switch {
		case len(fields) == 0 || fields[0] == "hwcap":
		case fields[0] == "include":
			for _, pattern := range fields[1:] {
				if !strings.HasPrefix(pattern, "/") {
					pattern = path.Join(path.Dir("/"+file), pattern)
				}
				c.include(strings.TrimPrefix(pattern, "/"))
			}
		default:
			dir, _, _ := strings.Cut(fields[0], "=") // an old way to say the library type
			c.dirs = append(c.dirs, dir)
		}
	}
}

func (c *configuration) include(pattern string) {
	for _, file := range c.files {
		if !c.tree.spend(len(pattern) * len(file)) {
			return
		}
		if ok, err := path.Match(pattern, file); ok && err == nil {
			c.add(file)
		}
	}
}
