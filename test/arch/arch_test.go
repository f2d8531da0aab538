// Package arch holds the tests that keep the architecture: imports go only
// downward, and the shim's program contains no writer and no signer.
package arch

import (
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/pinwheel-oci/pinwheel/"

// layers is the import table: a package may import the module's packages of
// lower numbers, and none of its own number but those in peers.
var layers = map[string]int{
	"pkg/strictjson": 0,
	"pkg/strictyaml": 0,
	"pkg/dsse":       1,
	"pkg/wheel":      1,
	"pkg/elf":        1,
	"pkg/sign":       2,
	"pkg/artifact":   2,
	"pkg/simple":     2,
	"pkg/registry":   2,
	"pkg/facts":      3,
	"pkg/index":      3,
	"pkg/gate":       4,
	"pkg/review":     4,
	"policy":         4,
	"policy/verify":  5,
	"pkg/publish":    6,
	"shim/source":    6,
	"shim":           7,
}

// onlyFor lists who may import a package at all.
var onlyFor = map[string][]string{
	"pkg/sign":     {"pkg/publish", "cmd/pinwheel"},
	"pkg/publish":  {"cmd/pinwheel"},
	"pkg/registry": {"cmd/"},
}

// forbidden must not be reachable, however indirectly.
var forbidden = map[string][]string{
	"cmd/pinwheel-shim": {"pkg/sign", "pkg/publish", "github.com/sigstore/", "os/exec@pkg", "os/exec@shim", "os/exec@policy"},
	"shim":              {"pkg/registry", "pkg/sign", "pkg/publish"},
	"policy":            {"pkg/registry", "pkg/sign"},
	"pkg/index":         {"net/http", "pkg/registry"},
	"pkg/wheel":         {"net/http", "oras.land/"},
}

// imports maps each package of the module (without its tests) to what it
// imports. The files are read here and not by a tool that is run, so that the
// test cache notices when they change.
func imports(t *testing.T) map[string][]string {
	t.Helper()
	root := filepath.Join("..", "..")
	found := map[string]map[string]bool{}
	for _, top := range []string{"cmd", "pkg", "policy", "shim"} {
		err := filepath.WalkDir(filepath.Join(root, top), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			rel, err := filepath.Rel(root, filepath.Dir(path))
			if err != nil {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
			if err != nil {
				return err
			}
			if found[rel] == nil {
				found[rel] = map[string]bool{}
			}
			for _, spec := range file.Imports {
				found[rel][strings.Trim(spec.Path.Value, `"`)] = true
			}
			return nil
		})
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
	list := map[string][]string{}
	for p, set := range found {
		list[p] = slices.Sorted(maps.Keys(set))
	}
	return list
}

func TestImportsGoDownward(t *testing.T) {
	for p, list := range imports(t) {
		if strings.HasPrefix(p, "cmd/") {
			continue
		}
		layer, known := layers[owner(p)]
		if !known {
			t.Errorf("%s is not in the import table", p)
			continue
		}
		for _, imported := range list {
			q, ours := strings.CutPrefix(imported, module)
			if !ours || owner(q) == owner(p) {
				continue
			}
			if below, known := layers[owner(q)]; !known || below >= layer {
				t.Errorf("%s (layer %d) imports %s (layer %d)", p, layer, q, below)
			}
		}
	}
}

// owner is the package of the table that an internal package belongs to.
func owner(p string) string {
	before, _, _ := strings.Cut(p, "/internal")
	return before
}

func TestOnlyProgramsWriteAndSign(t *testing.T) {
	for p, list := range imports(t) {
		for _, imported := range list {
			q, _ := strings.CutPrefix(imported, module)
			allowed, restricted := onlyFor[q]
			if !restricted || owner(p) == q {
				continue
			}
			ok := slices.ContainsFunc(allowed, func(a string) bool {
				return p == a || strings.HasPrefix(p, strings.TrimSuffix(a, "/")+"/")
			})
			if !ok {
				t.Errorf("%s imports %s, which only %v may", p, q, allowed)
			}
		}
	}
}

func TestForbiddenIsNotReachable(t *testing.T) {
	graph := imports(t)
	for start, list := range forbidden {
		for p, trail := range reach(graph, start) {
			for _, imported := range graph[p] {
				q := strings.TrimPrefix(imported, module)
				for _, f := range list {
					what, where, scoped := strings.Cut(f, "@")
					if (q == what || strings.HasSuffix(what, "/") && strings.HasPrefix(q, what)) && (!scoped || strings.HasPrefix(p, where)) {
						t.Errorf("%s reaches %s: %s", start, q, strings.Join(append(trail, q), " → "))
					}
				}
			}
		}
	}
}

// reach returns every package of the module reachable from start or its
// internal packages, with how it is reached.
func reach(graph map[string][]string, start string) map[string][]string {
	trails := map[string][]string{}
	var visit func(p string, trail []string)
	visit = func(p string, trail []string) {
		if trails[p] != nil {
			return
		}
		trails[p] = append(slices.Clone(trail), p)
		for _, imported := range graph[p] {
			if q, ours := strings.CutPrefix(imported, module); ours {
				visit(q, trails[p])
			}
		}
	}
	for p := range graph {
		if owner(p) == start {
			visit(p, nil)
		}
	}
	return trails
}

func TestTopLevel(t *testing.T) {
	allowed := map[string]bool{}
	for _, n := range strings.Fields("cmd pkg shim policy docs test go.mod go.sum Makefile README.md LICENSE .golangci.yml .ci .gitignore .git .tools bin demo CHANGELOG.md SECURITY.md CONTRIBUTING.md") {
		allowed[n] = true
	}
	entries, err := os.ReadDir(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !allowed[e.Name()] {
			t.Errorf("the top level holds %s, which has no place there", e.Name())
		}
	}
}

func TestEveryPackageSaysItsDuty(t *testing.T) {
	for p := range imports(t) {
		files, err := filepath.Glob(filepath.Join("..", "..", p, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		said := slices.ContainsFunc(files, func(path string) bool {
			f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.PackageClauseOnly|parser.ParseComments)
			return err == nil && f.Doc != nil
		})
		if !said {
			t.Errorf("%s has no package comment", p)
		}
	}
}
