package publish

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/opencontainers/go-digest"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/errdef"

	"github.com/pinwheel-oci/pinwheel/pkg/index"
)

// DefaultLease is how long a lease lasts unless it is renewed. A writer that was
// killed keeps others waiting for no longer.
const DefaultLease = 2 * time.Minute

// Lease is how a writer takes its turn in a registry, which has no
// compare-and-swap: it writes a tag of the index that names it, waits until
// whoever saw no lease before must have written theirs, and reads back who came
// last. Stores that swap tags need none.
type Lease struct {
	// Writer names the writer to others: lower-case letters, digits and '-', at
	// most 24. Two writers at once must not share a name.
	Writer string
	// Wait is longer than a small write takes to land; the write itself is given
	// up after as long.
	Wait time.Duration
	// Patience is how long to wait for another writer to end.
	Patience time.Duration
	// Lasts is how long the lease holds; 0 is DefaultLease.
	Lasts time.Duration
	// StageEvery is after what time, and how often, uploads under way are given a
	// tag, so that the registry does not collect them; 0 is DefaultStage.
	StageEvery time.Duration
	Now        func() time.Time
	// Note is told once for whom this writer waits. It may be nil.
	Note func(holder string, until time.Time)
}

// HeldError says that another writer did not end in time.
type HeldError struct {
	Tag    string
	Writer string
	Since  time.Time
	Until  time.Time
}

func (e *HeldError) Error() string {
	return fmt.Sprintf("tag %s: %s writes to this index since %s; run the same again when it has ended (if it was killed, its lease ends at %s)", e.Tag, e.Writer, e.Since.Format(time.RFC3339), e.Until.Format(time.RFC3339))
}

// Conflict tells programs that somebody else writes.
func (e *HeldError) Conflict() bool { return true }

// maxSlow is how often a lease is tried that does not land in time.
const maxSlow = 3

// maxUnseen is how often a lease may be written and not be there: another writer
// may have taken and returned one meanwhile, but not time and again.
const maxUnseen = 5

// errSlow says that a lease was not written within its wait.
var errSlow = errors.New("the registry takes too long")

// turn is a lease being taken, held and given back. A nil turn is for stores that
// need none.
type turn struct {
	lease Lease
	store Store
	tag   string

	ready  chan struct{} // closed when the first attempt has ended
	failed error         // of that attempt
	cancel context.CancelFunc

	wrote   bool
	mine    digest.Digest // the lease as last written
	until   time.Time
	checked time.Time // when it was last seen to be ours
}

// takeTurn begins to take the lease, while the caller does what needs none. The
// caller must call end.
func takeTurn(ctx context.Context, s Store, name index.Name, l *Lease, writer string) (*turn, error) {
	if l == nil {
		return nil, nil
	}
	t := &turn{lease: *l, store: s, tag: name.LeaseTag(), ready: make(chan struct{})}
	if writer != "" {
		t.lease.Writer = writer
	}
	if _, err := name.StageTag(t.lease.Writer); err != nil {
		return nil, err
	}
	if t.lease.Lasts == 0 {
		t.lease.Lasts = DefaultLease
	}
	ctx, t.cancel = context.WithCancel(ctx)
	go func() {
		defer close(t.ready)
		t.failed = t.acquire(ctx)
	}()
	return t, nil
}

// hold waits for the lease and then makes sure that it is still ours and lasts
// for another write. It is called before each tag that moves.
func (t *turn) hold(ctx context.Context) error {
	if t == nil {
		return nil
	}
	select {
	case <-t.ready:
	case <-ctx.Done():
		return ctx.Err()
	}
	if t.failed != nil {
		return t.failed
	}
	now, half := t.lease.Now(), t.lease.Lasts/2
	lasts := t.until.Sub(now)
	if lasts > half && now.Sub(t.checked) < t.lease.Wait/2 {
		return nil
	}
	if lasts <= 0 {
		return t.acquire(ctx)
	}
	mine, err := t.isMine(ctx)
	if err == nil && mine && lasts <= half {
		if err = t.put(ctx, now); err == nil {
			mine, err = t.isMine(ctx)
		}
	}
	if err != nil || mine {
		return err
	}
	return t.acquire(ctx)
}

