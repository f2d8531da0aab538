// Package artifact encodes and decodes the OCI image manifests of Pinwheel's
// format: one shape for all (empty config, an artifact type, layers), and per
// artifact type the rules for its layers. Bytes are RFC 8785 JSON, so the same
// content has the same digest everywhere; decoding refuses whatever does not
// encode back to the same bytes. The specification is docs/format.md.
package artifact

import (
	"fmt"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/pinwheel-oci/pinwheel/pkg/strictjson"
)

// The empty JSON object that stands as config of every artifact (OCI image
// manifest, "Guidance for an Empty Descriptor").
const (
	EmptyConfig       = "{}"
	EmptyConfigDigest = digest.Digest("sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a")
	EmptyConfigSize   = 2
)

const titleAnnotation = "org.opencontainers.image.title"

// Blob names content: its digest (sha256 only) and size in bytes.
type Blob struct {
	Digest digest.Digest `json:"digest"`
	Size   int64         `json:"size"`
}

// Check verifies that the digest is a well-formed sha256 digest and that the
// size is in 1..2^53-1.
func (b Blob) Check() error {
	if err := CheckDigest(b.Digest); err != nil {
		return err
	}
	if b.Size < 1 || b.Size > MaxInteger {
		return Violates("size", "%d", b.Size)
	}
	return nil
}

// CheckDigest accepts "sha256:" and 64 lower-case hexadecimal digits.
func CheckDigest(d digest.Digest) error {
	hex, ok := strings.CutPrefix(string(d), "sha256:")
	if !ok || !IsSHA256(hex) {
		return Violates("digest", "%q is not sha256:<64 lower-case hex digits>", d)
	}
	return nil
}

