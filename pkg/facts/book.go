package facts

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"
	"oras.land/oras-go/v2/content"

	"github.com/pinwheel-oci/pinwheel/pkg/artifact"
)

// Book holds the facts of an index: those of all wheels, and the ledger of file
// names. It is one artifact, whose layers are chunks, so that adding one wheel
// adds one small layer and leaves the others as they are.
//
// Reading is safe from several goroutines, as long as nobody calls Add.
type Book struct {
	fetch  content.Fetcher
	loaded Object // the manifest, without Data; zero for a new book
	chunks []stored

	names   map[string]string
	wheels  map[string]*Wheel
	exports map[string]artifact.Blob

	added        *chunk // Wheels is unused
	addedWheels  map[string]*Wheel
	addedExports map[string]*Exports

	mu    sync.Mutex
	cache []symbols // most recently used last
}

// stored is a chunk and the layer that it is.
type stored struct {
	*chunk
	layer    artifact.Layer
	unpacked int
	data     []byte // if it is new
}

// symbols are the exports of one layer.
type symbols struct {
	layer digest.Digest
	list  []string
}

// cachedExports is how many layers of exports are kept: torch for all
// architectures and versions of an index, at 10 MB each.
const cachedExports = 24

// New returns an empty book.
func New() *Book {
	return &Book{
		names: map[string]string{}, wheels: map[string]*Wheel{}, exports: map[string]artifact.Blob{},
		added:       &chunk{Format: FormatVersion, Names: map[string]string{}, Exports: map[string]artifact.Blob{}},
		addedWheels: map[string]*Wheel{}, addedExports: map[string]*Exports{},
	}
}

// loadAtOnce is how many chunks are fetched at a time.
const loadAtOnce = 4

// Load reads the book that a revision's catalog names. Everything is bounded
// and checked: digests, sizes, and the rules of docs/format.md, "Facts", whose
// violation is an [artifact.Violation]. Exports are fetched when they are asked
// for, with fetch.
func Load(ctx context.Context, fetch content.Fetcher, manifest artifact.Blob) (*Book, error) {
	b, err := load(ctx, fetch, manifest)
	if err != nil {
		return nil, fmt.Errorf("load facts %s: %w", manifest.Digest, err)
	}
	return b, nil
}

func load(ctx context.Context, fetch content.Fetcher, manifest artifact.Blob) (*Book, error) {
	b := New()
	b.fetch = fetch
	b.loaded = Object{MediaType: artifact.MediaTypeManifest, Digest: manifest.Digest, Size: manifest.Size}
	data, err := fetchAll(ctx, fetch, artifact.MediaTypeManifest, manifest, artifact.MaxPackManifest)
	if err != nil {
		return nil, err
	}
	m, err := artifact.Decode(data, artifact.TypeFacts)
	if err != nil {
		return nil, err
	}
	split := slices.IndexFunc(m.Layers, func(l artifact.Layer) bool { return l.MediaType != artifact.MediaTypeFacts })
	if split < 0 {
		split = len(m.Layers)
	}
	if split == 0 || split > MaxChunks {
		return nil, artifact.Violates("layer-count", "%d chunks, want 1 to %d", split, MaxChunks)
	}
	if err := b.loadChunks(ctx, m.Layers[:split]); err != nil {
		return nil, err
	}
	return b, b.checkExportLayers(m.Layers[split:])
}

