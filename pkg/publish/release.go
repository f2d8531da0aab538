package publish

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
	"golang.org/x/sync/errgroup"
	"oras.land/oras-go/v2/errdef"

	"github.com/pinwheel-oci/pinwheel/pkg/artifact"
	"github.com/pinwheel-oci/pinwheel/pkg/dsse"
	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/pkg/sign"
	"github.com/pinwheel-oci/pinwheel/policy"
	"github.com/pinwheel-oci/pinwheel/policy/verify"
)

// variantsAtOnce is how many variants of a release are planned at a time.
const variantsAtOnce = 4

// ReleaseOptions are what a release is planned from.
type ReleaseOptions struct {
	Series string
	// Variants whose candidates are promoted; none means every variant of the
	// series that has a candidate. Others stay as the last release has them.
	Variants []string
	// Drop names variants of the last release that this one leaves out: who
	// follows the release gets no more of them.
	Drop []string
	// Promote is how each variant is promoted; its Name and Revision are set
	// for each.
	Promote PromoteOptions
}

// ReleasePlan is the plan of a release: promotions, one by one, and last the
// signed document that names them all. No registry moves several tags at once,
// so the order makes a half of it visible as such (docs/format.md, "The release").
type ReleasePlan struct {
	Kind     string    `json:"kind"` // "release"
	Product  string    `json:"product"`
	Series   string    `json:"series"`
	Sequence uint64    `json:"sequence"`
	Issued   time.Time `json:"issued"`
	// At is where the release tag was.
	At         digest.Digest `json:"at,omitempty"`
	Promotions []*Promotion  `json:"promotions"`
	// Document is the release, then the bundles over it and their manifest.
	Document Object   `json:"document"`
	Bundles  []Object `json:"bundles"`
	Manifest Object   `json:"manifest"`
	// Lease is how Apply takes its turn at each variant; nil for stores that
	// swap tags.
	Lease *Lease `json:"-"`
}

// ErrAlreadyReleased says that the release names what is live everywhere, and
// that nothing is to be promoted.
var ErrAlreadyReleased = errors.New("already released")

// NewRelease plans to promote the variants of a series together. Every variant
// is checked, and the error names all that cannot be promoted. It writes
// nothing.
func NewRelease(ctx context.Context, s ListingStore, o ReleaseOptions) (*ReleasePlan, error) {
	if err := index.CheckSeries(o.Series); err != nil {
		return nil, err
	}
	if len(o.Promote.Signers) == 0 {
		return nil, errors.New("promote: no signing key")
	}
	chosen, err := o.choose(ctx, s)
	if err != nil {
		return nil, err
	}
	last, at, err := o.last(ctx, s, chosen[0].Catalog)
	if err != nil {
		return nil, err
	}
	c := chosen[0].Catalog
	p := &ReleasePlan{Kind: "release", Product: c.Product, Series: o.Series, Sequence: 1, Issued: o.Promote.Now.UTC().Truncate(time.Second), At: at, Promotions: []*Promotion{}}
	r := &index.Release{Epoch: c.Epoch, Format: index.FormatVersion, Issued: p.Issued, Product: p.Product, Series: o.Series, Variants: map[string]index.Released{}}
	if last != nil {
		if p.Issued.Before(last.Release.Issued) {
			return nil, input("promote --release: the clock says %s, but the last release was at %s: set the clock right", p.Issued.Format(time.RFC3339), last.Release.Issued.Format(time.RFC3339))
		}
		p.Sequence = last.Release.Sequence + 1
		maps.Copy(r.Variants, last.Release.Variants)
	}
	r.Sequence = p.Sequence
	for _, v := range o.Drop {
		if _, ok := r.Variants[v]; !ok {
			return nil, input("promote --release: the last release of %s has no variant %s to drop", o.Series, v)
		}
		delete(r.Variants, v)
	}
	if err := p.planVariants(ctx, s, o, chosen, r); err != nil {
		return nil, err
	}
	if len(p.Promotions) == 0 && last != nil && maps.Equal(r.Variants, last.Release.Variants) && releasedBy(last.Keys, o.Promote.Signers) {
		p.Sequence = last.Release.Sequence
		return p, fmt.Errorf("%w: release %s number %d (%s)", ErrAlreadyReleased, o.Series, p.Sequence, at)
	}
	return p, p.seal(r, o.Promote.Signers)
}

