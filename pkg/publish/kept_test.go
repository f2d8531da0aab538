package publish_test

import (
	"testing"
	"time"

	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/pkg/publish"
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
