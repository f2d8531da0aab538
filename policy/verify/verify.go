// Package verify gathers the evidence about a revision, by the algorithm of
// docs/verification.md: it fetches within limits, checks digests, rebuilds the
// index from its catalog and verifies signatures, and lets package policy
// decide. It only reads, and returns either everything that was proven or a
// [policy.Refusal].
package verify

import (
	"context"
	"errors"
	"time"

	"github.com/opencontainers/go-digest"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/errdef"

	"github.com/pinwheel-oci/pinwheel/pkg/artifact"
	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/policy"
)

// Store is where revisions lie: a registry repository or an OCI layout. A
// store that can also fetch by tag in one request (oras-go's
// registry.ReferenceFetcher) is asked that way.
type Store interface {
	content.Resolver
	content.Fetcher
}

// Verifier verifies the revisions of one index.
type Verifier struct {
	Store Store
	Rules *policy.Index
	Now   func() time.Time
}

// Revision is a revision that passed, with what was proven about it.
type Revision struct {
	policy.Evidence
	CatalogEntry   artifact.Blob
	SignatureEntry artifact.Blob
	// Ignored counts embedded signatures that said nothing: by unknown keys,
	// of another kind or about another catalog.
	Ignored  int
	Warnings []string
	// Subset is what a mirror kept, or nil where it has everything.
	Subset *index.Subset
	// Denied tells which files must not be served.
	Denied *policy.Denied
	// Next is what to remember before serving; nil for pinned requests.
	Next *policy.State
	// StaleAfter is when the revision stops being fresh; zero means never.
	StaleAfter time.Time
}

// Live verifies what users follow. s is what was remembered, or nil.
func (v *Verifier) Live(ctx context.Context, s *policy.State) (*Revision, error) {
	if v.Rules.FollowRelease {
		return v.release(ctx, s)
	}
	head, err := v.Head(ctx, s)
	switch {
	case isMissing(err) && v.Rules.Freshness != policy.FreshHead:
		// Without a head the tag alone says what is live.
		live, err := v.fetchTag(ctx, 1, policy.LiveMissing, v.Rules.Name.LiveTag(), artifact.MediaTypeIndex, index.MaxRevision)
		if err != nil {
			return nil, err
		}
		return v.finish(ctx, live.digest, live.data, policy.Evidence{Kind: policy.Live, State: s})
	case err != nil:
		return nil, err
	}
	return v.named(ctx, head, s)
}

// Candidate verifies what is under test: no head, no freshness, a state of its own.
func (v *Verifier) Candidate(ctx context.Context, s *policy.State) (*Revision, error) {
	c, err := v.fetchTag(ctx, 1, policy.CandidateMissing, v.Rules.Name.CandidateTag(), artifact.MediaTypeIndex, index.MaxRevision)
	if err != nil {
		return nil, err
	}
	return v.finish(ctx, c.digest, c.data, policy.Evidence{Kind: policy.Candidate, State: s})
}

// Pinned verifies the revision d, which a verified head or release or the
// policy must name. s is only read for what is withdrawn.
func (v *Verifier) Pinned(ctx context.Context, d digest.Digest, s *policy.State) (*Revision, error) {
	e := policy.Evidence{Kind: policy.Pinned, State: s}
	if err := v.checkNamed(ctx, d, s, &e); err != nil {
		return nil, err
	}
	data, err := v.fetchBlob(ctx, 5, policy.RevisionMissing, artifact.MediaTypeIndex, artifact.Blob{Digest: d}, index.MaxRevision)
	if err != nil {
		return nil, err
	}
	return v.finish(ctx, d, data, e)
}

// checkNamed fills in what names d. A policy's pin needs no head, but where
// there is one its withdrawals count.
func (v *Verifier) checkNamed(ctx context.Context, d digest.Digest, s *policy.State, e *policy.Evidence) error {
	pinned := false
	for _, p := range v.Rules.Pins {
		pinned = pinned || p == d
	}
	head, err := v.Head(ctx, s)
	if err == nil {
		e.Head = head
		if r, ok := policy.Named(&head.Promotion, d); ok {
			e.Serial = r.Serial
			return nil
		}
	}
	if pinned {
		return nil
	}
	if serial, ok := v.inRelease(ctx, d, s); ok {
		e.Serial = serial
		return nil
	}
	if err != nil {
		return err
	}
	return policy.Refuse(1, policy.NotNamed, "%s is not in the last %d promotions of %s, not in its release and not pinned by the policy", d, index.MaxRecent, v.Rules.Name)
}

