package publish_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pinwheel-oci/pinwheel/pkg/publish"
	"github.com/pinwheel-oci/pinwheel/pkg/registry"
	"github.com/pinwheel-oci/pinwheel/test/registrytest"
)

const leaseTag = "stage.lease.3.4-cpu-ubi9"

// lease is a short one, by the clock on the wall.
func lease(writer string) *publish.Lease {
	return &publish.Lease{Writer: writer, Wait: 40 * time.Millisecond, Patience: 20 * time.Second, Lasts: 10 * time.Second, Now: time.Now}
}

// client is another program that writes to the same registry.
func (w *world) client(o registry.Options) registry.Store {
	w.Helper()
	ref, err := registry.ParseReference(w.host + "/tools/wheels")
	if err != nil {
		w.Fatal(err)
	}
	o.PlainHTTP = true
	s, err := registry.Open(w.Context(), ref, o)
	if err != nil {
		w.Fatal(err)
	}
	return registry.Cached(s, 1<<20)
}

// TestRaceOfPublishers has several writers apply plans that all begin at the same
// place. One wins; the others are told by which revision, and what they have
// uploaded is kept. Planned again, everything gets in.
func TestRaceOfPublishers(t *testing.T) {
	t.Parallel()
	w, _ := openRegistry(t, registrytest.Quirks{})
	raceOfPublishers(w)
}

func raceOfPublishers(w *world) {
	w.Helper()
	w.release(w.demo("1.0"))
	const writers = 4
	plans, errs := make([]*publish.Plan, writers), make([]error, writers)
	stores := make([]registry.Store, writers)
	options := make([]publish.Options, writers)
	for i := range writers {
		stores[i] = w.client(registry.Options{})
		options[i] = w.options(w.demo(fmt.Sprintf("2.%d", i)))
		plans[i] = w.plan(options[i])
		plans[i].Lease = lease(fmt.Sprint("writer-", i))
	}
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() { errs[i] = plans[i].Apply(w.Context(), stores[i]) })
	}
	wg.Wait()
	won := []int{}
	for i, err := range errs {
		var conflict *publish.ConflictError
		switch {
		case err == nil:
			won = append(won, i)
		case !errors.As(err, &conflict):
			w.Errorf("writer %d: %v", i, err)
		case conflict.Serial != 2 || conflict.Stage != fmt.Sprint("stage.3.4-cpu-ubi9.writer-", i) || w.at(conflict.Stage) == "":
			w.Errorf("writer %d lost to revision %d, stage %q: %v", i, conflict.Serial, conflict.Stage, err)
		}
	}
	if len(won) != 1 || w.at("test.3.4-cpu-ubi9") != plans[won[0]].Revision.Digest {
		w.Fatalf("writers %v won", won)
	}
	if at := w.at(leaseTag); at != "" {
		w.Errorf("the lease was not given back: %s", at)
	}
	w.invariants()
	for i := range writers {
		if i != won[0] {
			options[i].Now = w.tick()
			w.publishWith(options[i])
		}
	}
	if got := len(filenames(w.catalog("test.3.4-cpu-ubi9"))); got != writers+1 {
		w.Errorf("%d files in the end, want %d", got, writers+1)
	}
	w.promote()
	w.invariants()
}

// TestRaceOfPromoters is the same for what is live.
func TestRaceOfPromoters(t *testing.T) {
	t.Parallel()
	w, _ := openRegistry(t, registrytest.Quirks{})
	raceOfPromoters(w)
}

func raceOfPromoters(w *world) {
	w.Helper()
	w.release(w.demo("1.0"))
	w.publish(w.demo("2.0"))
	const writers = 3
	var wg sync.WaitGroup
	errs := make([]error, writers)
	for i := range writers {
		o := w.promoteOptions()
		o.By = fmt.Sprint("promoter-", i)
		p := w.planPromotion(o)
		p.Lease = lease(o.By)
		s := w.client(registry.Options{})
		wg.Go(func() { errs[i] = p.Apply(w.Context(), s) })
	}
	wg.Wait()
	failed := slices.DeleteFunc(slices.Clone(errs), func(err error) bool { return err == nil })
	if len(failed) != writers-1 {
		w.Errorf("%d of %d promoters were told that they lost: %v", len(failed), writers, errs)
	}
	for _, err := range failed {
		var conflict *publish.ConflictError
		if !errors.As(err, &conflict) {
			w.Errorf("error %v, want a conflict", err)
		}
	}
	w.invariants()
	if r := w.wantLive(w.at("test.3.4-cpu-ubi9")); r.Head.Promotion.Sequence != 2 {
		w.Errorf("sequence %d, want 2", r.Head.Promotion.Sequence)
	}
}

// TestLeaseOfAnother has a lease of somebody else in the way.
func TestLeaseOfAnother(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		lasts  time.Duration // of the other's lease
		writer string
		wins   bool
	}{
		{"it holds", time.Hour, "other", false},
		{"it has expired", time.Nanosecond, "other", true},
		{"it was ours before we were killed", time.Hour, "me", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w, _ := openRegistry(t, registrytest.Quirks{})
			w.release(w.demo("1.0"))
			// Another writer is killed while it holds the lease.
			killed := w.plan(w.options(w.demo("3.0")))
			killed.Lease = lease(tt.writer)
			killed.Lease.Lasts = tt.lasts
			m := &mortal{Store: w.store, dieAtTag: "rev."}
			if err := killed.Apply(t.Context(), m); !errors.Is(err, errKilled) {
				t.Fatal(err)
			}
			if w.at(leaseTag) == "" {
				t.Fatal("the lease of the killed is gone")
			}
			p := w.plan(w.options(w.demo("2.0")))
			p.Lease = lease("me")
			p.Lease.Patience = 0
			err := p.Apply(t.Context(), w.store)
			var held *publish.HeldError
			switch {
			case tt.wins && err != nil:
				t.Error(err)
			case !tt.wins && (!errors.As(err, &held) || held.Writer != "other" || !held.Conflict()):
				t.Errorf("error %v, want one that names the other", err)
			}
			w.invariants()
		})
	}
}

