package verify

import (
	"bytes"
	"context"
	"errors"

	"github.com/opencontainers/go-digest"
	"oras.land/oras-go/v2/errdef"

	"github.com/pinwheel-oci/pinwheel/pkg/artifact"
	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/policy"
)

// found is a revision whose stored index passed step 12.
type found struct {
	*loaded
	digest digest.Digest // of the full index
	subset *index.Subset // nil where the store has the full index
}

// find gets the revision d (steps 5 to 9 and 12). A store without it may keep a
// declared subset of it under the live tag; with lag, what the live tag names
// will do too. Callers compare the digest of what was found.
func (v *Verifier) find(ctx context.Context, d digest.Digest, lag bool) (*found, error) {
	data, missing := v.fetchBlob(ctx, 5, policy.RevisionMissing, artifact.MediaTypeIndex, artifact.Blob{Digest: d}, index.MaxRevision)
	if missing == nil {
		return v.full(ctx, tagged{d, data})
	}
	if !errors.Is(missing, errdef.ErrNotFound) {
		return nil, missing
	}
	subset, err := v.subset(ctx)
	if err != nil && !isMissing(err) {
		return nil, err
	}
	if subset == nil && !lag {
		return nil, missing
	}
	live, err := v.fetchTag(ctx, 4, policy.LiveMissing, v.Rules.Name.LiveTag(), artifact.MediaTypeIndex, index.MaxRevision)
	if err != nil {
		return nil, err
	}
	if subset == nil {
		return v.full(ctx, live)
	}
	return v.part(ctx, live, subset)
}

// headless gets what the live tag names, a full index or a declared subset.
func (v *Verifier) headless(ctx context.Context) (*found, error) {
	live, err := v.fetchTag(ctx, 1, policy.LiveMissing, v.Rules.Name.LiveTag(), artifact.MediaTypeIndex, index.MaxRevision)
	if err != nil {
		return nil, err
	}
	f, mismatch := v.full(ctx, live)
	var r *policy.Refusal
	if !errors.As(mismatch, &r) || r.Code != policy.IndexMismatch {
		return f, mismatch
	}
	subset, err := v.subset(ctx)
	if isMissing(err) {
		return nil, mismatch
	}
	if err != nil {
		return nil, err
	}
	return v.part(ctx, live, subset)
}

// full loads an index that must be all of what its catalog says.
func (v *Verifier) full(ctx context.Context, stored tagged) (*found, error) {
	l, err := v.load(ctx, stored.data)
	if err != nil {
		return nil, err
	}
	full, err := index.Build(l.catalogEntry, l.signatureEntry, l.catalog)
	if err != nil {
		return nil, malformed(12, "index", err)
	}
	if d := digest.FromBytes(full); d != stored.digest || !bytes.Equal(full, stored.data) {
		return nil, policy.Refuse(12, policy.IndexMismatch, "the index %s is not what its catalog says: that would be %s", stored.digest, d)
	}
	return &found{loaded: l, digest: stored.digest}, nil
}

// part loads an index that must be the declared part of a revision; the digest
// found is that of the full one, rebuilt.
func (v *Verifier) part(ctx context.Context, stored tagged, s *index.Subset) (*found, error) {
	l, err := v.load(ctx, stored.data)
	if err != nil {
		return nil, err
	}
	full, err := index.Build(l.catalogEntry, l.signatureEntry, l.catalog)
	if err != nil {
		return nil, malformed(12, "index", err)
	}
	d := digest.FromBytes(full)
	if s.Revision != d || s.Name != l.catalog.Name().String() {
		return nil, policy.Refuse(12, policy.IndexMismatch, "the subset is of %s, revision %s; the catalog is of %s, revision %s", s.Name, s.Revision, l.catalog.Name(), d)
	}
	// A store that has everything after all is fine too.
	if bytes.Equal(full, stored.data) {
		return &found{loaded: l, digest: d}, nil
	}
	part, err := s.Build(l.catalogEntry, l.signatureEntry, l.catalog)
	if err != nil {
		return nil, malformed(12, "subset", err)
	}
	if !bytes.Equal(part, stored.data) {
		return nil, policy.Refuse(12, policy.IndexMismatch, "the stored index is not the part of revision %s that the subset declares", d)
	}
	return &found{loaded: l, digest: d, subset: s}, nil
}
