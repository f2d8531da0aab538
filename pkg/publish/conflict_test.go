package publish_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/pinwheel-oci/pinwheel/pkg/publish"
	"github.com/pinwheel-oci/pinwheel/pkg/registry"
	"github.com/pinwheel-oci/pinwheel/test/registrytest"
)

// positions are where all tags are.
func (w *world) positions() map[string]digest.Digest {
	at := map[string]digest.Digest{}
	for _, tag := range w.tags() {
		at[tag] = w.at(tag)
	}
	return at
}

// TestConflict has another writer come in between plan and apply. Whoever is
// second is told so, and moves nothing.
func TestConflict(t *testing.T) {
	t.Parallel()
	publishing := func(w *world) func() error {
		p := w.plan(w.options(w.demo("2.0")))
		return func() error { return p.Apply(w.Context(), w.store) }
	}
	promoting := func(w *world) func() error {
		w.publish(w.demo("1.5"))
		p := w.planPromotion(w.promoteOptions())
		return func() error { return p.Apply(w.Context(), w.store) }
	}
	for _, tt := range []struct {
		name  string
		plan  func(*world) func() error
		other func(*world)
		tag   string
	}{
		{"publish, when the candidate has moved", publishing, func(w *world) { w.publish(w.demo("3.0")) }, "test.3.4-cpu-ubi9"},
		{"publish, when live has moved", publishing, func(w *world) { w.promote() }, "3.4-cpu-ubi9"},
		{"publish, when the number is taken", publishing, func(w *world) { w.alias("test.3.4-cpu-ubi9", "rev.3.4-cpu-ubi9.2") }, "rev.3.4-cpu-ubi9.2"},
		{"promote, when live has moved", promoting, func(w *world) { w.release(w.demo("3.0")) }, "3.4-cpu-ubi9"},
		{"promote, when another promoted the same", promoting, func(w *world) { w.promote() }, "3.4-cpu-ubi9.head"},
		{"promote, when the head was refreshed", func(w *world) func() error {
			w.promote()
			return promoting(w)
		}, func(w *world) { w.refresh() }, "3.4-cpu-ubi9.head"},
		{"promote, when the number is taken", promoting, func(w *world) { w.alias("test.3.4-cpu-ubi9", "rev.3.4-cpu-ubi9.head.1") }, "rev.3.4-cpu-ubi9.head.1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.publish(w.demo("1.0"))
			apply := tt.plan(w)
			tt.other(w)
			before := w.positions()
			err := apply()
			var conflict *publish.ConflictError
			if !errors.As(err, &conflict) || conflict.Tag != tt.tag {
				t.Errorf("error %v, want a conflict at %s", err, tt.tag)
			}
			if diff := cmp.Diff(before, w.positions()); diff != "" {
				t.Errorf("tags moved (-before +after):\n%s", diff)
			}
		})
	}
}

func (w *world) alias(from, to string) {
	w.Helper()
	desc, err := w.store.Resolve(w.Context(), from)
	if err == nil {
		err = w.store.Tag(w.Context(), desc, to)
	}
	if err != nil {
		w.Fatal(err)
	}
}

// stores are one of each kind.
func stores(t *testing.T) map[string]registry.Store {
	open := func(ref string, o registry.Options) registry.Store {
		r, err := registry.ParseReference(ref)
		if err != nil {
			t.Fatal(err)
		}
		s, err := registry.Open(t.Context(), r, o)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	return map[string]registry.Store{
		"memory":   registry.NewMemory(),
		"layout":   open("oci-layout:"+filepath.Join(t.TempDir(), "layout"), registry.Options{CreateLayout: true}),
		"registry": open(registrytest.InProcess(t, registrytest.Quirks{})+"/tools/wheels", registry.Options{PlainHTTP: true}),
	}
}

func TestFileChangedSincePlan(t *testing.T) {
	t.Parallel()
	for name, store := range stores(t) {
		for _, tt := range []struct {
			name   string
			change func(path string, data []byte) error
			want   string
		}{
			{"other bytes of the same number", func(path string, data []byte) error {
				data[len(data)/2] ^= 1
				return os.WriteFile(path, data, 0o600)
			}, "the file is not the one that was planned"},
			{"fewer bytes", func(path string, data []byte) error { return os.WriteFile(path, data[1:], 0o600) }, "it has changed; plan again"},
			{"gone", func(path string, _ []byte) error { return os.Remove(path) }, "it was there when it was planned"},
		} {
			t.Run(name+"/"+tt.name, func(t *testing.T) {
				w := newWorld(t)
				w.store = store
				f := w.demo("1.0")
				p := w.plan(w.options(f))
				data, err := os.ReadFile(f.Path)
				if err != nil {
					t.Fatal(err)
				}
				if err := tt.change(f.Path, data); err != nil {
					t.Fatal(err)
				}
				err = p.Apply(t.Context(), w.store)
				var bad *publish.InputError
				if !errors.As(err, &bad) || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), f.Path) {
					t.Errorf("error %v, want an input error about %s that says %q", err, f.Path, tt.want)
				}
				if at := w.at("test.3.4-cpu-ubi9"); at != "" {
					t.Errorf("there is a candidate: %s", at)
				}
			})
		}
	}
}

// cancelling is a store whose user presses Ctrl-C while a file is on its way.
type cancelling struct {
	registry.Store
	cancel context.CancelFunc
}

func (s cancelling) Push(ctx context.Context, desc ocispec.Descriptor, r io.Reader) error {
	return s.Store.Push(ctx, desc, &cancelAfter{r, s.cancel, desc.Size / 2})
}

// cancelAfter cancels once so many bytes are read.
type cancelAfter struct {
	io.Reader
	cancel context.CancelFunc
	left   int64
}

func (c *cancelAfter) Read(p []byte) (int, error) {
	if c.left <= 0 {
		c.cancel()
	}
	n, err := c.Reader.Read(p[:min(len(p), 1<<10)])
	c.left -= int64(n)
	return n, err
}

func TestInterruptedUpload(t *testing.T) {
	t.Parallel()
	for name, store := range stores(t) {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.store = store
			p := w.plan(w.options(w.big("1.0"), w.big("2.0")))
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if err := p.Apply(ctx, cancelling{store, cancel}); !errors.Is(err, context.Canceled) {
				t.Fatalf("error %v, want that of the context", err)
			}
			if tags := w.tags(); len(tags) > 0 {
				t.Errorf("tags %v after an interrupt", tags)
			}
			if err := p.Apply(t.Context(), store); err != nil {
				t.Fatalf("the same plan again: %v", err)
			}
			w.promote()
			w.wantLive(p.Revision.Digest)
		})
	}
}
