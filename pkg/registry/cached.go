package registry

import (
	"bytes"
	"container/list"
	"context"
	"io"
	"os"
	"sync"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
)

// maxCached bounds one content that [Cached] keeps, in bytes.
const maxCached = 4 << 20

// Cached wraps a store so that manifests and blobs of up to 4 MiB that went
// through it once, in either direction, are not fetched again. It keeps up to
// maxBytes and drops what was used least recently.
//
// Files (*os.File) that are pushed are not kept.
//
// Only content whose digest has been checked is kept; what tags point to, and
// whether something exists, is always asked. Tag of a known manifest is one
// request instead of two.
func Cached(store Store, maxBytes int64) Store {
	return &cachedStore{
		Store: store,
		cache: contentCache{max: maxBytes, entries: make(map[digest.Digest]*list.Element), order: list.New()},
	}
}

type cachedStore struct {
	Store
	cache contentCache
}

// Unwrap gives the store below, for abilities that are no part of [Store].
func (c *cachedStore) Unwrap() Store { return c.Store }

func (c *cachedStore) Fetch(ctx context.Context, desc ocispec.Descriptor) (io.ReadCloser, error) {
	if data, _, ok := c.cache.get(desc.Digest); ok && int64(len(data)) == desc.Size {
		return readerAtCloser{bytes.NewReader(data)}, nil
	}
	rc, err := c.Store.Fetch(ctx, desc)
	if err != nil {
		return nil, err
	}
	return c.keeping(rc, desc), nil
}

func (c *cachedStore) FetchReference(ctx context.Context, reference string) (ocispec.Descriptor, io.ReadCloser, error) {
	// A tag is no digest, so it is never found here.
	if data, mediaType, ok := c.cache.get(digest.Digest(reference)); ok && mediaType != "" {
		desc := ocispec.Descriptor{MediaType: mediaType, Digest: digest.Digest(reference), Size: int64(len(data))}
		return desc, readerAtCloser{bytes.NewReader(data)}, nil
	}
	desc, rc, err := c.Store.FetchReference(ctx, reference)
	if err != nil {
		return desc, nil, err
	}
	return desc, c.keeping(rc, desc), nil
}

func (c *cachedStore) OpenRange(ctx context.Context, desc ocispec.Descriptor, offset, length int64) (io.ReadCloser, error) {
	if data, _, ok := c.cache.get(desc.Digest); ok && int64(len(data)) == desc.Size && checkRange(desc, offset, length) == nil {
		return readerAtCloser{bytes.NewReader(data[offset : offset+length])}, nil
	}
	return c.Store.OpenRange(ctx, desc, offset, length)
}

func (c *cachedStore) Push(ctx context.Context, desc ocispec.Descriptor, r io.Reader) error {
	return c.push(desc, r, func(r io.Reader) error { return c.Store.Push(ctx, desc, r) })
}

func (c *cachedStore) PushReference(ctx context.Context, desc ocispec.Descriptor, r io.Reader, tag string) error {
	return c.push(desc, r, func(r io.Reader) error { return c.Store.PushReference(ctx, desc, r, tag) })
}

func (c *cachedStore) push(desc ocispec.Descriptor, r io.Reader, push func(io.Reader) error) error {
	// What comes from a file is a user's, and nobody here reads it again:
	// keeping it would cost a second hash and push out what is read again.
	if _, fromFile := r.(*os.File); fromFile || desc.Size > maxCached {
		return push(r)
	}
	data, err := content.ReadAll(r, desc)
	if err != nil {
		return localError("push", desc.Digest.String(), err)
	}
	if err := push(bytes.NewReader(data)); err != nil {
		return err
	}
	c.cache.add(desc, data)
	return nil
}

func (c *cachedStore) Tag(ctx context.Context, desc ocispec.Descriptor, tag string) error {
	if data, _, ok := c.cache.get(desc.Digest); ok && int64(len(data)) == desc.Size {
		return c.Store.PushReference(ctx, desc, bytes.NewReader(data), tag)
	}
	return c.Store.Tag(ctx, desc, tag)
}

// keeping wraps a body so that it goes into the cache if it is read to its end
// and is what desc says. Large bodies are left alone, with what they can do.
func (c *cachedStore) keeping(rc io.ReadCloser, desc ocispec.Descriptor) io.ReadCloser {
	if desc.Size > maxCached || desc.Size > c.cache.max {
		return rc
	}
	return &keepingBody{ReadCloser: rc, cache: &c.cache, desc: desc}
}

type keepingBody struct {
	io.ReadCloser
	cache *contentCache
	desc  ocispec.Descriptor
	data  []byte
}

func (b *keepingBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if int64(len(b.data)) <= b.desc.Size {
		b.data = append(b.data, p[:n]...)
		if int64(len(b.data)) == b.desc.Size && n > 0 && digest.FromBytes(b.data) == b.desc.Digest {
			b.cache.add(b.desc, b.data)
		}
	}
	return n, err
}

// contentCache keeps contents by digest, least recently used last.
type contentCache struct {
	max int64

	mu      sync.Mutex
	size    int64
	entries map[digest.Digest]*list.Element
	order   *list.List
}

type cachedContent struct {
	digest    digest.Digest
	mediaType string // of a manifest; empty for blobs
	data      []byte
}

func (c *contentCache) get(dgst digest.Digest) (data []byte, mediaType string, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	element, ok := c.entries[dgst]
	if !ok {
		return nil, "", false
	}
	c.order.MoveToFront(element)
	entry := element.Value.(*cachedContent)
	return entry.data, entry.mediaType, true
}

func (c *contentCache) add(desc ocispec.Descriptor, data []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.entries[desc.Digest]; ok || int64(len(data)) > c.max {
		return
	}
	entry := &cachedContent{digest: desc.Digest, data: data}
	if isManifest(desc) {
		entry.mediaType = desc.MediaType
	}
	c.entries[desc.Digest] = c.order.PushFront(entry)
	c.size += int64(len(data))
	for c.size > c.max {
		oldest := c.order.Remove(c.order.Back()).(*cachedContent)
		delete(c.entries, oldest.digest)
		c.size -= int64(len(oldest.data))
	}
}