// named goes from a verified head to the revision that it names (steps 4 and 5).
func (v *Verifier) named(ctx context.Context, head *policy.Head, s *policy.State) (*Revision, error) {
	e := policy.Evidence{Kind: policy.Live, Head: head, Serial: head.Promotion.Serial, Since: head.Promotion.Issued, State: s}
	d := head.Promotion.Revision
	data, err := v.fetchBlob(ctx, 5, policy.RevisionMissing, artifact.MediaTypeIndex, artifact.Blob{Digest: d}, index.MaxRevision)
	if err == nil {
		return v.finish(ctx, d, data, e)
	}
	if !errors.Is(err, errdef.ErrNotFound) {
		return nil, err
	}
	subset, subsetErr := v.subset(ctx)
	if subsetErr != nil && !isMissing(subsetErr) {
		return nil, subsetErr
	}
	if subset == nil && v.Rules.MaxLag == 0 {
		return nil, err
	}
	return v.behind(ctx, head, subset, e)
}

// behind handles a mirror whose live tag is not what the head names: it was
// copied minutes before the head, or it is a subset.
func (v *Verifier) behind(ctx context.Context, head *policy.Head, subset *index.Subset, e policy.Evidence) (*Revision, error) {
	live, err := v.fetchTag(ctx, 4, policy.LiveMissing, v.Rules.Name.LiveTag(), artifact.MediaTypeIndex, index.MaxRevision)
	if err != nil {
		return nil, err
	}
	l, err := v.load(ctx, live.data)
	if err != nil {
		return nil, err
	}
	d := live.digest
	if subset != nil {
		if d, err = l.checkSubset(live.data, subset); err != nil {
			return nil, err
		}
	}
	r, ok := policy.Named(&head.Promotion, d)
	if !ok {
		return nil, policy.Refuse(4, policy.Lag, "the store has neither revision %s, which the head names, nor one that was live before it", head.Promotion.Revision)
	}
	if !r.Until.IsZero() && v.Now().Sub(r.Until) > v.Rules.MaxLag {
		return nil, policy.Refuse(4, policy.Lag, "the store has revision %s, which stopped being live at %s; the policy's maxLag is %s", d, r.Until.Format(time.RFC3339), v.Rules.MaxLag)
	}
	e.Serial, e.Since = r.Serial, r.From
	return v.decide(l, d, e, subset)
}

// finish runs steps 5 to 15 on the bytes of a full revision.
func (v *Verifier) finish(ctx context.Context, d digest.Digest, data []byte, e policy.Evidence) (*Revision, error) {
	l, err := v.load(ctx, data)
	if err != nil {
		return nil, err
	}
	if err := l.checkFull(d, data); err != nil {
		return nil, err
	}
	return v.decide(l, d, e, nil)
}

func (v *Verifier) decide(l *loaded, d digest.Digest, e policy.Evidence, subset *index.Subset) (*Revision, error) {
	e.Digest, e.Catalog, e.CatalogSHA256, e.Keys = d, l.catalog, l.sha256, l.keys
	warnings, err := v.Rules.Decide(&e, v.Now())
	if err != nil {
		return nil, err
	}
	r := &Revision{
		Evidence: e, CatalogEntry: l.catalogEntry, SignatureEntry: l.signatureEntry, Ignored: l.ignored, Warnings: warnings,
		Subset: subset, Denied: v.Rules.Denied(&e), StaleAfter: v.Rules.StaleAfter(&e),
	}
	if e.Kind != policy.Pinned {
		r.Next = v.Rules.NextState(&e)
	}
	return r, nil
}

// isMissing reports whether a tag does not exist, as opposed to not being
// reachable or not being good.
func isMissing(err error) bool {
	var r *policy.Refusal
	return errors.As(err, &r) && errors.Is(r.Err, errdef.ErrNotFound) && r.Step <= 1
}
