package registry_test

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/errdef"

	"github.com/pinwheel-oci/pinwheel/pkg/registry"
	"github.com/pinwheel-oci/pinwheel/test/registrytest"
)

// swappers are the stores that can swap tags, opened as often as asked: a layout
// as several processes have it.
func swappers(t *testing.T) map[string]func() registry.Store {
	memory := registry.NewMemory()
	dir := "oci-layout:" + filepath.Join(t.TempDir(), "layout")
	return map[string]func() registry.Store{
		"memory": func() registry.Store { return memory },
		"layout": func() registry.Store { return open(t, dir, registry.Options{CreateLayout: true}) },
		"cached layout": func() registry.Store {
			return registry.Cached(open(t, dir, registry.Options{CreateLayout: true}), 1<<20)
		},
	}
}

// pushed is a manifest in the store.
func pushed(t *testing.T, store registry.Store, layer string) ocispec.Descriptor {
	t.Helper()
	desc, data := registrytest.Manifest(t, store, layer, nil)
	if err := store.Push(t.Context(), desc, bytes.NewReader(data)); err != nil {
		t.Fatal(err)
	}
	return desc
}

func TestSwapTag(t *testing.T) {
	t.Parallel()
	for name, opened := range swappers(t) {
		t.Run(name, func(t *testing.T) {
			store := opened()
			a := pushed(t, store, "a")
			b := pushed(t, store, "b")
			tag := "swap-" + digest.FromString(name).Encoded()[:8]
			for _, step := range []struct {
				what   string
				to     ocispec.Descriptor
				from   digest.Digest
				wantAt digest.Digest
			}{
				{"from elsewhere, where there is none", a, b.Digest, ""},
				{"create", a, "", a.Digest},
				{"create again", a, "", a.Digest},
				{"create something else", b, "", a.Digest},
				{"move", b, a.Digest, b.Digest},
				{"move from where it was", a, a.Digest, b.Digest},
			} {
				at, err := store.(registry.TagSwapper).SwapTag(t.Context(), step.to, tag, step.from)
				if err != nil || at != step.wantAt {
					t.Errorf("%s: at %q, error %v, want %q", step.what, at, err, step.wantAt)
				}
			}
			if desc, err := store.Resolve(t.Context(), tag); err != nil || desc.Digest != b.Digest {
				t.Errorf("at last it is at %s, error %v", desc.Digest, err)
			}
			missing := registrytest.Blob([]byte("missing"))
			missing.MediaType = ocispec.MediaTypeImageManifest
			if _, err := store.(registry.TagSwapper).SwapTag(t.Context(), missing, tag, b.Digest); !errors.Is(err, errdef.ErrNotFound) {
				t.Errorf("to what is not there: error %v", err)
			}
		})
	}
}

// TestSwapTagRace has many writers swap from the same place: one wins.
func TestSwapTagRace(t *testing.T) {
	t.Parallel()
	const writers = 8
	for name, opened := range swappers(t) {
		t.Run(name, func(t *testing.T) {
			won := make([]bool, writers)
			var wg sync.WaitGroup
			for i := range writers {
				store := opened()
				m := pushed(t, store, fmt.Sprint("of ", name, i))
				wg.Go(func() {
					at, err := store.(registry.TagSwapper).SwapTag(t.Context(), m, "race", "")
					if err != nil {
						t.Error(err)
					}
					won[i] = at == m.Digest
				})
			}
			wg.Wait()
			n := 0
			for _, w := range won {
				if w {
					n++
				}
			}
			if n != 1 {
				t.Errorf("%d of %d writers won", n, writers)
			}
			if err := opened().Untag(t.Context(), "race"); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestSwapTagUnsupported(t *testing.T) {
	t.Parallel()
	host := registrytest.InProcess(t, registrytest.Quirks{})
	s := registry.Cached(open(t, host+"/repo", registry.Options{PlainHTTP: true}), 1<<20)
	m := pushed(t, s, "a")
	if _, err := s.(registry.TagSwapper).SwapTag(t.Context(), m, "tag", ""); !errors.Is(err, errdef.ErrUnsupported) {
		t.Errorf("a registry: error %v, want ErrUnsupported", err)
	}
}
