package registry_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"

	"github.com/pinwheel-oci/pinwheel/pkg/registry"
	"github.com/pinwheel-oci/pinwheel/test/registrytest"
)

// garden is a layout with a kept and a dropped tag, whose files are all old.
type garden struct {
	testing.TB
	dir           string
	store         registry.Store
	kept, dropped ocispec.Descriptor
}

var longAgo = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// collectBefore is between what is old and what is young.
var collectBefore = longAgo.Add(time.Hour)

func newGarden(t testing.TB) *garden {
	g := &garden{TB: t, dir: t.TempDir()}
	g.store = open(t, registry.LayoutPrefix+g.dir, registry.Options{CreateLayout: true})
	g.kept, g.dropped = g.tag("kept", "shared"), g.tag("dropped", "alone")
	g.tag("also", "shared")
	g.age()
	return g
}

func (g *garden) tag(tag, layer string) ocispec.Descriptor {
	g.Helper()
	child, manifest := registrytest.Manifest(g, g.store, layer, nil)
	if err := g.store.Push(g.Context(), child, bytes.NewReader(manifest)); err != nil {
		g.Fatal(err)
	}
	index, data := registrytest.Index(g, child)
	if err := g.store.PushReference(g.Context(), index, bytes.NewReader(data), tag); err != nil {
		g.Fatal(err)
	}
	return index
}

// age makes every file old.
func (g *garden) age() {
	g.Helper()
	for _, f := range g.files() {
		if err := os.Chtimes(filepath.Join(g.dir, f), longAgo, longAgo); err != nil {
			g.Fatal(err)
		}
	}
}

func (g *garden) files() []string {
	g.Helper()
	list := []string{}
	err := filepath.WalkDir(g.dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			rel, _ := filepath.Rel(g.dir, path)
			list = append(list, rel)
		}
		return err
	})
	if err != nil {
		g.Fatal(err)
	}
	return list
}

func (g *garden) untag(tag string) {
	g.Helper()
	if err := g.store.Untag(g.Context(), tag); err != nil {
		g.Fatal(err)
	}
}

func (g *garden) collect(o registry.CollectOptions) registry.Collected {
	g.Helper()
	if o.Before.IsZero() {
		o.Before = collectBefore
	}
	done, err := g.store.(registry.Collector).Collect(g.Context(), o)
	if err != nil {
		g.Fatal(err)
	}
	return done
}

// wantWhole fails unless all that a tag leads to is there.
func (g *garden) wantWhole(desc ocispec.Descriptor) {
	g.Helper()
	for _, d := range descend(g, g.store, desc) {
		if ok, err := g.store.Exists(g.Context(), d); !ok || err != nil {
			g.Errorf("%s is gone (%v)", d.Digest, err)
		}
	}
}

func TestCollect(t *testing.T) {
	t.Parallel()
	g := newGarden(t)
	if done := g.collect(registry.CollectOptions{}); done != (registry.Collected{}) {
		t.Errorf("collected %+v although all is tagged", done)
	}
	before := len(g.files())
	dry := g.collect(registry.CollectOptions{DryRun: true, Without: []string{"dropped"}})
	// The index, its manifest and the layer; the config is shared.
	if dry.Blobs != 3 || dry.Bytes == 0 || dry.Temps != 0 {
		t.Errorf("a dry run would collect %+v, want 3 blobs", dry)
	}
	if n := len(g.files()); n != before {
		t.Errorf("a dry run left %d of %d files", n, before)
	}
	g.untag("dropped")
	if done := g.collect(registry.CollectOptions{}); done != dry {
		t.Errorf("collected %+v, the dry run said %+v", done, dry)
	}
	if n := len(g.files()); n != before-3 {
		t.Errorf("%d files are left of %d, want 3 less", n, before)
	}
	g.wantWhole(g.kept)
	if ok, _ := g.store.Exists(t.Context(), g.dropped); ok {
		t.Error("what was dropped is still there")
	}
}

// TestCollectSparesWork: what somebody wrote, or found and relies on, stays until
// it is old, with all that it names.
func TestCollectSparesWork(t *testing.T) {
	t.Parallel()
	for name, use := range map[string]func(g *garden, m ocispec.Descriptor, data []byte){
		"a writer found the manifest": func(g *garden, m ocispec.Descriptor, _ []byte) {
			if ok, err := g.store.Exists(g.Context(), m); !ok || err != nil {
				g.Fatal(ok, err)
			}
		},
		"a writer pushed it again": func(g *garden, m ocispec.Descriptor, data []byte) {
			if err := g.store.Push(g.Context(), m, bytes.NewReader(data)); err != nil {
				g.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGarden(t)
			m, data := registrytest.Manifest(t, g.store, "work", nil)
			if err := g.store.Push(t.Context(), m, bytes.NewReader(data)); err != nil {
				t.Fatal(err)
			}
			g.age()
			if dry := g.collect(registry.CollectOptions{DryRun: true}); dry.Blobs != 2 {
				t.Fatalf("old work: would collect %+v, want 2 blobs", dry)
			}
			use(g, m, data)
			if done := g.collect(registry.CollectOptions{}); done.Blobs != 0 {
				t.Errorf("collected %+v, want nothing", done)
			}
			g.wantWhole(m)
		})
	}
}

