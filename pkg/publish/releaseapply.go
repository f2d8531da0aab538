package publish

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/opencontainers/go-digest"
	"oras.land/oras-go/v2/errdef"

	"github.com/pinwheel-oci/pinwheel/pkg/artifact"
	"github.com/pinwheel-oci/pinwheel/pkg/index"
)

// StoppedError says how far a release came before it failed. Each variant is
// live in the old revision or in the new one, and the release is the old one.
type StoppedError struct {
	Series  string
	Live    []string // variants that are live in what the plan promotes
	Waiting []string // variants that are not
	Err     error
}

func (e *StoppedError) Error() string {
	return fmt.Sprintf("release %s stopped: promoted so far: %s; not yet: %s; the release itself is unchanged; run the same again to go on: %v",
		e.Series, orNobody(e.Live), orNobody(e.Waiting), e.Err)
}

// Unwrap gives the cause.
func (e *StoppedError) Unwrap() error { return e.Err }

func orNobody(list []string) string {
	if len(list) == 0 {
		return "none"
	}
	return strings.Join(list, ", ")
}

// Apply promotes the variants one by one and then moves the release tag. Where
// every tag must be is looked at before the first write. It can be repeated
// after any failure and ends at the same digests; the error is then a
// [StoppedError] around the cause. With a Lease, nobody else writes to any of the
// variants meanwhile; a [HeldError] means that somebody does.
func (p *ReleasePlan) Apply(ctx context.Context, s Store) error {
	turns, err := p.takeTurns(ctx, s)
	defer func() { endTurns(ctx, turns) }()
	if err != nil {
		return err
	}
	done, err := p.checkStart(ctx, s)
	if err != nil {
		return err
	}
	for i, v := range p.Promotions {
		if done[i] {
			continue
		}
		name, err := index.ParseName(v.Name)
		if err == nil {
			err = explain(ctx, s, name, v.apply(ctx, s, name, turns[i]))
		}
		if err != nil {
			return p.stopped(done, err)
		}
		done[i] = true
	}
	if err := pushArtifact(ctx, s, p.Manifest, append([]Object{p.Document}, p.Bundles...)...); err != nil {
		return p.stopped(done, err)
	}
	if err := moveTag(ctx, s, p.Manifest, index.ReleaseTag(p.Series), p.At); err != nil {
		return p.stopped(done, err)
	}
	return nil
}

// takeTurns takes the leases of all variants: of the first alone, so that of two
// releases one waits, then of the others at once.
func (p *ReleasePlan) takeTurns(ctx context.Context, s Store) ([]*turn, error) {
	turns := make([]*turn, len(p.Promotions))
	for i, v := range p.Promotions {
		name, err := index.ParseName(v.Name)
		if err != nil {
			return turns, err
		}
		if turns[i], err = takeTurn(ctx, s, name, p.Lease, v.Writer); err != nil {
			return turns, err
		}
		if i == 0 {
			if err := turns[0].hold(ctx); err != nil {
				return turns, err
			}
		}
	}
	for _, t := range turns {
		if err := t.hold(ctx); err != nil {
			return turns, err
		}
	}
	return turns, nil
}

// endTurns gives all leases back, several at a time.
func endTurns(ctx context.Context, turns []*turn) {
	var g sync.WaitGroup
	for _, t := range turns {
		g.Go(func() { t.end(ctx) })
	}
	g.Wait()
}

// checkStart finds out whether all tags are where the plan began or where it
// ends, and which promotions a run before has finished.
func (p *ReleasePlan) checkStart(ctx context.Context, s Store) (done []bool, err error) {
	tag := index.ReleaseTag(p.Series)
	have, err := resolve(ctx, s, tag)
	if err != nil {
		return nil, err
	}
	if have != p.At && have != p.Manifest.Digest {
		return nil, &ConflictError{Tag: tag, Want: p.At, Have: have}
	}
	done = make([]bool, len(p.Promotions))
	var moved []error
	for i, v := range p.Promotions {
		var conflict *ConflictError
		if done[i], err = v.position(ctx, s); errors.As(err, &conflict) {
			moved = append(moved, err)
		} else if err != nil {
			return nil, err
		}
	}
	return done, errors.Join(moved...)
}

