// Package publish writes revisions and heads. It plans first: a plan holds
// every byte that will be signed or addressed, can be reviewed and saved, and
// ends at the same digests however often it is applied. Then it applies the
// plan: content first, tags last, and a tag moves only if it is still where the
// plan began. docs/publishing.md is the user's view.
package publish

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/errdef"
	orasregistry "oras.land/oras-go/v2/registry"

	"github.com/pinwheel-oci/pinwheel/pkg/artifact"
)

// Store is the repository or layout that is written to.
type Store interface {
	content.Storage
	content.Resolver
	orasregistry.ReferencePusher
}

// resolve returns where a tag points, or "" if it does not exist.
func resolve(ctx context.Context, s content.Resolver, tag string) (digest.Digest, error) {
	desc, err := s.Resolve(ctx, tag)
	if errors.Is(err, errdef.ErrNotFound) {
		return "", nil
	}
	return desc.Digest, err
}

// push stores content under its digest; content that is there already is fine.
func push(ctx context.Context, s content.Pusher, o Object) error {
	err := s.Push(ctx, o.descriptor(), bytes.NewReader(o.Data))
	if errors.Is(err, errdef.ErrAlreadyExists) {
		return nil
	}
	return err
}

// putTag stores a manifest under a tag.
func putTag(ctx context.Context, s Store, o Object, tag string) error {
	err := s.PushReference(ctx, o.descriptor(), bytes.NewReader(o.Data), tag)
	if errors.Is(err, errdef.ErrAlreadyExists) {
		return nil
	}
	return err
}

// moveTagOnce moves a tag from where the plan began; if it is there already,
// nothing is written.
func moveTagOnce(ctx context.Context, s Store, o Object, tag string, from digest.Digest) error {
	if done, err := swapTag(ctx, s, o, tag, from); done || err != nil {
		return err
	}
	have, err := resolve(ctx, s, tag)
	switch {
	case err != nil:
		return err
	case have == o.Digest:
		return nil
	case have != from:
		return &ConflictError{Tag: tag, Want: from, Have: have}
	}
	return putTag(ctx, s, o, tag)
}

// tagSwapper is implemented by stores that move a tag only from where the caller
// believes it to be, at once (registry.TagSwapper).
type tagSwapper interface {
	SwapTag(ctx context.Context, desc ocispec.Descriptor, tag string, from digest.Digest) (at digest.Digest, err error)
}

// swapTag moves a tag in stores that can swap; done is false for others.
func swapTag(ctx context.Context, s Store, o Object, tag string, from digest.Digest) (done bool, err error) {
	swapper, ok := s.(tagSwapper)
	if !ok {
		return false, nil
	}
	at, err := swapper.SwapTag(ctx, o.descriptor(), tag, from)
	if errors.Is(err, errdef.ErrNotFound) {
		if err := push(ctx, s, o); err != nil {
			return false, err
		}
		at, err = swapper.SwapTag(ctx, o.descriptor(), tag, from)
	}
	switch {
	case errors.Is(err, errdef.ErrUnsupported):
		return false, nil
	case err != nil:
		return false, err
	case at != o.Digest:
		return false, &ConflictError{Tag: tag, Want: from, Have: at}
	}
	return true, nil
}

// moveTag is [moveTagOnce] that reads the tag back, because a registry has no
// compare-and-swap: whoever comes second must notice.
func moveTag(ctx context.Context, s Store, o Object, tag string, from digest.Digest) error {
	if err := moveTagOnce(ctx, s, o, tag, from); err != nil {
		return err
	}
	have, err := resolve(ctx, s, tag)
	if err != nil {
		return err
	}
	if have != o.Digest {
		return &ConflictError{Tag: tag, Want: o.Digest, Have: have}
	}
	return nil
}

// Object is small content that a plan carries.
type Object struct {
	MediaType string        `json:"media-type"`
	Digest    digest.Digest `json:"digest"`
	Size      int64         `json:"size"`
	Data      []byte        `json:"data"`
}

func newObject(mediaType string, data []byte) Object {
	return Object{MediaType: mediaType, Digest: digest.FromBytes(data), Size: int64(len(data)), Data: data}
}

// newManifest encodes an artifact manifest.
func newManifest(m artifact.Manifest) (Object, error) {
	data, err := m.Encode()
	if err != nil {
		return Object{}, err
	}
	return newObject(artifact.MediaTypeManifest, data), nil
}

func (o Object) blob() artifact.Blob { return artifact.Blob{Digest: o.Digest, Size: o.Size} }

func (o Object) layer() artifact.Layer {
	return artifact.Layer{MediaType: o.MediaType, Blob: o.blob()}
}

func (o Object) descriptor() ocispec.Descriptor {
	return ocispec.Descriptor{MediaType: o.MediaType, Digest: o.Digest, Size: o.Size}
}

// check finds plans that were edited by hand.
func (o Object) check() error {
	if digest.FromBytes(o.Data) != o.Digest || int64(len(o.Data)) != o.Size {
		return input("plan: the data of %s is not that content; plans must not be edited: plan again", o.Digest)
	}
	return nil
}

func fetchAll(ctx context.Context, s content.Fetcher, desc ocispec.Descriptor, limit int64) ([]byte, error) {
	if desc.Size > limit {
		return nil, fmt.Errorf("fetch %s: %d bytes, the limit is %d", desc.Digest, desc.Size, limit)
	}
	rc, err := s.Fetch(ctx, desc)
	if err != nil {
		return nil, err
	}
	defer rc.Close()
	data, err := io.ReadAll(io.LimitReader(rc, desc.Size+1))
	if err != nil {
		return nil, fmt.Errorf("fetch %s: %w", desc.Digest, err)
	}
	if digest.FromBytes(data) != desc.Digest {
		return nil, fmt.Errorf("fetch %s: the content has another digest", desc.Digest)
	}
	return data, nil
}
