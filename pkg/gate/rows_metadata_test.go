package gate_test

import (
	"time"

	"github.com/pinwheel-oci/pinwheel/pkg/gate"
	"github.com/pinwheel-oci/pinwheel/pkg/index"
)

func targetRows() []row {
	later, earlier := now.Add(time.Hour), now.Add(-time.Hour)
	broken := []entry{pure("a-1", "b")}
	return []row{
		{name: "a target that sets nothing", target: target(), files: []entry{pure("a-1")}},
		{name: "no target: what needs environments is not judged", files: broken},
		{name: "a gate that does not exist", target: target(mode("spelling", "warn")), files: []entry{pure("a-1")}, want: []string{"error target/unknown-gate"}},
		{name: "a gate that cannot be off", target: target(mode("immutability", "off")), files: []entry{pure("a-1")}, want: []string{"error target/fixed-gate"}},
		{name: "a gate that is set to what it is", target: target(mode("immutability", "error")), files: []entry{pure("a-1")}},
		{name: "a gate that only warns", target: target(mode("closure", "warn"), waive("installable", "a", "", later)), files: broken,
			want: []string{"warn closure/missing a 1", "waived installable/none a 1"}},
		{name: "a waiver for another gate than there is", target: target(waive("spelling", "a", "", later)), files: []entry{pure("a-1")}, want: []string{"error target/waiver-gate a"}},
		{name: "a waiver for what cannot be waived", target: target(waive("immutability", "a", "", later)), files: []entry{pure("a-1")}, want: []string{"error target/fixed-gate a"}},
		{name: "a waiver that lets nothing pass", target: target(waive("closure", "a", "", later)), files: []entry{pure("a-1")}, want: []string{"note target/waiver-unused a"}},
		{name: "waivers let pass until they expire", target: target(waive("closure", "a", "", later)), files: broken,
			want: []string{"waived closure/missing a 1"}},
		{name: "what is waived is taken as met by others too", target: target(waive("closure", "a", "", later)), files: append(broken, pure("c-1", "a")),
			want: []string{"waived closure/missing a 1"}},
		{name: "waivers of the version", target: target(waive("closure", "a", "==1.*", later)), files: broken,
			want: []string{"waived closure/missing a 1"}},
		{name: "waivers of another version", target: target(waive("closure", "a", ">1", later), waive("installable", "a", ">1", later)), files: broken,
			want: []string{"note target/waiver-unused a", "error closure/missing a 1", "error installable/none a 1"}},
		{name: "waivers that expired just now", target: target(waive("closure", "a", "", now), waive("installable", "a", "", earlier)), files: broken,
			want: []string{"warn target/waiver-expired a", "error closure/missing a 1", "error installable/none a 1"}},
		{name: "waivers that expired still count in a rollback", target: target(waive("closure", "a", "", earlier)), files: broken,
			change: func(in *gate.Input) { in.Rollback = true }, want: []string{"warn target/waiver-expired a", "waived closure/missing a 1"}},
		{name: "waivers that expired do not count in a transition", target: target(waive("closure", "a", "", earlier)), files: broken,
			change: func(in *gate.Input) { in.Transition = "now" }, want: []string{"warn target/waiver-expired a", "error closure/missing a 1", "error installable/none a 1"}},
		{name: "more environments than can be judged", target: target(pythons("3.10", "3.11", "3.12", "3.13", "3.14", "3.7", "3.8", "3.9"),
			platforms("linux_a1", "linux_a2", "linux_a3", "linux_a4", "linux_a5", "linux_a6", "linux_a7", "linux_a8", "linux_a9")),
			files: []entry{pure("a-1")}, want: []string{"error target/environments"}},
		{name: "rules that the target demands and that are not given", target: target(mode("rules", "error")), files: []entry{pure("a-1")}, want: []string{"error rules/missing"}},
		{name: "rules that the target wants to warn", target: target(mode("rules", "warn")), files: []entry{pure("a-1")}, want: []string{"warn rules/missing"}},
		{name: "rules that the target demands, in a rollback", target: target(mode("rules", "error")), files: []entry{pure("a-1")},
			change: func(in *gate.Input) { in.Rollback = true }, want: []string{"warn rules/missing"}},
		{name: "rules that the target has off", target: target(mode("rules", "off")), files: []entry{pure("a-1")}},
		{name: "rules that the target demands and that are given", target: target(mode("rules", "error")), files: []entry{pure("a-1")}, change: func(in *gate.Input) {
			in.Rules = []gate.Rule{shell(`cat >/dev/null; echo '{"findings":[]}'`)}
		}},
		{name: "sbom and provenance are off unless asked for", target: target(), files: []entry{pure("a-1")}},
		{name: "a wheel without SBOM", target: target(mode("sbom", "error")), files: []entry{pure("a-1")}, want: []string{"error sbom/missing a 1"}},
		{name: "a wheel with SBOM", target: target(mode("sbom", "error")), files: []entry{withSBOM(pure("a-1"))}},
		{name: "a file without provenance", target: target(mode("provenance", "warn")), files: []entry{pure("a-1")}, want: []string{"warn provenance/missing a 1"}},
		{name: "a file with provenance", target: target(mode("provenance", "error")), files: []entry{{name: "a-1-py3-none-any.whl", provenance: true}}},
		{name: "a wheel of which nothing is known", target: target(mode("sbom", "error")), files: []entry{{name: "a-1-py3-none-any.whl", unknown: true}},
			want: []string{"error closure/facts-missing a 1", "error installable/facts-missing a 1", "error libraries/facts-missing a 1", "error symbols/facts-missing a 1",
				"error numpy/facts-missing a 1", "error abi3/facts-missing a 1", "error glibc/facts-missing a 1", "error coherence/facts-missing a 1", "error sbom/facts-missing a 1"}},
		{name: "an sdist need not be known", target: target(sdists), files: []entry{pure("a-1"), {name: "a-1.tar.gz", unknown: true}}},
	}
}

