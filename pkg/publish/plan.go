package publish

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/pinwheel-oci/pinwheel/pkg/artifact"
	"github.com/pinwheel-oci/pinwheel/pkg/dsse"
	"github.com/pinwheel-oci/pinwheel/pkg/facts"
	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/pkg/sign"
	"github.com/pinwheel-oci/pinwheel/pkg/wheel"
	"github.com/pinwheel-oci/pinwheel/policy"
	"github.com/pinwheel-oci/pinwheel/policy/verify"
)

// Base says what a revision is built on.
type Base string

// The bases. Newest is the candidate if there is one, else live, else none.
const (
	BaseNewest    Base = ""
	BaseCandidate Base = "candidate"
	BaseLive      Base = "live"
	BaseNone      Base = "none"
)

// Candidate is a wheel or sdist on disk that is to be published.
type Candidate struct {
	Path string
	Info *wheel.Info
	// Facts and Exports are what [facts.Inspect] gives; without them the file
	// is read once more where they are needed.
	Facts   *facts.Wheel
	Exports *facts.Exports
}

// Options are what a revision is planned from.
type Options struct {
	Name index.Name
	Base Base
	// Contents, if set, is the tag or digest of an older revision of this index
	// whose contents are published again instead of the base's: see
	// [NewRollback].
	Contents string
	Files    []Candidate
	// Replace retires listed files of the same project, version and tags in
	// favour of a new one with a higher build tag.
	Replace bool
	// Remove takes files of the base off the pages. A file that is among Files
	// as well stays.
	Remove []Selector
	// Yank and Unyank mark listed files (PEP 592).
	Yank   []Mark
	Unyank []Selector
	// Status marks projects (PEP 792).
	Status []StatusMark
	// Withdraw takes files away for cause, listed and retired ones, for good.
	Withdraw []Mark
	// Retention drops files that were retired longer ago; 0 keeps them all.
	Retention time.Duration
	// Target replaces the base's target; nil keeps it.
	Target *index.Target
	// Epoch is 0 for the base's, or 1 for a first revision.
	Epoch uint64
	// Signers make the embedded signatures: keys of role release.
	Signers []sign.Signer
	// Trusted keys may have signed the base, besides those of Signers. A base
	// that none of them signed is refused: its files would be signed anew.
	Trusted []dsse.PublicKey
	// Judge runs the gates; without it the revision is ungated, and cannot be
	// promoted.
	Judge Judge
	// AllowLarge permits revisions over [index.AdvisedRevision].
	AllowLarge bool
	// SignWheels signs each new artifact for other tools, too.
	SignWheels bool
	// Writer names the plan's writer in leases: see [Lease].
	Writer string
	Now    time.Time
}

// Upload is a file whose bytes the apply step reads from Path.
type Upload struct {
	Path     string     `json:"path"`
	File     index.File `json:"file"`
	Metadata []byte     `json:"metadata,omitempty"`
	// Signature is for other tools; nil if none is wanted.
	Signature *wheelSig `json:"signature,omitempty"`
}

// Point is a revision that a plan starts from.
type Point struct {
	Revision digest.Digest `json:"revision"`
	Serial   uint64        `json:"serial"`
}

// Plan is everything that one publication writes.
type Plan struct {
	Kind   string    `json:"kind"` // "publish"
	Name   string    `json:"name"`
	Serial uint64    `json:"serial"`
	Issued time.Time `json:"issued"`
	Base   *Point    `json:"base,omitempty"`
	// Candidate and Live are where the tags were.
	Candidate digest.Digest `json:"candidate,omitempty"`
	Live      digest.Digest `json:"live,omitempty"`
	Changes   []Change      `json:"changes"`
	Uploads   []Upload      `json:"uploads"`
	// Skipped are given files that a listed one supersedes by its build tag.
	Skipped  []string      `json:"skipped,omitempty"`
	Revision artifact.Blob `json:"revision"`
	// Catalog, then bundles, then the two manifests that name them.
	Catalog           Object   `json:"catalog"`
	Bundles           []Object `json:"bundles"`
	CatalogManifest   Object   `json:"catalog-manifest"`
	SignatureManifest Object   `json:"signature-manifest"`
	// Facts and Evidence are blobs, and last the manifest that names them.
	Facts    []Object `json:"facts,omitempty"`
	Evidence []Object `json:"evidence,omitempty"`
	// Writer names who applies the plan, and applies it again, in the lease.
	Writer string `json:"writer,omitempty"`
	// Lease is how Apply takes its turn; nil for stores that swap tags.
	Lease *Lease `json:"-"`
	// Again is set on plans that were saved and loaded: some of what they
	// write may be there already.
	Again bool `json:"-"`
}

// ErrNothingToDo says that the revision would list what its base lists.
var ErrNothingToDo = errors.New("nothing to publish")

