// Package elftest makes small ELF files for tests: shared libraries of any
// machine, without a compiler.
package elftest

import (
	"bytes"
	"encoding/binary"
)

// Library is what the made file says.
type Library struct {
	Machine   uint16 // e_machine; 0 stands for 62, x86-64
	Big       bool   // big endian
	Narrow    bool   // 32 bit
	Soname    string
	Needed    []string
	Runpath   string
	Imports   []string // strong undefined functions
	Weak      []string // weak undefined functions
	Exports   []string
	Needs     map[string][]string // versions by library; the library is among Needed
	Defines   []string            // versions
	Data      []byte              // what follows, as .rodata would
	HashTable bool                // DT_HASH; without it readers count by addresses
}

const base = 0x1000 // addresses are not offsets

type order interface {
	binary.ByteOrder
	binary.AppendByteOrder
}

type builder struct {
	bytes.Buffer
	order   order
	narrow  bool
	strings []byte
	index   map[string]uint32
}

// Bytes returns the file.
func (l Library) Bytes() []byte {
	b := &builder{order: binary.LittleEndian, narrow: l.Narrow, strings: []byte{0}, index: map[string]uint32{"": 0}}
	if l.Big {
		b.order = binary.BigEndian
	}
	header, phdr := 64, 56
	if l.Narrow {
		header, phdr = 52, 32
	}
	b.Write(make([]byte, header+2*phdr))
	symtab := b.Len()
	b.symbol("", 0, 0)
	for _, s := range l.Imports {
		b.symbol(s, 1<<4|2, 0)
	}
	for _, s := range l.Weak {
		b.symbol(s, 2<<4|2, 0)
	}
	for _, s := range l.Exports {
		b.symbol(s, 1<<4|2, 1)
	}
	symbols := 1 + len(l.Imports) + len(l.Weak) + len(l.Exports)
	tags := [][2]int{{6, base + symtab}, {11, b.symbolSize()}}
	for _, n := range l.Needed {
		tags = append(tags, [2]int{1, int(b.name(n))})
	}
	if l.Soname != "" {
		tags = append(tags, [2]int{14, int(b.name(l.Soname))})
	}
	if l.Runpath != "" {
		tags = append(tags, [2]int{29, int(b.name(l.Runpath))})
	}
	needs, defines := b.needs(l), b.defines(l)
	// Strings come straight behind the symbols, as linkers lay them.
	tags = append(tags, [2]int{5, base + b.Len()}, [2]int{10, len(b.strings)})
	b.Write(b.strings)
	b.pad()
	if len(needs) > 0 {
		tags = append(tags, [2]int{0x6ffffffe, base + b.Len()}, [2]int{0x6fffffff, len(l.Needs)})
		b.Write(needs)
	}
	if len(defines) > 0 {
		tags = append(tags, [2]int{0x6ffffffc, base + b.Len()}, [2]int{0x6ffffffd, len(l.Defines)})
		b.Write(defines)
	}
	if l.HashTable {
		tags = append(tags, [2]int{4, base + b.Len()})
		b.u32(0, uint32(symbols))
	}
	b.Write(l.Data)
	b.pad()
	dynamic := b.Len()
	for _, t := range append(tags, [2]int{0, 0}) {
		b.word(t[0], t[1])
	}
	data := b.Buffer.Bytes()
	b.head(data, l.Machine, dynamic)
	return data
}

func (b *builder) name(s string) uint32 {
	if at, ok := b.index[s]; ok {
		return at
	}
	at := uint32(len(b.strings))
	b.index[s] = at
	b.strings = append(append(b.strings, s...), 0)
	return at
}

func (b *builder) u16(v ...uint16) {
	for _, x := range v {
		b.Write(b.order.AppendUint16(nil, x))
	}
}

func (b *builder) u32(v ...uint32) {
	for _, x := range v {
		b.Write(b.order.AppendUint32(nil, x))
	}
}

func (b *builder) word(v ...int) {
	for _, x := range v {
		if b.narrow {
			b.u32(uint32(x))
		} else {
			b.Write(b.order.AppendUint64(nil, uint64(x)))
		}
	}
}

func (b *builder) pad() {
	for b.Len()%8 != 0 {
		b.WriteByte(0)
	}
}

func (b *builder) symbolSize() int {
	if b.narrow {
		return 16
	}
	return 24
}

func (b *builder) symbol(name string, info byte, section uint16) {
	b.u32(b.name(name))
	if b.narrow {
		b.word(0, 0)
	}
	b.Write([]byte{info, 0})
	b.u16(section)
	if !b.narrow {
		b.word(0, 0)
	}
}

// defines returns DT_VERDEF.
func (b *builder) defines(l Library) []byte {
	v := &builder{order: b.order, narrow: b.narrow}
	for i, version := range l.Defines {
		next := uint32(28)
		if i == len(l.Defines)-1 {
			next = 0
		}
		v.u16(1, 0, uint16(i+2), 1)
		v.u32(0, 20, next)
		v.u32(b.name(version), 0)
	}
	return v.Buffer.Bytes()
}

// needs returns DT_VERNEED.
func (b *builder) needs(l Library) []byte {
	v := &builder{order: b.order, narrow: b.narrow}
	left := len(l.Needs)
	for _, library := range l.Needed {
		list := l.Needs[library]
		if len(list) == 0 {
			continue
		}
		left--
		next := uint32(16 + 16*len(list))
		if left == 0 {
			next = 0
		}
		v.u16(1, uint16(len(list)))
		v.u32(b.name(library), 16, next)
		for i, version := range list {
			v.u32(0)
			v.u16(0, uint16(i+2))
			after := uint32(16)
			if i == len(list)-1 {
				after = 0
			}
			v.u32(b.name(version), after)
		}
	}
	return v.Buffer.Bytes()
}

// head writes the file header and two program headers over the room left.
func (b *builder) head(data []byte, machine uint16, dynamic int) {
	if machine == 0 {
		machine = 62
	}
	h := &builder{order: b.order, narrow: b.narrow}
	class, endian := byte(2), byte(1)
	header, phdr, shdr := 64, 56, 64
	if b.narrow {
		class, header, phdr, shdr = 1, 52, 32, 40
	}
	if b.order.String() == binary.BigEndian.String() {
		endian = 2
	}
	h.Write([]byte{0x7f, 'E', 'L', 'F', class, endian, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	h.u16(3, machine)
	h.u32(1)
	h.word(0, header, 0)
	h.u32(0)
	h.u16(uint16(header), uint16(phdr), 2, uint16(shdr), 0, 0)
	h.segment(1, 0, len(data))
	h.segment(2, dynamic, len(data)-dynamic)
	copy(data, h.Buffer.Bytes())
}

func (b *builder) segment(kind uint32, off, size int) {
	b.u32(kind)
	if !b.narrow {
		b.u32(4)
	}
	b.word(off, base+off, base+off, size, size)
	if b.narrow {
		b.u32(4)
	}
	b.word(8)
}
