package verify_test

import (
	"bytes"
	"context"
	"io"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/pinwheel-oci/pinwheel/pkg/artifact"
	"github.com/pinwheel-oci/pinwheel/pkg/dsse"
	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/pkg/sign"
)

// What no honest writer makes is made by hand here, from the same pieces.

// put stores bytes under their digest.
func (w *world) put(to pusher, mediaType string, data []byte) artifact.Blob {
	w.t.Helper()
	desc := ocispec.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(data), Size: int64(len(data))}
	w.must(to.Push(w.t.Context(), desc, bytes.NewReader(data)))
	return artifact.Blob{Digest: desc.Digest, Size: desc.Size}
}

type pusher interface {
	Push(context.Context, ocispec.Descriptor, io.Reader) error
	Tag(context.Context, ocispec.Descriptor, string) error
}

func (w *world) tag(to pusher, mediaType string, b artifact.Blob, tag string) {
	w.t.Helper()
	w.must(to.Tag(w.t.Context(), ocispec.Descriptor{MediaType: mediaType, Digest: b.Digest, Size: b.Size}, tag))
}

// artifactOf stores an artifact manifest over layers.
func (w *world) artifactOf(to pusher, artifactType string, layers ...artifact.Layer) artifact.Blob {
	w.t.Helper()
	data, err := artifact.Manifest{ArtifactType: artifactType, Layers: layers}.Encode()
	w.must(err)
	return w.put(to, artifact.MediaTypeManifest, data)
}

func manifestOf(b artifact.Blob) ocispec.Descriptor {
	return ocispec.Descriptor{MediaType: artifact.MediaTypeManifest, Digest: b.Digest, Size: b.Size}
}

func (w *world) layer(to pusher, mediaType string, data []byte) artifact.Layer {
	w.t.Helper()
	return artifact.Layer{MediaType: mediaType, Blob: w.put(to, mediaType, data)}
}

func (w *world) bundle(signer sign.Signer, s dsse.Statement) []byte {
	w.t.Helper()
	data, err := sign.Bundle(signer, s)
	w.must(err)
	return data
}

// handHead is a head to be written with any content.
type handHead struct {
	Promotion      index.Promotion
	Freshness      index.Freshness // its Promotion is filled in unless it is set
	promote, fresh []sign.Signer
}

// head is the head that is there, to be changed.
func (w *world) head() handHead {
	w.t.Helper()
	h, err := w.shim("freshness: none").Head(w.t.Context(), nil)
	w.must(err)
	f := h.Freshness
	f.Promotion = ""
	return handHead{h.Promotion, f, w.promote, []sign.Signer{w.refresh}}
}

func (w *world) writeHead(to pusher, h handHead) {
	w.t.Helper()
	statement, err := h.Promotion.Statement()
	w.must(err)
	payload, err := statement.Encode()
	w.must(err)
	if h.Freshness.Promotion == "" {
		h.Freshness.Promotion = digest.FromBytes(payload).Encoded()
	}
	freshness, err := h.Freshness.Statement()
	w.must(err)
	var bundles [][]byte
	for _, k := range h.promote {
		bundles = append(bundles, w.bundle(k, statement))
	}
	for _, k := range h.fresh {
		bundles = append(bundles, w.bundle(k, freshness))
	}
	w.writeBundles(to, bundles...)
}

// writeBundles makes a head of any bundles.
func (w *world) writeBundles(to pusher, bundles ...[]byte) {
	w.t.Helper()
	var layers []artifact.Layer
	for _, b := range bundles {
		layers = append(layers, w.layer(to, artifact.MediaTypeBundle, b))
	}
	w.tag(to, artifact.MediaTypeManifest, w.artifactOf(to, artifact.TypeHead, layers...), name.HeadTag())
}

// catalog is that of a revision, to be changed.
func (w *world) catalog(tag string) *index.Catalog {
	w.t.Helper()
	l, err := w.shim().Load(w.t.Context(), tag)
	w.must(err)
	return l.Catalog
}

// handRevision is a revision to be written with any content.
type handRevision struct {
	catalog *index.Catalog
	decoded []byte // instead of the catalog's encoding
	gzip    []byte // instead of a plain catalog layer
	// bundles makes the embedded signatures; nil signs with the release keys.
	bundles func(entry artifact.Blob, c index.Claims) [][]byte
	index   func([]byte) []byte // changes the index's bytes
}