func withSBOM(e entry) entry {
	e.facts.SBOMs = []string{"a-1.dist-info/sboms/a.cdx.json"}
	return e
}

func sdists(t *index.Target) { t.PackageTypes = []string{index.Wheel, index.Sdist} }

func tagRows() []row {
	return []row{
		{name: "every kind of tag that fits", target: target(pythons("3.12", "3.14t")), files: []entry{
			pure("a-1"), file("b-1-cp312-cp312-linux_x86_64.whl"), file("b-1-cp314-cp314t-manylinux_2_34_x86_64.whl"),
			file("c-1-cp38-abi3-manylinux1_x86_64.whl"), pure("c-1"), file("d-1-py2.py3-none-any.whl"), file("e-1-py3-none-manylinux2014_x86_64.whl")}},
		{name: "a wheel for another platform", target: target(), files: []entry{pure("a-1"), file("a-1-cp312-cp312-linux_aarch64.whl")}, want: []string{"error tags/outside a 1"}},
		{name: "a wheel for a newer glibc", target: target(), files: []entry{pure("a-1"), file("a-1-cp312-cp312-manylinux_2_39_x86_64.whl")}, want: []string{"error tags/outside a 1"}},
		{name: "a wheel for another Python", target: target(), files: []entry{pure("a-1"), file("a-1-cp311-cp311-linux_x86_64.whl")}, want: []string{"error tags/outside a 1"}},
		{name: "a wheel for free threads where there are none", target: target(), files: []entry{pure("a-1"), file("a-1-cp312-cp312t-linux_x86_64.whl")}, want: []string{"error tags/outside a 1"}},
		{name: "an ABI with a platform that it does not go with", target: target(), files: []entry{pure("a-1"), file("a-1-cp312-cp312-any.whl")}, want: []string{"error tags/outside a 1"}},
		{name: "an sdist", target: target(), files: []entry{pure("a-1"), {name: "a-1.tar.gz"}}, want: []string{"error tags/package-type a 1"}},
		{name: "an sdist that may be listed", target: target(sdists), files: []entry{pure("a-1"), {name: "a-1.tar.gz"}}},
		{name: "Requires-Python excludes all", target: target(), files: []entry{pure("a-1"), pure("a-2").onPython("<3.10")}, want: []string{"error tags/requires-python a 2"}},
		{name: "Requires-Python is no specifier", target: target(), files: []entry{pure("a-1"), pure("a-2").onPython("three")}, want: []string{"error tags/requires-python a 2"}},
		{name: "Requires-Python with stars that installers step over", target: target(), files: []entry{pure("a-1").onPython(">=3.6.*, <4.*"), pure("b-1").onPython("!=3.0.*,>= 2.7.*")}},
		{name: "Requires-Python with stars that excludes all without them", target: target(), files: []entry{pure("a-1"), pure("a-2").onPython("<3.6.*")}, want: []string{"error tags/requires-python a 2"}},
		{name: "Requires-Python excludes the first patch releases", target: target(), files: []entry{pure("a-1").onPython(">=3.9,!=3.12.0,!=3.12.1")}},
		{name: "two builds of one wheel", target: target(), files: []entry{file("a-1-1-py3-none-any.whl"), file("a-1-10-py3-none-any.whl")}, want: []string{"note tags/shadowed a 1"}},
		{name: "two builds whose numbers are one, spelled in two ways", target: target(), files: []entry{file("a-1-2-py3-none-any.whl"), file("a-1-02-py3-none-any.whl")},
			want: []string{"error tags/same a 1"}},
		{name: "one version, spelled in two ways", target: target(), files: []entry{pure("a-1.0"), pure("a-1.0.0")}, want: []string{"error tags/same a 1.0.0"}},
		{name: "one project, spelled in two ways", target: target(), files: []entry{pure("a_b-1"), pure("a.b-1")}, want: []string{"error tags/same a-b 1"}},
		{name: "one version, spelled in two ways, in builds of which one is higher", target: target(), files: []entry{file("a-1.0-1-py3-none-any.whl"), file("a-1.0.0-2-py3-none-any.whl")},
			want: []string{"note tags/shadowed a 1.0"}},
		{name: "one version, spelled in two ways, and one of them yanked", target: target(), files: []entry{pure("a-1.0").yank(), pure("a-1.0.0")}},
		{name: "two sdists of one version", target: target(sdists), files: []entry{{name: "a-1.0.tar.gz"}, {name: "a-1.0.0.tar.gz"}}, want: []string{"error tags/same a 1.0"}},
		{name: "files whose best tags are equal", target: target(), files: []entry{pure("a-1"), file("a-1-py2.py3-none-any.whl")}, want: []string{"warn tags/ambiguous a 1"}},
		{name: "files whose best tags are equal, and one build is higher", target: target(), files: []entry{pure("a-1"), file("a-1-2-py2.py3-none-any.whl")}},
		{name: "linux beside manylinux, of which clients prefer one or the other", target: target(), files: []entry{native("a-1"), file("a-1-cp312-cp312-manylinux2014_x86_64.whl")},
			want: []string{"warn tags/ambiguous a 1"}},
		{name: "linux beside a manylinux that is for any Python", target: target(), files: []entry{native("a-1"), file("a-1-cp38-abi3-manylinux2014_x86_64.whl")}},
		{name: "two levels of manylinux", target: target(), files: []entry{file("a-1-cp312-cp312-manylinux_2_28_x86_64.whl"), file("a-1-cp312-cp312-manylinux2014_x86_64.whl")}},
		{name: "two builds for different platforms", target: target(platforms("linux_aarch64", "linux_x86_64")),
			files: []entry{file("a-1-1-py3-none-linux_x86_64.whl"), file("a-1-2-py3-none-linux_aarch64.whl")}},
	}
}

