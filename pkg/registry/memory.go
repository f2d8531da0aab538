package registry

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/errdef"
)

// Memory is a [Store] in memory, for tests and dry runs. The zero value is
// ready for use.
type Memory struct {
	mu    sync.RWMutex
	blobs map[digest.Digest][]byte
	tags  map[string]ocispec.Descriptor
	// types remembers what was pushed as which media type, so that a manifest
	// resolves by its digest.
	types map[digest.Digest]string
}

var _ Store = (*Memory)(nil)

// NewMemory returns an empty store.
func NewMemory() *Memory { return &Memory{} }

func memoryError(op, name string, err error) error {
	if err == nil {
		return nil
	}
	return localError(op, "memory "+name, err)
}

func (m *Memory) get(dgst digest.Digest) ([]byte, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	data, ok := m.blobs[dgst]
	if !ok {
		return nil, errdef.ErrNotFound
	}
	return data, nil
}

// Fetch opens content; the reader is an io.ReadSeeker and io.ReaderAt.
func (m *Memory) Fetch(_ context.Context, desc ocispec.Descriptor) (io.ReadCloser, error) {
	data, err := m.get(desc.Digest)
	if err == nil && int64(len(data)) != desc.Size {
		err = fmt.Errorf("it has %d bytes, expected %d", len(data), desc.Size)
	}
	if err != nil {
		return nil, memoryError("fetch", desc.Digest.String(), err)
	}
	return readerAtCloser{bytes.NewReader(data)}, nil
}

// readerAtCloser keeps Seek and ReadAt visible, which io.NopCloser hides.
type readerAtCloser struct{ *bytes.Reader }

func (readerAtCloser) Close() error { return nil }

// OpenRange implements [RangeOpener].
func (m *Memory) OpenRange(_ context.Context, desc ocispec.Descriptor, offset, length int64) (io.ReadCloser, error) {
	data, err := m.get(desc.Digest)
	if err == nil {
		desc.Size = int64(len(data))
		err = checkRange(desc, offset, length)
	}
	if err != nil {
		return nil, memoryError("fetch", desc.Digest.String(), err)
	}
	return readerAtCloser{bytes.NewReader(data[offset : offset+length])}, nil
}

// Exists tells whether there is content with this digest.
func (m *Memory) Exists(_ context.Context, desc ocispec.Descriptor) (bool, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	_, ok := m.blobs[desc.Digest]
	return ok, nil
}

// Push stores content.
func (m *Memory) Push(ctx context.Context, desc ocispec.Descriptor, r io.Reader) error {
	if ok, _ := m.Exists(ctx, desc); ok {
		return nil
	}
	data, err := content.ReadAll(&cancelReader{ctx: ctx, r: r}, desc)
	if err != nil {
		return memoryError("push", desc.Digest.String(), err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.blobs == nil {
		m.blobs = make(map[digest.Digest][]byte)
		m.types = make(map[digest.Digest]string)
	}
	m.blobs[desc.Digest] = data
	if isManifest(desc) {
		m.types[desc.Digest] = desc.MediaType
	}
	return nil
}

// PushReference stores a manifest and tags it.
func (m *Memory) PushReference(ctx context.Context, desc ocispec.Descriptor, r io.Reader, tag string) error {
	if err := checkTag(tag); err != nil {
		return memoryError("push", tag, err)
	}
	if err := m.Push(ctx, desc, r); err != nil {
		return err
	}
	return m.Tag(ctx, desc, tag)
}

// Tag points a tag to a manifest in the store.
func (m *Memory) Tag(_ context.Context, desc ocispec.Descriptor, tag string) error {
	if err := checkTag(tag); err != nil {
		return memoryError("tag", tag, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.blobs[desc.Digest]; !ok {
		return memoryError("tag", tag, fmt.Errorf("%s: %w", desc.Digest, errdef.ErrNotFound))
	}
	if m.tags == nil {
		m.tags = make(map[string]ocispec.Descriptor)
	}
	m.tags[tag] = plain(desc)
	return nil
}

// plain is a descriptor as a registry resolves one.
func plain(desc ocispec.Descriptor) ocispec.Descriptor {
	return ocispec.Descriptor{MediaType: desc.MediaType, Digest: desc.Digest, Size: desc.Size}
}

// Untag removes a tag.
func (m *Memory) Untag(_ context.Context, tag string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.tags[tag]; !ok {
		return memoryError("untag", tag, errdef.ErrNotFound)
	}
	delete(m.tags, tag)
	return nil
}

// Resolve finds a manifest by tag or digest.
func (m *Memory) Resolve(_ context.Context, reference string) (ocispec.Descriptor, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if desc, ok := m.tags[reference]; ok {
		return desc, nil
	}
	dgst := digest.Digest(reference)
	if mediaType, ok := m.types[dgst]; ok {
		return ocispec.Descriptor{MediaType: mediaType, Digest: dgst, Size: int64(len(m.blobs[dgst]))}, nil
	}
	return ocispec.Descriptor{}, memoryError("resolve", reference, errdef.ErrNotFound)
}

// FetchReference opens a manifest by tag or digest.
func (m *Memory) FetchReference(ctx context.Context, reference string) (ocispec.Descriptor, io.ReadCloser, error) {
	desc, err := m.Resolve(ctx, reference)
	if err != nil {
		return ocispec.Descriptor{}, nil, err
	}
	rc, err := m.Fetch(ctx, desc)
	return desc, rc, err
}

// Tags lists all tags after last in one page.
func (m *Memory) Tags(_ context.Context, last string, fn func([]string) error) error {
	m.mu.RLock()
	tags := slices.Sorted(maps.Keys(m.tags))
	m.mu.RUnlock()
	return fn(tagsAfter(tags, last))
}

func tagsAfter(sorted []string, last string) []string {
	i, found := slices.BinarySearch(sorted, last)
	if found {
		i++
	}
	return sorted[i:]
}

// Mount implements [Mounter] by pushing.
func (m *Memory) Mount(ctx context.Context, desc ocispec.Descriptor, fromRepo string, getContent func() (io.ReadCloser, error)) error {
	return pushInstead(ctx, m, desc, fromRepo, getContent)
}

// HasReferrersAPI is false: there is nobody to ask for referrers.
func (m *Memory) HasReferrersAPI(context.Context, ocispec.Descriptor) (bool, error) {
	return false, nil
}

// pushInstead is Mount for stores that are no repository among others.
func pushInstead(ctx context.Context, to content.Storage, desc ocispec.Descriptor, from string, open func() (io.ReadCloser, error)) error {
	if ok, err := to.Exists(ctx, desc); ok || err != nil {
		return err
	}
	if open == nil {
		return localError("mount", desc.Digest.String(), fmt.Errorf("from %s: %w", from, errdef.ErrUnsupported))
	}
	rc, err := open()
	if err != nil {
		return err
	}
	defer rc.Close()
	return to.Push(ctx, desc, rc)
}
