package publish

import (
	"context"
	"errors"
	"fmt"

	"github.com/opencontainers/go-digest"
	"oras.land/oras-go/v2/content"

	"github.com/pinwheel-oci/pinwheel/pkg/dsse"
	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/policy"
)

// Apply writes the promotion: .sig tags, the retired index, the head under its
// own tag and then as the head, and last the live tag. It can be repeated after
// any failure and ends at the same digests. A [ConflictError] means that somebody
// else wrote since the plan was made; then neither head nor live was moved,
// unless it is one of [SequenceTaken]: then the promotion is to be planned again.
// With a Lease, a [HeldError] means that somebody else writes.
func (p *Promotion) Apply(ctx context.Context, s Store) error {
	name, err := index.ParseName(p.Name)
	if err != nil {
		return err
	}
	t, err := takeTurn(ctx, s, name, p.Lease, p.Writer)
	if err != nil {
		return err
	}
	defer t.end(ctx)
	return explain(ctx, s, name, p.apply(ctx, s, name, t))
}

// apply is Apply in the turn t.
func (p *Promotion) apply(ctx context.Context, s Store, name index.Name, t *turn) error {
	// What others cannot see is written while the lease is being taken.
	for _, blobs := range append([][]Object{p.Head.Bundles}, p.sigPayloads()...) {
		if err := pushBlobs(ctx, s, blobs); err != nil {
			return err
		}
	}
	if err := t.hold(ctx); err != nil {
		return err
	}
	if err := p.checkStart(ctx, s, name); err != nil {
		return err
	}
	for _, write := range []func() error{
		func() error { return p.anchor(ctx, s, name.RevisionTag(p.Serial)) },
		func() error { return p.writeSigs(ctx, s) },
		func() error { return p.writeRetired(ctx, s, name.RetiredTag()) },
		func() error { return createTag(ctx, s, p.Head.Manifest, name.HeadHistoryTag(p.Sequence)) },
		func() error { return moveTag(ctx, s, p.Head.Manifest, name.HeadTag(), p.HeadAt) },
		func() error { return moveTag(ctx, s, p.Revision, name.LiveTag(), p.Live) },
	} {
		if err := t.hold(ctx); err != nil {
			return err
		}
		if err := write(); err != nil {
			return err
		}
	}
	return p.checkEnd(ctx, s, name)
}

func (p *Promotion) sigPayloads() (list [][]Object) {
	for _, t := range p.Sigs {
		list = append(list, t.Payloads)
	}
	return list
}

// checkEnd reads back which head has the sequence: a promoter who was late can
// overwrite it. Readers who saw that one would refuse this as another head of the
// same number, so the promotion has to be made again under the next.
func (p *Promotion) checkEnd(ctx context.Context, s Store, name index.Name) error {
	tag := name.HeadHistoryTag(p.Sequence)
	have, err := resolve(ctx, s, tag)
	switch {
	case err != nil:
		return err
	case have == "":
		return fmt.Errorf("tag %s was written and is not there: the registry lost it; run the same again", tag)
	case have != p.Head.Manifest.Digest:
		return &ConflictError{Tag: tag, Want: p.Head.Manifest.Digest, Have: have}
	}
	return nil
}

// SequenceTaken reports whether err says that another promotion has the sequence
// of this one. Planned again, it gets the next.
func (p *Promotion) SequenceTaken(err error) bool {
	name, bad := index.ParseName(p.Name)
	var conflict *ConflictError
	return bad == nil && errors.As(err, &conflict) && conflict.Tag == name.HeadHistoryTag(p.Sequence)
}

// sequenceTaken reports whether the history has another promotion under the
// sequence of the head.
func sequenceTaken(ctx context.Context, s Store, name index.Name, current *policy.Head, headAt digest.Digest) (bool, error) {
	if current == nil {
		return false, nil
	}
	at, err := resolve(ctx, s, name.HeadHistoryTag(current.Promotion.Sequence))
	if err != nil || at == "" || at == headAt {
		return false, err
	}
	// A head that was refreshed has the same promotion in another manifest.
	kept, _, err := headBundles(ctx, s, at)
	if err != nil || len(kept) == 0 {
		return true, nil //nolint:nilerr // whatever is there, it is not our head
	}
	b, err := dsse.DecodeBundle(kept[0].Data)
	return err != nil || digest.FromBytes(b.Envelope.Payload).Encoded() != current.PromotionSHA256, nil
}

// checkStart finds out before the first tag moves whether they are still where
// the plan began, or where it ends.
func (p *Promotion) checkStart(ctx context.Context, s Store, name index.Name) error {
	for _, x := range []struct {
		tag      string
		from, to digest.Digest
	}{
		{name.LiveTag(), p.Live, p.Revision.Digest},
		{name.HeadTag(), p.HeadAt, p.Head.Manifest.Digest},
		// What was planned must still be the candidate: another one may have
		// withdrawn what this one lists.
		{name.CandidateTag(), p.Candidate, p.Revision.Digest},
	} {
		have, err := resolve(ctx, s, x.tag)
		if err != nil {
			return err
		}
		if have != x.from && have != x.to {
			return &ConflictError{Tag: x.tag, Want: x.from, Have: have}
		}
	}
	return nil
}

// writeRetired stores the index of retired files. Where none is retired any
// more, the files of the old one are listed again, so its tag goes. Where that
// is not possible or not allowed it stays, which harms nobody.
func (p *Promotion) writeRetired(ctx context.Context, s Store, tag string) error {
	if p.Retired != nil {
		return moveTag(ctx, s, *p.Retired, tag, p.RetiredAt)
	}
	u, ok := s.(content.Untagger)
	if !ok || p.RetiredAt == "" {
		return nil
	}
	have, err := resolve(ctx, s, tag)
	if err != nil || have == "" {
		return err
	}
	if have != p.RetiredAt {
		return &ConflictError{Tag: tag, Want: p.RetiredAt, Have: have}
	}
	if err := u.Untag(ctx, tag); err != nil && ctx.Err() != nil {
		return err
	}
	return nil
}

// writeSigs stores the signatures for other tools. Nothing of ours depends on
// them, so the tags are neither checked again nor read back.
func (p *Promotion) writeSigs(ctx context.Context, s Store) error {
	for _, t := range p.Sigs {
		if err := putTag(ctx, s, t.Manifest, t.Tag); err != nil {
			return err
		}
	}
	return nil
}

func pushBlobs(ctx context.Context, s Store, blobs []Object) error {
	for _, b := range blobs {
		if err := push(ctx, s, b); err != nil {
			return err
		}
	}
	return nil
}

// anchor sees to it that what goes live has the tag of its serial. A writer that
// was late may have put a revision of its own there, after this one was read
// back; without a tag the registry would drop what locks and pins rely on.
func (p *Promotion) anchor(ctx context.Context, s Store, tag string) error {
	have, err := resolve(ctx, s, tag)
	if err != nil || have == p.Revision.Digest {
		return err
	}
	return putTag(ctx, s, p.Revision, tag)
}
