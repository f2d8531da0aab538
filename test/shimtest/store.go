package shimtest

import (
	"context"
	"errors"
	"io"
	"sync"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/pinwheel-oci/pinwheel/pkg/registry"
)

// Store is a store that tests break, watch and exchange while it is used.
type Store struct {
	mu      sync.Mutex
	below   registry.Store
	err     error
	damage  map[digest.Digest]func(io.ReadCloser) io.ReadCloser
	fetched map[digest.Digest]int
	looks   int
}

// NewStore wraps a store.
func NewStore(below registry.Store) *Store {
	return &Store{below: below, damage: map[digest.Digest]func(io.ReadCloser) io.ReadCloser{}, fetched: map[digest.Digest]int{}}
}

// Exchange puts another store below.
func (s *Store) Exchange(below registry.Store) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.below = below
}

// Fail makes every request end with err; nil ends that.
func (s *Store) Fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

// Damage changes what is read of one content; nil ends that.
func (s *Store) Damage(d digest.Digest, change func(io.ReadCloser) io.ReadCloser) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.damage[d] = change
}

// Fetched counts how often a content was opened, in whole or in part.
func (s *Store) Fetched(d digest.Digest) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fetched[d]
}

// Looks counts how often a tag or a digest was looked at.
func (s *Store) Looks() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.looks
}

func (s *Store) look() (registry.Store, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.looks++
	return s.below, s.err
}

func (s *Store) fetch(d digest.Digest) (registry.Store, func(io.ReadCloser) io.ReadCloser, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fetched[d]++
	change := s.damage[d]
	if change == nil {
		change = func(rc io.ReadCloser) io.ReadCloser { return rc }
	}
	return s.below, change, s.err
}

// Resolve finds a tag or digest.
func (s *Store) Resolve(ctx context.Context, reference string) (ocispec.Descriptor, error) {
	below, err := s.look()
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	return below.Resolve(ctx, reference)
}

// FetchReference opens what a tag or digest names.
func (s *Store) FetchReference(ctx context.Context, reference string) (ocispec.Descriptor, io.ReadCloser, error) {
	below, err := s.look()
	if err != nil {
		return ocispec.Descriptor{}, nil, err
	}
	desc, rc, err := below.FetchReference(ctx, reference)
	if err != nil {
		return desc, nil, err
	}
	_, change, err := s.fetch(desc.Digest)
	if err != nil {
		return desc, nil, errors.Join(err, rc.Close())
	}
	return desc, change(rc), nil
}

// Fetch opens content.
func (s *Store) Fetch(ctx context.Context, desc ocispec.Descriptor) (io.ReadCloser, error) {
	below, change, err := s.fetch(desc.Digest)
	if err != nil {
		return nil, err
	}
	rc, err := below.Fetch(ctx, desc)
	if err != nil {
		return nil, err
	}
	return change(rc), nil
}

// WrongByte changes the byte at offset.
func WrongByte(offset int64) func(io.ReadCloser) io.ReadCloser {
	return func(rc io.ReadCloser) io.ReadCloser { return &wrongByte{ReadCloser: rc, left: offset} }
}

type wrongByte struct {
	io.ReadCloser
	left int64
}

// Read changes the byte when it comes by.
func (w *wrongByte) Read(p []byte) (int, error) {
	n, err := w.ReadCloser.Read(p)
	if w.left >= 0 && w.left < int64(n) {
		p[w.left] ^= 1
	}
	w.left -= int64(n)
	return n, err
}

// Truncated ends after n bytes.
func Truncated(n int64) func(io.ReadCloser) io.ReadCloser {
	return func(rc io.ReadCloser) io.ReadCloser {
		return struct {
			io.Reader
			io.Closer
		}{io.LimitReader(rc, n), rc}
	}
}