// ListingStore is a [Store] whose tags can be listed.
type ListingStore interface {
	Store
	Tags(ctx context.Context, last string, fn func([]string) error) error
}

// choose finds the candidates that the release is made of, in order of variant.
func (o *ReleaseOptions) choose(ctx context.Context, s ListingStore) ([]*verify.Loaded, error) {
	found, err := o.candidates(ctx, s)
	if err != nil {
		return nil, err
	}
	var chosen []*verify.Loaded
	for _, l := range found {
		v := l.Catalog.Variant
		if !slices.Contains(o.Drop, v) && (len(o.Variants) == 0 || slices.Contains(o.Variants, v)) {
			chosen = append(chosen, l)
		}
	}
	for _, v := range o.Variants {
		if !slices.ContainsFunc(chosen, func(l *verify.Loaded) bool { return l.Catalog.Variant == v }) {
			return nil, fmt.Errorf("promote --release: variant %s of %s has no candidate (or is dropped); publish first: %w", v, o.Series, errdef.ErrNotFound)
		}
	}
	if len(chosen) == 0 {
		return nil, fmt.Errorf("promote --release: no variant of %s has a candidate; publish first: %w", o.Series, errdef.ErrNotFound)
	}
	first := chosen[0].Catalog
	for _, l := range chosen[1:] {
		c := l.Catalog
		if c.Product != first.Product {
			return nil, input("promote --release: the repository has %s and %s: a release has one product; keep them in two repositories", first.Name(), c.Name())
		}
		if c.Epoch != first.Epoch {
			return nil, input("promote --release: %s has epoch %d and %s epoch %d: a release has one epoch; publish the older again with --epoch, or name variants", first.Name(), first.Epoch, c.Name(), c.Epoch)
		}
	}
	return chosen, nil
}

