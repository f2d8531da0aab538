package registrytest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"

	"github.com/pinwheel-oci/pinwheel/pkg/registry"
)

// Traits are in what stores may differ.
type Traits struct {
	// ChecksChildren: an index whose manifests are missing is refused.
	ChecksChildren bool
	// KeepsTags: tags can't be deleted.
	KeepsTags bool
	// ReferrersAPI: HasReferrersAPI is true.
	ReferrersAPI bool
}

// Suite is what every [registry.Store] must pass. newStore opens an empty one.
func Suite(t *testing.T, newStore func(t testing.TB) registry.Store, traits Traits) {
	t.Helper()
	tests := map[string]func(*testing.T, registry.Store, Traits){
		"blob round trip":                     testBlob,
		"empty blob":                          testEmptyBlob,
		"large blob":                          testLargeBlob,
		"blob pushed again":                   testPushAgain,
		"wrong content is refused":            testWrongContent,
		"range of a blob":                     testRange,
		"seek in a blob":                      testSeek,
		"manifest by digest and tag":          testManifest,
		"tag moves":                           testRetag,
		"untag":                               testUntag,
		"list of tags":                        testTags,
		"missing things are not found":        testNotFound,
		"what is no tag is refused":           testBadTag,
		"index whose child is missing":        testMissingChild,
		"concurrent pushes":                   testConcurrent,
		"mount pushes what is not elsewhere":  testMount,
		"manifest with subject adds no tags":  testSubject,
		"cancelled context ends the transfer": testCancel,
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			test(t, newStore(t), traits)
		})
	}
}

func testBlob(t *testing.T, store registry.Store, _ Traits) {
	data := Random(1, 100<<10)
	wantExists(t, store, Blob(data), false)
	desc := Push(t, store, data)
	wantExists(t, store, desc, true)
	wantBytes(t, store, desc, data)
}

func testEmptyBlob(t *testing.T, store registry.Store, _ Traits) {
	desc := Push(t, store, nil)
	wantExists(t, store, desc, true)
}

func testLargeBlob(t *testing.T, store registry.Store, _ Traits) {
	data := Random(2, registry.MonolithicLimit+1<<20+7)
	wantBytes(t, store, Push(t, store, data), data)

	stream := Random(3, registry.MonolithicLimit+12345)
	desc := Blob(stream)
	check(t, store.Push(t.Context(), desc, struct{ io.Reader }{bytes.NewReader(stream)}))
	wantBytes(t, store, desc, stream)
}

func testPushAgain(t *testing.T, store registry.Store, _ Traits) {
	data := []byte("twice")
	Push(t, store, data)
	wantBytes(t, store, Push(t, store, data), data)
	desc, manifest := Manifest(t, store, "layer", nil)
	for range 2 {
		check(t, store.Push(t.Context(), desc, bytes.NewReader(manifest)))
		check(t, store.PushReference(t.Context(), desc, bytes.NewReader(manifest), "t"))
	}
	wantBytes(t, store, desc, manifest)
}

func testWrongContent(t *testing.T, store registry.Store, _ Traits) {
	for _, size := range []int{1000, registry.MonolithicLimit + 1000} {
		right := Random(4, size)
		wrong := slices.Clone(right)
		wrong[size/2] ^= 1
		contents := map[string]io.Reader{
			"other bytes":           bytes.NewReader(wrong),
			"other bytes, streamed": struct{ io.Reader }{bytes.NewReader(wrong)},
			"too short":             bytes.NewReader(right[:size-1]),
			"too short, streamed":   struct{ io.Reader }{bytes.NewReader(right[:size-1])},
			"too long":              bytes.NewReader(append(slices.Clone(right), 1)),
			"too long, streamed":    struct{ io.Reader }{bytes.NewReader(append(slices.Clone(right), 1))},
		}
		desc := Blob(right)
		for name, r := range contents {
			if err := store.Push(t.Context(), desc, r); err == nil {
				t.Errorf("blob of %d bytes, %s: no error", size, name)
			}
			wantExists(t, store, desc, false)
		}
	}
	desc, manifest := Manifest(t, store, "layer", nil)
	if err := store.PushReference(t.Context(), desc, strings.NewReader(string(manifest)+" "), "t"); err == nil {
		t.Error("manifest that is too long: no error")
	}
	wantExists(t, store, desc, false)
}

