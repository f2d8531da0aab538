package gate_test

import (
	"strings"

	"github.com/pinwheel-oci/pinwheel/pkg/facts"
	"github.com/pinwheel-oci/pinwheel/pkg/gate"
	"github.com/pinwheel-oci/pinwheel/pkg/index"
)

// Symbols of torch's C++, of its stable ABI and of Arrow.
const (
	tensor   = "_ZN2at6Tensor3addEv"
	logger   = "_ZN3c1013MessageLoggerC1EPKciib"
	library  = "_ZN5torch7LibraryC1Ev"
	shim     = "aoti_torch_empty_strided"
	newShim  = "torch_new_shim"
	arrow    = "_ZN5arrow5ArrayD1Ev"
	extended = "_ZN5torch5audio6decodeEv"
)

// torch is a torch wheel that exports the given symbols.
func torch(version string, symbols ...string) entry {
	c10 := facts.Library{Member: "torch/lib/libc10.so", Machine: "x86_64", Soname: "libc10.so", Exports: 9}
	cpu := facts.Library{Member: "torch/lib/libtorch_cpu.so", Machine: "x86_64", Soname: "libtorch_cpu.so", Needed: []string{"libc10.so"}, Exports: 9}
	return native("torch-"+version).with(module("torch/_C.cpython-312-x86_64-linux-gnu.so", "libtorch_cpu.so"), c10, cpu).exporting(symbols...)
}

// vision is a wheel that links torch.
func vision(version, requires string, symbols ...string) entry {
	var list []string
	if requires != "" {
		list = append(list, requires)
	}
	return native("vision-"+version, list...).with(importing(module("vision/_C.so", "libc10.so"), symbols...))
}

