package source

import (
	"context"
	"errors"
	"time"

	"github.com/pinwheel-oci/pinwheel/policy"
	"github.com/pinwheel-oci/pinwheel/policy/verify"
)

// again verifies that current is still what is to be served, without fetching
// and decoding its catalog once more: a revision's bytes are fixed by its
// digest, so what was proven about them stays proven, and only what names it
// and what depends on time, on the head or on the state is decided anew. same
// is false if something else is to be served, or if that can't be told here;
// then the whole algorithm has to run.
func (f *Follower) again(ctx context.Context, current *verify.Revision, known *policy.State) (r *verify.Revision, same bool, err error) {
	v := f.o.Verifier
	// The part of a revision that a mirror keeps has no digest of its own here.
	if current.Subset != nil || f.o.Kind == policy.Live && v.Rules.FollowRelease {
		return nil, false, nil
	}
	e := current.Evidence
	e.Head, e.Serial, e.Since, e.State = nil, 0, time.Time{}, known
	if f.o.Kind == policy.Candidate {
		same = f.tagged(ctx, v.Rules.Name.CandidateTag(), current)
	} else {
		same, err = f.live(ctx, known, current, &e)
	}
	if !same || err != nil {
		return nil, false, err
	}
	warnings, err := v.Rules.Decide(&e, v.Now())
	if err != nil {
		return nil, false, err
	}
	next := *current
	next.Evidence, next.Warnings = e, warnings
	next.Denied, next.Next, next.StaleAfter = v.Rules.Denied(&e), v.Rules.NextState(&e), v.Rules.StaleAfter(&e)
	return &next, true, nil
}

// live is steps 1 to 4: it fills in what names the revision today.
func (f *Follower) live(ctx context.Context, known *policy.State, current *verify.Revision, e *policy.Evidence) (same bool, err error) {
	v := f.o.Verifier
	head, err := v.Head(ctx, known)
	var refusal *policy.Refusal
	switch {
	case err == nil:
		e.Head, e.Serial, e.Since = head, head.Promotion.Serial, head.Promotion.Issued
		return head.Promotion.Revision == current.Digest, nil
	case v.Rules.Freshness != policy.FreshHead && errors.As(err, &refusal) && refusal.Code == policy.HeadMissing:
		return f.tagged(ctx, v.Rules.Name.LiveTag(), current), nil
	default:
		return false, err
	}
}

// tagged reports whether a tag is known to point at the revision. Why not is
// found out by the full algorithm.
func (f *Follower) tagged(ctx context.Context, tag string, current *verify.Revision) bool {
	desc, err := f.o.Verifier.Store.Resolve(ctx, tag)
	return err == nil && desc.Digest == current.Digest
}