// NewPlan reads where the tags are and plans the next revision. It writes
// nothing. If there is nothing to change, the error matches [ErrNothingToDo]
// and the plan names the revision that has everything already.
func NewPlan(ctx context.Context, s Store, o Options) (*Plan, error) {
	if err := o.Name.Check(); err != nil {
		return nil, err
	}
	if len(o.Signers) == 0 {
		return nil, errors.New("publish: no signing key")
	}
	st, err := readStart(ctx, s, o)
	if err != nil {
		return nil, err
	}
	d, err := newDraft(st, o)
	if err != nil {
		return nil, err
	}
	p := &Plan{Kind: "publish", Name: o.Name.String(), Candidate: st.candidate, Live: st.live, Issued: d.catalog.Issued, Serial: d.catalog.Serial, Writer: o.Writer}
	if st.base != nil {
		p.Base = &Point{st.base.Digest, st.base.Catalog.Serial}
	}
	p.Skipped = d.skipped
	p.Changes, p.Uploads = Changes(catalogOf(st.before()), d.catalog), d.uploads
	if len(p.Changes) == 0 && st.base != nil && (st.rollback || !st.stale()) && (o.Judge == nil || st.passed()) {
		same := st.before()
		p.Revision, p.Serial = artifact.Blob{Digest: same.Digest, Size: same.Size}, same.Catalog.Serial
		return p, fmt.Errorf("%w: revision %d (%s) lists all of it already", ErrNothingToDo, p.Serial, p.Revision.Digest)
	}
	if o.SignWheels {
		for i := range p.Uploads {
			if p.Uploads[i].Signature, err = signWheel(&p.Uploads[i], o.Signers[0]); err != nil {
				return nil, err
			}
		}
	}
	if err := p.judge(ctx, s, st, d.catalog, o, st.rollback); err != nil {
		return nil, err
	}
	if g := d.catalog.Gates; g == nil || g.Result == resultPass {
		if err := checkAdmitted(d.catalog); err != nil {
			return nil, err
		}
	}
	return p, p.seal(d.catalog, o)
}

// start is what a plan begins with.
type start struct {
	candidate    digest.Digest
	live         digest.Digest
	base         *verify.Loaded // nil for none
	candidateRev *verify.Loaded // nil for none
	liveRev      *verify.Loaded // nil for none
	serial       uint64         // the first that is free
	rollback     bool           // base is an older revision
}

// before is what the changes of a plan are shown against.
func (st *start) before() *verify.Loaded {
	if st.base == nil || st.rollback {
		return st.liveRev
	}
	return st.base
}

// stale says that the base is a candidate that can no longer be promoted,
// because something else went live since it was made.
func (st *start) stale() bool {
	return st.base.Digest != st.live && st.base.Catalog.Previous != st.live
}

// passed says that what would be published again went through its gates.
func (st *start) passed() bool {
	g := st.before().Catalog.Gates
	return g != nil && g.Result == resultPass
}

func readStart(ctx context.Context, s Store, o Options) (*start, error) {
	trusted := append([]dsse.PublicKey(nil), o.Trusted...)
	for _, k := range o.Signers {
		trusted = append(trusted, k.Public())
	}
	v := &verify.Verifier{Store: s, Rules: policy.Trusting(o.Name, 1, trusted...), Now: func() time.Time { return o.Now }}
	candidate, err := loadTag(ctx, v, o.Name.CandidateTag())
	if err != nil {
		return nil, err
	}
	st := &start{candidateRev: candidate, liveRev: candidate, serial: 1}
	if candidate != nil {
		st.candidate, st.serial = candidate.Digest, candidate.Catalog.Serial+1
	}
	if st.live, err = resolve(ctx, s, o.Name.LiveTag()); err != nil {
		return nil, err
	}
	if st.live != st.candidate {
		if st.liveRev, err = loadTag(ctx, v, o.Name.LiveTag()); err != nil {
			return nil, err
		}
	}
	if st.liveRev != nil {
		st.serial = max(st.serial, st.liveRev.Catalog.Serial+1)
	}
	if st.serial, err = firstFree(ctx, s, st.serial, o.Name.RevisionTag); err != nil {
		return nil, err
	}
	if o.Contents != "" {
		return st, st.rollBack(ctx, v, o)
	}
	st.base, err = chooseBase(o.Base, candidate, st.liveRev)
	return st, err
}

// rollBack makes an older revision the base.
func (st *start) rollBack(ctx context.Context, v *verify.Verifier, o Options) error {
	if st.liveRev == nil {
		return input("rollback: nothing is live in %s, so there is nothing to go back from", o.Name)
	}
	old, err := v.Load(ctx, o.Contents)
	if err != nil {
		return fmt.Errorf("rollback to %s: %w", o.Contents, err)
	}
	st.base, st.rollback = old, true
	return checkLoaded(old, o.Name, "rollback to "+o.Contents)
}

