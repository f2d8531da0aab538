package wheel

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"
	"strconv"
	"strings"
)

// What archive/tar of the standard library hides: headers about headers. Other
// readers obey global ones, take the first of two or the last, a name of GNU or
// one of PAX, and names of sparse files that are none, so that they unpack other
// files than those that were judged.

const (
	tarBlock = 512
	// maxTarText bounds the content of a header about a header, in bytes; it is
	// that of archive/tar.
	maxTarText = 1 << 20
)

// tarHeaders is shown a tar as it is read and refuses what readers see
// differently: err is set then.
type tarHeaders struct {
	err     error
	skip    int64  // bytes of content that are passed over
	need    int    // bytes to collect
	buf     []byte // collected
	kind    byte   // of the header whose content is collected; 0 for a header itself
	sparse  bool   // the next block goes on with the map of a sparse file
	content int64  // what is to be skipped behind that
	ended   bool
	count   int // headers of members, and global ones

	pax, longName, longLink bool // headers that are about the next member
	size                    int64
	sized                   bool // size is given by a PAX header
}

// Write implements [io.Writer]. It takes everything and never fails, so that
// the reader itself is not disturbed.
func (t *tarHeaders) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 && t.err == nil && !t.ended {
		if t.skip > 0 {
			k := min(t.skip, int64(len(p)))
			t.skip, p = t.skip-k, p[k:]
			continue
		}
		if t.need == 0 {
			t.need = tarBlock
		}
		k := min(t.need-len(t.buf), len(p))
		t.buf, p = append(t.buf, p[:k]...), p[k:]
		if len(t.buf) == t.need {
			t.need = 0
			t.block(t.buf)
			t.buf = t.buf[:0]
		}
	}
	return n, nil
}

// block takes a header, or the content of one that is about another one.
func (t *tarHeaders) block(b []byte) {
	switch {
	case t.sparse:
		if t.sparse = b[504] != 0; !t.sparse {
			t.skip = t.content
		}
	case t.kind != 0:
		kind := t.kind
		t.kind = 0
		t.records(b[:t.size], kind == 'g')
	case len(bytes.Trim(b, "\x00")) == 0:
		t.ended = true // archive/tar wants a second one
	default:
		t.header(b)
	}
}

func (t *tarHeaders) header(b []byte) {
	size, ok := tarNumber(b[124:136])
	name, _, _ := strings.Cut(string(b[:100]), "\x00")
	if !ok || size < 0 || size > math.MaxInt64-tarBlock {
		t.err = archiveError("tar header of %s: no valid size", printable(name))
		return
	}
	switch kind := b[156]; kind {
	case 'x', 'g':
		if kind == 'x' && (t.pax || t.longName || t.longLink) {
			t.err = structureError(name, "two headers tell its name or size")
		}
		if size > maxTarText {
			t.err = limitError("tar header of %d bytes, more than %d", size, maxTarText)
		}
		if t.pax = t.pax || kind == 'x'; kind == 'g' {
			t.count++
		}
		if size > 0 {
			t.kind, t.size, t.need = kind, size, int(padded(size))
		}
	case 'L', 'K':
		if t.pax || kind == 'L' && t.longName || kind == 'K' && t.longLink {
			t.err = structureError(name, "two headers tell its name or size")
		}
		t.longName, t.longLink = t.longName || kind == 'L', t.longLink || kind == 'K'
		t.skip = padded(size)
	default:
		t.member(b, name, kind, size)
	}
}

// member is for a header that is about a member itself.
func (t *tarHeaders) member(b []byte, name string, kind byte, size int64) {
	if t.sized {
		size = t.size
	}
	t.count++
	t.pax, t.longName, t.longLink, t.sized = false, false, false, false
	switch kind {
	case '1', '2':
		if size != 0 {
			t.err = structureError(name, "is a link with content")
		}
	case '3', '4', '5', '6':
	case 0:
		if !strings.HasSuffix(name, "/") { // else an old way to write a directory
			t.skip = padded(size)
		}
	case 'S':
		if t.sparse = b[482] != 0; t.sparse {
			t.content = padded(size)
		} else {
			t.skip = padded(size)
		}
	default:
		t.skip = padded(size)
	}
}

// harmless are the records that a global header may have: nothing of what is
// unpacked depends on them.
var harmless = []string{"comment", "mtime", "atime", "ctime", "uid", "gid", "uname", "gname"}

// records reads those of a PAX header (POSIX.1-2001, pax, "pax Header Block"):
// lines of length, key and value.
func (t *tarHeaders) records(text []byte, global bool) {
	t.size, t.sized = 0, false
	for len(text) > 0 && t.err == nil {
		length, _, _ := bytes.Cut(text[:min(len(text), 9)], []byte(" "))
		n, err := strconv.Atoi(string(length))
		if err != nil || n <= len(length)+1 || n > len(text) || text[n-1] != '\n' {
			t.err = structureError("", "a PAX header cannot be read")
			return
		}
		key, value, ok := strings.Cut(string(text[len(length)+1:n-1]), "=")
		text = text[n:]
		switch {
		case !ok || key == "":
			t.err = structureError("", "a PAX header cannot be read")
		case global && !slices.Contains(harmless, key):
			t.err = structureError("", "a global header sets %s of all members, which not all readers obey", printable(key))
		case strings.HasPrefix(key, "GNU.sparse."):
			t.err = structureError("", "a PAX header makes a sparse file, which readers unpack differently")
		case (key == "path" || key == "linkpath") && value == "":
			t.err = structureError("", "a PAX header sets an empty %s", key)
		case key == "size":
			t.size, err = strconv.ParseInt(value, 10, 64)
			if t.sized = true; err != nil || t.size < 0 || t.size > math.MaxInt64-tarBlock {
				t.err = structureError("", "a PAX header sets the size %q", value)
			}
		}
	}
}

// tarNumber reads octal digits between blanks and zeros, or the binary form of
// GNU (base 256).
func tarNumber(b []byte) (int64, bool) {
	if b[0]&0x80 != 0 {
		for _, c := range b[1:4] {
			if c != 0 {
				return 0, false
			}
		}
		n := binary.BigEndian.Uint64(b[4:])
		return int64(n), b[0] == 0x80 && n <= math.MaxInt64
	}
	text := strings.Trim(string(b), " \x00")
	if text == "" {
		return 0, true
	}
	n, err := strconv.ParseInt(text, 8, 64)
	return n, err == nil
}

// padded is the size of content in whole blocks.
func padded(size int64) int64 { return (size + tarBlock - 1) / tarBlock * tarBlock }
