package publish_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/pinwheel-oci/pinwheel/pkg/publish"
	"github.com/pinwheel-oci/pinwheel/pkg/registry"
	"github.com/pinwheel-oci/pinwheel/test/registrytest"
)

// TestRaceInDistribution runs the races in the registry that most others are
// built on.
func TestRaceInDistribution(t *testing.T) {
	t.Parallel()
	for name, race := range map[string]func(*world){"publishers": raceOfPublishers, "promoters": raceOfPromoters, "both": raceOfBoth} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.host = registrytest.Distribution(t, registrytest.DistributionOptions{}).Host
			w.store = w.client(registry.Options{})
			race(w)
		})
	}
}

func TestRaceOfBoth(t *testing.T) {
	t.Parallel()
	w, _ := openRegistry(t, registrytest.Quirks{})
	raceOfBoth(w)
}

// raceOfBoth has one publish while another promotes. A promotion that comes second
// is told that there is a newer candidate; then nothing of it is live.
func raceOfBoth(w *world) {
	w.Helper()
	before := w.release(w.demo("1.0"))
	w.publish(w.demo("2.0"))
	promotion := w.planPromotion(w.promoteOptions())
	promotion.Lease = lease("promoter")
	publication := w.plan(w.options(w.demo("3.0")))
	publication.Lease = lease("publisher")
	var promoted, published error
	var wg sync.WaitGroup
	wg.Go(func() { promoted = promotion.Apply(w.Context(), w.client(registry.Options{})) })
	wg.Go(func() { published = publication.Apply(w.Context(), w.client(registry.Options{})) })
	wg.Wait()
	var superseded *publish.ConflictError
	switch {
	case promoted == nil:
		w.wantLive(promotion.Revision.Digest)
	case published == nil && errors.As(promoted, &superseded) && superseded.Tag == "test.3.4-cpu-ubi9":
		w.wantLive(before)
	default:
		w.Errorf("promote: %v; publish: %v", promoted, published)
	}
	w.invariants()
	w.publish(w.demo("3.0"), w.demo("4.0")) // on top of live, whoever won
	w.promote()
	w.invariants()
	w.Logf("published: %v", published)
}

// TestRaceInALayout needs no lease: tags are swapped under the layout's lock.
func TestRaceInALayout(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.store = stores(t)["layout"]
	w.release(w.demo("1.0"))
	const writers = 4
	plans, errs := make([]*publish.Plan, writers), make([]error, writers)
	for i := range writers {
		plans[i] = w.plan(w.options(w.demo(fmt.Sprint("2.", i))))
	}
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() { errs[i] = plans[i].Apply(w.Context(), w.store) })
	}
	wg.Wait()
	won := 0
	for i, err := range errs {
		if err == nil {
			won++
			if at := w.at("test.3.4-cpu-ubi9"); at != plans[i].Revision.Digest {
				w.Errorf("writer %d won, and the candidate is at %s", i, at)
			}
		}
	}
	if won != 1 {
		w.Errorf("%d writers won: %v", won, errs)
	}
	w.invariants()
}

// late is a store whose next write of one tag gets lost on the way and arrives
// when its writer has given up.
type late struct {
	registry.Store
	tag  string
	land func() error
}

func (s *late) PushReference(ctx context.Context, desc ocispec.Descriptor, r io.Reader, tag string) error {
	if tag != s.tag {
		return s.Store.PushReference(ctx, desc, r, tag)
	}
	if err := s.Push(ctx, desc, r); err != nil {
		return err
	}
	s.land = func() error { return s.Tag(context.WithoutCancel(ctx), desc, tag) }
	return errKilled
}

// then is a store that does something right after the write of one tag.
type then struct {
	registry.Store
	tag string
	do  func() error
}

func (s *then) PushReference(ctx context.Context, desc ocispec.Descriptor, r io.Reader, tag string) error {
	err := s.Store.PushReference(ctx, desc, r, tag)
	if err == nil && tag == s.tag {
		err = s.do()
	}
	return err
}

