package publish_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"

	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/pkg/publish"
	"github.com/pinwheel-oci/pinwheel/pkg/registry"
	"github.com/pinwheel-oci/pinwheel/test/registrytest"
)

// leases are the lease tags that are there.
func (w *world) leases() (tags []string) {
	w.Helper()
	for _, t := range w.tags() {
		if strings.HasPrefix(t, "stage.lease.") {
			tags = append(tags, t)
		}
	}
	return tags
}

// killPublisher leaves the lease of a writer that was killed.
func (w *world) killPublisher(name index.Name, writer string, lasts time.Duration) {
	w.Helper()
	o := w.options(w.demo("66.0"))
	o.Name = name
	p := w.plan(o)
	p.Lease = lease(writer)
	p.Lease.Lasts = lasts
	if err := p.Apply(w.Context(), &mortal{Store: w.store, dieAtTag: "rev."}); !errors.Is(err, errKilled) {
		w.Fatal(err)
	}
}

// TestRaceOfReleases has two releases of the same variants, planned at once. One
// is made; the other is told, and what readers see is of one.
func TestRaceOfReleases(t *testing.T) {
	t.Parallel()
	w, _ := openRegistry(t, registrytest.Quirks{})
	names := []index.Name{tools, cuda, rocm}
	next := map[index.Name]digest.Digest{}
	for _, n := range names {
		next[n] = w.publishTo(n, "1.0")
	}
	var plans []*publish.ReleasePlan
	var stores []registry.Store
	for i := range 2 {
		o := w.releaseOptions()
		o.Promote.Reason = fmt.Sprint("release by ", i)
		p := w.planRelease(o)
		p.Lease = lease(fmt.Sprint("writer-", i))
		plans, stores = append(plans, p), append(stores, w.client(registry.Options{}))
	}
	errs := make([]error, len(plans))
	var wg sync.WaitGroup
	for i := range plans {
		wg.Go(func() { errs[i] = plans[i].Apply(w.Context(), stores[i]) })
	}
	wg.Wait()
	won := -1
	for i, err := range errs {
		var conflict *publish.ConflictError
		if err == nil {
			won = i
		} else if !errors.As(err, &conflict) {
			t.Errorf("release %d: error %v, want a conflict", i, err)
		}
	}
	if won < 0 || errs[1-won] == nil {
		t.Fatalf("errors %v, want one", errs)
	}
	if at := w.at("3.4"); at != plans[won].Manifest.Digest {
		t.Errorf("the release is %s, the one that won %s", at, plans[won].Manifest.Digest)
	}
	w.wantOldOrNew(names, next, next, true)
	for _, n := range names {
		if tag := n.HeadHistoryTag(2); w.at(tag) != "" {
			t.Errorf("%s is there: the loser promoted", tag)
		}
	}
	if left := w.leases(); len(left) > 0 {
		t.Errorf("leases were not given back: %q", left)
	}
}

// TestReleaseHeld: while somebody writes to one variant, none is promoted.
func TestReleaseHeld(t *testing.T) {
	t.Parallel()
	w, _ := openRegistry(t, registrytest.Quirks{})
	for _, n := range []index.Name{tools, cuda, rocm} {
		w.publishTo(n, "1.0")
	}
	w.killPublisher(cuda, "other", time.Hour)
	before := w.tagsAt()
	p := w.planRelease(w.releaseOptions())
	p.Lease = lease("me")
	p.Lease.Patience = 0
	var held *publish.HeldError
	if err := p.Apply(t.Context(), w.store); !errors.As(err, &held) || held.Writer != "other" {
		t.Errorf("error %v, want that the other holds it", err)
	}
	if diff := cmp.Diff(before, w.tagsAt()); diff != "" {
		t.Errorf("tags (-before +after):\n%s", diff)
	}
}