func libraryRows() []row {
	el9 := base("libc.so.6", "libstdc++.so.6", "libz.so.1")
	return []row{
		{name: "libraries of the base, of glibc and of the driver", target: target(el9), files: []entry{
			native("a-1").with(module("a/_a.so", "libc.so.6", "ld-linux-x86-64.so.2", "libstdc++.so.6", "libz.so.1", "libcuda.so.1", "libgcc_s.so.1"))}},
		{name: "a library that is nowhere", target: target(el9), files: []entry{native("a-1").with(module("a/_a.so", "libfoo.so.1"))}, want: []string{"error libraries/unresolved a 1"}},
		{name: "what manylinux takes for granted is not in the base", target: target(el9), files: []entry{native("a-1").with(module("a/_a.so", "libGL.so.1"))},
			want: []string{"error libraries/unresolved a 1"}},
		{name: "what manylinux takes for granted, no base declared", target: target(), files: []entry{native("a-1").with(module("a/_a.so", "libGL.so.1"))}},
		{name: "in the wheel itself, by SONAME and by name", target: target(), files: []entry{native("a-1").with(
			module("a/_a.so", "libb-0a1b2c3d.so.1", "libc.so.9"), facts.Library{Member: "a.libs/libb-0a1b2c3d.so.1.2", Soname: "libb-0a1b2c3d.so.1"}, plain("a/lib/libc.so.9"))}},
		{name: "in a wheel that is asked for indirectly", target: target(), files: []entry{
			native("a-1", "b").with(module("a/_a.so", "libcudart.so.13")), pure("b-1", "runtime"), native("runtime-13").with(plain("nvidia/lib/libcudart.so.13"))}},
		{name: "in a wheel that is not asked for", target: target(), files: []entry{
			native("a-1").with(module("a/_a.so", "libshared.so.1")), native("b-1").with(plain("b/libshared.so.1"))}, want: []string{"note libraries/undeclared a 1"}},
		{name: "a vendored library of another wheel", target: target(), files: []entry{
			native("a-1").with(module("a/_a.so", "libgomp-a34b3233.so.1.0.0")), native("b-1").with(plain("b.libs/libgomp-a34b3233.so.1.0.0"))},
			want: []string{"error libraries/unresolved a 1"}},
		{name: "what another wheel has for itself", target: target(), files: []entry{native("a-1").with(module("a/_a.so", "libcudart.so.12")),
			native("b-1").with(facts.Library{Member: "b.libs/libcudart.7ec1eba6.so.12", Soname: "libcudart.so.12"})}, want: []string{"error libraries/unresolved a 1"}},
		{name: "in a yanked wheel", target: target(), files: []entry{native("a-1").with(module("a/_a.so", "libshared.so.1")), native("b-1").with(plain("b/libshared.so.1")).yank()},
			want: []string{"error libraries/unresolved a 1"}},
		{name: "in a version that is not admitted", target: target(), files: []entry{needsFoo("foo>=2"), foo("1"), foo("2")}, want: []string{"error libraries/version a 1"}},
		{name: "in one of two versions that are admitted", target: target(), files: []entry{needsFoo("foo"), foo("1"), foo("2")}, want: []string{"error libraries/version a 1"}},
		{name: "in the one version that is admitted", target: target(), files: []entry{needsFoo("foo<2"), foo("1"), foo("2")}},
		{name: "in each version that is admitted", target: target(), files: []entry{needsFoo("foo"), foo("1"), foo("1.1")}},
		{name: "in the one version that another requirement admits", target: target(), files: []entry{needsFoo("foo", "b"), pure("b-1", "foo<2"), foo("1"), foo("2")}},
		{name: "in the one version that is asked for indirectly", target: target(), files: []entry{needsFoo("b"), pure("b-1", "c"), pure("c-1", "b", "foo==1"), foo("1"), foo("2")}},
		{name: "in what one of two versions of another asks for", target: target(), files: []entry{needsFoo("b"), pure("b-1", "foo<2"), pure("b-2", "foo"), foo("1"), foo("2")},
			want: []string{"error libraries/version a 1"}},
		{name: "in what only an older version of another asks for", target: target(), files: []entry{needsFoo("b"), pure("b-1", "foo<2"), pure("b-2"), foo("1")}, want: []string{"error libraries/version a 1"}},
		{name: "in what an extra of another asks for", target: target(), files: []entry{needsFoo("b[x]"), pure("b-1", `foo<2; extra == "x"`).extras("x"), foo("1"), foo("2")}},
		{name: "in two projects, of which one has it in all versions", target: target(), files: []entry{needsFoo("foo", "bar"), foo("1"), foo("2"), native("bar-1").with(plain("bar/libfoo.so.1"))}},
		{name: "in one of two versions, not asked for", target: target(), files: []entry{needsFoo(), foo("1"), foo("2")}, want: []string{"warn libraries/version a 1"}},
		{name: "in one of two versions, for what nothing imports", target: target(), files: []entry{native("a-1", "foo").with(plain("a/tool.so", "libfoo.so.1")), foo("1"), foo("2")},
			want: []string{"note libraries/version a 1"}},
		{name: "in one of two versions, and an sdist", target: target(sdists), files: []entry{needsFoo("foo"), foo("1"), {name: "foo-2.tar.gz", unknown: true}}},
		{name: "in one of two versions, of which the base image has the other", target: target(base("libc.so.6"), installed("foo", "2")), files: []entry{needsFoo("foo"), foo("1")}},
		{name: "in a yanked wheel that is pinned", target: target(), files: []entry{needsFoo("foo==1"), foo("1").yank(), foo("2")}, want: []string{"warn closure/yanked a 1"}},
		{name: "back-ends that Python does not import", target: target(), files: []entry{native("bits-1").with(
			plain("bits/libbits_cuda118.so", "libcudart.so.11.0"), plain("bits/libbits_rocm62.so", "libamdhip64.so.6"), plain("bits/libbits_xpu.so", "libsycl.so.8"))},
			want: []string{"note libraries/unreached bits 1"}},
		{name: "back-ends whose names differ in a number, of which one fits", target: target(base("libavcodec.so.60")), files: []entry{native("codec-1").with(
			variant("codec/ops4.so", "libavcodec.so.58"), variant("codec/ops6.so", "libavcodec.so.60"))}, want: []string{"note libraries/alternative codec 1"}},
		{name: "modules whose names differ in a number, of which one fits", target: target(), files: []entry{native("a-1").with(
			module("a/_ext1.so"), module("a/_ext2.so", "libfoo.so.1"))}, want: []string{"warn libraries/alternative a 1"}},
		{name: "modules whose names differ in a number, of which all fit", target: target(base("libfoo.so.1")), files: []entry{native("a-1").with(
			module("a/_ext1.so"), module("a/_ext2.so", "libfoo.so.1"))}},
		{name: "back-ends whose names differ in a number, of which none fits", target: target(base("libc.so.6")), files: []entry{native("codec-1").with(
			module("codec/_core4.so", "libavcodec.so.58"), module("codec/_core6.so", "libavcodec.so.60"))}, want: []string{"error libraries/unresolved codec 1"}},
		{name: "one module for two MPIs, no base declared", target: target(), files: []entry{native("mpi4py-4").with(
			module("mpi4py/MPI.mpich.so", "libmpi.so.12"), module("mpi4py/MPI.openmpi.so", "libmpi.so.40"))}, want: []string{"warn libraries/unresolved mpi4py 4"}},
		{name: "one module for two MPIs, of which one is there", target: target(base("libmpi.so.40")), files: []entry{native("mpi4py-4").with(
			module("mpi4py/MPI.mpich.so", "libmpi.so.12"), module("mpi4py/MPI.openmpi.so", "libmpi.so.40"))}, want: []string{"note libraries/alternative mpi4py 4"}},
		{name: "what a module reaches inside its wheel counts", target: target(), files: []entry{native("a-1").with(module("a/_a.so", "libinner.so"), plain("a/libinner.so", "libfoo.so.1"))},
			want: []string{"error libraries/unresolved a 1"}},
		{name: "an absolute search path", target: target(), files: []entry{native("a-1").with(facts.Library{Member: "a/_a.so", Modules: []string{"_a"}, Runpath: []string{"$ORIGIN/../x", "/home/build/lib"}})},
			want: []string{"note libraries/runpath a 1"}},
		{name: "a broken file among tests", target: target(), files: []entry{native("a-1").with(broken("a/tests/bad.so"))}, want: []string{"note libraries/unreadable a 1"}},
		{name: "a broken file that is no library by its name", target: target(), files: []entry{native("a-1").with(broken("a/bin/tool"))}, want: []string{"note libraries/unreadable a 1"}},
		{name: "a broken module", target: target(), files: []entry{native("a-1").with(broken("a/_a.cpython-312-x86_64-linux-gnu.so"))}, want: []string{"error libraries/unreadable a 1"}},
		{name: "a broken module for every Python", target: target(), files: []entry{native("a-1").with(broken("a/_a.so"))}, want: []string{"error libraries/unreadable a 1"}},
		{name: "a broken library that a module needs", target: target(), files: []entry{native("a-1").with(module("a/_a.so", "libb.so.1"), broken("a/libb.so.1"))},
			want: []string{"error libraries/unreadable a 1"}},
	}
}

