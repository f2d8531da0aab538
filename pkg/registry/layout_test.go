package registry_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/errdef"

	"github.com/pinwheel-oci/pinwheel/pkg/registry"
	"github.com/pinwheel-oci/pinwheel/test/registrytest"
	"github.com/pinwheel-oci/pinwheel/test/tools"
)

func readLayoutIndex(t *testing.T, dir string) ocispec.Index {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, "index.json"))
	if err != nil {
		t.Fatal(err)
	}
	var index ocispec.Index
	if err := json.Unmarshal(data, &index); err != nil {
		t.Fatal(err)
	}
	return index
}

func pushIndex(t *testing.T, store registry.Store, tag, layer string) ocispec.Descriptor {
	t.Helper()
	child, manifest := registrytest.Manifest(t, store, layer, nil)
	if err := store.Push(t.Context(), child, bytes.NewReader(manifest)); err != nil {
		t.Fatal(err)
	}
	index, data := registrytest.Index(t, child)
	if err := store.PushReference(t.Context(), index, bytes.NewReader(data), tag); err != nil {
		t.Fatal(err)
	}
	return index
}

func TestLayoutListsTaggedManifestsOnly(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	store := open(t, registry.LayoutPrefix+dir, registry.Options{CreateLayout: true})
	first := pushIndex(t, store, "a", "first")
	second := pushIndex(t, store, "b", "second")
	if err := store.Tag(t.Context(), second, "a"); err != nil {
		t.Fatal(err)
	}
	entry := func(desc ocispec.Descriptor, tag string) ocispec.Descriptor {
		return ocispec.Descriptor{MediaType: desc.MediaType, Digest: desc.Digest, Size: desc.Size,
			Annotations: map[string]string{ocispec.AnnotationRefName: tag}}
	}
	if diff := cmp.Diff([]ocispec.Descriptor{entry(second, "a"), entry(second, "b")}, readLayoutIndex(t, dir).Manifests); diff != "" {
		t.Errorf("index.json (-want +got):\n%s", diff)
	}
	// What no tag leads to any more can still be had by digest.
	if got, err := store.Resolve(t.Context(), first.Digest.String()); err != nil || got.MediaType != ocispec.MediaTypeImageIndex {
		t.Errorf("resolve by digest: %+v, %v", got, err)
	}
	if temps, _ := filepath.Glob(filepath.Join(dir, ".*")); len(temps) > 0 {
		t.Errorf("left behind: %s", temps)
	}
}

// A shim follows a layout that another process writes.
func TestLayoutShowsTagsOfOtherWriters(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writer := open(t, registry.LayoutPrefix+dir, registry.Options{CreateLayout: true})
	reader := open(t, registry.LayoutPrefix+dir, registry.Options{})
	for _, layer := range []string{"first", "second"} {
		want := pushIndex(t, writer, "live", layer)
		if got, err := reader.Resolve(t.Context(), "live"); err != nil || got.Digest != want.Digest {
			t.Errorf("%s: the reader resolves %s, %v", layer, got.Digest, err)
		}
	}
}

