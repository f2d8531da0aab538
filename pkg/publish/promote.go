package publish

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/errdef"

	"github.com/pinwheel-oci/pinwheel/pkg/artifact"
	"github.com/pinwheel-oci/pinwheel/pkg/dsse"
	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/pkg/sign"
	"github.com/pinwheel-oci/pinwheel/policy"
	"github.com/pinwheel-oci/pinwheel/policy/verify"
)

// PromoteOptions are what a promotion is planned from.
type PromoteOptions struct {
	Name index.Name
	// Revision is the digest to promote; "" is the candidate's.
	Revision digest.Digest
	By       string
	Reason   string
	// AllowUngated lets go live what no gates have judged.
	AllowUngated bool
	// CheckReport holds the gates' report against the catalog that names it; nil
	// asks only that it is there.
	CheckReport func(report []byte, c *index.Catalog) error
	// Signers make the promotion: keys of role promote. The first also signs
	// the freshness and the .sig tags.
	Signers []sign.Signer
	// Trusted keys may have signed the revision, besides those of Signers.
	Trusted []dsse.PublicKey
	// Promoters are keys that may have signed the present head, besides those
	// of Signers. A key that may only sign revisions must not be among them.
	Promoters []dsse.PublicKey
	Expiry    time.Duration // 0 is DefaultExpiry
	// Repository is the registry/repository that .sig signatures name; "" writes
	// no .sig tags.
	Repository string
	// Writer names the plan's writer in leases: see [Lease].
	Writer string
	Now    time.Time
}

// Promotion is the plan of a promotion.
type Promotion struct {
	Kind     string    `json:"kind"` // "promote"
	Name     string    `json:"name"`
	Revision Object    `json:"revision"` // the index, to be put under the live tag
	Serial   uint64    `json:"serial"`
	Sequence uint64    `json:"sequence"`
	Issued   time.Time `json:"issued"`
	By       string    `json:"by"`
	Reason   string    `json:"reason"`
	// Candidate, Live and HeadAt are where the tags were.
	Candidate digest.Digest `json:"candidate,omitempty"`
	Live      digest.Digest `json:"live,omitempty"`
	HeadAt    digest.Digest `json:"head-at,omitempty"`
	Head      head          `json:"head"`
	Sigs      []sigTag      `json:"sigs,omitempty"`
	Retired   *Object       `json:"retired,omitempty"`
	// RetiredAt is where the retired tag was. Where nothing is retired any
	// more, the tag is removed.
	RetiredAt digest.Digest `json:"retired-at,omitempty"`
	// Writer names who applies the plan, and applies it again, in the lease.
	Writer string `json:"writer,omitempty"`
	// Lease is how Apply takes its turn; nil for stores that swap tags.
	Lease *Lease `json:"-"`
}

// sigTag is one .sig tag to write.
type sigTag struct {
	Tag      string        `json:"tag"`
	At       digest.Digest `json:"at,omitempty"`
	Payloads []Object      `json:"payloads"`
	Manifest Object        `json:"manifest"`
}

// ErrAlreadyLive says that the revision is live and its head says so.
var ErrAlreadyLive = errors.New("already live")

// NewPromotion plans to make a revision live. It writes nothing. A revision that
// must not follow what is live now is refused with an [UnfitError].
func NewPromotion(ctx context.Context, s Store, o PromoteOptions) (*Promotion, error) {
	if len(o.Signers) == 0 {
		return nil, errors.New("promote: no signing key")
	}
	if o.Expiry == 0 {
		o.Expiry = DefaultExpiry
	}
	for _, k := range o.Signers {
		o.Trusted = append(o.Trusted, k.Public())
	}
	revision, err := o.load(ctx, s)
	if err != nil {
		return nil, err
	}
	p := &Promotion{
		Kind: "promote", Name: o.Name.String(), Serial: revision.Catalog.Serial, Issued: o.Now.UTC().Truncate(time.Second),
		By: o.By, Reason: o.Reason, Writer: o.Writer,
	}
	// Not the keys that may sign revisions: what a head says was live, or is
	// withdrawn, is signed anew here, and only a promoter may have said it.
	promoters := slices.Clone(o.Promoters)
	for _, k := range o.Signers {
		promoters = append(promoters, k.Public())
	}
	current, headAt, err := currentHead(ctx, s, o.Name, revision.Catalog.Epoch, o.Now, promoters)
	if err != nil {
		return nil, err
	}
	p.HeadAt, p.Candidate = headAt, revision.Digest
	if o.Revision != "" {
		if p.Candidate, err = resolve(ctx, s, o.Name.CandidateTag()); err != nil {
			return nil, err
		}
	}
	if p.Live, err = resolve(ctx, s, o.Name.LiveTag()); err != nil {
		return nil, err
	}
	if p.Live == revision.Digest && promotedBy(current, o.Signers, revision.Digest) {
		taken, err := sequenceTaken(ctx, s, o.Name, current, headAt)
		if err != nil {
			return nil, err
		}
		if !taken {
			p.Sequence = current.Promotion.Sequence
			return p, fmt.Errorf("%w: revision %d (%s)", ErrAlreadyLive, p.Serial, revision.Digest)
		}
	}
	if err := o.checkFit(ctx, s, revision, current, p.Live); err != nil {
		return nil, err
	}
	data, err := index.Build(revision.CatalogEntry, revision.SignatureEntry, revision.Catalog)
	if err != nil {
		return nil, err
	}
	p.Revision = newObject(artifact.MediaTypeIndex, data)
	if err := p.planHead(ctx, s, current, revision.Catalog, o); err != nil {
		return nil, err
	}
	if err := p.planRetired(ctx, s, revision.Catalog, o.Name); err != nil {
		return nil, err
	}
	return p, p.planSigs(ctx, s, revision, o)
}