func testRange(t *testing.T, store registry.Store, _ Traits) {
	data := Random(5, 10_000)
	desc := Push(t, store, data)
	for _, r := range [][2]int64{{0, 10_000}, {0, 1}, {9_999, 1}, {17, 4_000}, {10_000, 0}} {
		rc, err := store.OpenRange(t.Context(), desc, r[0], r[1])
		check(t, err)
		got, err := io.ReadAll(rc)
		check(t, err)
		check(t, rc.Close())
		if !bytes.Equal(got, data[r[0]:r[0]+r[1]]) {
			t.Errorf("%d bytes from %d differ", r[1], r[0])
		}
	}
	for _, r := range [][2]int64{{-1, 5}, {0, 10_001}, {10_001, 0}, {5, -1}, {1, 1<<63 - 1}} {
		if rc, err := store.OpenRange(t.Context(), desc, r[0], r[1]); err == nil {
			_ = rc.Close()
			t.Errorf("%d bytes from %d of %d: no error", r[1], r[0], desc.Size)
		}
	}
	rc, err := store.OpenRange(t.Context(), Blob([]byte("not there")), 1, 2)
	if err == nil {
		_ = rc.Close()
	}
	wantNotFound(t, "range of a missing blob", err)
}

func testSeek(t *testing.T, store registry.Store, _ Traits) {
	data := Random(6, 50_000)
	rc, err := store.Fetch(t.Context(), Push(t, store, data))
	check(t, err)
	defer rc.Close()
	seeker, ok := rc.(io.Seeker)
	if !ok {
		return // not every registry offers ranges
	}
	var start [10]byte
	_, err = io.ReadFull(rc, start[:])
	check(t, err)
	_, err = seeker.Seek(40_000, io.SeekStart)
	check(t, err)
	rest, err := io.ReadAll(rc)
	check(t, err)
	if !bytes.Equal(start[:], data[:10]) || !bytes.Equal(rest, data[40_000:]) {
		t.Error("what was read around a seek differs")
	}
}

func testConcurrent(t *testing.T, store registry.Store, _ Traits) {
	const workers = 12
	data := Random(7, 200<<10)
	manifests := make([]ocispec.Descriptor, workers)
	var wait sync.WaitGroup
	for i := range workers {
		wait.Go(func() {
			desc := Blob(data)
			if err := store.Push(t.Context(), desc, bytes.NewReader(data)); err != nil {
				t.Error(err)
				return
			}
			own := content.NewDescriptorFromBytes("application/octet-stream", []byte{byte(i)})
			if err := store.Push(t.Context(), own, bytes.NewReader([]byte{byte(i)})); err != nil {
				t.Error(err)
				return
			}
			index, body := marshal(t, ocispec.MediaTypeImageIndex, map[string]any{
				"schemaVersion": 2, "mediaType": ocispec.MediaTypeImageIndex,
				"manifests": []any{}, "annotations": map[string]string{"n": fmt.Sprint(i)},
			}, nil)
			if err := store.PushReference(t.Context(), index, bytes.NewReader(body), fmt.Sprintf("t%d", i)); err != nil {
				t.Error(err)
			}
			manifests[i] = index
		})
	}
	wait.Wait()
	if t.Failed() {
		return
	}
	wantBytes(t, store, Blob(data), data)
	for i, desc := range manifests {
		wantResolved(t, store, fmt.Sprintf("t%d", i), desc)
	}
	if n := len(tagsOf(t, store)); n != workers {
		t.Errorf("there are %d tags, want %d", n, workers)
	}
}

func testMount(t *testing.T, store registry.Store, _ Traits) {
	data := Random(8, 3000)
	desc := Blob(data)
	opened := 0
	open := func() (io.ReadCloser, error) {
		opened++
		return io.NopCloser(bytes.NewReader(data)), nil
	}
	check(t, store.Mount(t.Context(), desc, "some/other", open))
	wantBytes(t, store, desc, data)
	if opened != 1 {
		t.Errorf("the content was opened %d times, want once", opened)
	}
	broken := errors.New("the source is gone")
	err := store.Mount(t.Context(), Blob([]byte("another")), "some/other", func() (io.ReadCloser, error) { return nil, broken })
	if !errors.Is(err, broken) {
		t.Errorf("Mount does not give the error of the source: %v", err)
	}
}

func testCancel(t *testing.T, store registry.Store, _ Traits) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	data := Random(9, registry.MonolithicLimit+1<<20)
	desc := Blob(data)
	reads := 0
	err := store.Push(ctx, desc, readerFunc(func(p []byte) (int, error) {
		if reads++; reads == 3 {
			cancel()
		}
		n := min(len(p), 1<<10)
		copy(p, data[:n])
		return n, nil
	}))
	if reads > 0 && !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v, want one that matches context.Canceled", err)
	}
	if err == nil {
		t.Error("no error")
	}
	wantExists(t, store, desc, false)
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
