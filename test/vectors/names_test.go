package vectors_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/pkg/strictjson"
	"github.com/pinwheel-oci/pinwheel/test/tools"
)

type nameTable struct {
	Names []struct {
		Name string            `json:"name"`
		Tags map[string]string `json:"tags"`
	} `json:"names"`
	Invalid []struct {
		Name string `json:"name"`
		Why  string `json:"why"`
	} `json:"invalid-names"`
	Writers []struct {
		Writer string `json:"writer"`
		Why    string `json:"why"`
	} `json:"invalid-writers"`
}

// TestNames holds names.json against the code. Its tags are those of serial
// 17, sequence 5 and a writer called builder-1.
func TestNames(t *testing.T) {
	t.Parallel()
	var table nameTable
	must(0, strictjson.Unmarshal(read(t, "names.json"), &table))(t)
	if len(table.Names) < 6 || len(table.Invalid) < 20 || len(table.Writers) < 5 {
		t.Fatalf("names.json has only %d names, %d invalid ones and %d invalid writers", len(table.Names), len(table.Invalid), len(table.Writers))
	}
	owner := map[string]string{}
	for _, row := range table.Names {
		n := must(index.ParseName(row.Name))(t)
		tags := map[string]string{
			"candidate": n.CandidateTag(), "head": n.HeadTag(), "head-5": n.HeadHistoryTag(5), "retired-17": n.RetiredHistoryTag(17), "live": n.LiveTag(),
			"release": index.ReleaseTag(n.Series), "retired": n.RetiredTag(), "revision-17": n.RevisionTag(17),
			"stage": must(n.StageTag("builder-1"))(t), "subset": n.SubsetTag(),
		}
		if diff := cmp.Diff(row.Tags, tags); diff != "" {
			t.Errorf("%s: tags: -names.json +made\n%s", row.Name, diff)
		}
		for which, tag := range tags {
			if len(tag) > 128 {
				t.Errorf("%s: tag %s has %d bytes", row.Name, tag, len(tag))
			}
			if other, ok := owner[tag]; ok && which != "release" {
				t.Errorf("%s: tag %s is also that of %s", row.Name, tag, other)
			}
			owner[tag] = row.Name
		}
	}
	for _, row := range table.Invalid {
		if _, err := index.ParseName(row.Name); ruleOf(t, err) != "name" {
			t.Errorf("name %q (%s): %v", row.Name, row.Why, err)
		}
	}
	for _, row := range table.Writers {
		if _, err := (index.Name{Product: "tools", Series: "3.4", Variant: "cpu"}).StageTag(row.Writer); ruleOf(t, err) != "writer" {
			t.Errorf("writer %q (%s): %v", row.Writer, row.Why, err)
		}
	}
}

type targetCase struct {
	Target   index.Target `json:"target"`
	Admitted []string     `json:"admitted"`
	Refused  []string     `json:"refused"`
}

func targetCases(t *testing.T) []targetCase {
	t.Helper()
	var cases []targetCase
	must(0, strictjson.Unmarshal(read(t, "target.json"), &cases))(t)
	if len(cases) < 5 {
		t.Fatalf("target.json has only %d cases", len(cases))
	}
	return cases
}

func TestTarget(t *testing.T) {
	t.Parallel()
	for _, c := range targetCases(t) {
		must(0, c.Target.Check())(t)
		for want, names := range map[bool][]string{true: c.Admitted, false: c.Refused} {
			for _, name := range names {
				f := index.File{Filename: name, PackageType: index.Wheel}
				if !strings.HasSuffix(name, ".whl") {
					f.PackageType = index.Sdist
				}
				if got := c.Target.Admits(&f); got != want {
					t.Errorf("%+v admits %s: %t, want %t", c.Target, name, got, want)
				}
			}
		}
	}
}

// compatible prints, for one target, which wheels packaging would install.
const compatible = `
import json, sys
from packaging import _manylinux, tags, utils
case = json.load(sys.stdin)
glibc = case["target"].get("glibc", "2.0")
_manylinux._get_glibc_version = lambda: tuple(map(int, glibc.split(".")))
_manylinux._have_compatible_abi = lambda *_: True
good = set()
for python in case["target"]["pythons"]:
    version = tuple(map(int, python.rstrip("t").split(".")))
    abi = "cp%d%d" % version + ("t" if python.endswith("t") else "") + ("m" if version < (3, 8) else "")
    for platform in case["target"]["platforms"]:
        native = [platform, *_manylinux.platform_tags([platform.removeprefix("linux_")])]
        good |= set(tags.cpython_tags(version, [abi], native))
        good |= set(tags.compatible_tags(version, "cp%d%d" % version, native))
for name in case["admitted"] + case["refused"]:
    if name.endswith(".whl"):
        print(name, bool(good & utils.parse_wheel_filename(name)[3]))
`

// TestTargetAgreesWithPackaging asks the library that pip uses.
func TestTargetAgreesWithPackaging(t *testing.T) {
	t.Parallel()
	python := tools.Need(t, "python3")
	if err := exec.CommandContext(t.Context(), python, "-c", "import packaging.tags").Run(); err != nil {
		tools.Missing(t, "needs the Python package \"packaging\"")
	}
	for _, c := range targetCases(t) {
		if t := c.Target.PackageTypes; len(t) == 1 && t[0] == index.Sdist {
			continue // says nothing of tags
		}
		cmd := exec.CommandContext(t.Context(), python, "-c", compatible)
		cmd.Stdin = strings.NewReader(string(must(strictjson.Marshal(c))(t)))
		var stderr strings.Builder
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("python: %v\n%s", err, stderr.String())
		}
		n := 0
		for line := range strings.Lines(string(out)) {
			name, answer, _ := strings.Cut(strings.TrimSpace(line), " ")
			got := c.Target.Admits(&index.File{Filename: name, PackageType: index.Wheel})
			if got != (answer == "True") {
				t.Errorf("%+v admits %s: %t, packaging says %s", c.Target, name, got, answer)
			}
			n++
		}
		if n == 0 {
			t.Errorf("%+v: no answer", c.Target)
		}
	}
}
