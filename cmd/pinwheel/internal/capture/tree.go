package capture

import (
	"errors"
	"io"
	"path"
	"regexp"
	"strings"
)

// Limits of what is read of one system. A large image has 200,000 entries.
const (
	maxEntries  = 4 << 20
	maxNames    = 256 << 20 // bytes of all names and texts that are kept
	maxPath     = 4096      // bytes of one path or link, as in Linux
	maxText     = 64 << 10  // bytes of one file of the loader's configuration
	maxTexts    = 1 << 20   // bytes of all of them
	maxUnpacked = 64 << 30  // bytes of all layers
	maxLinks    = 40        // links on the way to one file, as in Linux
	// maxWork bounds the bytes of paths that are looked at while links are
	// followed and layers compared: a few links to long paths make each of many
	// files costly. An image of 800,000 entries needs a tenth.
	maxWork = 2 << 30
	// step is what one look costs besides, in bytes.
	step = 64
)

var (
	errEntries  = errors.New("more entries or longer names than any image has")
	errUnpacked = errors.New("more content than any image has")
	errWork     = errors.New("more, or longer, links and paths than any image has")
)

// tree is what matters of a root directory, by path without a slash in front.
type tree struct {
	nodes  map[string]*node
	count  int
	names  int
	texts  int
	work   int64
	unread int
}

// node is a file or a link. Directories are known from what is in them.
type node struct {
	link    string // target of a symbolic link
	library *library
	text    []byte // configuration of the loader
}

func newTree() *tree { return &tree{nodes: map[string]*node{}} }

var libraryName = regexp.MustCompile(`\.so(\.[^/]*)?$`)

// wanted tells whether a regular file is worth a node.
func wanted(file string) bool {
	return isLibrary(file) || isConfiguration(file) || interpreter.MatchString(file) ||
		path.Base(file) == "pyvenv.cfg" || distribution.MatchString(file)
}

// isLibrary leaves out what is inside of Python's packages: no loader looks
// there.
func isLibrary(file string) bool {
	return libraryName.MatchString(file) && !strings.Contains(file, "-packages/") && !strings.Contains(file, "/lib-dynload/")
}

func isConfiguration(file string) bool {
	return file == "etc/ld.so.conf" || strings.HasPrefix(file, "etc/ld.so.conf.d/")
}

// charge counts an entry against the limits.
func (t *tree) charge(names ...string) error {
	t.count++
	for _, s := range names {
		if len(s) > maxPath {
			return errWork
		}
		t.names += len(s)
	}
	if t.count > maxEntries || t.names > maxNames {
		return errEntries
	}
	return nil
}

// spend counts what is looked at; it is false when that is too much.
func (t *tree) spend(bytes int) bool {
	t.work += int64(bytes)
	return t.work <= maxWork
}

// addLink enters a symbolic link.
func (t *tree) addLink(file, target string) { t.nodes[file] = &node{link: target} }

// addHard enters another name of a file that came before.
func (t *tree) addHard(file, target string) {
	if n := t.nodes[target]; n != nil {
		t.nodes[file] = n
	} else if wanted(file) && !isLibrary(file) {
		t.nodes[file] = &node{} // its first name said nothing
	}
}

// addFile enters a regular file, if it is wanted.
func (t *tree) addFile(file string, size int64, content io.Reader) error {
	if !wanted(file) {
		return nil
	}
	n := &node{}
	switch {
	case isConfiguration(file) && size <= maxText:
		text, err := io.ReadAll(io.LimitReader(content, maxText))
		if err != nil {
			return err
		}
		if t.texts += len(text); t.texts > maxTexts {
			return errEntries
		}
		n.text = text
	case isLibrary(file):
		l, err := readLibrary(content, size)
		if err != nil {
			return err
		}
		if l == nil {
			return nil
		}
		t.names += len(l.soname)
		n.library = l
	}
	t.nodes[file] = n
	return nil
}

// resolve follows links as the kernel does in a process whose root directory
// this is: ".." stops at the root, and nothing leads out of it. It returns ""
// for a loop, for a path that is too long, and when too much was spent.
func (t *tree) resolve(file string) string {
	rest := strings.Split(file, "/")
	at := ""
	for links := 0; len(rest) > 0; {
		name := rest[0]
		rest = rest[1:]
		switch name {
		case "", ".":
			continue
		case "..":
			at = at[:max(strings.LastIndexByte(at, '/'), 0)]
			continue
		}
		if len(at)+len(name) >= maxPath || !t.spend(len(at)+len(name)+step) {
			return ""
		}
		next := name
		if at != "" {
			next = at + "/" + name
		}
		n := t.nodes[next]
		if n == nil || n.link == "" {
			at = next
			continue
		}
		if links++; links > maxLinks || !t.spend(16*len(rest)) {
			return ""
		}
		if strings.HasPrefix(n.link, "/") {
			at = ""
		}
		rest = append(strings.Split(n.link, "/"), rest...)
	}
	return at
}

// exists reports whether a path leads to a file that has a node.
func (t *tree) exists(file string) bool {
	n := t.nodes[t.resolve(file)]
	return n != nil && n.link == ""
}

// clean makes the name of an archive's entry a path of the tree.
func clean(name string) string { return strings.TrimPrefix(path.Clean("/"+name), "/") }
