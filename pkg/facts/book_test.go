package facts_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/errdef"

	"github.com/pinwheel-oci/pinwheel/pkg/artifact"
	"github.com/pinwheel-oci/pinwheel/pkg/facts"
)

// store is a registry as far as books see it.
type store struct {
	content map[digest.Digest][]byte
}

func newStore() *store {
	return &store{content: map[digest.Digest][]byte{}}
}

func (s *store) Fetch(_ context.Context, desc ocispec.Descriptor) (io.ReadCloser, error) {
	data, ok := s.content[desc.Digest]
	if !ok {
		return nil, errdef.ErrNotFound
	}
	return io.NopCloser(bytes.NewReader(data)), nil
}

// counting makes Fetch count; books fetch several chunks at a time.
type counting struct {
	*store
	fetches chan digest.Digest
}

func (c counting) Fetch(ctx context.Context, desc ocispec.Descriptor) (io.ReadCloser, error) {
	c.fetches <- desc.Digest
	return c.store.Fetch(ctx, desc)
}

func all(string) bool { return true }

// seal stores a book and returns its manifest and how many blobs were new.
func (s *store) seal(t testing.TB, b *facts.Book, keep func(string) bool) (artifact.Blob, int) {
	t.Helper()
	manifest, blobs, err := b.Seal(keep)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range append(slices.Clone(blobs), manifest) {
		if digest.FromBytes(o.Data) != o.Digest || int64(len(o.Data)) != o.Size {
			t.Fatalf("the digest or size of %s is wrong", o.MediaType)
		}
		s.content[o.Digest] = o.Data
	}
	return manifest.Blob(), len(blobs)
}

