package gate_test

import (
	"strings"
	"testing"
	"time"

	"github.com/pinwheel-oci/pinwheel/pkg/gate"
	"github.com/pinwheel-oci/pinwheel/pkg/index"
)

func TestAgrees(t *testing.T) {
	t.Parallel()
	catalog := func() *index.Catalog {
		return &index.Catalog{Format: 1, Product: "tools", Series: "3.4", Variant: "cpu-ubi9", Serial: 7, Epoch: 1, Gates: &index.Gates{Result: gate.Pass}}
	}
	for name, tt := range map[string]struct {
		edit func(*gate.Report, *index.Catalog)
		want string
	}{
		"its own":          {func(*gate.Report, *index.Catalog) {}, ""},
		"another serial":   {func(_ *gate.Report, c *index.Catalog) { c.Serial = 8 }, "serial 7"},
		"another index":    {func(_ *gate.Report, c *index.Catalog) { c.Variant = "cuda13.0-ubi9" }, "tools/3.4/cpu-ubi9"},
		"another live":     {func(_ *gate.Report, c *index.Catalog) { c.Gates.Live = "sha256:x" }, "judged beside"},
		"another result":   {func(r *gate.Report, _ *index.Catalog) { r.Result = gate.Fail }, "the report says fail"},
		"a gate left out":  {func(r *gate.Report, _ *index.Catalog) { r.Gates = r.Gates[1:] }, "nothing of the gate target"},
		"ungated revision": {func(_ *gate.Report, c *index.Catalog) { c.Gates = nil }, "no gates"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := catalog()
			r, err := gate.Run(t.Context(), gate.Input{Candidate: c, Now: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)})
			if err != nil {
				t.Fatal(err)
			}
			tt.edit(r, c)
			err = r.Agrees(c)
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
}
