package elf_test

import (
	"bytes"
	stdelf "debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pinwheel-oci/pinwheel/pkg/elf"
	"github.com/pinwheel-oci/pinwheel/test/tools"
)

func read(t testing.TB, data []byte) *elf.File {
	t.Helper()
	f, err := elf.Read(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// names returns symbols as "name", with "?" before those that are wanted and
// "~" before weak ones, sorted.
func names(t testing.TB, f *elf.File) []string {
	t.Helper()
	var list []string
	err := f.EachSymbol(func(s elf.Symbol) error {
		name := s.Name
		if s.Weak {
			name = "~" + name
		}
		if !s.Defined {
			name = "?" + name
		}
		list = append(list, strings.Clone(name))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(list)
	return list
}

// compile makes an ELF file with the C compiler.
func compile(t *testing.T, source string, flags ...string) []byte {
	t.Helper()
	if runtime.GOOS != "linux" {
		tools.Missing(t, "needs a compiler that makes ELF files")
	}
	cc := tools.Need(t, "gcc")
	dir := t.TempDir()
	in, out := filepath.Join(dir, "x.c"), filepath.Join(dir, "libx.so.1")
	if err := os.WriteFile(in, []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(cc, append([]string{"-nostdlib", "-o", out, in}, flags...)...)
	if log, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("gcc: %v\n%s", err, log)
	}
	data, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

const source = `
extern int wanted(void);
extern int liked(void) __attribute__((weak));
int given(void) { return wanted() + (liked ? liked() : 0); }
__attribute__((weak)) int given_weakly(void) { return 1; }
__attribute__((visibility("hidden"))) int hidden(void) { return 2; }
static int local(void) { return 3; }
int (*keep)(void) = local;
int (*keep2)(void) = hidden;
`

func TestSharedLibrary(t *testing.T) {
	t.Parallel()
	for name, flags := range map[string][]string{
		"both hash tables":              {"-Wl,--hash-style=both"},
		"System V hash table":           {"-Wl,--hash-style=sysv"},
		"GNU hash table":                {"-Wl,--hash-style=gnu"},
		"GNU hash table, no sections":   {"-Wl,--hash-style=gnu", "-s", "-Wl,-z,nosectionheader"},
		"System V hash, no sections":    {"-Wl,--hash-style=sysv", "-s", "-Wl,-z,nosectionheader"},
		"without symbols for debuggers": {"-s"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data := compile(t, source, append(flags, "-shared", "-fPIC", "-Wl,-soname,libx.so.1", "-Wl,--enable-new-dtags",
				"-Wl,-rpath,$ORIGIN/../x.libs:/opt/lib")...)
			if slices.Contains(flags, "-Wl,-z,nosectionheader") {
				cutSections(data) // linkers before binutils 2.41 do not know the flag
			}
			f := read(t, data)
			if f.Kind != elf.Shared || f.Soname != "libx.so.1" || len(f.Needed) != 0 {
				t.Errorf("kind %d, soname %q, needed %q", f.Kind, f.Soname, f.Needed)
			}
			if diff := cmp.Diff([]string{"$ORIGIN/../x.libs", "/opt/lib"}, f.Runpath); diff != "" {
				t.Errorf("runpath: -want +got\n%s", diff)
			}
			want := []string{"?wanted", "?~liked", "given", "keep", "keep2", "~given_weakly"}
			if diff := cmp.Diff(want, names(t, f)); diff != "" {
				t.Errorf("symbols: -want +got\n%s", diff)
			}
		})
	}
}

// cutSections removes the section headers of a 64-bit little-endian file.
func cutSections(data []byte) {
	clear(data[40:48]) // e_shoff
	clear(data[60:64]) // e_shnum, e_shstrndx
}

// TestOnlyWanted is for the GNU hash table of a library that defines nothing:
// the table then says nothing of how many symbols there are.
func TestOnlyWanted(t *testing.T) {
	t.Parallel()
	data := compile(t, "extern int wanted(void);\n__attribute__((constructor,visibility(\"hidden\"))) void f(void) { wanted(); }",
		"-shared", "-fPIC", "-Wl,--hash-style=gnu", "-s")
	for _, cut := range []bool{false, true} {
		if cut {
			cutSections(data)
		}
		if got := names(t, read(t, data)); !slices.Equal(got, []string{"?wanted"}) {
			t.Errorf("sections cut %v: symbols %q", cut, got)
		}
	}
}

func TestOtherKinds(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		kind  elf.Kind
		flags []string
	}{
		"object":                       {elf.Object, []string{"-c"}},
		"static program":               {elf.Executable, []string{"-static", "-no-pie", "-Wl,-e,given", "-Wl,--unresolved-symbols=ignore-all"}},
		"position-independent program": {elf.Shared, []string{"-pie", "-Wl,-e,given", "-Wl,--unresolved-symbols=ignore-all"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data := compile(t, source, c.flags...)
			if f := read(t, data); f.Kind != c.kind || f.Machine == "" || f.Class == 0 {
				t.Errorf("kind %d, machine %q", f.Kind, f.Machine)
			}
		})
	}
}

// TestDebugInformation is for what objcopy splits off: the headers of a library
// without what they speak of.
func TestDebugInformation(t *testing.T) {
	t.Parallel()
	objcopy := tools.Need(t, "objcopy")
	library := filepath.Join(t.TempDir(), "libx.so")
	if err := os.WriteFile(library, compile(t, source, "-shared", "-fPIC", "-g"), 0o600); err != nil {
		t.Fatal(err)
	}
	if log, err := exec.Command(objcopy, "--only-keep-debug", library, library+".debug").CombinedOutput(); err != nil {
		t.Fatalf("objcopy: %v\n%s", err, log)
	}
	data, err := os.ReadFile(library + ".debug")
	if err != nil {
		t.Fatal(err)
	}
	if f := read(t, data); f.Kind != elf.Shared || len(names(t, f)) != 0 {
		t.Errorf("kind %d, symbols %q", f.Kind, names(t, f))
	}
}

func TestVersions(t *testing.T) {
	t.Parallel()
	for name, want := range map[string][2]string{
		"GLIBC_2.34":        {"GLIBC", "2.34"},
		"GLIBC_PRIVATE":     {"GLIBC_PRIVATE", ""},
		"GLIBC_ABI_DT_RELR": {"GLIBC_ABI_DT_RELR", ""},
		"CXXABI_ARM_1.3.3":  {"CXXABI_ARM", "1.3.3"},
		"OPENSSL_1_1_0":     {"OPENSSL_1_1", "0"},
		"libcublas.so.12":   {"libcublas.so.12", ""},
		"X_":                {"X_", ""},
		"_1":                {"_1", ""},
		"A_1..2":            {"A_1..2", ""},
		"":                  {"", ""},
	} {
		family, number := elf.Versioned(name)
		if got := [2]string{family, number}; got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
}

// TestRealLibraries compares what is read of the libraries of this machine with
// what the standard library reads of them, section by section.
func TestRealLibraries(t *testing.T) {
	t.Parallel()
	var files []string
	for _, pattern := range []string{"/usr/lib/*-linux-gnu/lib*.so.*", "/usr/lib64/lib*.so.*"} {
		list, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, list...)
	}
	if len(files) == 0 {
		tools.Missing(t, "needs a machine with ELF libraries")
	}
	compared := 0
	for _, path := range files[:min(len(files), 300)] {
		data, err := os.ReadFile(path)
		if err != nil || !elf.Is(data) {
			continue // a dangling link, a text
		}
		compared++
		if diff := cmp.Diff(standard(t, data), ours(t, data)); diff != "" {
			t.Errorf("%s: -standard library +ours\n%s", path, diff)
		}
	}
	if compared < 3 {
		t.Errorf("only %d libraries", compared)
	}
}

type summary struct {
	Needed, Soname, Runpath, Symbols, Needs, Defines []string
}

func ours(t *testing.T, data []byte) summary {
	f := read(t, data)
	s := summary{Needed: f.Needed, Runpath: f.Runpath, Symbols: names(t, f), Defines: f.Defines}
	if f.Soname != "" {
		s.Soname = []string{f.Soname}
	}
	for _, n := range f.Needs {
		s.Needs = append(s.Needs, n.Library+" "+n.Version)
	}
	return s
}

func standard(t *testing.T, data []byte) (s summary) {
	f, err := stdelf.NewFile(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	s.Needed, _ = f.DynString(stdelf.DT_NEEDED)
	s.Soname, _ = f.DynString(stdelf.DT_SONAME)
	paths, _ := f.DynString(stdelf.DT_RUNPATH)
	if len(paths) == 0 {
		paths, _ = f.DynString(stdelf.DT_RPATH)
	}
	for _, p := range paths {
		s.Runpath = append(s.Runpath, strings.Split(p, ":")...)
	}
	symbols, err := f.DynamicSymbols()
	if err != nil {
		t.Fatal(err)
	}
	for _, y := range symbols {
		bind, hidden := stdelf.ST_BIND(y.Info), stdelf.ST_VISIBILITY(y.Other) == stdelf.STV_HIDDEN
		if bind == stdelf.STB_LOCAL || y.Name == "" || hidden && y.Section != stdelf.SHN_UNDEF {
			continue
		}
		name := y.Name
		if bind == stdelf.STB_WEAK {
			name = "~" + name
		}
		if y.Section == stdelf.SHN_UNDEF {
			name = "?" + name
		}
		s.Symbols = append(s.Symbols, name)
	}
	slices.Sort(s.Symbols)
	needs, _ := f.DynamicVersionNeeds() // an error where there are none
	for _, n := range needs {
		for _, v := range n.Needs {
			if v.Flags&stdelf.VER_FLG_WEAK == 0 {
				s.Needs = append(s.Needs, n.Name+" "+v.Dep)
			}
		}
	}
	versions, _ := f.DynamicVersions()
	for _, v := range versions {
		if v.Flags&stdelf.VER_FLG_BASE == 0 {
			s.Defines = append(s.Defines, v.Name)
		}
	}
	return s
}