func (o *PromoteOptions) verifier(s Store) *verify.Verifier {
	return &verify.Verifier{Store: s, Rules: policy.Trusting(o.Name, 1, o.Trusted...), Now: func() time.Time { return o.Now }}
}

func (o *PromoteOptions) load(ctx context.Context, s Store) (*verify.Loaded, error) {
	if o.Revision != "" {
		l, err := o.verifier(s).Load(ctx, string(o.Revision))
		if err != nil {
			return nil, fmt.Errorf("promote: %w", err)
		}
		return l, checkLoaded(l, o.Name, "promote")
	}
	l, err := loadTag(ctx, o.verifier(s), o.Name.CandidateTag())
	if err == nil && l == nil {
		err = fmt.Errorf("promote: there is no candidate (tag %s); publish first: %w", o.Name.CandidateTag(), errdef.ErrNotFound)
	}
	return l, err
}

func (p *Promotion) planHead(ctx context.Context, s Store, current *policy.Head, c *index.Catalog, o PromoteOptions) error {
	statement := index.Promotion{
		By: o.By, Epoch: c.Epoch, Issued: p.Issued, Name: p.Name, Reason: o.Reason, Revision: p.Revision.Digest,
		Sequence: 1, Serial: p.Serial, Stage: index.StageLive, Withdrawn: c.Withdrawn,
	}
	if current != nil {
		last := current.Promotion
		if statement.Issued.Before(last.Issued) {
			return input("promote: the clock says %s, but the last promotion was at %s: set the clock right", statement.Issued.Format(time.RFC3339), last.Issued.Format(time.RFC3339))
		}
		statement.Sequence = last.Sequence + 1
		statement.Recent = recent(&last, p.Issued)
		statement.Withdrawn = policy.Withdrawals(&policy.Evidence{Catalog: c, Head: current})
	}
	var err error
	if statement.Sequence, err = firstFree(ctx, s, statement.Sequence, o.Name.HeadHistoryTag); err != nil {
		return err
	}
	p.Sequence = statement.Sequence
	st, err := statement.Statement()
	if err != nil {
		return err
	}
	payload, err := st.Encode()
	if err != nil {
		return err
	}
	bundles, err := signAll(st, o.Signers)
	if err != nil {
		return err
	}
	freshness, err := signFreshness(&statement, digest.FromBytes(payload).Encoded(), 1, o.Now, o.Expiry, o.Signers[0])
	if err != nil {
		return err
	}
	p.Head, err = newHead(bundles, freshness)
	return err
}

// recent puts the last promotion before those that it named.
func recent(last *index.Promotion, until time.Time) []index.Recent {
	list := append([]index.Recent{{From: last.Issued, Revision: last.Revision, Sequence: last.Sequence, Serial: last.Serial, Until: until}}, last.Recent...)
	return list[:min(len(list), index.MaxRecent)]
}

func (p *Promotion) planRetired(ctx context.Context, s Store, c *index.Catalog, name index.Name) error {
	data, err := index.BuildRetired(c)
	if err != nil {
		return err
	}
	if data != nil {
		o := newObject(artifact.MediaTypeIndex, data)
		p.Retired = &o
	}
	p.RetiredAt, err = resolve(ctx, s, name.RetiredTag())
	return err
}

// planSigs signs for other tools: the revision, which cosign looks at, and the
// catalog manifest, which image policies can check by digest.
func (p *Promotion) planSigs(ctx context.Context, s Store, r *verify.Loaded, o PromoteOptions) error {
	if o.Repository == "" {
		return nil
	}
	identities := []string{o.Repository + ":" + o.Name.RevisionTag(p.Serial), o.Repository + ":" + o.Name.LiveTag()}
	subjects := []ocispec.Descriptor{
		p.Revision.descriptor(),
		{MediaType: artifact.MediaTypeManifest, Digest: r.CatalogEntry.Digest, Size: r.CatalogEntry.Size},
	}
	for _, subject := range subjects {
		signed, err := sign.SigLayers(o.Signers[0], subject.Digest, identities)
		if err != nil {
			return err
		}
		t := sigTag{Tag: sign.SigTag(subject.Digest)}
		existing, at, err := existingSig(ctx, s, t.Tag)
		if err != nil {
			return err
		}
		data, err := sign.SigManifest(existing, signed, subject)
		if err != nil {
			return err
		}
		t.At, t.Manifest = at, newObject(artifact.MediaTypeManifest, data)
		for _, l := range signed {
			t.Payloads = append(t.Payloads, newObject(l.Descriptor.MediaType, l.Payload))
		}
		p.Sigs = append(p.Sigs, t)
	}
	return nil
}
