package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pinwheel-oci/pinwheel/test/tools"
)

// judged is what publish --dry-run --format json says of a set of wheels.
type judged struct {
	Gates struct {
		Result   string
		Findings []struct{ Gate, Rule, Severity, Project, Member, Message string }
	}
}

// judge has the gates judge files for an environment.
func (v *vendor) judge(target string, files ...string) judged {
	v.t.Helper()
	file := filepath.Join(v.t.TempDir(), "target.yaml")
	if err := os.WriteFile(file, []byte(target), 0o600); err != nil {
		v.t.Fatal(err)
	}
	args := append([]string{"publish", "--dry-run", "--format", "json", "--to", "oci-layout:" + v.t.TempDir() + "/none",
		"--index", "demo/1.0/mixed", "--key", v.key, "--target", file}, files...)
	out, err := v.try(program(v.t, "pinwheel"), args...)
	var j judged
	if errJSON := json.Unmarshal([]byte(out), &j); errJSON != nil {
		v.t.Fatalf("%v; %v\n%s", err, errJSON, out)
	}
	if failed := j.Gates.Result == "fail"; failed != (err != nil) || failed && !strings.Contains(err.Error(), "exit status 9") {
		v.t.Errorf("gates %s, but %v", j.Gates.Result, err)
	}
	return j
}

// errors are the findings that keep the set from users, as "gate rule project".
func (j judged) errors() map[string]bool {
	m := map[string]bool{}
	for _, f := range j.Gates.Findings {
		if f.Severity == "error" {
			m[f.Gate+" "+f.Rule+" "+f.Project] = true
		}
	}
	return m
}

// wheelsOf are the files of a project in a set of real wheels.
func wheelsOf(t testing.TB, set string, projects ...string) []string {
	t.Helper()
	var files []string
	for _, p := range projects {
		found, err := filepath.Glob(filepath.Join(realWheels(t, set), p+"-*.whl"))
		if err != nil || len(found) != 1 {
			t.Fatalf("%s in %s: %v, %v", p, set, found, err)
		}
		files = append(files, found...)
	}
	return files
}

// TestPairsThatInstallAndBreak: what pip installs without a word and what fails
// at import, the gates refuse; and with the other NumPy both agree that it works.
func TestPairsThatInstallAndBreak(t *testing.T) {
	python := python311(t)
	old, fitting := wheelsOf(t, "mixed", "numpy"), wheelsOf(t, "fitting", "numpy")
	pandas := wheelsOf(t, "numpy1", "pandas", "python_dateutil", "pytz", "six", "tzdata")
	for _, tt := range []struct {
		name, project, module, says string
		files                       []string
	}{
		{"shapely 2.0.1", "shapely", "shapely", "numpy.core.multiarray failed to import", wheelsOf(t, "mixed", "shapely")},
		{"pyarrow 14.0.2", "pyarrow", "pyarrow", "numpy.core.multiarray failed to import", wheelsOf(t, "numpy1", "pyarrow")},
		{"pandas 2.0.3", "pandas", "pandas", "numpy.dtype size changed", pandas},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			v := newVendor(t)
			target := "pythons: [\"3.11\"]\nplatforms: [linux_" + machine(t) + "]\nglibc: \"2.28\"\n"
			broken, working := append(tt.files[:len(tt.files):len(tt.files)], old...), append(tt.files[:len(tt.files):len(tt.files)], fitting...)
			if got := v.judge(target, broken...).errors(); !got["numpy legacy "+tt.project] || len(got) != 1 {
				t.Errorf("with NumPy 2 the gates say %v", got)
			}
			if got := v.judge(target, working...).errors(); len(got) != 0 {
				t.Errorf("with NumPy 1 the gates say %v", got)
			}
			if said := importError(t, python, tt.module, broken); !strings.Contains(said, tt.says) {
				t.Errorf("with NumPy 2 the import says %q", said)
			}
			if said := importError(t, python, tt.module, working); said != "" {
				t.Errorf("with NumPy 1 the import says %q", said)
			}
		})
	}
}

// TestTorchThatDoesNotFit is judged by symbols: the metadata asks for no torch.
// What torch itself needs is somewhere else, so two gates are off.
func TestTorchThatDoesNotFit(t *testing.T) {
	v := newVendor(t)
	target := "pythons: [\"3.11\"]\nplatforms: [linux_aarch64]\nglibc: \"2.28\"\ngates: {closure: \"off\", installable: \"off\"}\n"
	j := v.judge(target, wheelsOf(t, "torch", "torch", "torchaudio")...)
	if got := j.errors(); !got["symbols missing torchaudio"] {
		t.Errorf("the gates say %v", got)
	}
}

// importError installs files, and nothing else, with pip, and returns what
// importing a module says, "" if it works.
func importError(t *testing.T, python, module string, files []string) string {
	t.Helper()
	u := newUser(t)
	u.run(python, "-m", "venv", "v")
	venv := filepath.Join(u.home, "v/bin/python")
	u.run(venv, append([]string{"-m", "pip", "install", "--quiet", "--no-index"}, files...)...)
	u.run(venv, "-m", "pip", "check")
	_, err := u.try(venv, "-c", "import "+module)
	if err == nil {
		return ""
	}
	return err.Error()
}

func python311(t testing.TB) string {
	t.Helper()
	python := tools.Need(t, "python")
	if out := newUser(t).run(python, "-c", "import sys; print(sys.version_info[:2] == (3, 11))"); strings.TrimSpace(out) != "True" {
		tools.Missing(t, "needs CPython 3.11 in .tools/py")
	}
	return python
}

func machine(t testing.TB) string {
	t.Helper()
	return strings.TrimSpace(newUser(t).run("uname", "-m"))
}

// TestNoRoomIsNoFaultOfTheWheel: libraries are unpacked into a directory that may
// be missing or full.
func TestNoRoomIsNoFaultOfTheWheel(t *testing.T) {
	u := newUser(t)
	u.env = append(u.env, "TMPDIR="+filepath.Join(u.home, "missing"))
	wheel := wheelsOf(t, "fitting", "numpy")[0]
	for _, args := range [][]string{
		{"check", wheel},
		{"publish", "--to", "oci-layout:layout", "--index", indexName, "--key", "none.key", wheel},
	} {
		if args[0] == "publish" {
			u.run(program(t, "pinwheel"), "key", "new", "--no-password", "none")
		}
		_, err := u.try(program(t, "pinwheel"), args...)
		if err == nil || !strings.Contains(err.Error(), "exit status 1\n") || !strings.Contains(err.Error(), "could not be judged") {
			t.Errorf("%s: %v", args[0], err)
		}
	}
}
