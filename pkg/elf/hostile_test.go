package elf_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/pinwheel-oci/pinwheel/pkg/elf"
	"github.com/pinwheel-oci/pinwheel/test/elftest"
)

var sample = elftest.Library{
	Soname: "libsample.so.3", Needed: []string{"libc.so.6", "libm.so.6"}, Runpath: "$ORIGIN:/opt/lib",
	Imports: []string{"wanted"}, Weak: []string{"liked"}, Exports: []string{"given"}, HashTable: true,
	Needs:   map[string][]string{"libc.so.6": {"GLIBC_2.2.5", "GLIBC_2.34"}, "libm.so.6": {"GLIBC_2.29"}},
	Defines: []string{"SAMPLE_1", "SAMPLE_2"},
}

func TestMachines(t *testing.T) {
	t.Parallel()
	for want, c := range map[string]struct {
		machine     uint16
		narrow, big bool
	}{
		"x86_64":          {62, false, false},
		"i686":            {3, true, false},
		"aarch64":         {183, false, false},
		"armv7l":          {40, true, false},
		"ppc64le":         {21, false, false},
		"ppc64":           {21, false, true},
		"s390x":           {22, false, true},
		"riscv64":         {243, false, false},
		"elf-machine-62":  {62, true, false}, // x32
		"elf-machine-190": {190, false, false},
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			l := sample
			l.Machine, l.Narrow, l.Big = c.machine, c.narrow, c.big
			f := read(t, l.Bytes())
			class := 64
			if c.narrow {
				class = 32
			}
			if f.Machine != want || f.Class != class || f.Soname != l.Soname || !slices.Equal(f.Needed, l.Needed) {
				t.Errorf("machine %q, class %d, soname %q, needed %q", f.Machine, f.Class, f.Soname, f.Needed)
			}
			if diff := cmp.Diff([]string{"?wanted", "?~liked", "given"}, names(t, f)); diff != "" {
				t.Errorf("symbols: -want +got\n%s", diff)
			}
			needs := []elf.Need{{"libc.so.6", "GLIBC_2.2.5"}, {"libc.so.6", "GLIBC_2.34"}, {"libm.so.6", "GLIBC_2.29"}}
			if diff := cmp.Diff(needs, f.Needs); diff != "" {
				t.Errorf("needs: -want +got\n%s", diff)
			}
			if diff := cmp.Diff(l.Defines, f.Defines); diff != "" {
				t.Errorf("defines: -want +got\n%s", diff)
			}
			if off, size := elf.DynamicSection(l.Bytes()[:256]); off == 0 || off+size != int64(len(l.Bytes())) {
				t.Errorf("dynamic section of %d bytes at %d", size, off)
			}
			if f, err := elf.ReadIdentity(bytes.NewReader(l.Bytes()), 64); err != nil || f.Machine != want {
				t.Errorf("identity %+v, %v", f, err)
			}
		})
	}
}

// dynamicValue returns where the value of a tag stands in a 64-bit
// little-endian file.
func dynamicValue(t *testing.T, data []byte, tag uint64) []byte {
	t.Helper()
	for at := int(binary.LittleEndian.Uint64(data[64+56+8:])); at+16 <= len(data); at += 16 {
		if binary.LittleEndian.Uint64(data[at:]) == tag {
			return data[at+8 : at+16]
		}
	}
	t.Fatalf("no tag %d", tag)
	return nil
}