// loadTag loads a revision of ours, or nil if the tag does not exist.
func loadTag(ctx context.Context, v *verify.Verifier, tag string) (*verify.Loaded, error) {
	l, err := v.Load(ctx, tag)
	var refusal *policy.Refusal
	switch {
	case errors.As(err, &refusal) && refusal.Code == policy.RevisionMissing && refusal.Step == 1:
		return nil, nil
	case errors.As(err, &refusal) && (refusal.Code == policy.Malformed || refusal.Code == policy.IndexMismatch):
		return nil, fmt.Errorf("tag %s holds something that is not a revision of ours, and is left as it is (publish to another repository, or remove that tag): %w", tag, err)
	case err != nil:
		return nil, err
	}
	return l, checkLoaded(l, v.Rules.Name, "tag "+tag)
}

// checkLoaded refuses to build on what is another's.
func checkLoaded(l *verify.Loaded, name index.Name, what string) error {
	if l.Catalog.Name() != name {
		return policy.Refuse(10, policy.WrongName, "%s holds a revision of %s, not of %s", what, l.Catalog.Name(), name)
	}
	if len(l.Keys) == 0 {
		return policy.Refuse(9, policy.ReleaseSignature, "%s: revision %s is not signed by the signing key, so its files would be signed unseen; name the key that signed it with --trust FILE", what, l.Digest)
	}
	return nil
}

// maxAbandoned bounds how many numbers are tried; each is one request.
const maxAbandoned = 1000

// firstFree returns the first number from n on whose tag does not exist. A
// writer that was stopped may have used a number that nothing else mentions;
// such a number is never used again.
func firstFree(ctx context.Context, s Store, n uint64, tag func(uint64) string) (uint64, error) {
	for range maxAbandoned {
		at, err := resolve(ctx, s, tag(n))
		if err != nil || at == "" {
			return n, err
		}
		n++
	}
	return n, fmt.Errorf("tag %s and %d before it exist, but nothing refers to them: remove them, or find out who writes them", tag(n-1), maxAbandoned-1)
}

func chooseBase(b Base, candidate, live *verify.Loaded) (*verify.Loaded, error) {
	switch b {
	case BaseNone:
		return nil, nil
	case BaseNewest:
		// A candidate that is older than live was put back by somebody: what it
		// lacks was published on purpose.
		if candidate != nil && (live == nil || candidate.Catalog.Serial >= live.Catalog.Serial) {
			return candidate, nil
		}
		return live, nil
	case BaseCandidate:
		if candidate == nil {
			return nil, input("base candidate: there is none; publish with --base live or --base none")
		}
		return candidate, nil
	case BaseLive:
		if live == nil {
			return nil, input("base live: nothing is live; publish with --base none")
		}
		return live, nil
	default:
		return nil, input("base %q: want candidate, live or none", b)
	}
}

// seal encodes and signs the catalog and computes the revision.
func (p *Plan) seal(c *index.Catalog, o Options) error {
	decoded, err := c.Encode()
	if err != nil {
		return err
	}
	if p.Catalog, err = storedCatalog(decoded); err != nil {
		return err
	}
	if p.CatalogManifest, err = newManifest(artifact.Manifest{ArtifactType: artifact.TypeCatalog, Layers: []artifact.Layer{p.Catalog.layer()}}); err != nil {
		return err
	}
	claims := index.Claims{Catalog: digest.FromBytes(decoded).Encoded(), Epoch: c.Epoch, Issued: c.Issued, Name: p.Name, Serial: c.Serial}
	statement, err := claims.Statement(p.CatalogManifest.Digest)
	if err != nil {
		return err
	}
	if p.Bundles, err = signAll(statement, o.Signers); err != nil {
		return err
	}
	if p.SignatureManifest, err = newManifest(artifact.Manifest{ArtifactType: artifact.TypeSignature, Layers: layers(p.Bundles)}); err != nil {
		return err
	}
	revision, err := p.build(c)
	if err != nil {
		return err
	}
	if len(revision) > index.AdvisedRevision && !o.AllowLarge {
		return input("publish: the revision's index would be %d bytes; many registries refuse more than %d: split the index, or pass --allow-large if yours does not", len(revision), index.AdvisedRevision)
	}
	p.Revision = artifact.Blob{Digest: digest.FromBytes(revision), Size: int64(len(revision))}
	return nil
}

func (p *Plan) build(c *index.Catalog) ([]byte, error) {
	return index.Build(p.CatalogManifest.blob(), p.SignatureManifest.blob(), c)
}

func signAll(statement dsse.Statement, signers []sign.Signer) ([]Object, error) {
	var bundles []Object
	for _, s := range signers {
		data, err := sign.Bundle(s, statement)
		if err != nil {
			return nil, err
		}
		bundles = append(bundles, newObject(artifact.MediaTypeBundle, data))
	}
	return bundles, nil
}

func layers(objects []Object) []artifact.Layer {
	var list []artifact.Layer
	for _, o := range objects {
		list = append(list, o.layer())
	}
	return list
}
