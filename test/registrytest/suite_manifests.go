package registrytest

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/errdef"
	orasregistry "oras.land/oras-go/v2/registry"

	"github.com/pinwheel-oci/pinwheel/pkg/registry"
)

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantNotFound(t testing.TB, what string, err error) {
	t.Helper()
	if !errors.Is(err, errdef.ErrNotFound) {
		t.Errorf("%s: error is %v, want one that matches ErrNotFound", what, err)
	}
}

func wantBytes(t testing.TB, store content.Fetcher, desc ocispec.Descriptor, want []byte) {
	t.Helper()
	got, err := content.FetchAll(t.Context(), store, desc)
	check(t, err)
	if !bytes.Equal(got, want) {
		t.Errorf("fetched %d bytes that differ from the %d pushed", len(got), len(want))
	}
}

func wantExists(t testing.TB, store content.ReadOnlyStorage, desc ocispec.Descriptor, want bool) {
	t.Helper()
	got, err := store.Exists(t.Context(), desc)
	check(t, err)
	if got != want {
		t.Errorf("Exists(%s) is %t, want %t", desc.Digest, got, want)
	}
}

func wantResolved(t testing.TB, store content.Resolver, reference string, want ocispec.Descriptor) {
	t.Helper()
	got, err := store.Resolve(t.Context(), reference)
	check(t, err)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Resolve(%q) (-want +got):\n%s", reference, diff)
	}
}

func tagsOf(t testing.TB, store orasregistry.TagLister) []string {
	t.Helper()
	tags, err := orasregistry.Tags(t.Context(), store)
	if errors.Is(err, errdef.ErrNotFound) {
		return nil // no repository yet
	}
	check(t, err)
	slices.Sort(tags)
	return tags
}

func testManifest(t *testing.T, store registry.Store, traits Traits) {
	desc, manifest := Manifest(t, store, "layer", nil)
	check(t, store.Push(t.Context(), desc, bytes.NewReader(manifest)))
	wantExists(t, store, desc, true)
	wantBytes(t, store, desc, manifest)
	wantResolved(t, store, desc.Digest.String(), desc)
	check(t, store.Tag(t.Context(), desc, "one"))
	wantResolved(t, store, "one", desc)

	index, data := Index(t, desc)
	check(t, store.PushReference(t.Context(), index, bytes.NewReader(data), "all"))
	for _, reference := range []string{"all", index.Digest.String()} {
		wantResolved(t, store, reference, index)
		got, rc, err := store.FetchReference(t.Context(), reference)
		check(t, err)
		body, err := content.ReadAll(rc, got)
		check(t, err)
		check(t, rc.Close())
		if diff := cmp.Diff(index, got); diff != "" || !bytes.Equal(body, data) {
			t.Errorf("FetchReference(%q): other bytes, or (-want +got):\n%s", reference, diff)
		}
	}
	has, err := store.HasReferrersAPI(t.Context(), desc)
	check(t, err)
	if has != traits.ReferrersAPI {
		t.Errorf("HasReferrersAPI is %t, want %t", has, traits.ReferrersAPI)
	}
}

func testRetag(t *testing.T, store registry.Store, _ Traits) {
	first, manifest := Manifest(t, store, "first", nil)
	check(t, store.PushReference(t.Context(), first, bytes.NewReader(manifest), "live"))
	second, manifest := Manifest(t, store, "second", nil)
	check(t, store.PushReference(t.Context(), second, bytes.NewReader(manifest), "other"))
	check(t, store.Tag(t.Context(), second, "live"))
	wantResolved(t, store, "live", second)
	check(t, store.Tag(t.Context(), first, "live"))
	wantResolved(t, store, "live", first)
	wantResolved(t, store, "other", second)
	if diff := cmp.Diff([]string{"live", "other"}, tagsOf(t, store)); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}
}

func testUntag(t *testing.T, store registry.Store, traits Traits) {
	desc, manifest := Manifest(t, store, "layer", nil)
	for _, tag := range []string{"a", "b"} {
		check(t, store.PushReference(t.Context(), desc, bytes.NewReader(manifest), tag))
	}
	err := store.Untag(t.Context(), "a")
	if traits.KeepsTags {
		if !errors.Is(err, errdef.ErrUnsupported) {
			t.Errorf("Untag: error is %v, want one that matches ErrUnsupported", err)
		}
		return
	}
	check(t, err)
	if diff := cmp.Diff([]string{"b"}, tagsOf(t, store)); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}
	wantResolved(t, store, "b", desc)
	wantNotFound(t, "untag again", store.Untag(t.Context(), "a"))
}