// foo is a wheel with libfoo.so.<major>, needsFoo one that needs libfoo.so.1.
func foo(version string) entry {
	major, _, _ := strings.Cut(version, ".")
	return native("foo-" + version).with(plain("foo/libfoo.so." + major))
}

func needsFoo(requires ...string) entry {
	return native("a-1", requires...).with(module("a/_a.so", "libfoo.so.1"))
}

// variant is one of several libraries that are the same module to Python once
// one of them is loaded under its name.
func variant(member string, needed ...string) facts.Library {
	return facts.Library{Member: member, Modules: []string{"ops"}, Needed: needed}
}

func broken(member string) facts.Library {
	return facts.Library{Member: member, Defect: "no dynamic section"}
}

func moduleRows() []row {
	free := pythons("3.14t")
	two := pythons("3.11", "3.12")
	abi3 := func(libraries ...facts.Library) entry {
		return file("a-1-cp38-abi3-linux_x86_64.whl").with(libraries...)
	}
	foreign := func(l facts.Library) entry { return native("a-1").with(module("a/_a.so"), l) }
	other := module("a/_a.cpython-311-x86_64-linux-gnu.so", "libfoo.so.1")
	const m311, m312 = "a/_a.cpython-311-x86_64-linux-gnu.so", "a/_a.cpython-312-x86_64-linux-gnu.so"
	return []row{
		{name: "a module for the Python of the tag", target: target(), files: []entry{native("a-1").with(module(m312))}},
		{name: "a module for another Python than the tag", target: target(), files: []entry{native("a-1").with(module(m311))}, want: []string{"error libraries/other-python a 1"}},
		{name: "a module for another Python beside one for this", target: target(), files: []entry{native("a-1").with(module(m311), module(m312))}},
		{name: "one of two modules is for another Python than the tag", target: target(), files: []entry{native("a-1").with(module(m311), module("a/_b.so"))},
			want: []string{"error libraries/other-python a 1"}},
		{name: "a module for one Python in a wheel for several", target: target(two), files: []entry{abi3(module(m312))}, want: []string{"error libraries/other-python a 1"}},
		{name: "an optional module for one Python in a wheel for several", target: target(two), files: []entry{abi3(module(m312), plain("a/_c.abi3.so"))},
			want: []string{"warn libraries/other-python a 1"}},
		{name: "a module for each Python in a wheel for several", target: target(two), files: []entry{abi3(module(m311), module(m312))}},
		{name: "a module of the stable ABI in a wheel for several", target: target(two), files: []entry{abi3(module("a/_a.abi3.so"))}},
		{name: "what a module for another Python needs", target: target(accelerator("cpu", "")), files: []entry{foreign(other),
			native("vision-1").with(module("v/_v.so"), importing(module("v/_v.cpython-311-x86_64-linux-gnu.so", "libc10.so", "libcudart.so.11.0"), logger)),
			native("old-1").with(module("o/_o.so"), needing(module("o/_o.cpython-311-x86_64-linux-gnu.so"), facts.SymbolVersion{Library: "libc.so.6", Version: "GLIBC_2.38"})),
			native("p-1").with(module("p/_p.so"), facts.Library{Member: "p/_p.cpython-311-x86_64-linux-gnu.so", Modules: []string{"_p"}, NumPy: "legacy"}),
			torch("2.9.1", tensor), pure("numpy-2.2.6")}},
		{name: "a library with the suffix of a module that is none", target: target(), files: []entry{native("a-1").with(plain(m311))}},
		{name: "a module for PyPy", target: target(), files: []entry{native("a-1").with(module("a/_a.pypy310-pp73-x86_64-linux-gnu.so"))}, want: []string{"error libraries/other-python a 1"}},
		{name: "a module for free threads", target: target(free), files: []entry{file("a-1-cp314-cp314t-linux_x86_64.whl").with(module("a/_a.cpython-314t-x86_64-linux-gnu.so"))}},
		{name: "a module that is not for free threads", target: target(free), files: []entry{file("a-1-cp314-cp314t-linux_x86_64.whl").with(module("a/_a.cpython-314-x86_64-linux-gnu.so"))},
			want: []string{"error libraries/other-python a 1"}},
	}
}

