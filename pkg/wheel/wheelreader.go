package wheel

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"
)

// Below this many bytes unpacked, a second worker costs more than it saves.
const parallelFrom = 4 << 20

// wheelReader reads the members of a wheel whose structure is sound.
type wheelReader struct {
	*inspection
	z       *zipArchive
	members []zipMember
	d       distInfo
	entries records

	mu    sync.Mutex // guards the report, found and kept, and calls of the visitor
	found contents
	kept  map[string][]byte // members that are read later, by name
	next  int
}

// readAll reads RECORD first and then all others, the largest first so that
// workers end at about the same time. The file as a whole is hashed beside.
func (w *wheelReader) readAll(ctx context.Context) error {
	w.kept = make(map[string][]byte)
	largest := int64(0)
	for i := range w.members {
		largest = max(largest, w.members[i].uncompressed)
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) {
		w.info.SHA256, err = hashFile(ctx, w.r, w.info.Size)
		return err
	})
	first := newUnpacker(ctx, w.z, largest)
	if err := w.readRecord(first); err != nil {
		return firstError(g.Wait(), err)
	}
	order := make([]*zipMember, 0, len(w.members))
	for i := range w.members {
		if m := &w.members[i]; m.name != w.d.record.name {
			order = append(order, m)
		}
	}
	slices.SortStableFunc(order, func(a, b *zipMember) int { return cmp.Compare(b.uncompressed, a.uncompressed) })
	g.Go(func() error { return w.work(first, order) })
	if w.info.Unpacked >= parallelFrom {
		g.Go(func() error { return w.work(newUnpacker(ctx, w.z, largest), order) })
	}
	err := g.Wait()
	w.sort()
	return err
}

// firstError prefers what the disk says over what follows from it.
func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil && len(Refusals(err)) == 0 {
			return err
		}
	}
	return cmp.Or(errs...)
}

func (w *wheelReader) readRecord(u *unpacker) error {
	m := w.d.record
	if m.uncompressed > w.limits.Record {
		return limitError("RECORD of %d bytes, more than %d", m.uncompressed, w.limits.Record)
	}
	kept := &keeper{}
	kept.Grow(int(m.uncompressed) + 1)
	if err := u.member(m, nil, func(head []byte) (io.WriteCloser, error) { return w.visit(m, head, kept) }); err != nil {
		return err
	}
	w.entries = w.checkRecord(kept.Bytes(), w.members, w.d)
	return nil
}

// work takes members until none is left. What is wrong with one does not keep
// it from the others.
func (w *wheelReader) work(u *unpacker, order []*zipMember) error {
	for {
		w.mu.Lock()
		i := w.next
		w.next++
		w.mu.Unlock()
		if i >= len(order) {
			return nil
		}
		err := w.readMember(u, order[i])
		w.mu.Lock()
		err = w.take(err)
		w.mu.Unlock()
		if err != nil {
			return err
		}
	}
}

func (w *wheelReader) readMember(u *unpacker, m *zipMember) error {
	limit := w.keepLimit(m)
	if limit > 0 && m.uncompressed > limit {
		return &Error{Member: m.name, Rule: RuleLimit, Reason: fmt.Sprintf("%d bytes, more than %d", m.uncompressed, limit)}
	}
	var kept *keeper
	if limit > 0 {
		kept = &keeper{}
	}
	e := w.entries[m.name]
	h := u.hashFor(e.Hash)
	err := u.member(m, h, func(head []byte) (io.WriteCloser, error) {
		return w.visit(m, head, kept)
	})
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if kept != nil {
		w.kept[m.name] = kept.Bytes()
	}
	if h != nil && len(e.Digest) == h.Size() && !m.isDirectory() {
		if digest := h.Sum(nil); !bytes.Equal(digest, e.Digest) {
			w.refuse(RuleRecordHash, m.name, "has %s %s, RECORD says %s", e.Hash, encodeDigest(digest), encodeDigest(e.Digest))
		}
	}
	return nil
}

// keepLimit bounds the members that are read whole; 0 for the others.
func (w *wheelReader) keepLimit(m *zipMember) int64 {
	switch m {
	case w.d.metadata:
		return w.limits.Metadata
	case w.d.wheel:
		return w.limits.WheelFile
	case w.d.entryPoints:
		return w.limits.EntryPoints
	}
	return 0
}

// visit looks at the head of a member and shows it to the visitor. The content
// goes to kept, if not nil, and to the writer that the visitor gives.
func (w *wheelReader) visit(m *zipMember, head []byte, kept *keeper) (io.WriteCloser, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out io.WriteCloser
	if !m.isDirectory() {
		w.found.look(&w.report, m.name, head)
		if w.visitor != nil {
			var err error
			if out, err = w.visitor.Visit(m.name, m.uncompressed, head); err != nil {
				return nil, fmt.Errorf("visit %s: %w", printable(m.name), err)
			}
		}
	}
	switch {
	case out == nil && kept == nil:
		return nil, nil
	case out == nil:
		return kept, nil
	case kept == nil:
		return out, nil
	}
	return both{kept, out}, nil
}

// both writes to a keeper and to a visitor's writer.
type both struct {
	kept *keeper
	io.WriteCloser
}

func (b both) Write(p []byte) (int, error) {
	b.kept.Write(p)
	return b.WriteCloser.Write(p)
}