func testTags(t *testing.T, store registry.Store, _ Traits) {
	if tags := tagsOf(t, store); len(tags) > 0 {
		t.Errorf("an empty store has the tags %q", tags)
	}
	desc, manifest := Manifest(t, store, "layer", nil)
	var want []string
	for i := range 7 {
		tag := fmt.Sprintf("t%d", i)
		want = append(want, tag)
		check(t, store.PushReference(t.Context(), desc, bytes.NewReader(manifest), tag))
	}
	if diff := cmp.Diff(want, tagsOf(t, store)); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}
	var after []string
	check(t, store.Tags(t.Context(), "t4", func(tags []string) error {
		after = append(after, tags...)
		return nil
	}))
	if diff := cmp.Diff(want[5:], after); diff != "" {
		t.Errorf("tags after t4 (-want +got):\n%s", diff)
	}
	stop := errors.New("enough")
	if err := store.Tags(t.Context(), "", func([]string) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("Tags does not give the error of its function: %v", err)
	}
}

func testNotFound(t *testing.T, store registry.Store, _ Traits) {
	ctx := t.Context()
	Push(t, store, []byte("so that there is a repository"))
	blob := Blob([]byte("not there"))
	manifest, _ := Index(t)
	_, err := store.Fetch(ctx, blob)
	wantNotFound(t, "fetch a blob", err)
	_, err = store.Fetch(ctx, manifest)
	wantNotFound(t, "fetch a manifest", err)
	_, err = store.Resolve(ctx, "missing")
	wantNotFound(t, "resolve a tag", err)
	_, err = store.Resolve(ctx, manifest.Digest.String())
	wantNotFound(t, "resolve a digest", err)
	_, _, err = store.FetchReference(ctx, "missing")
	wantNotFound(t, "fetch a tag", err)
	wantNotFound(t, "tag a missing manifest", store.Tag(ctx, manifest, "t"))
	wantExists(t, store, blob, false)
	wantExists(t, store, manifest, false)
	if tags := tagsOf(t, store); len(tags) > 0 {
		t.Errorf("after failures there are the tags %q", tags)
	}
}

func testBadTag(t *testing.T, store registry.Store, _ Traits) {
	desc, manifest := Manifest(t, store, "layer", nil)
	check(t, store.Push(t.Context(), desc, bytes.NewReader(manifest)))
	for _, tag := range []string{"", ".x", "a/b", "a b", "../x", strings.Repeat("x", 129), desc.Digest.String()} {
		if err := store.Tag(t.Context(), desc, tag); err == nil {
			t.Errorf("Tag took %q", tag)
		}
		if err := store.PushReference(t.Context(), desc, bytes.NewReader(manifest), tag); err == nil {
			t.Errorf("PushReference took %q", tag)
		}
	}
}

func testMissingChild(t *testing.T, store registry.Store, traits Traits) {
	child, _ := Manifest(t, store, "never pushed", nil)
	index, data := Index(t, child)
	err := store.PushReference(t.Context(), index, bytes.NewReader(data), "t")
	if traits.ChecksChildren {
		if err == nil {
			t.Error("an index was taken whose child is missing")
		}
		if tags := tagsOf(t, store); len(tags) > 0 {
			t.Errorf("a refused index left the tags %q", tags)
		}
		return
	}
	check(t, err)
	wantResolved(t, store, "t", index)
}

// The fallback tag of the referrers tag schema breaks old tag-driven mirrors.
func testSubject(t *testing.T, store registry.Store, _ Traits) {
	subject, manifest := Manifest(t, store, "subject", nil)
	check(t, store.PushReference(t.Context(), subject, bytes.NewReader(manifest), "live"))
	for i := range 2 {
		referrer, data := Manifest(t, store, fmt.Sprintf("signature %d", i), &subject)
		check(t, store.Push(t.Context(), referrer, bytes.NewReader(data)))
		wantBytes(t, store, referrer, data)
	}
	if diff := cmp.Diff([]string{"live"}, tagsOf(t, store)); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}
}