func closureRows() []row {
	return []row{
		{name: "requirements that are met", target: target(), files: []entry{pure("a-1", "B_c>=1,<2", "d"), pure("b_c-1.5"), pure("d-1")}},
		{name: "a project that is not there", target: target(), files: []entry{pure("a-1", "b")}, want: []string{"error closure/missing a 1", "error installable/none a 1"}},
		{name: "a version that is not there", target: target(), files: []entry{pure("a-1", "b>2"), pure("b-1")}, want: []string{"error closure/unmet a 1", "error installable/none a 1"}},
		{name: "a requirement of another platform", target: target(), files: []entry{pure("a-1", `b; sys_platform == "win32"`, `c; platform_machine == "aarch64"`, `d; python_version < "3.12"`,
			`e; python_full_version < "3.12.4"`, `f; implementation_name != "cpython"`, `g; platform_release >= "20.9.0"`)}},
		{name: "a requirement of this platform", target: target(), files: []entry{pure("a-1", `b; sys_platform == "linux" and platform_machine == "x86_64" and python_full_version >= "3.12.4"`)},
			want: []string{"error closure/missing a 1", "error installable/none a 1"}},
		{name: "a requirement that is met on one Python only", target: target(pythons("3.11", "3.12")), files: []entry{pure("a-1", "b"), file("b-1-cp312-cp312-linux_x86_64.whl")},
			want: []string{"error closure/missing a 1", "error installable/no-file b 1", "error installable/none a 1"}},
		{name: "the base image meets a requirement", target: target(base("libc.so.6"), installed("b", "3.1")), files: []entry{pure("a-1", "b>=3")}},
		{name: "the base image has an older version", target: target(base("libc.so.6"), installed("b", "3.1")), files: []entry{pure("a-1", "b>=4")},
			want: []string{"error closure/unmet a 1", "error installable/none a 1"}},
		{name: "a requirement from a URL", target: target(), files: []entry{pure("a-1", "b @ https://registry.example/b.whl"), pure("b-1")},
			want: []string{"error closure/url a 1", "error installable/none a 1"}},
		{name: "a requirement that cannot be read", target: target(), files: []entry{pure("a-1", "b (>=1.*)"), pure("b-1")},
			want: []string{"error closure/unreadable a 1", "error installable/none a 1"}},
		{name: "a marker that cannot be evaluated", target: target(), files: []entry{pure("a-1", `b; "x" in extras`), pure("b-1")},
			want: []string{"error closure/unreadable a 1"}},
		{name: "a project in quarantine", target: target(), files: []entry{pure("a-1", "b"), pure("b-1")}, change: status("b", "quarantined"),
			want: []string{"error closure/quarantined a 1", "error installable/none a 1"}},
		{name: "an archived project", target: target(), files: []entry{pure("a-1", "b"), pure("b-1")}, change: status("b", "archived")},
		{name: "only a yanked version", target: target(), files: []entry{pure("a-1", "b>=1"), pure("b-1").yank()}, want: []string{"error closure/unmet a 1", "error installable/none a 1"}},
		{name: "a yanked version that is pinned", target: target(), files: []entry{pure("a-1", "b==1"), pure("b-1").yank(), pure("b-2")}, want: []string{"warn closure/yanked a 1"}},
		{name: "a yanked file of a pinned version that has another", target: target(), files: []entry{pure("a-1", "b==1"), native("b-1").yank(), pure("b-1")}},
		{name: "a yanked version that is pinned in another environment", target: target(), files: []entry{pure("a-1", `b==1; sys_platform == "win32"`), pure("b-1").yank(), pure("b-2")}},
		{name: "what a yanked wheel needs", target: target(), files: []entry{pure("a-1", "b").yank(), pure("a-2")}},
		{name: "a pre-release where nothing else matches", target: target(), files: []entry{pure("a-1", "b>=1"), pure("b-2rc1")}},
		{name: "a local version of the pinned one", target: target(), files: []entry{pure("a-1", "b==2.9.1"), pure("b-2.9.1+rhaiv.3")}},
		{name: "an extra that nobody asks for", target: target(), files: []entry{pure("a-1", `pytest; extra == "dev"`, `b; extra == "dev"`).extras("dev")},
			want: []string{"note closure/extra-incomplete a 1"}},
		{name: "an extra that another wheel asks for", target: target(), files: []entry{pure("a-1", `pytest; extra == "dev"`).extras("dev"), pure("b-1", "a[dev]")},
			want: []string{"error closure/extra a 1", "error installable/none b 1"}},
		{name: "an extra that is complete", target: target(), files: []entry{pure("a-1", `b>=1; extra == "dev"`).extras("dev"), pure("b-1")}},
		{name: "an extra that no version has", target: target(), files: []entry{pure("a-1", "b[fast]"), pure("b-1")}, want: []string{"warn closure/extra-unknown a 1"}},
		{name: "an extra that is not declared and cannot be had", target: target(), files: []entry{pure("a-1", "b[x]"), pure("b-1", `gone; extra == "x"`)},
			want: []string{"warn closure/extra-unknown a 1", "error installable/none a 1"}},
		{name: "an extra that asks for others of its own", target: target(), files: []entry{
			pure("a-1", `a[x,y]; extra == "all"`, `b; extra == "x"`, `c; extra == "y"`).extras("all", "x", "y"), pure("b-1"), pure("c-1"), pure("d-1", "a[all]")}},
	}
}