// acquire takes the lease as soon as nobody else has it.
func (t *turn) acquire(ctx context.Context) error {
	end := t.lease.Now().Add(t.lease.Patience)
	told, slow, unseen := "", 0, 0
	for {
		began := t.lease.Now()
		holder, err := readLease(ctx, t.store, t.tag)
		if err != nil {
			return err
		}
		if t.mine != "" && holder == nil {
			unseen++
		}
		switch {
		case unseen == maxUnseen:
			return fmt.Errorf("tag %s: the registry takes it and does not show it afterwards; is a cache in front of it? nothing was moved", t.tag)
		case holder != nil && holder.Writer != t.lease.Writer && began.Before(holder.Until):
			if !began.Before(end) {
				return &HeldError{Tag: t.tag, Writer: holder.Writer, Since: holder.Since, Until: holder.Until}
			}
			if told != holder.Writer && t.lease.Note != nil {
				t.lease.Note(holder.Writer, holder.Until)
			}
			told = holder.Writer
		default:
			err = t.put(ctx, began)
		}
		if errors.Is(err, errSlow) {
			slow++
		}
		if err != nil && (!errors.Is(err, errSlow) || slow == maxSlow) {
			return fmt.Errorf("tag %s: %w", t.tag, err)
		}
		if err := pause(ctx, t.lease.Wait); err != nil {
			return err
		}
		if t.mine == "" {
			continue
		}
		if mine, err := t.isMine(ctx); err != nil || mine {
			return err
		}
	}
}

// put writes the lease. Whoever waits after their own write counts on it that
// nobody's takes longer than that, from the look before it to its end.
func (t *turn) put(ctx context.Context, began time.Time) error {
	now := t.lease.Now()
	record := leaseRecord{Writer: t.lease.Writer, Since: now, Until: now.Add(t.lease.Lasts)}
	o, err := record.manifest()
	if err != nil {
		return err
	}
	t.wrote, t.mine, t.until, t.checked = true, o.Digest, record.Until, now
	bounded, cancel := context.WithTimeout(ctx, t.lease.Wait-now.Sub(began))
	defer cancel()
	err = putTag(bounded, t.store, o, t.tag)
	if err != nil && ctx.Err() == nil && bounded.Err() != nil {
		t.mine = ""
		return fmt.Errorf("%w: no answer to a small write within %s; raise --lease-wait: %w", errSlow, t.lease.Wait, err)
	}
	return err
}

// isMine reads the lease back. Another run of the same writer counts as this one:
// it applies the same plan.
func (t *turn) isMine(ctx context.Context) (bool, error) {
	now := t.lease.Now()
	at, err := resolve(ctx, t.store, t.tag)
	if err != nil {
		return false, err
	}
	if at == t.mine && at != "" {
		t.checked = now
		return true, nil
	}
	holder, err := readLease(ctx, t.store, t.tag)
	if err != nil || holder == nil || holder.Writer != t.lease.Writer || !now.Before(holder.Until) {
		return false, err
	}
	t.until, t.checked = holder.Until, now
	return true, nil
}

// pause waits for d or the end of ctx.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// releaseTime bounds how long a writer cares about its lease after its work.
const releaseTime = 10 * time.Second

// end gives the lease back: the tag is removed or, where the registry does not
// allow that, says that it has ended. If it fails the lease ends by itself.
func (t *turn) end(ctx context.Context) {
	if t == nil {
		return
	}
	t.cancel()
	<-t.ready
	if !t.wrote {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTime)
	defer cancel()
	if mine, err := t.isMine(ctx); err != nil || !mine {
		return
	}
	if u, ok := t.store.(content.Untagger); ok {
		if err := u.Untag(ctx, t.tag); err == nil || errors.Is(err, errdef.ErrNotFound) {
			return
		}
	}
	now := t.lease.Now()
	ended := leaseRecord{Writer: t.lease.Writer, Since: now, Until: now}
	if o, err := ended.manifest(); err == nil {
		_ = putTag(ctx, t.store, o, t.tag)
	}
}
