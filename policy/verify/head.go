package verify

import (
	"context"

	"github.com/opencontainers/go-digest"

	"github.com/pinwheel-oci/pinwheel/pkg/artifact"
	"github.com/pinwheel-oci/pinwheel/pkg/dsse"
	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/policy"
)

// Head fetches and verifies the head (steps 1 to 4). A head that does not
// exist is the refusal [policy.HeadMissing].
func (v *Verifier) Head(ctx context.Context, s *policy.State) (*policy.Head, error) {
	h, err := v.fetchHead(ctx)
	if err != nil {
		return nil, err
	}
	return h, v.Rules.DecideHead(h, s, v.Now())
}

// Promotion fetches the head and verifies only its promotion (steps 1 and 2): for
// writers, who build on what was promoted whether it is still fresh or not. It
// returns the head's digest too.
func (v *Verifier) Promotion(ctx context.Context) (*policy.Head, digest.Digest, error) {
	return v.PromotionAt(ctx, v.Rules.Name.HeadTag())
}

// PromotionAt is [Verifier.Promotion] for a head under another tag, such as
// those that are kept as history.
func (v *Verifier) PromotionAt(ctx context.Context, tag string) (*policy.Head, digest.Digest, error) {
	h, m, at, err := v.openHead(ctx, tag)
	if err != nil {
		return nil, at, err
	}
	if err := v.promotion(ctx, m.Layers[:len(m.Layers)-1], h); err != nil {
		return nil, at, err
	}
	return h, at, v.Rules.DecidePromotion(h, v.Now())
}

// fetchHead reads a head: the last layer is the freshness, those before are
// signatures on one and the same promotion.
func (v *Verifier) fetchHead(ctx context.Context) (*policy.Head, error) {
	h, m, _, err := v.openHead(ctx, v.Rules.Name.HeadTag())
	if err != nil {
		return nil, err
	}
	last := len(m.Layers) - 1
	if err := v.promotion(ctx, m.Layers[:last], h); err != nil {
		return nil, err
	}
	signed, err := v.fetchBundle(ctx, 3, m.Layers[last], v.Rules.KeysFor(policy.Promote, policy.Refresh))
	if err != nil {
		return nil, err
	}
	if signed.key == nil {
		return nil, policy.Refuse(3, policy.FreshnessSignature, "the freshness statement is not signed by a key with role promote or refresh")
	}
	if h.Freshness, err = index.DecodeFreshness(signed.statement); err != nil {
		return nil, malformed(3, "freshness", err)
	}
	h.FreshnessKeys = []*policy.Key{signed.key}
	return h, nil
}

func (v *Verifier) openHead(ctx context.Context, tag string) (*policy.Head, artifact.Manifest, digest.Digest, error) {
	stored, err := v.fetchTag(ctx, 1, policy.HeadMissing, tag, artifact.MediaTypeManifest, artifact.MaxManifest)
	if err != nil {
		return nil, artifact.Manifest{}, "", err
	}
	m, err := artifact.Decode(stored.data, artifact.TypeHead)
	if err != nil {
		return nil, m, stored.digest, malformed(2, "head "+string(stored.digest), err)
	}
	return &policy.Head{}, m, stored.digest, nil
}

// promotion reads the signatures on the promotion. Those by keys that the
// policy does not know are passed over; those that count must agree.
func (v *Verifier) promotion(ctx context.Context, layers []artifact.Layer, h *policy.Head) error {
	var payload []byte
	for _, l := range layers {
		signed, err := v.fetchBundle(ctx, 2, l, v.Rules.KeysFor(policy.Promote))
		if err != nil {
			return err
		}
		if signed.key == nil {
			continue
		}
		if payload != nil && string(payload) != string(signed.payload) {
			return policy.Refuse(2, policy.Malformed, "the head's signatures are on different promotions")
		}
		payload = signed.payload
		if h.Promotion, err = index.DecodePromotion(signed.statement); err != nil {
			return malformed(2, "promotion", err)
		}
		h.PromotionKeys = append(h.PromotionKeys, signed.key)
	}
	if payload == nil {
		return policy.Refuse(2, policy.HeadSignature, "the head is not signed by any key that the policy gives the role promote")
	}
	h.PromotionSHA256 = digest.FromBytes(payload).Encoded()
	return nil
}