// IsSHA256 reports whether s is 64 lower-case hexadecimal digits.
func IsSHA256(s string) bool {
	if len(s) != 64 {
		return false
	}
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// Layer is one layer of a [Manifest]. Title is empty but in wheel and sdist
// artifacts, where it is the name of the file.
type Layer struct {
	MediaType string
	Blob
	Title string
}

// Manifest is the content of one artifact manifest.
type Manifest struct {
	ArtifactType string
	Layers       []Layer
}

type wireDescriptor struct {
	Annotations map[string]string `json:"annotations,omitempty"`
	Digest      digest.Digest     `json:"digest"`
	MediaType   string            `json:"mediaType"`
	Size        int64             `json:"size"`
}

type wireManifest struct {
	ArtifactType  string           `json:"artifactType"`
	Config        wireDescriptor   `json:"config"`
	Layers        []wireDescriptor `json:"layers"`
	MediaType     string           `json:"mediaType"`
	SchemaVersion int              `json:"schemaVersion"`
}

var emptyConfig = wireDescriptor{Digest: EmptyConfigDigest, MediaType: MediaTypeEmpty, Size: EmptyConfigSize}

// Encode returns the manifest's bytes, or the rule that it breaks.
func (m Manifest) Encode() ([]byte, error) {
	if err := m.check(); err != nil {
		return nil, err
	}
	w := wireManifest{ArtifactType: m.ArtifactType, Config: emptyConfig, MediaType: MediaTypeManifest, SchemaVersion: 2}
	for _, l := range m.Layers {
		d := wireDescriptor{Digest: l.Digest, MediaType: l.MediaType, Size: l.Size}
		if l.Title != "" {
			d.Annotations = map[string]string{titleAnnotation: l.Title}
		}
		w.Layers = append(w.Layers, d)
	}
	data, err := strictjson.Marshal(w)
	if err != nil {
		return nil, Violates("json", "%v", err)
	}
	if limit := m.limit(); len(data) > limit {
		return nil, Violates("too-large", "%d bytes, the limit is %d", len(data), limit)
	}
	return data, nil
}

// limit is higher for packs. A single wheel is far below either.
func (m Manifest) limit() int {
	if m.ArtifactType == TypeWheel {
		return MaxPackManifest
	}
	return MaxManifest
}

// Decode reads a manifest of the given artifact type. Errors are a [Violation].
func Decode(data []byte, artifactType string) (Manifest, error) {
	var w wireManifest
	if err := DecodeCanonical(data, Manifest{ArtifactType: artifactType}.limit(), &w); err != nil {
		return Manifest{}, err
	}
	switch {
	case w.SchemaVersion != 2:
		return Manifest{}, Violates("schema-version", "%d", w.SchemaVersion)
	case w.MediaType != MediaTypeManifest:
		return Manifest{}, Violates("media-type", "%q", w.MediaType)
	case w.ArtifactType != artifactType:
		return Manifest{}, Violates("artifact-type", "%q, want %q", w.ArtifactType, artifactType)
	case w.Config.MediaType != MediaTypeEmpty || w.Config.Digest != EmptyConfigDigest || w.Config.Size != EmptyConfigSize || w.Config.Annotations != nil:
		return Manifest{}, Violates("config", "not the empty descriptor")
	}
	m := Manifest{ArtifactType: w.ArtifactType}
	for i, d := range w.Layers {
		l := Layer{MediaType: d.MediaType, Blob: Blob{Digest: d.Digest, Size: d.Size}, Title: d.Annotations[titleAnnotation]}
		if len(d.Annotations) > 1 || len(d.Annotations) == 1 && l.Title == "" {
			return Manifest{}, Violates("annotations", "layer %d: only a title is allowed", i)
		}
		m.Layers = append(m.Layers, l)
	}
	if err := m.check(); err != nil {
		return Manifest{}, err
	}
	return m, nil
}

func (m Manifest) check() error {
	for i, l := range m.Layers {
		if err := l.Check(); err != nil {
			return Within(fmt.Sprintf("layer %d", i), err)
		}
	}
	switch m.ArtifactType {
	case TypeWheel, TypeSdist:
		_, err := m.files()
		return err
	case TypeCatalog:
		return m.checkLayers(1, 1, func(_ int, mediaType string) bool {
			return mediaType == MediaTypeCatalog || mediaType == MediaTypeCatalogGzip
		})
	case TypeSignature:
		return m.checkLayers(1, MaxSignatures, isBundle)
	case TypeHead:
		return m.checkLayers(2, MaxSignatures+1, isBundle)
	case TypeRelease:
		return m.checkLayers(2, MaxSignatures+1, func(i int, mediaType string) bool {
			return i == 0 && mediaType == MediaTypeRelease || i > 0 && mediaType == MediaTypeBundle
		})
	case TypeSubset:
		return m.checkLayers(1, 1, func(_ int, mediaType string) bool { return mediaType == MediaTypeSubset })
	case TypeFacts:
		return m.checkLayers(1, MaxFactsLayers, func(_ int, mediaType string) bool {
			return mediaType == MediaTypeFacts || mediaType == MediaTypeExports
		})
	case TypeEvidence:
		return m.checkLayers(1, MaxEvidence, func(_ int, mediaType string) bool { return mediaType == MediaTypeReport })
	default:
		return Violates("artifact-type", "%q", m.ArtifactType)
	}
}

func isBundle(_ int, mediaType string) bool { return mediaType == MediaTypeBundle }

// checkLayers holds for every artifact but wheels and sdists: no titles, a
// bounded number of layers, each of a media type that ok allows at its place.
func (m Manifest) checkLayers(least, most int, ok func(i int, mediaType string) bool) error {
	if n := len(m.Layers); n < least || n > most {
		return Violates("layer-count", "%d layers, want %d to %d", n, least, most)
	}
	for i, l := range m.Layers {
		if !ok(i, l.MediaType) {
			return Violates("layer-type", "layer %d is %q", i, l.MediaType)
		}
		if l.Title != "" {
			return Violates("annotations", "layer %d has a title", i)
		}
		if l.MediaType == MediaTypeBundle && l.Size > MaxBundle {
			return Violates("size", "layer %d: a bundle of %d bytes, the limit is %d", i, l.Size, MaxBundle)
		}
	}
	return nil
}
