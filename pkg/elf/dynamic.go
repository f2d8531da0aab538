package elf

import (
	"bytes"
	"fmt"
	"io"
	"strings"
)

// segment is a PT_LOAD: memory that comes from the file. off is the offset in
// the file, addr the address in memory, size the bytes that the file has of it.
type segment struct{ off, addr, size int64 }

const (
	ptLoad    = 1
	ptDynamic = 2
)

// page is the smallest that the loader maps at once.
const page = 4096

// readSegments fills loads and returns the dynamic section: where the loader
// has it in memory, and how much can be read from there on. As for the loader,
// its size in the program header does not count, unless it is 0 as in files that
// hold only debug information.
func (f *File) readSegments(h header) (dynamic segment, err error) {
	if h.phnum == 0 {
		return dynamic, nil
	}
	if h.phentsize != h.wantPhent {
		return dynamic, malformed("program headers of %d bytes", h.phentsize)
	}
	table, err := f.at(h.phoff, h.phnum*h.phentsize, "the program header table")
	if err != nil {
		return dynamic, err
	}
	for ; len(table) > 0; table = table[h.phentsize:] {
		var s segment
		if f.Class == 64 {
			s = segment{f.word(table[8:]), f.word(table[16:]), f.word(table[32:])}
		} else {
			s = segment{f.word(table[4:]), f.word(table[8:]), f.word(table[16:])}
		}
		switch f.order.Uint32(table) {
		case ptLoad:
			// Files that hold only debug information keep the headers of what
			// they lack.
			if s.size > 0 && s.off >= 0 && s.addr >= 0 {
				f.loads = append(f.loads, s)
			}
		case ptDynamic:
			if s.size != 0 {
				dynamic = s
			}
		}
	}
	if err := f.checkLoads(); err != nil || dynamic.size == 0 {
		return segment{}, err
	}
	s := f.load(dynamic.addr)
	if s == nil || f.offset(dynamic.addr) != dynamic.off {
		return dynamic, malformed("the dynamic section is not where it is loaded from")
	}
	dynamic.size = min(s.size-(dynamic.addr-s.addr), MaxDynamic*2*int64(f.Class/8))
	return dynamic, nil
}

// checkLoads refuses segments of which one would be mapped over another one's
// pages, from elsewhere in the file: what is in memory then is not what the
// first of them says.
func (f *File) checkLoads() error {
	for i := 1; i < len(f.loads); i++ {
		a, b := f.loads[i-1], f.loads[i]
		if b.addr < a.addr {
			return malformed("the segments are not in the order of their addresses")
		}
		if b.addr/page*page-a.addr < a.size && b.addr-b.off != a.addr-a.off {
			return malformed("segments overlap")
		}
	}
	return nil
}

// load is the segment that has addr in it, nil if none has.
func (f *File) load(addr int64) *segment {
	for i := range f.loads {
		if s := &f.loads[i]; addr >= s.addr && addr-s.addr < s.size {
			return s
		}
	}
	return nil
}

// offset is where in the file the memory at addr comes from, -1 if from nowhere.
func (f *File) offset(addr int64) int64 {
	if s := f.load(addr); s != nil {
		return s.off + (addr - s.addr)
	}
	return -1
}

// Tags of the dynamic section.
const (
	dtNull       = 0
	dtNeeded     = 1
	dtHash       = 4
	dtStrtab     = 5
	dtSymtab     = 6
	dtStrsz      = 10
	dtSyment     = 11
	dtSoname     = 14
	dtRpath      = 15
	dtRunpath    = 29
	dtGNUHash    = 0x6ffffef5
	dtVerdef     = 0x6ffffffc
	dtVerdefnum  = 0x6ffffffd
	dtVerneed    = 0x6ffffffe
	dtVerneednum = 0x6fffffff
)

// dynamic are the entries that matter. As in the loader, the last of those
// that may stand once wins.
type dynamic struct {
	needed []int64
	one    map[int64]int64
}