// TestCollectTemps removes what writers that were killed left behind.
func TestCollectTemps(t *testing.T) {
	t.Parallel()
	g := newGarden(t)
	write := func(name string, at time.Time) {
		path := filepath.Join(g.dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("half"), 0o666); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	write("ingest/abc_1", longAgo)
	write("ingest/abc_2", collectBefore)
	write(".index.json-1", longAgo)
	write("mine", longAgo)
	if done := g.collect(registry.CollectOptions{}); done != (registry.Collected{Temps: 2, Bytes: 8}) {
		t.Errorf("collected %+v, want 2 temporary files of 8 bytes", done)
	}
	var left []string
	for _, f := range g.files() {
		if !strings.HasPrefix(f, "blobs") && !strings.HasPrefix(f, "index") && f != "oci-layout" {
			left = append(left, f)
		}
	}
	if diff := cmp.Diff([]string{"ingest/abc_2", "mine"}, left); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

// TestCollectStopsAtDamage: where it cannot be known what a tag needs, nothing
// goes.
func TestCollectStopsAtDamage(t *testing.T) {
	t.Parallel()
	for name, harm := range map[string]func(path string) error{
		"missing": os.Remove,
		"damaged": func(path string) error {
			if err := os.Chmod(path, 0o666); err != nil {
				return err
			}
			return os.WriteFile(path, []byte(`{"layers":[]}`), 0o666)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGarden(t)
			child, _ := registrytest.Manifest(t, g.store, "shared", nil)
			g.age()
			if err := harm(filepath.Join(g.dir, "blobs/sha256", child.Digest.Encoded())); err != nil {
				t.Fatal(err)
			}
			g.untag("dropped")
			before := g.files()
			_, err := g.store.(registry.Collector).Collect(t.Context(), registry.CollectOptions{Before: collectBefore})
			if err == nil || !strings.Contains(err.Error(), "kept") || !strings.Contains(err.Error(), string(child.Digest)) {
				t.Errorf("error %v, want one that names tag and manifest", err)
			}
			if diff := cmp.Diff(before, g.files()); diff != "" {
				t.Errorf("files (-before +after):\n%s", diff)
			}
		})
	}
}

// TestCollectKeepsSubjects: a signature that is kept keeps what it is on.
func TestCollectKeepsSubjects(t *testing.T) {
	t.Parallel()
	g := newGarden(t)
	sig, data := registrytest.Manifest(t, g.store, "signature", &g.dropped)
	if err := g.store.PushReference(t.Context(), sig, bytes.NewReader(data), "sig"); err != nil {
		t.Fatal(err)
	}
	g.untag("dropped")
	g.age()
	g.collect(registry.CollectOptions{})
	g.wantWhole(g.dropped)
	g.untag("sig")
	if done := g.collect(registry.CollectOptions{Before: time.Now().Add(time.Hour)}); done.Blobs != 5 {
		t.Errorf("collected %+v, want 5 blobs", done)
	}
}

// descend is desc and all below it.
func descend(t testing.TB, store registry.Store, desc ocispec.Descriptor) []ocispec.Descriptor {
	t.Helper()
	all := []ocispec.Descriptor{desc}
	below, err := content.Successors(t.Context(), store, desc)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range below {
		all = append(all, descend(t, store, d)...)
	}
	return all
}

// dying ends after so many questions whether it has.
type dying struct {
	context.Context
	left int
}

func (d *dying) Err() error {
	if d.left--; d.left < 0 {
		return context.Canceled
	}
	return nil
}

// TestCollectorKilled stops a collection at each of its steps. What is kept is
// whole, every manifest that is left vouches for what it names, and a rerun ends
// where it would have.
func TestCollectorKilled(t *testing.T) {
	t.Parallel()
	whole := newGarden(t)
	whole.untag("dropped")
	whole.collect(registry.CollectOptions{})
	want := whole.files()
	for n, finished := 0, false; !finished; n++ {
		if n > 200 {
			t.Fatal("it never finishes")
		}
		g := newGarden(t)
		g.untag("dropped")
		_, err := g.store.(registry.Collector).Collect(&dying{t.Context(), n}, registry.CollectOptions{Before: collectBefore})
		if finished = err == nil; !finished && !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		for _, f := range g.files() {
			dgst := "sha256:" + filepath.Base(f)
			if desc, err := g.store.Resolve(t.Context(), dgst); err == nil {
				g.wantWhole(desc)
			}
		}
		g.wantWhole(g.kept)
		g.age()
		g.collect(registry.CollectOptions{})
		if diff := cmp.Diff(want, g.files()); diff != "" {
			t.Errorf("stopped at step %d, then run again: files (-want +got):\n%s", n, diff)
		}
		if t.Failed() {
			t.Fatalf("step %d", n)
		}
	}
}