// candidates loads the candidates of the series, or those asked for. Tags only
// suggest; names come from catalogs. Who signed is not looked at here.
func (o *ReleaseOptions) candidates(ctx context.Context, s ListingStore) ([]*verify.Loaded, error) {
	prefix := index.Name{Series: o.Series}.CandidateTag()
	var tags []string
	err := s.Tags(ctx, "", func(page []string) error {
		for _, t := range page {
			v, ok := strings.CutPrefix(t, prefix)
			if ok && (len(o.Variants) == 0 || slices.Contains(o.Variants, v)) {
				tags = append(tags, t)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.Sort(tags)
	found := make([]*verify.Loaded, len(tags))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(variantsAtOnce)
	for i, tag := range tags {
		g.Go(func() error {
			v := &verify.Verifier{Store: s, Rules: policy.Trusting(index.Name{}, 1)}
			l, err := v.Load(gctx, tag)
			if err != nil {
				return fmt.Errorf("tag %s: %w", tag, err)
			}
			if name := l.Catalog.Name(); name.CandidateTag() == tag {
				found[i] = l
				return nil
			}
			return input("tag %s holds a revision of %s, whose candidate it is not: remove the tag, or name the variants", tag, l.Catalog.Name())
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return found, nil
}

// last verifies the release that is there, or is nil.
func (o *ReleaseOptions) last(ctx context.Context, s Store, c *index.Catalog) (*policy.ReleaseEvidence, digest.Digest, error) {
	keys := slices.Clone(o.Promote.Promoters)
	for _, k := range o.Promote.Signers {
		keys = append(keys, k.Public())
	}
	return currentRelease(ctx, s, c.Name(), c.Epoch, o.Promote.Now, keys)
}

// currentRelease reads the release that is there now, or nil, and where its tag
// is. As with heads, one by nobody we know is not built upon.
func currentRelease(ctx context.Context, s Store, name index.Name, epoch uint64, now time.Time, trusted []dsse.PublicKey) (*policy.ReleaseEvidence, digest.Digest, error) {
	v := &verify.Verifier{Store: s, Rules: policy.Trusting(name, epoch, trusted...), Now: func() time.Time { return now }}
	e, at, err := v.Release(ctx)
	var refusal *policy.Refusal
	switch {
	case err == nil:
		return e, at, nil
	case errors.As(err, &refusal) && refusal.Code == policy.ReleaseMissing:
		return nil, "", nil
	case errors.As(err, &refusal) && refusal.Code == policy.HeadEpoch && e != nil && e.Release.Epoch < epoch:
		return nil, at, nil
	case errors.As(err, &refusal) && refusal.Code == policy.HeadSignature:
		return nil, at, fmt.Errorf("tag %s: the release there cannot be built upon (name the key that signed it: --trust-promote FILE): %w", index.ReleaseTag(name.Series), err)
	default:
		return nil, at, fmt.Errorf("tag %s: the release there cannot be built upon: %w", index.ReleaseTag(name.Series), err)
	}
}

// releasedBy reports whether every signer signed already.
func releasedBy(keys []*policy.Key, signers []sign.Signer) bool {
	for _, s := range signers {
		if !slices.ContainsFunc(keys, func(k *policy.Key) bool { return k.Public.Equal(s.Public()) }) {
			return false
		}
	}
	return true
}

// planVariants plans each promotion and enters it into the release.
func (p *ReleasePlan) planVariants(ctx context.Context, s Store, o ReleaseOptions, chosen []*verify.Loaded, r *index.Release) error {
	planned := make([]*Promotion, len(chosen))
	refused := make([]error, len(chosen))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(variantsAtOnce)
	for i, l := range chosen {
		g.Go(func() error {
			v := o.Promote
			// What was chosen, should the candidate move meanwhile.
			v.Name, v.Revision = l.Catalog.Name(), l.Digest
			v.Trusted, v.Promoters = slices.Clone(v.Trusted), slices.Clone(v.Promoters)
			// The others are still looked at: the user wants to hear of all.
			if planned[i], refused[i] = NewPromotion(gctx, s, v); refused[i] != nil && !errors.Is(refused[i], ErrAlreadyLive) {
				refused[i] = fmt.Errorf("%s: %w", v.Name, refused[i])
			}
			return gctx.Err()
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	var bad []error
	for i, l := range chosen {
		switch {
		case errors.Is(refused[i], ErrAlreadyLive):
		case refused[i] != nil:
			bad = append(bad, refused[i])
			continue
		default:
			p.Promotions = append(p.Promotions, planned[i])
		}
		r.Variants[l.Catalog.Variant] = index.Released{HeadSequence: planned[i].Sequence, Revision: l.Digest, Serial: l.Catalog.Serial}
	}
	return errors.Join(bad...)
}

// seal encodes and signs the release.
func (p *ReleasePlan) seal(r *index.Release, signers []sign.Signer) error {
	data, err := r.Encode()
	if err != nil {
		return err
	}
	p.Document = newObject(artifact.MediaTypeRelease, data)
	statement, err := r.Statement()
	if err != nil {
		return err
	}
	if p.Bundles, err = signAll(statement, signers); err != nil {
		return err
	}
	p.Manifest, err = newManifest(artifact.Manifest{ArtifactType: artifact.TypeRelease, Layers: append([]artifact.Layer{p.Document.layer()}, layers(p.Bundles)...)})
	return err
}

// Release is the document that the plan writes.
func (p *ReleasePlan) Release() (*index.Release, error) { return index.DecodeRelease(p.Document.Data) }