func (s *store) load(t testing.TB, manifest artifact.Blob) *facts.Book {
	t.Helper()
	b, err := facts.Load(context.Background(), s, manifest)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func sha(n int) string { return digest.FromString(fmt.Sprint(n)).Encoded() }

func name(n int) string { return fmt.Sprintf("p%d-1.0-cp312-cp312-linux_x86_64.whl", n) }

func wheelFacts(n int) *facts.Wheel {
	return &facts.Wheel{SHA256: sha(n), Requires: []string{"<&>=1", fmt.Sprintf("p%d", n+1)}, Libraries: []facts.Library{
		{Member: "m.so", Machine: "x86_64", Needed: []string{"libc.so.6"}, Versions: []facts.SymbolVersion{{Library: "libc.so.6", Version: "GLIBC_2.34"}}},
	}}
}

func add(t testing.TB, b *facts.Book, n int) {
	t.Helper()
	if err := b.Add(name(n), sha(n), wheelFacts(n), nil); err != nil {
		t.Fatal(err)
	}
}

func TestBookComesBackAsItWent(t *testing.T) {
	t.Parallel()
	s, b := newStore(), facts.New()
	e := &facts.Exports{SHA256: sha(3), Symbols: []string{"_ZN2at3addEv", "_ZN3c103addEv"}}
	add(t, b, 1)
	add(t, b, 2)
	for _, err := range []error{
		b.Add(name(3), sha(3), wheelFacts(3), e),
		b.Add("other-name-1.0-py3-none-any.whl", sha(2), wheelFacts(2), nil),
		b.Add("p-1.0.tar.gz", sha(9), nil, nil),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	manifest, _ := s.seal(t, b, all)
	for what, b := range map[string]*facts.Book{"as added": b, "as loaded": s.load(t, manifest)} {
		for n := 1; n <= 3; n++ {
			if diff := cmp.Diff(wheelFacts(n), b.Wheel(sha(n))); diff != "" {
				t.Errorf("%s: wheel %d: -in +out\n%s", what, n, diff)
			}
		}
		if b.Wheel(sha(9)) != nil || b.Wheel("") != nil {
			t.Errorf("%s: facts of what has none", what)
		}
		got, err := b.Exports(context.Background(), sha(3))
		if diff := cmp.Diff(e, got); diff != "" || err != nil {
			t.Errorf("%s: %v; exports: -in +out\n%s", what, err, diff)
		}
		if got, err := b.Exports(context.Background(), sha(1)); got != nil || err != nil {
			t.Errorf("%s: exports %v, %v of a wheel without", what, got, err)
		}
		want := map[string]string{name(1): sha(1), name(2): sha(2), name(3): sha(3), "other-name-1.0-py3-none-any.whl": sha(2), "p-1.0.tar.gz": sha(9)}
		if diff := cmp.Diff(want, b.Names()); diff != "" {
			t.Errorf("%s: names: -in +out\n%s", what, diff)
		}
	}
}

func TestBookOfNothing(t *testing.T) {
	t.Parallel()
	manifest, blobs, err := facts.New().Seal(all)
	if err != nil || manifest.Size != 0 || len(blobs) != 0 {
		t.Errorf("%v, %d blobs, %v", manifest, len(blobs), err)
	}
}

// TestSameContentSameBytes: the order of additions within one publication and
// sealing again do not matter, and nothing new is nothing to store.
func TestSameContentSameBytes(t *testing.T) {
	t.Parallel()
	s := newStore()
	forth, back := facts.New(), facts.New()
	for n := range 50 {
		add(t, forth, n)
		add(t, back, 49-n)
	}
	a, _ := s.seal(t, forth, all)
	b, _ := s.seal(t, back, all)
	again, _ := s.seal(t, forth, all)
	if a != b || a != again {
		t.Errorf("manifests %v, %v, %v", a, b, again)
	}
	loaded := s.load(t, a)
	add(t, loaded, 7) // known already
	if same, blobs := s.seal(t, loaded, all); same != a || blobs != 0 {
		t.Errorf("%v with %d blobs, was %v", same, blobs, a)
	}
}

// TestChunksStayFew publishes one wheel after the other, as life does.
func TestChunksStayFew(t *testing.T) {
	t.Parallel()
	s, b := newStore(), facts.New()
	var manifest artifact.Blob
	most, written := 0, 0
	const wheels = 300
	for n := range wheels {
		add(t, b, n)
		m, blobs, err := b.Seal(all)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range append(blobs, m) {
			s.content[o.Digest] = o.Data
			written += len(o.Data)
		}
		if manifest = m.Blob(); len(blobs) != 1 {
			t.Fatalf("%d new blobs for one wheel", len(blobs))
		}
		decoded, err := artifact.Decode(m.Data, artifact.TypeFacts)
		if err != nil {
			t.Fatal(err)
		}
		most = max(most, len(decoded.Layers))
		b = s.load(t, manifest)
	}
	if most > facts.MaxChunks || most < 3 {
		t.Errorf("up to %d chunks", most)
	}
	for n := range wheels {
		if b.Wheel(sha(n)) == nil || b.Names()[name(n)] != sha(n) {
			t.Fatalf("wheel %d got lost", n)
		}
	}
	t.Logf("%d wheels one by one: at most %d chunks, %d bytes written", wheels, most, written)
}

func TestNamesOutliveFacts(t *testing.T) {
	t.Parallel()
	s, b := newStore(), facts.New()
	for n := range 10 {
		e := &facts.Exports{SHA256: sha(n), Symbols: []string{fmt.Sprint("_ZN2at1xEv", n)}}
		if err := b.Add(name(n), sha(n), wheelFacts(n), e); err != nil {
			t.Fatal(err)
		}
	}
	first, _ := s.seal(t, b, all)
	b = s.load(t, first)
	only := func(sha256 string) bool { return sha256 == sha(1) }
	manifest, _ := s.seal(t, b, only)
	b = s.load(t, manifest)
	if b.Wheel(sha(1)) == nil || b.Wheel(sha(2)) != nil || len(b.Names()) != 10 {
		t.Errorf("kept %v, dropped %v, %d names", b.Wheel(sha(1)), b.Wheel(sha(2)), len(b.Names()))
	}
	if e, err := b.Exports(context.Background(), sha(1)); err != nil || e == nil {
		t.Errorf("exports of what is kept: %v, %v", e, err)
	}
	if m, err := artifact.Decode(s.content[manifest.Digest], artifact.TypeFacts); err != nil || len(m.Layers) != 2 {
		t.Errorf("%d layers, want one chunk and one table of exports; %v", len(m.Layers), err)
	}
	var taken *facts.NameError
	if err := b.Add(name(5), sha(6), wheelFacts(6), nil); !errors.As(err, &taken) || taken.Have != sha(5) || taken.Want != sha(6) {
		t.Errorf("a name with other bytes: %v", err)
	}
	add(t, b, 5) // the same bytes may come back
	if b.Wheel(sha(5)) == nil {
		t.Error("facts that came back are not there")
	}
}

func TestFactsReadAnewReplaceOldOnes(t *testing.T) {
	t.Parallel()
	s, b := newStore(), facts.New()
	for n := range 20 {
		add(t, b, n)
	}
	manifest, _ := s.seal(t, b, all)
	b = s.load(t, manifest)
	w := wheelFacts(3)
	w.SBOMs = []string{"found later"}
	e := &facts.Exports{SHA256: sha(3), Symbols: []string{"_ZN2at1xEv"}}
	if err := b.Add(name(3), sha(3), w, e); err != nil {
		t.Fatal(err)
	}
	manifest, _ = s.seal(t, b, all)
	b = s.load(t, manifest)
	got, err := b.Exports(context.Background(), sha(3))
	if diff := cmp.Diff(w, b.Wheel(sha(3))); diff != "" || err != nil || got == nil {
		t.Errorf("exports %v, %v; wheel: -in +out\n%s", got, err, diff)
	}
	if err := b.Add(name(3), sha(3), w, nil); err != nil {
		t.Fatal(err)
	}
	manifest, _ = s.seal(t, b, all)
	if got, err := s.load(t, manifest).Exports(context.Background(), sha(3)); got != nil || err != nil {
		t.Errorf("exports that are gone: %v, %v", got, err)
	}
}

func TestExportsAreFetchedWhenAsked(t *testing.T) {
	t.Parallel()
	s, b := newStore(), facts.New()
	for n := range 3 {
		e := &facts.Exports{SHA256: sha(n), Symbols: []string{fmt.Sprint("_ZN2at1xEv", n)}}
		if err := b.Add(name(n), sha(n), wheelFacts(n), e); err != nil {
			t.Fatal(err)
		}
	}
	manifest, _ := s.seal(t, b, all)
	c := counting{s, make(chan digest.Digest, 100)}
	b, err := facts.Load(context.Background(), c, manifest)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(c.fetches); n != 2 {
		t.Errorf("%d fetches to load, want manifest and chunk", n)
	}
	for range 4 {
		if e, err := b.Exports(context.Background(), sha(1)); err != nil || e.SHA256 != sha(1) {
			t.Fatal(e, err)
		}
	}
	if n := len(c.fetches); n != 3 {
		t.Errorf("%d fetches in all, want one more", n)
	}
}

// TestSameExportsAreOneLayer: rebuilds of a provider export the same.
func TestSameExportsAreOneLayer(t *testing.T) {
	t.Parallel()
	s, b := newStore(), facts.New()
	symbols := []string{"_ZN2at1xEv"}
	for n := range 3 {
		if err := b.Add(name(n), sha(n), wheelFacts(n), &facts.Exports{SHA256: sha(n), Symbols: symbols}); err != nil {
			t.Fatal(err)
		}
	}
	manifest, blobs := s.seal(t, b, all)
	b = s.load(t, manifest)
	if e, err := b.Exports(context.Background(), sha(2)); err != nil || blobs != 2 || e.SHA256 != sha(2) {
		t.Errorf("%d blobs, want a chunk and a table; %v, %v", blobs, e, err)
	}
	if err := b.Add(name(3), sha(3), wheelFacts(3), &facts.Exports{SHA256: sha(3), Symbols: symbols}); err != nil {
		t.Fatal(err)
	}
	if _, blobs := s.seal(t, b, all); blobs != 1 {
		t.Errorf("%d new blobs, want the chunk alone", blobs)
	}
}

func TestAddRefuses(t *testing.T) {
	t.Parallel()
	unsorted := wheelFacts(1)
	unsorted.Requires = []string{"b", "a"}
	for what, err := range map[string]error{
		"no name":                  facts.New().Add("", sha(1), nil, nil),
		"a long name":              facts.New().Add(strings.Repeat("x", 300), sha(1), nil, nil),
		"no sha256":                facts.New().Add(name(1), "x", nil, nil),
		"facts of another file":    facts.New().Add(name(1), sha(1), wheelFacts(2), nil),
		"exports of another file":  facts.New().Add(name(1), sha(1), wheelFacts(1), &facts.Exports{SHA256: sha(2)}),
		"facts that are unsorted":  facts.New().Add(name(1), sha(1), unsorted, nil),
		"exports that repeat":      facts.New().Add(name(1), sha(1), wheelFacts(1), &facts.Exports{SHA256: sha(1), Symbols: []string{"a", "a"}}),
		"facts that are too large": facts.New().Add(name(1), sha(1), &facts.Wheel{SHA256: sha(1), Requires: []string{strings.Repeat("x", facts.MaxWheel)}}, nil),
	} {
		if err == nil {
			t.Errorf("%s: taken", what)
		}
	}
}
