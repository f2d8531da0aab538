// Package index is Pinwheel's format above single artifacts: the catalog, the
// revision (an OCI image index that is a pure function of the catalog and of
// two child descriptors), the retired index, the statements that get signed,
// the release, the subset and the names of tags. It does no I/O. The
// specification is docs/format.md; whatever decodes here encodes back to the
// same bytes.
package index

import (
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/pinwheel-oci/pinwheel/pkg/artifact"
	"github.com/pinwheel-oci/pinwheel/pkg/strictjson"
)

// FormatVersion is the version of the catalog and of everything it describes.
const FormatVersion = 1

// MaxCatalog bounds a decoded catalog, in bytes.
const MaxCatalog = 64 << 20

// Package types of files.
const (
	Wheel = "bdist_wheel"
	Sdist = "sdist"
)

// Catalog lists every file of one revision. Fields stand in the order of
// their JSON names, which is how they are encoded.
type Catalog struct {
	Epoch     uint64          `json:"epoch"`
	Evidence  []artifact.Blob `json:"evidence,omitempty"`
	Ext       strictjson.Raw  `json:"ext,omitempty"`
	Facts     []artifact.Blob `json:"facts,omitempty"`
	Format    int             `json:"format"`
	Gates     *Gates          `json:"gates,omitempty"`
	Issued    time.Time       `json:"issued"`
	Previous  digest.Digest   `json:"previous,omitempty"`
	Product   string          `json:"product"`
	Projects  []Project       `json:"projects"`
	Retired   []RetiredFile   `json:"retired,omitempty"`
	Serial    uint64          `json:"serial"`
	Series    string          `json:"series"`
	Target    *Target         `json:"target,omitempty"`
	Variant   string          `json:"variant"`
	Withdrawn []Withdrawn     `json:"withdrawn,omitempty"`
}

// Name returns the name of the index that the catalog belongs to.
func (c *Catalog) Name() Name { return Name{c.Product, c.Series, c.Variant} }

// Project is a project and its listed files, in ascending order of file name.
type Project struct {
	// Changed is the last serial that changed the project.
	Changed uint64 `json:"changed"`
	Files   []File `json:"files"`
	License string `json:"license,omitempty"`
	// Name is normalised (PEP 503).
	Name    string  `json:"name"`
	Status  *Status `json:"status,omitempty"`
	Summary string  `json:"summary,omitempty"`
}

// Status is a project's status marker (PEP 792); none means active.
type Status struct {
	Reason string `json:"reason,omitempty"`
	Status string `json:"status"`
}

// File is one file of a project.
type File struct {
	Filename string        `json:"filename"`
	Manifest artifact.Blob `json:"manifest"`
	// Metadata is the METADATA file of a wheel (PKG-INFO of an sdist), which
	// is served as <filename>.metadata (PEP 658).
	Metadata       *Hash          `json:"metadata,omitempty"`
	PackageType    string         `json:"package-type"`
	Provenance     *artifact.Blob `json:"provenance,omitempty"`
	RequiresPython string         `json:"requires-python,omitempty"`
	SHA256         string         `json:"sha256"`
	Size           int64          `json:"size"`
	// UploadTime is when these bytes were first published in this index.
	UploadTime time.Time `json:"upload-time"`
	// Version is normalised (PEP 440).
	Version string `json:"version"`
	// Yanked is the reason (it may be empty) of a yanked file (PEP 592).
	Yanked *string `json:"yanked,omitzero"`
}

// Hash names bytes by their SHA-256 in lower-case hexadecimal and their size.
type Hash struct {
	SHA256 string `json:"sha256"`
	Size   int64  `json:"size"`
}

// RetiredFile is a file that is no longer listed but can still be downloaded,
// so that locks keep working.
type RetiredFile struct {
	// At is when the revision was issued that retired it. While live still lists
	// the file, each further revision that does not counts anew.
	At   time.Time `json:"at"`
	File File      `json:"file"`
	// Since is the serial of that revision.
	Since uint64 `json:"since"`
}

// Withdrawn is a file that is gone for cause.
type Withdrawn struct {
	Filename string `json:"filename"`
	Reason   string `json:"reason"`
	SHA256   string `json:"sha256"`
	Since    uint64 `json:"since"`
}

// Gates is the outcome of the gates that the revision went through.
type Gates struct {
	// Live is the revision that was live when the gates judged.
	Live   digest.Digest  `json:"live,omitempty"`
	Report *artifact.Blob `json:"report,omitempty"`
	// Result is "pass" or "fail".
	Result string `json:"result"`
}

// Encode returns the catalog's canonical bytes, or the rule that it breaks.
func (c *Catalog) Encode() ([]byte, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	return encode(c, MaxCatalog)
}

// encode returns the canonical bytes of a document that passed its checks.
func encode(v any, limit int) ([]byte, error) {
	data, err := strictjson.Marshal(v)
	if err != nil {
		return nil, artifact.Violates("json", "%v", err)
	}
	if len(data) > limit {
		return nil, artifact.Violates("too-large", "%d bytes, the limit is %d", len(data), limit)
	}
	return data, nil
}

// DecodeCatalog reads a catalog's canonical bytes (after gunzip, where the
// layer is stored so). Errors are an [artifact.Violation].
func DecodeCatalog(data []byte) (*Catalog, error) {
	var c Catalog
	if err := artifact.DecodeCanonical(data, MaxCatalog, &c); err != nil {
		return nil, err
	}
	if err := c.Check(); err != nil {
		return nil, err
	}
	return &c, nil
}

// Files yields every listed file with its project.
func (c *Catalog) Files(yield func(*Project, *File) bool) {
	for i := range c.Projects {
		p := &c.Projects[i]
		for j := range p.Files {
			if !yield(p, &p.Files[j]) {
				return
			}
		}
	}
}