func symbolRows() []row {
	return []row{
		{name: "every torch that is admitted exports what is imported", target: target(), files: []entry{vision("1", "torch==2.9.*", tensor, logger), torch("2.9.0", tensor, logger), torch("2.9.1", logger, tensor)}},
		{name: "one of those that are admitted does not", target: target(), files: []entry{vision("1", "torch==2.9.*", tensor, logger), torch("2.9.0", tensor, logger), torch("2.9.1", tensor)},
			want: []string{"error symbols/missing vision 1"}},
		{name: "a torch that is not admitted", target: target(pin("torch", "<3")), files: []entry{vision("1", "torch==2.9.1", logger), torch("2.9.1+cpu", logger), torch("2.11.0", tensor)}},
		{name: "a torch that another requirement excludes", target: target(pin("torch", ">=2")), files: []entry{
			native("vision-1", "core", "torch>=2").with(importing(module("vision/_C.so", "libc10.so"), logger)), pure("core-1", "torch<2.10"), torch("2.9.1", logger), torch("2.11.0", tensor)}},
		{name: "no requirement at all: every torch counts", target: target(pin("torch", ">=2")), files: []entry{vision("1", "", logger), torch("2.9.1", logger), torch("2.11.0", tensor)},
			want: []string{"note libraries/undeclared vision 1", "error symbols/missing vision 1"}},
		{name: "stable shims that are there, no torch required", target: target(pin("torch", ">=2")), files: []entry{vision("1", "torch", shim), torch("2.9.1", shim), torch("2.11.0", shim, newShim)}},
		{name: "a stable shim that an admitted torch is too old for", target: target(pin("torch", ">=2")), files: []entry{vision("1", "torch", newShim), torch("2.9.1", shim), torch("2.11.0", shim, newShim)},
			want: []string{"error symbols/missing vision 1"}},
		{name: "Arrow of the right version", target: target(), files: []entry{
			native("dataset-1", "pyarrow==26.*").with(importing(module("d/_d.so", "libarrow.so.2600"), arrow)), pyarrow("26.0", arrow)}},
		{name: "Arrow without a symbol", target: target(), files: []entry{
			native("dataset-1", "pyarrow==26.*").with(importing(module("d/_d.so", "libarrow.so.2600"), arrow)), pyarrow("26.0", tensor)}, want: []string{"error symbols/missing dataset 1"}},
		{name: "no torch in the index", target: target(base("libc10.so")), files: []entry{vision("1", "", tensor)}},
		{name: "torch of the base image", target: target(base("libc10.so"), installed("torch", "2.9.1")), files: []entry{vision("1", "torch==2.9.1", tensor)}},
		{name: "what an extension of torch exports in its name space", target: target(), files: []entry{
			native("ops-1", "torch==2.9.1", "audio").with(importing(module("ops/_C.so", "libc10.so", "libtorchaudio.so"), tensor, extended)),
			torch("2.9.1", tensor), native("audio-1", "torch").with(facts.Library{Member: "audio/libtorchaudio.so", Soname: "libtorchaudio.so", Exports: 1}).exporting(extended)}},
		{name: "variants for several torches, of which one fits", target: target(), files: []entry{
			native("flash-1", "torch==2.9.1").with(importing(variant("flash/_C28.so", "libc10.so"), logger), importing(variant("flash/_C29.so", "libc10.so"), tensor)), torch("2.9.1", tensor)},
			want: []string{"note symbols/alternative flash 1"}},
		{name: "modules for several torches, of which one fits", target: target(), files: []entry{
			native("flash-1", "torch==2.9.1").with(importing(module("flash/_C28.so", "libc10.so"), logger), importing(module("flash/_C29.so", "libc10.so"), tensor)), torch("2.9.1", tensor)},
			want: []string{"warn symbols/alternative flash 1"}},
		{name: "a torch of which the exports are not known", target: target(), files: []entry{vision("1", "torch==2.9.1", tensor), torch("2.9.1")},
			change: func(in *gate.Input) { in.Exports = nil }, want: []string{"error symbols/exports-missing vision 1"}},
	}
}

func pyarrow(version string, symbols ...string) entry {
	lib := facts.Library{Member: "pyarrow/libarrow.so.2600", Soname: "libarrow.so.2600", Exports: 5}
	return native("pyarrow-"+version).with(module("pyarrow/lib.so", "libarrow.so.2600"), lib).exporting(symbols...)
}