func (f *File) readDynamic(s segment) (dynamic, error) {
	d := dynamic{one: map[int64]int64{}}
	word := int64(f.Class / 8)
	table, err := f.at(s.off, min(s.size, max(f.size-s.off, 0)), "the dynamic section")
	if err != nil {
		return d, err
	}
	for ; int64(len(table)) >= 2*word; table = table[2*word:] {
		tag, value := f.word(table), f.word(table[word:])
		switch tag {
		case dtNull:
			return d, nil
		case dtNeeded:
			d.needed = append(d.needed, value)
		case dtHash, dtStrtab, dtSymtab, dtStrsz, dtSyment, dtSoname, dtRpath, dtRunpath,
			dtGNUHash, dtVerdef, dtVerdefnum, dtVerneed, dtVerneednum:
			d.one[tag] = value
		}
	}
	return d, malformed("the dynamic section has no end")
}

// heldStrings is the size of string tables, in bytes, up to which they are held
// in memory.
const heldStrings = 16 << 20

// readStrings reads the dynamic string table, or where it is.
func (f *File) readStrings(d dynamic) error {
	size := d.one[dtStrsz]
	if size == 0 {
		return nil
	}
	off := f.offset(d.one[dtStrtab])
	if off < 0 || size < 0 || off > f.size || size > f.size-off {
		return malformed("the dynamic string table lies outside the file")
	}
	if size > MaxStrings {
		return malformed("a dynamic string table of %d bytes, the limit is %d", size, MaxStrings)
	}
	f.strtab = segment{off: off, size: size}
	if size > heldStrings {
		return nil
	}
	var b strings.Builder // whose String does not copy
	b.Grow(int(size))
	if _, err := io.CopyN(&b, io.NewSectionReader(f.r, off, size), size); err != nil {
		return fmt.Errorf("read elf: the dynamic string table: %w", err)
	}
	f.strings = b.String()
	return nil
}

// link returns the name of a library or version, or a path of at most limit
// bytes, as a string of its own that counts against [MaxLinks].
func (f *File) link(off int64, what string, limit int) (string, error) {
	s, err := f.name(off, what)
	if err != nil {
		return "", err
	}
	if len(s) > limit {
		return "", malformed("%s has %d bytes, the limit is %d", what, len(s), limit)
	}
	if f.linked += len(s); f.linked > MaxLinks {
		return "", malformed("names of libraries and versions of over %d bytes", MaxLinks)
	}
	return strings.Clone(s), nil
}

// name returns the string at an offset of the string table, which may share
// its memory.
func (f *File) name(off int64, what string) (string, error) {
	if off < 0 || off >= f.strtab.size {
		return "", malformed("%s lies outside the string table", what)
	}
	if f.strings == "" {
		return f.readName(off, what)
	}
	rest := f.strings[off:]
	end := strings.IndexByte(rest[:min(len(rest), MaxName+1)], 0)
	if end < 0 {
		return "", malformed("%s has no end within %d bytes", what, MaxName)
	}
	return rest[:end], nil
}

// readName reads from the file, at first as much as most names need.
func (f *File) readName(off int64, what string) (string, error) {
	for size := int64(256); ; size *= 8 {
		n := min(size, MaxName+1, f.strtab.size-off)
		if int64(len(f.names)) < n {
			f.names = make([]byte, n)
		}
		b := f.names[:n]
		if err := f.fill(b, f.strtab.off+off, what); err != nil {
			return "", err
		}
		if end := bytes.IndexByte(b, 0); end >= 0 {
			return string(b[:end]), nil
		}
		if n < size {
			return "", malformed("%s has no end within %d bytes", what, MaxName)
		}
	}
}

func (f *File) readNames(d dynamic) (err error) {
	for _, off := range d.needed {
		s, err := f.link(off, "a DT_NEEDED", MaxPath)
		if err != nil {
			return err
		}
		f.Needed = append(f.Needed, s)
	}
	if off, ok := d.one[dtSoname]; ok {
		if f.Soname, err = f.link(off, "DT_SONAME", MaxPath); err != nil {
			return err
		}
	}
	off, ok := d.one[dtRunpath]
	if !ok {
		if off, ok = d.one[dtRpath]; !ok {
			return nil
		}
	}
	path, err := f.link(off, "DT_RUNPATH", MaxName)
	if err != nil {
		return err
	}
	for dir := range strings.SplitSeq(path, ":") {
		if dir != "" {
			f.Runpath = append(f.Runpath, dir)
		}
	}
	return nil
}
