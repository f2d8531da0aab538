package facts_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"github.com/pinwheel-oci/pinwheel/pkg/facts"
	"github.com/pinwheel-oci/pinwheel/pkg/wheel"
	"github.com/pinwheel-oci/pinwheel/test/elftest"
	"github.com/pinwheel-oci/pinwheel/test/wheeltest"
)

var sum = strings.Repeat("a", 64)

// show writes a member as wheel.Inspect does.
func show(r *facts.Reader, name string, content []byte) error {
	w, err := r.Visit(name, int64(len(content)), content[:min(len(content), 4096)])
	if err != nil || w == nil {
		return err
	}
	if _, err := io.Copy(w, bytes.NewReader(content)); err != nil {
		return err
	}
	return w.Close()
}

// gather reads members in order of name, which must not matter.
func gather(t *testing.T, members map[string][]byte) (*facts.Wheel, *facts.Exports) {
	t.Helper()
	r := facts.NewReader(t.TempDir())
	var g errgroup.Group
	for name, content := range members {
		g.Go(func() error { return show(r, name, content) })
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	w, e, err := r.Wheel(sum, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return w, e
}

func TestReaderSaysWhatConsumersWant(t *testing.T) {
	t.Parallel()
	extension := elftest.Library{
		Needed:  []string{"libc10.so", "libtorch.so", "libc.so.6", "libown.so"},
		Runpath: "$ORIGIN/../torch/lib",
		Imports: []string{"_ZN3c105ErrorC1Ev", "_ZN2at3addEv", "aoti_torch_empty", "PyErr_SetString", "_Py_Dealloc", "malloc", "_ZN3own4workEv"},
		Weak:    []string{"_ZTHN3c104impl26raw_local_dispatch_key_setE"},
		Exports: []string{"PyInit__C", "_ZN3own5otherEv"},
		Needs:   map[string][]string{"libc.so.6": {"GLIBC_2.9", "GLIBC_2.34", "GLIBC_2.17", "GLIBC_PRIVATE"}},
	}
	own := elftest.Library{Soname: "libown.so", Exports: []string{"_ZN3own4workEv", "_ZN2at3addEv"}}
	w, e := gather(t, map[string][]byte{
		"pkg/_C.abi3.so":                              extension.Bytes(),
		"pkg/libown.so":                               own.Bytes(),
		"pkg/__init__.py":                             []byte("import pkg._C\n"),
		"pkg/kernel.cubin":                            elftest.Library{Machine: 190}.Bytes(),
		"pkg/empty":                                   {},
		"pkg-1.0.dist-info/RECORD":                    []byte("x"),
		"pkg-1.0.dist-info/licenses/LICENSE":          []byte("x"),
		"pkg-1.0.dist-info/licenses/third/NOTICE.txt": []byte("x"),
		"pkg-1.0.dist-info/COPYING":                   []byte("x"),
		"pkg-1.0.dist-info/sboms/bom.cdx.json":        []byte("{}"),
		"pkg-1.0.dist-info/fromager-build-system-requirements.txt":     []byte("torch==2.9.1\n# why\n\nsetuptools >= 70\n"),
		"pkg-1.0.dist-info/fromager-build-backend-requirements.txt":    []byte("torch==2.9.1\r\n"),
		"pkg/data.dist-info-not/fromager-build-sdist-requirements.txt": []byte("no\n"),
	})
	want := &facts.Wheel{
		SHA256:        sum,
		BuildRequires: []string{"setuptools >= 70", "torch==2.9.1"},
		Licenses:      []string{"pkg-1.0.dist-info/COPYING", "pkg-1.0.dist-info/licenses/LICENSE", "pkg-1.0.dist-info/licenses/third/NOTICE.txt"},
		SBOMs:         []string{"pkg-1.0.dist-info/sboms/bom.cdx.json"},
		Libraries: []facts.Library{
			{
				Member: "pkg/_C.abi3.so", Machine: "x86_64", Modules: []string{"_C"}, Stable: true,
				Imports: []string{"_ZN3c105ErrorC1Ev", "aoti_torch_empty"},
				Needed:  []string{"libc.so.6", "libc10.so", "libown.so", "libtorch.so"},
				Python:  []string{"PyErr_SetString", "_Py_Dealloc"},
				Runpath: []string{"$ORIGIN/../torch/lib"},
				Versions: []facts.SymbolVersion{
					{Library: "libc.so.6", Version: "GLIBC_2.34"}, {Library: "libc.so.6", Version: "GLIBC_PRIVATE"},
				},
			},
			{Member: "pkg/libown.so", Machine: "x86_64", Soname: "libown.so"},
		},
	}
	if diff := cmp.Diff(want, w); diff != "" || e != nil {
		t.Errorf("exports %v; facts: -want +got\n%s", e, diff)
	}
}

func TestReaderSaysWhatProvidersExport(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		member, soname string
		want           bool
	}{
		"torch":                     {"torch/lib/libtorch_cpu.so", "libtorch_cpu.so", true},
		"c10":                       {"torch/lib/libc10.so", "libc10.so", true},
		"arrow":                     {"pyarrow/libarrow.so.2600", "libarrow.so.2600", true},
		"parquet, by file name":     {"pyarrow/libparquet.so.2600", "", true},
		"torchaudio":                {"torchaudio/lib/libtorchaudio.so", "libtorchaudio.so", false},
		"arrow copied into a wheel": {"x.libs/libarrow-1a2b3c4d.so.2600", "libarrow-1a2b3c4d.so.2600", false},
		"a module":                  {"torch/_C.so", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := elftest.Library{Soname: c.soname, Exports: []string{"_ZN3c103addEv", "_ZN5arrow3addEv", "main"}, Imports: []string{"_ZN2at3subEv"}}
			w, e := gather(t, map[string][]byte{c.member: l.Bytes()})
			if !c.want {
				if e != nil || w.Libraries[0].Exports != 0 {
					t.Errorf("exports %v", e)
				}
				return
			}
			want := &facts.Exports{SHA256: sum, Symbols: []string{"_ZN3c103addEv", "_ZN5arrow3addEv"}}
			if diff := cmp.Diff(want, e); diff != "" || w.Libraries[0].Exports != 2 {
				t.Errorf("%d; exports: -want +got\n%s", w.Libraries[0].Exports, diff)
			}
		})
	}
}

