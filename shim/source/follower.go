// Package source keeps verified revisions at hand for the shim: a [Follower]
// looks again and again for what is live (or under test) and switches to it
// only after verification; [Pins] loads single revisions by digest. Both hand
// out nothing that package policy/verify has not accepted.
package source

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/pinwheel-oci/pinwheel/policy"
	"github.com/pinwheel-oci/pinwheel/policy/verify"
)

// Reasons of refusals at step 16, which is the follower's: nothing is served
// that could not be remembered.
const (
	StateDamaged policy.Code = "state-damaged"
	StateFailed  policy.Code = "state-failed"
)

// Defaults of [Options].
const (
	DefaultInterval = 30 * time.Second
	DefaultLookTime = 10 * time.Second
)

// lookEvery is the least time between two looks that requests ask for.
const lookEvery = 2 * time.Second

// firstRetry is the wait after the first failure while nothing is served.
const firstRetry = 500 * time.Millisecond

// Options are how a stage of an index is followed.
type Options struct {
	Verifier *verify.Verifier
	// Kind is policy.Live or policy.Candidate.
	Kind  policy.Kind
	State *StateFile
	// Interval between two looks, varied by a tenth so that many shims do not
	// ask at the same moment; 0 is [DefaultInterval].
	Interval time.Duration
	// After is the timer; nil is time.After.
	After func(time.Duration) <-chan time.Time
	// Random gives numbers in [0,1); nil is math/rand.
	Random func() float64
	// Log is told of each switch and each new refusal; nil is nobody.
	Log *slog.Logger
}

// Follower follows one stage of one index. Its methods may be called
// concurrently.
type Follower struct {
	o       Options
	polling chan struct{} // held while looking
	serving atomic.Pointer[serving]

	mu     sync.Mutex // guards what follows
	status Status
	looked time.Time
}

// serving is what is handed out; it is replaced as a whole.
type serving struct {
	current, previous *verify.Revision
	head              *policy.Head
	staleAfter        time.Time // zero: never
	warnings          []string
	next              *policy.State
}

