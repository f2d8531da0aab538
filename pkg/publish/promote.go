package publish

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

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
	// Signers make the promotion: keys of role promote. The first also signs
	// the freshness and the .sig tags.
	Signers []sign.Signer
	// Trusted keys may have signed the revision and the present head, besides
	// those of Signers.
	Trusted []dsse.PublicKey
	Expiry  time.Duration // 0 is DefaultExpiry
	// Repository is the registry/repository that .sig signatures name; "" writes
	// no .sig tags.
	Repository string
	Now        time.Time
}

// Promotion is the plan of a promotion.
type Promotion struct {
	Kind     string        `json:"kind"` // "promote"
	Name     string        `json:"name"`
	Revision Object        `json:"revision"` // the index, to be put under the live tag
	Serial   uint64        `json:"serial"`
	Sequence uint64        `json:"sequence"`
	Issued   time.Time     `json:"issued"`
	By       string        `json:"by"`
	Reason   string        `json:"reason"`
	Live     digest.Digest `json:"live,omitempty"` // where the tags were
	HeadAt   digest.Digest `json:"head-at,omitempty"`
	Head     head          `json:"head"`
	Sigs     []sigTag      `json:"sigs,omitempty"`
	Retired  *Object       `json:"retired,omitempty"`
	// RetiredAt is where the retired tag was.
	RetiredAt digest.Digest `json:"retired-at,omitempty"`

	again bool // was saved and loaded
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

// NewPromotion plans to make a revision live. It writes nothing.
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
		By: o.By, Reason: o.Reason,
	}
	current, headAt, err := currentHead(ctx, s, o.Name, revision.Catalog.Epoch, o.Now, o.Trusted)
	if err != nil {
		return nil, err
	}
	p.HeadAt = headAt
	if p.Live, err = resolve(ctx, s, o.Name.LiveTag()); err != nil {
		return nil, err
	}
	if current != nil && current.Promotion.Revision == revision.Digest && p.Live == revision.Digest {
		p.Sequence = current.Promotion.Sequence
		return p, fmt.Errorf("%w: revision %d (%s)", ErrAlreadyLive, p.Serial, revision.Digest)
	}
	if err := o.checkSuccession(ctx, s, revision, p.Live); err != nil {
		return nil, err
	}
	data, err := index.Build(revision.CatalogEntry, revision.SignatureEntry, revision.Catalog)
	if err != nil {
		return nil, err
	}
	p.Revision = newObject(artifact.MediaTypeIndex, data)
	if err := p.planHead(current, revision.Catalog, o); err != nil {
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
	ref := string(o.Revision)
	if ref == "" {
		ref = o.Name.CandidateTag()
	}
	l, err := loadTag(ctx, o.verifier(s), ref)
	if err != nil {
		return nil, err
	}
	if l == nil {
		return nil, fmt.Errorf("promote: there is no candidate (tag %s); publish first", ref)
	}
	return l, nil
}

// checkSuccession keeps promises made to users: serials do not fall, and every
// file that live offers stays downloadable.
func (o *PromoteOptions) checkSuccession(ctx context.Context, s Store, next *verify.Loaded, liveAt digest.Digest) error {
	if liveAt == "" || liveAt == next.Digest {
		return nil
	}
	if next.Catalog.Previous == liveAt {
		return nil
	}
	live, err := loadTag(ctx, o.verifier(s), o.Name.LiveTag())
	if err != nil || live == nil {
		return err
	}
	if next.Catalog.Serial <= live.Catalog.Serial {
		return fmt.Errorf("promote: revision %d is older than the live revision %d, and serials never fall; publish the old content again as a new revision", next.Catalog.Serial, live.Catalog.Serial)
	}
	kept := map[string]string{}
	for _, f := range next.Catalog.Files {
		kept[f.Filename] = f.SHA256
	}
	for _, r := range next.Catalog.Retired {
		kept[r.File.Filename] = r.File.SHA256
	}
	for _, w := range next.Catalog.Withdrawn {
		kept[w.Filename] = w.SHA256
	}
	for _, f := range live.Catalog.Files {
		if kept[f.Filename] != f.SHA256 {
			return fmt.Errorf("promote: revision %d was planned before revision %d went live and would drop %s for users who locked it; publish again on top of live", next.Catalog.Serial, live.Catalog.Serial, f.Filename)
		}
	}
	return nil
}

