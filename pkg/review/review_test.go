package review_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pinwheel-oci/pinwheel/pkg/facts"
	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/pkg/review"
)

func catalog(serial uint64, target *index.Target, projects ...index.Project) *index.Catalog {
	return &index.Catalog{Format: 1, Product: "tools", Series: "3.4", Variant: "cpu-ubi9", Serial: serial, Epoch: 1, Issued: time.Unix(1e9, 0).UTC(), Target: target, Projects: projects}
}

// file's sha256 is its name: the review only compares and looks up.
func file(version, filename string) index.File {
	return index.File{Filename: filename, Version: version, PackageType: index.Wheel, SHA256: filename, Size: 1}
}

func known(list ...*facts.Wheel) func(string) *facts.Wheel {
	return func(sha256 string) *facts.Wheel {
		for _, w := range list {
			if w.SHA256 == sha256 {
				return w
			}
		}
		return nil
	}
}

const (
	numpy21  = "numpy-2.1.0-cp312-cp312-linux_x86_64.whl"
	numpy22  = "numpy-2.2.6-cp312-cp312-manylinux_2_34_x86_64.whl"
	vision1  = "vision-1.0-cp312-cp312-linux_x86_64.whl"
	vision1b = "vision-1.0-1-cp312-cp312-linux_x86_64.whl"
	old10    = "old-1.0-py3-none-any.whl"
	new10    = "new-1.0-py3-none-any.whl"
)

func sides() (from, to review.Side) {
	archived := &index.Status{Status: "archived"}
	from = review.Side{
		Catalog: catalog(3, &index.Target{Platforms: []string{"linux_x86_64"}, Pythons: []string{"3.12"}},
			index.Project{Name: "numpy", Files: []index.File{file("2.1.0", numpy21)}},
			index.Project{Name: "old", Files: []index.File{file("1.0", old10)}},
			index.Project{Name: "vision", Files: []index.File{file("1.0", vision1)}}),
		Facts: known(
			&facts.Wheel{SHA256: numpy21, Requires: []string{"a>=1"}, Libraries: []facts.Library{{Versions: []facts.SymbolVersion{{Library: "libc.so.6", Version: "GLIBC_2.9"}}}}},
			&facts.Wheel{SHA256: vision1, Libraries: []facts.Library{{NumPy: "1.20", Needed: []string{"libcudart.so.12", "libz.so.1"}, Imports: []string{"_ZN3c106DeviceE"}}}},
		),
	}
	to = review.Side{
		Catalog: catalog(4, &index.Target{Glibc: "2.34", Platforms: []string{"linux_x86_64"}, Pythons: []string{"3.12"}},
			index.Project{Name: "new", Files: []index.File{file("1.0", new10)}},
			index.Project{Name: "numpy", Files: []index.File{file("2.1.0", numpy21), file("2.2.6", numpy22)}},
			index.Project{Name: "vision", Status: archived, Files: []index.File{file("1.0", vision1b)}}),
		Facts: known(
			&facts.Wheel{SHA256: numpy22, Requires: []string{"a >= 2", "b<3", "docs; extra == 'doc'"}, Libraries: []facts.Library{{Versions: []facts.SymbolVersion{
				{Library: "libc.so.6", Version: "GLIBC_2.34"}, {Library: "libc.so.6", Version: "GLIBC_2.9"},
			}}}},
			&facts.Wheel{SHA256: vision1b, Libraries: []facts.Library{{NumPy: "1.25", Needed: []string{"libcudart.so.13"}}}},
		),
	}
	return from, to
}

const text = `from revision 3 to 4
projects
  + new 1.0
  ~ numpy 2.1.0 → 2.2.6, adds 2.2.6
  - old 1.0
  ~ vision 1.0, status active → archived
dependencies
  ~ numpy 2.2.6: a>=1 → a>=2
  + numpy 2.2.6: b<3
  ~ numpy 2.2.6: requirements of extras (1)
abi
  ~ numpy: tags cp312-cp312-linux_x86_64 → cp312-cp312-manylinux_2_34_x86_64
  ~ numpy: glibc 2.9 → 2.34
  ~ vision: numpy C API 1.20 → 1.25
  ~ vision: torch linkage C++ → none
  ~ vision: accelerator libraries libcudart.so.12 → libcudart.so.13
target
  ~ glibc: none → "2.34"
files
  + new-1.0-py3-none-any.whl
  + numpy-2.2.6-cp312-cp312-manylinux_2_34_x86_64.whl
  - old-1.0-py3-none-any.whl: gone
  + vision-1.0-1-cp312-cp312-linux_x86_64.whl
  - vision-1.0-cp312-cp312-linux_x86_64.whl: gone
`

func TestText(t *testing.T) {
	t.Parallel()
	from, to := sides()
	r := review.Compare(from, to)
	var b strings.Builder
	if err := r.Text(&b); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(text, b.String()); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestSameContentSaysSo(t *testing.T) {
	t.Parallel()
	from, _ := sides()
	r := review.Compare(from, from)
	var b, m strings.Builder
	if err := r.Text(&b); err != nil {
		t.Fatal(err)
	}
	if err := r.Markdown(&m); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), "same content") || !strings.Contains(m.String(), "Same content") {
		t.Errorf("%s\n%s", b.String(), m.String())
	}
}

func TestMissingFactsAreNamedAndNotTakenForNone(t *testing.T) {
	t.Parallel()
	from, to := sides()
	from.Facts = nil
	r := review.Compare(from, to)
	if diff := cmp.Diff([]string{"numpy", "vision"}, r.Unknown); diff != "" || len(r.ABI)+len(r.Dependencies) != 0 {
		t.Errorf("%+v\n%s", r, diff)
	}
	var b strings.Builder
	if err := r.Text(&b); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), "? no facts, not compared: numpy, vision") {
		t.Error(b.String())
	}
}

func TestMarkdownEscapesForeignText(t *testing.T) {
	t.Parallel()
	from, to := sides()
	reason := "see [x](javascript:y) <b> `z`"
	to.Catalog.Projects[1].Files[0].Yanked = &reason
	r := review.Compare(from, to)
	var b strings.Builder
	if err := r.Markdown(&b); err != nil {
		t.Fatal(err)
	}
	if want := "* `~` numpy-2.1.0-cp312-cp312-linux\\_x86\\_64.whl: yanked: see \\[x\\](javascript:y) \\<b\\> \\`z\\`\n"; !strings.Contains(b.String(), want) {
		t.Errorf("no %q in\n%s", want, b.String())
	}
	if !strings.HasPrefix(b.String(), "## Revision 3 → 4\n\n### Projects\n\n* `+` new 1.0\n") {
		t.Error(b.String())
	}
}