// writeRevision stores a revision and returns its entries and digest.
func (w *world) writeRevision(to pusher, h handRevision) (revision, catalogEntry, signatureEntry artifact.Blob) {
	w.t.Helper()
	decoded := h.decoded
	if decoded == nil {
		var err error
		decoded, err = h.catalog.Encode()
		w.must(err)
	}
	w.put(to, ocispec.MediaTypeEmptyJSON, []byte(artifact.EmptyConfig))
	layer := w.layer(to, artifact.MediaTypeCatalog, decoded)
	if h.gzip != nil {
		layer = w.layer(to, artifact.MediaTypeCatalogGzip, h.gzip)
	}
	catalogEntry = w.artifactOf(to, artifact.TypeCatalog, layer)
	if h.bundles == nil {
		h.bundles = func(entry artifact.Blob, c index.Claims) [][]byte { return w.origins(entry, c, w.release...) }
	}
	var layers []artifact.Layer
	for _, b := range h.bundles(catalogEntry, claims(h.catalog, decoded)) {
		layers = append(layers, w.layer(to, artifact.MediaTypeBundle, b))
	}
	signatureEntry = w.artifactOf(to, artifact.TypeSignature, layers...)
	data, err := index.Build(catalogEntry, signatureEntry, h.catalog)
	w.must(err)
	if h.index != nil {
		data = h.index(data)
	}
	return w.put(to, artifact.MediaTypeIndex, data), catalogEntry, signatureEntry
}

func claims(c *index.Catalog, decoded []byte) index.Claims {
	return index.Claims{Catalog: digest.FromBytes(decoded).Encoded(), Epoch: c.Epoch, Issued: c.Issued, Name: c.Name().String(), Serial: c.Serial}
}

// origins are embedded signatures.
func (w *world) origins(entry artifact.Blob, c index.Claims, signers ...sign.Signer) [][]byte {
	w.t.Helper()
	statement, err := c.Statement(entry.Digest)
	w.must(err)
	var list [][]byte
	for _, k := range signers {
		list = append(list, w.bundle(k, statement))
	}
	return list
}

// goLive writes a revision and lets a head in the given store name it, as if
// everyone who holds keys but the release key were honest.
func (w *world) goLive(to pusher, h handRevision) digest.Digest {
	w.t.Helper()
	revision, _, _ := w.writeRevision(to, h)
	w.tag(to, artifact.MediaTypeIndex, revision, name.LiveTag())
	head := w.head()
	if head.Promotion.Revision != revision.Digest {
		head.Promotion.Revision, head.Promotion.Serial = revision.Digest, h.catalog.Serial
		head.Promotion.Sequence++
		head.Promotion.Recent = nil
		head.Promotion.Issued, head.Freshness.Issued, head.Freshness.Counter = w.now, w.now, 1
		head.Freshness.Expires = w.now.Add(week)
	}
	w.writeHead(to, head)
	return revision.Digest
}

// released is the release's entry for the revision with this serial.
func (w *world) released(serial, headSequence uint64) map[string]index.Released {
	w.t.Helper()
	return map[string]index.Released{name.Variant: {HeadSequence: headSequence, Revision: w.at(name.RevisionTag(serial)).Digest, Serial: serial}}
}

func (w *world) writeRelease(sequence uint64, variants map[string]index.Released, edit ...func(*index.Release)) {
	w.t.Helper()
	r := index.Release{Epoch: 1, Format: 1, Issued: w.now, Product: name.Product, Sequence: sequence, Series: name.Series, Variants: variants}
	for _, e := range edit {
		e(&r)
	}
	w.signRelease(&r, &r, w.promote...)
}

// signRelease stores r with signatures on signed, which should be the same.
func (w *world) signRelease(r, signed *index.Release, signers ...sign.Signer) {
	w.t.Helper()
	data, err := r.Encode()
	w.must(err)
	statement, err := signed.Statement()
	w.must(err)
	layers := []artifact.Layer{w.layer(w.store, artifact.MediaTypeRelease, data)}
	for _, k := range signers {
		layers = append(layers, w.layer(w.store, artifact.MediaTypeBundle, w.bundle(k, statement)))
	}
	w.tag(w.store, artifact.MediaTypeManifest, w.artifactOf(w.store, artifact.TypeRelease, layers...), index.ReleaseTag(name.Series))
}

// writeSubset makes a mirror in to that keeps only the selection of the
// revision under the live tag.
func (w *world) writeSubset(to pusher, s index.Subset) {
	w.t.Helper()
	l, err := w.shim().Load(w.t.Context(), name.LiveTag())
	w.must(err)
	if s.Revision == "" {
		s.Revision = l.Digest
	}
	s.Format, s.Name = index.FormatVersion, name.String()
	part, err := s.Build(l.CatalogEntry, l.SignatureEntry, l.Catalog)
	w.must(err)
	w.tag(to, artifact.MediaTypeIndex, w.put(to, artifact.MediaTypeIndex, part), name.LiveTag())
	w.declareSubset(to, s)
}

func (w *world) declareSubset(to pusher, s index.Subset) {
	w.t.Helper()
	data, err := s.Encode()
	w.must(err)
	manifest := w.artifactOf(to, artifact.TypeSubset, w.layer(to, artifact.MediaTypeSubset, data))
	w.tag(to, artifact.MediaTypeManifest, manifest, name.SubsetTag())
}
