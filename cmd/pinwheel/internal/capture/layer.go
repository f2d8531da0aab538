package capture

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// Tar reads a root directory from a tar file, plain or in gzip or zstd.
func Tar(ctx context.Context, r io.Reader) (*System, error) {
	s := newStack()
	if err := s.addLayer(ctx, r); err != nil {
		return nil, err
	}
	return s.system("", "")
}

// stack builds a tree out of layers (OCI image-spec 1.1.1, layer.md), the
// uppermost first, so that what is hidden below is never read.
type stack struct {
	*tree
	seen   map[string]bool // paths of the layers above, true where not a directory
	opaque map[string]bool // directories whose content below is hidden
	left   int64           // bytes that may still be unpacked
}

func newStack() *stack {
	return &stack{tree: newTree(), seen: map[string]bool{}, opaque: map[string]bool{}, left: maxUnpacked}
}

const whiteout = ".wh."

func (s *stack) addLayer(ctx context.Context, r io.Reader) error {
	unpacked, done, err := decompress(r)
	if err != nil {
		return err
	}
	defer done()
	archive := tar.NewReader(&meter{r: unpacked, ctx: ctx, left: &s.left})
	// What this layer hides is hidden in those below, not in itself.
	seen, opaque := map[string]bool{}, map[string]bool{}
	for {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("read layer: %w", err)
		}
		if err := s.charge(h.Name, h.Linkname); err != nil {
			return err
		}
		file := clean(h.Name)
		dir, base := path.Split(file)
		if base == whiteout+whiteout+".opq" {
			opaque[path.Clean(dir)] = true
			continue
		}
		if hidden, ok := strings.CutPrefix(base, whiteout); ok {
			seen[dir+hidden] = true
			continue
		}
		seen[file] = h.Typeflag != tar.TypeDir
		if s.hidden(file) {
			continue
		}
		if s.work > maxWork {
			return errWork
		}
		if err := s.addEntry(h, file, archive); err != nil {
			return fmt.Errorf("read %s: %w", file, err)
		}
	}
	for file, ends := range seen {
		s.seen[file] = s.seen[file] || ends
	}
	for dir := range opaque {
		s.opaque[dir] = true
	}
	return nil
}

// isSparse is true for a file that is larger than its part of the archive.
func isSparse(h *tar.Header) bool {
	for key := range h.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return true
		}
	}
	return false
}

func (s *stack) addEntry(h *tar.Header, file string, content io.Reader) error {
	delete(s.nodes, file) // of two entries in one layer the last counts
	switch h.Typeflag {
	case tar.TypeSymlink:
		s.addLink(file, h.Linkname)
	case tar.TypeLink:
		s.addHard(file, clean(h.Linkname))
	case tar.TypeReg:
		if isSparse(h) && wanted(file) {
			if s.left -= h.Size; s.left < 0 { // what it has not is read, too
				return errUnpacked
			}
		}
		return s.addFile(file, h.Size, content)
	}
	return nil
}

// hidden reports whether a layer above has or removes the path, or puts
// something else in the place of a directory that leads to it.
func (s *stack) hidden(file string) bool {
	if _, ok := s.seen[file]; ok {
		return true
	}
	for dir := file; ; {
		i := strings.LastIndexByte(dir, '/')
		if i < 0 {
			return s.seen["."] || s.opaque["."]
		}
		if dir = dir[:i]; s.seen[dir] || s.opaque[dir] || !s.spend(len(dir)+step) {
			return true
		}
	}
}

// meter ends reading when too much was unpacked or ctx is done.
type meter struct {
	r    io.Reader
	ctx  context.Context //nolint:containedctx // lives as long as one call
	left *int64
}

func (m *meter) Read(b []byte) (int, error) {
	if err := m.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := m.r.Read(b)
	if *m.left -= int64(n); *m.left < 0 {
		return n, errUnpacked
	}
	return n, err
}

// zstdWindow bounds the memory of decompression; zstd itself advises decoders
// to support 8 MiB.
const zstdWindow = 128 << 20

// decompress finds out by the first bytes how a layer is packed, as container
// tools do.
func decompress(r io.Reader) (io.Reader, func(), error) {
	b := bufio.NewReaderSize(r, 64<<10)
	magic, err := b.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, nil, err
	}
	switch {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(b)
		return z, func() {}, err
	case bytes.Equal(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		z, err := zstd.NewReader(b, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(zstdWindow))
		if err != nil {
			return nil, nil, err
		}
		return z, z.Close, nil
	}
	return b, func() {}, nil
}