func installableRows() []row {
	return []row{
		{name: "an older version agrees", target: target(), files: []entry{pure("a-1", "b", "c"), pure("b-1"), pure("b-2", "c<2"), pure("c-1"), pure("c-2")}},
		{name: "two needs that do not agree", target: target(), files: []entry{pure("a-1", "b<2", "c"), pure("c-3", "b>=2"), pure("b-1"), pure("b-2")},
			want: []string{"error installable/none a 1"}},
		{name: "needs that do not agree with the project itself", target: target(), files: []entry{pure("a-2", "b"), pure("b-1", "a<2"), pure("a-1")},
			want: []string{"warn installable/newest a 2"}},
		{name: "the newest version cannot be installed", target: target(), files: []entry{pure("a-1", "b"), pure("a-2", "b", "c"), pure("c-1", "b>=2"), pure("b-1"), pure("b-2", "c<1")},
			want: []string{"error closure/unmet b 2", "error installable/none c 1", "warn installable/newest a 2", "warn installable/newest b 2"}},
		{name: "an older version cannot be installed", target: target(), files: []entry{pure("a-1", "b<2"), pure("a-2", "b"), pure("b-2")},
			want: []string{"error closure/unmet a 1", "note installable/version a 1"}},
		{name: "a circle", target: target(), files: []entry{pure("a-1", "b"), pure("b-1", "a")}},
		{name: "a project without a wheel for one Python", target: target(pythons("3.11", "3.12")), files: []entry{native("a-1")}, want: []string{"error installable/no-file a 1"}},
		{name: "a project that is not for one Python", target: target(pythons("3.11", "3.12")), files: []entry{native("a-1").onPython(">=3.12")}, want: []string{"note installable/not-for-python a 1"}},
		{name: "the wheel that installers prefer", target: target(), files: []entry{
			file("a-1-1-cp312-cp312-linux_x86_64.whl"), file("a-1-py3-none-any.whl", "b<2"), pure("b-2"), pure("c-1", "a")},
			want: []string{"error closure/unmet a 1"}},
		{name: "py3 comes before py311", target: target(), files: []entry{file("a-1-py3-none-any.whl", "x==1", "b"), file("a-1-py311-none-any.whl"), pure("b-1", "x==2"), pure("x-1"), pure("x-2")},
			want: []string{"error installable/none a 1"}},
		{name: "py311 comes after py3", target: target(), files: []entry{file("a-1-py3-none-any.whl"), file("a-1-py311-none-any.whl", "x==1", "b"), pure("b-1", "x==2"), pure("x-1"), pure("x-2")}},
		{name: "no ABI comes before the stable ABI of an older Python", target: target(), want: []string{"error installable/none a 1"}, files: []entry{
			file("a-1-cp312-none-linux_x86_64.whl", "x==1", "b"), file("a-1-cp311-abi3-linux_x86_64.whl"), pure("b-1", "x==2"), pure("x-1"), pure("x-2")}},
		{name: "the stable ABI of this Python comes before no ABI", target: target(), files: []entry{
			file("a-1-cp312-none-linux_x86_64.whl", "x==1", "b"), file("a-1-cp312-abi3-linux_x86_64.whl"), pure("b-1", "x==2"), pure("x-1"), pure("x-2")}},
		{name: "the higher build that installers prefer", target: target(), files: []entry{file("a-1-2-py3-none-any.whl", "b<2"), file("a-1-10-py3-none-any.whl", "b"), pure("b-2")},
			want: []string{"note tags/shadowed a 1", "error closure/unmet a 1"}},
		{name: "an extra that does not agree", target: target(), files: []entry{pure("a-1", `b<2; extra == "x"`).extras("x"), pure("b-1"), pure("b-2"), pure("c-1", "a[x]", "b>=2")},
			want: []string{"error installable/none c 1"}},
		{name: "what the base image has needs something else than the wheel", target: target(base("libc.so.6"), installed("x", "2.0")), want: []string{"error installable/none a 1"},
			files: []entry{pure("a-1", "x>=2", "y==1"), pure("x-2.0", "y==2"), pure("y-1"), pure("y-2")}},
		{name: "what the base image has needs what the wheel needs too", target: target(base("libc.so.6"), installed("x", "2.0")),
			files: []entry{pure("a-1", "x>=2", "y==2"), pure("x-2.0", "y==2"), pure("y-1"), pure("y-2")}},
		{name: "what the base image has needs what only the image has", target: target(base("libc.so.6"), installed("x", "2.0")), want: []string{"error closure/missing x 2.0"},
			files: []entry{pure("a-1", "x>=2"), pure("x-2.0", "gone")}},
		{name: "a yanked version that one pins and another admits", target: target(), want: []string{"warn closure/yanked a 1"},
			files: []entry{pure("a-1", "x==2.0", "b"), pure("b-1", "x>=1"), pure("x-1.0"), pure("x-2.0").yank()}},
		{name: "a yanked version that one pins and another excludes", target: target(), want: []string{"warn closure/yanked a 1", "error installable/none a 1"},
			files: []entry{pure("a-1", "x==2.0", "b"), pure("b-1", "x<2"), pure("x-1.0"), pure("x-2.0").yank()}},
		{name: "a yanked version that is pinned by what is not installed", target: target(), want: []string{"warn closure/yanked a 1", "error installable/none c 1"},
			files: []entry{pure("a-1", "x==2.0"), pure("b-1", "x>=1"), pure("c-1", "b", "d"), pure("d-1", "x!=1.0"), pure("x-1.0"), pure("x-2.0").yank(), pure("x-0.9")}},
		{name: "a pre-release that the requirements together leave", target: target(), files: []entry{pure("a-1", "x>=1", "b"), pure("b-1", "x>=1.5"), pure("x-1.0"), pure("x-2.0rc1")}},
		{name: "a pre-release where the requirements together admit more", target: target(), want: []string{"error installable/none a 1"},
			files: []entry{pure("a-1", "x>=1", "y==2"), pure("x-1.0", "y==1"), pure("x-2.0rc1"), pure("y-1"), pure("y-2")}},
		{name: "a project of which all is yanked", target: target(), files: []entry{pure("a-1", "b>2").yank(), pure("b-1")}},
	}
}

