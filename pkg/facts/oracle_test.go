package facts_test

import (
	"archive/zip"
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pinwheel-oci/pinwheel/pkg/elf"
	"github.com/pinwheel-oci/pinwheel/pkg/facts"
	"github.com/pinwheel-oci/pinwheel/test/tools"
)

// largestForOracles keeps the tests short: the oracles are slow.
const largestForOracles = 20 << 20

// realWheels are the wheels that test/tools/install fetched, by file name.
func realWheels(t *testing.T) map[string]string {
	t.Helper()
	root, err := tools.Root()
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(root, ".tools", "wheels", "*", "*.whl"))
	if err != nil {
		t.Fatal(err)
	}
	wheels := map[string]string{}
	for _, file := range files {
		if info, err := os.Stat(file); err == nil && info.Size() < largestForOracles {
			wheels[filepath.Base(file)] = file
		}
	}
	if len(wheels) < 5 {
		tools.Missing(t, "needs the wheels that test/tools/install fetches")
	}
	return wheels
}

// readWheel reads with archive/zip: some of the wheels break rules of intake.
func readWheel(t *testing.T, file string) *facts.Wheel {
	t.Helper()
	z, err := zip.OpenReader(file)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	r := facts.NewReader(t.TempDir())
	for _, m := range z.File {
		rc, err := m.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(rc)
		rc.Close()
		if err == nil {
			err = show(r, m.Name, content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	w, _, err := r.Wheel(sum, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

type described struct {
	Needed   []string            `json:"needed"`
	Soname   string              `json:"soname"`
	Versions map[string][]string `json:"versions"`
	Module   bool                `json:"module"`
}

// TestAgreesWithAuditwheel compares libraries with what auditwheel's functions
// (pyelftools below them) read from the same bytes.
func TestAgreesWithAuditwheel(t *testing.T) {
	t.Parallel()
	python := filepath.Join(filepath.Dir(tools.Need(t, "auditwheel")), "python")
	wheels := realWheels(t)
	args := []string{"testdata/oracle.py"}
	for _, file := range wheels {
		args = append(args, file)
	}
	out, err := exec.Command(python, args...).Output()
	if err != nil {
		t.Fatalf("oracle: %v", err)
	}
	var oracle map[string]map[string]described
	if err := json.Unmarshal(out, &oracle); err != nil {
		t.Fatal(err)
	}
	libraries := 0
	for name, file := range wheels {
		ours := map[string]described{}
		for _, l := range readWheel(t, file).Libraries {
			libraries++
			d := described{Needed: append([]string{}, l.Needed...), Soname: l.Soname, Versions: map[string][]string{}}
			for _, v := range l.Versions {
				if !strings.HasPrefix(v.Library, "ld-linux") && !strings.HasPrefix(v.Library, "ld64.so") { // auditwheel leaves those out
					d.Versions[v.Library] = append(d.Versions[v.Library], v.Version)
				}
			}
			stem, _, _ := strings.Cut(path.Base(l.Member), ".")
			d.Module = slices.Contains(l.Modules, stem)
			ours[l.Member] = d
		}
		for member, d := range oracle[name] {
			for library, versions := range d.Versions {
				d.Versions[library] = highestOf(versions)
			}
			oracle[name][member] = d
		}
		if diff := cmp.Diff(oracle[name], ours); diff != "" {
			t.Errorf("%s: -auditwheel +ours\n%s", name, diff)
		}
	}
	if libraries < 50 {
		t.Errorf("only %d libraries were compared", libraries)
	}
}

// highestOf keeps the highest version of each family.
func highestOf(versions []string) []string {
	best := map[string]string{}
	for _, v := range versions {
		family, number := elf.Versioned(v)
		if old, ok := best[family]; !ok || less(old, number) {
			best[family] = number
		}
	}
	var list []string
	for family, number := range best {
		list = append(list, strings.TrimSuffix(family+"_"+number, "_"))
	}
	slices.Sort(list)
	return list
}

func less(a, b string) bool {
	x, y := strings.Split(a, "."), strings.Split(b, ".")
	return slices.CompareFunc(x, y, func(s, t string) int {
		m, _ := strconv.Atoi(s)
		n, _ := strconv.Atoi(t)
		return m - n
	}) < 0
}

type audit struct {
	Specs map[string]struct {
		Wheel []struct {
			Name   string
			Result struct {
				Baseline string            `json:"baseline"`
				NotABI3  []string          `json:"non_abi3_symbols"`
				Future   map[string]string `json:"future_abi3_objects"`
			}
		}
	}
}

// TestAgreesWithAbi3audit compares what modules for the stable ABI import,
// together with the table of that ABI, with abi3audit's findings.
func TestAgreesWithAbi3audit(t *testing.T) {
	t.Parallel()
	abi3audit := tools.Need(t, "abi3audit")
	table := stableABI(t)
	compared := 0
	for name, file := range realWheels(t) {
		if !strings.Contains(name, "-abi3-") {
			continue
		}
		// Its exit code says whether it found something.
		out, err := exec.Command(abi3audit, "--report", file).Output()
		var report audit
		if json.Unmarshal(out, &report) != nil {
			t.Errorf("abi3audit %s: %v", name, err)
			continue
		}
		theirs := map[string][]string{}
		baseline := ""
		for _, m := range report.Specs[file].Wheel {
			baseline = m.Result.Baseline
			bad := append([]string{}, m.Result.NotABI3...)
			for symbol := range m.Result.Future {
				bad = append(bad, symbol)
			}
			slices.Sort(bad)
			theirs[m.Name] = bad
		}
		ours := map[string][]string{}
		for _, l := range readWheel(t, file).Libraries {
			if !l.Stable {
				continue
			}
			compared++
			bad := []string{}
			for _, symbol := range l.Python {
				if added, ok := table[symbol]; !ok || less(baseline, added) {
					bad = append(bad, symbol)
				}
			}
			ours[path.Base(l.Member)] = bad
		}
		if diff := cmp.Diff(theirs, ours); diff != "" {
			t.Errorf("%s: -abi3audit +ours\n%s", name, diff)
		}
	}
	if compared < 2 {
		t.Errorf("only %d modules were compared", compared)
	}
}

func stableABI(t *testing.T) map[string]string {
	t.Helper()
	data, err := os.ReadFile("../gate/stableabi.txt")
	if err != nil {
		t.Fatal(err)
	}
	table := map[string]string{}
	for s := bufio.NewScanner(bytes.NewReader(data)); s.Scan(); {
		if symbol, added, ok := strings.Cut(s.Text(), " "); ok && symbol != "#" {
			table[symbol] = added
		}
	}
	return table
}
