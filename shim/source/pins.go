package source

import (
	"container/list"
	"context"
	"errors"
	"sync"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/pinwheel-oci/pinwheel/policy"
	"github.com/pinwheel-oci/pinwheel/policy/verify"
)

// Defaults of [PinOptions].
const (
	DefaultMaxPins = 16
	DefaultPinAge  = time.Hour
)

// Bounds of what strangers can make a shim do by naming digests.
const (
	maxRefused   = 1024             // digests whose refusal is remembered
	refusedFor   = 30 * time.Second // and for how long
	pinBurst     = 8                // verifications at once
	pinEvery     = time.Second      // then one in this time
	pinLoadLimit = time.Minute      // for one verification
)

// ErrBusy says that too many unknown revisions were asked for in a short time.
var ErrBusy = errors.New("too many revisions are being verified; try again in a few seconds")

// PinOptions are how single revisions are loaded.
type PinOptions struct {
	Verifier *verify.Verifier
	// State gives what is remembered of the live stage, for what is withdrawn;
	// nil is nothing.
	State func() *policy.State
	// Named reports whether what is served names a revision, so that it need
	// not wait behind made-up ones; nil is none. See [Follower.Names].
	Named func(digest.Digest) bool
	// Max is how many stay loaded; 0 is [DefaultMaxPins].
	Max int
	// MaxAge is when a loaded one is verified again, so that one that is no
	// longer named goes away; 0 is [DefaultPinAge].
	MaxAge time.Duration
}

// Pins loads revisions by digest, keeps those used last, and bounds what
// requests for made-up digests cost. Its methods may be called concurrently.
type Pins struct {
	o PinOptions

	mu      sync.Mutex
	loaded  map[digest.Digest]*list.Element // of *pin
	order   *list.List                      // the last used first
	loading map[digest.Digest]*loading
	refused map[digest.Digest]refusedPin
	tokens  float64
	filled  time.Time
}

type pin struct {
	revision *verify.Revision
	verified time.Time
}

type refusedPin struct {
	err   error
	until time.Time
}

// loading is a verification that others may wait for.
type loading struct {
	done     chan struct{}
	revision *verify.Revision
	err      error
}

// NewPins makes an empty Pins.
func NewPins(o PinOptions) *Pins {
	if o.Max <= 0 {
		o.Max = DefaultMaxPins
	}
	if o.MaxAge <= 0 {
		o.MaxAge = DefaultPinAge
	}
	if o.State == nil {
		o.State = func() *policy.State { return nil }
	}
	if o.Named == nil {
		o.Named = func(digest.Digest) bool { return false }
	}
	return &Pins{
		o: o, loaded: map[digest.Digest]*list.Element{}, order: list.New(), loading: map[digest.Digest]*loading{},
		refused: map[digest.Digest]refusedPin{}, tokens: pinBurst,
	}
}

// Get returns the revision d, verified. Errors are a *policy.Refusal, which may
// be up to half a minute old, ErrBusy, or that of ctx.
func (p *Pins) Get(ctx context.Context, d digest.Digest) (*verify.Revision, error) {
	now := p.o.Verifier.Now()
	p.mu.Lock()
	element, found := p.loaded[d]
	if found {
		p.order.MoveToFront(element)
		if known := element.Value.(*pin); now.Sub(known.verified) < p.o.MaxAge {
			p.mu.Unlock()
			return known.revision, nil
		}
	}
	if r, ok := p.refused[d]; ok && now.Before(r.until) {
		p.mu.Unlock()
		return nil, r.err
	}
	l, ok := p.loading[d]
	if !ok {
		// Loaded and named ones are few; only the others could be made up.
		if !found && !p.o.Named(d) && !p.take(now) {
			p.mu.Unlock()
			return nil, ErrBusy
		}
		l = &loading{done: make(chan struct{})}
		p.loading[d] = l
		// Others may come to wait for it, so it does not end with this request.
		go p.load(context.WithoutCancel(ctx), d, l)
	}
	p.mu.Unlock()
	select {
	case <-l.done:
		return l.revision, l.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Loaded returns the revisions that are loaded, the last used first.
func (p *Pins) Loaded() []*verify.Revision {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := make([]*verify.Revision, 0, p.order.Len())
	for e := p.order.Front(); e != nil; e = e.Next() {
		all = append(all, e.Value.(*pin).revision)
	}
	return all
}

// take takes a token from the bucket.
func (p *Pins) take(now time.Time) bool {
	p.tokens = min(pinBurst, p.tokens+now.Sub(p.filled).Seconds()/pinEvery.Seconds())
	p.filled = now
	if p.tokens < 1 {
		return false
	}
	p.tokens--
	return true
}

func (p *Pins) load(ctx context.Context, d digest.Digest, l *loading) {
	ctx, cancel := context.WithTimeout(ctx, pinLoadLimit)
	defer cancel()
	r, err := p.o.Verifier.Pinned(ctx, d, p.o.State())
	p.mu.Lock()
	defer p.mu.Unlock()
	l.revision, l.err = p.keep(d, r, err)
	delete(p.loading, d)
	close(l.done)
}

// keep notes the outcome of a verification and returns what to hand out.
func (p *Pins) keep(d digest.Digest, r *verify.Revision, err error) (*verify.Revision, error) {
	now := p.o.Verifier.Now()
	element, known := p.loaded[d]
	switch {
	case err == nil && known && sameFiles(element.Value.(*pin).revision, r):
		element.Value.(*pin).verified = now
		return element.Value.(*pin).revision, nil
	case err == nil && known:
		element.Value = &pin{r, now}
		return r, nil
	case err == nil:
		p.loaded[d] = p.order.PushFront(&pin{r, now})
		for p.order.Len() > p.o.Max {
			oldest := p.order.Remove(p.order.Back()).(*pin)
			delete(p.loaded, oldest.revision.Digest)
		}
		return r, nil
	case known && isUnavailable(err):
		// Nothing speaks against it; ask again later.
		old := element.Value.(*pin)
		old.verified = now.Add(refusedFor - p.o.MaxAge)
		return old.revision, nil
	case known:
		p.order.Remove(element)
		delete(p.loaded, d)
	}
	if !isUnavailable(err) {
		p.refuse(d, err, now)
	}
	return nil, err
}

// refuse remembers a refusal, so that asking again costs nothing for a while.
func (p *Pins) refuse(d digest.Digest, err error, now time.Time) {
	if len(p.refused) >= maxRefused {
		for other, r := range p.refused {
			if !now.Before(r.until) {
				delete(p.refused, other)
			}
		}
	}
	if len(p.refused) < maxRefused {
		p.refused[d] = refusedPin{err, now.Add(refusedFor)}
	}
}

func isUnavailable(err error) bool {
	var r *policy.Refusal
	return errors.As(err, &r) && r.Code == policy.Unavailable
}
