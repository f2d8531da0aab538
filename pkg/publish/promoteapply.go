package publish

import (
	"context"

	"github.com/opencontainers/go-digest"
	"oras.land/oras-go/v2/content"

	"github.com/pinwheel-oci/pinwheel/pkg/index"
)

// Apply writes the promotion: .sig tags, the retired index, the head under its
// own tag and then as the head, and last the live tag. It can be repeated after
// any failure and ends at the same digests. A [ConflictError] means that somebody
// else wrote since the plan was made; then neither head nor live was moved.
func (p *Promotion) Apply(ctx context.Context, s Store) error {
	name, err := index.ParseName(p.Name)
	if err != nil {
		return err
	}
	if err := p.checkStart(ctx, s, name); err != nil {
		return err
	}
	if err := p.anchor(ctx, s, name.RevisionTag(p.Serial)); err != nil {
		return err
	}
	for _, t := range p.Sigs {
		if err := t.write(ctx, s); err != nil {
			return err
		}
	}
	if err := p.writeRetired(ctx, s, name.RetiredTag()); err != nil {
		return err
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

// checkStart finds out before the first write whether the tags are still where
// the plan began, or where it ends.
func (p *Promotion) checkStart(ctx context.Context, s Store, name index.Name) error {
	for _, x := range []struct {
		tag      string
		from, to digest.Digest
	}{
		{name.LiveTag(), p.Live, p.Revision.Digest},
		{name.HeadTag(), p.HeadAt, p.Head.Manifest.Digest},
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
