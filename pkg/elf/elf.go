// Package elf reads what a dynamic loader needs of an ELF file: for which
// machine it is, which libraries, symbols and symbol versions it wants and
// which it provides.
//
// It follows the program headers and the dynamic section, as loaders do, and
// looks at section headers only to learn how many dynamic symbols there are.
// Files are hostile until proven otherwise: everything is read at bounded sizes
// and nothing is allocated because a file says so. The formats are those of the
// System V ABI (gABI 4.1, chapters 4 and 5) and of the GNU extensions in the
// Linux Standard Base Core 5.0, chapter 10 (symbol versions).
package elf

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
)

// Limits of what is read of one file; a file beyond is refused with a
// [FormatError]. TensorFlow has 83 MB of strings for 480,000 symbols, torch 6 MB.
const (
	MaxStrings  = 256 << 20 // bytes of the dynamic string table
	MaxSymbols  = 4 << 20   // dynamic symbols
	MaxName     = 64 << 10  // bytes of a symbol's name, or of a search path
	MaxPath     = 4 << 10   // bytes of the name of a library or version: PATH_MAX of Linux
	MaxDynamic  = 64 << 10  // entries of the dynamic section
	MaxVersions = 64 << 10  // versions that are needed or defined
	// MaxLinks bounds the bytes of all names that a [File] holds: libraries,
	// versions and search paths, repetitions counted. Real files have 2 KB.
	MaxLinks = 4 << 20
)

// Names may share bytes of the string table, so that a small file could have
// many long ones. Linkers only let a name be the end of another: the names of
// all symbols together are about as long as the table, in real files at most
// 1.2 times. Beyond these many times, a few small names aside, it is an attack.
const (
	maxOverlap = 4
	freeNames  = 1 << 20
)

// Kind is what an ELF file is (e_type).
type Kind uint16

// Kinds of ELF files. Others are possible; nothing more is read of them than
// of an object.
const (
	Object     Kind = 1 // relocatable: not for loading
	Executable Kind = 2
	Shared     Kind = 3 // also position-independent programs
)

// File is an ELF file. All lists are in the order of the file. It is for one
// goroutine at a time.
type File struct {
	// Class is 32 or 64: the width of its addresses.
	Class int
	Kind  Kind
	// Machine is the processor as in platform tags, see [machineName].
	Machine string

	Soname string
	// Needed are the DT_NEEDED entries.
	Needed []string
	// Runpath are the directories of DT_RUNPATH, else of DT_RPATH.
	Runpath []string
	// Needs are the symbol versions that it wants of other libraries, without
	// those that it can do without (VER_FLG_WEAK).
	Needs []Need
	// Defines are the symbol versions that it defines, its own name left out.
	Defines []string

	r       io.ReaderAt
	size    int64
	order   binary.ByteOrder
	loads   []segment
	strings string // the string table; empty if it is read name by name
	strtab  segment
	names   []byte // for reading one
	linked  int    // bytes of names held, see MaxLinks
	symtab  int64  // file offset
	symbols int64  // how many
}

// Need is a symbol version that must be found in a library.
type Need struct {
	Library string // as in Needed: "libc.so.6"
	Version string // "GLIBC_2.34"
}

// FormatError says what is wrong with a file. Other errors are the reader's.
type FormatError struct{ Reason string }

func (e *FormatError) Error() string { return "read elf: " + e.Reason }

func malformed(format string, args ...any) error {
	return &FormatError{fmt.Sprintf(format, args...)}
}

// Content returns what the file was read from.
func (f *File) Content() io.ReaderAt { return f.r }

// Size returns how many bytes the file has.
func (f *File) Size() int64 { return f.size }

// Is reports whether a file that begins with head is an ELF file.
func Is(head []byte) bool { return bytes.HasPrefix(head, []byte("\x7fELF")) }

