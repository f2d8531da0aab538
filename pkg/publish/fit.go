package publish

import (
	"context"
	"errors"
	"fmt"

	"github.com/opencontainers/go-digest"

	"github.com/pinwheel-oci/pinwheel/pkg/artifact"
	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/policy"
	"github.com/pinwheel-oci/pinwheel/policy/verify"
)

// Why a revision must not go live; an [UnfitError] matches one of them.
var (
	ErrUngated    = errors.New("ungated")
	ErrFailed     = errors.New("failed its gates")
	ErrStale      = errors.New("stale")
	ErrSuperseded = errors.New("superseded")
	ErrOlder      = errors.New("older than live")
	// ErrSplit: head and live tag do not name the same revision.
	ErrSplit = errors.New("head and live differ")
)

// UnfitError says why a revision must not go live and what to do instead.
// Nothing was written.
type UnfitError struct {
	Why      error // one of the values above
	Revision digest.Digest
	Serial   uint64
	reason   string
}

func (e *UnfitError) Error() string {
	return fmt.Sprintf("promote: revision %d (%s) %s", e.Serial, e.Revision, e.reason)
}

// Unwrap makes errors.Is find the reason.
func (e *UnfitError) Unwrap() error { return e.Why }

// Gates tells programs that the gates, or their absence, keep the revision back.
func (e *UnfitError) Gates() bool { return errors.Is(e.Why, ErrUngated) || errors.Is(e.Why, ErrFailed) }

// Conflict tells programs that something else was written since.
func (e *UnfitError) Conflict() bool {
	return errors.Is(e.Why, ErrStale) || errors.Is(e.Why, ErrSuperseded) || errors.Is(e.Why, ErrSplit)
}

// Input tells programs that the user chose what cannot be promoted.
func (e *UnfitError) Input() bool { return errors.Is(e.Why, ErrOlder) }

// checkFit keeps from users what was not judged, or was judged against something
// else than what is live now: gates and retired files depend on that. What is
// live, or said to be by the head, may be promoted again: that mends a promotion
// that stopped half-way and adds signatures.
func (o *PromoteOptions) checkFit(ctx context.Context, s Store, next *verify.Loaded, current *policy.Head, liveAt digest.Digest) error {
	if next.Digest == liveAt || current != nil && current.Promotion.Revision == next.Digest {
		return nil
	}
	c := next.Catalog
	unfit := func(why error, format string, args ...any) error {
		return &UnfitError{Why: why, Revision: next.Digest, Serial: c.Serial, reason: fmt.Sprintf(format, args...)}
	}
	if current != nil && current.Promotion.Revision != liveAt {
		p := current.Promotion
		return unfit(ErrSplit, "cannot follow: the head says that revision %d (%s) is live since promotion %d, but tag %s is at %s: that promotion stopped half-way, or somebody moved the tag; end it with 'promote --revision %s', then publish again",
			p.Serial, p.Revision, p.Sequence, o.Name.LiveTag(), orNone(liveAt), p.Revision)
	}
	var live uint64
	if c.Previous != liveAt {
		var err error
		if live, err = o.serialOf(ctx, s, o.Name.LiveTag()); err != nil {
			return err
		}
		if c.Serial <= live {
			return unfit(ErrOlder, "is older than the live revision %d, and serials never fall; 'promote --rollback-to %d' publishes its contents again as a new revision", live, c.Serial)
		}
	}
	if err := o.checkLatest(ctx, s, next, unfit); err != nil {
		return err
	}
	if c.Previous != liveAt {
		return unfit(ErrStale, "is stale: it was planned when %s was live, and now %s is, whose files it may drop for users who locked them; publish again on top of live: the same wheels, or --base candidate without any", orNone(c.Previous), orNone(liveAt))
	}
	if err := o.checkGates(c.Gates, liveAt, unfit); err != nil || c.Gates == nil {
		return err
	}
	return o.checkReport(ctx, s, c, unfit)
}

// maxReport bounds a report that is read, in bytes.
const maxReport = 16 << 20

// checkReport wants the report that the result rests on: a result alone is what
// anybody could write.
func (o *PromoteOptions) checkReport(ctx context.Context, s Store, c *index.Catalog, unfit func(error, string, ...any) error) error {
	b := c.Gates.Report
	if b == nil {
		return unfit(ErrUngated, "is ungated: its catalog claims a result without a report; publish again, which judges it")
	}
	report, err := fetchAll(ctx, s, Object{MediaType: artifact.MediaTypeReport, Digest: b.Digest, Size: b.Size}.descriptor(), maxReport)
	if err != nil {
		return fmt.Errorf("the gates' report: %w", err)
	}
	if o.CheckReport != nil {
		if err := o.CheckReport(report, c); err != nil {
			return unfit(ErrUngated, "is ungated: the report that its catalog names is not on it: %v; find out who signed this, and publish again", err)
		}
	}
	return nil
}

func (o *PromoteOptions) checkGates(g *index.Gates, liveAt digest.Digest, unfit func(error, string, ...any) error) error {
	switch {
	case g == nil && !o.AllowUngated:
		return unfit(ErrUngated, "is ungated: nothing judged whether it holds together; publish again, which judges it")
	case g == nil:
		return nil
	case g.Result != "pass":
		return unfit(ErrFailed, "failed its gates; read the report ('verify --candidate' or 'diff' shows it), mend or remove what it names or waive it in the target, and publish again")
	case g.Live != liveAt:
		return unfit(ErrStale, "is stale: its gates judged it together with %s, but %s is live; publish again: the same wheels, or --base candidate without any", orNone(g.Live), orNone(liveAt))
	}
	return nil
}

// checkLatest refuses a revision after which another became the candidate.
func (o *PromoteOptions) checkLatest(ctx context.Context, s Store, next *verify.Loaded, unfit func(error, string, ...any) error) error {
	if o.Revision == "" {
		return nil // it was read as the candidate
	}
	at, err := resolve(ctx, s, o.Name.CandidateTag())
	if err != nil || at == "" || at == next.Digest {
		return err
	}
	newer, err := o.verifier(s).Load(ctx, string(at))
	if err != nil {
		return fmt.Errorf("tag %s: %w", o.Name.CandidateTag(), err)
	}
	if n := newer.Catalog; n.Name() == o.Name && n.Serial > next.Catalog.Serial {
		return unfit(ErrSuperseded, "is superseded: revision %d (%s) is the candidate now; promote that one, or publish what you want again", n.Serial, at)
	}
	return nil
}

// serialOf is the serial of the revision that a tag names, or 0.
func (o *PromoteOptions) serialOf(ctx context.Context, s Store, tag string) (uint64, error) {
	l, err := loadTag(ctx, o.verifier(s), tag)
	if err != nil || l == nil {
		return 0, err
	}
	return l.Catalog.Serial, nil
}
