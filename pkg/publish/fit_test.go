package publish_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/pinwheel-oci/pinwheel/pkg/publish"
)

// verdict is a judge who always says the same.
func verdict(pass bool) publish.Judge {
	return func(context.Context, *publish.Draft) (*publish.Verdict, error) {
		return &publish.Verdict{Pass: pass, Report: []byte("{}")}, nil
	}
}

// TestGatedRevision goes live; ungated, it first has to be published again.
func TestGatedRevision(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish(w.demo("1.0"))
	o := w.options()
	o.Judge = verdict(true)
	p := w.publishWith(o)
	promote := w.promoteOptions()
	promote.AllowUngated = false
	if err := w.planPromotion(promote).Apply(t.Context(), w.store); err != nil {
		t.Fatal(err)
	}
	w.wantLive(p.Revision.Digest)
	if g := w.catalog("3.4-cpu-ubi9").Gates; p.Serial != 2 || g == nil || g.Result != "pass" || g.Live != "" {
		t.Errorf("serial %d with gates %+v", p.Serial, g)
	}
}

// TestFailedCandidateIsJudgedAgain although it would list the same files: a waiver
// or the gates may be other ones now.
func TestFailedCandidateIsJudgedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i, tt := range []struct {
		pass    bool
		nothing bool
	}{{false, false}, {false, false}, {true, false}, {true, true}} {
		o := w.options(w.demo("1.0"))
		o.Judge = verdict(tt.pass)
		p, err := publish.NewPlan(t.Context(), w.store, o)
		if errors.Is(err, publish.ErrNothingToDo) != tt.nothing || !tt.nothing && err != nil {
			t.Fatalf("publication %d: error %v", i+1, err)
		}
		if err == nil {
			if err := p.Apply(t.Context(), w.store); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestUnfit has each reason not to make a revision live, and what is said about it.
func TestUnfit(t *testing.T) {
	t.Parallel()
	revision := func(w *world, d digest.Digest) publish.PromoteOptions {
		o := w.promoteOptions()
		o.Revision = d
		return o
	}
	for _, tt := range []struct {
		name string
		do   func(w *world) publish.PromoteOptions
		why  error
		want string
	}{
		{"ungated", func(w *world) publish.PromoteOptions {
			w.publish(w.demo("1.0"))
			o := w.promoteOptions()
			o.AllowUngated = false
			return o
		}, publish.ErrUngated, "publish again, which judges it"},
		{"failed its gates", func(w *world) publish.PromoteOptions {
			o := w.options(w.demo("1.0"))
			o.Judge = verdict(false)
			w.publishWith(o)
			return w.promoteOptions()
		}, publish.ErrFailed, "waive it in the target, and publish again"},
		{"stale: another went live since it was planned", func(w *world) publish.PromoteOptions {
			w.publish(w.demo("1.0"))
			w.publish(w.demo("2.0"))
			w.alias("rev.3.4-cpu-ubi9.1", "test.3.4-cpu-ubi9")
			w.promote()
			w.alias("rev.3.4-cpu-ubi9.2", "test.3.4-cpu-ubi9")
			return w.promoteOptions()
		}, publish.ErrStale, "it was planned when nothing was live, and now sha256:"},
		{"superseded: a newer one is the candidate", func(w *world) publish.PromoteOptions {
			first := w.publish(w.demo("1.0"))
			w.publish(w.demo("2.0"))
			return revision(w, first.Revision.Digest)
		}, publish.ErrSuperseded, "revision 2 (sha256:"},
		{"older than live", func(w *world) publish.PromoteOptions {
			old := w.release(w.demo("1.0"))
			w.release(w.demo("2.0"))
			return revision(w, old)
		}, publish.ErrOlder, "serials never fall; 'promote --rollback-to 1' publishes its contents again"},
		{"split: the head names another revision than the live tag", func(w *world) publish.PromoteOptions {
			w.release(w.demo("1.0"))
			w.release(w.demo("2.0"))
			w.alias("rev.3.4-cpu-ubi9.1", "3.4-cpu-ubi9")
			w.publish(w.demo("3.0"))
			return w.promoteOptions()
		}, publish.ErrSplit, "the head says that revision 2 (sha256:"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			o := tt.do(w)
			before := w.positions()
			_, err := publish.NewPromotion(t.Context(), w.store, o)
			var unfit *publish.UnfitError
			if !errors.As(err, &unfit) || !errors.Is(err, tt.why) || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("error %v, want one that is %v and says %q", err, tt.why, tt.want)
			}
			if kinds := []bool{unfit.Gates(), unfit.Conflict(), unfit.Input()}; !kinds[0] && !kinds[1] && !kinds[2] {
				t.Error("programs cannot tell what kind of error it is")
			}
			if after := w.positions(); len(after) != len(before) {
				t.Errorf("tags before %v, after %v", before, after)
			}
		})
	}
}

// TestSplitIsMended promotes what the head names, whatever the live tag says.
func TestSplitIsMended(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.release(w.demo("1.0"))
	two := w.release(w.demo("2.0"))
	w.alias("rev.3.4-cpu-ubi9.1", "3.4-cpu-ubi9")
	o := w.promoteOptions()
	o.Revision = two
	if err := w.planPromotion(o).Apply(t.Context(), w.store); err != nil {
		t.Fatal(err)
	}
	w.wantLive(two)
	if at := w.at("3.4-cpu-ubi9"); at != two {
		t.Errorf("live is at %s", at)
	}
	w.release(w.demo("3.0"))
}

// TestStaleCandidateIsPlannedAgain needs no new file for it.
func TestStaleCandidateIsPlannedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.publish(w.demo("1.0"))
	w.publish(w.demo("2.0"))
	w.alias("rev.3.4-cpu-ubi9.1", "test.3.4-cpu-ubi9")
	w.promote()
	w.alias("rev.3.4-cpu-ubi9.2", "test.3.4-cpu-ubi9")
	p := w.publishWith(w.options())
	if p.Serial != 3 || len(p.Changes) != 0 || p.Live != first.Revision.Digest {
		t.Errorf("serial %d on %s with changes %v", p.Serial, p.Live, lines(p))
	}
	w.promote()
	w.wantLive(p.Revision.Digest)
	if _, err := publish.NewPlan(t.Context(), w.store, w.options()); !errors.Is(err, publish.ErrNothingToDo) {
		t.Errorf("once more: error %v, want ErrNothingToDo", err)
	}
}
