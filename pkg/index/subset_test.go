package index_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pinwheel-oci/pinwheel/pkg/artifact"
	"github.com/pinwheel-oci/pinwheel/pkg/index"
)

func TestSubsetKeeps(t *testing.T) {
	t.Parallel()
	versions := func(versions ...string) index.Project {
		var files []index.File
		for _, v := range versions {
			files = append(files, pure("alpha", v))
		}
		return project("alpha", files...)
	}
	native := project("alpha",
		file("1.0", "alpha-1.0-cp312-cp312-linux_x86_64.whl"), file("1.0", "alpha-1.0-cp312-cp312-manylinux_2_39_x86_64.whl"),
		file("1.0", "alpha-1.0-cp312-cp312-manylinux2014_aarch64.whl"), file("1.0", "alpha-1.0-cp312-cp312-manylinux_2_17_aarch64.musllinux_1_2_x86_64.whl"),
		file("1.0", "alpha-1.0-cp312-cp312-win_amd64.whl"), file("1.0", "alpha-1.0-py3-none-any.whl"), file("1.0", "alpha-1.0.tar.gz"),
		file("1.0", "alpha-1.0-pp310-pypy310_pp73-linux_x86_64.whl"))
	for name, c := range map[string]struct {
		project index.Project
		subset  index.Subset
		want    []string
	}{
		"newest version":                {versions("1.0", "1.9", "1.10"), index.Subset{Newest: 1}, []string{"alpha-1.10-py3-none-any.whl"}},
		"two newest":                    {versions("1.0", "1.9", "1.10"), index.Subset{Newest: 2}, []string{"alpha-1.10-py3-none-any.whl", "alpha-1.9-py3-none-any.whl"}},
		"more than there are":           {versions("1.0", "1.9"), index.Subset{Newest: 9}, []string{"alpha-1.0-py3-none-any.whl", "alpha-1.9-py3-none-any.whl"}},
		"release after its candidates":  {versions("2.0", "2.0rc1", "2.0.dev3"), index.Subset{Newest: 1}, []string{"alpha-2.0-py3-none-any.whl"}},
		"candidate of a later version":  {versions("2.0", "2.1rc1"), index.Subset{Newest: 1}, []string{"alpha-2.1rc1-py3-none-any.whl"}},
		"local version above public":    {versions("2.0", "2.0+cpu"), index.Subset{Newest: 1}, []string{"alpha-2.0+cpu-py3-none-any.whl"}},
		"epoch above all":               {versions("1!0.1", "2.0"), index.Subset{Newest: 1}, []string{"alpha-1!0.1-py3-none-any.whl"}},
		"equal versions count once":     {versions("1.0", "1.0.0", "0.9"), index.Subset{Newest: 1}, []string{"alpha-1.0-py3-none-any.whl", "alpha-1.0.0-py3-none-any.whl"}},
		"equal versions are one of two": {versions("1.0", "1.0.0", "0.9", "0.8"), index.Subset{Newest: 2}, []string{"alpha-0.9-py3-none-any.whl", "alpha-1.0-py3-none-any.whl", "alpha-1.0.0-py3-none-any.whl"}},
		"one platform": {native, index.Subset{Platforms: []string{"linux_x86_64"}}, []string{
			"alpha-1.0-cp312-cp312-linux_x86_64.whl", "alpha-1.0-cp312-cp312-manylinux_2_39_x86_64.whl",
			"alpha-1.0-pp310-pypy310_pp73-linux_x86_64.whl", "alpha-1.0-py3-none-any.whl", "alpha-1.0.tar.gz",
		}},
		"another platform": {native, index.Subset{Platforms: []string{"linux_aarch64"}}, []string{
			"alpha-1.0-cp312-cp312-manylinux2014_aarch64.whl", "alpha-1.0-cp312-cp312-manylinux_2_17_aarch64.musllinux_1_2_x86_64.whl",
			"alpha-1.0-py3-none-any.whl", "alpha-1.0.tar.gz",
		}},
		"a platform without wheels": {native, index.Subset{Platforms: []string{"linux_s390x"}}, []string{"alpha-1.0-py3-none-any.whl", "alpha-1.0.tar.gz"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			keeps, got := c.subset.Keeps(catalog(c.project)), []string{}
			for i := range c.project.Files {
				if keeps(&c.project.Files[i]) {
					got = append(got, c.project.Files[i].Filename)
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("kept: -want +got\n%s", diff)
			}
		})
	}
}

// TestSubsetDoesNotDependOnTheOrderOfFiles: an implementation may walk the
// versions in any order.
func TestSubsetDoesNotDependOnTheOrderOfFiles(t *testing.T) {
	t.Parallel()
	files := []index.File{pure("alpha", "1.0"), pure("alpha", "1.0.0"), pure("alpha", "1.0.0.0"), pure("alpha", "0.9"), pure("alpha", "2.0")}
	s := index.Subset{Newest: 2}
	for range files {
		files = append(files[1:], files[0])
		p := index.Project{Name: "alpha", Files: slices.Clone(files)}
		keeps := s.Keeps(catalog(p))
		for i := range files {
			if got, want := keeps(&files[i]), files[i].Version != "0.9"; got != want {
				t.Errorf("%s kept: %t", files[i].Version, got)
			}
		}
	}
}

func TestSubsetKeepsThePackOfAKeptFile(t *testing.T) {
	t.Parallel()
	old, now, gone := pure("alpha", "1.0"), pure("alpha", "2.0"), pure("alpha", "0.9")
	old.Manifest = now.Manifest
	c := catalog(project("alpha", old, now, gone))
	c.Facts = []artifact.Blob{blob("facts")}
	s := index.Subset{Newest: 1}
	data, err := s.Build(catalogEntry, signatureEntry, c)
	if err != nil {
		t.Fatal(err)
	}
	entries, err := index.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	want := []index.Entry{{Blob: catalogEntry, Role: index.RoleCatalog}, {Blob: signatureEntry, Role: index.RoleSignature}, {Blob: blob("facts"), Role: index.RoleFacts}, {Blob: now.Manifest}}
	if diff := cmp.Diff(want, entries); diff != "" {
		t.Errorf("entries: -want +got\n%s", diff)
	}
	if s.Keeps(c)(&old) {
		t.Error("a file is kept because its pack is")
	}
}