func (p *Promotion) planHead(current *policy.Head, c *index.Catalog, o PromoteOptions) error {
	statement := index.Promotion{
		By: o.By, Epoch: c.Epoch, Issued: p.Issued, Name: p.Name, Reason: o.Reason, Revision: p.Revision.Digest,
		Sequence: 1, Serial: p.Serial, Stage: index.StageLive, Withdrawn: c.Withdrawn,
	}
	if current != nil {
		last := current.Promotion
		if statement.Issued.Before(last.Issued) {
			return fmt.Errorf("promote: the clock says %s, but the last promotion was at %s", statement.Issued.Format(time.RFC3339), last.Issued.Format(time.RFC3339))
		}
		statement.Sequence = last.Sequence + 1
		statement.Recent = recent(&last, p.Issued)
		statement.Withdrawn = policy.Withdrawals(&policy.Evidence{Catalog: c, Head: current})
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
	if err != nil || data == nil {
		return err
	}
	o := newObject(artifact.MediaTypeIndex, data)
	p.Retired = &o
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

// Apply writes the promotion: .sig tags, the retired index, the head under its
// own tag and then as the head, and last the live tag. It can be repeated.
func (p *Promotion) Apply(ctx context.Context, s Store) error {
	name, err := index.ParseName(p.Name)
	if err != nil {
		return err
	}
	if p.again {
		if err := p.checkStart(ctx, s, name); err != nil {
			return err
		}
	}
	for _, t := range p.Sigs {
		if err := t.write(ctx, s); err != nil {
			return err
		}
	}
	if p.Retired != nil {
		if err := moveTag(ctx, s, *p.Retired, name.RetiredTag(), p.RetiredAt); err != nil {
			return err
		}
	}
	if err := pushBlobs(ctx, s, p.Head.Bundles); err != nil {
		return err
	}
	if err := createTag(ctx, s, p.Head.Manifest, name.HeadHistoryTag(p.Sequence)); err != nil {
		return err
	}
	// The live tag is read back; a head that somebody overwrote in between
	// names a sequence that this one took, which createTag has found out.
	if err := moveTagOnce(ctx, s, p.Head.Manifest, name.HeadTag(), p.HeadAt); err != nil {
		return err
	}
	return moveTag(ctx, s, p.Revision, name.LiveTag(), p.Live)
}

// checkStart finds out before the first write whether a saved plan is out of date.
func (p *Promotion) checkStart(ctx context.Context, s Store, name index.Name) error {
	live, err := resolve(ctx, s, name.LiveTag())
	if err != nil {
		return err
	}
	if live != p.Live && live != p.Revision.Digest {
		return &ConflictError{Tag: name.LiveTag(), Want: p.Live, Have: live}
	}
	return nil
}

// write stores the signatures for other tools. Nothing of ours depends on them,
// so the tag is neither checked again nor read back.
func (t sigTag) write(ctx context.Context, s Store) error {
	if err := pushBlobs(ctx, s, t.Payloads); err != nil {
		return err
	}
	return putTag(ctx, s, t.Manifest, t.Tag)
}

func pushBlobs(ctx context.Context, s Store, blobs []Object) error {
	for _, b := range blobs {
		if err := push(ctx, s, b); err != nil {
			return err
		}
	}
	return nil
}

// Encode returns the plan as JSON for a file.
func (p *Promotion) Encode() ([]byte, error) { return encodePlan(p) }

// DecodePromotion reads a saved plan of a promotion.
func DecodePromotion(data []byte) (*Promotion, error) {
	var p Promotion
	if err := decodePlan(data, &p); err != nil {
		return nil, err
	}
	if p.Kind != "promote" {
		return nil, fmt.Errorf("plan: its kind is %q, not promote", p.Kind)
	}
	objects := append([]Object{p.Revision}, p.Head.Bundles...)
	if p.Retired != nil {
		objects = append(objects, *p.Retired)
	}
	for _, t := range p.Sigs {
		objects = append(append(objects, t.Manifest), t.Payloads...)
	}
	for _, o := range append(objects, p.Head.Manifest) {
		if err := o.check(); err != nil {
			return nil, err
		}
	}
	p.again = true
	return &p, nil
}
