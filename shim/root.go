package shim

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/opencontainers/go-digest"

	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/policy/verify"
)

// root is a moving root: what its source serves right now.
type root struct {
	path   string // "/tools/3.4/cpu-ubi9"
	name   index.Name
	source Source
	pins   Pins  // nil at candidates
	live   *root // of candidates: the live root of the same index
	blobs  *blobs
	pages  *renderer

	cacheControl []string

	snapshots atomic.Pointer[pair]

	mu     sync.Mutex
	pinned map[*verify.Revision]*snapshot // of loaded pins
}

// pair is what a root serves: pages of current, files of both.
type pair struct {
	current, previous *snapshot // previous may be nil
}

func (p *pair) shows(current, previous *verify.Revision) bool {
	return p != nil && p.current.revision == current && (p.previous == nil) == (previous == nil) &&
		(previous == nil || p.previous.revision == previous)
}

// shown returns what to serve, or nil. It is a comparison of pointers unless
// the source has moved.
func (r *root) shown() *pair {
	current, previous := r.source.Revisions()
	if current == nil {
		return nil
	}
	if p := r.snapshots.Load(); p.shows(current, previous) {
		return p
	}
	return r.move(current, previous)
}

// move makes the snapshots of revisions that are new here.
func (r *root) move(current, previous *verify.Revision) *pair {
	r.mu.Lock()
	defer r.mu.Unlock()
	old := r.snapshots.Load()
	if old.shows(current, previous) {
		return old
	}
	p := &pair{current: r.reuse(old, current)}
	if previous != nil {
		p.previous = r.reuse(old, previous)
	}
	r.snapshots.Store(p)
	return p
}

func (r *root) reuse(old *pair, revision *verify.Revision) *snapshot {
	switch {
	case old != nil && old.current.revision == revision:
		return old.current
	case old != nil && old.previous != nil && old.previous.revision == revision:
		return old.previous
	default:
		return newSnapshot(revision, r.pages)
	}
}

// pin returns the snapshot of one revision. What is live needs no verification
// of its own.
func (r *root) pin(ctx context.Context, d digest.Digest) (*snapshot, error) {
	if shown := r.shown(); shown != nil && shown.current.revision.Digest == d {
		return shown.current, nil
	}
	revision, err := r.pins.Get(ctx, d)
	if err != nil {
		return nil, err
	}
	for _, s := range r.loadedPins() {
		if s.revision == revision {
			return s, nil
		}
	}
	// Dropped by others between the two calls.
	return newSnapshot(revision, r.pages), nil
}

// loadedPins returns a snapshot of each pin that is loaded, and forgets the
// others.
func (r *root) loadedPins() []*snapshot {
	if r.pins == nil {
		return nil
	}
	loaded := r.pins.Loaded()
	r.mu.Lock()
	defer r.mu.Unlock()
	kept := make(map[*verify.Revision]*snapshot, len(loaded))
	all := make([]*snapshot, len(loaded))
	for i, revision := range loaded {
		s := r.pinned[revision]
		if s == nil {
			s = newSnapshot(revision, r.pages)
		}
		kept[revision], all[i] = s, s
	}
	r.pinned = kept
	return all
}