// signed is a bundle after verification; key is nil if no key made it.
type signed struct {
	statement *dsse.Statement
	payload   []byte
	key       *policy.Key
}

// fetchBundle fetches a bundle and tries the keys on it. Only what cannot be
// fetched is an error: a bundle of another kind or by another key is ignored,
// because anyone may add signatures of their own.
func (v *Verifier) fetchBundle(ctx context.Context, step int, l artifact.Layer, keys []*policy.Key) (signed, error) {
	data, err := v.fetchBlob(ctx, step, policy.Unavailable, l.MediaType, l.Blob, artifact.MaxBundle)
	if err != nil {
		return signed{}, err
	}
	bundle, err := dsse.DecodeBundle(data)
	if err != nil {
		return signed{}, nil
	}
	public := make([]dsse.PublicKey, len(keys))
	for i, k := range keys {
		public[i] = k.Public
	}
	statement, payload, key, err := dsse.VerifyBundle(bundle, public)
	if err != nil {
		return signed{}, nil
	}
	for _, k := range keys {
		if k.Public.Equal(key) {
			return signed{statement, payload, k}, nil
		}
	}
	return signed{}, nil
}

// release verifies by the series' release instead of a head.
func (v *Verifier) release(ctx context.Context, e policy.Evidence) (*Revision, error) {
	r, err := v.fetchRelease(ctx, e.State)
	if err != nil {
		return nil, err
	}
	entry, ok := r.Variants[v.Rules.Name.Variant]
	if !ok {
		return nil, policy.Refuse(1, policy.NotInRelease, "release %s/%s number %d has no variant %s", r.Product, r.Series, r.Sequence, v.Rules.Name.Variant)
	}
	f, err := v.find(ctx, entry.Revision, false)
	if err != nil {
		return nil, err
	}
	if f.digest != entry.Revision {
		return nil, policy.Refuse(4, policy.Lag, "the store keeps a part of revision %s, the release names %s", f.digest, entry.Revision)
	}
	e.Serial, e.Since, e.Released = entry.Serial, r.Issued, &entry
	return v.decide(f, e)
}

func (v *Verifier) fetchRelease(ctx context.Context, s *policy.State) (*index.Release, error) {
	e, _, err := v.openRelease(ctx)
	if err != nil {
		return nil, err
	}
	return e.Release, v.Rules.DecideRelease(*e, s, v.Now())
}

// Release fetches and verifies the release of the series: for writers, who
// build on it, whatever a reader remembers. It returns its digest too.
func (v *Verifier) Release(ctx context.Context) (*policy.ReleaseEvidence, digest.Digest, error) {
	e, at, err := v.openRelease(ctx)
	if err != nil {
		return nil, at, err
	}
	return e, at, v.Rules.DecideRelease(*e, nil, v.Now())
}

// openRelease reads a release and who signed it.
func (v *Verifier) openRelease(ctx context.Context) (*policy.ReleaseEvidence, digest.Digest, error) {
	tag, err := v.fetchTag(ctx, 1, policy.ReleaseMissing, index.ReleaseTag(v.Rules.Name.Series), artifact.MediaTypeManifest, artifact.MaxManifest)
	if err != nil {
		return nil, "", err
	}
	m, err := artifact.Decode(tag.data, artifact.TypeRelease)
	if err != nil {
		return nil, tag.digest, malformed(2, "release "+string(tag.digest), err)
	}
	data, err := v.fetchBlob(ctx, 2, policy.Unavailable, m.Layers[0].MediaType, m.Layers[0].Blob, artifact.MaxRelease)
	if err != nil {
		return nil, tag.digest, err
	}
	r, err := index.DecodeRelease(data)
	if err != nil {
		return nil, tag.digest, malformed(2, "release", err)
	}
	e := &policy.ReleaseEvidence{Release: r}
	for _, l := range m.Layers[1:] {
		signed, err := v.fetchBundle(ctx, 2, l, v.Rules.KeysFor(policy.Promote))
		if err != nil {
			return nil, tag.digest, err
		}
		if signed.key != nil && r.CheckStatement(signed.statement) == nil {
			e.Keys = append(e.Keys, signed.key)
		}
	}
	return e, tag.digest, nil
}
