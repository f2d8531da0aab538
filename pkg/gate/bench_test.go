package gate_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/pinwheel-oci/pinwheel/pkg/gate"
	"github.com/pinwheel-oci/pinwheel/pkg/index"
)

// largeIndex makes about 1,500 projects and 5,000 wheels for two Pythons and
// two processors: a third of the projects are compiled, each depends on a few
// that come before it, as a layered ecosystem does, and a part has several
// versions. Its environments are the target's.
//
// With bounds, one requirement in twenty wants an old or a new version, so that
// much does not go together.
func largeIndex(bounds bool) (*index.Target, []entry) {
	r := rand.New(rand.NewPCG(1, 2))
	t := target(pythons("3.11", "3.12"), platforms("linux_aarch64", "linux_x86_64"), pin("torch", "==2.9.*"), base("libc.so.6", "libstdc++.so.6"))
	symbols := make([]string, 20_000)
	for i := range symbols {
		symbols[i] = fmt.Sprintf("_ZN2at6Symbol%05dEv", i)
	}
	var files []entry
	for p := range 1500 {
		versions := 1 + r.IntN(3)
		var needs []string
		for range min(p, 2+r.IntN(8)) {
			other := r.IntN(p)
			bound := ">=1"
			if bounds && r.IntN(20) == 0 {
				bound = []string{"<2", ">=2", "!=1"}[r.IntN(3)]
			}
			needs = append(needs, fmt.Sprintf(`p%04d%s; python_version >= "3.%d"`, other, bound, 8+r.IntN(3)))
		}
		needs = append(needs, `pytest>=7; extra == "dev"`, `win; sys_platform == "win32"`)
		for v := 1; v <= versions; v++ {
			release := fmt.Sprintf("p%04d-%d.0", p, v)
			if p%3 != 0 {
				files = append(files, pure(release, needs...).extras("dev"))
				continue
			}
			for _, tag := range []string{"cp311-cp311", "cp312-cp312"} {
				for _, platform := range []string{"linux_x86_64", "manylinux_2_28_aarch64"} {
					e := file(release+"-"+tag+"-"+platform+".whl", append(needs, "numpy", "torch==2.9.1")...).extras("dev")
					at := r.IntN(len(symbols) - 200)
					files = append(files, e.with(importing(module("x/_x.so", "libc.so.6", "libstdc++.so.6", "libc10.so"), symbols[at:at+200]...), numpyModule("1.20")))
				}
			}
		}
	}
	for _, tag := range []string{"cp311-cp311", "cp312-cp312"} {
		for _, platform := range []string{"linux_x86_64", "linux_aarch64"} {
			e := torch("2.9.1", symbols...)
			e.facts.Libraries[0].Member = "torch/_C.so"
			e.name = "torch-2.9.1-" + tag + "-" + platform + ".whl"
			files = append(files, e)
		}
	}
	return t, append(files, pure("numpy-2.2.6"), pure("pytest-8.0"))
}

// BenchmarkRun judges a large index without a live revision, with one wheel
// more than what is live, and with much that does not go together.
func BenchmarkRun(b *testing.B) {
	b.Run("cold", func(b *testing.B) { benchmarkRun(b, false, false) })
	b.Run("one wheel added", func(b *testing.B) { benchmarkRun(b, false, true) })
	b.Run("conflicts", func(b *testing.B) { benchmarkRun(b, true, false) })
}

func benchmarkRun(b *testing.B, bounds, added bool) {
	t, files := largeIndex(bounds)
	k := newKnown()
	live := k.catalog(b, 6, t, files)
	in := k.input(live)
	if added {
		in.Candidate, in.Live = k.catalog(b, 7, t, append(files, native("p0000-9.0", "numpy"))), live
	}
	b.ReportAllocs()
	var report *gate.Report
	for b.Loop() {
		var err error
		if report, err = gate.Run(b.Context(), in); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(files)), "wheels")
	b.ReportMetric(float64(len(live.Projects)), "projects")
	found := 0
	for _, o := range report.Gates {
		found += o.Errors
		if o.Errors > 0 && !bounds && !(added && o.Name == "installable") {
			b.Errorf("gate %s: %d errors", o.Name, o.Errors)
		}
	}
	b.ReportMetric(float64(found), "errors")
}
