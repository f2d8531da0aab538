package index

import (
	"fmt"
	"maps"
	"slices"

	"github.com/opencontainers/go-digest"

	"github.com/pinwheel-oci/pinwheel/pkg/artifact"
	"github.com/pinwheel-oci/pinwheel/pkg/strictjson"
)

// Limits of an encoded revision, in bytes.
const (
	// MaxRevision is what registries and copying tools take at most.
	MaxRevision = 4 << 20
	// AdvisedRevision is what a registry behind a proxy with common defaults
	// takes; writers stay below it unless told otherwise.
	AdvisedRevision = 1 << 20
)

// Roles of entries that are not files.
const (
	RoleCatalog   = "catalog"
	RoleSignature = "signature"
	RoleFacts     = "facts"
	RoleEvidence  = "evidence"
)

const roleAnnotation = "io.github.pinwheel-oci.role"

// Entry is one child manifest of an image index. Role is empty for files.
type Entry struct {
	artifact.Blob
	Role string
}

type wirePlatform struct {
	Architecture string `json:"architecture"`
	OS           string `json:"os"`
}

type wireEntry struct {
	Annotations map[string]string `json:"annotations,omitempty"`
	Digest      digest.Digest     `json:"digest"`
	MediaType   string            `json:"mediaType"`
	Platform    wirePlatform      `json:"platform"`
	Size        int64             `json:"size"`
}

type wireIndex struct {
	Manifests     []wireEntry `json:"manifests"`
	MediaType     string      `json:"mediaType"`
	SchemaVersion int         `json:"schemaVersion"`
}

// unknown keeps tools from choosing one child for the machine they run on, and
// satisfies those that insist on a platform.
var unknown = wirePlatform{Architecture: "unknown", OS: "unknown"}

// Build returns the bytes of the revision that catalog describes: the entries
// of catalog and signature, facts, evidence, then the manifests of the listed
// files in ascending order of digest.
func Build(catalogEntry, signatureEntry artifact.Blob, c *Catalog) ([]byte, error) {
	return build(catalogEntry, signatureEntry, c, func(*File) bool { return true })
}

func build(catalogEntry, signatureEntry artifact.Blob, c *Catalog, keep func(*File) bool) ([]byte, error) {
	entries := []Entry{{catalogEntry, RoleCatalog}, {signatureEntry, RoleSignature}}
	for _, b := range c.Facts {
		entries = append(entries, Entry{b, RoleFacts})
	}
	for _, b := range c.Evidence {
		entries = append(entries, Entry{b, RoleEvidence})
	}
	manifests := map[digest.Digest]int64{}
	for _, f := range c.Files {
		if keep(f) {
			manifests[f.Manifest.Digest] = f.Manifest.Size
		}
	}
	return encodeIndex(append(entries, fileEntries(manifests)...))
}

// BuildRetired returns the bytes of the index that holds the catalog's retired
// files, or nil where it has none.
func BuildRetired(c *Catalog) ([]byte, error) {
	if len(c.Retired) == 0 {
		return nil, nil
	}
	manifests := map[digest.Digest]int64{}
	for i := range c.Retired {
		m := c.Retired[i].File.Manifest
		manifests[m.Digest] = m.Size
	}
	return encodeIndex(fileEntries(manifests))
}

func fileEntries(manifests map[digest.Digest]int64) []Entry {
	var entries []Entry
	for _, d := range slices.Sorted(maps.Keys(manifests)) {
		entries = append(entries, Entry{Blob: artifact.Blob{Digest: d, Size: manifests[d]}})
	}
	return entries
}

func encodeIndex(entries []Entry) ([]byte, error) {
	w := wireIndex{MediaType: artifact.MediaTypeIndex, SchemaVersion: 2}
	seen := map[digest.Digest]bool{}
	for _, e := range entries {
		if err := e.Check(); err != nil {
			return nil, err
		}
		if seen[e.Digest] {
			return nil, artifact.Violates("duplicate-entry", "%s", e.Digest)
		}
		seen[e.Digest] = true
		entry := wireEntry{Digest: e.Digest, MediaType: artifact.MediaTypeManifest, Platform: unknown, Size: e.Size}
		if e.Role != "" {
			entry.Annotations = map[string]string{roleAnnotation: e.Role}
		}
		w.Manifests = append(w.Manifests, entry)
	}
	data, err := strictjson.Marshal(w)
	if err != nil {
		return nil, err
	}
	if len(data) > MaxRevision {
		return nil, artifact.Violates("too-large", "an index of %d bytes (%d children), the limit is %d", len(data), len(entries), MaxRevision)
	}
	return data, nil
}

// Decode reads the bytes of a revision and returns its entries: the first is
// the catalog, the second the signature. Whether the rest is what the catalog
// says is found out by [Build].
func Decode(data []byte) ([]Entry, error) {
	entries, err := decodeEntries(data)
	if err != nil {
		return nil, err
	}
	if len(entries) < 2 || entries[0].Role != RoleCatalog || entries[1].Role != RoleSignature {
		return nil, artifact.Violates("roles", "the first entry must be the catalog, the second the signature")
	}
	for i, e := range entries[2:] {
		if e.Role != "" && e.Role != RoleFacts && e.Role != RoleEvidence {
			return nil, artifact.Violates("roles", "entry %d has role %q", i+2, e.Role)
		}
	}
	return entries, nil
}

// DecodeRetired reads the bytes of a retired index.
func DecodeRetired(data []byte) ([]Entry, error) {
	entries, err := decodeEntries(data)
	if err != nil {
		return nil, err
	}
	if len(entries) == 0 {
		return nil, artifact.Violates("roles", "no entry")
	}
	for i, e := range entries {
		if e.Role != "" {
			return nil, artifact.Violates("roles", "entry %d has role %q", i, e.Role)
		}
	}
	return entries, nil
}

func decodeEntries(data []byte) ([]Entry, error) {
	var w wireIndex
	if err := artifact.DecodeCanonical(data, MaxRevision, &w); err != nil {
		return nil, err
	}
	if w.SchemaVersion != 2 {
		return nil, artifact.Violates("schema-version", "%d", w.SchemaVersion)
	}
	if w.MediaType != artifact.MediaTypeIndex {
		return nil, artifact.Violates("media-type", "%q", w.MediaType)
	}
	entries := make([]Entry, 0, len(w.Manifests))
	seen := make(map[digest.Digest]bool, len(w.Manifests))
	for i, m := range w.Manifests {
		e := Entry{Blob: artifact.Blob{Digest: m.Digest, Size: m.Size}, Role: m.Annotations[roleAnnotation]}
		if err := m.check(e); err != nil {
			return nil, artifact.Within(fmt.Sprintf("entry %d", i), err)
		}
		if seen[m.Digest] {
			return nil, artifact.Violates("duplicate-entry", "entry %d: %s", i, m.Digest)
		}
		seen[m.Digest] = true
		entries = append(entries, e)
	}
	return entries, nil
}

func (m wireEntry) check(e Entry) error {
	switch {
	case m.MediaType != artifact.MediaTypeManifest:
		// An index here would be nesting, which copying tools refuse.
		return artifact.Violates("entry-media-type", "%q", m.MediaType)
	case m.Platform != unknown:
		return artifact.Violates("platform", "%s/%s", m.Platform.OS, m.Platform.Architecture)
	case len(m.Annotations) > 1 || len(m.Annotations) == 1 && e.Role == "":
		return artifact.Violates("annotations", "only a role is allowed")
	}
	return e.Check()
}
