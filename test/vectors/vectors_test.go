// Package vectors_test keeps the golden vectors of the format: it makes them
// (UPDATE_GOLDEN=1 rewrites the files) and holds the decoders against them.
package vectors_test

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/pkg/strictjson"
)

var update = os.Getenv("UPDATE_GOLDEN") == "1"

// TestFiles compares every file with what the code makes: valid vectors from
// the format's own types, the others by one change to a valid one.
func TestFiles(t *testing.T) {
	w := newWorld(t)
	w.makeInvalid()
	if update {
		w.write()
	}
	want, have := slices.Sorted(maps.Keys(w.files)), onDisk(t)
	if diff := cmp.Diff(want, have); diff != "" {
		t.Errorf("files: -made +on disk (UPDATE_GOLDEN=1 rewrites them)\n%s", diff)
	}
	for _, path := range have {
		if diff := cmp.Diff(string(w.files[path]), string(read(t, path))); diff != "" {
			t.Errorf("%s: -made +on disk\n%s", path, diff)
		}
	}
}

func (w *world) write() {
	for _, path := range onDisk(w.t) {
		if w.files[path] == nil {
			must(0, os.Remove(path))(w.t)
		}
	}
	for path, data := range w.files {
		must(0, os.MkdirAll(filepath.Dir(path), 0o755))(w.t)
		must(0, os.WriteFile(path, data, 0o644))(w.t)
	}
}

// handwritten are the files that are not made.
var handwritten = []string{"README.md", "names.json", "target.json"}

func onDisk(t testing.TB) []string {
	t.Helper()
	var paths []string
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && filepath.Ext(path) != ".go" && !slices.Contains(handwritten, path) {
			paths = append(paths, filepath.ToSlash(path))
		}
		return err
	})
	must(0, err)(t)
	slices.Sort(paths)
	return paths
}

// vector is one file of a kind: kind/valid/name.json or kind/invalid/name.json.
type vector struct {
	kind, name string
	valid      bool
	data       []byte
}

// rule is the part of the name of an invalid vector that says what it breaks.
func (v vector) rule() string {
	rule, _, _ := strings.Cut(v.name, "--")
	return rule
}

func vectors(t testing.TB) []vector {
	t.Helper()
	var list []vector
	for _, path := range onDisk(t) {
		dir, file := filepath.Split(path)
		kind, which := filepath.Split(filepath.Clean(dir))
		if which == "valid" || which == "invalid" {
			name := strings.TrimSuffix(strings.TrimSuffix(file, ".gz"), ".json")
			list = append(list, vector{filepath.Clean(kind), name, which == "valid", read(t, path)})
		}
	}
	return list
}

func TestValidDecode(t *testing.T) {
	t.Parallel()
	n := 0
	for _, v := range vectors(t) {
		if !v.valid {
			continue
		}
		n++
		if rule, err := decode(t, v.kind, v.name, v.data); err != nil {
			t.Errorf("%s/valid/%s: %s: %v", v.kind, v.name, rule, err)
		}
	}
	if n < 40 {
		t.Errorf("only %d valid vectors found", n)
	}
}

func TestInvalidBreakTheRuleInTheirName(t *testing.T) {
	t.Parallel()
	n := 0
	for _, v := range vectors(t) {
		if v.valid {
			continue
		}
		n++
		if v.rule() == ruleBuild {
			checkMismatch(t, v)
			continue
		}
		if rule, err := decode(t, v.kind, v.name, v.data); rule != v.rule() {
			t.Errorf("%s/invalid/%s breaks rule %q: %v", v.kind, v.name, rule, err)
		}
	}
	if n < 120 {
		t.Errorf("only %d invalid vectors found", n)
	}
}

// checkMismatch wants an index that is well formed and yet not the one that
// its catalog describes.
func checkMismatch(t *testing.T, v vector) {
	t.Helper()
	if rule, err := decode(t, v.kind, v.name, v.data); err != nil {
		t.Errorf("%s/invalid/%s must decode, but breaks rule %q: %v", v.kind, v.name, rule, err)
	}
	for _, b := range builds(t) {
		if b.Index == v.kind+"/valid/full.json" && string(b.replay(t)) == string(v.data) {
			t.Errorf("%s/invalid/%s is what its catalog says", v.kind, v.name)
		}
	}
}

func builds(t testing.TB) []build {
	t.Helper()
	var list []build
	must(0, strictjson.Unmarshal(read(t, "build.json"), &list))(t)
	return list
}

func (b build) replay(t testing.TB) []byte {
	t.Helper()
	c := must(index.DecodeCatalog(read(t, b.Catalog)))(t)
	switch {
	case b.CatalogEntry == nil:
		return must(index.BuildRetired(c))(t)
	case b.Subset == "":
		return must(index.Build(*b.CatalogEntry, *b.SignatureEntry, c))(t)
	}
	s := must(index.DecodeSubset(read(t, b.Subset)))(t)
	return must(s.Build(*b.CatalogEntry, *b.SignatureEntry, c))(t)
}

// TestBuilds makes each index of build.json again from the files alone.
func TestBuilds(t *testing.T) {
	t.Parallel()
	list := builds(t)
	for _, b := range list {
		if diff := cmp.Diff(string(read(t, b.Index)), string(b.replay(t))); diff != "" {
			t.Errorf("%s: -file +built\n%s", b.Index, diff)
		}
		if b.CatalogEntry == nil {
			continue
		}
		name := strings.TrimSuffix(filepath.Base(b.Catalog), ".json")
		if got := blobOf(read(t, "catalog-manifest/valid/"+name+".json")); got != *b.CatalogEntry {
			t.Errorf("%s: its catalog entry is not the catalog manifest", b.Index)
		}
		if got := blobOf(read(t, "signature/valid/"+name+".json")); got != *b.SignatureEntry {
			t.Errorf("%s: its signature entry is not the signature manifest", b.Index)
		}
	}
	if len(list) < 7 {
		t.Errorf("only %d builds found", len(list))
	}
}
