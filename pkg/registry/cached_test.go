package registry_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"

	"github.com/pinwheel-oci/pinwheel/pkg/registry"
	"github.com/pinwheel-oci/pinwheel/test/registrytest"
)

func TestCachedKeepsAtMost(t *testing.T) {
	t.Parallel()
	host := registrytest.InProcess(t, registrytest.Quirks{})
	var sent registrytest.Recorder
	store := registry.Cached(open(t, host+"/a/b", registry.Options{PlainHTTP: true, WrapTransport: sent.Wrap}), 2500)
	var blobs []ocispec.Descriptor
	for i := range byte(3) {
		blobs = append(blobs, registrytest.Push(t, store, registrytest.Random(i, 1000)))
	}
	fetch := func(desc ocispec.Descriptor) int {
		t.Helper()
		sent.Reset()
		if _, err := content.FetchAll(t.Context(), store, desc); err != nil {
			t.Fatal(err)
		}
		return sent.Count("", "")
	}
	for i, want := range []struct{ blob, requests int }{
		{2, 0}, {1, 0}, // kept
		{0, 1}, // the oldest made room; now the last one does
		{0, 0}, {1, 0}, {2, 1},
	} {
		if got := fetch(blobs[want.blob]); got != want.requests {
			t.Errorf("fetch %d, of blob %d: %d requests, want %d", i, want.blob, got, want.requests)
		}
	}
	large := registrytest.Push(t, store, registrytest.Random(9, 2501))
	if got := fetch(large); got != 1 {
		t.Errorf("a blob larger than the cache: %d requests, want 1", got)
	}
}

func TestCachedDoesNotKeepFiles(t *testing.T) {
	t.Parallel()
	host := registrytest.InProcess(t, registrytest.Quirks{})
	var sent registrytest.Recorder
	store := registry.Cached(open(t, host+"/a/b", registry.Options{PlainHTTP: true, WrapTransport: sent.Wrap}), 1<<20)
	data := registrytest.Random(1, 1000)
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	desc := registrytest.Blob(data)
	if err := store.Push(t.Context(), desc, f); err != nil {
		t.Fatal(err)
	}
	sent.Reset()
	if _, err := content.FetchAll(t.Context(), store, desc); err != nil {
		t.Fatal(err)
	}
	if got := sent.Count("GET", "/blobs/"); got != 1 {
		t.Errorf("%d requests for a file that was pushed, want 1", got)
	}
}

// corrupt gives other bytes of the right size.
type corrupt struct{ registry.Store }

func (corrupt) Fetch(_ context.Context, desc ocispec.Descriptor) (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(make([]byte, desc.Size))), nil
}

func TestCachedDoesNotKeepWhatIsWrong(t *testing.T) {
	t.Parallel()
	memory := registry.NewMemory()
	desc := registrytest.Push(t, memory, []byte("right"))
	bad := &corrupt{memory}
	store := registry.Cached(bad, 1<<20)
	for range 2 {
		if _, err := content.FetchAll(t.Context(), store, desc); err == nil {
			t.Error("wrong bytes passed")
		}
	}
	// A range comes from the store too, since nothing was kept.
	rc, err := store.OpenRange(t.Context(), desc, 0, 5)
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := io.ReadAll(rc); string(got) != "right" {
		t.Errorf("the range is %q", got)
	}
}

func TestCachedNeverCachesTags(t *testing.T) {
	t.Parallel()
	memory := registry.NewMemory()
	store := registry.Cached(memory, 1<<20)
	first := pushIndex(t, store, "live", "first")
	if got, _ := store.Resolve(t.Context(), "live"); got.Digest != first.Digest {
		t.Errorf("resolves to %s", got.Digest)
	}
	second := pushIndex(t, memory, "live", "second") // past the cache
	desc, rc, err := store.FetchReference(t.Context(), "live")
	if err != nil {
		t.Fatal(err)
	}
	defer rc.Close()
	if desc.Digest != second.Digest {
		t.Errorf("the tag is %s, want %s", desc.Digest, second.Digest)
	}
}
