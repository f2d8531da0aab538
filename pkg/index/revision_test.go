package index_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pinwheel-oci/pinwheel/pkg/artifact"
	"github.com/pinwheel-oci/pinwheel/pkg/index"
)

// TestBuildIsAPureFunction: the same catalog, encoded and decoded in between or
// not, gives the same bytes and is not changed by it.
func TestBuildIsAPureFunction(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		c := random(r)
		before, err := c.Encode()
		if err != nil {
			t.Fatal(err)
		}
		built, err := index.Build(catalogEntry, signatureEntry, c)
		if err != nil {
			t.Fatal(err)
		}
		again, err := index.DecodeCatalog(before)
		if err != nil {
			t.Fatal(err)
		}
		twice, err := index.Build(catalogEntry, signatureEntry, again)
		if err != nil || string(built) != string(twice) {
			t.Fatalf("built twice, got two indexes: %v\n%s\n%s", err, built, twice)
		}
		if after, err := c.Encode(); err != nil || string(after) != string(before) {
			t.Fatalf("Build has changed the catalog: %v", err)
		}
		checkEntries(t, c, built)
	}
}

// checkEntries works out the list of children in another way than Build does.
func checkEntries(t *testing.T, c *index.Catalog, built []byte) {
	t.Helper()
	want := []index.Entry{{Blob: catalogEntry, Role: index.RoleCatalog}, {Blob: signatureEntry, Role: index.RoleSignature}}
	for _, b := range c.Facts {
		want = append(want, index.Entry{Blob: b, Role: index.RoleFacts})
	}
	for _, b := range c.Evidence {
		want = append(want, index.Entry{Blob: b, Role: index.RoleEvidence})
	}
	fixed := len(want)
	for _, f := range c.Files {
		want = append(want, index.Entry{Blob: f.Manifest})
	}
	files := want[fixed:]
	slices.SortFunc(files, func(a, b index.Entry) int { return strings.Compare(string(a.Digest), string(b.Digest)) })
	want = append(want[:fixed], slices.Compact(files)...)
	got, err := index.Decode(built)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("entries: -want +built\n%s", diff)
	}
}

func TestPackIsOneEntry(t *testing.T) {
	t.Parallel()
	a, b := file("1.0", "alpha-1.0-cp311-cp311-linux_x86_64.whl"), file("1.0", "alpha-1.0-cp312-cp312-linux_x86_64.whl")
	b.Manifest = a.Manifest
	c := catalog(project("alpha", a, b))
	c.Retired = []index.RetiredFile{{File: file("0.9", "alpha-0.9-py3-none-any.whl"), Since: 2, At: day}, {File: file("1.0", "alpha-1.0-cp313-cp313-linux_x86_64.whl"), Since: 2, At: day}}
	c.Retired[0].File.Manifest, c.Retired[1].File.Manifest = a.Manifest, a.Manifest
	built, err := index.Build(catalogEntry, signatureEntry, c)
	if err != nil {
		t.Fatal(err)
	}
	if entries, err := index.Decode(built); err != nil || len(entries) != 3 {
		t.Errorf("revision: %d entries, want 3; %v", len(entries), err)
	}
	retired, err := index.BuildRetired(c)
	if err != nil {
		t.Fatal(err)
	}
	if entries, err := index.DecodeRetired(retired); err != nil || len(entries) != 1 || entries[0].Blob != a.Manifest {
		t.Errorf("retired: %v, want the pack; %v", entries, err)
	}
}

func TestNothingRetiredIsNoIndex(t *testing.T) {
	t.Parallel()
	if data, err := index.BuildRetired(catalog(project("alpha", pure("alpha", "1.0")))); data != nil || err != nil {
		t.Errorf("got %s, %v", data, err)
	}
}

func TestRetiredAreInOrderOfDigest(t *testing.T) {
	t.Parallel()
	c := catalog()
	for i := range 30 {
		c.Retired = append(c.Retired, index.RetiredFile{File: pure("alpha", fmt.Sprintf("1.%02d", i)), Since: 1, At: day})
		c.Retired[i].File.Version = fmt.Sprintf("1.%d", i)
	}
	if _, err := c.Encode(); err != nil {
		t.Fatal(err)
	}
	data, err := index.BuildRetired(c)
	if err != nil {
		t.Fatal(err)
	}
	entries, err := index.DecodeRetired(data)
	if err != nil || len(entries) != 30 || !slices.IsSortedFunc(entries, func(a, b index.Entry) int { return strings.Compare(string(a.Digest), string(b.Digest)) }) {
		t.Errorf("%d entries, %v", len(entries), err)
	}
}

func TestBuildRefusesAChildThatIsThereTwice(t *testing.T) {
	t.Parallel()
	f := pure("alpha", "1.0")
	for name, edit := range map[string]func(*index.Catalog) artifact.Blob{
		"a file is the catalog":    func(*index.Catalog) artifact.Blob { return f.Manifest },
		"facts are the catalog":    func(c *index.Catalog) artifact.Blob { c.Facts = []artifact.Blob{blob("x")}; return blob("x") },
		"signature is the catalog": func(*index.Catalog) artifact.Blob { return signatureEntry },
	} {
		c := catalog(project("alpha", f))
		entry := edit(c)
		if _, err := index.Build(entry, signatureEntry, c); ruleOf(t, err) != "duplicate-entry" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := index.Build(artifact.Blob{}, signatureEntry, catalog()); ruleOf(t, err) != "digest" {
		t.Errorf("no catalog: %v", err)
	}
}

// TestSizesOfRevisions: about 5,000 files fit below what is advised, about
// 20,000 below the limit.
func TestSizesOfRevisions(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		files          int
		advised, fails bool
	}{{5000, true, false}, {5100, false, false}, {20000, false, false}, {20400, false, true}} {
		p := index.Project{Name: "alpha", Changed: 1}
		for i := range c.files {
			p.Files = append(p.Files, index.File{Manifest: artifact.Blob{Digest: blob(fmt.Sprint(i)).Digest, Size: 795}})
		}
		data, err := index.Build(catalogEntry, signatureEntry, catalog(p))
		if c.fails {
			if ruleOf(t, err) != "too-large" {
				t.Errorf("%d files: %v", c.files, err)
			}
			continue
		}
		if err != nil || (len(data) <= index.AdvisedRevision) != c.advised {
			t.Errorf("%d files: %d bytes, %v", c.files, len(data), err)
		}
	}
	if _, err := index.Decode(make([]byte, index.MaxRevision+1)); ruleOf(t, err) != "too-large" {
		t.Errorf("decode: %v", err)
	}
}
