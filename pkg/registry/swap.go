package registry

import (
	"context"
	"errors"
	"fmt"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/errdef"
)

// TagSwapper moves tags only from where the caller believes them to be: what the
// registry protocol cannot do, and layouts and memory can. It is no part of
// [Store]; a [Cached] store has the method and answers errdef.ErrUnsupported
// where the store below lacks it.
type TagSwapper interface {
	// SwapTag points a tag to a manifest in the store if it is at from ("" for
	// not existing) or there already, at once, whoever else writes. It returns
	// where the tag is afterwards: at desc.Digest, or where somebody else put it.
	SwapTag(ctx context.Context, desc ocispec.Descriptor, tag string, from digest.Digest) (digest.Digest, error)
}

var (
	_ TagSwapper = (*layout)(nil)
	_ TagSwapper = (*Memory)(nil)
	_ TagSwapper = (*cachedStore)(nil)
)

// errElsewhere ends a change of index.json that would change nothing.
var errElsewhere = errors.New("the tag is elsewhere")

// SwapTag implements [TagSwapper] under the layout's lock.
func (l *layout) SwapTag(ctx context.Context, desc ocispec.Descriptor, tag string, from digest.Digest) (digest.Digest, error) {
	at, err := l.swapTag(ctx, desc, tag, from)
	return at, l.wrap("tag", tag, err)
}

func (l *layout) swapTag(ctx context.Context, desc ocispec.Descriptor, tag string, from digest.Digest) (at digest.Digest, err error) {
	if err := l.taggable(desc, tag); err != nil {
		return "", err
	}
	err = changeIndex(ctx, l.dir, func(index *ocispec.Index) error {
		found, err := findTag(index, tag)
		if err != nil && !errors.Is(err, errdef.ErrNotFound) {
			return err
		}
		if found.Digest == desc.Digest || found.Digest != from {
			at = found.Digest
			return errElsewhere
		}
		if err := l.checkChildren(desc); err != nil {
			return err
		}
		at = desc.Digest
		setTag(index, tag, plain(desc))
		return nil
	})
	if errors.Is(err, errElsewhere) {
		err = nil
	}
	return at, err
}

// taggable finds out whether a tag may point to desc, and makes durable what that
// leads to.
func (l *layout) taggable(desc ocispec.Descriptor, tag string) error {
	if err := checkTag(tag); err != nil {
		return err
	}
	file, err := l.open(desc)
	if err != nil {
		return fmt.Errorf("%s: %w", desc.Digest, err)
	}
	_ = file.Close()
	return l.sync()
}

// SwapTag implements [TagSwapper].
func (m *Memory) SwapTag(_ context.Context, desc ocispec.Descriptor, tag string, from digest.Digest) (digest.Digest, error) {
	if err := checkTag(tag); err != nil {
		return "", memoryError("tag", tag, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.blobs[desc.Digest]; !ok {
		return "", memoryError("tag", tag, fmt.Errorf("%s: %w", desc.Digest, errdef.ErrNotFound))
	}
	if at := m.tags[tag].Digest; at == desc.Digest || at != from {
		return at, nil
	}
	if m.tags == nil {
		m.tags = make(map[string]ocispec.Descriptor)
	}
	m.tags[tag] = plain(desc)
	return desc.Digest, nil
}

// SwapTag implements [TagSwapper] where the store below does.
func (c *cachedStore) SwapTag(ctx context.Context, desc ocispec.Descriptor, tag string, from digest.Digest) (digest.Digest, error) {
	s, ok := c.Store.(TagSwapper)
	if !ok {
		return "", fmt.Errorf("swap tag %s: %w", tag, errdef.ErrUnsupported)
	}
	return s.SwapTag(ctx, desc, tag, from)
}