func TestRefuses(t *testing.T) {
	t.Parallel()
	put := func(tag, value uint64) func(*testing.T, []byte) []byte {
		return func(t *testing.T, data []byte) []byte {
			binary.LittleEndian.PutUint64(dynamicValue(t, data, tag), value)
			return data
		}
	}
	set := func(at int, value ...byte) func(*testing.T, []byte) []byte {
		return func(_ *testing.T, data []byte) []byte {
			copy(data[at:], value)
			return data
		}
	}
	for name, c := range map[string]struct {
		change func(*testing.T, []byte) []byte
		want   string
	}{
		"nothing":                        {func(*testing.T, []byte) []byte { return nil }, "outside the file"},
		"no magic number":                {set(0, 'M', 'Z'), "no ELF file"},
		"only the magic number":          {func(_ *testing.T, d []byte) []byte { return d[:16] }, "header lies outside"},
		"unknown class":                  {set(4, 3), "class 3"},
		"unknown byte order":             {set(5, 0), "byte order 0"},
		"program headers too small":      {set(54, 8), "program headers of 8 bytes"},
		"too many program headers":       {set(56, 0xff, 0xff), "program header table lies outside"},
		"program headers far away":       {set(32, 0, 0, 0, 0, 0, 0, 0, 0x7f), "program header table lies outside"},
		"program headers before it":      {set(32, 0, 0, 0, 0, 0, 0, 0, 0xff), "program header table lies outside"},
		"dynamic section far away":       {set(64+56+8, 0, 0, 0, 0, 1), "not where it is loaded from"},
		"dynamic section elsewhere":      {set(64+56+8, 0), "not where it is loaded from"},
		"dynamic section not there":      {set(64+56+16, 0, 0, 0, 0, 1), "not where it is loaded from"},
		"dynamic section behind the end": {func(_ *testing.T, d []byte) []byte { return d[:binary.LittleEndian.Uint64(d[64+56+8:])-8] }, "dynamic section lies outside"},
		"strings that are too many":      {put(10, 1<<40), "string table lies outside"},
		"strings of negative size":       {put(10, 1<<63), "string table lies outside"},
		"strings from nowhere":           {put(5, 1), "string table lies outside"},
		"library name outside":           {put(1, 1<<32), "DT_NEEDED lies outside"},
		"soname outside":                 {put(14, 1<<63), "DT_SONAME lies outside"},
		"run path outside":               {put(29, 1<<20), "DT_RUNPATH lies outside"},
		"symbols from nowhere":           {put(6, 1), "symbol table lies outside"},
		"symbols of another size":        {put(11, 1), "symbols of 1 bytes"},
		"hash table from nowhere":        {put(4, 1), "hash table lies outside"},
		"more symbols than bytes": {func(t *testing.T, data []byte) []byte {
			at := binary.LittleEndian.Uint64(dynamicValue(t, data, 4)) - 0x1000
			data[at+6] = 1 // 65536 more
			return data
		}, "dynamic symbol table lies outside"},
		"definitions from nowhere": {put(0x6ffffffc, 1), "version definition lies outside"},
		"too many definitions":     {put(0x6ffffffd, 1<<20), "versions are defined"},
		"versions from nowhere":    {put(0x6ffffffe, 1), "version need lies outside"},
		"too many versions": {func(*testing.T, []byte) []byte {
			many := slices.Repeat([]string{"V_1"}, elf.MaxVersions/2)
			return elftest.Library{Needed: []string{"a", "b"}, Needs: map[string][]string{"a": many, "b": many}}.Bytes()
		}, "versions are needed"},
		"dynamic section without end": {func(_ *testing.T, d []byte) []byte { d[len(d)-16] = 21; return d }, "has no end"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data := c.change(t, sample.Bytes())
			_, err := elf.Read(bytes.NewReader(data), int64(len(data)))
			var format *elf.FormatError
			if !errors.As(err, &format) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want a format error with %q", err, c.want)
			}
		})
	}
}

// segments puts other program headers into a 64-bit little-endian file: kind,
// offset, address and size of each.
func segments(data []byte, list ...[4]uint64) []byte {
	at := uint64(len(data))
	le := binary.LittleEndian
	le.PutUint64(data[32:], at)
	le.PutUint16(data[56:], uint16(len(list)))
	for _, s := range list {
		data = le.AppendUint32(data, uint32(s[0]))
		data = le.AppendUint32(data, 7)
		for _, v := range []uint64{s[1], s[2], s[2], s[3], s[3], page} {
			data = le.AppendUint64(data, v)
		}
	}
	return data
}

const page = 0x1000

