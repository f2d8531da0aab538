package index

import (
	"maps"
	"slices"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/pinwheel-oci/pinwheel/pkg/artifact"
	"github.com/pinwheel-oci/pinwheel/pkg/dsse"
)

// Release is one revision of every variant of a series, promoted together.
type Release struct {
	Epoch    uint64    `json:"epoch"`
	Format   int       `json:"format"`
	Issued   time.Time `json:"issued"`
	Product  string    `json:"product"`
	Sequence uint64    `json:"sequence"`
	Series   string    `json:"series"`
	// Variants by name.
	Variants map[string]Released `json:"variants"`
}

// Released is the part of a release that one variant has.
type Released struct {
	// HeadSequence is the sequence of the promotion that made it live.
	HeadSequence uint64        `json:"head-sequence"`
	Revision     digest.Digest `json:"revision"`
	Serial       uint64        `json:"serial"`
}

// releaseClaims are the predicate of the statement over a release; the
// release's own bytes are its subject.
type releaseClaims struct {
	Epoch    uint64    `json:"epoch"`
	Issued   time.Time `json:"issued"`
	Name     string    `json:"name"`
	Sequence uint64    `json:"sequence"`
}

// Encode returns the release's canonical bytes.
func (r *Release) Encode() ([]byte, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	return encode(r, artifact.MaxRelease)
}

// DecodeRelease reads a release's canonical bytes.
func DecodeRelease(data []byte) (*Release, error) {
	var r Release
	if err := artifact.DecodeCanonical(data, artifact.MaxRelease, &r); err != nil {
		return nil, err
	}
	if err := r.check(); err != nil {
		return nil, err
	}
	return &r, nil
}

// Statement returns the in-toto statement over the release.
func (r *Release) Statement() (dsse.Statement, error) {
	data, err := r.Encode()
	if err != nil {
		return dsse.Statement{}, err
	}
	return statement(PredicateRelease, r.name(), digest.FromBytes(data).Encoded(), r.claims())
}

// CheckStatement verifies that s is the statement over the release.
func (r *Release) CheckStatement(s *dsse.Statement) error {
	data, err := r.Encode()
	if err != nil {
		return err
	}
	var claims releaseClaims
	if err := decodePredicate(s, PredicateRelease, &claims); err != nil {
		return err
	}
	if err := checkSubject(s, r.name(), digest.FromBytes(data).Encoded()); err != nil {
		return err
	}
	if claims != r.claims() {
		return artifact.Violates("claims", "the statement's claims are not the release's")
	}
	return nil
}

func (r *Release) name() string { return r.Product + "/" + r.Series }

func (r *Release) claims() releaseClaims {
	return releaseClaims{Epoch: r.Epoch, Issued: r.Issued, Name: r.name(), Sequence: r.Sequence}
}

func (r *Release) check() error {
	if r.Format != FormatVersion {
		return artifact.Violates("format", "%d", r.Format)
	}
	if err := checkNumber("epoch", r.Epoch); err != nil {
		return err
	}
	if err := checkNumber("sequence", r.Sequence); err != nil {
		return err
	}
	if err := checkTime("issued", r.Issued); err != nil {
		return err
	}
	if len(r.Variants) == 0 {
		return artifact.Violates("variants", "none")
	}
	for _, variant := range slices.Sorted(maps.Keys(r.Variants)) {
		v := r.Variants[variant]
		if err := (Name{r.Product, r.Series, variant}).Check(); err != nil {
			return err
		}
		if err := artifact.CheckDigest(v.Revision); err != nil {
			return err
		}
		if err := checkNumber("serial", v.Serial); err != nil {
			return err
		}
		if err := checkNumber("sequence", v.HeadSequence); err != nil {
			return err
		}
	}
	return nil
}