// NewFollower makes a follower. It serves nothing before the first Poll.
func NewFollower(o Options) *Follower {
	if o.Interval <= 0 {
		o.Interval = DefaultInterval
	}
	if o.After == nil {
		o.After = time.After
	}
	if o.Random == nil {
		o.Random = rand.Float64
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	o.Log = o.Log.With("index", o.Verifier.Rules.Name.String(), "stage", o.Kind.Stage())
	f := &Follower{o: o, polling: make(chan struct{}, 1)}
	f.serving.Store(&serving{})
	return f
}

// Revisions returns the revision to serve and the one before it; both are nil
// while there is none, or when the policy says to stop because it is stale. The
// same revision is always the same pointer, unless what is withdrawn changed.
func (f *Follower) Revisions() (current, previous *verify.Revision) {
	s := f.serving.Load()
	if f.o.Verifier.Rules.StopWhenStale && s.stale(f.o.Verifier.Now) {
		return nil, nil
	}
	return s.current, s.previous
}

func (s *serving) stale(now func() time.Time) bool {
	return !s.staleAfter.IsZero() && now().After(s.staleAfter)
}

// Names reports whether the policy pins d, or what is current or its head names it.
func (f *Follower) Names(d digest.Digest) bool {
	if slices.Contains(f.o.Verifier.Rules.Pins, d) {
		return true
	}
	current, _ := f.Revisions()
	if current == nil {
		return false
	}
	if current.Head == nil {
		return current.Digest == d
	}
	_, named := policy.Named(&current.Head.Promotion, d)
	return named
}

// State returns what is remembered, for [Pins]; nil is nothing.
func (f *Follower) State() *policy.State {
	if s := f.serving.Load(); s.next != nil {
		return s.next
	}
	known, err := f.o.State.Load()
	if err != nil {
		return nil
	}
	return known
}

// Run looks at once, unless Poll already has, and then every interval until ctx
// ends. While nothing is served it looks more often.
func (f *Follower) Run(ctx context.Context) {
	failures := 0
	if f.Status().Looked.IsZero() {
		_ = f.Poll(ctx) // the reason is in the status
	}
	for {
		failures++
		if f.serving.Load().current != nil {
			failures = 0
		}
		select {
		case <-ctx.Done():
			return
		case <-f.o.After(f.wait(failures)):
		}
		_ = f.Poll(ctx)
	}
}

func (f *Follower) wait(failures int) time.Duration {
	d := f.o.Interval
	if failures > 0 && failures < 20 {
		d = min(d, firstRetry<<(failures-1))
	}
	return time.Duration(float64(d) * (0.9 + 0.2*f.o.Random()))
}

// Look looks once for something newer, because a request named what is not
// known: replicas may be a moment ahead of each other. Looks that come too
// soon after another are not made.
func (f *Follower) Look(ctx context.Context) {
	now := f.o.Verifier.Now()
	f.mu.Lock()
	tooSoon := !f.looked.IsZero() && now.Sub(f.looked) < lookEvery
	if !tooSoon {
		f.looked = now
	}
	f.mu.Unlock()
	if tooSoon {
		f.await(ctx)
		return
	}
	// Others wait for this look too: it must not end with the first request.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), DefaultLookTime)
	defer cancel()
	_ = f.Poll(ctx) // the reason is in the status
}

// await waits for a look that is under way.
func (f *Follower) await(ctx context.Context) {
	select {
	case f.polling <- struct{}{}:
		<-f.polling
	case <-ctx.Done():
	}
}

// Poll looks once: it verifies what the store says is to be served, remembers
// it and switches to it. Errors are a *policy.Refusal; then what was served
// before stays.
func (f *Follower) Poll(ctx context.Context) error {
	select {
	case f.polling <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-f.polling }()
	err := f.poll(ctx)
	if err == nil || ctx.Err() == nil || errors.Is(ctx.Err(), context.DeadlineExceeded) {
		f.note(err)
	}
	return err
}

func (f *Follower) poll(ctx context.Context) error {
	const attempts = 3 // against other processes that write the state
	var err error
	for range attempts {
		var known *policy.State
		if known, err = f.o.State.Load(); err != nil {
			return refuse(StateDamaged, err)
		}
		var r *verify.Revision
		if r, err = f.verify(ctx, known); err != nil {
			return err
		}
		if err = f.o.State.Save(ctx, known, r.Next); err == nil {
			f.swap(r)
			return nil
		}
		if !errors.Is(err, ErrStateMoved) {
			break
		}
	}
	return refuse(StateFailed, err)
}

func refuse(code policy.Code, err error) error {
	r := policy.Refuse(16, code, "what was verified cannot be remembered, so it is not served")
	r.Err = err
	return r
}

func (f *Follower) verify(ctx context.Context, known *policy.State) (*verify.Revision, error) {
	if current := f.serving.Load().current; current != nil {
		r, same, err := f.again(ctx, current, known)
		if same || err != nil {
			return r, err
		}
	}
	if f.o.Kind == policy.Candidate {
		return f.o.Verifier.Candidate(ctx, known)
	}
	return f.o.Verifier.Live(ctx, known)
}

// swap hands out r from now on. A revision that is served already keeps its
// pointer, so that its pages are not rendered again.
func (f *Follower) swap(r *verify.Revision) {
	old := f.serving.Load()
	s := &serving{current: r, previous: old.previous, head: r.Head, staleAfter: r.StaleAfter, warnings: r.Warnings, next: r.Next}
	switch {
	case old.current == nil:
	case old.current.Digest != r.Digest:
		s.previous = old.current
	case sameFiles(old.current, r):
		s.current = old.current
	}
	f.serving.Store(s)
	if old.current == nil || old.current.Digest != r.Digest {
		f.o.Log.Info("serving", "revision", r.Digest.String(), "serial", r.Catalog.Serial)
	}
}

// sameFiles reports whether two verifications of one revision allow the same
// files.
func sameFiles(a, b *verify.Revision) bool {
	return (a.Subset == nil) == (b.Subset == nil) && (a.Subset == nil || sameSubset(a, b)) &&
		slices.Equal(policy.Withdrawals(&a.Evidence), policy.Withdrawals(&b.Evidence))
}

func sameSubset(a, b *verify.Revision) bool {
	return a.Subset.Newest == b.Subset.Newest && slices.Equal(a.Subset.Platforms, b.Subset.Platforms)
}
