package gate_test

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/test/tools"
)

// TestTagsAreOrderedAsPackagingHasThem compares which of two files the gates
// take for the installed one with the order of packaging.tags.
func TestTagsAreOrderedAsPackagingHasThem(t *testing.T) {
	t.Parallel()
	python := tools.Need(t, "python")
	for _, tt := range []struct{ python, version, abi string }{
		{"3.12", "(3,12)", "cp312"}, {"3.9", "(3,9)", "cp39"}, {"3.14t", "(3,14)", "cp314t"}, {"3.15t", "(3,15)", "cp315t"},
	} {
		t.Run(tt.python, func(t *testing.T) {
			t.Parallel()
			script := fmt.Sprintf(`
from packaging.tags import cpython_tags, compatible_tags
native = [p + "_x86_64" for p in ("manylinux_2_34", "manylinux_2_17", "manylinux2014", "manylinux_2_5", "manylinux1", "linux")]
print(*cpython_tags(%[1]s, [%[2]q], native), *compatible_tags(%[1]s, %[3]q, native))
`, tt.version, tt.abi, strings.TrimSuffix(tt.abi, "t"))
			out, err := exec.CommandContext(t.Context(), python, "-c", script).Output()
			if err != nil {
				tools.Missing(t, "needs a Python with packaging: "+err.Error())
			}
			tags := strings.Fields(string(out))
			if len(tags) < 60 {
				t.Fatalf("only %d tags: %s", len(tags), out)
			}
			files := []entry{pure("b-1", "x==2"), pure("x-1"), pure("x-2")}
			var want []string
			for i := range tags[1:] {
				files = append(files, file(fmt.Sprintf("first%d-1-%s.whl", i, tags[i])), file(fmt.Sprintf("first%d-1-%s.whl", i, tags[i+1]), "x==1", "b"))
				second := fmt.Sprintf("second%d", i)
				files = append(files, file(second+"-1-"+tags[i]+".whl", "x==1", "b"), file(second+"-1-"+tags[i+1]+".whl"))
				want = append(want, second)
			}
			var got []string
			one := func(t *index.Target) { t.Pythons = []string{tt.python} }
			for _, f := range (row{target: target(one), files: files}).run(t).Findings {
				if f.Gate == "installable" { // tags/ambiguous is for linux_<arch>
					got = append(got, f.Project)
				}
			}
			slices.Sort(want)
			slices.Sort(got)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("where the worse of two files is taken for the installed one (-packaging +gates):\n%s", diff)
			}
		})
	}
}