// torchRows are about which torch a wheel was built for, and about two
// revisions.
func torchRows() []row {
	wide := pin("torch", ">=2")
	oldTorch, newTorch := torch("2.9.1", logger, tensor, shim), torch("2.11.0", tensor, shim, newShim)
	loose := []entry{vision("1", "torch>=2.9", logger), oldTorch}
	next := []entry{vision("2", "torch==2.11.0", tensor), newTorch}
	transition := func(in *gate.Input) { in.Transition = "torch 2.11 is needed" }
	rollback := func(in *gate.Input) { in.Rollback = true }
	return []row{
		{name: "torch's C++ without a word on the version", target: target(), files: []entry{vision("1", "torch>=2", tensor), torch("2.9.1", tensor)}, want: []string{"error symbols/undeclared-torch vision 1"}},
		{name: "no requirement on torch at all", target: target(), files: []entry{vision("1", "", tensor), torch("2.9.1", tensor)},
			want: []string{"note libraries/undeclared vision 1", "error symbols/undeclared-torch vision 1"}},
		{name: "a range that is one minor version", target: target(), files: []entry{vision("1", "torch>=2.9,<2.10", tensor), torch("2.9.1", tensor)}},
		{name: "a pin of the target", target: target(pin("torch", "==2.9.*")), files: []entry{vision("1", "torch>=2", tensor), torch("2.9.1", tensor)}},
		{name: "build requirements, and another patch release", target: target(), files: []entry{vision("1", "torch>=2", tensor).built("torch==2.9.0", "setuptools"), torch("2.9.1", tensor)}},
		{name: "built for a minor version that shows in no symbol", target: target(), files: []entry{vision("1", "torch>=2", tensor).built("torch==2.8.0"), torch("2.9.1", tensor)},
			want: []string{"error symbols/torch-minor vision 1"}},
		{name: "the stable ABI needs no declaration", target: target(), files: []entry{vision("1", "torch>=2", shim), torch("2.9.1", shim)}},
		{name: "both change together, and exclude each other", target: target(wide), live: []entry{vision("1", "torch==2.9.*", logger), oldTorch}, files: next},
		{name: "an old wheel would load the new torch", target: target(wide), live: loose, files: next, want: []string{"error symbols/across vision 1"}},
		{name: "an old wheel would load the new torch, by a transition", target: target(wide), live: loose, files: next, change: transition, want: []string{"warn symbols/across vision 1"}},
		{name: "an old wheel would load the new torch, in a rollback", target: target(wide), live: loose, files: next, change: rollback, want: []string{"note symbols/across vision 1"}},
		{name: "a new wheel would load the old torch", target: target(wide), live: []entry{oldTorch}, files: []entry{vision("2", "torch>=2.9", newShim), newTorch},
			want: []string{"error symbols/across vision 2"}},
		{name: "a new wheel that fits not even its own torch", target: target(wide), live: []entry{oldTorch}, files: []entry{vision("2", "torch>=2.9", "torch_nowhere"), newTorch},
			want: []string{"error symbols/missing vision 2"}},
		{name: "a new wheel beside the torch that stays", target: target(wide), live: []entry{oldTorch}, files: []entry{vision("2", "torch>=2.9", shim), oldTorch}},
		{name: "what is live does not fit together", target: target(wide), live: []entry{vision("1", "torch==2.9.*", newShim), oldTorch}, files: next, want: []string{"note symbols/was-live vision 1"}},
	}
}

func numpyModule(level string) facts.Library {
	l := module("p/_p.so")
	l.NumPy = level
	return l
}

func stable(symbols ...string) facts.Library {
	return facts.Library{Member: "a/_a.abi3.so", Modules: []string{"_a"}, Stable: true, Python: symbols}
}

// unnamed is a module whose name does not say for which Python it is.
func unnamed(symbols ...string) facts.Library {
	l := module("a/_a.so")
	l.Python = symbols
	return l
}

func needing(l facts.Library, versions ...facts.SymbolVersion) facts.Library {
	l.Versions = versions
	return l
}

