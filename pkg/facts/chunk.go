package facts

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"io"
	"maps"
	"slices"

	"github.com/opencontainers/go-digest"

	"github.com/pinwheel-oci/pinwheel/pkg/artifact"
	"github.com/pinwheel-oci/pinwheel/pkg/strictjson"
)

// Object is content of an artifact, as it is stored.
type Object struct {
	MediaType string
	Digest    digest.Digest
	Size      int64
	Data      []byte
}

func newObject(mediaType string, data []byte) Object {
	return Object{MediaType: mediaType, Digest: digest.FromBytes(data), Size: int64(len(data)), Data: data}
}

// Blob names the content.
func (o Object) Blob() artifact.Blob { return artifact.Blob{Digest: o.Digest, Size: o.Size} }

// FormatVersion is the version of the format that this package reads and writes.
const FormatVersion = 1

// chunk is one layer: what one or more publications added.
type chunk struct {
	// Exports are the layers with the exports of wheels, by the wheel's SHA-256.
	Exports map[string]artifact.Blob `json:"exports,omitempty"`
	Format  int                      `json:"format"`
	// Names are SHA-256 by file name.
	Names map[string]string `json:"names,omitempty"`
	// Wheels are in order of SHA256.
	Wheels []*Wheel `json:"wheels,omitempty"`
}

// weight decides about merging. It depends on content alone.
func (c *chunk) weight() int { return len(c.Names) + len(c.Wheels) }

func (c *chunk) encode() (Object, int, error) {
	data, err := strictjson.Marshal(c)
	if err != nil {
		return Object{}, 0, artifact.Violates("json", "%v", err)
	}
	packed, err := pack(data)
	return newObject(artifact.MediaTypeFacts, packed), len(data), err
}

// decodeChunk reads a layer of at most limit bytes unpacked, and returns how
// many it was.
func decodeChunk(packed []byte, limit int) (*chunk, int, error) {
	data, err := unpack(packed, limit)
	if err != nil {
		return nil, 0, err
	}
	var c chunk
	if err := artifact.DecodeCanonical(data, limit, &c); err != nil {
		return nil, 0, err
	}
	return &c, len(data), c.check()
}

func (c *chunk) check() error {
	if c.Format != FormatVersion {
		return artifact.Violates("format", "%d, this version of Pinwheel reads %d", c.Format, FormatVersion)
	}
	for name, sha256 := range c.Names {
		if err := checkName(name, sha256); err != nil {
			return err
		}
	}
	exporting := 0
	for i, w := range c.Wheels {
		if w == nil {
			return artifact.Violates("json", "wheel %d is null", i)
		}
		if i > 0 && w.SHA256 <= c.Wheels[i-1].SHA256 {
			return artifact.Violates("order", "wheels: %s after %s", w.SHA256, c.Wheels[i-1].SHA256)
		}
		if err := w.check(); err != nil {
			return err
		}
		if b, ok := c.Exports[w.SHA256]; ok {
			exporting++
			if err := b.Check(); err != nil {
				return artifact.Within("exports of "+w.SHA256, err)
			}
		}
	}
	if exporting != len(c.Exports) {
		return artifact.Violates("exports", "exports of a wheel that is not in the chunk")
	}
	return nil
}

func checkName(name, sha256 string) error {
	if name == "" || len(name) > artifact.MaxFilename {
		return artifact.Violates("filename", "%.300q", name)
	}
	if !artifact.IsSHA256(sha256) {
		return artifact.Violates("sha256", "of %q: %q", name, sha256)
	}
	return nil
}

// merge returns what two chunks say together, b being the newer one. Wheels
// that keep does not want are left out; names never are.
func merge(a, b *chunk, keep func(sha256 string) bool) *chunk {
	m := &chunk{Format: FormatVersion, Names: map[string]string{}, Exports: map[string]artifact.Blob{}}
	wheels := map[string]*Wheel{}
	for _, c := range []*chunk{a, b} {
		maps.Copy(m.Names, c.Names)
		for _, w := range c.Wheels {
			if !keep(w.SHA256) {
				continue
			}
			wheels[w.SHA256] = w
			delete(m.Exports, w.SHA256)
			if blob, ok := c.Exports[w.SHA256]; ok {
				m.Exports[w.SHA256] = blob
			}
		}
	}
	m.Wheels = slices.SortedFunc(maps.Values(wheels), func(x, y *Wheel) int { return cmp.Compare(x.SHA256, y.SHA256) })
	return m
}

// table is the layer of exports. It does not say whose they are: rebuilds of one
// version, and builds for several Pythons, export the same and share it.
type table struct {
	Format  int      `json:"format"`
	Symbols []string `json:"symbols"`
}

func encodeExports(e *Exports) (Object, error) {
	data, err := strictjson.Marshal(table{Format: FormatVersion, Symbols: e.Symbols})
	if err != nil {
		return Object{}, artifact.Violates("json", "%v", err)
	}
	packed, err := pack(data)
	return newObject(artifact.MediaTypeExports, packed), err
}

// decodeExports reads the layer of the wheel with that SHA-256.
func decodeExports(packed []byte, sha256 string) (*Exports, error) {
	data, err := unpack(packed, MaxExports)
	if err != nil {
		return nil, err
	}
	var t table
	if err := artifact.DecodeCanonical(data, MaxExports, &t); err != nil {
		return nil, err
	}
	if t.Format != FormatVersion {
		return nil, artifact.Violates("format", "%d, this version of Pinwheel reads %d", t.Format, FormatVersion)
	}
	e := &Exports{SHA256: sha256, Symbols: t.Symbols}
	return e, e.check()
}

// pack makes one gzip member without a name or time, so that the same content
// is the same bytes.
func pack(data []byte) ([]byte, error) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(data); err != nil {
		return nil, err
	}
	err := z.Close()
	return b.Bytes(), err
}

// unpack takes exactly one gzip member of at most limit bytes.
func unpack(packed []byte, limit int) ([]byte, error) {
	in := bytes.NewReader(packed)
	z, err := gzip.NewReader(in)
	if err != nil {
		return nil, artifact.Violates("gzip", "%v", err)
	}
	z.Multistream(false)
	data, err := io.ReadAll(io.LimitReader(z, int64(limit)+1))
	switch {
	case err != nil:
		return nil, artifact.Violates("gzip", "%v", err)
	case len(data) > limit:
		return nil, artifact.Violates("too-large", "over %d bytes unpacked", limit)
	case in.Len() > 0:
		return nil, artifact.Violates("gzip", "%d bytes after the end", in.Len())
	}
	return data, nil
}