func (b *Book) loadChunks(ctx context.Context, layers []artifact.Layer) error {
	b.chunks = make([]stored, len(layers))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(loadAtOnce)
	for i, l := range layers {
		g.Go(func() error {
			data, err := fetchAll(ctx, b.fetch, l.MediaType, l.Blob, MaxBook)
			if err != nil {
				return err
			}
			c, unpacked, err := decodeChunk(data, MaxBook)
			if err != nil {
				return artifact.Within("chunk "+string(l.Digest), err)
			}
			b.chunks[i] = stored{chunk: c, layer: l, unpacked: unpacked}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	total := 0
	for _, c := range b.chunks {
		if total += c.unpacked; total > MaxBook {
			return artifact.Violates("too-large", "over %d bytes unpacked", MaxBook)
		}
		if err := b.take(c.chunk); err != nil {
			return err
		}
	}
	return nil
}

// take makes a chunk's content known; what it says of a wheel replaces what
// older chunks say.
func (b *Book) take(c *chunk) error {
	for name, sha256 := range c.Names {
		if have, ok := b.names[name]; ok && have != sha256 {
			return artifact.Violates("names", "%v", &NameError{Name: name, Have: have, Want: sha256})
		}
		b.names[name] = sha256
	}
	for _, w := range c.Wheels {
		b.wheels[w.SHA256] = w
		delete(b.exports, w.SHA256)
		if blob, ok := c.Exports[w.SHA256]; ok {
			b.exports[w.SHA256] = blob
		}
	}
	return nil
}

// checkExportLayers wants the layers behind the chunks to be exactly those that
// chunks name, in order of digest.
func (b *Book) checkExportLayers(layers []artifact.Layer) error {
	want := exportLayers(b.chunks)
	if !slices.Equal(want, layers) {
		return artifact.Violates("exports", "the layers of exports are not those that the chunks name")
	}
	return nil
}

func exportLayers(chunks []stored) []artifact.Layer {
	blobs := map[digest.Digest]artifact.Blob{}
	for _, c := range chunks {
		for _, blob := range c.Exports {
			blobs[blob.Digest] = blob
		}
	}
	var layers []artifact.Layer
	for _, d := range slices.Sorted(maps.Keys(blobs)) {
		layers = append(layers, artifact.Layer{MediaType: artifact.MediaTypeExports, Blob: blobs[d]})
	}
	return layers
}

// Wheel returns the facts of the wheel with these bytes, nil if they are not
// known. They are shared: do not change them.
func (b *Book) Wheel(sha256 string) *Wheel {
	if w, ok := b.addedWheels[sha256]; ok {
		return w
	}
	return b.wheels[sha256]
}

// Names returns the ledger: the SHA-256 of every file name that was ever used
// in the index, those added since included.
func (b *Book) Names() map[string]string {
	names := maps.Clone(b.names)
	maps.Copy(names, b.added.Names)
	return names
}

// Exports returns the symbols that a wheel exports, nil if it provides none.
// They are fetched when first asked for.
func (b *Book) Exports(ctx context.Context, sha256 string) (*Exports, error) {
	if _, ok := b.addedWheels[sha256]; ok {
		return b.addedExports[sha256], nil
	}
	blob, ok := b.exports[sha256]
	if !ok {
		return nil, nil
	}
	if list := b.cached(blob.Digest); list != nil {
		return &Exports{SHA256: sha256, Symbols: list}, nil
	}
	data, err := fetchAll(ctx, b.fetch, artifact.MediaTypeExports, blob, MaxExports)
	if err != nil {
		return nil, fmt.Errorf("exports of %s: %w", sha256, err)
	}
	e, err := decodeExports(data, sha256)
	if err != nil {
		return nil, fmt.Errorf("exports of %s: %w", sha256, err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.cache = append(b.cache, symbols{blob.Digest, e.Symbols}); len(b.cache) > cachedExports {
		b.cache = slices.Delete(b.cache, 0, 1)
	}
	return e, nil
}

func (b *Book) cached(layer digest.Digest) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	i := slices.IndexFunc(b.cache, func(s symbols) bool { return s.layer == layer })
	if i < 0 {
		return nil
	}
	s := b.cache[i]
	b.cache = append(slices.Delete(b.cache, i, i+1), s)
	return s.list
}

// errDigest is for content that is not what its descriptor says.
var errDigest = errors.New("the content has another digest or size")

// fetchAll fetches content of at most limit bytes and checks its digest.
func fetchAll(ctx context.Context, from content.Fetcher, mediaType string, blob artifact.Blob, limit int64) ([]byte, error) {
	if blob.Size > limit {
		return nil, artifact.Violates("too-large", "%s is %d bytes, the limit is %d", blob.Digest, blob.Size, limit)
	}
	rc, err := from.Fetch(ctx, ocispec.Descriptor{MediaType: mediaType, Digest: blob.Digest, Size: blob.Size})
	if err != nil {
		return nil, fmt.Errorf("fetch %s: %w", blob.Digest, err)
	}
	defer rc.Close()
	var data bytes.Buffer // grows with what comes, not with what is announced
	if _, err := io.Copy(&data, io.LimitReader(rc, blob.Size+1)); err != nil {
		return nil, fmt.Errorf("fetch %s: %w", blob.Digest, err)
	}
	if int64(data.Len()) != blob.Size || digest.FromBytes(data.Bytes()) != blob.Digest {
		return nil, fmt.Errorf("fetch %s: %w", blob.Digest, errDigest)
	}
	return data.Bytes(), nil
}