// TestReadsAsTheLoaderDoes: what stands in the program header of the dynamic
// section besides its address changes nothing.
func TestReadsAsTheLoaderDoes(t *testing.T) {
	t.Parallel()
	l := sample
	l.Data = make([]byte, 3*page)
	size := uint64(len(l.Bytes()))
	at := binary.LittleEndian.Uint64(l.Bytes()[64+56+8:])
	const load, dynamic = 1, 2
	for name, c := range map[string]struct {
		list [][4]uint64
		want string // of the error; "-" if nothing is linked
	}{
		"as it was":                   {[][4]uint64{{load, 0, page, size}, {dynamic, at, page + at, size - at}}, ""},
		"a size that is too small":    {[][4]uint64{{load, 0, page, size}, {dynamic, at, page + at, 16}}, ""},
		"a size that is too large":    {[][4]uint64{{load, 0, page, size}, {dynamic, at, page + at, 1 << 40}}, ""},
		"several, the last counts":    {[][4]uint64{{load, 0, page, size}, {dynamic, 0, page, 16}, {dynamic, at, page + at, 16}}, ""},
		"the last without content":    {[][4]uint64{{load, 0, page, size}, {dynamic, at, page + at, 16}, {dynamic, 0, 0, 0}}, ""},
		"debug information":           {[][4]uint64{{load, 0, page, 0}, {dynamic, at, page + at, 0}}, "-"},
		"another place in the file":   {[][4]uint64{{load, 0, page, size}, {dynamic, at + 16, page + at, 16}}, "not where it is loaded from"},
		"two segments":                {[][4]uint64{{load, 0, page, 2 * page}, {load, 2 * page, 3 * page, size - 2*page}, {dynamic, at, page + at, 16}}, ""},
		"two that share a page":       {[][4]uint64{{load, 0, page, page + 100}, {load, page + 100, 2*page + 100, size - page - 100}, {dynamic, at, page + at, 16}}, ""},
		"one mapped over another":     {[][4]uint64{{load, 0, page, size}, {load, 0, 3 * page, page}, {dynamic, at, page + at, 16}}, "segments overlap"},
		"one over another one's page": {[][4]uint64{{load, 0, page, size - 8}, {load, 8, page + size, 8}, {dynamic, at, page + at, 16}}, "segments overlap"},
		"segments out of order":       {[][4]uint64{{load, 0, 16 * page, size}, {load, 0, page, 8}, {dynamic, at, 16*page + at, 16}}, "not in the order"},
	} {
		data := segments(l.Bytes(), c.list...)
		f, err := elf.Read(bytes.NewReader(data), int64(len(data)))
		switch {
		case c.want != "" && c.want != "-":
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: got %v, want %q", name, err, c.want)
			}
		case err != nil || (c.want == "") != slices.Equal(f.Needed, l.Needed):
			t.Errorf("%s: %+v, %v", name, f, err)
		}
	}
}

func TestSymbolNamesAreBounded(t *testing.T) {
	t.Parallel()
	for length, ok := range map[int]bool{elf.MaxName: true, elf.MaxName + 1: false} {
		f := read(t, elftest.Library{Imports: []string{strings.Repeat("x", length)}, HashTable: true}.Bytes())
		err := f.EachSymbol(func(elf.Symbol) error { return nil })
		var format *elf.FormatError
		if ok != (err == nil) || !ok && !errors.As(err, &format) {
			t.Errorf("a name of %d bytes: %v", length, err)
		}
	}
}

// TestLargeStringTable is beyond what is held in memory.
func TestLargeStringTable(t *testing.T) {
	t.Parallel()
	l := elftest.Library{Soname: "libtensorflow_cc.so.2", Needed: []string{"libc.so.6"}, HashTable: true}
	for i := range 700 {
		l.Imports = append(l.Imports, strings.Repeat("x", elf.MaxName-3)+strconv.Itoa(i))
	}
	for i := range 3000 {
		l.Exports = append(l.Exports, strings.Repeat("y", i)+"_")
	}
	data := l.Bytes()
	f := read(t, data)
	if f.Soname != l.Soname || !slices.Equal(f.Needed, l.Needed) {
		t.Errorf("soname %q, needed %q", f.Soname, f.Needed)
	}
	var imports, exports []string
	err := f.EachSymbol(func(s elf.Symbol) error {
		if s.Defined {
			exports = append(exports, s.Name)
		} else {
			imports = append(imports, s.Name)
		}
		return nil
	})
	if err != nil || !slices.Equal(imports, l.Imports) || !slices.Equal(exports, l.Exports) {
		t.Errorf("%d imports, %d exports, %v", len(imports), len(exports), err)
	}
	// Without its zeros a name has no end.
	at := bytes.Index(data, []byte("\x00"+l.Imports[0])) + 1
	copy(data[at:], bytes.Repeat([]byte("z"), elf.MaxName+1))
	var format *elf.FormatError
	if err := read(t, data).EachSymbol(func(elf.Symbol) error { return nil }); !errors.As(err, &format) {
		t.Errorf("a name without an end: %v", err)
	}
}

