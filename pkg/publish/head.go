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

// DefaultExpiry is how long a promotion is fresh unless it is refreshed.
const DefaultExpiry = 7 * 24 * time.Hour

// head is a head to write: bundles and the manifest over them.
type head struct {
	Bundles  []Object `json:"bundles"`
	Manifest Object   `json:"manifest"`
}

func newHead(promotions []Object, freshness Object) (head, error) {
	h := head{Bundles: append(append([]Object{}, promotions...), freshness)}
	var err error
	h.Manifest, err = newManifest(artifact.Manifest{ArtifactType: artifact.TypeHead, Layers: layers(h.Bundles)})
	return h, err
}

// signFreshness says from now on, for expiry, that the promotion holds.
func signFreshness(p *index.Promotion, promotionSHA256 string, counter uint64, now time.Time, expiry time.Duration, signer sign.Signer) (Object, error) {
	issued := now.UTC().Truncate(time.Second)
	f := index.Freshness{
		Counter: counter, Epoch: p.Epoch, Issued: issued, Expires: issued.Add(expiry).Truncate(time.Second),
		Name: p.Name, Promotion: promotionSHA256, Stage: p.Stage,
	}
	statement, err := f.Statement()
	if err != nil {
		return Object{}, err
	}
	data, err := sign.Bundle(signer, statement)
	return newObject(artifact.MediaTypeBundle, data), err
}

// currentHead reads the promotion that is there now, or nil, and where the head
// is. trusted are the keys that may have signed it: one by nobody we know is not
// built upon.
func currentHead(ctx context.Context, s Store, name index.Name, epoch uint64, now time.Time, trusted []dsse.PublicKey) (*policy.Head, digest.Digest, error) {
	v := &verify.Verifier{Store: s, Rules: policy.Trusting(name, epoch, trusted...), Now: func() time.Time { return now }}
	h, at, err := v.Promotion(ctx)
	var refusal *policy.Refusal
	switch {
	case errors.As(err, &refusal) && refusal.Code == policy.HeadMissing:
		return nil, "", nil
	case errors.As(err, &refusal) && refusal.Code == policy.HeadEpoch && h.Promotion.Epoch < epoch:
		// A new epoch begins anew: its readers ignore what the old one said.
		return nil, at, nil
	case errors.As(err, &refusal) && refusal.Code == policy.HeadSignature:
		return nil, at, fmt.Errorf("tag %s: the head there cannot be built upon (name the key that promoted it: promote --trust-promote FILE, sign --refresh --trust FILE): %w", name.HeadTag(), err)
	case err != nil:
		return nil, at, fmt.Errorf("tag %s: the head there cannot be built upon: %w", name.HeadTag(), err)
	}
	return h, at, nil
}

// promotedBy reports whether a head says that the revision is live and bears the
// signature of every one of the signers: then there is nothing to add.
func promotedBy(h *policy.Head, signers []sign.Signer, revision digest.Digest) bool {
	if h == nil || h.Promotion.Revision != revision {
		return false
	}
	for _, s := range signers {
		if !slices.ContainsFunc(h.PromotionKeys, func(k *policy.Key) bool { return k.Public.Equal(s.Public()) }) {
			return false
		}
	}
	return true
}

// RefreshOptions are what a head is renewed with.
type RefreshOptions struct {
	Name   index.Name
	Expiry time.Duration // 0 is DefaultExpiry
	Signer sign.Signer   // a key of role refresh or promote
	// Trusted are the keys that may have signed the promotion and the present
	// freshness, besides Signer's.
	Trusted []dsse.PublicKey
	Epoch   uint64 // 0 is 1
	// Lease is how the head is moved; nil for stores that swap tags.
	Lease *Lease
	Now   time.Time
}

// Refreshed says what a refresh wrote.
type Refreshed struct {
	Head     digest.Digest `json:"head"`
	Sequence uint64        `json:"sequence"`
	Serial   uint64        `json:"serial"`
	Counter  uint64        `json:"counter"`
	Expires  time.Time     `json:"expires"`
}

