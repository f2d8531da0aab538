// Package facts holds what the gates need to know of wheels: it is read once
// from the bytes of each wheel, keyed by their SHA-256, and carried from
// revision to revision, so that publishing one wheel never reads the others
// again. docs/format.md, "Facts", specifies how it is stored.
package facts

// Wheel is what the bytes of one file say. Everything is sorted, without
// repetition, and holds no file name: the same bytes may have several.
type Wheel struct {
	// BuildRequires are the requirements that the wheel was built with, where
	// it records them (PEP 508).
	BuildRequires []string `json:"build-requires,omitempty"`
	// Extras are the normalised names of Provides-Extra.
	Extras []string `json:"extras,omitempty"`
	// Libraries are the ELF files, by member name.
	Libraries []Library `json:"libraries,omitempty"`
	// Licenses are the members that are licence files (PEP 639).
	Licenses []string `json:"licenses,omitempty"`
	// Requires are the lines of Requires-Dist, as written.
	Requires []string `json:"requires,omitempty"`
	// SBOMs are the members that are SBOMs (PEP 770).
	SBOMs  []string `json:"sboms,omitempty"`
	SHA256 string   `json:"sha256"`
}

// Library is one ELF file of a wheel.
type Library struct {
	// Defect says why the file could not be read as ELF. Then nothing is known
	// of it but its name, and maybe its machine.
	Defect string `json:"defect,omitempty"`
	// Exports is how many symbols of watched name spaces a provider exports;
	// the names are in [Exports].
	Exports int `json:"exports,omitzero"`
	// Imports are the strong undefined symbols in watched name spaces (see
	// [Namespace]) that no library of the same wheel defines.
	Imports []string `json:"imports,omitempty"`
	// Machine is the processor as in platform tags (PEP 425): "x86_64".
	Machine string `json:"machine,omitempty"`
	Member  string `json:"member"`
	// Modules are the names x of the functions PyInit_x or PyModExport_x that it
	// exports: what the interpreter can import from it.
	Modules []string `json:"modules,omitempty"`
	// Needed are the DT_NEEDED entries.
	Needed []string `json:"needed,omitempty"`
	// NumPy is the oldest NumPy whose C API it asks for, such as "1.20",
	// NumPyLegacy if it was compiled with the headers of NumPy 1.x, which
	// NumPy 2 does not serve, or empty.
	NumPy string `json:"numpy,omitempty"`
	// Python are the symbols of CPython that a module imports whose name says
	// nothing of a version of Python, as those for the stable ABI; of other
	// files none are kept.
	Python []string `json:"python,omitempty"`
	// Runpath are the entries of DT_RUNPATH, else of DT_RPATH.
	Runpath []string `json:"runpath,omitempty"`
	Soname  string   `json:"soname,omitempty"`
	// Stable is true for a module of the stable ABI ("x.abi3.so").
	Stable bool `json:"stable,omitzero"`
	// Versions are the highest symbol versions needed, one for each family and
	// library, such as {"libc.so.6", "GLIBC_2.34"}.
	Versions []SymbolVersion `json:"versions,omitempty"`
}

// NumPyLegacy stands for the C API of NumPy before 2.0.
const NumPyLegacy = "legacy"

// SymbolVersion is a version that a library needs of another one (DT_VERNEED).
type SymbolVersion struct {
	Library string `json:"library"`
	Version string `json:"version"`
}

// Exports are the symbols that the libraries of one wheel export in watched
// name spaces, ascending. They are large (torch has 64,000) and kept apart.
type Exports struct {
	SHA256  string   `json:"sha256"`
	Symbols []string `json:"symbols"`
}
