package index

import (
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/pinwheel-oci/pinwheel/pkg/artifact"
	"github.com/pinwheel-oci/pinwheel/pkg/dsse"
)

// Predicate types of the statements that get signed (docs/format.md,
// "Statements"). Each signature counts for exactly one of them.
const (
	PredicateRevision  = "https://github.com/pinwheel-oci/pinwheel/predicate/revision/v1"
	PredicatePromotion = "https://github.com/pinwheel-oci/pinwheel/predicate/promotion/v1"
	PredicateFreshness = "https://github.com/pinwheel-oci/pinwheel/predicate/freshness/v1"
	PredicateRelease   = "https://github.com/pinwheel-oci/pinwheel/predicate/release/v1"
)

// StageLive is the only stage that has a head.
const StageLive = "live"

// MaxRecent is how many earlier live revisions a promotion names at most.
const MaxRecent = 64

// Claims are the predicate of an embedded signature. Its subject is the
// catalog manifest.
type Claims struct {
	// Catalog is the SHA-256 of the decoded catalog, in hexadecimal.
	Catalog string    `json:"catalog"`
	Epoch   uint64    `json:"epoch"`
	Issued  time.Time `json:"issued"`
	Name    string    `json:"name"`
	Serial  uint64    `json:"serial"`
}

// Promotion is the predicate of the statement of what is live. Its subject is
// the revision.
type Promotion struct {
	By     string    `json:"by"`
	Epoch  uint64    `json:"epoch"`
	Issued time.Time `json:"issued"`
	Name   string    `json:"name"`
	Reason string    `json:"reason"`
	// Recent names the revisions that were live before, newest first.
	Recent    []Recent      `json:"recent,omitempty"`
	Revision  digest.Digest `json:"revision"`
	Sequence  uint64        `json:"sequence"`
	Serial    uint64        `json:"serial"`
	Stage     string        `json:"stage"`
	Withdrawn []Withdrawn   `json:"withdrawn,omitempty"`
}

// Recent is a revision that was live from From until Until.
type Recent struct {
	From     time.Time     `json:"from"`
	Revision digest.Digest `json:"revision"`
	Sequence uint64        `json:"sequence"`
	Serial   uint64        `json:"serial"`
	Until    time.Time     `json:"until"`
}

// Freshness is the predicate of the statement that a promotion still holds.
// Its subject is the promotion's statement (the payload bytes).
type Freshness struct {
	Counter uint64    `json:"counter"`
	Epoch   uint64    `json:"epoch"`
	Expires time.Time `json:"expires"`
	Issued  time.Time `json:"issued"`
	Name    string    `json:"name"`
	// Promotion is the SHA-256 of the promotion's statement, in hexadecimal.
	Promotion string `json:"promotion"`
	Stage     string `json:"stage"`
}

// Statement returns the in-toto statement of an embedded signature over the
// catalog manifest.
func (c Claims) Statement(catalogManifest digest.Digest) (dsse.Statement, error) {
	if err := c.check(); err != nil {
		return dsse.Statement{}, err
	}
	return statement(PredicateRevision, c.Name, catalogManifest.Encoded(), c)
}

// Statement returns the in-toto statement of the promotion.
func (p Promotion) Statement() (dsse.Statement, error) {
	if err := p.check(); err != nil {
		return dsse.Statement{}, err
	}
	return statement(PredicatePromotion, p.Name, p.Revision.Encoded(), p)
}

// Statement returns the in-toto statement of the freshness.
func (f Freshness) Statement() (dsse.Statement, error) {
	if err := f.check(); err != nil {
		return dsse.Statement{}, err
	}
	return statement(PredicateFreshness, f.Name, f.Promotion, f)
}

func statement(predicateType, name, subject string, predicate any) (dsse.Statement, error) {
	s, err := dsse.NewStatement(predicateType, name, subject, predicate)
	if err != nil {
		return dsse.Statement{}, artifact.Violates("json", "%v", err)
	}
	return s, nil
}

// DecodeClaims reads the predicate of an embedded signature and checks that
// the statement is about catalogManifest.
func DecodeClaims(s *dsse.Statement, catalogManifest digest.Digest) (Claims, error) {
	var c Claims
	if err := artifact.CheckDigest(catalogManifest); err != nil {
		return Claims{}, err
	}
	if err := decodePredicate(s, PredicateRevision, &c); err != nil {
		return Claims{}, err
	}
	if err := c.check(); err != nil {
		return Claims{}, err
	}
	return c, checkSubject(s, c.Name, catalogManifest.Encoded())
}

