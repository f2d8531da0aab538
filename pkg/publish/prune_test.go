package publish_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/errdef"

	"github.com/pinwheel-oci/pinwheel/pkg/artifact"
	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/pkg/publish"
	"github.com/pinwheel-oci/pinwheel/pkg/sign"
	"github.com/pinwheel-oci/pinwheel/policy"
	"github.com/pinwheel-oci/pinwheel/policy/verify"
	"github.com/pinwheel-oci/pinwheel/test/registrytest"
)

func (w *world) planPrune(o publish.PruneOptions) *publish.PrunePlan {
	w.Helper()
	if o.Name == (index.Name{}) {
		o.Name = tools
	}
	o.Now = w.now
	p, err := publish.NewPrune(w.Context(), w.store, o)
	if err != nil {
		w.Fatal(err)
	}
	return p
}

func (w *world) prune(o publish.PruneOptions) *publish.PrunePlan {
	w.Helper()
	p := w.planPrune(o)
	if err := p.Apply(w.Context(), w.store); err != nil {
		w.Fatal(err)
	}
	return p
}

func serials(p *publish.PrunePlan) (keep map[uint64]string, remove []uint64) {
	keep, remove = map[uint64]string{}, []uint64{}
	for _, k := range p.Keep {
		keep[k.Serial] = k.Why
	}
	for _, r := range p.Remove {
		remove = append(remove, r.Serial)
	}
	return keep, remove
}

// years is an index with a revision a month, 1 to 8: 1, 2, 4, 5 and 6 were live
// in turn, 6 is, 7 is the candidate, and 8 never became it. The last is young.
func years(t testing.TB) *world {
	w := newWorld(t)
	month := 30 * 24 * time.Hour
	for serial := 1; serial <= 7; serial++ {
		o := w.options(w.demo(fmt.Sprintf("%d.0", serial)))
		o.Base = publish.BaseNone
		w.publishWith(o)
		if serial != 3 && serial != 7 {
			p := w.promoteOptions()
			p.Repository = "registry.example/tools/wheels"
			if err := w.planPromotion(p).Apply(w.Context(), w.store); err != nil {
				w.Fatal(err)
			}
		}
		w.now = w.now.Add(month)
	}
	m := &mortal{Store: w.store}
	o := w.options(w.demo("8.0"))
	o.Base = publish.BaseNone
	if err := w.plan(o).Apply(w.Context(), m); err != nil {
		t.Fatal(err)
	}
	w.retag("test.3.4-cpu-ubi9", "rev.3.4-cpu-ubi9.7")
	return w
}

func TestPruneKeeps(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	always := map[uint64]string{5: "live before", 6: "live", 7: "candidate", 8: "newer than the candidate"}
	with := func(more map[uint64]string) map[uint64]string {
		all := maps.Clone(always)
		maps.Copy(all, more)
		return all
	}
	for _, tt := range []struct {
		name   string
		act    func(w *world, o *publish.PruneOptions)
		keep   map[uint64]string // by the beginning of the reason
		remove []uint64
	}{
		{"nothing but what must be", func(*world, *publish.PruneOptions) {}, always, []uint64{1, 2, 3, 4}},
		// The fourth was issued 120 days ago, and live until 90 days ago.
		{"what is young or was live lately", func(_ *world, o *publish.PruneOptions) { o.OlderThan = 100 * day },
			with(map[uint64]string{4: "live until 2026-06-29"}), []uint64{1, 2, 3}},
		{"what is young though it never was live", func(_ *world, o *publish.PruneOptions) { o.OlderThan = 160 * day },
			with(map[uint64]string{3: "issued 2026-04-30", 4: "live until", 2: "live until"}), []uint64{1}},
		{"the newest few", func(_ *world, o *publish.PruneOptions) { o.KeepLast = 6 },
			with(map[uint64]string{3: "one of the newest 6", 4: "one of the newest 6"}), []uint64{1, 2}},
		{"what is asked for", func(w *world, o *publish.PruneOptions) {
			o.Serials, o.Revisions = []uint64{1}, []digest.Digest{w.at("rev.3.4-cpu-ubi9.3")}
		}, with(map[uint64]string{1: "asked for", 3: "asked for"}), []uint64{2, 4}},
		{"what the release names", func(w *world, _ *publish.PruneOptions) {
			r := w.at("rev.3.4-cpu-ubi9.2")
			w.writeRelease(index.Released{Revision: r, Serial: 2, HeadSequence: 2})
		}, with(map[uint64]string{2: "released"}), []uint64{1, 3, 4}},
		// Live has let go of all retired files; the one before still has those
		// of the first, second and fourth.
		{"what a kept one retired", func(w *world, _ *publish.PruneOptions) {
			w.untag("rev.3.4-cpu-ubi9.8")
			o := w.options(w.demo("9.0"))
			o.Retention = time.Second
			w.publishWith(o)
			w.promote()
		}, map[uint64]string{1: "has files that revision 6 retired", 2: "has files that revision 6", 4: "has files that revision 6",
			5: "has files that revision 6 retired", 6: "live before", 8: "live"}, []uint64{3, 7}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := years(t)
			var o publish.PruneOptions
			tt.act(w, &o)
			keep, remove := serials(w.planPrune(o))
			for serial, why := range keep {
				if want := tt.keep[serial]; want == "" || !strings.HasPrefix(why, want) {
					t.Errorf("revision %d is kept because %q, want %q", serial, why, want)
				}
			}
			if diff := cmp.Diff(tt.remove, remove); diff != "" || len(keep) != len(tt.keep) {
				t.Errorf("%d kept; removed (-want +got):\n%s", len(keep), diff)
			}
		})
	}
}

