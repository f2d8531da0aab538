package publish

import (
	"bytes"
	"context"
	"io"
	"strings"
	"sync"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
)

// overlay is a store as it will be once a plan is applied: what is written to it
// stays in memory, everything else is read from below.
type overlay struct {
	below Store

	mu      sync.Mutex
	content map[digest.Digest]Object
	tags    map[string]ocispec.Descriptor
}

var _ Store = (*overlay)(nil)

func newOverlay(s Store) *overlay {
	return &overlay{below: s, content: map[digest.Digest]Object{}, tags: map[string]ocispec.Descriptor{}}
}

func (o *overlay) get(d digest.Digest) (Object, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	x, ok := o.content[d]
	return x, ok
}

func (o *overlay) Fetch(ctx context.Context, desc ocispec.Descriptor) (io.ReadCloser, error) {
	if x, ok := o.get(desc.Digest); ok {
		return io.NopCloser(bytes.NewReader(x.Data)), nil
	}
	return o.below.Fetch(ctx, desc)
}

func (o *overlay) Exists(ctx context.Context, desc ocispec.Descriptor) (bool, error) {
	if _, ok := o.get(desc.Digest); ok {
		return true, nil
	}
	return o.below.Exists(ctx, desc)
}

func (o *overlay) Push(_ context.Context, desc ocispec.Descriptor, r io.Reader) error {
	data, err := content.ReadAll(r, desc)
	if err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.content[desc.Digest] = newObject(desc.MediaType, data)
	return nil
}

func (o *overlay) PushReference(ctx context.Context, desc ocispec.Descriptor, r io.Reader, tag string) error {
	if err := o.Push(ctx, desc, r); err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.tags[tag] = ocispec.Descriptor{MediaType: desc.MediaType, Digest: desc.Digest, Size: desc.Size}
	return nil
}

func (o *overlay) Resolve(ctx context.Context, reference string) (ocispec.Descriptor, error) {
	if strings.HasPrefix(reference, "sha256:") {
		if x, ok := o.get(digest.Digest(reference)); ok {
			return x.descriptor(), nil
		}
		return o.below.Resolve(ctx, reference)
	}
	o.mu.Lock()
	desc, ok := o.tags[reference]
	o.mu.Unlock()
	if ok {
		return desc, nil
	}
	return o.below.Resolve(ctx, reference)
}