func TestPruneTakesTurns(t *testing.T) {
	t.Parallel()
	for name, lasts := range map[string]time.Duration{"somebody writes": time.Hour, "somebody was killed": time.Nanosecond} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, _ := openRegistry(t, registrytest.Quirks{})
			w.publish(w.demo("1.0"))
			w.publish(w.demo("2.0"))
			w.killPublisher(tools, "other", lasts)
			p := w.planPrune(publish.PruneOptions{})
			p.Lease = lease("me")
			p.Lease.Patience = 0
			err := p.Apply(t.Context(), w.store)
			var held *publish.HeldError
			if busy := lasts == time.Hour; busy != errors.As(err, &held) || busy != (w.at("rev.3.4-cpu-ubi9.1") != "") {
				t.Errorf("error %v, revision 1 at %q", err, w.at("rev.3.4-cpu-ubi9.1"))
			}
		})
	}
}

// stage puts manifests under a stage tag.
func (w *world) stage(writer string, manifests ...digest.Digest) {
	w.Helper()
	x := ocispec.Index{MediaType: ocispec.MediaTypeImageIndex}
	x.SchemaVersion = 2
	for _, d := range manifests {
		desc, err := w.store.Resolve(w.Context(), string(d))
		if err != nil {
			w.Fatal(err)
		}
		x.Manifests = append(x.Manifests, desc)
	}
	data, err := json.Marshal(x)
	if err != nil {
		w.Fatal(err)
	}
	tag, err := tools.StageTag(writer)
	if err != nil {
		w.Fatal(err)
	}
	if err := w.store.PushReference(w.Context(), content.NewDescriptorFromBytes(x.MediaType, data), bytes.NewReader(data), tag); err != nil {
		w.Fatal(err)
	}
}

// TestPruneStages removes stages that a kept revision makes needless, and others
// only when asked and when their writer is not at work.
func TestPruneStages(t *testing.T) {
	t.Parallel()
	w, _ := openRegistry(t, registrytest.Quirks{})
	w.publish(w.demo("1.0"))
	published := w.catalog("test.3.4-cpu-ubi9").Projects[0].Files[0].Manifest.Digest
	// A wheel that no revision has.
	alone := w.plan(w.options(w.demo("2.0")))
	if err := alone.Apply(t.Context(), &mortal{Store: w.store, dieAtTag: "rev."}); !errors.Is(err, errKilled) {
		t.Fatal(err)
	}
	unpublished := alone.Uploads[0].File.Manifest.Digest
	w.stage("done", published)
	w.stage("part", published, unpublished)
	w.stage("busy", unpublished)
	w.killPublisher(tools, "busy", time.Hour)
	head, data := registrytest.Manifest(t, w.store, "no stage", nil)
	if err := w.store.PushReference(t.Context(), head, bytes.NewReader(data), "stage.3.4-cpu-ubi9.odd"); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		all        bool
		gone, kept []string
	}{
		{false, []string{"stage.3.4-cpu-ubi9.done"}, []string{"stage.3.4-cpu-ubi9.busy", "stage.3.4-cpu-ubi9.part"}},
		{true, []string{"stage.3.4-cpu-ubi9.part"}, []string{"stage.3.4-cpu-ubi9.busy"}},
	} {
		o := publish.PruneOptions{Stages: tt.all, Name: tools, Now: time.Now()}
		p, err := publish.NewPrune(t.Context(), w.store, o)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([][]string{tt.gone, tt.kept}, [][]string{p.Stages, p.KeptStages}); diff != "" {
			t.Errorf("stages (-want +got):\n%s", diff)
		}
		if len(p.Problems) != 1 || !strings.Contains(p.Problems[0], ".odd: ") {
			t.Errorf("problems %q, want one about the odd tag", p.Problems)
		}
		if err := p.Apply(t.Context(), w.store); err != nil {
			t.Fatal(err)
		}
		for _, tag := range tt.gone {
			if w.at(tag) != "" {
				t.Errorf("tag %s is still there", tag)
			}
		}
	}
}
