package publish_test

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/pkg/publish"
	"github.com/pinwheel-oci/pinwheel/pkg/registry"
	"github.com/pinwheel-oci/pinwheel/test/wheeltest"
)

// TestTheTargetOutlivesTheBase: what an index is for does not depend on which
// files it lists.
func TestTheTargetOutlivesTheBase(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o := w.options(w.demo("1.0"))
	o.Target = &index.Target{Platforms: []string{"linux_x86_64"}, Pythons: []string{"3.12"}}
	w.publishWith(o)
	w.promote()
	o = w.options(w.demo("2.0"))
	o.Base = publish.BaseNone
	w.publishWith(o)
	if got := w.catalog("test.3.4-cpu-ubi9").Target; got == nil || got.Pythons[0] != "3.12" {
		t.Errorf("target %+v", got)
	}
}

// TestRetentionBeginsWhenLiveMoves: as long as live lists a file, locks are made
// on it, however long ago a candidate took it off.
func TestRetentionBeginsWhenLiveMoves(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.release(w.demo("1.0"))
	o := w.options(w.demo("2.0"))
	o.Base = publish.BaseNone
	w.publishWith(o)
	w.now = w.now.Add(100 * 24 * time.Hour)
	o = w.options(w.demo("3.0"))
	o.Retention = 90 * 24 * time.Hour
	w.publishWith(o)
	w.promote()
	if c := w.catalog("3.4-cpu-ubi9"); len(c.Retired) != 1 || c.Retired[0].File.Filename != demo10 || c.Retired[0].Since != c.Serial {
		t.Errorf("retired %+v", c.Retired)
	}
	w.now = w.now.Add(91 * 24 * time.Hour)
	o = w.options(w.demo("4.0"))
	o.Retention = 90 * 24 * time.Hour
	w.publishWith(o)
	if c := w.catalog("test.3.4-cpu-ubi9"); len(c.Retired) != 0 {
		t.Errorf("retired %+v", c.Retired)
	}
}

// TestRollbackKeepsQuarantine: like what is withdrawn, a quarantined project was
// taken from users for cause.
func TestRollbackKeepsQuarantine(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.release(w.demo("1.0"), w.file(wheeltest.Wheel{Name: "other", Version: "1.0"}))
	o := w.options(w.demo("2.0"))
	o.Status = []publish.StatusMark{{Project: "other", Status: publish.StatusQuarantined, Reason: "looks stolen"}}
	w.publishWith(o)
	w.promote()
	r := w.planRollback("1")
	if err := r.Apply(t.Context(), w.store); err != nil {
		t.Fatal(err)
	}
	c := w.catalog("3.4-cpu-ubi9")
	if c.Serial != 3 || c.Projects[1].Status == nil || c.Projects[1].Status.Status != publish.StatusQuarantined || len(c.Projects[0].Files) != 1 {
		t.Errorf("%+v", c.Projects)
	}
}

// TestWithdrawalOutlivesItsCandidate: what one engineer withdrew in a candidate is
// not lost when the next one builds on live.
func TestWithdrawalOutlivesItsCandidate(t *testing.T) {
	t.Parallel()
	for _, base := range []publish.Base{publish.BaseLive, publish.BaseNone} {
		w := newWorld(t)
		w.release(w.demo("1.0"), w.demo("2.0"))
		o := w.options()
		o.Withdraw = marks(t, "malicious", demo10)
		w.publishWith(o)
		o = w.options(w.demo("3.0"))
		o.Base = base
		w.publishWith(o)
		c := w.catalog("test.3.4-cpu-ubi9")
		if diff := cmp.Diff([]string{demo10 + " since 2: malicious"}, withdrawn(c)); diff != "" {
			t.Errorf("base %q: withdrawn (-want +got):\n%s", base, diff)
		}
		if slices.Contains(filenames(c), demo10) {
			t.Errorf("base %q lists %s", base, demo10)
		}
	}
}

// TestCandidateThatWasPutBack: what is newer than it is live, and is built upon.
func TestCandidateThatWasPutBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.release(w.demo("1.0"))
	w.release(w.demo("2.0"))
	w.alias("rev.3.4-cpu-ubi9.1", "test.3.4-cpu-ubi9")
	w.publish(w.demo("3.0"))
	if diff := cmp.Diff([]string{demo10, demo20, "demo-3.0-py3-none-any.whl"}, filenames(w.catalog("test.3.4-cpu-ubi9"))); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

// TestEditedPlanThatLeavesOutContent: a layout refuses what a registry refuses.
func TestEditedPlanThatLeavesOutContent(t *testing.T) {
	t.Parallel()
	for name, edit := range map[string]func(*publish.Plan){
		"uploads":  func(p *publish.Plan) { p.Uploads = nil },
		"evidence": func(p *publish.Plan) { p.Evidence = nil },
		"facts":    func(p *publish.Plan) { p.Facts = nil },
	} {
		w := newWorld(t)
		r, err := registry.ParseReference(registry.LayoutPrefix + filepath.Join(t.TempDir(), "layout"))
		if err != nil {
			t.Fatal(err)
		}
		if w.store, err = registry.Open(t.Context(), r, registry.Options{CreateLayout: true}); err != nil {
			t.Fatal(err)
		}
		o := w.options(w.demo("1.0"))
		o.Judge = verdict(true)
		p := w.plan(o)
		edit(p)
		if err := p.Apply(t.Context(), w.store); err == nil || w.at("test.3.4-cpu-ubi9") != "" {
			t.Errorf("without %s: %v, candidate %s", name, err, w.at("test.3.4-cpu-ubi9"))
		}
	}
}

// TestOneWheelInTwoSpellings: a release, its tags and its build name one wheel.
func TestOneWheelInTwoSpellings(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.release(w.demo("1.0"))
	o := w.options(w.demo("1.0.0"))
	if _, err := publish.NewPlan(t.Context(), w.store, o); err == nil || !strings.Contains(err.Error(), "another spelling") {
		t.Errorf("beside the listed one: %v", err)
	}
	o.Base = publish.BaseNone
	if _, err := publish.NewPlan(t.Context(), w.store, o); err == nil || !strings.Contains(err.Error(), "another spelling") {
		t.Errorf("in place of it: %v", err)
	}
	o = w.options(w.file(wheeltest.Wheel{Name: "demo", Version: "1.0.0", Build: "1"}))
	if _, err := publish.NewPlan(t.Context(), w.store, o); err != nil {
		t.Errorf("with a higher build tag: %v", err)
	}
}

// TestPlannedPromotionIsSuperseded: what went into a newer candidate meanwhile, such
// as a withdrawal, is not passed over.
func TestPlannedPromotionIsSuperseded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.release(w.demo("1.0"))
	w.publish(w.demo("2.0"))
	p := w.planPromotion(w.promoteOptions())
	o := w.options()
	o.Withdraw = marks(t, "malicious", demo20)
	w.publishWith(o)
	before := w.at("3.4-cpu-ubi9")
	var conflict *publish.ConflictError
	if err := w.savedPromotion(p).Apply(t.Context(), w.store); !errors.As(err, &conflict) || conflict.Tag != "test.3.4-cpu-ubi9" {
		t.Errorf("%v", err)
	}
	w.wantLive(before)
}