// Stores that write one layout at once, as several processes would, lose no tag.
func TestLayoutConcurrentWriters(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "made", "by", "all")
	const writers, each = 6, 8
	var wait sync.WaitGroup
	for w := range writers {
		wait.Go(func() {
			ref := registry.Reference{Kind: registry.KindLayout, Dir: dir}
			store, err := registry.Open(t.Context(), ref, registry.Options{CreateLayout: true})
			if err != nil {
				t.Error(err)
				return
			}
			for i := range each {
				desc, data := registrytest.Manifest(t, store, fmt.Sprint(w, i), nil)
				if err := store.PushReference(t.Context(), desc, bytes.NewReader(data), fmt.Sprintf("t-%d-%d", w, i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
	if n := len(readLayoutIndex(t, dir).Manifests); n != writers*each {
		t.Errorf("%d tags, want %d", n, writers*each)
	}
}

func TestLayoutKeepsWhatOthersWrote(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	store := open(t, registry.LayoutPrefix+dir, registry.Options{CreateLayout: true})
	foreign := ocispec.Descriptor{
		MediaType: ocispec.MediaTypeImageManifest, Digest: digest.FromString("x"), Size: 1,
		ArtifactType: "application/vnd.example", Annotations: map[string]string{"example": "kept"},
		Platform: &ocispec.Platform{OS: "linux", Architecture: "arm64"},
	}
	index := readLayoutIndex(t, dir)
	index.Manifests = []ocispec.Descriptor{foreign}
	index.Annotations = map[string]string{"example": "kept"}
	data, err := json.Marshal(index)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "index.json"), string(data), 0o644)
	pushIndex(t, store, "t", "layer")
	got := readLayoutIndex(t, dir)
	if diff := cmp.Diff(foreign, got.Manifests[0]); diff != "" || len(got.Manifests) != 2 {
		t.Errorf("%d entries, the first (-want +got):\n%s", len(got.Manifests), diff)
	}
	if diff := cmp.Diff(index.Annotations, got.Annotations); diff != "" {
		t.Errorf("annotations (-want +got):\n%s", diff)
	}
}

func TestOpenLayoutRefuses(t *testing.T) {
	t.Parallel()
	version := `{"imageLayoutVersion":"1.0.0"}`
	tests := map[string]struct {
		files  map[string]string
		create bool
		says   string
	}{
		"no directory":             {nil, false, "no such directory"},
		"not a layout":             {map[string]string{"x.txt": ""}, false, "not an OCI layout"},
		"not a layout, to be made": {map[string]string{"x.txt": ""}, true, "it has x.txt"},
		"other version":            {map[string]string{"oci-layout": `{"imageLayoutVersion":"2"}`}, false, `version "2"`},
		"version is not JSON":      {map[string]string{"oci-layout": "1.0.0"}, true, "oci-layout"},
		"version is too long":      {map[string]string{"oci-layout": version + strings.Repeat(" ", 2000)}, true, "too long"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "layout")
			for path, text := range tt.files {
				writeFile(t, filepath.Join(dir, path), text, 0o644)
			}
			_, err := registry.Open(t.Context(), registry.Reference{Kind: registry.KindLayout, Dir: dir}, registry.Options{CreateLayout: tt.create})
			if err == nil || !strings.Contains(err.Error(), tt.says) || !strings.Contains(err.Error(), dir) {
				t.Errorf("error does not say %q and %s: %v", tt.says, dir, err)
			}
		})
	}
	dir := filepath.Join(t.TempDir(), "missing")
	if _, err := registry.Open(t.Context(), registry.Reference{Kind: registry.KindLayout, Dir: dir}, registry.Options{}); !errors.Is(err, errdef.ErrNotFound) {
		t.Errorf("a missing layout: error is %v, want one that matches ErrNotFound", err)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("opening for reading made the directory")
	}
}

func TestLayoutThatIsDamaged(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	store := open(t, registry.LayoutPrefix+dir, registry.Options{CreateLayout: true})
	desc := pushIndex(t, store, "t", "layer")
	other := pushIndex(t, store, "u", "other")

	// A blob of another size is seen when it is opened.
	blob := filepath.Join(dir, "blobs", "sha256", desc.Digest.Encoded())
	if err := os.Chmod(blob, 0o644); err != nil {
		t.Fatal(err)
	}
	writeFile(t, blob, "{}", 0o644)
	if _, err := store.Fetch(t.Context(), desc); err == nil || !strings.Contains(err.Error(), "2 bytes") {
		t.Errorf("a blob that shrank: error is %v", err)
	}

	index := readLayoutIndex(t, dir)
	for i := range index.Manifests {
		index.Manifests[i].Annotations[ocispec.AnnotationRefName] = "same"
	}
	data, err := json.Marshal(index)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "index.json"), string(data), 0o644)
	if got, err := store.Resolve(t.Context(), "same"); err == nil || !strings.Contains(err.Error(), "twice") {
		t.Errorf("a tag that is there twice resolves to %s, %v", got.Digest, err)
	}
	if err := store.Tag(t.Context(), other, "same"); err != nil {
		t.Fatal(err)
	}
	if got, err := store.Resolve(t.Context(), "same"); err != nil || got.Digest != other.Digest {
		t.Errorf("after the tag was set again it resolves to %s, %v", got.Digest, err)
	}

	writeFile(t, filepath.Join(dir, "index.json"), "{", 0o644)
	if _, err := store.Resolve(t.Context(), "same"); err == nil || errors.Is(err, errdef.ErrNotFound) {
		t.Errorf("index.json is not JSON: error is %v", err)
	}
	if err := store.Tag(t.Context(), other, "same"); err == nil {
		t.Error("a tag was written over an index.json that can't be read")
	}
}

func run(t *testing.T, program string, args ...string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), program, args...)
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", filepath.Base(program), strings.Join(args, " "), err, out)
	}
	return string(out)
}

// Other tools copy our layouts, and we read theirs: same digests both ways.
func TestLayoutAndOtherTools(t *testing.T) {
	t.Parallel()
	tests := map[string]func(t *testing.T, from, to string){
		"skopeo": func(t *testing.T, from, to string) {
			run(t, tools.Need(t, "skopeo"), "--insecure-policy", "copy", "--all", "--preserve-digests", "oci:"+from+":live", "oci:"+to+":copy")
		},
		"oras": func(t *testing.T, from, to string) {
			run(t, tools.Need(t, "oras"), "cp", "--from-oci-layout", "--to-oci-layout", from+":live", to+":copy")
		},
	}
	for name, copy := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			from, to := t.TempDir(), filepath.Join(t.TempDir(), "copy")
			store := open(t, registry.LayoutPrefix+from, registry.Options{CreateLayout: true})
			desc := pushIndex(t, store, "live", "layer")
			pushIndex(t, store, "other", "another layer")
			copy(t, from, to)

			copied := open(t, registry.LayoutPrefix+to, registry.Options{})
			got, err := copied.Resolve(t.Context(), "copy")
			if err != nil || got.Digest != desc.Digest {
				t.Fatalf("the copy resolves to %s, %v; want %s", got.Digest, err, desc.Digest)
			}
			data, err := content.FetchAll(t.Context(), copied, got)
			if err != nil {
				t.Fatal(err)
			}
			var index ocispec.Index
			if err := json.Unmarshal(data, &index); err != nil {
				t.Fatal(err)
			}
			if _, err := content.FetchAll(t.Context(), copied, index.Manifests[0]); err != nil {
				t.Error(err)
			}
			// And we go on writing where they wrote.
			more := pushIndex(t, copied, "more", "one more")
			if got, err := copied.Resolve(t.Context(), "more"); err != nil || got.Digest != more.Digest {
				t.Errorf("our tag in the copy resolves to %s, %v", got.Digest, err)
			}
			copy(t, from, to)
			if _, err := copied.Resolve(t.Context(), "more"); err != nil {
				t.Errorf("after %s wrote again: %v", name, err)
			}
		})
	}
}