// DecodePromotion reads a promotion. Its statement's subject must be the
// revision that the predicate names.
func DecodePromotion(s *dsse.Statement) (Promotion, error) {
	var p Promotion
	if err := decodePredicate(s, PredicatePromotion, &p); err != nil {
		return Promotion{}, err
	}
	if err := p.check(); err != nil {
		return Promotion{}, err
	}
	return p, checkSubject(s, p.Name, p.Revision.Encoded())
}

// DecodeFreshness reads a freshness statement. Its subject must be the
// promotion that the predicate names.
func DecodeFreshness(s *dsse.Statement) (Freshness, error) {
	var f Freshness
	if err := decodePredicate(s, PredicateFreshness, &f); err != nil {
		return Freshness{}, err
	}
	if err := f.check(); err != nil {
		return Freshness{}, err
	}
	return f, checkSubject(s, f.Name, f.Promotion)
}

// decodePredicate decodes the predicate of a statement of that type into v.
func decodePredicate(s *dsse.Statement, predicateType string, v any) error {
	if s.PredicateType != predicateType {
		return artifact.Violates("predicate-type", "%q, want %q", s.PredicateType, predicateType)
	}
	return artifact.DecodeCanonical(s.Predicate, artifact.MaxBundle, v)
}

// checkSubject wants exactly one subject, of that SHA-256 and under the name
// that the predicate has: a statement has one spelling.
func checkSubject(s *dsse.Statement, name, sha256 string) error {
	if err := s.Require(s.PredicateType, sha256); err != nil {
		return artifact.Violates("subject", "%v", err)
	}
	if got := s.Subject[0].Name; got != name {
		return artifact.Violates("subject", "its name is %q, want %q", got, name)
	}
	return nil
}

func (c Claims) check() error {
	if !artifact.IsSHA256(c.Catalog) {
		return artifact.Violates("sha256", "catalog %q", c.Catalog)
	}
	if err := checkNumber("serial", c.Serial); err != nil {
		return err
	}
	return checkStatement(c.Name, c.Epoch, c.Issued)
}

func (p Promotion) check() error {
	if err := checkStatement(p.Name, p.Epoch, p.Issued); err != nil {
		return err
	}
	if err := checkStage(p.Stage); err != nil {
		return err
	}
	if err := checkNumber("sequence", p.Sequence); err != nil {
		return err
	}
	if err := checkNumber("serial", p.Serial); err != nil {
		return err
	}
	if err := artifact.CheckDigest(p.Revision); err != nil {
		return err
	}
	if err := checkText("by", p.By, MaxReason); err != nil {
		return err
	}
	if err := checkText("reason", p.Reason, MaxReason); err != nil {
		return err
	}
	if err := p.checkRecent(); err != nil {
		return err
	}
	return checkWithdrawn(p.Withdrawn)
}

func (p Promotion) checkRecent() error {
	if len(p.Recent) > MaxRecent {
		return artifact.Violates("recent", "%d entries, the limit is %d", len(p.Recent), MaxRecent)
	}
	next, until := p.Sequence, p.Issued
	for _, r := range p.Recent {
		if err := artifact.CheckDigest(r.Revision); err != nil {
			return err
		}
		if err := checkTime("recent", r.From); err != nil {
			return err
		}
		if err := checkTime("recent", r.Until); err != nil {
			return err
		}
		if r.Sequence < 1 || r.Sequence >= next || r.Serial < 1 || r.Serial > p.Serial {
			return artifact.Violates("recent", "sequence %d, serial %d", r.Sequence, r.Serial)
		}
		if r.Until.Before(r.From) || r.Until.After(until) {
			return artifact.Violates("recent", "sequence %d: live from %s until %s", r.Sequence, r.From, r.Until)
		}
		next, until = r.Sequence, r.From
	}
	return nil
}

func (f Freshness) check() error {
	if err := checkStatement(f.Name, f.Epoch, f.Issued); err != nil {
		return err
	}
	if err := checkStage(f.Stage); err != nil {
		return err
	}
	if err := checkNumber("counter", f.Counter); err != nil {
		return err
	}
	if !artifact.IsSHA256(f.Promotion) {
		return artifact.Violates("sha256", "promotion %q", f.Promotion)
	}
	if err := checkTime("expires", f.Expires); err != nil {
		return err
	}
	if !f.Expires.After(f.Issued) {
		return artifact.Violates("expires", "%s is not after %s", f.Expires, f.Issued)
	}
	return nil
}

func checkStage(stage string) error {
	if stage != StageLive {
		return artifact.Violates("stage", "%q", stage)
	}
	return nil
}

func checkStatement(name string, epoch uint64, issued time.Time) error {
	if _, err := ParseName(name); err != nil {
		return err
	}
	if err := checkNumber("epoch", epoch); err != nil {
		return err
	}
	return checkTime("issued", issued)
}
