package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/errdef"

	"github.com/pinwheel-oci/pinwheel/cmd/internal/option"
	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/pkg/registry"
)

// cacheBytes bounds the heads and signatures that are kept for the next look.
const cacheBytes = 1 << 20

// place is one --source. It is opened when first needed and again until that
// works, so that the program starts before its registry or medium is there.
type place struct {
	reference registry.Reference
	options   registry.Options

	mu     sync.Mutex
	store  registry.Store
	cached registry.Store
}

// parsePlaces reads the --source flags.
func parsePlaces(references []string, options registry.Options) ([]*place, error) {
	if len(references) == 0 {
		return nil, option.Usage(errors.New("no source: give --source HOST/REPO or --source oci-layout:DIR"))
	}
	// A shim asks again soon; it is better to say early what is wrong.
	options.Retry.Attempts = 3
	options.Timeout = 30 * time.Second
	var places []*place
	for _, s := range references {
		r, err := registry.ParseReference(s)
		if err != nil {
			return nil, option.Usage(err)
		}
		if r.Tag != "" || r.Digest != "" {
			return nil, option.Usage(fmt.Errorf("--source %s: leave out tag and digest; tags follow from the index name", s))
		}
		places = append(places, &place{reference: r, options: options})
	}
	return places, nil
}

// open returns the store for blobs and the one for heads, catalogs and tags.
func (p *place) open(ctx context.Context) (plain, cached registry.Store, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.store == nil {
		if p.store, err = registry.Open(ctx, p.reference, p.options); err != nil {
			p.store = nil
			return nil, nil, err
		}
		p.cached = registry.Cached(p.store, cacheBytes)
	}
	return p.store, p.cached, nil
}

// origin is where one index comes from: the first place that has its tags. It
// is found when first needed and kept then, so that two places are never mixed.
type origin struct {
	name   index.Name
	places []*place

	mu    sync.Mutex
	found *place
}

func (o *origin) find(ctx context.Context) (*place, error) {
	if len(o.places) == 1 {
		return o.places[0], nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.found != nil {
		return o.found, nil
	}
	for _, p := range o.places {
		has, err := o.at(ctx, p)
		if err != nil {
			return nil, err
		}
		if has {
			o.found = p
			return p, nil
		}
	}
	return nil, fmt.Errorf("no source has tag %s or %s: %w", o.name.LiveTag(), o.name.CandidateTag(), errdef.ErrNotFound)
}

// at reports whether a place has the index.
func (o *origin) at(ctx context.Context, p *place) (bool, error) {
	_, store, err := p.open(ctx)
	if err != nil {
		return false, err
	}
	for _, tag := range []string{o.name.LiveTag(), o.name.HeadTag(), o.name.CandidateTag()} {
		_, err := store.Resolve(ctx, tag)
		if err == nil {
			return true, nil
		}
		if !errors.Is(err, errdef.ErrNotFound) {
			return false, err
		}
	}
	return false, nil
}

func (o *origin) open(ctx context.Context) (plain, cached registry.Store, err error) {
	p, err := o.find(ctx)
	if err != nil {
		return nil, nil, err
	}
	return p.open(ctx)
}

// String names the places, for messages.
func (o *origin) String() string {
	var all []string
	for _, p := range o.places {
		all = append(all, p.reference.String())
	}
	return strings.Join(all, ", ")
}

// verified is an origin as verification sees it: what is small is kept.
type verified struct{ *origin }

// Resolve finds a tag or digest.
func (v verified) Resolve(ctx context.Context, reference string) (ocispec.Descriptor, error) {
	_, store, err := v.open(ctx)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	return store.Resolve(ctx, reference)
}

// Fetch opens content.
func (v verified) Fetch(ctx context.Context, desc ocispec.Descriptor) (io.ReadCloser, error) {
	_, store, err := v.open(ctx)
	if err != nil {
		return nil, err
	}
	return store.Fetch(ctx, desc)
}

// FetchReference opens what a tag or digest names, in one request.
func (v verified) FetchReference(ctx context.Context, reference string) (ocispec.Descriptor, io.ReadCloser, error) {
	_, store, err := v.open(ctx)
	if err != nil {
		return ocispec.Descriptor{}, nil, err
	}
	return store.FetchReference(ctx, reference)
}

// blobs is an origin as downloads see it.
type blobs struct{ *origin }

// Fetch opens a blob.
func (b blobs) Fetch(ctx context.Context, desc ocispec.Descriptor) (io.ReadCloser, error) {
	store, _, err := b.open(ctx)
	if err != nil {
		return nil, err
	}
	return store.Fetch(ctx, desc)
}