func abiRows() []row {
	abi3 := func(release string) entry { return file(release + "-cp310-abi3-linux_x86_64.whl") }
	several := pythons("3.11", "3.12")
	version := func(library, version string) facts.SymbolVersion {
		return facts.SymbolVersion{Library: library, Version: version}
	}
	libc := func(v string) facts.SymbolVersion { return version("libc.so.6", v) }
	cxx := func(v string) facts.SymbolVersion { return version("libstdc++.so.6", v) }
	gcc := func(v string) facts.SymbolVersion { return version("libgcc_s.so.1", v) }
	libstdcxx := func(level string) func(*index.Target) { return func(t *index.Target) { t.Glibcxx = level } }
	return []row{
		{name: "headers of NumPy 1 with NumPy 2", target: target(), files: []entry{native("p-1", "numpy>=1.20").with(numpyModule("legacy")), pure("numpy-1.26.4"), pure("numpy-2.2.6")},
			want: []string{"error numpy/legacy p 1"}},
		{name: "headers of NumPy 1 with NumPy 2, not even required", target: target(), files: []entry{native("p-1").with(numpyModule("legacy")), pure("numpy-2.0.0")},
			want: []string{"error numpy/legacy p 1"}},
		{name: "headers of NumPy 1, and NumPy 2 excluded", target: target(), files: []entry{native("p-1", "numpy<2").with(numpyModule("legacy")), pure("numpy-1.26.4"), pure("numpy-2.2.6")}},
		{name: "headers of NumPy 1, and NumPy 2 excluded by another wheel", target: target(), files: []entry{native("p-1", "q").with(numpyModule("legacy")), pure("q-1", "numpy<2"),
			pure("numpy-1.26.4"), pure("numpy-2.2.6")}},
		{name: "headers of NumPy 1 in a wheel that needs more than there is", target: target(), files: []entry{native("p-1", "gone", "numpy").with(numpyModule("legacy")), pure("numpy-2.2.6")},
			want: []string{"error closure/missing p 1", "error installable/none p 1", "error numpy/legacy p 1"}},
		{name: "headers of NumPy 1 without NumPy", target: target(), files: []entry{native("p-1").with(numpyModule("legacy"))}},
		{name: "headers of NumPy 1 with NumPy 2 in the base image", target: target(base("libc.so.6"), installed("numpy", "2.1.0")), files: []entry{native("p-1").with(numpyModule("legacy"))},
			want: []string{"error numpy/legacy p 1"}},
		{name: "a newer C API than an admitted NumPy has", target: target(), files: []entry{native("p-1", "numpy").with(numpyModule("1.25")), pure("numpy-1.24.4"), pure("numpy-2.2.6")},
			want: []string{"error numpy/too-old p 1"}},
		{name: "a C API that every admitted NumPy has", target: target(), files: []entry{native("p-1", "numpy>=1.25").with(numpyModule("1.25")), pure("numpy-1.24.4"), pure("numpy-1.26"), pure("numpy-2.2.6")}},
		{name: "an old module would load the new NumPy", target: target(), live: []entry{native("p-1", "numpy").with(numpyModule("legacy")), pure("numpy-1.26.4")},
			files: []entry{native("p-2", "numpy").with(numpyModule("1.20")), pure("numpy-2.2.6")}, want: []string{"error numpy/across p 1"}},
		{name: "an old module excludes the new NumPy", target: target(), live: []entry{native("p-1", "numpy<2").with(numpyModule("legacy")), pure("numpy-1.26.4")},
			files: []entry{native("p-2", "numpy").with(numpyModule("1.20")), pure("numpy-2.2.6")}},
		{name: "a new module would load the old NumPy", target: target(), live: []entry{pure("numpy-1.24.4")},
			files: []entry{native("p-1", "numpy").with(numpyModule("1.25")), pure("numpy-2.2.6")}, want: []string{"error numpy/across p 1"}},
		{name: "a new module that does not go with its own NumPy", target: target(), live: []entry{pure("numpy-1.24.4")},
			files: []entry{native("p-1", "numpy").with(numpyModule("1.25")), pure("numpy-1.24.3")}, want: []string{"error numpy/too-old p 1"}},
		{name: "modules that do not go with the NumPy that was live with them", target: target(), live: []entry{native("p-1", "numpy<2").with(numpyModule("1.25")), pure("numpy-1.24.4")},
			files: []entry{pure("numpy-2.2.6")}, want: []string{"note numpy/was-live p 1"}},
		{name: "a new module beside the NumPy that stays", target: target(), live: []entry{pure("numpy-2.2.6")}, files: []entry{native("p-1").with(numpyModule("1.25")), pure("numpy-2.2.6")}},
		{name: "no text of a C API", target: target(), files: []entry{native("p-1").with(numpyModule("")), pure("numpy-1.24.4"), pure("numpy-2.2.6")}},
		{name: "NumPy itself", target: target(), files: []entry{native("numpy-2.2.6").with(numpyModule("legacy"))}},

		{name: "the stable ABI of the tag", target: target(several), files: []entry{abi3("a-1").with(stable("PyModule_Create2", "_Py_Dealloc", "PyType_GetModule"))}},
		{name: "private symbols, one Python", target: target(), files: []entry{abi3("a-1").with(stable("_PyType_Lookup"))}, want: []string{"warn abi3/private a 1"}},
		{name: "private symbols, several Pythons", target: target(several), files: []entry{abi3("a-1").with(stable("_PyType_Lookup"))}, want: []string{"error abi3/private a 1"}},
		{name: "private symbols, several Pythons and one that fits", target: target(several), files: []entry{abi3("a-1").onPython(">=3.12").with(stable("_PyType_Lookup"))},
			want: []string{"note installable/not-for-python a 1", "warn abi3/private a 1"}},
		{name: "private symbols of a module for several Pythons that is not named so", target: target(several), files: []entry{abi3("a-1").with(unnamed("_PyType_Lookup"))},
			want: []string{"error abi3/private a 1"}},
		{name: "private symbols of a module for no Python in particular", target: target(several), files: []entry{file("a-1-py3-none-linux_x86_64.whl").with(unnamed("_PyType_Lookup"))},
			want: []string{"error abi3/private a 1"}},
		{name: "stable symbols of a module that is not named so", target: target(several), files: []entry{abi3("a-1").with(unnamed("PyModule_Create2"))}},
		{name: "private symbols of a module for the Python of the tag", target: target(), files: []entry{native("a-1").with(unnamed("_PyType_Lookup"))}},
		{name: "private symbols of a module for each Python of the tags", target: target(several), files: []entry{
			file("a-1-cp311-cp311-linux_x86_64.whl").with(unnamed("_PyType_Lookup")), native("a-1").with(unnamed("_PyType_Lookup"))}},
		{name: "newer than the tag, and all Pythons have it", target: target(), files: []entry{abi3("a-1").with(stable("PyBuffer_Release"))}, want: []string{"warn abi3/tag a 1"}},
		{name: "newer than a Python of the target", target: target(pythons("3.10", "3.12")), files: []entry{abi3("a-1").with(stable("PyBuffer_Release"))}, want: []string{"error abi3/too-new a 1"}},
		{name: "private symbols of a module for one Python", target: target(several), files: []entry{native("a-1").onPython(">=3.12").with(module("a/_a.cpython-312.so"))},
			want: []string{"note installable/not-for-python a 1"}},

		{name: "glibc and libstdc++ of the target", target: target(), files: []entry{native("a-1").with(needing(module("a/_a.so"), libc("GLIBC_2.34"), libc("GLIBC_PRIVATE"), cxx("GLIBCXX_3.4.29")))}},
		{name: "a newer glibc", target: target(), files: []entry{native("a-1").with(needing(module("a/_a.so"), libc("GLIBC_2.9"), libc("GLIBC_2.38")))}, want: []string{"error glibc/glibc a 1"}},
		{name: "a newer libstdc++", target: target(), files: []entry{native("a-1").with(needing(module("a/_a.so"), cxx("GLIBCXX_3.4.30")))}, want: []string{"error glibc/glibcxx a 1"}},
		{name: "what comes with the libstdc++ of the target", target: target(), files: []entry{native("a-1").with(needing(module("a/_a.so"),
			cxx("CXXABI_1.3.13"), cxx("CXXABI_FLOAT128"), cxx("CXXABI_TM_1"), gcc("GCC_11.0"), version("libz.so.1", "ZLIB_1.2.9"), version("libcrypto.so.3", "OPENSSL_3.4.0")))}},
		{name: "a newer ABI of libstdc++", target: target(), files: []entry{native("a-1").with(needing(module("a/_a.so"), cxx("CXXABI_1.3.15")))}, want: []string{"error glibc/glibcxx a 1"}},
		{name: "a newer libgcc", target: target(), files: []entry{native("a-1").with(needing(module("a/_a.so"), gcc("GCC_14.0.0")))}, want: []string{"error glibc/gcc a 1"}},
		{name: "a newer libgcc in the wheel itself", target: target(), files: []entry{native("a-1").with(needing(module("a/_a.so"), gcc("GCC_14.0.0")), plain("a/libgcc_s.so.1"))}},
		{name: "the libgcc of a newer target", target: target(libstdcxx("3.4.33")), files: []entry{native("a-1").with(needing(module("a/_a.so"), gcc("GCC_14.0.0"), cxx("CXXABI_1.3.15")))}},
		{name: "a target newer than what is known of compilers", target: target(libstdcxx("3.4.40")), files: []entry{native("a-1").with(needing(module("a/_a.so"), gcc("GCC_19.0.0"), cxx("CXXABI_1.3.20")))}},
		{name: "a newer zlib", target: target(), files: []entry{native("a-1").with(needing(module("a/_a.so"), version("libz.so.1", "ZLIB_1.2.12")))}, want: []string{"warn glibc/newer-system a 1"}},
		{name: "packed relocations", target: target(), files: []entry{native("a-1").with(needing(module("a/_a.so"), libc("GLIBC_ABI_DT_RELR")))}, want: []string{"warn glibc/newer-system a 1"}},
		{name: "packed relocations in a library that nothing imports", target: target(), files: []entry{native("a-1").with(needing(plain("a/tool.so"), libc("GLIBC_ABI_DT_RELR")))},
			want: []string{"note glibc/newer-system a 1"}},
		{name: "packed relocations and a newer zlib on a newer system", target: target(func(t *index.Target) { t.Glibc = "2.39" }), files: []entry{
			native("a-1").with(needing(module("a/_a.so"), version("libz.so.1", "ZLIB_1.2.12"), libc("GLIBC_ABI_DT_RELR")))}},
		{name: "a newer libstdc++ in the wheel itself", target: target(), files: []entry{native("a-1").with(
			needing(module("a/_a.so", "libstdc++.so.6"), cxx("GLIBCXX_3.4.30")), plain("a/libstdc++.so.6"))}},
		{name: "a newer glibc in a library that nothing imports", target: target(), files: []entry{native("a-1").with(needing(plain("a/tool.so"), libc("GLIBC_2.38")))}, want: []string{"note glibc/glibc a 1"}},
		{name: "no levels declared", target: target(func(t *index.Target) { t.Glibc, t.Glibcxx = "", "" }), files: []entry{
			native("a-1").with(needing(module("a/_a.so"), libc("GLIBC_2.38"), cxx("GLIBCXX_3.4.30")))}},
		{name: "a newer glibc than the tag says", target: target(), files: []entry{file("a-1-cp312-cp312-manylinux_2_17_x86_64.manylinux_2_28_x86_64.whl").with(needing(module("a/_a.so"), libc("GLIBC_2.28")))},
			want: []string{"warn glibc/tag a 1"}},
		{name: "the glibc that the tag says", target: target(), files: []entry{file("a-1-cp312-cp312-manylinux2014_x86_64.whl").with(needing(module("a/_a.so"), libc("GLIBC_2.17")))}},
	}
}

