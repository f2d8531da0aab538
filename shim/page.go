package shim

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/pinwheel-oci/pinwheel/pkg/simple"
)

// renderable is a page before it has bytes.
type renderable interface {
	HTML() []byte
	JSON() []byte
}

// page is a page in all its representations and encodings, each made at most
// once, when it is first wanted.
type page struct {
	renderer *renderer
	content  func() renderable
	serial   []string

	variants [simple.Types][encodings]atomic.Pointer[variant]
	mu       sync.Mutex // held while one is made
}

// variant is one answer, ready to be written: header values are slices so that
// they can be put into a header as they are.
type variant struct {
	body                                  []byte
	contentType, encoding, etag, byteSize []string // encoding is nil for identity
}

// get returns a representation in an encoding.
func (p *page) get(t simple.Type, e encoding) *variant {
	if v := p.variants[t][e].Load(); v != nil {
		return v
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.make(t, e)
}

// make needs the lock.
func (p *page) make(t simple.Type, e encoding) *variant {
	if v := p.variants[t][e].Load(); v != nil {
		return v
	}
	v := p.twin(t, e)
	switch {
	case v != nil:
		v = newVariant(t, e, v.body)
	case e == identity && t == simple.JSON:
		v = newVariant(t, e, p.content().JSON())
	case e == identity:
		v = newVariant(t, e, p.content().HTML())
	default:
		plain := p.make(t, identity)
		v = plain
		if packed := p.renderer.compress(plain.body, e); len(packed) < len(plain.body) {
			v = newVariant(t, e, packed)
		}
	}
	p.variants[t][e].Store(v)
	return v
}

// twin finds the same bytes under the other HTML type.
func (p *page) twin(t simple.Type, e encoding) *variant {
	var v *variant
	switch t {
	case simple.HTML:
		v = p.variants[simple.TextHTML][e].Load()
	case simple.TextHTML:
		v = p.variants[simple.HTML][e].Load()
	}
	if v == nil || v.encoding == nil && e != identity {
		return nil
	}
	return v
}

// newVariant makes the headers. The entity tag is a hash of the representation
// and of what makes two of them different: RFC 9110 section 8.8.3.
func newVariant(t simple.Type, e encoding, body []byte) *variant {
	h := sha256.New()
	fmt.Fprintf(h, "%s\n%s\n", t.ContentType(), e)
	h.Write(body)
	v := &variant{
		body: body, contentType: []string{t.ContentType()}, byteSize: []string{strconv.Itoa(len(body))},
		etag: []string{`"` + hex.EncodeToString(h.Sum(nil)[:16]) + `"`},
	}
	if e != identity {
		v.encoding = []string{e.String()}
	}
	return v
}

// renderer compresses pages, one at a time: its tools are large.
type renderer struct {
	mu   sync.Mutex
	gzip *gzip.Writer
	zstd *zstd.Encoder
}

// pageWindow bounds what a client needs for unpacking zstd, and what we need for
// packing it.
const pageWindow = 1 << 20

func newRenderer() (*renderer, error) {
	g, err := gzip.NewWriterLevel(nil, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	z, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true),
		zstd.WithWindowSize(pageWindow), zstd.WithEncoderLevel(zstd.SpeedBetterCompression))
	return &renderer{gzip: g, zstd: z}, err
}

func (r *renderer) page(serial uint64, content func() renderable) *page {
	return &page{renderer: r, content: content, serial: []string{strconv.FormatUint(serial, 10)}}
}

// compress gives the same bytes for the same page: there is no time in them.
func (r *renderer) compress(body []byte, e encoding) []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e == zstandard {
		return r.zstd.EncodeAll(body, make([]byte, 0, len(body)/4+64))
	}
	var out bytes.Buffer
	r.gzip.Reset(&out)
	// A buffer takes everything.
	_, _ = r.gzip.Write(body)
	_ = r.gzip.Close()
	return bytes.Clone(out.Bytes())
}