// writeRelease puts a release under its tag that names one revision.
func (w *world) writeRelease(x index.Released) {
	w.Helper()
	r := index.Release{Epoch: 1, Format: 1, Issued: w.now, Product: "tools", Sequence: 1, Series: "3.4", Variants: map[string]index.Released{"cpu-ubi9": x}}
	data, err := r.Encode()
	if err != nil {
		w.Fatal(err)
	}
	statement, err := r.Statement()
	if err != nil {
		w.Fatal(err)
	}
	bundle, err := sign.Bundle(w.key("promote"), statement)
	if err != nil {
		w.Fatal(err)
	}
	push := func(mediaType string, data []byte) artifact.Layer {
		desc := content.NewDescriptorFromBytes(mediaType, data)
		if err := w.store.Push(w.Context(), desc, bytes.NewReader(data)); err != nil {
			w.Fatal(err)
		}
		return artifact.Layer{MediaType: mediaType, Blob: artifact.Blob{Digest: desc.Digest, Size: desc.Size}}
	}
	m, err := artifact.Manifest{ArtifactType: artifact.TypeRelease, Layers: []artifact.Layer{
		push(artifact.MediaTypeRelease, data), push(artifact.MediaTypeBundle, bundle)}}.Encode()
	if err != nil {
		w.Fatal(err)
	}
	desc := content.NewDescriptorFromBytes(artifact.MediaTypeManifest, m)
	if err := w.store.PushReference(w.Context(), desc, bytes.NewReader(m), "3.4"); err != nil {
		w.Fatal(err)
	}
}

// pruned are the tags of [years] without its first four revisions.
var pruned = []string{
	"3.4-cpu-ubi9", "3.4-cpu-ubi9.head", "3.4-cpu-ubi9.retired",
	"rev.3.4-cpu-ubi9.5", "rev.3.4-cpu-ubi9.6", "rev.3.4-cpu-ubi9.7", "rev.3.4-cpu-ubi9.8",
	"rev.3.4-cpu-ubi9.head.4", "rev.3.4-cpu-ubi9.head.5", "rev.3.4-cpu-ubi9.retired.6", "test.3.4-cpu-ubi9",
}

// ours are all tags but the signatures for cosign, and the number of those.
func (w *world) ours() (tags []string, sigs int) {
	w.Helper()
	for _, t := range w.tags() {
		if strings.HasSuffix(t, ".sig") {
			sigs++
		} else {
			tags = append(tags, t)
		}
	}
	return tags, sigs
}

// wantPruned fails unless the tags are those, and all that is kept is whole.
func (w *world) wantPruned() {
	w.Helper()
	tags, sigs := w.ours()
	if diff := cmp.Diff(pruned, tags); diff != "" {
		w.Errorf("tags (-want +got):\n%s", diff)
	}
	if sigs != 4 { // revision and catalog of what is live and was before
		w.Errorf("%d .sig tags, want 4", sigs)
	}
	w.wantKept()
}