// TestLatePromoter overwrites the number of a promotion with another one. Readers
// who saw that would refuse the head as another of the same number, so it is made
// again under the next: at once where it is noticed at once, else by whoever
// promotes next.
func TestLatePromoter(t *testing.T) {
	t.Parallel()
	stage := func(t *testing.T) (*world, *late) {
		w, _ := openRegistry(t, registrytest.Quirks{})
		w.release(w.demo("1.0"))
		w.publish(w.demo("2.0"))
		slow := &late{Store: w.store, tag: "rev.3.4-cpu-ubi9.head.2"}
		if err := w.planPromotion(w.promoteOptions()).Apply(t.Context(), slow); err == nil {
			t.Fatal("the slow one is not slow")
		}
		return w, slow
	}
	again := func(w *world) {
		o := w.promoteOptions()
		o.Revision = w.at("3.4-cpu-ubi9")
		p := w.planPromotion(o)
		if p.Sequence != 3 {
			w.Errorf("sequence %d, want 3", p.Sequence)
		}
		if err := p.Apply(w.Context(), w.store); err != nil {
			w.Fatal(err)
		}
		w.wantLive(p.Revision.Digest)
		w.invariants()
	}
	t.Run("while we write", func(t *testing.T) {
		t.Parallel()
		w, slow := stage(t)
		p := w.planPromotion(w.promoteOptions())
		err := p.Apply(t.Context(), &then{w.store, "3.4-cpu-ubi9", slow.land})
		if !p.SequenceTaken(err) {
			t.Fatalf("error %v, want one that says that the number is taken", err)
		}
		again(w)
	})
	t.Run("after we have ended", func(t *testing.T) {
		t.Parallel()
		w, slow := stage(t)
		w.promote()
		if err := slow.land(); err != nil {
			t.Fatal(err)
		}
		again(w)
	})
	t.Run("before we write", func(t *testing.T) {
		t.Parallel()
		w, slow := stage(t)
		p := w.planPromotion(w.promoteOptions())
		if err := slow.land(); err != nil {
			t.Fatal(err)
		}
		if err := p.Apply(t.Context(), w.store); !p.SequenceTaken(err) {
			t.Fatalf("error %v, want one that says that the number is taken", err)
		}
		if p = w.planPromotion(w.promoteOptions()); p.Sequence != 3 {
			t.Errorf("sequence %d, want 3", p.Sequence)
		}
	})
}

// slowPush is a store to which each file takes a while.
type slowPush struct {
	registry.Store
	each time.Duration
	seen func()
}

func (s *slowPush) Push(ctx context.Context, desc ocispec.Descriptor, r io.Reader) error {
	err := s.Store.Push(ctx, desc, r)
	timer := time.NewTimer(s.each)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	s.seen()
	return err
}

// TestStage gives uploads that take long a tag of their own, and takes it away
// when the revision has them.
func TestStage(t *testing.T) {
	t.Parallel()
	w, _ := openRegistry(t, registrytest.Quirks{})
	w.release(w.demo("1.0"))
	var files []publish.Candidate
	for i := range 12 {
		files = append(files, w.demo(fmt.Sprint("2.", i)))
	}
	p := w.plan(w.options(files...))
	p.Lease = lease("slow")
	p.Lease.StageEvery = 10 * time.Millisecond
	const tag = "stage.3.4-cpu-ubi9.slow"
	var mu sync.Mutex
	seen := false
	err := p.Apply(t.Context(), &slowPush{w.store, 20 * time.Millisecond, func() {
		mu.Lock()
		defer mu.Unlock()
		seen = seen || w.at(tag) != ""
	}})
	if err != nil {
		t.Fatal(err)
	}
	if !seen {
		t.Error("while it lasted there was no tag")
	}
	if at := w.at(tag); at != "" {
		t.Errorf("the tag is still there: %s", at)
	}
	w.invariants()
}
