package publish

import (
	"context"
	"errors"
	"fmt"

	"oras.land/oras-go/v2/errdef"
)

// Tags are all tags that the plan removes, in order.
func (p *PrunePlan) Tags() []string {
	var tags []string
	for _, r := range p.Remove {
		tags = append(tags, r.Tags...)
	}
	return append(append(tags, p.Heads...), p.Stages...)
}

// Apply removes the tags of the plan, if what decided is still where it was. It
// can be planned and applied again after any failure. Content is not removed:
// the registry does that by itself once no tag leads to it, a layout when asked.
// With a Lease, a [HeldError] means that somebody else writes.
func (p *PrunePlan) Apply(ctx context.Context, s PrunableStore) error {
	t, err := takeTurn(ctx, s, p.name, p.Lease, "")
	if err != nil {
		return err
	}
	defer t.end(ctx)
	if err := t.hold(ctx); err != nil {
		return err
	}
	if err := p.checkStart(ctx, s); err != nil {
		return err
	}
	if p.Anchor != "" {
		if err := putTag(ctx, s, p.retired, p.Anchor); err != nil {
			return fmt.Errorf("prune: write tag %s: %w", p.Anchor, err)
		}
	}
	for _, tag := range p.Tags() {
		if err := t.hold(ctx); err != nil {
			return err
		}
		if err := p.untag(ctx, s, tag); err != nil {
			return fmt.Errorf("prune: remove tag %s: %w", tag, err)
		}
	}
	return nil
}

// checkStart finds out whether somebody moved a tag on which the plan rests.
func (p *PrunePlan) checkStart(ctx context.Context, s Store) error {
	now, err := decidingTags(ctx, s, p.name)
	if err != nil {
		return err
	}
	for tag, want := range p.start {
		if now[tag] != want {
			return &ConflictError{Tag: tag, Want: want, Have: now[tag]}
		}
	}
	return nil
}

// untag removes a tag that is still where it was read. A tag that is gone is
// fine: somebody else prunes as well, or a run before did.
func (p *PrunePlan) untag(ctx context.Context, s PrunableStore, tag string) error {
	if want, ok := p.at[tag]; ok {
		have, err := resolve(ctx, s, tag)
		if err != nil || have == "" {
			return err
		}
		if have != want {
			return &ConflictError{Tag: tag, Want: want, Have: have}
		}
	}
	if err := s.Untag(ctx, tag); err != nil && !errors.Is(err, errdef.ErrNotFound) {
		return err
	}
	return nil
}