// wantKept fails unless users see what is live, and each revision that has a tag
// can be opened with all its files.
func (w *world) wantKept() {
	w.Helper()
	w.refresh()
	w.wantLive(w.at("3.4-cpu-ubi9"))
	for _, tag := range w.tags() {
		if !strings.HasPrefix(tag, "rev.") || strings.Contains(tag, ".head.") || strings.Contains(tag, ".retired.") {
			continue
		}
		rules := policy.Trusting(tools, 1, w.public("release"), w.public("promote"))
		rules.Pins = []digest.Digest{w.at(tag)}
		v := &verify.Verifier{Store: w.store, Rules: rules, Now: func() time.Time { return w.now }}
		r, err := v.Pinned(w.Context(), w.at(tag), nil)
		if err == nil {
			_, err = v.Deep(w.Context(), r)
		}
		if err != nil {
			w.Errorf("%s: %v", tag, err)
		}
	}
}

func TestPrune(t *testing.T) {
	t.Parallel()
	w := years(t)
	p := w.planPrune(publish.PruneOptions{})
	if got, err := w.store.Resolve(t.Context(), "rev.3.4-cpu-ubi9.1"); err != nil {
		t.Errorf("planning removed %v: %v", got, err)
	}
	// 1.0, 2.0 and 4.0 are retired, and so still to be had.
	if p.Files != 1 || p.Bytes == 0 {
		t.Errorf("it would free %d files, %d bytes; want that of revision 3", p.Files, p.Bytes)
	}
	if err := p.Apply(t.Context(), w.store); err != nil {
		t.Fatal(err)
	}
	w.wantPruned()
	if p := w.planPrune(publish.PruneOptions{}); len(p.Tags()) != 0 {
		t.Errorf("again, it would remove %q", p.Tags())
	}
	// Numbers are not used again.
	if p := w.publish(w.demo("9.0")); p.Serial != 9 {
		t.Errorf("the next revision has number %d, want 9", p.Serial)
	}
}

func TestPruneKeepsHistory(t *testing.T) {
	t.Parallel()
	w := years(t)
	before := w.history(true)
	w.prune(publish.PruneOptions{KeepHeads: true})
	if diff := cmp.Diff(before, w.history(true)); diff != "" {
		t.Errorf("history (-before +after):\n%s", diff)
	}
	w.prune(publish.PruneOptions{})
	if diff := cmp.Diff(len(before), len(w.history(true))); diff != "" {
		t.Errorf("without heads, the later ones still tell of each promotion (-want +got):\n%s", diff)
	}
}

// TestPrunerKilled kills prune at each removal; a rerun ends where it would have.
func TestPrunerKilled(t *testing.T) {
	t.Parallel()
	for _, stored := range []bool{false, true} {
		for n, finished := 1, false; !finished; n++ {
			if n > 100 {
				t.Fatal("it never finishes")
			}
			w := years(t)
			m := &mortal{Store: w.store, dieAt: n, stored: stored}
			err := w.planPrune(publish.PruneOptions{}).Apply(t.Context(), m)
			if err != nil && !errors.Is(err, errKilled) {
				t.Fatal(err)
			}
			w.wantKept()
			w.prune(publish.PruneOptions{})
			w.wantPruned()
			if t.Failed() {
				t.Fatalf("removal %d, stored %v", n, stored)
			}
			finished = err == nil
		}
	}
}

