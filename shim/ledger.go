package shim

import (
	"context"
	"io/fs"
	"os"
	"sync"

	"github.com/opencontainers/go-digest"
)

// maxProven bounds what a ledger remembers.
const maxProven = 1 << 16

// ledger remembers which files this process has hashed and found right.
type ledger struct {
	mu      sync.Mutex
	proven  map[digest.Digest]fs.FileInfo
	locks   map[digest.Digest]*blobLock
	maximum int
}

// blobLock is held by whoever hashes a blob.
type blobLock struct {
	held  chan struct{}
	users int
}

func newLedger() *ledger {
	return &ledger{proven: map[digest.Digest]fs.FileInfo{}, locks: map[digest.Digest]*blobLock{}, maximum: maxProven}
}

// add notes that the blob was right; info is that of its file from before it was
// read.
func (l *ledger) add(d digest.Digest, info fs.FileInfo) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.proven) >= l.maximum {
		// Any one: forgetting costs hashing once more, nothing else.
		for other := range l.proven {
			delete(l.proven, other)
			break
		}
	}
	l.proven[d] = info
}

// file reports whether the blob in this very file was right, and the file has
// neither been replaced nor written to since.
func (l *ledger) file(d digest.Digest, info fs.FileInfo) bool {
	l.mu.Lock()
	then, ok := l.proven[d]
	l.mu.Unlock()
	return ok && os.SameFile(then, info) && then.Size() == info.Size() && then.ModTime().Equal(info.ModTime())
}

// lock lets one at a time hash a blob.
func (l *ledger) lock(ctx context.Context, d digest.Digest) (unlock func(), err error) {
	l.mu.Lock()
	b := l.locks[d]
	if b == nil {
		b = &blobLock{held: make(chan struct{}, 1)}
		l.locks[d] = b
	}
	b.users++
	l.mu.Unlock()
	leave := func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if b.users--; b.users == 0 {
			delete(l.locks, d)
		}
	}
	select {
	case b.held <- struct{}{}:
		return func() { <-b.held; leave() }, nil
	case <-ctx.Done():
		leave()
		return nil, ctx.Err()
	}
}