// TestOverlappingNames is a file whose symbols share one long name: what is
// looked at stays in proportion.
func TestOverlappingNames(t *testing.T) {
	t.Parallel()
	imports := slices.Repeat([]string{strings.Repeat("x", elf.MaxName)}, 20_000)
	f := read(t, elftest.Library{Imports: imports, HashTable: true}.Bytes())
	err := f.EachSymbol(func(elf.Symbol) error { return nil })
	if err == nil || !strings.Contains(err.Error(), "over 4 times as long as the string table") {
		t.Errorf("got %v", err)
	}
}

// TestOneNameForAll are files whose libraries or versions all have one long
// name: what is held must not be many times what the file has.
func TestOneNameForAll(t *testing.T) {
	long, path := strings.Repeat("x", elf.MaxName), strings.Repeat("x", elf.MaxPath)
	repeat := func(s string) []string { return slices.Repeat([]string{s}, 60_000) }
	for name, c := range map[string]struct {
		library elftest.Library
		want    string
	}{
		"libraries":           {elftest.Library{Needed: repeat(path)}, "over 4194304 bytes"},
		"versions":            {elftest.Library{Needed: []string{"a"}, Needs: map[string][]string{"a": repeat(path)}}, "over 4194304 bytes"},
		"definitions":         {elftest.Library{Defines: repeat(path)}, "over 4194304 bytes"},
		"libraries, longer":   {elftest.Library{Needed: repeat(long)}, "limit is 4096"},
		"versions, longer":    {elftest.Library{Needed: []string{"a"}, Needs: map[string][]string{"a": repeat(long)}}, "limit is 4096"},
		"definitions, longer": {elftest.Library{Defines: repeat(long)}, "limit is 4096"},
		"its own name":        {elftest.Library{Soname: long}, "limit is 4096"},
	} {
		data := c.library.Bytes()
		var err error
		n := allocated(func() { _, err = elf.Read(bytes.NewReader(data), int64(len(data))) })
		var format *elf.FormatError
		if !errors.As(err, &format) || !strings.Contains(err.Error(), c.want) || n > 32<<20 {
			t.Errorf("%s: %d bytes allocated, %v", name, n, err)
		}
	}
}

// allocated counts bytes; nothing else may run.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func TestReaderErrorsStayTheirs(t *testing.T) {
	t.Parallel()
	data := sample.Bytes()
	for fail := range int64(len(data)) {
		r := failing{bytes.NewReader(data), fail}
		_, err := elf.Read(r, int64(len(data)))
		var format *elf.FormatError
		if errors.As(err, &format) || err != nil && !errors.Is(err, iotest.ErrTimeout) {
			t.Fatalf("a disk that fails at %d: %v", fail, err)
		}
	}
}

// failing cannot read the byte at offset at.
type failing struct {
	r  io.ReaderAt
	at int64
}

func (f failing) ReadAt(b []byte, off int64) (int, error) {
	if off <= f.at && f.at < off+int64(len(b)) {
		return 0, iotest.ErrTimeout
	}
	return f.r.ReadAt(b, off)
}

func FuzzRead(f *testing.F) {
	f.Add(sample.Bytes())
	for _, l := range []elftest.Library{
		{}, {Narrow: true, Machine: 3, Imports: []string{"a"}, HashTable: true}, {Big: true, Machine: 22, Exports: []string{"b"}},
		{Needed: []string{"l"}, Needs: map[string][]string{"l": {"V_1"}}},
	} {
		f.Add(l.Bytes())
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := elf.Read(bytes.NewReader(data), int64(len(data)))
		var format *elf.FormatError
		if err != nil {
			if !errors.As(err, &format) {
				t.Fatalf("not a format error: %v", err)
			}
			return
		}
		n := 0
		err = file.EachSymbol(func(s elf.Symbol) error {
			if n++; s.Name == "" || strings.ContainsRune(s.Name, 0) {
				t.Fatalf("symbol %q", s.Name)
			}
			return nil
		})
		if err != nil && !errors.As(err, &format) {
			t.Fatalf("not a format error: %v", err)
		}
		if n > len(data)/16 {
			t.Fatalf("%d symbols in %d bytes", n, len(data))
		}
	})
}