// Refresh replaces the freshness statement of the head; the promotion stays as
// it is, byte for byte. It cannot change what is live.
func Refresh(ctx context.Context, s Store, o RefreshOptions) (*Refreshed, error) {
	if o.Expiry == 0 {
		o.Expiry = DefaultExpiry
	}
	t, err := takeTurn(ctx, s, o.Name, o.Lease, "")
	if err != nil {
		return nil, err
	}
	defer t.end(ctx)
	trusted := append([]dsse.PublicKey{o.Signer.Public()}, o.Trusted...)
	current, at, err := currentHead(ctx, s, o.Name, max(o.Epoch, 1), o.Now, trusted)
	if err != nil {
		return nil, err
	}
	if current == nil {
		return nil, fmt.Errorf("refresh: %s has no head in epoch %d; promote a revision first: %w", o.Name, max(o.Epoch, 1), errdef.ErrNotFound)
	}
	promotions, counter, err := headBundles(ctx, s, at)
	if err != nil {
		return nil, err
	}
	counter++
	freshness, err := signFreshness(&current.Promotion, current.PromotionSHA256, counter, o.Now, o.Expiry, o.Signer)
	if err != nil {
		return nil, err
	}
	h, err := newHead(promotions, freshness)
	if err != nil {
		return nil, err
	}
	if err := pushArtifact(ctx, s, h.Manifest, freshness); err != nil {
		return nil, err
	}
	if err := t.hold(ctx); err != nil {
		return nil, err
	}
	if err := moveTag(ctx, s, h.Manifest, o.Name.HeadTag(), at); err != nil {
		return nil, err
	}
	return &Refreshed{
		Head: h.Manifest.Digest, Sequence: current.Promotion.Sequence, Serial: current.Promotion.Serial,
		Counter: counter, Expires: o.Now.UTC().Truncate(time.Second).Add(o.Expiry),
	}, nil
}

// headBundles fetches the promotion bundles of a head and the counter of its
// freshness. Whose signature the freshness bears does not matter here: a counter
// can only be too high, and the new statement is signed by us.
func headBundles(ctx context.Context, s Store, at digest.Digest) ([]Object, uint64, error) {
	desc, err := s.Resolve(ctx, string(at))
	if err != nil {
		return nil, 0, err
	}
	data, err := fetchAll(ctx, s, desc, artifact.MaxManifest)
	if err != nil {
		return nil, 0, err
	}
	m, err := artifact.Decode(data, artifact.TypeHead)
	if err != nil {
		return nil, 0, err
	}
	var bundles []Object
	for _, l := range m.Layers {
		data, err := fetchAll(ctx, s, ocispec.Descriptor{MediaType: l.MediaType, Digest: l.Digest, Size: l.Size}, artifact.MaxBundle)
		if err != nil {
			return nil, 0, err
		}
		bundles = append(bundles, newObject(l.MediaType, data))
	}
	last := len(bundles) - 1
	counter, err := freshnessCounter(bundles[last].Data)
	return bundles[:last], counter, err
}

func freshnessCounter(bundle []byte) (uint64, error) {
	statement, err := statementOf(bundle)
	if err != nil {
		return 0, err
	}
	f, err := index.DecodeFreshness(statement)
	return f.Counter, err
}

// statementOf reads what a bundle says, whoever signed it.
func statementOf(bundle []byte) (*dsse.Statement, error) {
	b, err := dsse.DecodeBundle(bundle)
	if err != nil {
		return nil, err
	}
	return dsse.DecodeStatement(b.Envelope.Payload)
}

// existingSig returns the signatures that are under a .sig tag already.
func existingSig(ctx context.Context, s Store, tag string) (layers []ocispec.Descriptor, at digest.Digest, err error) {
	desc, err := s.Resolve(ctx, tag)
	if errors.Is(err, errdef.ErrNotFound) {
		return nil, "", nil
	}
	if err != nil {
		return nil, "", err
	}
	data, err := fetchAll(ctx, s, desc, sign.MaxSigManifestSize)
	if err != nil {
		return nil, "", err
	}
	layers, err = sign.ParseSigManifest(data)
	if err != nil {
		return nil, "", fmt.Errorf("tag %s: %w", tag, err)
	}
	return layers, desc.Digest, nil
}
