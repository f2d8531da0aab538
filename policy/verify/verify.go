// Package verify gathers the evidence about a revision, by the algorithm of
// docs/verification.md: it fetches within limits, checks digests, rebuilds the
// index from its catalog and verifies signatures, and lets package policy
// decide. It only reads, and returns either everything that was proven or a
// [policy.Refusal].
package verify

import (
	"context"
	"errors"
	"slices"
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
	e := policy.Evidence{Kind: policy.Live, State: v.Rules.Remembered(policy.Live, s)}
	if v.Rules.FollowRelease {
		return v.release(ctx, e)
	}
	head, err := v.Head(ctx, e.State)
	switch {
	case isMissing(err) && v.Rules.Freshness != policy.FreshHead:
		// Without a head the tag alone says what is live.
		f, err := v.headless(ctx)
		if err != nil {
			return nil, err
		}
		return v.decide(f, e)
	case err != nil:
		return nil, err
	}
	return v.promoted(ctx, head, e)
}

// Candidate verifies what is under test: no head, no freshness, a state of its own.
func (v *Verifier) Candidate(ctx context.Context, s *policy.State) (*Revision, error) {
	c, err := v.fetchTag(ctx, 1, policy.CandidateMissing, v.Rules.Name.CandidateTag(), artifact.MediaTypeIndex, index.MaxRevision)
	if err != nil {
		return nil, err
	}
	f, err := v.full(ctx, c)
	if err != nil {
		return nil, err
	}
	return v.decide(f, policy.Evidence{Kind: policy.Candidate, State: v.Rules.Remembered(policy.Candidate, s)})
}

// Pinned verifies the revision d, which a verified head or release or the
// policy must name. s is only read for what is withdrawn.
func (v *Verifier) Pinned(ctx context.Context, d digest.Digest, s *policy.State) (*Revision, error) {
	e := policy.Evidence{Kind: policy.Pinned, State: v.Rules.Remembered(policy.Pinned, s)}
	if err := artifact.CheckDigest(d); err != nil {
		return nil, malformed(1, "pinned revision", err)
	}
	if err := v.checkNamed(ctx, d, &e); err != nil {
		return nil, err
	}
	f, err := v.find(ctx, d, false)
	if err != nil {
		return nil, err
	}
	if f.digest != d {
		return nil, policy.Refuse(5, policy.RevisionMissing, "the store keeps a part of revision %s, and nothing of %s", f.digest, d)
	}
	return v.decide(f, e)
}

// checkNamed fills in what names d. A policy's pin needs no head, but where
// there is one its withdrawals count. There is no rollback check: an older head
// names older revisions, and what was withdrawn since is in the state.
func (v *Verifier) checkNamed(ctx context.Context, d digest.Digest, e *policy.Evidence) error {
	head, err := v.Head(ctx, nil)
	if err == nil {
		e.Head = head
		if r, ok := policy.Named(&head.Promotion, d); ok {
			e.Serial = r.Serial
			return nil
		}
	}
	if slices.Contains(v.Rules.Pins, d) {
		return nil
	}
	r, releaseErr := v.fetchRelease(ctx, nil)
	if releaseErr == nil {
		if entry, ok := r.Variants[v.Rules.Name.Variant]; ok && entry.Revision == d {
			e.Serial, e.Released = entry.Serial, &entry
			return nil
		}
	}
	// What could not be read might have named d, so the answer is not final.
	for _, err := range []error{err, releaseErr} {
		if err != nil && !isMissing(err) {
			return err
		}
	}
	return policy.Refuse(1, policy.NotNamed, "%s is not in the last %d promotions of %s, not in its release and not pinned by the policy", d, index.MaxRecent, v.Rules.Name)
}

// promoted goes from a verified head to the revision that it names, or to the
// one before it where the policy allows a mirror to lag (step 4).
func (v *Verifier) promoted(ctx context.Context, head *policy.Head, e policy.Evidence) (*Revision, error) {
	f, err := v.find(ctx, head.Promotion.Revision, v.Rules.MaxLag > 0)
	if err != nil {
		return nil, err
	}
	r, ok := policy.Named(&head.Promotion, f.digest)
	if !ok {
		return nil, policy.Refuse(4, policy.Lag, "the store has neither revision %s, which the head names, nor one that was live before it", head.Promotion.Revision)
	}
	if !r.Until.IsZero() && (v.Rules.MaxLag == 0 || v.Now().Sub(r.Until) > v.Rules.MaxLag) {
		return nil, policy.Refuse(4, policy.Lag, "the store has revision %s, which stopped being live at %s; the policy's maxLag is %s", f.digest, r.Until.Format(time.RFC3339), v.Rules.MaxLag)
	}
	e.Head, e.Serial, e.Since = head, r.Serial, r.From
	return v.decide(f, e)
}

// decide runs steps 8 to 15 on a revision that was found.
func (v *Verifier) decide(f *found, e policy.Evidence) (*Revision, error) {
	e.Digest, e.Catalog, e.CatalogSHA256, e.Keys = f.digest, f.catalog, f.sha256, f.keys
	warnings, err := v.Rules.Decide(&e, v.Now())
	if err != nil {
		return nil, err
	}
	r := &Revision{
		Evidence: e, CatalogEntry: f.catalogEntry, SignatureEntry: f.signatureEntry, Ignored: f.ignored, Warnings: warnings,
		Subset: f.subset, Denied: v.Rules.Denied(&e), StaleAfter: v.Rules.StaleAfter(&e),
	}
	if e.Kind == policy.Pinned {
		return r, nil
	}
	r.Next = v.Rules.NextState(&e)
	// What cannot be remembered must not be served: withdrawals would be forgotten.
	if _, err := r.Next.Encode(); err != nil {
		return nil, malformed(15, "state", err)
	}
	return r, nil
}

// isMissing reports whether a tag does not exist, as opposed to not being
// reachable or not being good.
func isMissing(err error) bool {
	var r *policy.Refusal
	return errors.As(err, &r) && errors.Is(r.Err, errdef.ErrNotFound) && r.Step <= 1
}