// TestPatience waits until the lease of a killed writer ends, and says so.
func TestPatience(t *testing.T) {
	t.Parallel()
	w, _ := openRegistry(t, registrytest.Quirks{})
	w.release(w.demo("1.0"))
	killed := w.plan(w.options(w.demo("3.0")))
	killed.Lease = lease("other")
	killed.Lease.Lasts = 500 * time.Millisecond
	if err := killed.Apply(t.Context(), &mortal{Store: w.store, dieAtTag: "rev."}); !errors.Is(err, errKilled) {
		t.Fatal(err)
	}
	p := w.plan(w.options(w.demo("2.0")))
	p.Lease = lease("me")
	var noted []string
	p.Lease.Note = func(holder string, _ time.Time) { noted = append(noted, holder) }
	if err := p.Apply(t.Context(), w.store); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"other"}, noted); diff != "" {
		t.Errorf("noted (-want +got):\n%s", diff)
	}
	w.invariants()
}

// TestLeaseWhereTagsStay gives the lease back in a registry that deletes no tags.
func TestLeaseWhereTagsStay(t *testing.T) {
	t.Parallel()
	w, _ := openRegistry(t, registrytest.Quirks{NoTagDelete: true})
	for i := range 3 {
		p := w.plan(w.options(w.demo(fmt.Sprint(i + 1))))
		p.Lease = lease(fmt.Sprint("writer-", i))
		p.Lease.Patience = 0
		if err := p.Apply(t.Context(), w.store); err != nil {
			t.Fatal(err)
		}
		if w.at(leaseTag) == "" {
			t.Error("the tag is gone, though this registry keeps tags")
		}
	}
	w.invariants()
}

// TestLeaseRefuses does not write without a lease.
func TestLeaseRefuses(t *testing.T) {
	t.Parallel()
	t.Run("where the tag holds something else", func(t *testing.T) {
		t.Parallel()
		w, _ := openRegistry(t, registrytest.Quirks{})
		w.publish(w.demo("1.0"))
		w.alias("test.3.4-cpu-ubi9", leaseTag)
		p := w.plan(w.options(w.demo("2.0")))
		p.Lease = lease("me")
		if err := p.Apply(t.Context(), w.store); err == nil || !strings.Contains(err.Error(), "holds no lease that this version understands") {
			t.Errorf("error %v", err)
		}
	})
	t.Run("in a registry that takes too long", func(t *testing.T) {
		t.Parallel()
		slow := func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, leaseTag) {
					// Only a server that has read the request sees its end.
					_, _ = io.Copy(io.Discard, r.Body)
					<-r.Context().Done()
					return
				}
				next.ServeHTTP(rw, r)
			})
		}
		w, _ := openRegistry(t, registrytest.Quirks{Wrap: slow})
		p := w.plan(w.options(w.demo("1.0")))
		p.Lease = lease("me")
		if err := p.Apply(t.Context(), w.store); err == nil || !strings.Contains(err.Error(), "raise --lease-wait") {
			t.Errorf("error %v", err)
		}
		if tags := w.tags(); len(tags) > 0 {
			t.Errorf("tags %v", tags)
		}
	})
	t.Run("under a name that is none", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		p := w.plan(w.options(w.demo("1.0")))
		p.Lease = lease("Not A Name")
		if err := p.Apply(t.Context(), w.store); err == nil || !strings.Contains(err.Error(), "Not A Name") {
			t.Errorf("error %v", err)
		}
	})
}

// TestInterruptGivesTheLeaseBack presses Ctrl-C while a file is on its way.
func TestInterruptGivesTheLeaseBack(t *testing.T) {
	t.Parallel()
	w, _ := openRegistry(t, registrytest.Quirks{})
	w.release(w.demo("1.0"))
	p := w.plan(w.options(w.big("1.0")))
	p.Lease = lease("me")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if err := p.Apply(ctx, cancelling{w.store, cancel}); !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v, want that of the context", err)
	}
	if at := w.at(leaseTag); at != "" {
		t.Errorf("the lease is still there: %s", at)
	}
	w.invariants()
}

// TestRefreshTakesTurns waits for whoever promotes.
func TestRefreshTakesTurns(t *testing.T) {
	t.Parallel()
	w, _ := openRegistry(t, registrytest.Quirks{})
	live := w.release(w.demo("1.0"))
	w.publish(w.demo("2.0"))
	killed := w.planPromotion(w.promoteOptions())
	killed.Lease = lease("promoter")
	if err := killed.Apply(t.Context(), &mortal{Store: w.store, dieAtTag: "rev."}); !errors.Is(err, errKilled) {
		t.Fatal(err)
	}
	o := w.refreshOptions()
	o.Lease = lease("refresher")
	o.Lease.Patience = 0
	var held *publish.HeldError
	if _, err := publish.Refresh(t.Context(), w.store, o); !errors.As(err, &held) || held.Writer != "promoter" {
		t.Errorf("error %v, want one that names the promoter", err)
	}
	o.Lease.Now = func() time.Time { return time.Now().Add(time.Hour) }
	if _, err := publish.Refresh(t.Context(), w.store, o); err != nil {
		t.Errorf("after the lease: %v", err)
	}
	w.wantLive(live)
}
