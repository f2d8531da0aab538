package elf

// Symbol is a dynamic symbol that takes part in linking.
type Symbol struct {
	// Name may share memory with all other names: clone what is kept.
	Name string
	// Defined is whether the file provides it, else it wants it.
	Defined bool
	// Weak is whether the loader does without it if nobody has it.
	Weak bool
}

const (
	bindLocal        = 0
	bindWeak         = 2
	visibilityMask   = 3
	visibilityHidden = 2
	visibilityIntern = 1
	sectionDynsym    = 11
	symbolsAtOnce    = 4096
)

// EachSymbol calls fn for each symbol of the dynamic symbol table that other
// files see, until it returns an error. Names are at most [MaxName] bytes.
func (f *File) EachSymbol(fn func(Symbol) error) error {
	entry := f.symbolSize()
	budget := freeNames + maxOverlap*f.strtab.size
	for first := int64(1); first < f.symbols; first += symbolsAtOnce {
		n := min(symbolsAtOnce, f.symbols-first)
		table, err := f.at(f.symtab+first*entry, n*entry, "the dynamic symbol table")
		if err != nil {
			return err
		}
		for ; len(table) > 0; table = table[entry:] {
			s, ok, err := f.symbol(table)
			if err != nil {
				return err
			}
			if budget -= int64(len(s.Name)); budget < 0 {
				return malformed("names of symbols that are over %d times as long as the string table", maxOverlap)
			}
			if !ok {
				continue
			}
			if err := fn(s); err != nil {
				return err
			}
		}
	}
	return nil
}

// symbol decodes one entry; ok is false if it is not for others.
func (f *File) symbol(b []byte) (s Symbol, ok bool, err error) {
	info, other, section := b[12], b[13], b[14:]
	if f.Class == 64 {
		info, other, section = b[4], b[5], b[6:]
	}
	s.Defined = f.order.Uint16(section) != 0
	bind, visibility := info>>4, other&visibilityMask
	s.Weak = bind == bindWeak
	if bind == bindLocal || s.Defined && (visibility == visibilityHidden || visibility == visibilityIntern) {
		return s, false, nil
	}
	s.Name, err = f.name(int64(f.order.Uint32(b)), "a symbol's name")
	return s, err == nil && s.Name != "", err
}

func (f *File) symbolSize() int64 {
	if f.Class == 64 {
		return 24
	}
	return 16
}

// findSymbols learns where the dynamic symbol table is and how long. The file
// does not say the latter: DT_HASH does, DT_GNU_HASH gives the number up to the
// last that is defined, and section headers, where they were not stripped, give
// the size. The largest of them counts.
func (f *File) findSymbols(d dynamic, h header) error {
	addr, ok := d.one[dtSymtab]
	if !ok {
		return nil
	}
	if size, ok := d.one[dtSyment]; ok && size != f.symbolSize() {
		return malformed("symbols of %d bytes", size)
	}
	if f.symtab = f.offset(addr); f.symtab < 0 {
		return malformed("the dynamic symbol table lies outside the file")
	}
	known, err := f.countByHash(d)
	if err != nil {
		return err
	}
	sections, err := f.countBySections(h)
	if err != nil {
		return err
	}
	f.symbols = max(known, sections)
	if strtab := d.one[dtStrtab]; f.symbols == 0 || sections == 0 && d.one[dtHash] == 0 {
		// All linkers lay the strings behind the symbols.
		if strtab > addr {
			f.symbols = max(f.symbols, (strtab-addr)/f.symbolSize())
		}
	}
	if f.symbols > MaxSymbols {
		return malformed("%d dynamic symbols, the limit is %d", f.symbols, MaxSymbols)
	}
	if f.symbols > (f.size-f.symtab)/f.symbolSize() {
		return malformed("the dynamic symbol table lies outside the file")
	}
	return nil
}

func (f *File) countByHash(d dynamic) (int64, error) {
	var n int64
	if addr, ok := d.one[dtHash]; ok && !(f.Class == 64 && f.Machine == "s390x") {
		b, err := f.at(f.offset(addr), 8, "the hash table")
		if err != nil {
			return 0, err
		}
		n = int64(f.order.Uint32(b[4:])) // nchain is the number of symbols
	}
	addr, ok := d.one[dtGNUHash]
	if !ok {
		return n, nil
	}
	m, err := f.countByGNUHash(f.offset(addr))
	return max(n, m), err
}

// countByGNUHash finds the last symbol that the table knows: the end of the
// chain that begins at the highest bucket.
func (f *File) countByGNUHash(off int64) (int64, error) {
	const what = "the GNU hash table"
	b, err := f.at(off, 16, what)
	if err != nil {
		return 0, err
	}
	buckets, first, bloom := int64(f.order.Uint32(b)), int64(f.order.Uint32(b[4:])), int64(f.order.Uint32(b[8:]))
	if buckets > MaxSymbols || first > MaxSymbols || bloom > MaxSymbols {
		return 0, malformed("%s is too large", what)
	}
	off += 16 + bloom*int64(f.Class/8)
	var last int64
	err = f.words(off, buckets, what, func(w uint32) bool {
		last = max(last, int64(w))
		return true
	})
	if err != nil || last == 0 {
		return first, err
	}
	if last < first || last > MaxSymbols {
		return 0, malformed("%s points at symbol %d", what, last)
	}
	chains := off + 4*buckets
	err = f.words(chains+4*(last-first), MaxSymbols, what, func(w uint32) bool {
		last++
		return w&1 == 0
	})
	return last, err
}

// words calls fn with up to n words from off on, until it returns false or the
// file ends.
func (f *File) words(off, n int64, what string, fn func(uint32) bool) error {
	for n > 0 {
		m := min(n, symbolsAtOnce, (f.size-off)/4)
		if m <= 0 {
			return malformed("%s lies outside the file", what)
		}
		b, err := f.at(off, 4*m, what)
		if err != nil {
			return err
		}
		for ; len(b) > 0; b = b[4:] {
			if !fn(f.order.Uint32(b)) {
				return nil
			}
		}
		n, off = n-m, off+4*m
	}
	return nil
}

// countBySections returns how long the section of dynamic symbols is that
// begins where the dynamic section says, 0 if there is none.
func (f *File) countBySections(h header) (int64, error) {
	if h.shoff == 0 || h.shnum == 0 || h.shentsize != h.wantShent {
		return 0, nil
	}
	if h.shoff < 0 || h.shoff > f.size || h.shnum*h.shentsize > f.size-h.shoff {
		return 0, nil // cut off: loaders do not mind
	}
	table, err := f.at(h.shoff, h.shnum*h.shentsize, "the section header table")
	if err != nil {
		return 0, err
	}
	for ; len(table) > 0; table = table[h.shentsize:] {
		if f.order.Uint32(table[4:]) != sectionDynsym {
			continue
		}
		off, size := f.word(table[16:]), f.word(table[20:])
		if f.Class == 64 {
			off, size = f.word(table[24:]), f.word(table[32:])
		}
		if off == f.symtab && size > 0 {
			return size / f.symbolSize(), nil
		}
	}
	return 0, nil
}