func architectureRows() []row {
	two := platforms("linux_aarch64", "linux_x86_64")
	partial := func(t *index.Target) {
		t.Partial = []index.Partial{{Project: "a", Platforms: []string{"linux_x86_64"}, Reason: "the vendor supports no other"}}
	}
	arm := func(release string) entry { return file(release + "-cp312-cp312-linux_aarch64.whl") }
	return []row{
		{name: "the same versions everywhere, with other builds and local versions", target: target(two), files: []entry{
			native("a-1"), arm("a-1-3"), native("b-2.9.1+cu130"), arm("b-2.9.1+cpu"), pure("c-1")}},
		{name: "nothing for one platform", target: target(two), files: []entry{native("a-1")}, want: []string{"error architectures/missing a 1"}},
		{name: "a partial project", target: target(two, partial), files: []entry{native("a-1")}},
		{name: "a partial project that is complete", target: target(two, partial), files: []entry{pure("a-1")}, want: []string{"warn architectures/partial a"}},
		{name: "a partial project that is not there", target: target(two, partial), files: []entry{pure("b-1")}, want: []string{"note architectures/partial-unused a"}},
		{name: "the newest is still being built", target: target(two), files: []entry{native("a-1"), arm("a-1"), native("a-2")}, want: []string{"warn architectures/building a 2"}},
		{name: "an older version is not everywhere", target: target(two), files: []entry{native("a-1"), native("a-2"), arm("a-2")}, want: []string{"note architectures/older a 1"}},
		{name: "no version is everywhere", target: target(two), files: []entry{native("a-1"), arm("a-2")}, want: []string{"error architectures/uneven a 1", "error architectures/uneven a 2"}},
	}
}

