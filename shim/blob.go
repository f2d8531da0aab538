package shim

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
)

// chunk is what is read, hashed and written at a time, and the most that a
// client lacks when a file turns out to be wrong.
const chunk = 128 << 10

// errWrongContent says that a store gave other bytes than the digest says.
var errWrongContent = errors.New("content does not match its digest")

// blobs copies blobs of a store to clients and lets no wrong byte pass
// unnoticed. Each download takes one or two chunks of memory.
type blobs struct {
	store   content.Fetcher
	proven  *ledger
	buffers sync.Pool
}

func newBlobs(store content.Fetcher) *blobs {
	return &blobs{
		store: store, proven: newLedger(),
		buffers: sync.Pool{New: func() any { b := make([]byte, chunk); return &b }},
	}
}

// copy writes part of the blob to w. Until the hash of the whole blob is known
// to be right, the last chunk of what was asked for is held back.
//
// A part of a blob costs reading all of it: from a file once, before the first
// byte is sent; from a registry every time, while what is not of the part is
// thrown away, because a registry that gave the right bytes once need not do so
// again.
func (b *blobs) copy(ctx context.Context, w *answer, desc ocispec.Descriptor, part span) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	pace := newPace(w.ResponseWriter, func() { cancel(fmt.Errorf("less than %d bytes in %s", paceBytes, paceTime)) })
	defer func() { pace.stop(w.started) }()
	err := b.copyPaced(ctx, w, desc, part, pace)
	if cause := context.Cause(ctx); err != nil && cause != nil {
		return cause
	}
	return err
}

func (b *blobs) copyPaced(ctx context.Context, w *answer, desc ocispec.Descriptor, part span, pace *pace) error {
	rc, err := b.store.Fetch(ctx, desc)
	if err != nil {
		return err
	}
	defer rc.Close()
	file, ok := rc.(*os.File)
	if !ok {
		return b.verifying(w, rc, desc, part, pace)
	}
	return b.copyFile(ctx, w, file, desc, part, pace)
}

// copyFile copies from a file of a layout. Files are hashed once, as long as
// they stay the same file with the same size and time; then the kernel copies.
func (b *blobs) copyFile(ctx context.Context, w *answer, file *os.File, desc ocispec.Descriptor, part span, pace *pace) error {
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if !b.proven.file(desc.Digest, info) {
		if part.length == desc.Size {
			if err := b.verifying(w, file, desc, part, pace); err != nil {
				return err
			}
			b.proven.add(desc.Digest, info)
			return nil
		}
		if err := b.prove(ctx, file, desc, info, pace); err != nil {
			return err
		}
	}
	if info.Size() < part.end() {
		return fmt.Errorf("%w: it has %d bytes, not %d", errWrongContent, info.Size(), desc.Size)
	}
	if _, err := file.Seek(part.offset, io.SeekStart); err != nil {
		return err
	}
	return b.pass(w, file, part.length, pace)
}

// prove hashes a whole file, once however many ask.
func (b *blobs) prove(ctx context.Context, file *os.File, desc ocispec.Descriptor, info fs.FileInfo, pace *pace) error {
	unlock, err := b.proven.lock(ctx, desc.Digest)
	if err != nil {
		return err
	}
	defer unlock()
	if b.proven.file(desc.Digest, info) {
		return nil
	}
	if err := b.verifying(nil, file, desc, span{}, pace); err != nil {
		return err
	}
	b.proven.add(desc.Digest, info)
	return nil
}

// pass copies length bytes of proven content.
func (b *blobs) pass(w *answer, r io.Reader, length int64, pace *pace) error {
	buf := b.buffers.Get().(*[]byte)
	defer b.buffers.Put(buf)
	for length > 0 {
		n, err := w.copyN(r, min(length, paceBytes), *buf)
		pace.progress(n)
		length -= n
		if err != nil {
			return err
		}
	}
	return nil
}

// verifying reads the whole blob, hashes it and writes part of it to w.
func (b *blobs) verifying(w *answer, r io.Reader, desc ocispec.Descriptor, part span, pace *pace) error {
	buf := b.buffers.Get().(*[]byte)
	defer b.buffers.Put(buf)
	var held []byte
	hash := sha256.New()
	for pos := int64(0); pos < desc.Size; {
		n, err := io.ReadFull(r, (*buf)[:min(chunk, desc.Size-pos)])
		if err != nil {
			return fmt.Errorf("after %d of %d bytes: %w", pos+int64(n), desc.Size, shortIsWrong(err))
		}
		data := (*buf)[:n]
		hash.Write(data)
		from, to := clamp(part.offset-pos, n), clamp(part.end()-pos, n)
		pos += int64(n)
		pace.progress(int64(n))
		switch {
		case to == from:
		case pos < part.end():
			if _, err := w.Write(data[from:to]); err != nil {
				return err
			}
		case pos < desc.Size:
			// The part ends here, but the blob goes on in the same buffer.
			second := b.buffers.Get().(*[]byte)
			defer b.buffers.Put(second)
			held = (*second)[:copy(*second, data[from:to])]
		default:
			held = data[from:to]
		}
	}
	if err := atEnd(r); err != nil {
		return err
	}
	if sum := hex.EncodeToString(hash.Sum(nil)); sum != desc.Digest.Encoded() {
		return fmt.Errorf("%w: %s has SHA-256 %s", errWrongContent, desc.Digest, sum)
	}
	if len(held) == 0 {
		return nil
	}
	_, err := w.Write(held)
	return err
}

func clamp(n int64, limit int) int { return int(max(0, min(n, int64(limit)))) }

// shortIsWrong: a blob that ends early has the wrong content.
func shortIsWrong(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: it ends early", errWrongContent)
	}
	return err
}

func atEnd(r io.Reader) error {
	var more [1]byte
	n, err := io.ReadFull(r, more[:])
	switch {
	case n > 0:
		return fmt.Errorf("%w: it goes on", errWrongContent)
	case !errors.Is(err, io.EOF):
		return err
	}
	return nil
}