// Read reads the ELF file of size bytes. The file keeps r for [File.EachSymbol].
func Read(r io.ReaderAt, size int64) (*File, error) {
	f := &File{r: r, size: size}
	h, err := f.readHeader()
	if err != nil {
		return nil, err
	}
	if f.Kind != Shared && f.Kind != Executable {
		return f, nil
	}
	dynamic, err := f.readSegments(h)
	if err != nil {
		return nil, err
	}
	if dynamic.size == 0 {
		return f, nil // linked statically, or only the debug information
	}
	d, err := f.readDynamic(dynamic)
	if err != nil {
		return nil, err
	}
	if err := f.readStrings(d); err != nil {
		return nil, err
	}
	if err := f.readNames(d); err != nil {
		return nil, err
	}
	if err := f.readVersions(d); err != nil {
		return nil, err
	}
	return f, f.findSymbols(d, h)
}

// ReadIdentity reads the header alone: what kind of file it is, and for which
// machine.
func ReadIdentity(r io.ReaderAt, size int64) (*File, error) {
	f := &File{r: r, size: size}
	_, err := f.readHeader()
	return f, err
}

// DynamicSection returns where in a file that begins with head the dynamic
// section is, for those who cannot keep the whole file; 0, 0 if head does not
// tell.
func DynamicSection(head []byte) (off, size int64) {
	f := &File{r: bytes.NewReader(head), size: int64(len(head))}
	h, err := f.readHeader()
	if err != nil {
		return 0, 0
	}
	s, err := f.readSegments(h)
	if err != nil || s.off < 0 || s.size < 0 {
		return 0, 0
	}
	return s.off, s.size
}

// header is what is needed of the file header.
type header struct {
	phoff, shoff         int64
	phentsize, phnum     int64
	shentsize, shnum     int64
	wantPhent, wantShent int64
}

func (f *File) readHeader() (h header, err error) {
	ident, err := f.at(0, 16, "identification")
	if err != nil {
		return h, err
	}
	if !Is(ident) {
		return h, malformed("no ELF file")
	}
	switch ident[5] {
	case 1:
		f.order = binary.LittleEndian
	case 2:
		f.order = binary.BigEndian
	default:
		return h, malformed("byte order %d", ident[5])
	}
	switch ident[4] {
	case 1:
		f.Class, h.wantPhent, h.wantShent = 32, 32, 40
	case 2:
		f.Class, h.wantPhent, h.wantShent = 64, 56, 64
	default:
		return h, malformed("class %d", ident[4])
	}
	word := int64(f.Class / 8)
	b, err := f.at(16, 24+3*word, "header") // e_type to e_shstrndx
	if err != nil {
		return h, err
	}
	o := f.order
	f.Kind = Kind(o.Uint16(b))
	f.Machine = machineName(o.Uint16(b[2:]), f.Class, ident[5] == 1)
	rest := b[8+word:] // from e_phoff
	h.phoff, h.shoff = f.word(rest), f.word(rest[word:])
	rest = rest[2*word+4+2:] // from e_phentsize
	h.phentsize, h.phnum = int64(o.Uint16(rest)), int64(o.Uint16(rest[2:]))
	h.shentsize, h.shnum = int64(o.Uint16(rest[4:])), int64(o.Uint16(rest[6:]))
	return h, nil
}

// word reads an address, offset or size; what does not fit an int64 becomes
// negative and is refused by at.
func (f *File) word(b []byte) int64 {
	if f.Class == 64 {
		return int64(f.order.Uint64(b))
	}
	return int64(f.order.Uint32(b))
}

// at reads n bytes at off. The caller bounds n.
func (f *File) at(off, n int64, what string) ([]byte, error) {
	if off < 0 || n < 0 || off > f.size || n > f.size-off {
		return nil, malformed("%s lies outside the file", what)
	}
	b := make([]byte, n)
	return b, f.fill(b, off, what)
}

// fill reads bytes that lie within the file.
func (f *File) fill(b []byte, off int64, what string) error {
	if n, err := f.r.ReadAt(b, off); n < len(b) {
		return fmt.Errorf("read elf: %s: %w", what, err)
	}
	return nil
}
