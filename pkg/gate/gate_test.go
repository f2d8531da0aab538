package gate_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pinwheel-oci/pinwheel/pkg/gate"
)

func rows() []row {
	return slices.Concat(targetRows(), tagRows(), closureRows(), installableRows(), libraryRows(), moduleRows(), symbolRows(), torchRows(), abiRows(), coherenceRows(), architectureRows(), immutabilityRows())
}

// TestRules runs all rows, and then wants every rule of every gate to have
// fired in at least one: what cannot fire is no rule.
func TestRules(t *testing.T) {
	fired := map[string]bool{}
	for _, r := range rows() {
		t.Run(r.name, func(t *testing.T) {
			report := r.run(t)
			if diff := cmp.Diff(r.want, lines(report)); diff != "" {
				var b strings.Builder
				_ = report.Text(&b)
				t.Errorf("findings (-want +got):\n%s\n%s", diff, b.String())
			}
			data, err := report.Encode()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := gate.DecodeReport(data); err != nil {
				t.Errorf("its own report: %v", err)
			}
			for _, f := range report.Findings {
				fired[f.Gate+"/"+f.Rule] = true
				if f.Severity == gate.Error && f.Fix == "" {
					t.Errorf("%s/%s does not say what to do", f.Gate, f.Rule)
				}
			}
		})
	}
	if t.Failed() {
		return
	}
	for _, name := range gate.Names() {
		for _, rule := range gate.RuleNames(name) {
			if !fired[name+"/"+rule] {
				t.Errorf("no row makes %s/%s fire", name, rule)
			}
		}
	}
}