// TestPruneLeavesAlone what it cannot read or what is another's, and stops where
// that is what decides.
func TestPruneLeavesAlone(t *testing.T) {
	t.Parallel()
	w := years(t)
	near := index.Name{Product: "tools", Series: "3.4", Variant: "cpu-ubi9.2"}
	w.publishTo(near, "1.0")
	w.retag("rev.3.4-cpu-ubi9.99", "rev.3.4-cpu-ubi9.head.1")
	w.retag("rev.3.4-cpu-ubi9.98", "rev.3.4-cpu-ubi9.1")
	p := w.prune(publish.PruneOptions{})
	if len(p.Problems) != 2 || !strings.Contains(p.Problems[0], ".98: it holds revision 1") || !strings.Contains(p.Problems[1], ".99: ") {
		t.Errorf("problems %q, want the two tags", p.Problems)
	}
	for _, tag := range []string{near.RevisionTag(1), near.CandidateTag(), "rev.3.4-cpu-ubi9.98", "rev.3.4-cpu-ubi9.99"} {
		if w.at(tag) == "" {
			t.Errorf("tag %s is gone", tag)
		}
	}
	for name, harm := range map[string]string{"head": "3.4-cpu-ubi9.head", "release": "3.4"} {
		w := years(t)
		w.retag(harm, "rev.3.4-cpu-ubi9.1")
		if _, err := publish.NewPrune(t.Context(), w.store, publish.PruneOptions{Name: tools, Now: w.now}); err == nil || !strings.Contains(err.Error(), "not known") {
			t.Errorf("%s is something else: error %v, want that it is not known what to keep", name, err)
		}
	}
	for name, o := range map[string]publish.PruneOptions{
		"serial": {Serials: []uint64{77}}, "digest": {Revisions: []digest.Digest{digest.FromString("x")}},
	} {
		o.Name, o.Now = tools, w.now
		if _, err := publish.NewPrune(t.Context(), w.store, o); !errors.Is(err, errdef.ErrNotFound) {
			t.Errorf("a %s to keep that is none: error %v", name, err)
		}
	}
}

func TestPruneFindsOtherWriters(t *testing.T) {
	t.Parallel()
	for name, act := range map[string]func(w *world){
		"somebody publishes": func(w *world) { w.publish(w.demo("10.0")) },
		"somebody releases": func(w *world) {
			w.writeRelease(index.Released{Revision: w.at("rev.3.4-cpu-ubi9.1"), Serial: 1, HeadSequence: 1})
		},
		"somebody moves a tag that is to go": func(w *world) { w.retag("rev.3.4-cpu-ubi9.1", "rev.3.4-cpu-ubi9.2") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := years(t)
			p := w.planPrune(publish.PruneOptions{})
			act(w)
			before := len(w.tags())
			var conflict *publish.ConflictError
			if err := p.Apply(t.Context(), w.store); !errors.As(err, &conflict) {
				t.Errorf("error %v, want a conflict", err)
			}
			if after := len(w.tags()); before-after > 2 { // .sig tags of the first
				t.Errorf("%d tags were removed", before-after)
			}
		})
	}
}

// TestPruneWhereTagsStay: a registry that does not remove tags says so.
func TestPruneWhereTagsStay(t *testing.T) {
	t.Parallel()
	w, _ := openRegistry(t, registrytest.Quirks{NoTagDelete: true})
	w.publish(w.demo("1.0"))
	w.publish(w.demo("2.0"))
	err := w.planPrune(publish.PruneOptions{}).Apply(t.Context(), w.store)
	if !errors.Is(err, errdef.ErrUnsupported) || !strings.Contains(err.Error(), "rev.3.4-cpu-ubi9.1") {
		t.Errorf("error %v, want that the registry does not do this", err)
	}
}

// TestPruneKeepsWhatAKeptRevisionRetired, also when live has moved on and let go of
// it: the index of retired files is only that of live.
func TestPruneKeepsWhatAKeptRevisionRetired(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.release(w.demo("1.0"), w.demo("2.0"))
	o := w.options()
	o.Remove = []publish.Selector{selector(t, "demo==1.0")}
	w.publishWith(o)
	w.promote()
	w.release(w.demo("3.0"))
	prune := publish.PruneOptions{OlderThan: time.Second, KeepLast: 1}
	w.now = w.now.Add(time.Hour)
	w.prune(prune)
	if w.at("rev.3.4-cpu-ubi9.1") != "" || w.at("rev.3.4-cpu-ubi9.retired.3") == "" {
		t.Fatalf("tags %q", w.tags())
	}
	o = w.options(w.demo("4.0"))
	o.Retention = time.Second
	w.publishWith(o)
	w.promote()
	if w.at("3.4-cpu-ubi9.retired") != "" {
		t.Fatal("the retired index is still there")
	}
	w.prune(prune)
	w.wantKept() // revision 3, to roll back to, with the file that it retired
	if w.at("rev.3.4-cpu-ubi9.retired.3") == "" {
		t.Errorf("tags %q", w.tags())
	}
	// It goes with its revision.
	w.release(w.demo("5.0"))
	w.now = w.now.Add(time.Hour)
	w.prune(prune)
	if w.at("rev.3.4-cpu-ubi9.retired.3") != "" {
		t.Errorf("tags %q", w.tags())
	}
}