func immutabilityRows() []row {
	changed := func(in *gate.Input) {
		in.Names = map[string]string{"a-1-py3-none-any.whl": entry{name: "a-1-py3-none-any.whl", salt: "x"}.sha()}
	}
	transition := func(in *gate.Input) { in.Transition = "torch 2.10 for the new release" }
	rollback := func(in *gate.Input) { in.Rollback = true }
	a := []entry{pure("a-1")}
	return []row{
		{name: "the same name with the same bytes", target: target(), files: a, live: a, change: func(in *gate.Input) { in.Names = map[string]string{a[0].name: a[0].sha()} }},
		{name: "a name that stood for other bytes", target: target(), files: a, change: changed, want: []string{"error immutability/name a 1"}},
		{name: "a name of which the ledger knows nothing", target: target(), files: a, live: []entry{{name: a[0].name, salt: "x"}}, want: []string{"error immutability/name a 1"}},
		{name: "other bytes under another spelling of a live name", target: target(), files: []entry{pure("a-1.0")}, live: a, want: []string{"error immutability/name a 1.0"}},
		{name: "other bytes under another spelling of an old name", target: target(), files: []entry{pure("A-1.00")}, want: []string{"error immutability/name a 1.0"},
			change: func(in *gate.Input) {
				in.Names = map[string]string{"a-1-py3-none-any.whl": pure("a-1").sha(), "b-1.tar.gz": "00"}
			}},
		{name: "the same bytes under another spelling of an old name", target: target(), files: []entry{pure("a-1.0")},
			change: func(in *gate.Input) { in.Names = map[string]string{"a-1-py3-none-any.whl": pure("a-1.0").sha()} }},
		{name: "a higher build under another spelling of an old name", target: target(), files: []entry{file("a-1.0-1-py3-none-any.whl")}, live: a},
		{name: "other bytes under two spellings that are both old", target: target(), files: a,
			change: func(in *gate.Input) {
				in.Names = map[string]string{"a-1-py3-none-any.whl": pure("a-1").sha(), "a-1.0-py3-none-any.whl": "00"}
			}},
		{name: "a name is for ever, whatever is declared", target: target(), files: a, live: a, change: func(in *gate.Input) { changed(in); transition(in); in.Rollback = true },
			want: []string{"error immutability/name a 1"}},
		{name: "a pin changes", target: target(pin("torch", "==2.10.*")), before: target(pin("torch", "==2.9.*")), files: a, live: a, want: []string{"error immutability/pins"}},
		{name: "a pin is dropped", target: target(), before: target(pin("torch", "==2.9.*")), files: a, live: a, want: []string{"error immutability/pins"}},
		{name: "a first pin", target: target(pin("torch", "==2.9.*")), before: target(), files: a, live: a},
		{name: "a pin changes by a transition", target: target(), before: target(pin("torch", "==2.9.*")), files: a, live: a, change: transition, want: []string{"warn immutability/pins"}},
		{name: "a pin changes back", target: target(), before: target(pin("torch", "==2.9.*")), files: a, live: a, change: rollback, want: []string{"note immutability/pins"}},
		{name: "another accelerator", target: target(accelerator("cuda", "13.0")), before: target(accelerator("cuda", "12.9")), files: a, live: a, want: []string{"error immutability/accelerator"}},
		{name: "one Python less", target: target(), before: target(pythons("3.11", "3.12")), files: a, live: a, want: []string{"error immutability/pythons"}},
		{name: "one Python more", target: target(pythons("3.11", "3.12")), before: target(), files: a, live: a},
		{name: "one platform less", target: target(), before: target(platforms("linux_aarch64", "linux_x86_64")), files: a, live: a, want: []string{"error immutability/platforms"}},
		{name: "newer libraries of the system", target: target(), files: a, live: a, want: []string{"error immutability/glibc", "error immutability/glibcxx"},
			before: target(func(t *index.Target) { t.Glibc, t.Glibcxx = "2.9", "3.4.9" })},
		{name: "older libraries of the system", target: target(), files: a, live: a, before: target(func(t *index.Target) { t.Glibc, t.Glibcxx = "2.39", "3.4.33" })},
		{name: "no target any more", before: target(), files: a, live: a, want: []string{"error immutability/target"}},
	}
}