func coherenceRows() []row {
	cuda13 := accelerator("cuda", "13.0")
	toolkit := base("libamdhip64.so.6", "libcublas.so.12", "libcudart.so.11.0", "libcudart.so.12", "libcudart.so.13")
	uses := func(release, soname string) entry { return native(release).with(module("x/_x.so", soname)) }
	return []row{
		{name: "one minor version of torch", target: target(), files: []entry{torch("2.9.0", tensor), torch("2.9.1+cu130", tensor)}},
		{name: "two minor versions of torch", target: target(), files: []entry{torch("2.9.1", tensor), torch("2.10.0", tensor)}, want: []string{"error coherence/torch-minors torch"}},
		{name: "two minor versions of torch, one yanked", target: target(), files: []entry{torch("2.9.1", tensor), torch("2.10.0", tensor).yank()}},
		{name: "two minor versions of torch, declared", target: target(pin("torch", ">=2.9,<2.11")), files: []entry{torch("2.9.1", tensor), torch("2.10.0", tensor)}},
		{name: "a version outside of its pin", target: target(pin("numpy", "==2.2.*")), files: []entry{pure("numpy-2.2.6"), pure("numpy-2.3.0")}, want: []string{"error coherence/pin numpy 2.3.0"}},
		{name: "a local version within a pin", target: target(pin("numpy", "<=2.2.6")), files: []entry{pure("numpy-2.2.6+rhai.1")}},
		{name: "CUDA of the target", target: target(cuda13, toolkit), files: []entry{uses("a-1", "libcudart.so.13")}},
		{name: "CUDA of another major version", target: target(cuda13, toolkit), files: []entry{uses("a-1", "libcudart.so.12")}, want: []string{"error coherence/accelerator a 1"}},
		{name: "CUDA 11, whose library has a minor version too", target: target(cuda13, toolkit), files: []entry{uses("a-1", "libcudart.so.11.0")}, want: []string{"error coherence/accelerator a 1"}},
		{name: "CUDA 11 where it is declared", target: target(accelerator("cuda", "11.8"), toolkit), files: []entry{uses("a-1", "libcudart.so.11.0")}},
		{name: "ROCm where CUDA is declared", target: target(cuda13, toolkit), files: []entry{uses("a-1", "libamdhip64.so.6")}, want: []string{"error coherence/accelerator a 1"}},
		{name: "CUDA where there is none", target: target(accelerator("cpu", ""), toolkit), files: []entry{uses("a-1", "libcublas.so.12")}, want: []string{"error coherence/accelerator a 1"}},
		{name: "CUDA that the wheel brings along", target: target(accelerator("cpu", "")), files: []entry{native("a-1").with(module("a/_a.so", "libcudart.so.12"), plain("a/libcudart.so.12"))}},
		{name: "back-ends for several accelerators, none imported", target: target(cuda13, toolkit), files: []entry{native("a-1").with(
			plain("a/libbits_cuda128.so", "libcudart.so.12"), plain("a/libbits_cuda130.so", "libcudart.so.13"))}, want: []string{"note coherence/accelerator a 1"}},
		{name: "variants for several accelerators, one of which fits", target: target(cuda13, toolkit), files: []entry{native("a-1").with(
			variant("a/_c12.so", "libcudart.so.12"), variant("a/_c13.so", "libcudart.so.13"))}, want: []string{"note coherence/accelerator a 1"}},
		{name: "modules for several accelerators, one of which fits", target: target(cuda13, toolkit), files: []entry{native("a-1").with(
			module("a/_c12.so", "libcudart.so.12"), module("a/_c13.so", "libcudart.so.13"))}, want: []string{"warn coherence/accelerator a 1"}},
		{name: "two major versions, nothing declared", target: target(toolkit), files: []entry{uses("a-1", "libcudart.so.12"), uses("b-1", "libcudart.so.13")}, want: []string{"error coherence/accelerator-majors"}},
		{name: "two libraries of one major version, nothing declared", target: target(toolkit), files: []entry{uses("a-1", "libcudart.so.12"), uses("b-1", "libcublas.so.12")}},
	}
}
