package facts

import (
	"cmp"
	"errors"
	"io"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/pinwheel-oci/pinwheel/pkg/elf"
)

// providers are the libraries whose exports other wheels are compared with, by
// SONAME or base name. The underscores keep out libtorchaudio.so and the like,
// which use torch.
var providers = []string{
	"libtorch.so*", "libtorch_*.so*", "libc10.so*", "libc10_*.so*",
	"libarrow.so*", "libarrow_*.so*", "libparquet.so*",
}

// vendored is the name that auditwheel gives a library that it copies into a
// wheel: nobody else finds it.
var vendored = regexp.MustCompile(`-[0-9a-f]{8}\.so`)

func isProvider(names ...string) bool {
	for _, name := range names {
		for _, pattern := range providers {
			if ok, err := path.Match(pattern, name); err == nil && ok && !vendored.MatchString(name) {
				return true
			}
		}
	}
	return false
}

// scanned is what one ELF file says, before it is known what the other files of
// the wheel define.
type scanned struct {
	Library
	defined  []string // in watched name spaces
	provides bool
	kept     int // bytes of the names of symbols
}

// keep adds a symbol's name to a list of s.
func (s *scanned) keep(list *[]string, name string) error {
	if s.kept += len(name) + perName; s.kept > maxOfOne {
		return tooMuch(s.Member)
	}
	*list = append(*list, text(name))
	return nil
}

// scanLibrary reads one ELF file; a nil result is for code that no loader of
// this system ever sees: objects, and programs for GPUs.
func scanLibrary(member string, r io.ReaderAt, size int64) (*scanned, error) {
	s := &scanned{Library: Library{Member: text(member)}}
	f, err := elf.Read(r, size)
	if err == nil {
		if f.Kind == elf.Object || strings.HasPrefix(f.Machine, "elf-machine-") {
			return nil, nil
		}
		s.Machine = f.Machine
		err = s.read(f)
	}
	var format *elf.FormatError
	if errors.As(err, &format) {
		// Broken files lie about in tests of wheels; they harm who loads them.
		s.Library = Library{Member: s.Member, Machine: s.Machine, Defect: format.Reason}
		s.defined, s.provides = nil, false
		return s, nil
	}
	return s, err
}

func (s *scanned) read(f *elf.File) error {
	base := path.Base(s.Member)
	s.Soname, s.Needed = text(f.Soname), set(f.Needed)
	s.Runpath, s.Versions = set(f.Runpath), highest(f.Needs)
	s.Stable = strings.Contains(base, ".abi3.") || strings.Contains(base, ".abi3t.")
	s.provides = isProvider(s.Soname, base)
	versionless := s.Stable || !strings.Contains(base, ".cpython-") && !strings.Contains(base, ".pypy")
	capsules := false
	err := f.EachSymbol(func(y elf.Symbol) error {
		capsules = capsules || !y.Defined && !y.Weak && y.Name == "PyCapsule_GetPointer"
		return s.symbol(y, versionless)
	})
	if err != nil {
		return err
	}
	s.Modules, s.Imports, s.Python = unique(s.Modules), unique(s.Imports), unique(s.Python)
	if !s.Stable && len(s.Modules) == 0 {
		s.Python = nil
	}
	if capsules {
		s.NumPy, err = scanNumPy(io.NewSectionReader(f.Content(), 0, f.Size()), f.Size())
	}
	return err
}

// symbol takes what matters of one symbol. versionless is for files whose name
// says nothing of a version of Python.
func (s *scanned) symbol(y elf.Symbol, versionless bool) error {
	if y.Defined {
		if module, ok := module(y.Name); ok {
			if err := s.keep(&s.Modules, module); err != nil {
				return err
			}
		}
	} else if !y.Weak && versionless && (strings.HasPrefix(y.Name, "Py") || strings.HasPrefix(y.Name, "_Py")) {
		if err := s.keep(&s.Python, y.Name); err != nil {
			return err
		}
	}
	switch {
	case y.Weak && !y.Defined || Namespace(y.Name) == "":
		return nil
	case y.Defined:
		return s.keep(&s.defined, y.Name)
	}
	return s.keep(&s.Imports, y.Name)
}

// module returns what the interpreter can import where a symbol is defined
// (PEP 489, PEP 793); names beyond ASCII stay as PEP 489 encodes them.
func module(symbol string) (string, bool) {
	for _, prefix := range []string{"PyInit_", "PyInitU_", "PyModExport_", "PyModExportU_"} {
		if name, ok := strings.CutPrefix(symbol, prefix); ok && name != "" {
			return name, true
		}
	}
	return "", false
}

// highest keeps the highest version of each family that each library must have.
func highest(needs []elf.Need) []SymbolVersion {
	type key struct{ library, family string }
	best := map[key]string{}
	library, valid := "", ""
	for _, n := range needs {
		if n.Library != library { // many versions share the name of theirs
			library, valid = n.Library, text(n.Library)
		}
		family, number := elf.Versioned(n.Version)
		k := key{valid, text(family)}
		if old, ok := best[k]; !ok || CompareNumbers(number, old) > 0 {
			best[k] = number
		}
	}
	var list []SymbolVersion
	for k, number := range best {
		version := k.family
		if number != "" {
			version += "_" + number
		}
		list = append(list, SymbolVersion{Library: k.library, Version: version})
	}
	slices.SortFunc(list, func(a, b SymbolVersion) int {
		return cmp.Or(cmp.Compare(a.Library, b.Library), cmp.Compare(a.Version, b.Version))
	})
	return list
}

// CompareNumbers orders dotted numbers such as "2.9" and "2.34" by number; what is
// no number counts as 0.
func CompareNumbers(a, b string) int {
	return slices.CompareFunc(strings.Split(a, "."), strings.Split(b, "."), func(x, y string) int {
		m, _ := strconv.Atoi(x)
		n, _ := strconv.Atoi(y)
		return cmp.Compare(m, n)
	})
}

// text makes a string of its own that JSON can hold.
func text(s string) string { return strings.Clone(strings.ToValidUTF8(s, "\uFFFD")) }

// set sorts and removes repetitions; nothing stays nil.
func set(list []string) []string {
	var out []string
	for _, s := range list {
		out = append(out, text(s))
	}
	return unique(out)
}

// unique sorts and removes repetitions, in place.
func unique(list []string) []string {
	slices.Sort(list)
	return slices.Compact(list)
}