func TestReaderFindsNumPy(t *testing.T) {
	t.Parallel()
	const (
		two    = "numpy._core._multiarray_umath\x00"
		level  = "module was compiled against NumPy C-API version 0x%x (NumPy "
		legacy = "module compiled against API version 0x%x but this version of numpy is 0x%x\x00"
	)
	uses := []string{"PyCapsule_GetPointer"}
	for name, c := range map[string]struct {
		data    string
		imports []string
		beside  string // another member
		want    string
	}{
		"headers of 2":                       {two + level + "1.20) but", uses, "", "1.20"},
		"two levels":                         {two + level + "1.9) x" + level + "1.25)" + level + "1.20)", uses, "", "1.25"},
		"headers of 1.x":                     {legacy + "numpy.core._multiarray_umath\x00", uses, "", facts.NumPyLegacy},
		"level, but looks for 1.x only":      {level + "1.20)", uses, "", facts.NumPyLegacy},
		"no level that can be read":          {two + level + "soon)", uses, "", ""},
		"no level at all":                    {two, uses, "", ""},
		"only the name":                      {two + "numpy", uses, "", ""},
		"text in a library without Python":   {legacy, nil, "", ""},
		"numpy itself":                       {two + level + "2.1)", uses, "numpy/_core/__init__.py", ""},
		"numpy 1 itself":                     {legacy, uses, "numpy/core/__init__.py", ""},
		"a file called numpy somewhere else": {two + level + "2.1)", uses, "vendor/numpy/_core/x.py", "2.1"},
		"far into the file":                  {strings.Repeat("x", 3<<20) + two + level + "2.0)", uses, "", "2.0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			members := map[string][]byte{"a/m.cpython-312-x86_64-linux-gnu.so": elftest.Library{Imports: c.imports, Data: []byte(c.data)}.Bytes()}
			if c.beside != "" {
				members[c.beside] = []byte("x")
			}
			w, _ := gather(t, members)
			if got := w.Libraries[0].NumPy; got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// TestNumPyTextAcrossWindows moves the text over the end of what is read at once.
func TestNumPyTextAcrossWindows(t *testing.T) {
	t.Parallel()
	const text = "C-API version 0x%x (NumPy 1.20)"
	for at := 256<<10 - 128 - len(text); at < 256<<10+64; at++ {
		data := "numpy._core._multiarray_umath\x00" + strings.Repeat("x", at) + text
		l := elftest.Library{Imports: []string{"PyCapsule_GetPointer"}, Data: []byte(data)}
		r := facts.NewReader("")
		if err := show(r, "m.so", l.Bytes()); err != nil {
			t.Fatal(err)
		}
		w, _, err := r.Wheel(sum, nil, nil)
		if err != nil || w.Libraries[0].NumPy != "1.20" {
			t.Fatalf("text at %d: %q, %v", at, w.Libraries[0].NumPy, err)
		}
	}
}

func TestReaderKeepsBrokenFiles(t *testing.T) {
	t.Parallel()
	whole := elftest.Library{Needed: []string{"libc.so.6"}}.Bytes()
	w, _ := gather(t, map[string][]byte{"tests/cut.so": whole[:100], "tests/\xff.so": whole})
	if len(w.Libraries) != 2 || w.Libraries[0].Defect == "" || w.Libraries[0].Member != "tests/cut.so" {
		t.Errorf("libraries %+v", w.Libraries)
	}
	if l := w.Libraries[1]; l.Member != "tests/\uFFFD.so" || l.Defect != "" {
		t.Errorf("a name that is no UTF-8: %+v", l)
	}
}

// TestReaderLeavesNothingBehind covers members that end early, too.
func TestReaderLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := facts.NewReader(dir)
	big := elftest.Library{Soname: "libbig.so", Data: make([]byte, 3<<20)}.Bytes()
	if err := show(r, "libbig.so", big); err != nil {
		t.Fatal(err)
	}
	w, err := r.Visit("cut.so", int64(len(big)), big[:4096])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(big[:1<<20]); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left in the directory: %v, %v", left, err)
	}
	facts, _, err := r.Wheel(sum, nil, nil)
	if err != nil || len(facts.Libraries) != 1 || facts.Libraries[0].Soname != "libbig.so" {
		t.Errorf("%+v, %v", facts, err)
	}
}

func TestReaderRefuses(t *testing.T) {
	t.Parallel()
	small := elftest.Library{}.Bytes()
	t.Run("more bytes than announced", func(t *testing.T) {
		t.Parallel()
		w, err := facts.NewReader("").Visit("a.so", 100, small)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(make([]byte, 101)); err == nil {
			t.Error("taken")
		}
	})
	t.Run("no room for large members", func(t *testing.T) {
		t.Parallel()
		r := facts.NewReader(filepath.Join(t.TempDir(), "nowhere"))
		if _, err := r.Visit("a.so", 1<<30, small); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("too many facts", func(t *testing.T) {
		t.Parallel()
		names := make([]string, 20_000)
		for i := range names {
			names[i] = fmt.Sprintf("_ZN2at%sE%d", strings.Repeat("x", 200), i)
		}
		l := elftest.Library{Imports: names}.Bytes()
		r := facts.NewReader(t.TempDir())
		var err error
		for i := 0; i < 50 && err == nil; i++ {
			err = show(r, fmt.Sprintf("%d.so", i), l)
		}
		if !beyondLimit(err) {
			t.Errorf("got %v", err)
		}
		if _, _, err := r.Wheel(sum, nil, nil); err == nil || !strings.Contains(err.Error(), "too-large") {
			t.Errorf("got %v", err)
		}
	})
}

// TestOneNameForAll: 15,000 modules that share one long name. Elf reads them,
// as the table of strings is long too.
func TestOneNameForAll(t *testing.T) {
	for name, prefix := range map[string]string{"modules": "PyInit_", "exports": "_ZN2at", "imports of torch": "_ZN2at", "imports of Python": "PyX"} {
		names := slices.Repeat([]string{prefix + strings.Repeat("a", 2000)}, 15_000)
		l := elftest.Library{Soname: strings.Repeat("s", 4000), Exports: names, Weak: []string{strings.Repeat("w", 60_000)}}
		if strings.HasPrefix(name, "imports") {
			l.Exports, l.Imports = nil, names
		}
		for i := range 200 { // strings that are used once
			l.Weak = append(l.Weak, fmt.Sprintf("%s%d", strings.Repeat("w", 60_000), i))
		}
		data := l.Bytes()
		var err error
		n := allocated(func() { err = show(facts.NewReader(t.TempDir()), "m.so", data) })
		if !beyondLimit(err) || n > 64<<20 {
			t.Errorf("%s: %d bytes allocated, %v", name, n, err)
		}
	}
}

// TestVersionsOfOneLibrary: the long name of a library stands once for all its
// versions.
func TestVersionsOfOneLibrary(t *testing.T) {
	library := strings.Repeat("l", 4000)
	versions := make([]string, 60_000)
	for i := range versions {
		versions[i] = fmt.Sprintf("V%d", i)
	}
	data := elftest.Library{Needed: []string{library}, Needs: map[string][]string{library: versions}}.Bytes()
	var err error
	n := allocated(func() { err = show(facts.NewReader(t.TempDir()), "m.so", data) })
	if !beyondLimit(err) || n > 64<<20 {
		t.Errorf("%d bytes allocated, %v", n, err)
	}
}

// TestTooManyFactsAreARefusal: what cannot be kept or stored is wrong with the
// wheel, not with the disk.
func TestTooManyFactsAreARefusal(t *testing.T) {
	t.Parallel()
	for libraries, want := range map[int]string{4: "has facts of", 9: "than are kept of one wheel"} {
		w := wheeltest.Wheel{Tags: "cp312-cp312-linux_x86_64", Deflate: true, Files: map[string]string{}}
		for i := range libraries {
			names := make([]string, 20_000)
			for k := range names {
				names[k] = fmt.Sprintf("_ZN2at%sE%d", strings.Repeat("x", 200), k)
			}
			w.Files[fmt.Sprintf("demo/_%d.so", i)] = string(elftest.Library{Imports: names}.Bytes())
		}
		data := wheeltest.Build(t, w)
		_, _, _, err := facts.Inspect(t.Context(), bytes.NewReader(data), int64(len(data)), w.Filename(), wheel.Limits{Ratio: 1 << 20}, t.TempDir())
		if !beyondLimit(err) || !strings.Contains(err.Error(), want) {
			t.Errorf("%d libraries: got %v, want %q", libraries, err, want)
		}
	}
}

func beyondLimit(err error) bool {
	var e *wheel.Error
	return errors.As(err, &e) && e.Rule == wheel.RuleLimit
}

// allocated counts bytes; nothing else may run.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func TestReaderTakesMetadata(t *testing.T) {
	t.Parallel()
	w, _, err := facts.NewReader("").Wheel(sum, []string{"b>=1", "a; extra == 'X'", "b>=1"}, []string{"Dev_Tools", "all", "dev.tools"})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(w.Requires, []string{"a; extra == 'X'", "b>=1"}) || !slices.Equal(w.Extras, []string{"all", "dev-tools"}) {
		t.Errorf("requires %q, extras %q", w.Requires, w.Extras)
	}
	if _, _, err := facts.NewReader("").Wheel("no sha256", nil, nil); err == nil {
		t.Error("a bad sha256 was taken")
	}
}

// FuzzReader reads whatever calls itself ELF.
func FuzzReader(f *testing.F) {
	f.Add("a/m.abi3.so", elftest.Library{Imports: []string{"_ZN2at1xEv", "PyCapsule_GetPointer"}, Exports: []string{"PyInit_m"}, Data: []byte("API version 0x%x (NumPy 1.2)")}.Bytes())
	f.Add("x.dist-info/fromager-build-system-requirements.txt", []byte("a\nb # c\n"))
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		r := facts.NewReader("")
		if err := show(r, name, data); err != nil {
			t.Fatal(err)
		}
		w, e, err := r.Wheel(sum, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		b := facts.New()
		if err := b.Add("a.whl", sum, w, e); err != nil {
			t.Fatal(err)
		}
		s := newStore()
		manifest, _ := s.seal(t, b, all)
		s.load(t, manifest)
	})
}