// position finds out whether the tags that readers follow are where the promotion
// began, or where it ends; when both are there, its last write was done and so
// all.
func (p *Promotion) position(ctx context.Context, s Store) (done bool, err error) {
	name, err := index.ParseName(p.Name)
	if err != nil {
		return false, err
	}
	done = true
	for _, x := range []struct {
		tag      string
		from, to digest.Digest
	}{
		{name.LiveTag(), p.Live, p.Revision.Digest},
		{name.HeadTag(), p.HeadAt, p.Head.Manifest.Digest},
	} {
		have, err := resolve(ctx, s, x.tag)
		if err != nil {
			return false, err
		}
		if have != x.from && have != x.to {
			return false, &ConflictError{Tag: x.tag, Want: x.from, Have: have}
		}
		done = done && have == x.to
	}
	return done, nil
}

func (p *ReleasePlan) stopped(done []bool, err error) error {
	e := &StoppedError{Series: p.Series, Err: err}
	for i, v := range p.Promotions {
		_, variant, _ := strings.Cut(v.Name, p.Series+"/")
		if done[i] {
			e.Live = append(e.Live, variant)
		} else {
			e.Waiting = append(e.Waiting, variant)
		}
	}
	return e
}

// Encode returns the plan as JSON for a file.
func (p *ReleasePlan) Encode() ([]byte, error) { return encodePlan(p) }

// DecodeRelease reads a saved plan of a release.
func DecodeRelease(data []byte) (*ReleasePlan, error) {
	var p ReleasePlan
	if err := decodePlan(data, "release", &p); err != nil {
		return nil, err
	}
	if p.Kind != "release" {
		return nil, input("plan: its kind is %q, not release", p.Kind)
	}
	for _, o := range append([]Object{p.Document, p.Manifest}, p.Bundles...) {
		if err := o.check(); err != nil {
			return nil, err
		}
	}
	r, err := p.Release()
	if err != nil {
		return nil, input("plan: release: %v", err)
	}
	if r.Product != p.Product || r.Series != p.Series || r.Sequence != p.Sequence {
		return nil, input("plan: product, series and number are not those of its release; plans must not be edited: plan again")
	}
	for _, v := range p.Promotions {
		if v == nil || v.Kind != "promote" {
			return nil, input("plan: it has something else where a promotion belongs")
		}
		if err := v.checkSaved(); err != nil {
			return nil, err
		}
		name, err := index.ParseName(v.Name)
		if err != nil {
			return nil, input("plan: %v", err)
		}
		if want := (index.Released{HeadSequence: v.Sequence, Revision: v.Revision.Digest, Serial: v.Serial}); r.Variants[name.Variant] != want || name.Product != p.Product || name.Series != p.Series {
			return nil, input("plan: the release does not say of %s what is promoted; plans must not be edited: plan again", v.Name)
		}
	}
	return &p, p.checkBundles(r)
}

// checkBundles finds out whether the signatures are over this release.
func (p *ReleasePlan) checkBundles(r *index.Release) error {
	for _, b := range p.Bundles {
		s, err := statementOf(b.Data)
		if err == nil {
			err = r.CheckStatement(s)
		}
		if err != nil {
			return input("plan: release: %v", err)
		}
	}
	if len(p.Bundles) == 0 {
		return input("plan: its release is not signed")
	}
	return nil
}

// ReadRelease reads the release of a series, whoever signed it: for showing, and
// for keeping what it names. Without one the error matches errdef.ErrNotFound.
func ReadRelease(ctx context.Context, s Store, series string) (*index.Release, digest.Digest, error) {
	tag := index.ReleaseTag(series)
	desc, err := s.Resolve(ctx, tag)
	if err != nil {
		return nil, "", err
	}
	if desc.MediaType != artifact.MediaTypeManifest {
		return nil, desc.Digest, fmt.Errorf("tag %s is a %q, not a release: %w", tag, desc.MediaType, errdef.ErrNotFound)
	}
	data, err := fetchAll(ctx, s, desc, artifact.MaxManifest)
	if err != nil {
		return nil, desc.Digest, err
	}
	m, err := artifact.Decode(data, artifact.TypeRelease)
	if err != nil {
		return nil, desc.Digest, fmt.Errorf("tag %s: %w", tag, err)
	}
	doc := Object{MediaType: m.Layers[0].MediaType, Digest: m.Layers[0].Digest, Size: m.Layers[0].Size}
	if data, err = fetchAll(ctx, s, doc.descriptor(), artifact.MaxRelease); err != nil {
		return nil, desc.Digest, err
	}
	r, err := index.DecodeRelease(data)
	if err != nil {
		return nil, desc.Digest, fmt.Errorf("tag %s: %w", tag, err)
	}
	return r, desc.Digest, nil
}
